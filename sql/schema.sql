-- What the migrations add up to, to be read. Made by: .venv/bin/python -m tests.write_schema

-- What Canvas has, as of the last complete read of each user.
CREATE SCHEMA mirror;

-- Views and functions for people and dashboards; they change by adding only.
CREATE SCHEMA reporting;

-- The views of reporting for those who may not see addresses: masked as in the logs, without free text and history.
CREATE SCHEMA reporting_masked;

-- What the worker did: instances, runs, batches, failures, candidates for deletion.
CREATE SCHEMA worker;

-- Numbers of changes (reporting.changes.id).
CREATE SEQUENCE mirror.change_numbers;

-- Numbers of claims and of reads. A batch is committed only by its latest claim, which is the number of its reads too; every other read that is written to the mirror draws its own before it begins.
CREATE SEQUENCE worker.claims;

-- Superseded versions of channels, one row a change; the present version is in communication_channels.
CREATE TABLE mirror.channel_history (
    id bigint NOT NULL DEFAULT nextval('mirror.change_numbers'::regclass), -- Ascending number, for incremental loads.
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
    valid_to timestamp with time zone NOT NULL, -- Time of the read that saw the next version first, always later than valid_from: where a clock was set back, a microsecond later.
    run_id bigint NOT NULL, -- Run that saw the next version (worker.runs.id); it may have been pruned since.
    origin text NOT NULL, -- Who caused the change: canvas (seen by reading) or us (an action of ours).
    folded_address text NOT NULL, -- The same of that version's address: by it addresses compare.
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
    address text NOT NULL, -- Address as Canvas writes it; addresses compare by folded_address. For push a translated label.
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
    changed_at timestamp with time zone NOT NULL, -- Time of the read that saw the present version first; never before the version before it: where a clock was set back, a microsecond after that.
    deleted_at timestamp with time zone, -- Time of the second read that proved it gone; null while it lives.
    origin text NOT NULL DEFAULT 'canvas'::text, -- Who created the channel: canvas (seen by reading) or us (an action of ours).
    creation_id bigint NOT NULL DEFAULT nextval('mirror.change_numbers'::regclass), -- Number of its creation in reporting.changes. Channels from before that view have numbers that were given when it was made.
    folded_address text NOT NULL, -- The address with small letters in place of capital ones, in the same way on every server: two addresses of one type are the same to Canvas where these are equal.
    read_epoch bigint NOT NULL DEFAULT 0, -- Epoch of the writer whose read saw the present version first; 0: from before reads were numbered; -1: unread (db repair-times), the next read writes it again. Only a read of a later (read_epoch, read_number) changes the row.
    read_number bigint NOT NULL DEFAULT 0, -- Number of that read within its epoch, drawn before it began (sequence worker.claims).
    PRIMARY KEY (instance, id),
    CHECK ((origin = ANY (ARRAY['canvas'::text, 'us'::text])))
);
CREATE INDEX communication_channels_by_creation ON mirror.communication_channels USING btree (creation_id);
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
    valid_to timestamp with time zone NOT NULL, -- When the next version was first seen, always later than valid_from.
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
    changed_at timestamp with time zone NOT NULL, -- When state or identifiers last changed; never before the version before it, as in communication_channels.
    noted_read_at timestamp with time zone, -- Time of the last complete read, noted when later runs did not read the user completely; worker.recent_reads may know a later one. Null: never noted.
    read_epoch bigint NOT NULL DEFAULT 0, -- Epoch of the writer whose read found the present state; 0: none yet, or from before reads were numbered; -1: unread (db repair-times). An older read changes no state.
    read_number bigint NOT NULL DEFAULT 0, -- Number of that read within its epoch, drawn before it began (sequence worker.claims).
    PRIMARY KEY (instance, id),
    CHECK ((state = ANY (ARRAY['present'::text, 'unreadable'::text, 'unlisted'::text, 'gone'::text])))
);
CREATE INDEX users_not_readable ON mirror.users USING btree (instance, id) WHERE (state = ANY (ARRAY['unreadable'::text, 'unlisted'::text]));

-- The journal: each create and delete of a plan that was begun, with who and why.
CREATE VIEW reporting.actions AS
-- id: Ascending number.
-- instance: Name of the Canvas installation in the configuration.
-- plan_id: Plan that it belongs to; null for the removal of a push device by hand.
-- ordinal: Place within the plan, from 1.
-- run_id: Run that did it or tried it last; null before.
-- user_id: Canvas id of the user; null for somebody who was forgotten.
-- kind: create; delete; delete_push.
-- type: Type of the channel.
-- address: Address: of a create as the plan writes it, of a delete as Canvas does.
-- channel_id: Canvas id of the channel; of a create from its answer on.
-- status: planned; started; done; existed: somebody else had created it; refused; failed; withheld by a guard; skipped: stale; uncertain: the outcome is unknown until two reads agree; unresolved: still unknown after 7 days.
-- note: Why it is so.
-- messaged: Whether a confirmation message went, or may have gone, to a person.
-- attempts: How often it was started.
-- started_at: When it was started last.
-- settled_at: When its present status was written.
-- os_user: Operating-system user who started it.
-- database_role: Database role that wrote it.
-- canvas_user_id: Canvas user of the token.
-- reason: Why, as the person said (--reason).
-- unattended: Whether nobody was asked (run --apply auto).
-- document: What its plan comes from.
 SELECT a.id,
    a.instance,
    a.plan_id,
    a.ordinal,
    a.run_id,
    NULLIF(a.user_id, 0) AS user_id,
    a.kind,
    a.type,
    a.address,
    a.channel_id,
    a.status,
    a.note,
    a.messaged,
    a.attempts,
    a.started_at,
    a.settled_at,
    a.os_user,
    a.database_role,
    a.canvas_user_id,
    a.reason,
    a.unattended,
    p.document
   FROM worker.actions a
     LEFT JOIN worker.plans p ON p.id = a.plan_id;

-- Live channels of which a hard bounce is known. Channels whose bounces are not visible to the token are not here: reporting.freshness counts them.
CREATE VIEW reporting.bouncing_channels AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the channel.
-- user_id: Canvas id of the user who has it.
-- sis_user_id: SIS id of the user as last seen; null if none or not visible.
-- login_id: Login of the user as last seen; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.
-- type: email, sms, push, or any other type that Canvas sends.
-- address: Address as Canvas writes it.
-- domain: Domain of an e-mail address, in lower case; null for other types.
-- workflow_state: active, unconfirmed, ... as last seen.
-- is_default: Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.
-- bounce_count: Number of bounces; null if never seen.
-- last_bounce_at: Time of the last hard bounce.
-- last_bounce_summary: What the mail server said at it.
-- last_transient_bounce_at: Time of the last soft bounce.
-- last_suppression_bounce_at: Time at which the mail provider last suppressed a message.
-- read_at: When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.
-- pending_deletion: Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.
 SELECT instance,
    id,
    user_id,
    sis_user_id,
    login_id,
    user_state,
    type,
    address,
    domain,
    workflow_state,
    COALESCE(id = (( SELECT d.id
           FROM mirror.communication_channels d
          WHERE d.instance = c.instance AND d.user_id = c.user_id AND d.deleted_at IS NULL AND d.type = 'email'::text AND d.workflow_state = 'active'::text
          ORDER BY d."position", d.id
         LIMIT 1)), false) AS is_default,
    bounce_count,
    last_bounce_at,
    last_bounce_summary,
    last_transient_bounce_at,
    last_suppression_bounce_at,
    read_at,
    pending_deletion
   FROM reporting.current_channels c
  WHERE bounce_known AND (last_bounce_at IS NOT NULL OR bounce_count > 0);

-- One row a change, as far back as the history reaches. Other differences, such as a new position, make versions in mirror.channel_history but no row here. Pruning the history removes rows but those of kind created, whose address is then the oldest that is known; forgetting a person removes all of the person.
CREATE VIEW reporting.changes AS
-- id: Ascending number; what one read saw of one channel at once has one number, and (id, kind) is unique. For incremental loads remember the highest id of each instance by itself and ask for what is above: within an instance changes are committed in the order of their ids, so none comes late. Over several instances at once one may.
-- instance: Name of the Canvas installation in the configuration.
-- kind: created; retired: proved gone; revived: a retired one came back; moved: has another user; readdressed: has another address, case aside; confirmed: became active; bounced: a further hard bounce, where bounces had been visible before.
-- origin: Who caused it: canvas (seen by reading) or us (an action of ours).
-- seen_at: Time of the read that saw it; it happened at some time since the read before.
-- channel_id: Canvas id of the channel.
-- user_id: User who has it after the change.
-- old_user_id: User who had it before; null for created.
-- type: Type after the change.
-- address: Address after the change.
-- old_address: Address before it; null for created.
-- workflow_state: State after the change; a retired channel keeps the last state of its life.
-- old_workflow_state: State before it; null for created.
-- run_id: Run that saw or did it (worker.runs.id), which may have been pruned since; null for created.
 SELECT c.creation_id AS id,
    c.instance,
    'created'::text AS kind,
    c.origin,
    c.first_seen_at AS seen_at,
    c.id AS channel_id,
        CASE
            WHEN c.changed_at = c.first_seen_at THEN c.user_id
            ELSE COALESCE(( SELECT f.user_id
               FROM mirror.channel_history f
              WHERE f.instance = c.instance AND f.channel_id = c.id
              ORDER BY f.valid_to
             LIMIT 1), c.user_id)
        END AS user_id,
    NULL::bigint AS old_user_id,
    c.type,
        CASE
            WHEN c.changed_at = c.first_seen_at THEN c.address
            ELSE COALESCE(( SELECT f.address
               FROM mirror.channel_history f
              WHERE f.instance = c.instance AND f.channel_id = c.id
              ORDER BY f.valid_to
             LIMIT 1), c.address)
        END AS address,
    NULL::text AS old_address,
        CASE
            WHEN c.changed_at = c.first_seen_at THEN c.workflow_state
            ELSE COALESCE(( SELECT f.workflow_state
               FROM mirror.channel_history f
              WHERE f.instance = c.instance AND f.channel_id = c.id
              ORDER BY f.valid_to
             LIMIT 1), c.workflow_state)
        END AS workflow_state,
    NULL::text AS old_workflow_state,
    NULL::bigint AS run_id
   FROM mirror.communication_channels c
