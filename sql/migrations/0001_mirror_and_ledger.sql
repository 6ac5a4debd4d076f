-- The mirror of Canvas and the ledger of the worker.

CREATE SCHEMA IF NOT EXISTS mirror;
CREATE SCHEMA IF NOT EXISTS worker;
COMMENT ON SCHEMA mirror IS 'What Canvas has, as of the last complete read of each user.';
COMMENT ON SCHEMA worker IS 'What the worker did: instances, runs, batches, failures, candidates for deletion.';

-- --------------------------------------------------------------------------------------------------------
-- The mirror

CREATE TABLE mirror.communication_channels (
    instance                       text        NOT NULL,
    id                             bigint      NOT NULL,
    user_id                        bigint      NOT NULL,
    type                           text        NOT NULL,
    address                        text        NOT NULL,
    position                       integer,
    workflow_state                 text        NOT NULL,
    bounce_count                   integer,
    last_bounce_at                 timestamptz,
    last_bounce_summary            text,
    last_transient_bounce_at       timestamptz,
    last_transient_bounce_summary  text,
    last_suppression_bounce_at     timestamptz,
    bounce_known                   boolean     NOT NULL,
    created_at                     timestamptz,
    first_seen_at                  timestamptz NOT NULL,
    changed_at                     timestamptz NOT NULL,
    deleted_at                     timestamptz,
    PRIMARY KEY (instance, id)
);
CREATE INDEX communication_channels_live_of_user
    ON mirror.communication_channels (instance, user_id) WHERE deleted_at IS NULL;

COMMENT ON TABLE mirror.communication_channels IS
    'One row for each channel ever seen; it lives while deleted_at is null. Superseded versions are in channel_history.';
COMMENT ON COLUMN mirror.communication_channels.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN mirror.communication_channels.id IS 'Canvas id of the channel; a retired channel can come back to life under it.';
COMMENT ON COLUMN mirror.communication_channels.user_id IS 'Canvas id of the user who has it now; merging users moves channels.';
COMMENT ON COLUMN mirror.communication_channels.type IS 'email, sms, push, or any other type that Canvas sends.';
COMMENT ON COLUMN mirror.communication_channels.address IS 'Address as Canvas writes it; addresses compare by lower(). For push a translated label.';
COMMENT ON COLUMN mirror.communication_channels.position IS 'Order within the user; the active e-mail with the lowest is the default address. Null if Canvas says null.';
COMMENT ON COLUMN mirror.communication_channels.workflow_state IS 'active, unconfirmed, ... as last seen; a tombstone keeps the last state of its life.';
COMMENT ON COLUMN mirror.communication_channels.bounce_count IS 'Number of bounces; null if never seen.';
COMMENT ON COLUMN mirror.communication_channels.last_bounce_at IS 'Time of the last hard bounce; one is enough for Canvas to stop sending.';
COMMENT ON COLUMN mirror.communication_channels.last_bounce_summary IS 'What the mail server said at the last hard bounce.';
COMMENT ON COLUMN mirror.communication_channels.last_transient_bounce_at IS 'Time of the last soft bounce.';
COMMENT ON COLUMN mirror.communication_channels.last_transient_bounce_summary IS 'What the mail server said at the last soft bounce.';
COMMENT ON COLUMN mirror.communication_channels.last_suppression_bounce_at IS 'Time at which the mail provider last suppressed a message.';
COMMENT ON COLUMN mirror.communication_channels.bounce_known IS 'Whether Canvas ever showed us the bounce fields; if not, their nulls mean "not visible", not "none".';
COMMENT ON COLUMN mirror.communication_channels.created_at IS 'When Canvas created the channel; null if it does not say.';
COMMENT ON COLUMN mirror.communication_channels.first_seen_at IS 'Time of the read that first saw the channel.';
COMMENT ON COLUMN mirror.communication_channels.changed_at IS 'Time of the read that saw the present version first.';
COMMENT ON COLUMN mirror.communication_channels.deleted_at IS 'Time of the second read that proved it gone; null while it lives.';

