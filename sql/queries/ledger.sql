-- name: find_unfinished_run
-- The latest run over the same specs that never finished, or null. $1 instance, $2 specs.
SELECT id, kind, users_spec, source_fingerprint, listed, coalesce(resumed_at, started_at) AS last_start
FROM worker.runs
WHERE instance = $1 AND users_spec = $2::text[] AND status IN ('running', 'interrupted') AND kind <> 'accept'
ORDER BY id DESC
LIMIT 1;

-- name: abandon_runs
-- Give up unfinished runs that will not be resumed: those over the same specs, those that are too old, and those that
-- were begun in the future by a wrong clock. A run over other users leaves a half-done load alone.
-- $1 instance, $2 run to keep (null for none), $3 time, $4 specs, $5 last start of what is too old.
UPDATE worker.runs
SET status = 'abandoned', finished_at = coalesce(finished_at, $3::timestamptz)
WHERE instance = $1 AND status IN ('running', 'interrupted') AND id IS DISTINCT FROM $2
    AND (users_spec = $4::text[] OR coalesce(resumed_at, started_at) < $5
        OR coalesce(resumed_at, started_at) > $3::timestamptz + interval '5 minutes');

-- name: interrupt_runs
-- Runs that nobody can be at: whoever asks holds the lock, and has none of its own yet. Their process was killed or cut
-- off from the database before it could say so. $1 instance, $2 time.
UPDATE worker.runs
SET status = 'interrupted', finished_at = $2, message = 'ended without a word: killed, or cut off from its database'
WHERE instance = $1 AND status = 'running';

-- name: run_is_finished
-- Whether the end of a run is written down. $1 run.
SELECT status NOT IN ('running', 'interrupted') FROM worker.runs WHERE id = $1;