UNION ALL
 SELECT version_changes.id,
    version_changes.instance,
    version_changes.kind,
    version_changes.origin,
    version_changes.seen_at,
    version_changes.channel_id,
    version_changes.user_id,
    version_changes.old_user_id,
    version_changes.type,
    version_changes.address,
    version_changes.old_address,
    version_changes.workflow_state,
    version_changes.old_workflow_state,
    version_changes.run_id
   FROM worker.version_changes;

-- reporting.changes, counted by day.
CREATE VIEW reporting.changes_by_day AS
-- instance: Name of the Canvas installation in the configuration.
-- day: Day in UTC on which it was seen.
-- kind: As in reporting.changes.
-- origin: Who caused it: canvas or us.
-- changes: How many.
 SELECT instance,
    day,
    kind,
    origin,
    sum(changes)::bigint AS changes
   FROM ( SELECT communication_channels.instance,
            (communication_channels.first_seen_at AT TIME ZONE 'UTC'::text)::date AS day,
            'created'::text AS kind,
            communication_channels.origin,
            count(*) AS changes
           FROM mirror.communication_channels
          GROUP BY communication_channels.instance, ((communication_channels.first_seen_at AT TIME ZONE 'UTC'::text)::date), communication_channels.origin
        UNION ALL
         SELECT d.instance,
            d.day,
            k.kind,
            d.origin,
            k.changes
           FROM ( SELECT successions.instance,
                    (successions.seen_at AT TIME ZONE 'UTC'::text)::date AS day,
                    successions.origin,
                    count(*) FILTER (WHERE successions.retired) AS retired,
                    count(*) FILTER (WHERE successions.revived) AS revived,
                    count(*) FILTER (WHERE successions.moved) AS moved,
                    count(*) FILTER (WHERE successions.readdressed) AS readdressed,
                    count(*) FILTER (WHERE successions.confirmed) AS confirmed,
                    count(*) FILTER (WHERE successions.bounced) AS bounced
                   FROM worker.successions
                  GROUP BY successions.instance, ((successions.seen_at AT TIME ZONE 'UTC'::text)::date), successions.origin) d
             CROSS JOIN LATERAL ( VALUES ('retired'::text,d.retired), ('revived'::text,d.revived), ('moved'::text,d.moved), ('readdressed'::text,d.readdressed), ('confirmed'::text,d.confirmed), ('bounced'::text,d.bounced)) k(kind, changes)
          WHERE k.changes > 0) counted
  GROUP BY instance, day, kind, origin;

-- How far Canvas was from the desired state, each time that was looked at.
CREATE VIEW reporting.comparisons AS
-- id: Ascending number.
-- instance: Name of the Canvas installation in the configuration.
-- document: The desired state.
-- compared_at: When that was known.
-- compared_by: Operating-system user who compared.
-- users: Users of the document that were compared.
-- users_differing: Those who lacked something, or had too much.
-- users_unresolved: References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.
-- creates: Channels that were missing.
-- deletes: Channels that were to go.
-- changes: Both together.
-- plan_id: Plan that says which; null where nothing differed, or once it is pruned.
 SELECT id,
    instance,
    document,
    compared_at,
    compared_by,
    users,
    users_differing,
    users_unresolved,
    creates,
    deletes,
    creates + deletes AS changes,
    plan_id
   FROM worker.comparisons;

-- The live channels, one row each, those included whose deletion is held back (pending_deletion). Leave out read_at and is_default where they are not needed: what is not asked for costs nothing.
CREATE VIEW reporting.current_channels AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the channel.
-- user_id: Canvas id of the user who has it.
-- sis_user_id: SIS id of the user as last seen; null if none or not visible.
-- login_id: Login of the user as last seen; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.
-- type: email, sms, push, or any other type that Canvas sends.
-- address: Address as Canvas writes it.
-- domain: Domain of an e-mail address, in lower case; null for other types.
-- position: Order within the user; null if Canvas says null.
-- workflow_state: active, unconfirmed, ... as last seen.
-- is_default: Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.
-- confirmed: Whether its state is active.
-- bounce_known: Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.
-- bouncing: Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.
-- bounce_count: Number of bounces; null if never seen.
-- last_bounce_at: Time of the last hard bounce.
-- last_bounce_summary: What the mail server said at it.
-- last_transient_bounce_at: Time of the last soft bounce.
-- last_suppression_bounce_at: Time at which the mail provider last suppressed a message.
-- created_at: When Canvas created the channel; null if it does not say.
-- first_seen_at: Time of the read that first saw the channel.
-- changed_at: Time of the read that saw the present version first.
-- read_at: When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.
-- pending_deletion: Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.
-- origin: Who created the channel: canvas (seen by reading) or us (an action of ours).
 SELECT c.instance,
    c.id,
    c.user_id,
    u.sis_user_id,
    u.login_id,
    u.state AS user_state,
    c.type,
    c.address,
        CASE
            WHEN c.type = 'email'::text AND strpos(c.address, '@'::text) > 0 THEN NULLIF(split_part(c.folded_address, '@'::text, '-1'::integer), ''::text)
            ELSE NULL::text
        END AS domain,
    c."position",
    c.workflow_state,
    d.id IS NOT NULL AS is_default,
    c.workflow_state = 'active'::text AS confirmed,
    c.bounce_known,
        CASE
            WHEN c.bounce_known THEN c.last_bounce_at IS NOT NULL OR COALESCE(c.bounce_count, 0) > 0
            ELSE NULL::boolean
        END AS bouncing,
    c.bounce_count,
    c.last_bounce_at,
    c.last_bounce_summary,
    c.last_transient_bounce_at,
    c.last_suppression_bounce_at,
    c.created_at,
    c.first_seen_at,
    c.changed_at,
    GREATEST(l.read_at, u.noted_read_at) AS read_at,
    p.channel_id IS NOT NULL AS pending_deletion,
    c.origin
   FROM mirror.communication_channels c
     LEFT JOIN mirror.users u ON u.instance = c.instance AND u.id = c.user_id
     LEFT JOIN worker.candidates p ON p.instance = c.instance AND p.channel_id = c.id AND p.held_run_id IS NOT NULL
     LEFT JOIN ( SELECT DISTINCT ON (communication_channels.instance, communication_channels.user_id) communication_channels.instance,
            communication_channels.user_id,
            communication_channels.id
           FROM mirror.communication_channels
          WHERE communication_channels.deleted_at IS NULL AND communication_channels.type = 'email'::text AND communication_channels.workflow_state = 'active'::text
          ORDER BY communication_channels.instance, communication_channels.user_id, communication_channels."position", communication_channels.id) d ON d.instance = c.instance AND d.user_id = c.user_id AND d.id = c.id
     LEFT JOIN worker.recent_reads l ON l.instance = c.instance AND l.user_id = c.user_id
  WHERE c.deleted_at IS NULL;

-- E-mail domains of the live channels.
CREATE VIEW reporting.domains AS
-- instance: Name of the Canvas installation in the configuration.
-- domain: Domain in lower case; null: addresses without one.
-- users: Users with a live e-mail address in it.
-- channels: Live e-mail channels.
-- active_channels: Confirmed ones.
-- unconfirmed_channels: Unconfirmed ones.
-- bouncing_channels: Those of which a hard bounce is known; null where no bounce of the domain is visible to the token.
-- bounce_unknown_channels: Those whose bounces are not visible to the token.
 SELECT instance,
    domain,
    count(*) AS users,
    sum(channels)::bigint AS channels,
    sum(active)::bigint AS active_channels,
    sum(unconfirmed)::bigint AS unconfirmed_channels,
        CASE
            WHEN sum(unknown) < sum(channels) THEN sum(bouncing)::bigint
            ELSE NULL::bigint
        END AS bouncing_channels,
    sum(unknown)::bigint AS bounce_unknown_channels
   FROM ( SELECT current_channels.instance,
            current_channels.domain,
            current_channels.user_id,
            count(*) AS channels,
            count(*) FILTER (WHERE current_channels.confirmed) AS active,
            count(*) FILTER (WHERE current_channels.workflow_state = 'unconfirmed'::text) AS unconfirmed,
            count(*) FILTER (WHERE current_channels.bouncing) AS bouncing,
            count(*) FILTER (WHERE NOT current_channels.bounce_known) AS unknown
           FROM reporting.current_channels
          WHERE current_channels.type = 'email'::text
          GROUP BY current_channels.instance, current_channels.domain, current_channels.user_id) people
  GROUP BY instance, domain;

-- How far Canvas is from each desired state, as of the last comparison and what its plan has done since; one row for each document that was ever compared.
CREATE VIEW reporting.drift AS
-- instance: Name of the Canvas installation in the configuration.
-- document: The desired state.
-- compared_at: When it was compared last.
-- users: Users of the document that were compared.
-- users_differing: Those who lacked something, or had too much.
-- users_unresolved: References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.
-- creates: Channels that were missing.
-- deletes: Channels that were to go.
-- creates_left: The same, without those that the plan has created since and nobody has taken back.
-- deletes_left: The same, without those that the plan has deleted since and nobody has taken back.
-- plan_id: Plan that says which; null where nothing differed, or once it is pruned.
-- plan_status: Its state, as in reporting.plans.
-- comparison_id: Number of the comparison in reporting.comparisons.
 SELECT c.instance,
    c.document,
    c.compared_at,
    c.users,
    c.users_differing,
    c.users_unresolved,
    c.creates,
    c.deletes,
    c.creates - COALESCE(d.creates, 0::bigint) AS creates_left,
    c.deletes - COALESCE(d.deletes, 0::bigint) AS deletes_left,
    c.plan_id,
    p.status AS plan_status,
    c.id AS comparison_id
   FROM ( SELECT DISTINCT ON (comparisons.instance, comparisons.document) comparisons.id,
            comparisons.instance,
            comparisons.document,
            comparisons.digest,
            comparisons.compared_at,
            comparisons.compared_by,
            comparisons.users,
            comparisons.users_differing,
            comparisons.users_unresolved,
            comparisons.creates,
            comparisons.deletes,
            comparisons.plan_id
           FROM worker.comparisons
          ORDER BY comparisons.instance, comparisons.document, comparisons.id DESC) c
     LEFT JOIN reporting.plans p ON p.id = c.plan_id
     LEFT JOIN LATERAL ( SELECT count(*) FILTER (WHERE a.kind = 'create'::text) AS creates,
            count(*) FILTER (WHERE a.kind = 'delete'::text) AS deletes
           FROM worker.actions a
          WHERE a.plan_id = c.plan_id AND (a.status = ANY (ARRAY['done'::text, 'existed'::text])) AND NOT (a.id IN ( SELECT undone_actions.id
                   FROM worker.undone_actions))) d ON true;

