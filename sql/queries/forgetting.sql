-- name: forget_candidates
-- $1 instance, $2 user. Returns the number, as all statements of this file do.
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
    SET user_id = 0, channel_id = NULL, address = '', note = NULL, reason = NULL, image_before = NULL,
        image_after = NULL, canvas_user_id = nullif(canvas_user_id, $2),
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

-- name: scrub_actions
-- What the journal of others says of the person. $1 instance, $2 pattern of notes, $3 pattern of what people wrote,
-- $4 replacement.
WITH scrubbed AS (
    UPDATE worker.actions
    SET note = regexp_replace(note, $2, $4, 'g'), reason = regexp_replace(reason, $3, $4, 'g')
    WHERE instance = $1 AND (note ~ $2 OR reason ~ $3)
    RETURNING 1
)
SELECT count(*) FROM scrubbed;

-- name: scrub_failures
-- What the failures of others say of the person. $1 instance, $2 pattern, $3 replacement.
WITH scrubbed AS (
    UPDATE worker.failures SET message = regexp_replace(message, $2, $3, 'g')
    WHERE instance = $1 AND message ~ $2
    RETURNING 1
)
SELECT count(*) FROM scrubbed;

-- name: scrub_comparisons
-- The names of documents that name the person. $1 instance, $2 pattern, $3 replacement.
WITH scrubbed AS (
    UPDATE worker.comparisons SET document = regexp_replace(document, $2, $3, 'g')
    WHERE instance = $1 AND document ~ $2
    RETURNING 1
)
SELECT count(*) FROM scrubbed;
