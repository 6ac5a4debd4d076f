-- name: forgotten_people
-- The key of an instance and the hashes of whom it has forgotten; no row where it has forgotten nobody. $1 instance.
SELECT i.forgetting_key AS key, array_agg(f.digest) AS digests
FROM worker.instances i
JOIN worker.forgotten f USING (instance)
WHERE i.instance = $1
GROUP BY i.instance;

-- name: forgetting_key
-- The key of an instance, made now if it has none. $1 instance, $2 a new key.
UPDATE worker.instances SET forgetting_key = coalesce(forgetting_key, $2) WHERE instance = $1 RETURNING forgetting_key;

-- name: remember_forgotten
-- $1 instance, $2 hash, $3 time.
INSERT INTO worker.forgotten (instance, digest, forgotten_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: lift_forgotten
-- $1 instance, $2 hash.
DELETE FROM worker.forgotten WHERE instance = $1 AND digest = $2;

-- name: resolved_ids
-- The users of a staged document, after a given one. $1 last id, $2 number.
SELECT DISTINCT user_id FROM desired_users WHERE user_id > $1 ORDER BY user_id LIMIT $2;

-- name: leave_out_users
-- Nothing is planned for some users of a staged document. $1 ids, $2 problem.
UPDATE desired_users SET user_id = NULL, problem = $2 WHERE user_id = ANY ($1::bigint[]);
