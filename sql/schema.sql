-- What the migrations add up to, to be read. Made by: .venv/bin/python -m tests.write_schema

-- What Canvas has, as of the last complete read of each user.
CREATE SCHEMA mirror;

-- Views and functions for people and dashboards; they change by adding only.
CREATE SCHEMA reporting;

-- What the worker did: instances, runs, batches, failures, candidates for deletion.
CREATE SCHEMA worker;

-- Numbers of claims; a batch is committed only by its latest claim.
CREATE SEQUENCE worker.claims;

-- Superseded versions of channels, one row a change; the present version is in communication_channels.
CREATE TABLE mirror.channel_history (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- Ascending number, for incremental loads.
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    channel_id bigint NOT NULL, -- Canvas id of the channel.
    user_id bigint NOT NULL, -- User who had it in this version.
    type text NOT NULL, -- Type in this version.
    address text NOT NULL, -- Address in this version.
    "position" integer, -- Position in this version.
    workflow_state text NOT NULL, -- State in this version.
    bounce_count integer, -- Number of bounces in this version.
    last_bounce_at timestamp with time zone, -- Last hard bounce in this version.
    last_bounce_summary text, -- Its message.
    last_transient_bounce_at timestamp with time zone, -- Last soft bounce in this version.
    last_transient_bounce_summary text, -- Its message.
    last_suppression_bounce_at timestamp with time zone, -- Last suppression in this version.
    bounce_known boolean NOT NULL, -- Whether the bounce fields had ever been visible.
    created_at timestamp with time zone, -- When Canvas created the channel.
    deleted_at timestamp with time zone, -- Set where the superseded version was a tombstone (the change revived it).
    valid_from timestamp with time zone NOT NULL, -- Time of the read that saw this version first.
    valid_to timestamp with time zone NOT NULL, -- Time of the read that saw the next version first.
    run_id bigint NOT NULL, -- Run that saw the next version (worker.runs.id); it may have been pruned since.
    origin text NOT NULL, -- Who caused the change: canvas (seen by reading) or us (an action of ours).
    PRIMARY KEY (id),
    CHECK ((origin = ANY (ARRAY['canvas'::text, 'us'::text])))
);
CREATE INDEX channel_history_of_channel ON mirror.channel_history USING btree (instance, channel_id, valid_to);

-- One row for each channel ever seen; it lives while deleted_at is null. Superseded versions are in channel_history.
CREATE TABLE mirror.communication_channels (
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    id bigint NOT NULL, -- Canvas id of the channel; a retired channel can come back to life under it.
    user_id bigint NOT NULL, -- Canvas id of the user who has it now; merging users moves channels.
    type text NOT NULL, -- email, sms, push, or any other type that Canvas sends.
    address text NOT NULL, -- Address as Canvas writes it; addresses compare by lower(). For push a translated label.
    "position" integer, -- Order within the user; the active e-mail with the lowest is the default address. Null if Canvas says null.
    workflow_state text NOT NULL, -- active, unconfirmed, ... as last seen; a tombstone keeps the last state of its life.
    bounce_count integer, -- Number of bounces; null if never seen.
    last_bounce_at timestamp with time zone, -- Time of the last hard bounce; one is enough for Canvas to stop sending.
    last_bounce_summary text, -- What the mail server said at the last hard bounce.
    last_transient_bounce_at timestamp with time zone, -- Time of the last soft bounce.
    last_transient_bounce_summary text, -- What the mail server said at the last soft bounce.
    last_suppression_bounce_at timestamp with time zone, -- Time at which the mail provider last suppressed a message.
    bounce_known boolean NOT NULL, -- Whether Canvas ever showed us the bounce fields; if not, their nulls mean "not visible", not "none".
    created_at timestamp with time zone, -- When Canvas created the channel; null if it does not say.
    first_seen_at timestamp with time zone NOT NULL, -- Time of the read that first saw the channel.
    changed_at timestamp with time zone NOT NULL, -- Time of the read that saw the present version first.
    deleted_at timestamp with time zone, -- Time of the second read that proved it gone; null while it lives.
    origin text NOT NULL DEFAULT 'canvas'::text, -- Who created the channel: canvas (seen by reading) or us (an action of ours).
    PRIMARY KEY (instance, id),
    CHECK ((origin = ANY (ARRAY['canvas'::text, 'us'::text])))
);
CREATE INDEX communication_channels_live_of_user ON mirror.communication_channels USING btree (instance, user_id) WHERE (deleted_at IS NULL);