-- What each desired state still asks for, as of its last comparison and what the plan of it has done since: one row for each channel.
CREATE VIEW reporting.drift_changes AS
-- instance: Name of the Canvas installation in the configuration.
-- document: The desired state.
-- compared_at: When it was compared last.
-- plan_id: Plan that would do it.
-- user_id: Canvas id of the user.
-- kind: create: it is missing at Canvas; delete: it is to go.
-- type: Type of the channel.
-- address: Address: of a create as the document writes it, of a delete as Canvas does.
-- channel_id: Canvas id of the channel that is to go; null for one that is missing.
-- reason: What the document says about it.
-- action_status: What an apply has come to with it, as in reporting.actions; null: none has tried; done: and taken back since.
 SELECT d.instance,
    d.document,
    d.compared_at,
    d.plan_id,
    (e.change ->> 'user_id'::text)::bigint AS user_id,
    e.change ->> 'kind'::text AS kind,
    e.change ->> 'type'::text AS type,
    e.change ->> 'address'::text AS address,
    (e.change ->> 'channel_id'::text)::bigint AS channel_id,
    e.change ->> 'reason'::text AS reason,
    a.status AS action_status
   FROM reporting.drift d
     JOIN worker.plans p ON p.id = d.plan_id
     CROSS JOIN LATERAL jsonb_array_elements(p.content -> 'users'::text) u(planned)
     CROSS JOIN LATERAL jsonb_array_elements((u.planned -> 'diff'::text) -> 'changes'::text) e(change)
     LEFT JOIN worker.actions a ON a.plan_id = p.id AND a.user_id = ((e.change ->> 'user_id'::text)::bigint) AND a.kind = (e.change ->> 'kind'::text) AND a.type = (e.change ->> 'type'::text) AND a.address = (e.change ->> 'address'::text)
  WHERE a.id IS NULL OR (a.status <> ALL (ARRAY['done'::text, 'existed'::text])) OR (a.id IN ( SELECT undone_actions.id
           FROM worker.undone_actions));

-- Users that a run could not read, and references that it could not resolve.
CREATE VIEW reporting.failures AS
-- run_id: Run that failed to read it.
-- instance: Name of the Canvas installation in the configuration.
-- reference: The user as the source named it: id:1042, sis_user_id:S1001, ...
-- user_id: Canvas id; null for a reference that could not be resolved.
-- kind: Class of the failure: trouble, incomplete, rejected, forbidden, not_found.
-- status: HTTP status; null if there was no answer.
-- message: What happened, without secrets.
-- failed_at: When.
-- resolved_at: When a later read of the user succeeded; null while it is open.
-- is_open: Whether it is: then the next run tries it first.
 SELECT run_id,
    instance,
    reference,
    user_id,
    kind,
    status,
    message,
    failed_at,
    resolved_at,
    resolved_at IS NULL AS is_open
   FROM worker.failures;

-- How fresh and how complete the mirror is, one row for each instance that was ever bound or run.
CREATE VIEW reporting.freshness AS
-- instance: Name of the Canvas installation in the configuration.
-- users_present: Users that are there and can be read.
-- users_unreadable: Users that the token may not read.
-- users_unlisted: Users that fell out of the listing and cannot be proved gone.
-- users_gone: Users that Canvas does not know any more.
-- users_never_read: Present users of whom no complete read is known.
-- oldest_read_at: The complete read that is longest ago, of those present users that have one.
-- median_read_at: Half of these users were read at this time or later.
-- newest_read_at: The latest one.
-- read_within_day: Present users read completely within the last 24 hours; a read that lies in the future (a clock was wrong) does not count.
-- read_within_week: The same within the last 7 days.
-- channels_live: Live channels.
-- channels_bounce_unknown: Live e-mail channels whose bounces are not visible to the token.
-- channels_bouncing: Live e-mail channels of which a hard bounce is known; null where no bounce is visible.
-- deletions_pending: Deletions held back.
-- open_failures: Users and references that could not be read and have not been since.
-- last_good_run_id: The last run or backfill that came to a good end, over whomever.
-- last_good_run_at: End of the last good run; in the future where a clock was wrong: then nobody knows how old the mirror is.
-- last_coverage_percent: Users read completely or gone, of all of that run.
 SELECT i.instance,
    u.present AS users_present,
    u.unreadable AS users_unreadable,
    u.unlisted AS users_unlisted,
    u.gone AS users_gone,
    u.never_read AS users_never_read,
    u.oldest_read_at,
    u.median_read_at,
    u.newest_read_at,
    u.within_day AS read_within_day,
    u.within_week AS read_within_week,
    c.live AS channels_live,
    c.unknown AS channels_bounce_unknown,
        CASE
            WHEN c.known > 0 THEN c.bouncing
            ELSE NULL::bigint
        END AS channels_bouncing,
    ( SELECT count(*) AS count
           FROM worker.candidates p
          WHERE p.instance = i.instance AND p.held_run_id IS NOT NULL) AS deletions_pending,
    ( SELECT count(DISTINCT f.reference) AS count
           FROM worker.failures f
          WHERE f.instance = i.instance AND f.resolved_at IS NULL) AS open_failures,
    r.id AS last_good_run_id,
    r.finished_at AS last_good_run_at,
    r.coverage_percent AS last_coverage_percent
   FROM worker.instances i
     CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE u_1.state = 'present'::text) AS present,
            count(*) FILTER (WHERE u_1.state = 'unreadable'::text) AS unreadable,
            count(*) FILTER (WHERE u_1.state = 'unlisted'::text) AS unlisted,
            count(*) FILTER (WHERE u_1.state = 'gone'::text) AS gone,
            count(*) FILTER (WHERE u_1.state = 'present'::text AND k.read_at IS NULL) AS never_read,
            min(k.read_at) FILTER (WHERE u_1.state = 'present'::text) AS oldest_read_at,
            percentile_disc(0.5::double precision) WITHIN GROUP (ORDER BY k.read_at) FILTER (WHERE u_1.state = 'present'::text) AS median_read_at,
            max(k.read_at) FILTER (WHERE u_1.state = 'present'::text) AS newest_read_at,
            count(*) FILTER (WHERE u_1.state = 'present'::text AND k.read_at > ((( SELECT reporting.present_time() AS present_time)) - '1 day'::interval) AND k.read_at <= ((( SELECT reporting.present_time() AS present_time)) + '00:05:00'::interval)) AS within_day,
            count(*) FILTER (WHERE u_1.state = 'present'::text AND k.read_at > ((( SELECT reporting.present_time() AS present_time)) - '7 days'::interval) AND k.read_at <= ((( SELECT reporting.present_time() AS present_time)) + '00:05:00'::interval)) AS within_week
           FROM mirror.users u_1
             LEFT JOIN worker.recent_reads l ON l.instance = u_1.instance AND l.user_id = u_1.id
             CROSS JOIN LATERAL ( SELECT GREATEST(l.read_at, u_1.noted_read_at) AS read_at) k
          WHERE u_1.instance = i.instance) u
     CROSS JOIN LATERAL ( SELECT count(*) AS live,
            count(*) FILTER (WHERE c_1.type = 'email'::text AND NOT c_1.bounce_known) AS unknown,
            count(*) FILTER (WHERE c_1.type = 'email'::text AND c_1.bounce_known) AS known,
            count(*) FILTER (WHERE c_1.type = 'email'::text AND c_1.bounce_known AND (c_1.last_bounce_at IS NOT NULL OR c_1.bounce_count > 0)) AS bouncing
           FROM mirror.communication_channels c_1
          WHERE c_1.instance = i.instance AND c_1.deleted_at IS NULL) c
     LEFT JOIN LATERAL ( SELECT r_1.id,
            r_1.finished_at,
            r_1.coverage_percent
           FROM reporting.runs r_1
          WHERE r_1.instance = i.instance AND (r_1.kind = ANY (ARRAY['run'::text, 'backfill'::text])) AND (r_1.status = ANY (ARRAY['done'::text, 'partial'::text, 'withheld'::text])) AND r_1.finished_at IS NOT NULL
          ORDER BY r_1.id DESC
         LIMIT 1) r ON true;

-- Identifiers that changed hands: a SIS id, login or integration id that was seen with one Canvas user and then with another. What a document says of it may mean another person now.
CREATE VIEW reporting.identity_changes AS
-- instance: Name of the Canvas installation in the configuration.
-- identifier: sis_user_id, login_id or integration_id.
-- value: The identifier.
-- former_user_id: Canvas user who had it before.
-- former_state: That user's state now, as in mirror.users.
-- new_user_id: Canvas user who has or had it after that.
-- seen_at: When it was first seen with the new one.
 WITH suspects AS (
         SELECT user_history.instance,
            user_history.sis_user_id,
            user_history.login_id,
            user_history.integration_id
           FROM mirror.user_history
        UNION
         SELECT users.instance,
            users.sis_user_id,
            users.login_id,
            users.integration_id
           FROM mirror.users
          WHERE users.state <> 'present'::text
        ), versions AS (
         SELECT users.instance,
            users.id AS user_id,
            users.sis_user_id,
            users.login_id,
            users.integration_id,
            users.changed_at AS since,
            NULL::timestamp with time zone AS until
           FROM mirror.users
        UNION ALL
         SELECT user_history.instance,
            user_history.user_id,
            user_history.sis_user_id,
            user_history.login_id,
            user_history.integration_id,
            user_history.valid_from,
            user_history.valid_to
           FROM mirror.user_history
        ), held AS (
         SELECT versions.instance,
            versions.user_id,
            'sis_user_id'::text AS identifier,
            versions.sis_user_id AS value,
            versions.since,
            versions.until
           FROM versions
          WHERE ((versions.instance, versions.sis_user_id) IN ( SELECT suspects.instance,
                    suspects.sis_user_id
                   FROM suspects))
        UNION ALL
         SELECT versions.instance,
            versions.user_id,
            'login_id'::text,
            versions.login_id,
            versions.since,
            versions.until
           FROM versions
          WHERE ((versions.instance, versions.login_id) IN ( SELECT suspects.instance,
                    suspects.login_id
                   FROM suspects))
        UNION ALL
         SELECT versions.instance,
            versions.user_id,
            'integration_id'::text,
            versions.integration_id,
            versions.since,
            versions.until
           FROM versions
          WHERE ((versions.instance, versions.integration_id) IN ( SELECT suspects.instance,
                    suspects.integration_id
                   FROM suspects))
        ), shared AS (
         SELECT held.instance,
            held.identifier,
            held.value
           FROM held
          GROUP BY held.instance, held.identifier, held.value
         HAVING min(held.user_id) <> max(held.user_id)
        ), seen AS (
         SELECT h.instance,
            h.user_id,
            h.identifier,
            h.value,
            h.since,
            h.until,
            NOT lag(h.until) OVER (PARTITION BY h.instance, h.identifier, h.value, h.user_id ORDER BY h.since) IS DISTINCT FROM h.since AS goes_on
           FROM held h
             JOIN shared s ON s.instance = h.instance AND s.identifier = h.identifier AND s.value = h.value
        ), taken AS (
         SELECT seen.instance,
            seen.identifier,
            seen.value,
            seen.user_id,
            seen.since,
            lag(seen.user_id) OVER (PARTITION BY seen.instance, seen.identifier, seen.value ORDER BY seen.since, seen.user_id) AS former_user_id
           FROM seen
          WHERE NOT seen.goes_on
        )
 SELECT t.instance,
    t.identifier,
    t.value,
    t.former_user_id,
    u.state AS former_state,
    t.user_id AS new_user_id,
    t.since AS seen_at
   FROM taken t
     LEFT JOIN mirror.users u ON u.instance = t.instance AND u.id = t.former_user_id
  WHERE t.former_user_id <> t.user_id;