CREATE TABLE mirror.channel_history (
    id                             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance                       text        NOT NULL,
    channel_id                     bigint      NOT NULL,
    user_id                        bigint      NOT NULL,
    type                           text        NOT NULL,
    address                        text        NOT NULL,
    position                       integer,
    workflow_state                 text        NOT NULL,
    bounce_count                   integer,
    last_bounce_at                 timestamptz,
    last_bounce_summary            text,
    last_transient_bounce_at       timestamptz,
    last_transient_bounce_summary  text,
    last_suppression_bounce_at     timestamptz,
    bounce_known                   boolean     NOT NULL,
    created_at                     timestamptz,
    deleted_at                     timestamptz,
    valid_from                     timestamptz NOT NULL,
    valid_to                       timestamptz NOT NULL,
    run_id                         bigint      NOT NULL,
    origin                         text        NOT NULL CHECK (origin IN ('canvas', 'us'))
);
CREATE INDEX channel_history_of_channel ON mirror.channel_history (instance, channel_id, valid_to);

COMMENT ON TABLE mirror.channel_history IS 'Superseded versions of channels, one row a change; the present version is in communication_channels.';
COMMENT ON COLUMN mirror.channel_history.id IS 'Ascending number, for incremental loads.';
COMMENT ON COLUMN mirror.channel_history.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN mirror.channel_history.channel_id IS 'Canvas id of the channel.';
COMMENT ON COLUMN mirror.channel_history.user_id IS 'User who had it in this version.';
COMMENT ON COLUMN mirror.channel_history.type IS 'Type in this version.';
COMMENT ON COLUMN mirror.channel_history.address IS 'Address in this version.';
COMMENT ON COLUMN mirror.channel_history.position IS 'Position in this version.';
COMMENT ON COLUMN mirror.channel_history.workflow_state IS 'State in this version.';
COMMENT ON COLUMN mirror.channel_history.bounce_count IS 'Number of bounces in this version.';
COMMENT ON COLUMN mirror.channel_history.last_bounce_at IS 'Last hard bounce in this version.';
COMMENT ON COLUMN mirror.channel_history.last_bounce_summary IS 'Its message.';
COMMENT ON COLUMN mirror.channel_history.last_transient_bounce_at IS 'Last soft bounce in this version.';
COMMENT ON COLUMN mirror.channel_history.last_transient_bounce_summary IS 'Its message.';
COMMENT ON COLUMN mirror.channel_history.last_suppression_bounce_at IS 'Last suppression in this version.';
COMMENT ON COLUMN mirror.channel_history.bounce_known IS 'Whether the bounce fields had ever been visible.';
COMMENT ON COLUMN mirror.channel_history.created_at IS 'When Canvas created the channel.';
COMMENT ON COLUMN mirror.channel_history.deleted_at IS 'Set where the superseded version was a tombstone (the change revived it).';
COMMENT ON COLUMN mirror.channel_history.valid_from IS 'Time of the read that saw this version first.';
COMMENT ON COLUMN mirror.channel_history.valid_to IS 'Time of the read that saw the next version first.';
COMMENT ON COLUMN mirror.channel_history.run_id IS 'Run that saw the next version (worker.runs.id).';
COMMENT ON COLUMN mirror.channel_history.origin IS 'Who caused the change: canvas (seen by reading) or us (an action of ours).';

CREATE TABLE mirror.users (
    instance        text        NOT NULL,
    id              bigint      NOT NULL,
    sis_user_id     text,
    login_id        text,
    integration_id  text,
    state           text        NOT NULL CHECK (state IN ('present', 'unreadable', 'unlisted', 'gone')),
    listed_in       text[]      NOT NULL DEFAULT '{}',
    first_seen_at   timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (instance, id)
);

COMMENT ON TABLE mirror.users IS 'Who was walked, those without any channel too.';
COMMENT ON COLUMN mirror.users.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN mirror.users.id IS 'Canvas id of the user.';
COMMENT ON COLUMN mirror.users.sis_user_id IS 'SIS id as last seen; null if none or not visible.';
COMMENT ON COLUMN mirror.users.login_id IS 'Login as last seen; null if none or not visible.';
COMMENT ON COLUMN mirror.users.integration_id IS 'Integration id as last seen; null if none or not visible.';
COMMENT ON COLUMN mirror.users.state IS
    'present; unreadable: the token has no right to read this user; unlisted: fell out of the listing and could not be proved gone, its channels stay; gone: Canvas answers 404.';