-- Superseded identifiers and states of users; shows a SIS id that changed hands.
CREATE TABLE mirror.user_history (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- Ascending number.
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    user_id bigint NOT NULL, -- Canvas id of the user.
    sis_user_id text, -- SIS id in this version.
    login_id text, -- Login in this version.
    integration_id text, -- Integration id in this version.
    state text NOT NULL, -- State in this version.
    valid_from timestamp with time zone NOT NULL, -- When this version was first seen.
    valid_to timestamp with time zone NOT NULL, -- When the next version was first seen.
    run_id bigint NOT NULL, -- Run that saw the next version; it may have been pruned since.
    PRIMARY KEY (id)
);
CREATE INDEX user_history_of_user ON mirror.user_history USING btree (instance, user_id);

-- Who was walked, those without any channel too.
CREATE TABLE mirror.users (
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    id bigint NOT NULL, -- Canvas id of the user.
    sis_user_id text, -- SIS id as last seen; null if none or not visible.
    login_id text, -- Login as last seen; null if none or not visible.
    integration_id text, -- Integration id as last seen; null if none or not visible.
    state text NOT NULL, -- present; unreadable: the token has no right to read this user; unlisted: fell out of the listing and could not be proved gone, its channels stay; gone: Canvas answers 404.
    listed_in text[] NOT NULL DEFAULT '{}'::text[], -- Accounts whose listing has contained this user.
    first_seen_at timestamp with time zone NOT NULL, -- When the worker first met this user.
    changed_at timestamp with time zone NOT NULL, -- When state or identifiers last changed.
    PRIMARY KEY (instance, id),
    CHECK ((state = ANY (ARRAY['present'::text, 'unreadable'::text, 'unlisted'::text, 'gone'::text])))
);

-- The journal: each create and delete of an approved plan, from planned to settled, with the user's channels before and after.
CREATE TABLE worker.actions (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- Ascending number.
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    plan_id bigint, -- Plan that it belongs to; null for the removal of a push device by hand.
    ordinal integer NOT NULL, -- Place within the plan, from 1.
    run_id bigint, -- Run that did it or tried it last (worker.runs.id); null before.
    user_id bigint NOT NULL, -- Canvas id of the user; 0: somebody who was forgotten.
    kind text NOT NULL, -- create; delete; delete_push: a push device of the token's own user.
    type text NOT NULL, -- Type of the channel.
    address text NOT NULL, -- Address: of a create as the plan writes it, of a delete as Canvas does; empty for somebody who was forgotten.
    channel_id bigint, -- Canvas id of the channel; of a create from its answer on.
    skip_confirmation boolean NOT NULL, -- Whether a create asks Canvas to send no confirmation message.
    status text NOT NULL DEFAULT 'planned'::text, -- planned; started: the call may have been sent; done; existed: somebody else had created it; refused: Canvas says no, not tried again; failed: may be tried again; withheld by a guard; skipped: stale; uncertain: the answer was lost and a look did not show it.
    note text, -- Why it is so.
    messaged boolean NOT NULL DEFAULT false, -- Whether a confirmation message went, or may have gone, to a person.
    attempts integer NOT NULL DEFAULT 0, -- How often it was started.
    started_at timestamp with time zone, -- When it was started last.
    settled_at timestamp with time zone, -- When its present status was written, once it was touched.
    image_before jsonb, -- The user's live channels as read right before the call.
    image_after jsonb, -- The same as read after it.
    os_user text, -- Operating-system user who started it.
    database_role text, -- Database role that wrote it.
    canvas_user_id bigint, -- Canvas user of the token.
    reason text, -- Why, as the person said (--reason).
    unattended boolean NOT NULL DEFAULT false, -- Whether nobody was asked (run --apply auto).
    PRIMARY KEY (id),
    FOREIGN KEY (instance) REFERENCES worker.instances(instance),
    CHECK ((kind = ANY (ARRAY['create'::text, 'delete'::text, 'delete_push'::text]))),
    FOREIGN KEY (plan_id) REFERENCES worker.plans(id),
    UNIQUE (plan_id, ordinal),
    FOREIGN KEY (run_id) REFERENCES worker.runs(id),
    CHECK ((status = ANY (ARRAY['planned'::text, 'started'::text, 'done'::text, 'existed'::text, 'refused'::text, 'failed'::text, 'withheld'::text, 'skipped'::text, 'uncertain'::text])))
);
CREATE INDEX actions_by_time ON worker.actions USING btree (instance, settled_at);
CREATE INDEX actions_of_channel ON worker.actions USING btree (instance, channel_id, id);
CREATE INDEX actions_of_run ON worker.actions USING btree (run_id);
CREATE INDEX actions_unsettled ON worker.actions USING btree (instance) WHERE (status = ANY (ARRAY['started'::text, 'uncertain'::text]));

