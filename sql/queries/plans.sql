-- name: save_plan
-- $1 instance, $2 origin, $3 made at, $4 expires at, $5 made by, $6 document, $7 digest, $8 fingerprint, $9 creates,
-- $10 deletes, $11 messages, $12 content, $13 kind. The instance may never have run.
WITH known AS (
    INSERT INTO worker.instances (instance) VALUES ($1) ON CONFLICT DO NOTHING
)
INSERT INTO worker.plans (
    instance, origin, made_at, expires_at, made_by, document, digest, fingerprint, creates, deletes, messages, content, kind
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13)
RETURNING id;

-- name: expire_plans
-- Plans whose time is over. $1 instances, $2 time.
UPDATE worker.plans SET status = 'expired', ended_at = expires_at
WHERE instance = ANY ($1::text[]) AND status IN ('open', 'applying') AND expires_at <= $2;

-- name: list_plans
-- The latest first. $1 instances, $2 number.
SELECT id, instance, kind, status, made_at, expires_at, made_by, document, creates, deletes, messages, begun_at, ended_at
FROM worker.plans
WHERE instance = ANY ($1::text[])
ORDER BY id DESC
LIMIT $2;

-- name: load_plan
-- $1 instances, $2 plan.
SELECT id, instance, kind, status, made_at, expires_at, made_by, document, creates, deletes, messages, begun_at, ended_at,
    content::text AS content
FROM worker.plans
WHERE instance = ANY ($1::text[]) AND id = $2;

-- name: reject_plan
-- $1 instances, $2 plan, $3 time, $4 who, $5 why (null: not said).
WITH rejected AS (
    UPDATE worker.plans SET status = 'rejected', ended_at = $3, ended_by = $4, reason = $5
    WHERE instance = ANY ($1::text[]) AND id = $2 AND status IN ('open', 'applying')
    RETURNING 1
)
SELECT count(*) FROM rejected;

-- name: find_plan
-- The number of a plan that is in a file too. $1 instances, $2 fingerprint, $3 when it was made.
SELECT id FROM worker.plans WHERE instance = ANY ($1::text[]) AND fingerprint = $2 AND made_at = $3;

-- name: waiting_plan
-- The latest plan of a desired state that waits for a person, to be the same as a new one. $1 instance, $2 fingerprint, $3 time.
SELECT id, expires_at FROM worker.plans
WHERE instance = $1 AND kind = 'document' AND status = 'open' AND fingerprint = $2 AND expires_at > $3
ORDER BY id DESC
LIMIT 1;

-- name: supersede_plans
-- Plans of the same document that nobody has begun, and that a newer one replaces. $1 instance, $2 the newer one, $3 time,
-- $4 who.
UPDATE worker.plans p SET status = 'rejected', ended_at = $3, ended_by = $4, reason = 'replaced by plan ' || n.id
FROM worker.plans n
WHERE n.id = $2 AND p.instance = $1 AND p.kind = 'document' AND p.status = 'open' AND p.id < n.id
    AND p.document = n.document;

-- name: waiting_plans
-- Plans that wait for a person, or to be gone on with. $1 instance, $2 time.
SELECT id, kind, status, made_at, expires_at, made_by, document, creates, deletes, messages
FROM worker.plans
WHERE instance = $1 AND status IN ('open', 'applying') AND expires_at > $2
ORDER BY id DESC;

-- name: last_applied_document
-- Users of the document of the plan that was carried out last, to its end: one that a guard withholds a part of, such as
-- the deletes of a shrunken document, is no measure for later ones. $1 instance.
SELECT (content -> 'source' ->> 'users')::integer FROM worker.plans
WHERE instance = $1 AND kind = 'document' AND status = 'applied'
ORDER BY id DESC
LIMIT 1;