-- Live channels that Canvas did not show any more, and whose deletion is held back.
CREATE VIEW reporting.pending_deletions AS
-- instance: Name of the Canvas installation in the configuration.
-- channel_id: Canvas id of the channel.
-- user_id: User whose read did not show it.
-- sis_user_id: SIS id of the user as last seen; null if none or not visible.
-- login_id: Login of the user as last seen; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users.
-- type: Its type.
-- address: Address as Canvas writes it.
-- workflow_state: active, unconfirmed, ... as last seen.
-- reason: absent: the user was read without it; gone: Canvas does not know the user any more.
-- absent_since: Time of the first read without it.
-- held_run_id: Run that held it back first: the number for `pending accept` and `pending dismiss`.
-- waits_for: person: the brake holds it, and somebody has to speak; run: a later plausible run settles it.
-- run_message: What that run said.
 SELECT p.instance,
    p.channel_id,
    p.user_id,
    u.sis_user_id,
    u.login_id,
    u.state AS user_state,
    c.type,
    c.address,
    c.workflow_state,
    p.reason,
    p.read_at AS absent_since,
    p.held_run_id,
        CASE
            WHEN p.held_by_brake THEN 'person'::text
            ELSE 'run'::text
        END AS waits_for,
    r.message AS run_message
   FROM worker.candidates p
     JOIN mirror.communication_channels c ON c.instance = p.instance AND c.id = p.channel_id
     LEFT JOIN mirror.users u ON u.instance = p.instance AND u.id = p.user_id
     LEFT JOIN worker.runs r ON r.id = p.held_run_id
  WHERE p.held_run_id IS NOT NULL;

-- The saved plans, without their contents.
CREATE VIEW reporting.plans AS
-- id: Number of the plan.
-- instance: Name of the Canvas installation in the configuration.
-- kind: document: from a desired state; undo: the opposite of an apply; hand: channels create or delete.
-- status: open; applying; applied; expired; rejected. An open one that is past expires_at counts as expired, whether or not that was written down yet.
-- made_at: When it was made.
-- made_by: Operating-system user who made it.
-- document: What it comes from.
-- expires_at: When it can no longer be carried out.
-- begun_at: When the first apply of it began; null before.
-- ended_at: When it was applied, rejected or found expired.
-- ended_by: Operating-system user who ended it.
-- reason: Why it was rejected.
-- creates: Channels to create.
-- deletes: Channels to delete.
-- messages: Confirmation messages that people would get.
-- actions_done: Actions that are done, somebody else's creates (existed) included.
-- actions_not_done: Actions that were begun or set aside and are not done.
 SELECT p.id,
    p.instance,
    p.kind,
        CASE
            WHEN p.status = 'open'::text AND p.expires_at <= (( SELECT reporting.present_time() AS present_time)) THEN 'expired'::text
            ELSE p.status
        END AS status,
    p.made_at,
    p.made_by,
    p.document,
    p.expires_at,
    p.begun_at,
    p.ended_at,
    p.ended_by,
    p.reason,
    p.creates,
    p.deletes,
    p.messages,
    COALESCE(a.done, 0::bigint) AS actions_done,
    COALESCE(a.others, 0::bigint) AS actions_not_done
   FROM worker.plans p
     LEFT JOIN ( SELECT actions.plan_id,
            count(*) FILTER (WHERE actions.status = ANY (ARRAY['done'::text, 'existed'::text])) AS done,
            count(*) FILTER (WHERE actions.status <> ALL (ARRAY['done'::text, 'existed'::text])) AS others
           FROM worker.actions
          GROUP BY actions.plan_id) a ON a.plan_id = p.id;

-- The runs with their throughput.
CREATE VIEW reporting.runs AS
-- id: Number of the run.
-- instance: Name of the Canvas installation in the configuration.
-- kind: run, backfill, accept, apply, ...
-- status: running, interrupted, abandoned, done, partial, withheld, implausible, failed: as in worker.runs.
-- exit_code: Exit code of the command; null while it runs or after a kill.
-- message: What a person should know about the end.
-- users_spec: User specs that it walks.
-- started_at: First start.
-- resumed_at: Last start of a resumed run.
-- finished_at: When it ended in any way it could record.
-- seconds: Working time, without the pause before a resumption.
-- users_total: Users of this run after deduplication; this and what follows is 0 until it ends.
-- users_done: Users read completely.
-- users_gone: Users that Canvas does not know any more.
-- users_unreadable: Users that the token may not read.
-- users_unlisted: Users that fell out of the listing and cannot be proved gone.
-- users_failed: Users that could not be read, and references that could not be resolved.
-- coverage_percent: Users read completely or gone, of all of the run; null where it had none.
-- channels_seen: Channels in all complete reads.
-- channels_created: Channels new to the mirror.
-- channels_changed: Channels with a new version.
-- channels_deleted: Tombstones made.
-- deletions_pending: Deletions of the instance that waited when it ended.
-- requests: Requests sent to Canvas, refused and repeated ones included.
-- throttled: Requests that Canvas refused because of its rate limit.
-- throttled_percent: The same, of the requests; null where there were none.
-- requests_per_second: Requests by working time; null where that is not known.
-- users_per_second: Users of the run by working time; null where that is not known.
-- program_version: Version of sync-worker.
-- host: Machine of the last start.
-- started_by: Operating-system user of the last start.
-- requests_per_second_limit: What the rate limit would have borne, at the cost and the time that the answers took; null where the answers did not say.
 SELECT id,
    instance,
    kind,
    status,
    exit_code,
    message,
    users_spec,
    started_at,
    resumed_at,
    finished_at,
    seconds,
    users_total,
    users_done,
    users_gone,
    users_unreadable,
    users_unlisted,
    users_failed,
    round(100.0 * (users_done + users_gone)::numeric / NULLIF(users_total, 0)::numeric, 2) AS coverage_percent,
    channels_seen,
    channels_created,
    channels_changed,
    channels_deleted,
    deletions_pending,
    requests,
    throttled,
    round(100.0 * throttled::numeric / NULLIF(requests, 0)::numeric, 2) AS throttled_percent,
    round((requests::double precision / NULLIF(seconds, 0::double precision))::numeric, 1) AS requests_per_second,
    round((users_total::double precision / NULLIF(seconds, 0::double precision))::numeric, 1) AS users_per_second,
    program_version,
    host,
    started_by,
    round((requests_possible / NULLIF(seconds, 0::double precision))::numeric, 1) AS requests_per_second_limit
   FROM worker.runs;

-- Addresses that several users have, case aside; push labels are no addresses and are left out.
CREATE VIEW reporting.shared_addresses AS
-- instance: Name of the Canvas installation in the configuration.
-- type: Type of the channels.
-- address: The address in lower case.
-- users: How many users have it.
-- user_ids: Their Canvas ids.
-- channels: Channels with it.
-- active_channels: Confirmed ones among them.
-- user_states: The states of these users that occur, as in mirror.users.
 SELECT instance,
    type,
    address,
    users,
    user_ids,
    channels,
    active_channels,
    ( SELECT array_agg(DISTINCT u.state) AS array_agg
           FROM mirror.users u
          WHERE u.instance = g.instance AND (u.id = ANY (g.user_ids))) AS user_states
   FROM ( SELECT c.instance,
            c.type,
            c.folded_address AS address,
            count(DISTINCT c.user_id) AS users,
            array_agg(DISTINCT c.user_id) AS user_ids,
            count(*) AS channels,
            count(*) FILTER (WHERE c.workflow_state = 'active'::text) AS active_channels
           FROM ( SELECT communication_channels.instance,
                    hashtextextended(communication_channels.folded_address, 0::bigint) AS hash
                   FROM mirror.communication_channels
                  WHERE communication_channels.deleted_at IS NULL AND communication_channels.type <> 'push'::text
                  GROUP BY communication_channels.instance, (hashtextextended(communication_channels.folded_address, 0::bigint))
                 HAVING min(communication_channels.user_id) <> max(communication_channels.user_id)) s
             JOIN mirror.communication_channels c ON c.instance = s.instance AND hashtextextended(c.folded_address, 0::bigint) = s.hash AND c.deleted_at IS NULL AND c.type <> 'push'::text
          GROUP BY c.instance, c.type, c.folded_address
         HAVING min(c.user_id) <> max(c.user_id)) g;