-- Units of work: some hundred users that are read and committed together.
CREATE TABLE worker.batches (
    run_id bigint NOT NULL, -- Run that it belongs to.
    number integer NOT NULL, -- Order within the run, from 1.
    reason text NOT NULL, -- source: named by the user specs; failed_before: could not be read by an earlier run; missing_from_listing: known from an earlier complete listing, asked for singly.
    user_ids bigint[] NOT NULL, -- Canvas ids of its users, without whoever was forgotten since.
    status text NOT NULL DEFAULT 'pending'::text, -- pending, claimed, done.
    claim bigint, -- Number of the latest claim.
    claim_epoch bigint, -- Epoch of the writer that claimed it; a claim of an older epoch is void.
    claimed_at timestamp with time zone, -- When it was claimed last.
    attempts integer NOT NULL DEFAULT 0, -- How often it was claimed.
    done_at timestamp with time zone, -- When it was committed, in one transaction with what it read.
    users_done integer NOT NULL DEFAULT 0, -- Users read completely.
    users_gone integer NOT NULL DEFAULT 0, -- Users that Canvas does not know any more.
    users_unreadable integer NOT NULL DEFAULT 0, -- Users that the token may not read.
    users_unlisted integer NOT NULL DEFAULT 0, -- Users that fell out of the listing and cannot be proved gone.
    users_failed integer NOT NULL DEFAULT 0, -- Users that could not be read.
    channels_seen integer NOT NULL DEFAULT 0, -- Channels read.
    channels_created integer NOT NULL DEFAULT 0, -- Channels new to the mirror.
    channels_changed integer NOT NULL DEFAULT 0, -- Channels with a new version.
    channels_revived integer NOT NULL DEFAULT 0, -- Tombstones that came back to life.
    channels_moved integer NOT NULL DEFAULT 0, -- Channels that changed their user.
    nul_replaced integer NOT NULL DEFAULT 0, -- Texts in which a NUL character was replaced.
    PRIMARY KEY (run_id, number),
    CHECK ((reason = ANY (ARRAY['source'::text, 'failed_before'::text, 'missing_from_listing'::text]))),
    FOREIGN KEY (run_id) REFERENCES worker.runs(id) ON DELETE CASCADE,
    CHECK ((status = ANY (ARRAY['pending'::text, 'claimed'::text, 'done'::text])))
);
CREATE INDEX batches_open ON worker.batches USING btree (run_id, number) WHERE (status <> 'done'::text);

-- Channels that a complete read did not see any more; a second read must agree before they become tombstones.
CREATE TABLE worker.candidates (
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    channel_id bigint NOT NULL, -- Canvas id of the channel.
    user_id bigint NOT NULL, -- User whose read did not see it.
    run_id bigint NOT NULL, -- Run that made it a candidate.
    read_at timestamp with time zone NOT NULL, -- Time of the first read without it.
    reason text NOT NULL, -- absent: the user was read without it; gone: Canvas does not know the user any more.
    held_run_id bigint, -- First run that held it back, for a person to accept or dismiss; null if none did.
    held_by_brake boolean NOT NULL DEFAULT false, -- Whether the brake held it: then a person has to speak. Otherwise a later plausible run settles it.
    PRIMARY KEY (instance, channel_id),
    CHECK ((reason = ANY (ARRAY['absent'::text, 'gone'::text])))
);
CREATE INDEX candidates_of_user ON worker.candidates USING btree (instance, user_id);

