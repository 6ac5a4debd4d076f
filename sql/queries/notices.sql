-- name: was_told
-- Whether something was told. A row whose time is still to come, by a clock that was ahead, does not count.
-- $1 instance, $2 job, $3 event, $4 fingerprint, $5 now, $6 after when; NULL: ever.
SELECT EXISTS (
    SELECT FROM worker.notices
    WHERE instance = $1 AND job = $2 AND event = $3 AND fingerprint = $4
        AND ($6::timestamptz IS NULL OR (told_at > $6 AND told_at <= $5))
);

-- name: note_told
-- It was told. $1 instance, $2 job, $3 event, $4 fingerprint, $5 when.
INSERT INTO worker.notices (instance, job, event, fingerprint, told_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (instance, job, event, fingerprint) DO UPDATE SET told_at = excluded.told_at;

-- name: drop_notices
-- What holds no more; returns how many of them were told. $1 instance, $2 job, $3 event, $4 fingerprints that still hold.
WITH dropped AS (
    DELETE FROM worker.notices
    WHERE instance = $1 AND job = $2 AND event = $3 AND NOT fingerprint = ANY ($4::text[])
    RETURNING 1
)
SELECT count(*) FROM dropped;