-- Live channels that nobody has confirmed.
CREATE VIEW reporting.unconfirmed_channels AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the channel.
-- user_id: Canvas id of the user who has it.
-- sis_user_id: SIS id of the user as last seen; null if none or not visible.
-- login_id: Login of the user as last seen; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.
-- type: email, sms, push, or any other type that Canvas sends.
-- address: Address as Canvas writes it.
-- domain: Domain of an e-mail address, in lower case; null for other types.
-- unconfirmed_since: Since when: when Canvas created it, unless it was brought back or lost its confirmation later; then when that was seen. Where Canvas does not say, when it was first seen.
-- created_at: When Canvas created the channel; null if it does not say.
-- first_seen_at: Time of the read that first saw the channel.
-- bounce_known: Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.
-- bouncing: Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.
-- read_at: When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.
-- pending_deletion: Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.
-- origin: Who created the channel: canvas (seen by reading) or us (an action of ours).
 SELECT c.instance,
    c.id,
    c.user_id,
    c.sis_user_id,
    c.login_id,
    c.user_state,
    c.type,
    c.address,
    c.domain,
    COALESCE(h.valid_to, c.created_at, c.first_seen_at) AS unconfirmed_since,
    c.created_at,
    c.first_seen_at,
    c.bounce_known,
    c.bouncing,
    c.read_at,
    c.pending_deletion,
    c.origin
   FROM reporting.current_channels c
     LEFT JOIN LATERAL ( SELECT max(h_1.valid_to) AS valid_to
           FROM mirror.channel_history h_1
          WHERE h_1.instance = c.instance AND h_1.channel_id = c.id AND (h_1.deleted_at IS NOT NULL OR h_1.workflow_state <> 'unconfirmed'::text)) h ON true
  WHERE c.workflow_state = 'unconfirmed'::text;

-- Present users to whom Canvas sends no mail: no active e-mail address without a bounce. Users whose bounces are not visible are not here, because nobody knows: reporting.users.reachable is null for them. What is held back from deletion counts as there.
CREATE VIEW reporting.unreachable_users AS
-- instance: Name of the Canvas installation in the configuration.
-- user_id: Canvas id of the user.
-- sis_user_id: SIS id as last seen; null if none or not visible.
-- login_id: Login as last seen; null if none or not visible.
-- reason: no channels; no e-mail; unconfirmed: e-mail, but none confirmed; bouncing: every active e-mail bounces.
-- channels: Live channels, of any type.
-- emails: E-mail channels among them.
-- active_emails: Active ones among these; all of them bounce.
-- pending_deletions: Live channels whose deletion is held back.
-- read_at: When the user was last read completely, or found gone; null: never, or that was pruned.
 SELECT u.instance,
    u.id AS user_id,
    u.sis_user_id,
    u.login_id,
        CASE
            WHEN n.channels = 0 THEN 'no channels'::text
            WHEN n.emails = 0 THEN 'no e-mail'::text
            WHEN n.active_emails = 0 THEN 'unconfirmed'::text
            ELSE 'bouncing'::text
        END AS reason,
    n.channels,
    n.emails,
    n.active_emails,
    ( SELECT count(*) AS count
           FROM worker.candidates p
          WHERE p.instance = u.instance AND p.user_id = u.id AND p.held_run_id IS NOT NULL) AS pending_deletions,
    GREATEST(l.read_at, u.noted_read_at) AS read_at
   FROM mirror.users u
     LEFT JOIN worker.recent_reads l ON l.instance = u.instance AND l.user_id = u.id
     CROSS JOIN LATERAL ( SELECT count(*) AS channels,
            count(*) FILTER (WHERE c.type = 'email'::text) AS emails,
            count(*) FILTER (WHERE c.type = 'email'::text AND c.workflow_state = 'active'::text) AS active_emails
           FROM mirror.communication_channels c
          WHERE c.instance = u.instance AND c.user_id = u.id AND c.deleted_at IS NULL) n
  WHERE u.state = 'present'::text AND NOT (EXISTS ( SELECT
           FROM mirror.communication_channels c
          WHERE c.instance = u.instance AND c.user_id = u.id AND c.deleted_at IS NULL AND c.type = 'email'::text AND c.workflow_state = 'active'::text AND (NOT c.bounce_known OR c.last_bounce_at IS NULL AND COALESCE(c.bounce_count, 0) = 0))) AND (n.channels > 0 OR l.read_at IS NOT NULL OR u.noted_read_at IS NOT NULL);

-- Everybody who was ever met, those without any channel and those who are gone too.
CREATE VIEW reporting.users AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the user.
-- sis_user_id: SIS id as last seen; null if none or not visible.
-- login_id: Login as last seen; null if none or not visible.
-- integration_id: Integration id as last seen; null if none or not visible.
-- state: present; unreadable: the token has no right to read this user; unlisted: fell out of the listing and could not be proved gone; gone: Canvas answers 404.
-- first_seen_at: When the worker first met this user.
-- changed_at: When state or identifiers last changed.
-- read_at: When the user was last read completely, or found gone; null: never, or that was pruned.
-- channels: Live channels; null for a user of whom nothing was ever read.
-- emails: E-mail channels among them.
-- active_emails: Confirmed ones among these.
-- deliverable_emails: Active e-mail addresses without a known bounce, those of unknown bounces not counted.
-- bounce_unknown_emails: Active e-mail addresses whose bounces are not visible to the token.
-- pending_deletions: Live channels whose deletion is held back.
-- reachable: Whether Canvas sends mail to this user. Null where that is not known: not present, never read, or the only addresses that could be good are those whose bounces are not visible.
 SELECT u.instance,
    u.id,
    u.sis_user_id,
    u.login_id,
    u.integration_id,
    u.state,
    u.first_seen_at,
    u.changed_at,
    k.read_at,
    COALESCE(n.channels, k.nothing) AS channels,
    COALESCE(n.emails, k.nothing) AS emails,
    COALESCE(n.active, k.nothing) AS active_emails,
    COALESCE(n.deliverable, k.nothing) AS deliverable_emails,
    COALESCE(n.unknown, k.nothing) AS bounce_unknown_emails,
    COALESCE(p.channels, 0::bigint) AS pending_deletions,
        CASE
            WHEN u.state <> 'present'::text THEN NULL::boolean
            WHEN n.deliverable > 0 THEN true
            WHEN n.unknown > 0 THEN NULL::boolean
            WHEN n.user_id IS NOT NULL OR k.read_at IS NOT NULL THEN false
            ELSE NULL::boolean
        END AS reachable
   FROM mirror.users u
     LEFT JOIN worker.recent_reads l ON l.instance = u.instance AND l.user_id = u.id
     LEFT JOIN ( SELECT communication_channels.instance,
            communication_channels.user_id,
            count(*) AS channels,
            count(*) FILTER (WHERE communication_channels.type = 'email'::text) AS emails,
            count(*) FILTER (WHERE communication_channels.type = 'email'::text AND communication_channels.workflow_state = 'active'::text) AS active,
            count(*) FILTER (WHERE communication_channels.type = 'email'::text AND communication_channels.workflow_state = 'active'::text AND communication_channels.bounce_known AND communication_channels.last_bounce_at IS NULL AND COALESCE(communication_channels.bounce_count, 0) = 0) AS deliverable,
            count(*) FILTER (WHERE communication_channels.type = 'email'::text AND communication_channels.workflow_state = 'active'::text AND NOT communication_channels.bounce_known) AS unknown
           FROM mirror.communication_channels
          WHERE communication_channels.deleted_at IS NULL
          GROUP BY communication_channels.instance, communication_channels.user_id) n ON n.instance = u.instance AND n.user_id = u.id
     LEFT JOIN ( SELECT candidates.instance,
            candidates.user_id,
            count(*) AS channels
           FROM worker.candidates
          WHERE candidates.held_run_id IS NOT NULL
          GROUP BY candidates.instance, candidates.user_id) p ON p.instance = u.instance AND p.user_id = u.id
     CROSS JOIN LATERAL ( SELECT GREATEST(l.read_at, u.noted_read_at) AS read_at,
                CASE
                    WHEN l.read_at IS NOT NULL OR u.noted_read_at IS NOT NULL THEN 0::bigint
                    ELSE NULL::bigint
                END AS nothing) k;

-- reporting.actions with masked addresses, without free text.
CREATE VIEW reporting_masked.actions WITH (security_barrier=true) AS
-- id: Ascending number.
-- instance: Name of the Canvas installation in the configuration.
-- plan_id: Plan that it belongs to; null for the removal of a push device by hand.
-- ordinal: Place within the plan, from 1.
-- run_id: Run that did it or tried it last; null before.
-- user_id: Canvas id of the user; null for somebody who was forgotten.
-- kind: create; delete; delete_push.
-- type: Type of the channel.
-- address: Masked, such as s***@c***.com.
-- channel_id: Canvas id of the channel; of a create from its answer on.
-- status: planned; started; done; existed: somebody else had created it; refused; failed; withheld by a guard; skipped: stale; uncertain: the outcome is unknown until two reads agree; unresolved: still unknown after 7 days.
-- messaged: Whether a confirmation message went, or may have gone, to a person.
-- attempts: How often it was started.
-- started_at: When it was started last.
-- settled_at: When its present status was written.
-- os_user: Operating-system user who started it.
-- database_role: Database role that wrote it.
-- canvas_user_id: Canvas user of the token.
-- unattended: Whether nobody was asked (run --apply auto).
 SELECT id,
    instance,
    plan_id,
    ordinal,
    run_id,
    user_id,
    kind,
    type,
    reporting_masked.mask(address) AS address,
    channel_id,
    status,
    messaged,
    attempts,
    started_at,
    settled_at,
    os_user,
    database_role,
    canvas_user_id,
    unattended
   FROM reporting.actions;

-- reporting.bouncing_channels with masked addresses, without domains and bounce messages.
CREATE VIEW reporting_masked.bouncing_channels WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the channel.
-- user_id: Canvas id of the user who has it.
-- sis_user_id: Masked where it is or holds an address; null if none or not visible.
-- login_id: Masked where it is or holds an address; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.
-- type: email, sms, push, or any other type that Canvas sends.
-- address: Masked, such as s***@c***.com.
-- workflow_state: active, unconfirmed, ... as last seen.
-- is_default: Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.
-- bounce_count: Number of bounces; null if never seen.
-- last_bounce_at: Time of the last hard bounce.
-- last_transient_bounce_at: Time of the last soft bounce.
-- last_suppression_bounce_at: Time at which the mail provider last suppressed a message.
-- read_at: When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.
-- pending_deletion: Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.
 SELECT instance,
    id,
    user_id,
    reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id,
    user_state,
    type,
    reporting_masked.mask(address) AS address,
    workflow_state,
    is_default,
    bounce_count,
    last_bounce_at,
    last_transient_bounce_at,
    last_suppression_bounce_at,
    read_at,
    pending_deletion
   FROM reporting.bouncing_channels;

