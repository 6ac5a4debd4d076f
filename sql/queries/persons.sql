-- name: person_names
-- The identifiers by which a person is or was known, without those that name somebody else now. $1 instance, $2 user.
WITH known AS (
    SELECT sis_user_id, login_id, integration_id FROM mirror.users WHERE instance = $1 AND id = $2
    UNION
    SELECT sis_user_id, login_id, integration_id FROM mirror.user_history WHERE instance = $1 AND user_id = $2
)
SELECT DISTINCT n.kind, n.value
FROM known k
CROSS JOIN LATERAL (
    VALUES ('sis_user_id', k.sis_user_id), ('sis_login_id', k.login_id), ('sis_integration_id', k.integration_id)
) AS n (kind, value)
WHERE n.value IS NOT NULL AND NOT EXISTS (
    SELECT FROM mirror.users o
    WHERE o.instance = $1 AND o.id <> $2 AND n.value = CASE n.kind
        WHEN 'sis_user_id' THEN o.sis_user_id
        WHEN 'sis_login_id' THEN o.login_id
        ELSE o.integration_id
    END
);

-- name: person_addresses
-- The addresses that a person has or had; not the labels of push channels. $1 instance, $2 user.
SELECT address FROM mirror.communication_channels WHERE instance = $1 AND user_id = $2 AND type <> 'push'
UNION
SELECT address FROM mirror.channel_history WHERE instance = $1 AND user_id = $2 AND type <> 'push'
UNION
SELECT address FROM worker.actions WHERE instance = $1 AND user_id = $2 AND type <> 'push';

-- name: person_users
-- $1 instance, $2 user.
SELECT * FROM mirror.users WHERE instance = $1 AND id = $2;

-- name: person_user_history
-- $1 instance, $2 user.
SELECT * FROM mirror.user_history WHERE instance = $1 AND user_id = $2 ORDER BY id;

-- name: person_channels
-- Tombstones too. $1 instance, $2 user.
SELECT * FROM mirror.communication_channels WHERE instance = $1 AND user_id = $2 ORDER BY id;

-- name: person_channel_history
-- Superseded versions that were the person's, and those of channels that are the person's now. $1 instance, $2 user.
SELECT * FROM mirror.channel_history h
WHERE h.instance = $1 AND (
    h.user_id = $2
    OR h.channel_id IN (SELECT id FROM mirror.communication_channels WHERE instance = $1 AND user_id = $2)
)
ORDER BY h.id;

-- name: person_candidates
-- $1 instance, $2 user.
SELECT * FROM worker.candidates WHERE instance = $1 AND user_id = $2 ORDER BY channel_id;

-- name: person_failures
-- $1 instance, $2 user, $3 references that name the person.
SELECT * FROM worker.failures
WHERE instance = $1 AND (user_id = $2 OR user_id IS NULL AND reference = ANY ($3::text[]))
ORDER BY run_id, reference;

-- name: person_actions
-- $1 instance, $2 user.
SELECT * FROM worker.actions WHERE instance = $1 AND user_id = $2 ORDER BY id;

-- name: person_acted
-- Actions on others that Canvas knows as the person's, because the token is the person's. $1 instance, $2 user.
SELECT count(*) FROM worker.actions WHERE instance = $1 AND canvas_user_id = $2 AND user_id <> $2;

-- name: person_batches
-- Batches that contain the person. $1 instance, $2 user.
SELECT b.run_id, b.number, b.reason, b.status, b.claimed_at, b.done_at
FROM worker.runs r
JOIN worker.batches b ON b.run_id = r.id
WHERE r.instance = $1 AND b.user_ids @> ARRAY[$2::bigint]
ORDER BY b.run_id, b.number;

-- name: comparisons_that_may_name
-- Comparisons with a document whose name fits a pattern. $1 instance, $2 pattern.
SELECT id, document, compared_at, compared_by FROM worker.comparisons WHERE instance = $1 AND document ~ $2 ORDER BY id;

-- name: runs_that_may_name
-- Runs whose specs fit a pattern, or whose message fits one. $1 instance, $2 pattern of specs, $3 pattern of messages.
SELECT id, kind, status, started_at, users_spec, message
FROM worker.runs
WHERE instance = $1 AND (array_to_string(users_spec, ' ') ~ $2 OR message ~ $3)
ORDER BY id;

-- name: plans_that_may_name
-- Plans whose content, document or reason fits a pattern. $1 instance, $2 pattern, $3 pattern of the reason.
SELECT id
FROM worker.plans
WHERE instance = $1 AND (content::text ~ $2 OR document ~ $2 OR reason ~ $3)
ORDER BY id;

-- name: plan_to_search
-- $1 plan.
SELECT id, kind, status, made_at, made_by, document, digest, fingerprint, reason, content::text AS content
FROM worker.plans
WHERE id = $1;
