-- name: live_channels_of_user
-- $1 instance, $2 user id.
SELECT * FROM mirror.communication_channels
WHERE instance = $1 AND user_id = $2 AND deleted_at IS NULL
ORDER BY position NULLS LAST, id;

-- name: live_channels
-- Everybody's channels in order of user, after a given channel; for reading in pages.
-- $1 instance, $2 and $3 last user and channel id, $4 number.
SELECT * FROM mirror.communication_channels
WHERE instance = $1 AND deleted_at IS NULL AND (user_id, id) > ($2, $3)
ORDER BY user_id, id
LIMIT $4;

-- name: find_user
-- Users with an identifier. $1 instance, $2 kind (id, sis_user_id, sis_login_id, sis_integration_id), $3 value.
SELECT id, sis_user_id, login_id, integration_id, state FROM mirror.users
WHERE instance = $1 AND CASE $2
    WHEN 'id' THEN id::text = $3
    WHEN 'sis_user_id' THEN sis_user_id = $3
    WHEN 'sis_login_id' THEN login_id = $3
    WHEN 'sis_integration_id' THEN integration_id = $3
END
ORDER BY id;

-- name: latest_runs
-- $1 instances, $2 number for each.
SELECT r.*, a.* FROM unnest($1::text[]) AS i (instance)
CROSS JOIN LATERAL (
    SELECT * FROM worker.runs WHERE instance = i.instance ORDER BY id DESC LIMIT $2
) r
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE kind = 'create' AND status = 'done') AS creates_done,
        count(*) FILTER (WHERE kind <> 'create' AND status = 'done') AS deletes_done,
        count(*) FILTER (WHERE status <> 'done') AS actions_not_done
    FROM worker.actions
    WHERE run_id = r.id
) a
ORDER BY r.instance, r.id DESC;

-- name: instance_figures
-- Figures for the status of one instance; it is as fresh as the last good run over all its users.
-- $1 instance, $2 the configured specs.
SELECT
    (SELECT count(*) FROM mirror.users WHERE instance = $1 AND state = 'present') AS users_present,
    (SELECT count(*) FROM mirror.users WHERE instance = $1 AND state = 'unreadable') AS users_unreadable,
    (SELECT count(*) FROM mirror.users WHERE instance = $1 AND state = 'unlisted') AS users_unlisted,
    (SELECT count(*) FROM mirror.users WHERE instance = $1 AND state = 'gone') AS users_gone,
    (
        SELECT count(*) FROM mirror.communication_channels WHERE instance = $1 AND deleted_at IS NULL
    ) AS channels_live,
    (SELECT count(*) FROM worker.candidates WHERE instance = $1 AND held_run_id IS NOT NULL) AS deletions_pending,
    (
        SELECT count(DISTINCT reference) FROM worker.failures WHERE instance = $1 AND resolved_at IS NULL
    ) AS open_failures,
    (
        SELECT count(*) FROM worker.actions
        WHERE instance = $1 AND status IN ('started', 'uncertain') AND user_id <> 0
    ) AS actions_unsettled,
    (
        SELECT count(*) FROM worker.actions WHERE instance = $1 AND status = 'unresolved' AND user_id <> 0
    ) AS actions_unresolved,
    g.id AS last_success_id, g.finished_at AS last_success_at
FROM (VALUES (1)) AS one (n)
LEFT JOIN LATERAL (
    SELECT id, finished_at FROM worker.runs
    WHERE instance = $1 AND users_spec = $2::text[] AND status IN ('done', 'partial', 'withheld')
        AND finished_at IS NOT NULL
    ORDER BY id DESC
    LIMIT 1
) g ON true;

-- name: last_finished_run
-- Who was to be read, and was, in the latest finished run over these users. $1 instance, $2 specs.
SELECT users_total, users_done, users_gone FROM worker.runs
WHERE instance = $1 AND users_spec = $2::text[] AND kind IN ('run', 'backfill')
    AND status IN ('done', 'partial', 'withheld', 'implausible')
ORDER BY id DESC
LIMIT 1;

-- name: unfinished_runs
-- Runs that were interrupted or killed since the last good one; of those that carry out a plan only where the plan still
-- waits to be gone on with. $1 instance, $2 and $3 that run and its end, or null, $4 whether the lock is held: then one
-- that says "running" may be just that, $5 time. Where that end lies in the future, their numbers say which came later.
SELECT r.id, p.id AS plan_id
FROM worker.runs r
LEFT JOIN worker.plans p ON p.instance = r.instance AND r.users_spec = ARRAY['plan:' || p.id]
WHERE r.instance = $1 AND (r.status = 'interrupted' OR r.status = 'running' AND NOT $4::boolean)
    AND ($2::bigint IS NULL OR CASE
        WHEN $3::timestamptz > $5::timestamptz + interval '5 minutes' THEN r.id > $2
        ELSE coalesce(r.resumed_at, r.started_at) > $3
    END)
    AND CASE
        WHEN r.users_spec[1] LIKE 'plan:%' THEN p.status = 'applying' AND p.expires_at > $5
        ELSE true
    END
ORDER BY r.id;

-- name: failed_runs
-- Runs over these users that failed after the last one that got further, the latest first. $1 instance, $2 specs.
SELECT id, exit_code, coalesce(message, '') AS message FROM worker.runs
WHERE instance = $1 AND users_spec = $2::text[] AND kind IN ('run', 'backfill') AND status = 'failed'
    AND id > coalesce((
        SELECT max(id) FROM worker.runs
        WHERE instance = $1 AND users_spec = $2::text[] AND kind IN ('run', 'backfill') AND status <> 'failed'
    ), 0)
ORDER BY id DESC;