-- reporting.changes_by_day.
CREATE VIEW reporting_masked.changes_by_day WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- day: Day in UTC on which it was seen.
-- kind: As in reporting.changes.
-- origin: Who caused it: canvas or us.
-- changes: How many.
 SELECT instance,
    day,
    kind,
    origin,
    changes
   FROM reporting.changes_by_day;

-- reporting.comparisons without the names of documents.
CREATE VIEW reporting_masked.comparisons WITH (security_barrier=true) AS
-- id: Ascending number.
-- instance: Name of the Canvas installation in the configuration.
-- compared_at: When that was known.
-- compared_by: Operating-system user who compared.
-- users: Users of the document that were compared.
-- users_differing: Those who lacked something, or had too much.
-- users_unresolved: References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.
-- creates: Channels that were missing.
-- deletes: Channels that were to go.
-- changes: Both together.
-- plan_id: Plan that says which; null where nothing differed, or once it is pruned.
 SELECT id,
    instance,
    compared_at,
    compared_by,
    users,
    users_differing,
    users_unresolved,
    creates,
    deletes,
    changes,
    plan_id
   FROM reporting.comparisons;

-- reporting.current_channels with masked addresses, without domains and bounce messages.
CREATE VIEW reporting_masked.current_channels WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the channel.
-- user_id: Canvas id of the user who has it.
-- sis_user_id: Masked where it is or holds an address; null if none or not visible.
-- login_id: Masked where it is or holds an address; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.
-- type: email, sms, push, or any other type that Canvas sends.
-- address: Masked, such as s***@c***.com.
-- position: Order within the user; null if Canvas says null.
-- workflow_state: active, unconfirmed, ... as last seen.
-- is_default: Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.
-- confirmed: Whether its state is active.
-- bounce_known: Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.
-- bouncing: Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.
-- bounce_count: Number of bounces; null if never seen.
-- last_bounce_at: Time of the last hard bounce.
-- last_transient_bounce_at: Time of the last soft bounce.
-- last_suppression_bounce_at: Time at which the mail provider last suppressed a message.
-- created_at: When Canvas created the channel; null if it does not say.
-- first_seen_at: Time of the read that first saw the channel.
-- changed_at: Time of the read that saw the present version first.
-- read_at: When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.
-- pending_deletion: Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.
-- origin: Who created the channel: canvas (seen by reading) or us (an action of ours).
 SELECT instance,
    id,
    user_id,
    reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id,
    user_state,
    type,
    reporting_masked.mask(address) AS address,
    "position",
    workflow_state,
    is_default,
    confirmed,
    bounce_known,
    bouncing,
    bounce_count,
    last_bounce_at,
    last_transient_bounce_at,
    last_suppression_bounce_at,
    created_at,
    first_seen_at,
    changed_at,
    read_at,
    pending_deletion,
    origin
   FROM reporting.current_channels;

-- reporting.drift without the names of documents.
CREATE VIEW reporting_masked.drift WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- compared_at: When the document was compared last.
-- users: Users of the document that were compared.
-- users_differing: Those who lacked something, or had too much.
-- users_unresolved: References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.
-- creates: Channels that were missing.
-- deletes: Channels that were to go.
-- creates_left: The same, without those that the plan has created since and nobody has taken back.
-- deletes_left: The same, without those that the plan has deleted since and nobody has taken back.
-- plan_id: Plan that says which; null where nothing differed, or once it is pruned.
-- plan_status: Its state, as in reporting.plans.
-- comparison_id: Number of the comparison in reporting_masked.comparisons.
 SELECT instance,
    compared_at,
    users,
    users_differing,
    users_unresolved,
    creates,
    deletes,
    creates_left,
    deletes_left,
    plan_id,
    plan_status,
    comparison_id
   FROM reporting.drift;

-- reporting.drift_changes with masked addresses, without free text.
CREATE VIEW reporting_masked.drift_changes WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- compared_at: When the document was compared last.
-- plan_id: Plan that would do it.
-- user_id: Canvas id of the user.
-- kind: create: it is missing at Canvas; delete: it is to go.
-- type: Type of the channel.
-- address: Address, masked.
-- channel_id: Canvas id of the channel that is to go; null for one that is missing.
-- action_status: What an apply has come to with it; null: none has tried; done: and taken back since.
 SELECT instance,
    compared_at,
    plan_id,
    user_id,
    kind,
    type,
    reporting_masked.mask(address) AS address,
    channel_id,
    action_status
   FROM reporting.drift_changes;

-- reporting.failures without references and messages.
CREATE VIEW reporting_masked.failures WITH (security_barrier=true) AS
-- run_id: Run that failed to read it.
-- instance: Name of the Canvas installation in the configuration.
-- user_id: Canvas id; null for a reference that could not be resolved.
-- kind: Class of the failure: trouble, incomplete, rejected, forbidden, not_found.
-- status: HTTP status; null if there was no answer.
-- failed_at: When.
-- resolved_at: When a later read of the user succeeded; null while it is open.
-- is_open: Whether it is: then the next run tries it first.
 SELECT run_id,
    instance,
    user_id,
    kind,
    status,
    failed_at,
    resolved_at,
    is_open
   FROM reporting.failures;

-- reporting.freshness.
CREATE VIEW reporting_masked.freshness WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- users_present: Users that are there and can be read.
-- users_unreadable: Users that the token may not read.
-- users_unlisted: Users that fell out of the listing and cannot be proved gone.
-- users_gone: Users that Canvas does not know any more.
-- users_never_read: Present users of whom no complete read is known.
-- oldest_read_at: The complete read that is longest ago, of those present users that have one.
-- median_read_at: Half of these users were read at this time or later.
-- newest_read_at: The latest one.
-- read_within_day: Present users read completely within the last 24 hours.
-- read_within_week: The same within the last 7 days.
-- channels_live: Live channels.
-- channels_bounce_unknown: Live e-mail channels whose bounces are not visible to the token.
-- channels_bouncing: Live e-mail channels of which a hard bounce is known; null where no bounce is visible.
-- deletions_pending: Deletions held back.
-- open_failures: Users and references that could not be read and have not been since.
-- last_good_run_id: The last run or backfill that came to a good end, over whomever.
-- last_good_run_at: When it ended.
-- last_coverage_percent: Users read completely or gone, of all of that run.
 SELECT instance,
    users_present,
    users_unreadable,
    users_unlisted,
    users_gone,
    users_never_read,
    oldest_read_at,
    median_read_at,
    newest_read_at,
    read_within_day,
    read_within_week,
    channels_live,
    channels_bounce_unknown,
    channels_bouncing,
    deletions_pending,
    open_failures,
    last_good_run_id,
    last_good_run_at,
    last_coverage_percent
   FROM reporting.freshness;

-- reporting.identity_changes with masked identifiers.
CREATE VIEW reporting_masked.identity_changes WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- identifier: sis_user_id, login_id or integration_id.
-- value: The identifier; masked where it is or holds an address.
-- former_user_id: Canvas user who had it before.
-- former_state: That user's state now, as in mirror.users.
-- new_user_id: Canvas user who has or had it after that.
-- seen_at: When it was first seen with the new one.
 SELECT instance,
    identifier,
    reporting_masked.mask_identifier(value) AS value,
    former_user_id,
    former_state,
    new_user_id,
    seen_at
   FROM reporting.identity_changes;

-- reporting.pending_deletions with masked addresses.
CREATE VIEW reporting_masked.pending_deletions WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- channel_id: Canvas id of the channel.
-- user_id: User whose read did not show it.
-- sis_user_id: Masked where it is or holds an address; null if none or not visible.
-- login_id: Masked where it is or holds an address; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users.
-- type: Its type.
-- address: Masked, such as s***@c***.com.
-- workflow_state: active, unconfirmed, ... as last seen.
-- reason: absent: the user was read without it; gone: Canvas does not know the user any more.
-- absent_since: Time of the first read without it.
-- held_run_id: Run that held it back first: the number for `pending accept` and `pending dismiss`.
-- waits_for: person: the brake holds it, and somebody has to speak; run: a later plausible run settles it.
 SELECT instance,
    channel_id,
    user_id,
    reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id,
    user_state,
    type,
    reporting_masked.mask(address) AS address,
    workflow_state,
    reason,
    absent_since,
    held_run_id,
    waits_for
   FROM reporting.pending_deletions;

-- reporting.plans without free text.
CREATE VIEW reporting_masked.plans WITH (security_barrier=true) AS
-- id: Number of the plan.
-- instance: Name of the Canvas installation in the configuration.
-- kind: document: from a desired state; undo: the opposite of an apply; hand: channels create or delete.
-- status: open; applying; applied; expired; rejected. An open one that is past expires_at counts as expired, whether or not that was written down yet.
-- made_at: When it was made.
-- made_by: Operating-system user who made it.
-- expires_at: When it can no longer be carried out.
-- begun_at: When the first apply of it began; null before.
-- ended_at: When it was applied, rejected or found expired.
-- ended_by: Operating-system user who ended it.
-- creates: Channels to create.
-- deletes: Channels to delete.
-- messages: Confirmation messages that people would get.
-- actions_done: Actions that are done, somebody else's creates (existed) included.
-- actions_not_done: Actions that were begun or set aside and are not done.
 SELECT id,
    instance,
    kind,
    status,
    made_at,
    made_by,
    expires_at,
    begun_at,
    ended_at,
    ended_by,
    creates,
    deletes,
    messages,
    actions_done,
    actions_not_done
   FROM reporting.plans;

