-- name: forget_candidates
-- $1 instance, $2 user. Returns the number, as all statements called forget_… do.
WITH gone AS (
    DELETE FROM worker.candidates
    WHERE instance = $1 AND (
        user_id = $2
        OR channel_id IN (SELECT id FROM mirror.communication_channels WHERE instance = $1 AND user_id = $2)
    )
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: forget_failures
-- $1 instance, $2 user, $3 references that name the person.
WITH gone AS (
    DELETE FROM worker.failures
    WHERE instance = $1 AND (user_id = $2 OR user_id IS NULL AND reference = ANY ($3::text[]))
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: forget_in_batches
-- A batch that waits and has nobody left goes; one that is done keeps its figures. $1 instance, $2 user.
WITH containing AS (
    SELECT b.run_id, b.number, b.status <> 'done' AND cardinality(array_remove(b.user_ids, $2)) = 0 AS is_void
    FROM worker.runs r
    JOIN worker.batches b ON b.run_id = r.id
    WHERE r.instance = $1 AND b.user_ids @> ARRAY[$2::bigint]
), dropped AS (
    DELETE FROM worker.batches b USING containing c WHERE b.run_id = c.run_id AND b.number = c.number AND c.is_void
), emptied AS (
    UPDATE worker.batches b SET user_ids = array_remove(b.user_ids, $2)
    FROM containing c
    WHERE b.run_id = c.run_id AND b.number = c.number AND NOT c.is_void
)
SELECT count(*) FROM containing;

-- name: forget_actions
-- The row stays, so that the guards and the counts of its run and plan still see it; nothing of the person does. One in
-- doubt stays so, and nobody looks after it any more. $1 instance, $2 user.
WITH emptied AS (
    UPDATE worker.actions
    SET user_id = 0, channel_id = NULL, address = '', folded_address = '', note = NULL, reason = NULL,
        image_before = NULL, image_after = NULL, canvas_user_id = nullif(canvas_user_id, $2),
        status = CASE status WHEN 'started' THEN 'uncertain' ELSE status END
    WHERE instance = $1 AND user_id = $2
    RETURNING 1
)
SELECT count(*) FROM emptied;

-- name: forget_acted
-- Whose token it was, where it was the person's; the operating-system user who acted stays. $1 instance, $2 user.
WITH emptied AS (
    UPDATE worker.actions SET canvas_user_id = NULL WHERE instance = $1 AND canvas_user_id = $2 RETURNING 1
)
SELECT count(*) FROM emptied;

-- name: forget_channel_history
-- Versions that were the person's, and those of channels that are the person's now. $1 instance, $2 user.
WITH gone AS (
    DELETE FROM mirror.channel_history
    WHERE instance = $1 AND (
        user_id = $2
        OR channel_id IN (SELECT id FROM mirror.communication_channels WHERE instance = $1 AND user_id = $2)
    )
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: forget_channels
-- $1 instance, $2 user.
WITH gone AS (
    DELETE FROM mirror.communication_channels WHERE instance = $1 AND user_id = $2 RETURNING 1
)
SELECT count(*) FROM gone;

-- name: forget_user_history
-- $1 instance, $2 user.
WITH gone AS (
    DELETE FROM mirror.user_history WHERE instance = $1 AND user_id = $2 RETURNING 1
)
SELECT count(*) FROM gone;

-- name: forget_user
-- $1 instance, $2 user.
WITH gone AS (
    DELETE FROM mirror.users WHERE instance = $1 AND id = $2 RETURNING 1
)
SELECT count(*) FROM gone;

-- name: forget_in_run
-- What a run was to walk, and what it said, without the person; one that was to walk the person cannot be resumed.
-- $1 run, $2 specs, $3 message, $4 whether the specs named the person: their hash goes too.
WITH emptied AS (
    UPDATE worker.runs
    SET users_spec = $2::text[], message = $3, source_fingerprint = CASE WHEN $4 THEN '' ELSE source_fingerprint END
    WHERE id = $1
    RETURNING 1
)
SELECT count(*) FROM emptied;

-- name: forget_in_plan
-- A plan without the person; one that waited is rejected.
-- $1 plan, $2 document, $3 digest, $4 fingerprint, $5 reason, $6 content, $7 time, $8 who, $9 why.
WITH emptied AS (
    UPDATE worker.plans
    SET document = $2, digest = $3, fingerprint = $4, content = $6::jsonb,
        reason = CASE WHEN status IN ('open', 'applying') THEN $9 ELSE $5 END,
        ended_at = CASE WHEN status IN ('open', 'applying') THEN $7 ELSE ended_at END,
        ended_by = CASE WHEN status IN ('open', 'applying') THEN $8 ELSE ended_by END,
        status = CASE WHEN status IN ('open', 'applying') THEN 'rejected' ELSE status END
    WHERE id = $1
    RETURNING 1
)
SELECT count(*) FROM emptied;

-- name: actions_that_may_name
-- What the journal of others says, where it fits a pattern. $1 instance, $2 pattern of notes, $3 pattern of what people wrote.
SELECT id, note, reason FROM worker.actions WHERE instance = $1 AND (note ~ $2 OR reason ~ $3) ORDER BY id;

-- name: rewrite_actions
-- $1 numbers, $2 notes, $3 reasons.
UPDATE worker.actions a SET note = r.note, reason = r.reason
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS r (id, note, reason)
WHERE a.id = r.id;

-- name: failures_that_may_name
-- What the failures of others say, where it fits a pattern. $1 instance, $2 pattern.
SELECT run_id, reference, message FROM worker.failures WHERE instance = $1 AND message ~ $2 ORDER BY run_id, reference;

-- name: rewrite_failures
-- $1 runs, $2 references, $3 messages.
UPDATE worker.failures f SET message = r.message
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS r (run_id, reference, message)
WHERE f.run_id = r.run_id AND f.reference = r.reference;

-- name: rewrite_comparisons
-- $1 numbers, $2 names of documents.
UPDATE worker.comparisons c SET document = r.document
FROM unnest($1::bigint[], $2::text[]) AS r (id, document)
WHERE c.id = r.id;