-- Users that a run could not read, and references that it could not resolve.
CREATE TABLE worker.failures (
    run_id bigint NOT NULL, -- Run that failed to read it.
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    reference text NOT NULL, -- The user as the source named it: id:1042, sis_user_id:S1001, ...
    user_id bigint, -- Canvas id; null for a reference that could not be resolved.
    kind text NOT NULL, -- Class of the failure: trouble, incomplete, rejected, forbidden, not_found.
    status integer, -- HTTP status; null if there was no answer.
    message text NOT NULL, -- What happened, without secrets.
    reason text NOT NULL, -- Why the run asked for it, as in worker.batches.
    failed_at timestamp with time zone NOT NULL, -- When.
    resolved_at timestamp with time zone, -- When a later read of the user succeeded; null while it is open. Open ones are tried first by the next run.
    PRIMARY KEY (run_id, reference),
    FOREIGN KEY (run_id) REFERENCES worker.runs(id) ON DELETE CASCADE
);
CREATE INDEX failures_open ON worker.failures USING btree (instance, user_id) WHERE (resolved_at IS NULL);

-- People who were forgotten and are not read again, as keyed hashes of their numbers. It hides them from whoever sees this table alone; whoever has the whole database has the key too, and can test a number.
CREATE TABLE worker.forgotten (
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    digest bytea NOT NULL, -- HMAC-SHA256 of instance, colon and Canvas id, with worker.instances.forgetting_key.
    forgotten_at timestamp with time zone NOT NULL, -- When.
    PRIMARY KEY (instance, digest),
    FOREIGN KEY (instance) REFERENCES worker.instances(instance)
);

-- One row for each Canvas installation: what it is bound to, and who writes for it.
CREATE TABLE worker.instances (
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    origin text, -- Scheme, host and port of its Canvas, fixed at the first run that Canvas answered; another one is refused until db rebind. Null before.
    root_account_id bigint, -- Root account of its Canvas; null where the token may not see it.
    bound_at timestamp with time zone, -- When it was bound.
    epoch bigint NOT NULL DEFAULT 0, -- Raised with each taking of the lock; every commit checks it, so a writer that lost its lock commits nothing.
    holder_backend integer, -- PostgreSQL backend of the connection that took the lock last.
    holder_command text, -- Command that took the lock last.
    holder_host text, -- Machine that it runs on.
    holder_pid integer, -- Its process id.
    holder_user text, -- Operating-system user that started it.
    holder_since timestamp with time zone, -- When it took the lock.
    forgetting_key bytea, -- Random key of worker.forgotten, made when the first person was forgotten. Null before.
    PRIMARY KEY (instance)
);

-- Migrations that this database has.
CREATE TABLE worker.migrations (
    version integer NOT NULL, -- Number of the file in sql/migrations.
    name text NOT NULL, -- Name of the file.
    checksum text NOT NULL, -- sha256 of the file when it was applied.
    applied_at timestamp with time zone NOT NULL DEFAULT now(), -- When.
    PRIMARY KEY (version)
);

-- What [notify] command was told and still holds; a row goes away when it holds no more. Nothing is told of it again before a week has passed; failures are told each time.
CREATE TABLE worker.notices (
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    job text NOT NULL, -- run, backfill or prune.
    event text NOT NULL, -- failed, withheld, partial, plan_waiting or token_expiring.
    fingerprint text NOT NULL, -- SHA-256 of what was told, without its figures: the same thing has the same one.
    told_at timestamp with time zone NOT NULL, -- When it was told last.
    PRIMARY KEY (instance, job, event, fingerprint)
);