-- reporting.runs without free text.
CREATE VIEW reporting_masked.runs WITH (security_barrier=true) AS
-- id: Number of the run.
-- instance: Name of the Canvas installation in the configuration.
-- kind: run, backfill, accept, apply, ...
-- status: running, interrupted, abandoned, done, partial, withheld, implausible, failed: as in worker.runs.
-- exit_code: Exit code of the command; null while it runs or after a kill.
-- started_at: First start.
-- resumed_at: Last start of a resumed run.
-- finished_at: When it ended in any way it could record.
-- seconds: Working time, without the pause before a resumption.
-- users_total: Users of this run after deduplication; this and what follows is 0 until it ends.
-- users_done: Users read completely.
-- users_gone: Users that Canvas does not know any more.
-- users_unreadable: Users that the token may not read.
-- users_unlisted: Users that fell out of the listing and cannot be proved gone.
-- users_failed: Users that could not be read, and references that could not be resolved.
-- coverage_percent: Users read completely or gone, of all of the run; null where it had none.
-- channels_seen: Channels in all complete reads.
-- channels_created: Channels new to the mirror.
-- channels_changed: Channels with a new version.
-- channels_deleted: Tombstones made.
-- deletions_pending: Deletions of the instance that waited when it ended.
-- requests: Requests sent to Canvas, refused and repeated ones included.
-- throttled: Requests that Canvas refused because of its rate limit.
-- throttled_percent: The same, of the requests; null where there were none.
-- requests_per_second: Requests by working time; null where that is not known.
-- users_per_second: Users of the run by working time; null where that is not known.
-- program_version: Version of sync-worker.
-- host: Machine of the last start.
-- started_by: Operating-system user of the last start.
-- requests_per_second_limit: What the rate limit would have borne, at the cost and the time that the answers took; null where the answers did not say.
 SELECT id,
    instance,
    kind,
    status,
    exit_code,
    started_at,
    resumed_at,
    finished_at,
    seconds,
    users_total,
    users_done,
    users_gone,
    users_unreadable,
    users_unlisted,
    users_failed,
    coverage_percent,
    channels_seen,
    channels_created,
    channels_changed,
    channels_deleted,
    deletions_pending,
    requests,
    throttled,
    throttled_percent,
    requests_per_second,
    users_per_second,
    program_version,
    host,
    started_by,
    requests_per_second_limit
   FROM reporting.runs;

-- reporting.shared_addresses with masked addresses.
CREATE VIEW reporting_masked.shared_addresses WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- type: Type of the channels.
-- address: Masked, such as s***@c***.com.
-- users: How many users have it.
-- user_ids: Their Canvas ids.
-- channels: Channels with it.
-- active_channels: Confirmed ones among them.
-- user_states: The states of these users that occur, as in mirror.users.
 SELECT instance,
    type,
    reporting_masked.mask(address) AS address,
    users,
    user_ids,
    channels,
    active_channels,
    user_states
   FROM reporting.shared_addresses;

-- reporting.unconfirmed_channels with masked addresses, without domains.
CREATE VIEW reporting_masked.unconfirmed_channels WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the channel.
-- user_id: Canvas id of the user who has it.
-- sis_user_id: Masked where it is or holds an address; null if none or not visible.
-- login_id: Masked where it is or holds an address; null if none or not visible.
-- user_state: present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.
-- type: email, sms, push, or any other type that Canvas sends.
-- address: Masked, such as s***@c***.com.
-- unconfirmed_since: Since when: when Canvas created it, unless it was brought back or lost its confirmation later; then when that was seen. Where Canvas does not say, when it was first seen.
-- created_at: When Canvas created the channel; null if it does not say.
-- first_seen_at: Time of the read that first saw the channel.
-- bounce_known: Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.
-- bouncing: Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.
-- read_at: When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.
-- pending_deletion: Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.
-- origin: Who created the channel: canvas (seen by reading) or us (an action of ours).
 SELECT instance,
    id,
    user_id,
    reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id,
    user_state,
    type,
    reporting_masked.mask(address) AS address,
    unconfirmed_since,
    created_at,
    first_seen_at,
    bounce_known,
    bouncing,
    read_at,
    pending_deletion,
    origin
   FROM reporting.unconfirmed_channels;

-- reporting.unreachable_users with masked identifiers.
CREATE VIEW reporting_masked.unreachable_users WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- user_id: Canvas id of the user.
-- sis_user_id: Masked where it is or holds an address; null if none or not visible.
-- login_id: Masked where it is or holds an address; null if none or not visible.
-- reason: no channels; no e-mail; unconfirmed: e-mail, but none confirmed; bouncing: every active e-mail bounces.
-- channels: Live channels, of any type.
-- emails: E-mail channels among them.
-- active_emails: Active ones among these; all of them bounce.
-- pending_deletions: Live channels whose deletion is held back.
-- read_at: When the user was last read completely, or found gone; null: never, or that was pruned.
 SELECT instance,
    user_id,
    reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id,
    reason,
    channels,
    emails,
    active_emails,
    pending_deletions,
    read_at
   FROM reporting.unreachable_users;

-- reporting.users with masked identifiers.
CREATE VIEW reporting_masked.users WITH (security_barrier=true) AS
-- instance: Name of the Canvas installation in the configuration.
-- id: Canvas id of the user.
-- sis_user_id: Masked where it is or holds an address; null if none or not visible.
-- login_id: Masked where it is or holds an address; null if none or not visible.
-- integration_id: Masked where it is or holds an address; null if none or not visible.
-- state: present; unreadable: the token has no right to read this user; unlisted: fell out of the listing and could not be proved gone; gone: Canvas answers 404.
-- first_seen_at: When the worker first met this user.
-- changed_at: When state or identifiers last changed.
-- read_at: When the user was last read completely, or found gone; null: never, or that was pruned.
-- channels: Live channels; null for a user of whom nothing was ever read.
-- emails: E-mail channels among them.
-- active_emails: Confirmed ones among these.
-- deliverable_emails: Active e-mail addresses without a known bounce, those of unknown bounces not counted.
-- bounce_unknown_emails: Active e-mail addresses whose bounces are not visible to the token.
-- pending_deletions: Live channels whose deletion is held back.
-- reachable: Whether Canvas sends mail to this user. Null where that is not known: not present, never read, or the only addresses that could be good are those whose bounces are not visible.
 SELECT instance,
    id,
    reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id,
    reporting_masked.mask_identifier(integration_id) AS integration_id,
    state,
    first_seen_at,
    changed_at,
    read_at,
    channels,
    emails,
    active_emails,
    deliverable_emails,
    bounce_unknown_emails,
    pending_deletions,
    reachable
   FROM reporting.users;

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
    status text NOT NULL DEFAULT 'planned'::text, -- planned; started: the call may have been sent; done; existed: somebody else had created it; refused: Canvas says no, not tried again; failed: may be tried again; withheld by a guard; skipped: stale; uncertain: sent, and the outcome is unknown until two complete reads agree; unresolved: still unknown after 7 days.
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
    folded_address text NOT NULL, -- The address with small letters in place of capital ones: by it addresses compare. Empty for somebody who was forgotten.
    sent_at timestamp with time zone, -- Until when a call that was not clearly rejected may have been sent; null where every call was clearly rejected, or none was sent. For 7 days after it, an effect that shows up late counts as ours.
    observed_at timestamp with time zone, -- When the first of the two reads began that settle an unknown outcome; null before.
    observed_effect boolean, -- Whether that read showed the effect of the action.
    PRIMARY KEY (id),
    FOREIGN KEY (instance) REFERENCES worker.instances(instance),
    CHECK ((kind = ANY (ARRAY['create'::text, 'delete'::text, 'delete_push'::text]))),
    CHECK (((observed_at IS NULL) = (observed_effect IS NULL))),
    FOREIGN KEY (plan_id) REFERENCES worker.plans(id),
    UNIQUE (plan_id, ordinal),
    FOREIGN KEY (run_id) REFERENCES worker.runs(id),
    CHECK ((status = ANY (ARRAY['planned'::text, 'started'::text, 'done'::text, 'existed'::text, 'refused'::text, 'failed'::text, 'withheld'::text, 'skipped'::text, 'uncertain'::text, 'unresolved'::text])))
);
CREATE INDEX actions_by_time ON worker.actions USING btree (instance, settled_at);
CREATE INDEX actions_of_channel ON worker.actions USING btree (instance, channel_id, id);
CREATE INDEX actions_of_run ON worker.actions USING btree (run_id);
CREATE INDEX actions_sent ON worker.actions USING btree (instance, sent_at) WHERE ((sent_at IS NOT NULL) AND (status <> 'done'::text));
CREATE INDEX actions_unsettled ON worker.actions USING btree (instance) WHERE (status = ANY (ARRAY['started'::text, 'uncertain'::text]));

-- Units of work: some hundred users that are read and committed together.
CREATE TABLE worker.batches (
    run_id bigint NOT NULL, -- Run that it belongs to.
    number integer NOT NULL, -- Order within the run, from 1.
    reason text NOT NULL, -- source: named by the user specs; failed_before: could not be read by an earlier run; missing_from_listing: known from an earlier complete listing, asked for singly.
    user_ids bigint[] NOT NULL, -- Canvas ids of its users, without whoever was forgotten since.
    status text NOT NULL DEFAULT 'pending'::text, -- pending, claimed, done.
    claim bigint, -- Number of the latest claim; also the read number of what is read for it.
    claim_epoch bigint, -- Epoch of the writer that claimed it; a claim of an older epoch is void. With the claim it is the order of its reads.
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
    read_epoch bigint NOT NULL DEFAULT 0, -- Epoch of the writer of the first read without it; only a read of a later (read_epoch, read_number) confirms or clears it. 0: from before reads were numbered.
    read_number bigint NOT NULL DEFAULT 0, -- Number of the first read without it within its epoch, drawn before it began (sequence worker.claims).
    PRIMARY KEY (instance, channel_id),
    CHECK ((reason = ANY (ARRAY['absent'::text, 'gone'::text])))
);
CREATE INDEX candidates_of_user ON worker.candidates USING btree (instance, user_id);

-- What each comparison of a whole desired state with Canvas has found: one row for each `run` that plans, and for each `plan` without options that change what the document says.
CREATE TABLE worker.comparisons (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- Ascending number.
    instance text NOT NULL, -- Name of the Canvas installation in the configuration.
    document text NOT NULL, -- The desired state.
    digest text NOT NULL, -- sha256 of it.
    compared_at timestamp with time zone NOT NULL, -- When that was known.
    compared_by text NOT NULL, -- Operating-system user who compared.
    users bigint NOT NULL, -- Users of the document that were compared.
    users_differing bigint NOT NULL, -- Those who lacked something, or had too much.
    users_unresolved bigint NOT NULL, -- References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.
    creates bigint NOT NULL, -- Channels that were missing.
    deletes bigint NOT NULL, -- Channels that were to go.
    plan_id bigint, -- Plan that says which; null where nothing differed, or once it is pruned.
    PRIMARY KEY (id),
    FOREIGN KEY (instance) REFERENCES worker.instances(instance),
    FOREIGN KEY (plan_id) REFERENCES worker.plans(id) ON DELETE SET NULL
);
CREATE INDEX comparisons_of_document ON worker.comparisons USING btree (instance, document, id DESC);
CREATE INDEX comparisons_of_plan ON worker.comparisons USING btree (plan_id);

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
    epoch bigint NOT NULL DEFAULT 0, -- Epoch of the writer that noted it last: a walk to the end of a source resolves what only earlier epochs noted. 0: from before epochs were noted.
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
    reads_noted_to bigint NOT NULL DEFAULT 0, -- First run (worker.runs.id) whose batches worker.recent_reads looks through; what is older is noted in mirror.users.noted_read_at.
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

