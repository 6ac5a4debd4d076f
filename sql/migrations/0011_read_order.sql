-- The order of reads: which of two reads is the newer one, whatever any clock said.
--
-- A read is ordered by the epoch of its writer (worker.instances.epoch) and, within it, by a number that was drawn from
-- worker.claims before the read began. Rows from before this migration have (0, 0): every read is newer. The same
-- columns with the epoch -1 say "unread": db repair-times has put them there, and the next read writes its order again.

COMMENT ON SEQUENCE worker.claims IS
    'Numbers of claims and of reads. A batch is committed only by its latest claim, which is the number of its reads too; every other read that is written to the mirror draws its own before it begins.';
COMMENT ON COLUMN worker.batches.claim IS 'Number of the latest claim; also the read number of what is read for it.';
COMMENT ON COLUMN worker.batches.claim_epoch IS
    'Epoch of the writer that claimed it; a claim of an older epoch is void. With the claim it is the order of its reads.';

ALTER TABLE mirror.communication_channels
    ADD COLUMN read_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_number bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN mirror.communication_channels.read_epoch IS
    'Epoch of the writer whose read saw the present version first; 0: from before reads were numbered; -1: unread (db repair-times), the next read writes it again. Only a read of a later (read_epoch, read_number) changes the row.';
COMMENT ON COLUMN mirror.communication_channels.read_number IS
    'Number of that read within its epoch, drawn before it began (sequence worker.claims).';

ALTER TABLE mirror.users
    ADD COLUMN read_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_number bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN mirror.users.read_epoch IS
    'Epoch of the writer whose read found the present state; 0: none yet, or from before reads were numbered; -1: unread (db repair-times). An older read changes no state.';
COMMENT ON COLUMN mirror.users.read_number IS
    'Number of that read within its epoch, drawn before it began (sequence worker.claims).';

ALTER TABLE worker.candidates
    ADD COLUMN read_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_number bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.candidates.read_epoch IS
    'Epoch of the writer of the first read without it; only a read of a later (read_epoch, read_number) confirms or clears it. 0: from before reads were numbered.';
COMMENT ON COLUMN worker.candidates.read_number IS
    'Number of the first read without it within its epoch, drawn before it began (sequence worker.claims).';

ALTER TABLE worker.failures ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.failures.epoch IS
    'Epoch of the writer that noted it last: a walk to the end of a source resolves what only earlier epochs noted. 0: from before epochs were noted.';

ALTER TABLE worker.runs ADD COLUMN rows_older bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.runs.rows_older IS
    'Rows of the mirror that differ from what this run read, and were left alone because a later read had written them.';

COMMENT ON COLUMN mirror.communication_channels.changed_at IS
    'Time of the read that saw the present version first; never before the version before it: where a clock was set back, a microsecond after that.';
COMMENT ON COLUMN mirror.channel_history.valid_to IS
    'Time of the read that saw the next version first, always later than valid_from: where a clock was set back, a microsecond later.';
COMMENT ON COLUMN mirror.users.changed_at IS
    'When state or identifiers last changed; never before the version before it, as in communication_channels.';
COMMENT ON COLUMN mirror.user_history.valid_to IS 'When the next version was first seen, always later than valid_from.';

-- --------------------------------------------------------------------------------------------------------
-- What time it is

-- Statements of the worker take their times as parameters. Views cannot: they ask this function, and nothing else in the
-- schema asks a clock.
CREATE FUNCTION reporting.present_time() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(
        nullif(current_setting('sync_worker.present_time', true), '')::timestamptz, statement_timestamp()
    );
END;
COMMENT ON FUNCTION reporting.present_time() IS
    'What the views take for now: the setting sync_worker.present_time where a session has set it, else the time of the database.';
-- Whoever may read a view has to ask it; it gives nothing away.
GRANT EXECUTE ON FUNCTION reporting.present_time() TO PUBLIC;

CREATE OR REPLACE VIEW reporting.plans AS
SELECT
    p.id, p.instance, p.kind,
    CASE
        WHEN p.status = 'open' AND p.expires_at <= (SELECT reporting.present_time()) THEN 'expired'
        ELSE p.status
    END AS status, p.made_at,
    p.made_by, p.document, p.expires_at, p.begun_at, p.ended_at, p.ended_by, p.reason, p.creates, p.deletes, p.messages,
    coalesce(a.done, 0) AS actions_done, coalesce(a.others, 0) AS actions_not_done
