-- name: note_pruned
-- From here on only what is younger is sure to be there. $1 instance, $2 subject, $3 reaches back to, $4 time.
INSERT INTO worker.pruned AS p (instance, subject, reaches_back_to, pruned_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (instance, subject) DO UPDATE
SET reaches_back_to = greatest(p.reaches_back_to, excluded.reaches_back_to), pruned_at = excluded.pruned_at;

-- name: how_far_back
-- $1 instance, $2 subject.
SELECT reaches_back_to, pruned_at FROM worker.pruned WHERE instance = $1 AND subject = $2;

-- name: run_started
-- $1 instance, $2 run.
SELECT started_at FROM worker.runs WHERE instance = $1 AND id = $2;

-- name: create_last_reads
-- A table of this session alone: when each user was read last, and when last without a failure that is still open.
CREATE TEMPORARY TABLE last_reads (
    user_id  bigint       PRIMARY KEY,
    done_at  timestamptz  NOT NULL,
    good_at  timestamptz
);

-- name: find_last_reads
-- $1 instance.
INSERT INTO last_reads
SELECT u.user_id, max(b.done_at), max(b.done_at) FILTER (WHERE f.run_id IS NULL)
FROM worker.runs r
JOIN worker.batches b ON b.run_id = r.id AND b.status = 'done'
CROSS JOIN LATERAL unnest(b.user_ids) AS u (user_id)
LEFT JOIN worker.failures f ON f.run_id = r.id AND f.user_id = u.user_id AND f.resolved_at IS NULL
WHERE r.instance = $1 AND b.done_at IS NOT NULL
GROUP BY u.user_id;

-- name: prune_actions
-- Actions of plans that have ended, some of them: none whose outcome is unknown (but those of whoever was forgotten, which
-- nobody will look after any more) or whose late effect would still be ours ($2 is a day ago at most), none of a plan that may go on: it would do them again, and none of the plan of the last
-- comparison of a document: what it has done would look as if it were still to do.
-- $1 instance, $2 before, $3 number. Returns how many, as all that follow.
WITH old AS (
    SELECT a.id
    FROM worker.actions a
    LEFT JOIN worker.plans p ON p.id = a.plan_id
    WHERE a.instance = $1 AND coalesce(a.settled_at, p.ended_at) < $2
        AND (a.status NOT IN ('started', 'uncertain') OR a.user_id = 0)
        AND (
            a.sent_at IS NULL OR a.sent_at < $2 - interval '6 days' OR a.status IN ('done', 'unresolved') OR a.user_id = 0
        )
        AND (p.id IS NULL OR p.status IN ('applied', 'expired', 'rejected'))
        AND NOT EXISTS (
            SELECT FROM worker.comparisons c
            WHERE c.plan_id = a.plan_id AND NOT EXISTS (
                SELECT FROM worker.comparisons l
                WHERE l.instance = c.instance AND l.document = c.document AND l.id > c.id
            )
        )
    LIMIT $3
), pruned AS (
    DELETE FROM worker.actions a USING old WHERE a.id = old.id RETURNING 1
)
SELECT count(*) FROM pruned;

-- name: prune_plans
-- Plans that have ended and of which the journal has nothing (any more), some of them. The document that was applied last
-- stays: the next one is compared with its size. $1 instance, $2 before, $3 number.
WITH old AS (
    SELECT p.id
    FROM worker.plans p
    WHERE p.instance = $1 AND p.status IN ('applied', 'expired', 'rejected') AND p.ended_at < $2
        AND NOT EXISTS (SELECT FROM worker.actions a WHERE a.plan_id = p.id)
        AND p.id IS DISTINCT FROM (
            SELECT max(l.id) FROM worker.plans l
            WHERE l.instance = $1 AND l.kind = 'document' AND l.begun_at IS NOT NULL
        )
    LIMIT $3
), pruned AS (
    DELETE FROM worker.plans p USING old WHERE p.id = old.id RETURNING 1
)
SELECT count(*) FROM pruned;

-- name: prune_comparisons
-- What earlier looks at a desired state have found, some of it; the last of each document stays.
-- $1 instance, $2 before, $3 number.
WITH old AS (
    SELECT c.id
    FROM worker.comparisons c
    WHERE c.instance = $1 AND c.compared_at < $2 AND EXISTS (
        SELECT FROM worker.comparisons l WHERE l.instance = c.instance AND l.document = c.document AND l.id > c.id
    )
    LIMIT $3
), pruned AS (
    DELETE FROM worker.comparisons c USING old WHERE c.id = old.id RETURNING 1
)
SELECT count(*) FROM pruned;

-- name: prune_batches
-- Batches of runs that have ended, some of them; one that is the latest of any of its users, or the latest without a
-- failure, stays: it says how fresh that user is. $1 instance, $2 before, $3 number.
WITH old AS (
    SELECT b.run_id, b.number
    FROM worker.runs r
    JOIN worker.batches b ON b.run_id = r.id
    WHERE r.instance = $1 AND r.status NOT IN ('running', 'interrupted') AND coalesce(r.finished_at, r.started_at) < $2 AND (
        b.status <> 'done'
        OR NOT EXISTS (
            SELECT FROM unnest(b.user_ids) AS u (user_id)
            JOIN last_reads l USING (user_id)
            WHERE b.done_at >= l.done_at OR b.done_at >= l.good_at
        )
    )
    LIMIT $3
), pruned AS (
    DELETE FROM worker.batches b USING old WHERE b.run_id = old.run_id AND b.number = old.number RETURNING 1
)
SELECT count(*) FROM pruned;

-- name: prune_failures
-- Failures of runs that have ended, some of them: those that are resolved, and open ones that a later run over the same
-- users has met again. An open one stays with the batch that it belongs to, which would look like a good read.
-- $1 instance, $2 before, $3 number.
WITH old AS (
    SELECT f.run_id, f.reference
    FROM worker.runs r
    JOIN worker.failures f ON f.run_id = r.id
    WHERE r.instance = $1 AND r.status NOT IN ('running', 'interrupted') AND coalesce(r.finished_at, r.started_at) < $2 AND (
        f.resolved_at IS NOT NULL
        OR NOT EXISTS (SELECT FROM worker.batches b WHERE b.run_id = f.run_id AND b.user_ids @> ARRAY[f.user_id])
        AND EXISTS (
            SELECT FROM worker.runs l
            JOIN worker.failures n ON n.run_id = l.id AND n.reference = f.reference AND n.resolved_at IS NULL
            WHERE l.instance = $1 AND l.id > r.id AND l.users_spec = r.users_spec
        )
    )
    LIMIT $3
), pruned AS (
    DELETE FROM worker.failures f USING old WHERE f.run_id = old.run_id AND f.reference = old.reference RETURNING 1
)
SELECT count(*) FROM pruned;

-- name: prune_runs
-- Runs that have ended and that nothing refers to (any more), some of them. The latest good one over some users stays: it
-- says how old the mirror is, and what the next listing is compared with. $1 instance, $2 before, $3 number.
WITH old AS (
    SELECT r.id
    FROM worker.runs r
    WHERE r.instance = $1 AND r.status NOT IN ('running', 'interrupted') AND coalesce(r.finished_at, r.started_at) < $2
        AND NOT EXISTS (SELECT FROM worker.batches b WHERE b.run_id = r.id)
        AND NOT EXISTS (SELECT FROM worker.failures f WHERE f.run_id = r.id)
        AND NOT EXISTS (SELECT FROM worker.actions a WHERE a.run_id = r.id)
        AND NOT EXISTS (SELECT FROM worker.candidates c WHERE c.instance = $1 AND r.id IN (c.run_id, c.held_run_id))
        AND (
            r.kind NOT IN ('run', 'backfill')
            OR r.status NOT IN ('done', 'partial', 'withheld')
            OR EXISTS (
                SELECT FROM worker.runs l
                WHERE l.instance = $1 AND l.id > r.id AND l.kind IN ('run', 'backfill')
                    AND l.status IN ('done', 'partial', 'withheld') AND l.users_spec = r.users_spec
            )
        )
    LIMIT $3
), pruned AS (
    DELETE FROM worker.runs r USING old WHERE r.id = old.id RETURNING 1
)
SELECT count(*) FROM pruned;

-- name: prune_channel_history
-- Versions that were superseded before, some of them. $1 instance, $2 before, $3 number.
WITH old AS (
    SELECT id FROM mirror.channel_history WHERE instance = $1 AND valid_to < $2 LIMIT $3
), pruned AS (
    DELETE FROM mirror.channel_history h USING old WHERE h.id = old.id RETURNING 1
)
SELECT count(*) FROM pruned;

-- name: prune_user_history
-- The same of identifiers and states. $1 instance, $2 before, $3 number.
WITH old AS (
    SELECT id FROM mirror.user_history WHERE instance = $1 AND valid_to < $2 LIMIT $3
), pruned AS (
    DELETE FROM mirror.user_history h USING old WHERE h.id = old.id RETURNING 1
)
SELECT count(*) FROM pruned;