-- What a desired state would change at Canvas: shown, approved, then carried out; never more than it says.
CREATE TABLE worker.plans (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- Number of the plan, as the messages name it.
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    origin text NOT NULL, -- Scheme, host and port of the Canvas that it is for.
    status text NOT NULL DEFAULT 'open'::text, -- open; applying; applied; expired; rejected.
    made_at timestamp with time zone NOT NULL, -- When it was made.
    expires_at timestamp with time zone NOT NULL, -- When it can no longer be carried out.
    made_by text NOT NULL, -- Operating-system user who made it.
    document text NOT NULL, -- The desired state that it comes from.
    digest text NOT NULL, -- sha256 of that document.
    fingerprint text NOT NULL, -- sha256 over what is to be done and the state that it assumes.
    creates integer NOT NULL, -- Channels to create.
    deletes integer NOT NULL, -- Channels to delete.
    messages integer NOT NULL, -- Confirmation messages that people would get.
    content jsonb NOT NULL, -- The whole plan, without whoever was forgotten since.
    ended_at timestamp with time zone, -- When it was applied, rejected or found expired.
    ended_by text, -- Operating-system user who ended it.
    reason text, -- Why it was rejected.
    kind text NOT NULL DEFAULT 'document'::text, -- document: from a desired state; undo: the opposite of an apply; hand: channels create or delete.
    begun_at timestamp with time zone, -- When the first apply of it began; null before.
    PRIMARY KEY (id),
    FOREIGN KEY (instance) REFERENCES worker.instances(instance),
    CHECK ((kind = ANY (ARRAY['document'::text, 'undo'::text, 'hand'::text]))),
    CHECK ((status = ANY (ARRAY['open'::text, 'applying'::text, 'applied'::text, 'expired'::text, 'rejected'::text])))
);
CREATE INDEX plans_of_instance ON worker.plans USING btree (instance, id DESC);

-- How far back things reach since older ones were pruned; no row: to the beginning.
CREATE TABLE worker.pruned (
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    subject text NOT NULL, -- What, as a setting of [retention] names it: history, plans, actions, runs.
    reaches_back_to timestamp with time zone NOT NULL, -- What ended before this time may be gone.
    pruned_at timestamp with time zone NOT NULL, -- When it was pruned last.
    PRIMARY KEY (instance, subject),
    FOREIGN KEY (instance) REFERENCES worker.instances(instance),
    CHECK ((subject = ANY (ARRAY['history'::text, 'plans'::text, 'actions'::text, 'runs'::text])))
);

-- One row for each run, backfill or accepted deletion.
CREATE TABLE worker.runs (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- Number of the run, as the messages name it.
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    kind text NOT NULL, -- run, backfill, accept.
    status text NOT NULL DEFAULT 'running'::text, -- running; interrupted (resumable); abandoned (never resumed); done; partial: some users failed; withheld: the brake holds deletions; implausible: coverage too low or nothing seen; failed: it could not begin to read, because of a mistake that a person has to mend.
    exit_code integer, -- Exit code of the command; null while it runs or after a kill.
    message text, -- What a person should know about the end, one sentence each.
    users_spec text[] NOT NULL, -- User specs that it walks.
    source_fingerprint text NOT NULL, -- Hash over specs and the contents of their files; a resumed run must have the same.
    listed boolean NOT NULL DEFAULT false, -- Whether all users of the specs are in batches; if so a resumed run does not list again.
    users_listed jsonb, -- Users that its complete account listings contained, by account; null where it walked none, or not yet to the end.
    started_at timestamp with time zone NOT NULL, -- First start.
    resumed_at timestamp with time zone, -- Last start of a resumed run.
    finished_at timestamp with time zone, -- When it ended in any way it could record.
    users_total bigint NOT NULL DEFAULT 0, -- Users of this run after deduplication, references that could not be resolved included.
    users_done bigint NOT NULL DEFAULT 0, -- Users read completely.
    users_gone bigint NOT NULL DEFAULT 0, -- Users that Canvas does not know any more.
    users_unreadable bigint NOT NULL DEFAULT 0, -- Users that the token may not read.
    users_unlisted bigint NOT NULL DEFAULT 0, -- Users that fell out of the listing and cannot be proved gone.
    users_failed bigint NOT NULL DEFAULT 0, -- Users that could not be read, and references that could not be resolved.
    channels_seen bigint NOT NULL DEFAULT 0, -- Channels in all complete reads.
    channels_created bigint NOT NULL DEFAULT 0, -- Channels new to the mirror.
    channels_changed bigint NOT NULL DEFAULT 0, -- Channels with a new version, revived and moved ones included.
    channels_revived bigint NOT NULL DEFAULT 0, -- Tombstones that came back to life.
    channels_moved bigint NOT NULL DEFAULT 0, -- Channels that changed their user.
    channels_deleted bigint NOT NULL DEFAULT 0, -- Tombstones made.
    deletions_pending bigint NOT NULL DEFAULT 0, -- Deletions of the instance that waited for a person when it ended.
    nul_replaced bigint NOT NULL DEFAULT 0, -- Texts in which a NUL character was replaced by U+FFFD.
    requests bigint NOT NULL DEFAULT 0, -- Requests sent to Canvas, refused and repeated ones included.
    throttled bigint NOT NULL DEFAULT 0, -- Requests that Canvas refused because of its rate limit.
    seconds double precision NOT NULL DEFAULT 0, -- Working time, without the pause before a resumption.
    program_version text NOT NULL, -- Version of sync-worker.
    host text NOT NULL, -- Machine of the last start.
    pid integer NOT NULL, -- Process of the last start.
    started_by text NOT NULL, -- Operating-system user of the last start.
    PRIMARY KEY (id),
    FOREIGN KEY (instance) REFERENCES worker.instances(instance),
    CHECK ((status = ANY (ARRAY['running'::text, 'interrupted'::text, 'abandoned'::text, 'done'::text, 'partial'::text, 'withheld'::text, 'implausible'::text, 'failed'::text])))
);
CREATE INDEX runs_of_instance ON worker.runs USING btree (instance, id DESC);