-- When users were last read completely, or found gone, by the recent runs: the last done batch that contained them, without a failure of theirs that is still open. A user that may not be read (unreadable, unlisted) counts in batches from before it became so.
CREATE VIEW worker.recent_reads AS
-- instance: Name of the Canvas installation in the configuration.
-- user_id: Canvas id of the user.
-- read_at: When that batch was done.
-- run_id: The last run that read the user.
 SELECT r.instance,
    m.user_id,
    max(b.done_at) AS read_at,
    max(r.id) AS run_id
   FROM worker.instances i
     JOIN worker.runs r ON r.instance = i.instance AND r.id >= i.reads_noted_to
     JOIN worker.batches b ON b.run_id = r.id AND b.status = 'done'::text
     CROSS JOIN LATERAL unnest(b.user_ids) m(user_id)
     LEFT JOIN ( SELECT u.instance,
            u.id AS user_id,
            COALESCE(( SELECT max(h.valid_to) AS max
                   FROM mirror.user_history h
                  WHERE h.instance = u.instance AND h.user_id = u.id AND (h.state = ANY (ARRAY['present'::text, 'gone'::text]))), u.changed_at) AS since
           FROM mirror.users u
          WHERE u.state = ANY (ARRAY['unreadable'::text, 'unlisted'::text])) s ON s.instance = r.instance AND s.user_id = m.user_id
     LEFT JOIN worker.failures f ON f.run_id = r.id AND f.user_id = m.user_id AND f.resolved_at IS NULL
  WHERE f.run_id IS NULL AND (s.user_id IS NULL OR b.done_at < s.since)
  GROUP BY r.instance, m.user_id;

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
    requests_possible double precision, -- Requests that the rate limit would have borne in the working time, at the cost and the time that the answers took; null where the answers did not say.
    rows_older bigint NOT NULL DEFAULT 0, -- Rows of the mirror that differ from what this run read, and were left alone because a later read had written them.
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

-- Each superseded version of a channel with the next one, and what changed from one to the other.
CREATE VIEW worker.successions AS
-- id: Number of the change: the id of the superseded version in mirror.channel_history.
-- instance: Name of the Canvas installation in the configuration.
-- origin: Who caused it: canvas (seen by reading) or us (an action of ours).
-- seen_at: Time of the read that saw it; it happened at some time since the read before.
-- channel_id: Canvas id of the channel.
-- user_id: User who has it after the change.
-- old_user_id: User who had it before.
-- type: Type after the change.
-- address: Address after the change.
-- old_address: Address before it.
-- workflow_state: State after the change; a retired channel keeps the last state of its life.
-- old_workflow_state: State before it.
-- run_id: Run that saw or did it (worker.runs.id), which may have been pruned since.
-- retired: Whether it was proved gone.
-- revived: Whether a retired one came back.
-- moved: Whether it has another user.
-- readdressed: Whether it has another address, case aside.
-- confirmed: Whether it became active.
-- bounced: Whether a further hard bounce is known, where bounces had been visible before; null: a number of bounces is not known.
 SELECT h.id,
    h.instance,
    h.origin,
    h.valid_to AS seen_at,
    h.channel_id,
    n.user_id,
    h.user_id AS old_user_id,
    n.type,
    n.address,
    h.address AS old_address,
    n.workflow_state,
    h.workflow_state AS old_workflow_state,
    h.run_id,
    h.deleted_at IS NULL AND n.deleted_at IS NOT NULL AS retired,
    h.deleted_at IS NOT NULL AND n.deleted_at IS NULL AS revived,
    n.user_id <> h.user_id AS moved,
    n.type <> 'push'::text AND n.folded_address <> h.folded_address AS readdressed,
    h.deleted_at IS NULL AND h.workflow_state <> 'active'::text AND n.workflow_state = 'active'::text AS confirmed,
    h.deleted_at IS NULL AND h.bounce_known AND (n.last_bounce_at > COALESCE(h.last_bounce_at, '-infinity'::timestamp with time zone) OR n.bounce_count > h.bounce_count) AS bounced
   FROM mirror.channel_history h
     LEFT JOIN mirror.communication_channels c ON c.instance = h.instance AND c.id = h.channel_id AND c.changed_at = h.valid_to AND c.changed_at > c.first_seen_at
     LEFT JOIN mirror.channel_history s ON s.instance = h.instance AND s.channel_id = h.channel_id AND s.valid_from = h.valid_to
     CROSS JOIN LATERAL ( SELECT COALESCE(c.user_id, s.user_id) AS user_id,
            COALESCE(c.type, s.type) AS type,
            COALESCE(c.address, s.address) AS address,
            COALESCE(c.folded_address, s.folded_address) AS folded_address,
            COALESCE(c.workflow_state, s.workflow_state) AS workflow_state,
                CASE
                    WHEN c.id IS NULL THEN s.deleted_at
                    ELSE c.deleted_at
                END AS deleted_at,
                CASE
                    WHEN c.id IS NULL THEN s.last_bounce_at
                    ELSE c.last_bounce_at
                END AS last_bounce_at,
                CASE
                    WHEN c.id IS NULL THEN s.bounce_count
                    ELSE c.bounce_count
                END AS bounce_count
          WHERE c.id IS NOT NULL OR s.id IS NOT NULL) n;

-- Actions that were done and that an undo has taken back since: its opposite was done for the same user, type and address.
CREATE VIEW worker.undone_actions AS
-- id: Number of the action (worker.actions.id).
-- plan_id: Plan that it belongs to.
 SELECT DISTINCT a.id,
    a.plan_id
   FROM worker.plans p
     JOIN worker.actions u ON u.plan_id = p.id AND (u.status = ANY (ARRAY['done'::text, 'existed'::text]))
     JOIN worker.actions a ON a.instance = u.instance AND a.user_id = u.user_id AND a.type = u.type AND a.kind <> u.kind AND a.folded_address = u.folded_address AND (a.status = ANY (ARRAY['done'::text, 'existed'::text])) AND a.settled_at <= u.settled_at
  WHERE p.kind = 'undo'::text;

-- What changed from each superseded version of a channel to the next one; reporting.changes without creations.
CREATE VIEW worker.version_changes AS
-- id: Number of the change: the id of the superseded version in mirror.channel_history.
-- instance: Name of the Canvas installation in the configuration.
-- kind: created; retired: proved gone; revived: a retired one came back; moved: has another user; readdressed: has another address, case aside; confirmed: became active; bounced: a further hard bounce, where bounces had been visible before.
-- origin: Who caused it: canvas (seen by reading) or us (an action of ours).
-- seen_at: Time of the read that saw it; it happened at some time since the read before.
-- channel_id: Canvas id of the channel.
-- user_id: User who has it after the change.
-- old_user_id: User who had it before.
-- type: Type after the change.
-- address: Address after the change.
-- old_address: Address before it.
-- workflow_state: State after the change; a retired channel keeps the last state of its life.
-- old_workflow_state: State before it.
-- run_id: Run that saw or did it (worker.runs.id), which may have been pruned since.
 SELECT s.id,
    s.instance,
    k.kind,
    s.origin,
    s.seen_at,
    s.channel_id,
    s.user_id,
    s.old_user_id,
    s.type,
    s.address,
    s.old_address,
    s.workflow_state,
    s.old_workflow_state,
    s.run_id
   FROM worker.successions s
     CROSS JOIN LATERAL unnest(array_remove(ARRAY[
        CASE
            WHEN s.retired THEN 'retired'::text
            ELSE NULL::text
        END,
        CASE
            WHEN s.revived THEN 'revived'::text
            ELSE NULL::text
        END,
        CASE
            WHEN s.moved THEN 'moved'::text
            ELSE NULL::text
        END,
        CASE
            WHEN s.readdressed THEN 'readdressed'::text
            ELSE NULL::text
        END,
        CASE
            WHEN s.confirmed THEN 'confirmed'::text
            ELSE NULL::text
        END,
        CASE
            WHEN s.bounced THEN 'bounced'::text
            ELSE NULL::text
        END], NULL::text)) k(kind);

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

-- What the views take for now: the setting sync_worker.present_time where a session has set it, else the time of the database.
CREATE OR REPLACE FUNCTION reporting.present_time()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
BEGIN ATOMIC
 SELECT COALESCE((NULLIF(current_setting('sync_worker.present_time'::text, true), ''::text))::timestamp with time zone, statement_timestamp()) AS "coalesce";
END;

-- An address that can be recognised but not used, as the logs show it: s***@c***.com, ***67.
CREATE OR REPLACE FUNCTION reporting_masked.mask(address text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
 SELECT
         CASE
             WHEN (strpos(address, '@'::text) > 0) THEN (((("left"(address,
             CASE
                 WHEN (("left"(address, 1) = '@'::text) AND (strpos(substr(address, 2), '@'::text) = 0)) THEN 0
                 ELSE 1
             END) || '***@'::text) || "left"(split_part(address, '@'::text, '-1'::integer), 1)) || '***.'::text) || split_part(split_part(address, '@'::text, '-1'::integer), '.'::text, '-1'::integer))
             ELSE ('***'::text || "right"(regexp_replace(address, '[^0-9]'::text, ''::text, 'g'::text), 2))
         END AS "case";
END;

-- A login or SIS id; one that is or holds an address is masked as one.
CREATE OR REPLACE FUNCTION reporting_masked.mask_identifier(identifier text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
 SELECT
         CASE
             WHEN (strpos(identifier, '@'::text) > 0) THEN reporting_masked.mask(identifier)
             ELSE identifier
         END AS identifier;
END;
