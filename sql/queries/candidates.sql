-- name: join_by_hash
-- For the rest of a transaction that joins with the users of a run: without statistics on a first load the planner takes
-- them for few, and nested loops over hundreds of thousands take hours.
SET LOCAL enable_nestloop = off;

-- name: weigh_candidates
-- What the brake looks at: the candidates of users that this run has read, and the live channels of those users; and
-- who holds such candidates already. $1 instance, $2 run.
WITH covered AS MATERIALIZED (
    SELECT DISTINCT unnest(user_ids) AS user_id FROM worker.batches WHERE run_id = $2 AND status = 'done'
)
SELECT
    count(*) AS candidates,
    (
        SELECT count(*) FROM mirror.communication_channels m JOIN covered USING (user_id)
        WHERE m.instance = $1 AND m.deleted_at IS NULL
    ) AS live,
    count(c.held_run_id) AS held,
    coalesce(array_agg(DISTINCT c.held_run_id) FILTER (WHERE c.held_run_id IS NOT NULL), '{}') AS held_by
FROM worker.candidates c
JOIN covered USING (user_id)
WHERE c.instance = $1;

-- name: hold_candidates
-- Hold back the candidates that this run has met; what an earlier run holds stays with that run.
-- $1 instance, $2 run, $3 whether it is the brake that holds them.
WITH covered AS MATERIALIZED (
    SELECT DISTINCT unnest(user_ids) AS user_id FROM worker.batches WHERE run_id = $2 AND status = 'done'
)
UPDATE worker.candidates c
SET held_run_id = coalesce(c.held_run_id, $2), held_by_brake = c.held_by_brake OR $3
FROM covered
WHERE c.instance = $1 AND c.user_id = covered.user_id
    AND (c.held_run_id IS NULL OR $3::boolean AND NOT c.held_by_brake);

-- name: users_to_settle
-- Users with candidates that this run has met, after a given user.
-- $1 instance, $2 run, $3 last id, $4 number, $5 whether what the brake holds is settled too.
WITH covered AS MATERIALIZED (
    SELECT DISTINCT unnest(user_ids) AS user_id FROM worker.batches WHERE run_id = $2 AND status = 'done'
)
SELECT DISTINCT c.user_id
FROM worker.candidates c
JOIN covered USING (user_id)
WHERE c.instance = $1 AND c.user_id > $3 AND (NOT c.held_by_brake OR $5::boolean)
ORDER BY c.user_id
LIMIT $4;

-- name: users_held
-- Users with candidates that a run holds back, after a given user. $1 instance, $2 run, $3 last id, $4 number.
SELECT DISTINCT user_id FROM worker.candidates
WHERE instance = $1 AND held_run_id = $2 AND user_id > $3
ORDER BY user_id
LIMIT $4;

-- name: pending
-- Deletions held back, by run and reason. $1 instances.
SELECT
    c.instance, c.held_run_id AS run_id, c.reason, count(*) AS channels, count(DISTINCT c.user_id) AS users,
    min(c.read_at) AS since, r.message
FROM worker.candidates c
JOIN worker.runs r ON r.id = c.held_run_id
WHERE c.instance = ANY ($1::text[])
GROUP BY c.instance, c.held_run_id, c.reason, r.message
ORDER BY c.instance, c.held_run_id, c.reason;

-- name: pending_channels
-- The channels that a run holds back, with their users, after a given channel.
-- $1 instances, $2 run, $3 and $4 last user and channel, $5 number.
SELECT
    c.instance, c.user_id, u.sis_user_id, u.login_id, c.channel_id, m.type, m.address, m.workflow_state, c.reason,
    c.read_at AS since
FROM worker.candidates c
JOIN mirror.communication_channels m ON m.instance = c.instance AND m.id = c.channel_id
LEFT JOIN mirror.users u ON u.instance = c.instance AND u.id = c.user_id
WHERE c.instance = ANY ($1::text[]) AND c.held_run_id = $2 AND (c.user_id, c.channel_id) > ($3, $4)
ORDER BY c.user_id, c.channel_id
LIMIT $5;

-- name: count_pending
-- Deletions held back by any run. $1 instance.
SELECT count(*) FROM worker.candidates WHERE instance = $1 AND held_run_id IS NOT NULL;

-- name: count_held
-- Deletions held back by one run. $1 instance, $2 run.
SELECT count(*) FROM worker.candidates WHERE instance = $1 AND held_run_id = $2;

-- name: dismiss_pending
-- Forget the deletions that a run holds back; a later read may find them again. $1 instance, $2 run.
WITH dismissed AS (
    DELETE FROM worker.candidates WHERE instance = $1 AND held_run_id = $2 RETURNING 1
)
SELECT count(*) FROM dismissed;