COMMENT ON COLUMN mirror.users.listed_in IS 'Accounts whose listing has contained this user.';
COMMENT ON COLUMN mirror.users.first_seen_at IS 'When the worker first met this user.';
COMMENT ON COLUMN mirror.users.changed_at IS 'When state or identifiers last changed.';

CREATE TABLE mirror.user_history (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance        text        NOT NULL,
    user_id         bigint      NOT NULL,
    sis_user_id     text,
    login_id        text,
    integration_id  text,
    state           text        NOT NULL,
    valid_from      timestamptz NOT NULL,
    valid_to        timestamptz NOT NULL,
    run_id          bigint      NOT NULL
);
CREATE INDEX user_history_of_user ON mirror.user_history (instance, user_id);

COMMENT ON TABLE mirror.user_history IS 'Superseded identifiers and states of users; shows a SIS id that changed hands.';
COMMENT ON COLUMN mirror.user_history.id IS 'Ascending number.';
COMMENT ON COLUMN mirror.user_history.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN mirror.user_history.user_id IS 'Canvas id of the user.';
COMMENT ON COLUMN mirror.user_history.sis_user_id IS 'SIS id in this version.';
COMMENT ON COLUMN mirror.user_history.login_id IS 'Login in this version.';
COMMENT ON COLUMN mirror.user_history.integration_id IS 'Integration id in this version.';
COMMENT ON COLUMN mirror.user_history.state IS 'State in this version.';
COMMENT ON COLUMN mirror.user_history.valid_from IS 'When this version was first seen.';
COMMENT ON COLUMN mirror.user_history.valid_to IS 'When the next version was first seen.';
COMMENT ON COLUMN mirror.user_history.run_id IS 'Run that saw the next version.';

-- --------------------------------------------------------------------------------------------------------
-- The ledger

CREATE TABLE worker.instances (
    instance         text        PRIMARY KEY,
    origin           text,
    root_account_id  bigint,
    bound_at         timestamptz,
    epoch            bigint      NOT NULL DEFAULT 0,
    holder_backend   integer,
    holder_command   text,
    holder_host      text,
    holder_pid       integer,
    holder_user      text,
    holder_since     timestamptz
);
COMMENT ON TABLE worker.instances IS 'One row for each Canvas installation: what it is bound to, and who writes for it.';
COMMENT ON COLUMN worker.instances.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.instances.origin IS 'Scheme, host and port of its Canvas, fixed at the first run that Canvas answered; another one is refused until db rebind. Null before.';
COMMENT ON COLUMN worker.instances.root_account_id IS 'Root account of its Canvas; null where the token may not see it.';
COMMENT ON COLUMN worker.instances.bound_at IS 'When it was bound.';
COMMENT ON COLUMN worker.instances.epoch IS 'Raised with each taking of the lock; every commit checks it, so a writer that lost its lock commits nothing.';
COMMENT ON COLUMN worker.instances.holder_backend IS 'PostgreSQL backend of the connection that took the lock last.';
COMMENT ON COLUMN worker.instances.holder_command IS 'Command that took the lock last.';
COMMENT ON COLUMN worker.instances.holder_host IS 'Machine that it runs on.';
COMMENT ON COLUMN worker.instances.holder_pid IS 'Its process id.';
COMMENT ON COLUMN worker.instances.holder_user IS 'Operating-system user that started it.';
COMMENT ON COLUMN worker.instances.holder_since IS 'When it took the lock.';

