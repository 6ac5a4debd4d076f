-- Who was told what, and when scheduled jobs have run.

CREATE TABLE worker.notices (
    instance     text        NOT NULL,
    job          text        NOT NULL,
    event        text        NOT NULL,
    fingerprint  text        NOT NULL,
    told_at      timestamptz NOT NULL,
    PRIMARY KEY (instance, job, event, fingerprint)
);
COMMENT ON TABLE worker.notices IS
    'What [notify] command was told and still holds; a row goes away when it holds no more. Nothing is told of it again before a week has passed; failures are told each time.';
COMMENT ON COLUMN worker.notices.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.notices.job IS 'run, backfill or prune.';
COMMENT ON COLUMN worker.notices.event IS 'failed, withheld, partial, plan_waiting or token_expiring.';
COMMENT ON COLUMN worker.notices.fingerprint IS 'SHA-256 of what was told, without its figures: the same thing has the same one.';
COMMENT ON COLUMN worker.notices.told_at IS 'When it was told last.';

CREATE TABLE worker.schedule (
    job          text        PRIMARY KEY,
    due_at       timestamptz NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    exit_code    integer
);
COMMENT ON TABLE worker.schedule IS 'The jobs of [[schedule]], and the latest time for which each was begun: what came after it was missed.';
COMMENT ON COLUMN worker.schedule.job IS 'Kind, cron expression, time zone and instances, as the configuration says them.';
COMMENT ON COLUMN worker.schedule.due_at IS 'The time of the schedule for which it was begun last; for a job that is new, when it was first seen.';
COMMENT ON COLUMN worker.schedule.started_at IS 'When it was begun.';
COMMENT ON COLUMN worker.schedule.finished_at IS 'When it ended; null while it runs, and when it was killed or stopped in the middle: then it is caught up.';
COMMENT ON COLUMN worker.schedule.exit_code IS 'As the command would have ended; null while finished_at is null, and for a job that is new.';