-- name: start_run
-- $1 instance, $2 kind, $3 specs, $4 fingerprint, $5 time, $6 version, $7 host, $8 pid, $9 operating-system user.
INSERT INTO worker.runs (
    instance, kind, users_spec, source_fingerprint, started_at, program_version, host, pid, started_by
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING id;

-- name: note_failed_start
-- A run that failed before it could begin; whoever notes it need not hold the lock, for it reads nothing and changes
-- nothing. $1 instance, $2 kind, $3 specs, $4 when it was started, $5 when it failed, $6 exit code, $7 why, $8 version,
-- $9 host, $10 pid, $11 operating-system user. The instance may never have run.
WITH known AS (
    INSERT INTO worker.instances (instance) VALUES ($1) ON CONFLICT DO NOTHING
)
INSERT INTO worker.runs (
    instance, kind, status, users_spec, source_fingerprint, started_at, finished_at, exit_code, message, program_version,
    host, pid, started_by
)
VALUES ($1, $2, 'failed', $3, '', $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING id;

-- name: resume_run
-- $1 run, $2 time, $3 version, $4 host, $5 pid, $6 operating-system user, $7 kind of the command that goes on.
UPDATE worker.runs
SET status = 'running', exit_code = NULL, message = NULL, finished_at = NULL, resumed_at = $2,
    program_version = $3, host = $4, pid = $5, started_by = $6, kind = $7
WHERE id = $1;

-- name: finish_run
-- Write the end of a run and add up its batches; whoever was forgotten since is still counted where it was read.
--
-- $1 run, $2 status, $3 exit code, $4 message, $5 time, $6 and $7 requests and refusals of this start, $8 seconds of
-- this start, $9 deletions pending, $10 requests that the rate limit would have borne in this start; null: not known.
UPDATE worker.runs r
SET status = $2, exit_code = $3, message = $4, finished_at = $5,
    requests = r.requests + $6, throttled = r.throttled + $7, seconds = r.seconds + $8,
    deletions_pending = $9, requests_possible = coalesce(r.requests_possible + $10, $10, r.requests_possible),
    users_total = b.users_total + f.unresolved, users_done = b.users_done, users_gone = b.users_gone,
    users_unreadable = b.users_unreadable, users_unlisted = b.users_unlisted,
    users_failed = b.users_failed + f.unresolved,
    channels_seen = b.channels_seen, channels_created = b.channels_created, channels_changed = b.channels_changed,
    channels_revived = b.channels_revived, channels_moved = b.channels_moved,
    nul_replaced = b.nul_replaced
FROM (
    SELECT
        coalesce(sum(greatest(
            cardinality(user_ids), users_done + users_gone + users_unreadable + users_unlisted + users_failed
        )), 0) AS users_total,
        coalesce(sum(users_done), 0) AS users_done,
        coalesce(sum(users_gone), 0) AS users_gone,
        coalesce(sum(users_unreadable), 0) AS users_unreadable,
        coalesce(sum(users_unlisted), 0) AS users_unlisted,
        coalesce(sum(users_failed), 0) AS users_failed,
        coalesce(sum(channels_seen), 0) AS channels_seen,
        coalesce(sum(channels_created), 0) AS channels_created,
        coalesce(sum(channels_changed), 0) AS channels_changed,
        coalesce(sum(channels_revived), 0) AS channels_revived,
        coalesce(sum(channels_moved), 0) AS channels_moved,
        coalesce(sum(nul_replaced), 0) AS nul_replaced
    FROM worker.batches
    WHERE run_id = $1
) b, (
    SELECT count(*) AS unresolved FROM worker.failures WHERE run_id = $1 AND user_id IS NULL AND resolved_at IS NULL
) f
WHERE r.id = $1
RETURNING r.*;

-- name: count_deleted
-- Add tombstones to a run, in the transaction that makes them. $1 run, $2 number.
UPDATE worker.runs SET channels_deleted = channels_deleted + $2 WHERE id = $1 AND $2 > 0;

-- name: count_older
-- Add rows that were left alone because a later read had written them to a run, in the transaction that met them.
-- $1 run, $2 number.
UPDATE worker.runs SET rows_older = rows_older + $2 WHERE id = $1 AND $2 > 0;

-- name: draw_read_number
-- The number of a read that is about to begin, within the epoch of its writer.
SELECT nextval('worker.claims');

-- name: create_walked_users
-- A table of this session alone: who is in the run's batches. It leaves no trace in the write-ahead log.
CREATE TEMPORARY TABLE walked_users (user_id bigint PRIMARY KEY);

-- name: recall_walked_users
-- Fill it on a resumed run; returns the number of users. $1 run.
WITH recalled AS (
    INSERT INTO walked_users SELECT DISTINCT unnest(user_ids) FROM worker.batches WHERE run_id = $1 RETURNING 1
)
SELECT count(*) FROM recalled;

-- name: add_walked_users
-- Returns the ids, in the order given, that the run has not met before. $1 ids.
WITH offered AS (
    SELECT id, min(place) AS place FROM unnest($1::bigint[]) WITH ORDINALITY AS o (id, place) GROUP BY id
), added AS (
    INSERT INTO walked_users SELECT id FROM offered ON CONFLICT DO NOTHING RETURNING user_id
)
SELECT a.user_id FROM added a JOIN offered o ON o.id = a.user_id ORDER BY o.place;

-- name: add_batch
-- $1 run, $2 reason, $3 ids.
INSERT INTO worker.batches (run_id, number, reason, user_ids)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3::bigint[] FROM worker.batches WHERE run_id = $1;

-- name: open_failures
-- Users that earlier runs of the same source could not read. Whoever fell out of a listing is not among them:
-- add_missing names them again, and their answers mean something else. Of those who were refused alone at most nine:
-- ten in a row would be taken for everybody; the others come where the source names them. $1 instance, $2 specs.
WITH failed AS (
    SELECT f.user_id, bool_or(f.kind = 'refused') AS refused
    FROM worker.failures f
    JOIN worker.runs r ON r.id = f.run_id
    WHERE f.instance = $1 AND f.user_id IS NOT NULL AND f.resolved_at IS NULL AND r.users_spec = $2::text[]
        AND f.reason <> 'missing_from_listing'
    GROUP BY f.user_id
), placed AS (
    SELECT user_id, refused, row_number() OVER (PARTITION BY refused ORDER BY user_id) AS place
    FROM failed
)
SELECT user_id FROM placed WHERE NOT refused OR place < 10 ORDER BY user_id;

-- name: add_missing
-- Form batches of users that an earlier listing of these accounts contained and this run has not met: present or
-- unreadable ones, and those whose deletion is not settled yet. Returns how many. $1 instance, $2 accounts, $3 run,
-- $4 users a batch.
WITH missing AS MATERIALIZED (
    SELECT u.id, (row_number() OVER (ORDER BY u.id) - 1) / $4::integer AS part
    FROM mirror.users u
    WHERE u.instance = $1
        AND u.listed_in && $2::text[]
        AND NOT EXISTS (SELECT FROM walked_users w WHERE w.user_id = u.id)
        AND (
            u.state IN ('present', 'unreadable')
            OR EXISTS (SELECT FROM worker.candidates c WHERE c.instance = $1 AND c.user_id = u.id)
        )
), walked AS (
    INSERT INTO walked_users SELECT id FROM missing
), batched AS (
    INSERT INTO worker.batches (run_id, number, reason, user_ids)
    SELECT
        $3, (SELECT coalesce(max(number), 0) FROM worker.batches WHERE run_id = $3) + 1 + part,
        'missing_from_listing', array_agg(id ORDER BY id)
    FROM missing
    GROUP BY part
)
SELECT count(*) FROM missing;

-- name: resolve_references
-- A source has been walked to its end: references that failed before and did not fail again are resolved.
-- $1 instance, $2 specs, $3 epoch of this start of the run, $4 time.
UPDATE worker.failures f SET resolved_at = $4
FROM worker.runs r
WHERE r.id = f.run_id AND r.users_spec = $2::text[]
    AND f.instance = $1 AND f.user_id IS NULL AND f.resolved_at IS NULL AND f.epoch < $3;

-- name: mark_listed
-- All users of the specs are in batches. $1 run, $2 users that its listings contained, by account (null where it walked none).
UPDATE worker.runs SET listed = true, users_listed = $2::jsonb WHERE id = $1;

-- name: listings
-- For each account that this run has listed: how many users, and how many the latest good run before it listed there.
-- Where there is none, those that the mirror knows from that account. An empty listing is no measure for later ones.
-- $1 instance, $2 run.
SELECT l.account, l.users::bigint AS now, coalesce(
    (
        SELECT (b.users_listed ->> l.account)::bigint FROM worker.runs b
        WHERE b.instance = $1 AND b.id < $2 AND b.status IN ('done', 'partial', 'withheld')
            AND (b.users_listed ->> l.account)::bigint > 0
        ORDER BY b.id DESC
        LIMIT 1
    ),
    (
        SELECT count(*) FROM mirror.users u
        WHERE u.instance = $1 AND l.account = ANY (u.listed_in) AND u.state IN ('present', 'unreadable')
    )
) AS before
FROM worker.runs r
CROSS JOIN LATERAL jsonb_each_text(r.users_listed) AS l (account, users)
WHERE r.id = $2
ORDER BY l.account;

-- name: claim_batch
-- Take the next batch that nobody of this epoch has. $1 run, $2 epoch, $3 time. The number of the claim is that of the
-- reads too: it is drawn before the first of them begins.
--
-- MATERIALIZED matters: as the inner side of a nested loop the choice would be made anew for each batch, skip what this
-- very statement has taken, and so take all of them.
WITH next AS MATERIALIZED (
    SELECT number FROM worker.batches
    WHERE run_id = $1 AND (status = 'pending' OR status = 'claimed' AND claim_epoch < $2)
    ORDER BY number
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE worker.batches b
SET status = 'claimed', claim = nextval('worker.claims'), claim_epoch = $2, claimed_at = $3, attempts = attempts + 1
FROM next
WHERE b.run_id = $1 AND b.number = next.number
RETURNING b.number, b.reason, b.user_ids, b.claim;

-- name: finish_batch
-- Close a batch, if its claim is still ours. Users that were not reached stay behind in a new batch.
--
-- $1 run, $2 number, $3 claim, $4 time, $5 ids read, $6 ids not reached, then the counts: $7 done, $8 gone, $9 unreadable,
-- $10 unlisted, $11 failed, $12 seen, $13 created, $14 changed, $15 revived, $16 moved, $17 NULs replaced.
WITH finished AS (
    UPDATE worker.batches
    SET status = 'done', done_at = $4, user_ids = $5::bigint[], users_done = $7, users_gone = $8,
        users_unreadable = $9, users_unlisted = $10, users_failed = $11, channels_seen = $12, channels_created = $13,
        channels_changed = $14, channels_revived = $15, channels_moved = $16, nul_replaced = $17
    WHERE run_id = $1 AND number = $2 AND claim = $3 AND status = 'claimed'
    RETURNING run_id, number, reason
), left_behind AS (
    INSERT INTO worker.batches (run_id, number, reason, user_ids)
    SELECT f.run_id, (SELECT max(number) + 1 FROM worker.batches WHERE run_id = $1), f.reason, $6::bigint[]
    FROM finished f
    WHERE cardinality($6::bigint[]) > 0
)
SELECT count(*) FROM finished;

-- name: note_failures
-- $1 run, $2 instance, $3 references, $4 user ids, $5 kinds, $6 statuses, $7 messages, $8 reasons,
-- $9 times, $10 epoch of the writer.
INSERT INTO worker.failures (run_id, instance, reference, user_id, kind, status, message, reason, failed_at, epoch)
SELECT $1, $2, f.*, $10 FROM unnest($3::text[], $4::bigint[], $5::text[], $6::integer[], $7::text[], $8::text[], $9::timestamptz[]) AS f
ON CONFLICT (run_id, reference) DO UPDATE
SET kind = excluded.kind, status = excluded.status, message = excluded.message, failed_at = excluded.failed_at,
    epoch = excluded.epoch, resolved_at = NULL;

-- name: resolve_failures
-- $1 instance, $2 ids of users that now have an answer, $3 time.
UPDATE worker.failures SET resolved_at = $3
WHERE instance = $1 AND resolved_at IS NULL AND user_id = ANY ($2::bigint[]);

-- name: run_progress
-- What the batches of a run have come to so far; whoever was forgotten since is still counted where it was read. $1 run.
SELECT
    coalesce(sum(greatest(
        cardinality(user_ids), users_done + users_gone + users_unreadable + users_unlisted + users_failed
    )), 0)::bigint AS users_total,
    coalesce(sum(users_done), 0)::bigint AS users_done,
    coalesce(sum(users_gone), 0)::bigint AS users_gone,
    coalesce(sum(users_unreadable), 0)::bigint AS users_unreadable,
    coalesce(sum(users_unlisted), 0)::bigint AS users_unlisted,
    coalesce(sum(users_failed), 0)::bigint AS users_failed,
    coalesce(sum(channels_seen), 0)::bigint AS channels_seen,
    coalesce(sum(channels_created), 0)::bigint AS channels_created,
    coalesce(sum(channels_changed), 0)::bigint AS channels_changed,
    coalesce(sum(channels_revived), 0)::bigint AS channels_revived,
    coalesce(sum(channels_moved), 0)::bigint AS channels_moved,
    coalesce(sum(nul_replaced), 0)::bigint AS nul_replaced,
    coalesce(sum(cardinality(user_ids)) FILTER (WHERE reason = 'missing_from_listing'), 0)::bigint AS users_missing,
    (
        SELECT count(*) FROM worker.failures WHERE run_id = $1 AND user_id IS NULL AND resolved_at IS NULL
    ) AS unresolved,
    (
        SELECT count(*) FROM worker.failures f
        WHERE f.run_id = $1 AND f.kind = 'forbidden' AND f.user_id IS NOT NULL AND f.resolved_at IS NULL
    ) AS newly_unreadable,
    (SELECT rows_older FROM worker.runs WHERE id = $1) AS rows_older
FROM worker.batches
WHERE run_id = $1;

-- name: failures_of_run
-- Some failures of a run by kind, for the summary. $1 run.
SELECT kind, status, count(*) AS users, min(reference) AS example, min(message) AS message
FROM worker.failures
WHERE run_id = $1 AND resolved_at IS NULL
GROUP BY kind, status
ORDER BY count(*) DESC, kind, status;