CREATE TABLE worker.runs (
    id                  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance            text        NOT NULL REFERENCES worker.instances,
    kind                text        NOT NULL,
    status              text        NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'interrupted', 'abandoned', 'done', 'partial', 'withheld', 'implausible', 'failed')),
    exit_code           integer,
    message             text,
    users_spec          text[]      NOT NULL,
    source_fingerprint  text        NOT NULL,
    listed              boolean     NOT NULL DEFAULT false,
    users_listed        jsonb,
    started_at          timestamptz NOT NULL,
    resumed_at          timestamptz,
    finished_at         timestamptz,
    users_total         bigint      NOT NULL DEFAULT 0,
    users_done          bigint      NOT NULL DEFAULT 0,
    users_gone          bigint      NOT NULL DEFAULT 0,
    users_unreadable    bigint      NOT NULL DEFAULT 0,
    users_unlisted      bigint      NOT NULL DEFAULT 0,
    users_failed        bigint      NOT NULL DEFAULT 0,
    channels_seen       bigint      NOT NULL DEFAULT 0,
    channels_created    bigint      NOT NULL DEFAULT 0,
    channels_changed    bigint      NOT NULL DEFAULT 0,
    channels_revived    bigint      NOT NULL DEFAULT 0,
    channels_moved      bigint      NOT NULL DEFAULT 0,
    channels_deleted    bigint      NOT NULL DEFAULT 0,
    deletions_pending   bigint      NOT NULL DEFAULT 0,
    nul_replaced        bigint      NOT NULL DEFAULT 0,
    requests            bigint      NOT NULL DEFAULT 0,
    throttled           bigint      NOT NULL DEFAULT 0,
    seconds             double precision NOT NULL DEFAULT 0,
    program_version     text        NOT NULL,
    host                text        NOT NULL,
    pid                 integer     NOT NULL,
    started_by          text        NOT NULL
);
CREATE INDEX runs_of_instance ON worker.runs (instance, id DESC);
COMMENT ON TABLE worker.runs IS 'One row for each run, backfill or accepted deletion.';
COMMENT ON COLUMN worker.runs.id IS 'Number of the run, as the messages name it.';
COMMENT ON COLUMN worker.runs.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.runs.kind IS 'run, backfill, accept.';
COMMENT ON COLUMN worker.runs.status IS
    'running; interrupted (resumable); abandoned (never resumed); done; partial: some users failed; withheld: the brake holds deletions; implausible: coverage too low or nothing seen; failed: it could not begin to read, because of a mistake that a person has to mend.';
COMMENT ON COLUMN worker.runs.exit_code IS 'Exit code of the command; null while it runs or after a kill.';
COMMENT ON COLUMN worker.runs.message IS 'What a person should know about the end, one sentence each.';
COMMENT ON COLUMN worker.runs.users_spec IS 'User specs that it walks.';
COMMENT ON COLUMN worker.runs.source_fingerprint IS 'Hash over specs and the contents of their files; a resumed run must have the same.';
COMMENT ON COLUMN worker.runs.listed IS 'Whether all users of the specs are in batches; if so a resumed run does not list again.';
COMMENT ON COLUMN worker.runs.users_listed IS 'Users that its complete account listings contained, by account; null where it walked none, or not yet to the end.';
COMMENT ON COLUMN worker.runs.started_at IS 'First start.';
COMMENT ON COLUMN worker.runs.resumed_at IS 'Last start of a resumed run.';
COMMENT ON COLUMN worker.runs.finished_at IS 'When it ended in any way it could record.';
COMMENT ON COLUMN worker.runs.users_total IS 'Users of this run after deduplication, references that could not be resolved included.';
COMMENT ON COLUMN worker.runs.users_done IS 'Users read completely.';
COMMENT ON COLUMN worker.runs.users_gone IS 'Users that Canvas does not know any more.';
COMMENT ON COLUMN worker.runs.users_unreadable IS 'Users that the token may not read.';
COMMENT ON COLUMN worker.runs.users_unlisted IS 'Users that fell out of the listing and cannot be proved gone.';
COMMENT ON COLUMN worker.runs.users_failed IS 'Users that could not be read, and references that could not be resolved.';
COMMENT ON COLUMN worker.runs.channels_seen IS 'Channels in all complete reads.';
COMMENT ON COLUMN worker.runs.channels_created IS 'Channels new to the mirror.';
COMMENT ON COLUMN worker.runs.channels_changed IS 'Channels with a new version, revived and moved ones included.';
COMMENT ON COLUMN worker.runs.channels_revived IS 'Tombstones that came back to life.';
COMMENT ON COLUMN worker.runs.channels_moved IS 'Channels that changed their user.';
COMMENT ON COLUMN worker.runs.channels_deleted IS 'Tombstones made.';
COMMENT ON COLUMN worker.runs.deletions_pending IS 'Deletions of the instance that waited for a person when it ended.';
COMMENT ON COLUMN worker.runs.nul_replaced IS 'Texts in which a NUL character was replaced by U+FFFD.';
COMMENT ON COLUMN worker.runs.requests IS 'Requests sent to Canvas, refused and repeated ones included.';
COMMENT ON COLUMN worker.runs.throttled IS 'Requests that Canvas refused because of its rate limit.';
COMMENT ON COLUMN worker.runs.seconds IS 'Working time, without the pause before a resumption.';
COMMENT ON COLUMN worker.runs.program_version IS 'Version of sync-worker.';
COMMENT ON COLUMN worker.runs.host IS 'Machine of the last start.';
COMMENT ON COLUMN worker.runs.pid IS 'Process of the last start.';
COMMENT ON COLUMN worker.runs.started_by IS 'Operating-system user of the last start.';