FROM worker.plans p
LEFT JOIN (
    SELECT
        plan_id, count(*) FILTER (WHERE status IN ('done', 'existed')) AS done,
        count(*) FILTER (WHERE status NOT IN ('done', 'existed')) AS others
    FROM worker.actions
    GROUP BY plan_id
) a ON a.plan_id = p.id;

CREATE OR REPLACE VIEW reporting.freshness AS
SELECT
    i.instance, u.present AS users_present, u.unreadable AS users_unreadable, u.unlisted AS users_unlisted,
    u.gone AS users_gone, u.never_read AS users_never_read, u.oldest_read_at, u.median_read_at, u.newest_read_at,
    u.within_day AS read_within_day, u.within_week AS read_within_week, c.live AS channels_live,
    c.unknown AS channels_bounce_unknown,
    CASE WHEN c.known > 0 THEN c.bouncing END AS channels_bouncing,
    (
        SELECT count(*) FROM worker.candidates p WHERE p.instance = i.instance AND p.held_run_id IS NOT NULL
    ) AS deletions_pending,
    (
        SELECT count(DISTINCT f.reference) FROM worker.failures f
        WHERE f.instance = i.instance AND f.resolved_at IS NULL
    ) AS open_failures,
    r.id AS last_good_run_id, r.finished_at AS last_good_run_at, r.coverage_percent AS last_coverage_percent
FROM worker.instances i
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE u.state = 'present') AS present,
        count(*) FILTER (WHERE u.state = 'unreadable') AS unreadable,
        count(*) FILTER (WHERE u.state = 'unlisted') AS unlisted, count(*) FILTER (WHERE u.state = 'gone') AS gone,
        count(*) FILTER (WHERE u.state = 'present' AND k.read_at IS NULL) AS never_read,
        min(k.read_at) FILTER (WHERE u.state = 'present') AS oldest_read_at,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY k.read_at) FILTER (WHERE u.state = 'present') AS median_read_at,
        max(k.read_at) FILTER (WHERE u.state = 'present') AS newest_read_at,
        count(*) FILTER (
            WHERE u.state = 'present' AND k.read_at > (SELECT reporting.present_time()) - interval '1 day'
                AND k.read_at <= (SELECT reporting.present_time()) + interval '5 minutes'
        ) AS within_day,
        count(*) FILTER (
            WHERE u.state = 'present' AND k.read_at > (SELECT reporting.present_time()) - interval '7 days'
                AND k.read_at <= (SELECT reporting.present_time()) + interval '5 minutes'
        ) AS within_week
    FROM mirror.users u
    LEFT JOIN worker.recent_reads l ON l.instance = u.instance AND l.user_id = u.id
    CROSS JOIN LATERAL (SELECT greatest(l.read_at, u.noted_read_at) AS read_at) k
    WHERE u.instance = i.instance
) u
CROSS JOIN LATERAL (
    SELECT
        count(*) AS live, count(*) FILTER (WHERE type = 'email' AND NOT bounce_known) AS unknown,
        count(*) FILTER (WHERE type = 'email' AND bounce_known) AS known,
        count(*) FILTER (
            WHERE type = 'email' AND bounce_known AND (last_bounce_at IS NOT NULL OR bounce_count > 0)
        ) AS bouncing
    FROM mirror.communication_channels c
    WHERE c.instance = i.instance AND c.deleted_at IS NULL
) c
LEFT JOIN LATERAL (
    SELECT id, finished_at, coverage_percent FROM reporting.runs r
    WHERE r.instance = i.instance AND r.kind IN ('run', 'backfill') AND r.status IN ('done', 'partial', 'withheld')
        AND r.finished_at IS NOT NULL
    ORDER BY id DESC
    LIMIT 1
) r ON true;
COMMENT ON COLUMN reporting.freshness.read_within_day IS
    'Present users read completely within the last 24 hours; a read that lies in the future (a clock was wrong) does not count.';
COMMENT ON COLUMN reporting.freshness.last_good_run_at IS
    'End of the last good run; in the future where a clock was wrong: then nobody knows how old the mirror is.';
