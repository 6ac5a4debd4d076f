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
SELECT id, instance, kind, status, made_at, expires_at, made_by, document, creates, deletes, messages, begun_at, ended_at,
    reason
FROM worker.plans
WHERE instance = ANY ($1::text[])
ORDER BY id DESC
LIMIT $2;

-- name: load_plan
-- $1 instances, $2 plan.
SELECT id, instance, kind, status, made_at, expires_at, made_by, document, creates, deletes, messages, begun_at, ended_at,
    reason, content::text AS content
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
-- Plans of the same document that nobody has begun, and that a later look has overtaken. $1 instance, $2 document,
-- $3 the newer plan; null: nothing differs any more, $4 time, $5 who.
UPDATE worker.plans SET
    status = 'rejected', ended_at = $4, ended_by = $5,
    reason = coalesce('replaced by plan ' || $3::bigint, 'a later run found nothing to do')
WHERE instance = $1 AND document = $2 AND kind = 'document' AND status = 'open'
    AND ($3::bigint IS NULL OR id < $3::bigint);

-- name: waiting_plans
-- Plans that wait for a person, or to be gone on with, with what is left to do. $1 instance, $2 time.
SELECT
    p.id, p.kind, p.status, p.made_at, p.expires_at, p.made_by, p.document, p.creates, p.deletes, p.messages,
    p.creates - d.creates AS creates_left, p.deletes - d.deletes AS deletes_left
FROM worker.plans p
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE a.kind = 'create') AS creates, count(*) FILTER (WHERE a.kind = 'delete') AS deletes
    FROM worker.actions a
    WHERE a.plan_id = p.id AND a.status IN ('done', 'existed')
) d
WHERE p.instance = $1 AND p.status IN ('open', 'applying') AND p.expires_at > $2
ORDER BY p.id DESC;

-- name: last_applied_document
-- Users of the document of the plan that was carried out last, to its end: one that a guard withholds a part of, such as
-- the deletes of a shrunken document, is no measure for later ones. $1 instance.
SELECT (content -> 'source' ->> 'users')::integer FROM worker.plans
WHERE instance = $1 AND kind = 'document' AND status = 'applied'
ORDER BY id DESC
LIMIT 1;

-- name: note_comparison
-- What a comparison found. $1 instance, $2 document, $3 digest, $4 when, $5 who, $6 users compared, $7 differing,
-- $8 unresolved, $9 creates, $10 deletes, $11 plan (null: nothing differed). The instance may never have run.
WITH known AS (
    INSERT INTO worker.instances (instance) VALUES ($1) ON CONFLICT DO NOTHING
)
INSERT INTO worker.comparisons (
    instance, document, digest, compared_at, compared_by, users, users_differing, users_unresolved, creates, deletes, plan_id
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: last_comparison
-- What the last comparison of a desired state found, and what is left of it. $1 instance.
SELECT
    document, compared_at, users, users_differing, users_unresolved, creates, deletes, creates_left, deletes_left,
    plan_id, plan_status
FROM reporting.drift
WHERE instance = $1
ORDER BY compared_at DESC, comparison_id DESC
LIMIT 1;
