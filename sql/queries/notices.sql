-- name: note_told
-- Whether something is to be told: it was not, or longer ago than $6, or in the future (by a wrong clock); then it is
-- noted as told.
-- $1 instance, $2 job, $3 event, $4 fingerprint, $5 time, $6 since when it would be too soon.
INSERT INTO worker.notices AS n (instance, job, event, fingerprint, told_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (instance, job, event, fingerprint) DO UPDATE SET told_at = excluded.told_at 
WHERE n.told_at <= $6 OR n.told_at > $5::timestamptz + interval '5 minutes'
RETURNING 1;

-- name: drop_notices
-- What holds no more; returns how many of them were told. $1 instance, $2 job, $3 event, $4 fingerprints that still hold.
WITH dropped AS (
    DELETE FROM worker.notices
    WHERE instance = $1 AND job = $2 AND event = $3 AND NOT fingerprint = ANY ($4::text[])
    RETURNING 1
)
SELECT count(*) FROM dropped;