CREATE SEQUENCE worker.claims AS bigint;
COMMENT ON SEQUENCE worker.claims IS 'Numbers of claims; a batch is committed only by its latest claim.';

CREATE TABLE worker.batches (
    run_id            bigint      NOT NULL REFERENCES worker.runs ON DELETE CASCADE,
    number            integer     NOT NULL,
    reason            text        NOT NULL CHECK (reason IN ('source', 'failed_before', 'missing_from_listing')),
    user_ids          bigint[]    NOT NULL,
    status            text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'claimed', 'done')),
    claim             bigint,
    claim_epoch       bigint,
    claimed_at        timestamptz,
    attempts          integer     NOT NULL DEFAULT 0,
    done_at           timestamptz,
    users_done        integer     NOT NULL DEFAULT 0,
    users_gone        integer     NOT NULL DEFAULT 0,
    users_unreadable  integer     NOT NULL DEFAULT 0,
    users_unlisted    integer     NOT NULL DEFAULT 0,
    users_failed      integer     NOT NULL DEFAULT 0,
    channels_seen     integer     NOT NULL DEFAULT 0,
    channels_created  integer     NOT NULL DEFAULT 0,
    channels_changed  integer     NOT NULL DEFAULT 0,
    channels_revived  integer     NOT NULL DEFAULT 0,
    channels_moved    integer     NOT NULL DEFAULT 0,
    nul_replaced      integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, number)
);
CREATE INDEX batches_open ON worker.batches (run_id, number) WHERE status <> 'done';
COMMENT ON TABLE worker.batches IS 'Units of work: some hundred users that are read and committed together.';
COMMENT ON COLUMN worker.batches.run_id IS 'Run that it belongs to.';
COMMENT ON COLUMN worker.batches.number IS 'Order within the run, from 1.';
COMMENT ON COLUMN worker.batches.reason IS
    'source: named by the user specs; failed_before: could not be read by an earlier run; missing_from_listing: known from an earlier complete listing, asked for singly.';
