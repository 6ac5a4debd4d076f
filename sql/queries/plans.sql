-- name: save_plan
-- $1 instance, $2 origin, $3 made at, $4 expires at, $5 made by, $6 document, $7 digest, $8 fingerprint, $9 creates,
-- $10 deletes, $11 messages, $12 content. The instance may never have run.
WITH known AS (
    INSERT INTO worker.instances (instance) VALUES ($1) ON CONFLICT DO NOTHING
)
INSERT INTO worker.plans (
    instance, origin, made_at, expires_at, made_by, document, digest, fingerprint, creates, deletes, messages, content
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb)
RETURNING id;

-- name: expire_plans
-- Open plans whose time is over. $1 instances, $2 time.
UPDATE worker.plans SET status = 'expired', ended_at = expires_at
WHERE instance = ANY ($1::text[]) AND status = 'open' AND expires_at <= $2;

-- name: list_plans
-- The latest first. $1 instances, $2 number.
SELECT id, instance, status, made_at, expires_at, made_by, document, creates, deletes, messages
FROM worker.plans
WHERE instance = ANY ($1::text[])
ORDER BY id DESC
LIMIT $2;

-- name: load_plan
-- $1 instances, $2 plan.
SELECT id, instance, status, made_at, expires_at, made_by, document, creates, deletes, messages,
    content::text AS content
FROM worker.plans
WHERE instance = ANY ($1::text[]) AND id = $2;

-- name: reject_plan
-- $1 instances, $2 plan, $3 time, $4 who, $5 why (null: not said).
WITH rejected AS (
    UPDATE worker.plans SET status = 'rejected', ended_at = $3, ended_by = $4, reason = $5
    WHERE instance = ANY ($1::text[]) AND id = $2 AND status = 'open'
    RETURNING 1
)
SELECT count(*) FROM rejected;

-- name: last_applied_document
-- Users of the document that was applied last. $1 instance.
SELECT (content -> 'source' ->> 'users')::integer FROM worker.plans
WHERE instance = $1 AND status = 'applied'
ORDER BY id DESC
LIMIT 1;