-- The jobs of [[schedule]], and the latest time for which each was begun: what came after it was missed.
CREATE TABLE worker.schedule (
    job text NOT NULL, -- Kind, cron expression, time zone and instances, as the configuration says them.
    due_at timestamp with time zone NOT NULL, -- The time of the schedule for which it was begun last; for a job that is new, when it was first seen.
    started_at timestamp with time zone NOT NULL, -- When it was begun.
    finished_at timestamp with time zone, -- When it ended; null while it runs, and when it was killed or stopped in the middle: then it is caught up.
    exit_code integer, -- As the command would have ended; null while finished_at is null, and for a job that is new.
    PRIMARY KEY (job)
);

-- The live channels of an instance as the mirror knew them at a time; valid_from: since when. Versions begin and end with the reads that saw them.
CREATE OR REPLACE FUNCTION reporting.channels_as_of(as_of timestamp with time zone, instance text)
 RETURNS TABLE(id bigint, user_id bigint, type text, address text, "position" integer, workflow_state text, bounce_count integer, last_bounce_at timestamp with time zone, last_bounce_summary text, last_transient_bounce_at timestamp with time zone, last_transient_bounce_summary text, last_suppression_bounce_at timestamp with time zone, bounce_known boolean, created_at timestamp with time zone, valid_from timestamp with time zone)
 LANGUAGE sql
 STABLE PARALLEL SAFE
BEGIN ATOMIC
 SELECT c.id,
     c.user_id,
     c.type,
     c.address,
     c."position",
     c.workflow_state,
     c.bounce_count,
     c.last_bounce_at,
     c.last_bounce_summary,
     c.last_transient_bounce_at,
     c.last_transient_bounce_summary,
     c.last_suppression_bounce_at,
     c.bounce_known,
     c.created_at,
     c.changed_at
    FROM mirror.communication_channels c
   WHERE ((c.instance = channels_as_of.instance) AND (c.changed_at <= channels_as_of.as_of) AND (c.deleted_at IS NULL))
 UNION ALL
  SELECT h.channel_id,
     h.user_id,
     h.type,
     h.address,
     h."position",
     h.workflow_state,
     h.bounce_count,
     h.last_bounce_at,
     h.last_bounce_summary,
     h.last_transient_bounce_at,
     h.last_transient_bounce_summary,
     h.last_suppression_bounce_at,
     h.bounce_known,
     h.created_at,
     h.valid_from
    FROM mirror.channel_history h
   WHERE ((h.instance = channels_as_of.instance) AND (h.valid_from <= channels_as_of.as_of) AND (h.valid_to > channels_as_of.as_of) AND (h.deleted_at IS NULL));
END;