COMMENT ON COLUMN worker.batches.user_ids IS 'Canvas ids of its users.';
COMMENT ON COLUMN worker.batches.status IS 'pending, claimed, done.';
COMMENT ON COLUMN worker.batches.claim IS 'Number of the latest claim.';
COMMENT ON COLUMN worker.batches.claim_epoch IS 'Epoch of the writer that claimed it; a claim of an older epoch is void.';
COMMENT ON COLUMN worker.batches.claimed_at IS 'When it was claimed last.';
COMMENT ON COLUMN worker.batches.attempts IS 'How often it was claimed.';
COMMENT ON COLUMN worker.batches.done_at IS 'When it was committed, in one transaction with what it read.';
COMMENT ON COLUMN worker.batches.users_done IS 'Users read completely.';
COMMENT ON COLUMN worker.batches.users_gone IS 'Users that Canvas does not know any more.';
COMMENT ON COLUMN worker.batches.users_unreadable IS 'Users that the token may not read.';
COMMENT ON COLUMN worker.batches.users_unlisted IS 'Users that fell out of the listing and cannot be proved gone.';
COMMENT ON COLUMN worker.batches.users_failed IS 'Users that could not be read.';
COMMENT ON COLUMN worker.batches.channels_seen IS 'Channels read.';
COMMENT ON COLUMN worker.batches.channels_created IS 'Channels new to the mirror.';
COMMENT ON COLUMN worker.batches.channels_changed IS 'Channels with a new version.';
COMMENT ON COLUMN worker.batches.channels_revived IS 'Tombstones that came back to life.';
COMMENT ON COLUMN worker.batches.channels_moved IS 'Channels that changed their user.';
COMMENT ON COLUMN worker.batches.nul_replaced IS 'Texts in which a NUL character was replaced.';

CREATE TABLE worker.failures (
    run_id       bigint      NOT NULL REFERENCES worker.runs ON DELETE CASCADE,
    instance     text        NOT NULL,
    reference    text        NOT NULL,
    user_id      bigint,
    kind         text        NOT NULL,
    status       integer,
    message      text        NOT NULL,
    reason       text        NOT NULL,
    failed_at    timestamptz NOT NULL,
    resolved_at  timestamptz,
    PRIMARY KEY (run_id, reference)
);
CREATE INDEX failures_open ON worker.failures (instance, user_id) WHERE resolved_at IS NULL;
COMMENT ON TABLE worker.failures IS 'Users that a run could not read, and references that it could not resolve.';
COMMENT ON COLUMN worker.failures.run_id IS 'Run that failed to read it.';
COMMENT ON COLUMN worker.failures.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.failures.reference IS 'The user as the source named it: id:1042, sis_user_id:S1001, ...';
COMMENT ON COLUMN worker.failures.user_id IS 'Canvas id; null for a reference that could not be resolved.';
COMMENT ON COLUMN worker.failures.kind IS 'Class of the failure: trouble, incomplete, rejected, forbidden, not_found.';
COMMENT ON COLUMN worker.failures.status IS 'HTTP status; null if there was no answer.';
COMMENT ON COLUMN worker.failures.message IS 'What happened, without secrets.';
COMMENT ON COLUMN worker.failures.reason IS 'Why the run asked for it, as in worker.batches.';
COMMENT ON COLUMN worker.failures.failed_at IS 'When.';
COMMENT ON COLUMN worker.failures.resolved_at IS 'When a later read of the user succeeded; null while it is open. Open ones are tried first by the next run.';

CREATE TABLE worker.candidates (
    instance     text        NOT NULL,
    channel_id   bigint      NOT NULL,
    user_id      bigint      NOT NULL,
    run_id       bigint      NOT NULL,
    read_at      timestamptz NOT NULL,
    reason       text        NOT NULL CHECK (reason IN ('absent', 'gone')),
    held_run_id  bigint,
    held_by_brake boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (instance, channel_id)
);
CREATE INDEX candidates_of_user ON worker.candidates (instance, user_id);
COMMENT ON TABLE worker.candidates IS 'Channels that a complete read did not see any more; a second read must agree before they become tombstones.';
COMMENT ON COLUMN worker.candidates.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.candidates.channel_id IS 'Canvas id of the channel.';
COMMENT ON COLUMN worker.candidates.user_id IS 'User whose read did not see it.';
COMMENT ON COLUMN worker.candidates.run_id IS 'Run that made it a candidate.';
COMMENT ON COLUMN worker.candidates.read_at IS 'Time of the first read without it.';
COMMENT ON COLUMN worker.candidates.reason IS 'absent: the user was read without it; gone: Canvas does not know the user any more.';
COMMENT ON COLUMN worker.candidates.held_run_id IS 'First run that held it back, for a person to accept or dismiss; null if none did.';
COMMENT ON COLUMN worker.candidates.held_by_brake IS 'Whether the brake held it: then a person has to speak. Otherwise a later plausible run settles it.';
