-- name: meet_job
-- What is known of a scheduled job; one that is new owes nothing from before. One that was begun for a time more than
-- five minutes from now was begun by a wrong clock: it counts as new. $1 job, $2 time.
WITH met AS (
    INSERT INTO worker.schedule AS s (job, due_at, started_at, finished_at) VALUES ($1, $2, $2, $2)
    ON CONFLICT (job) DO UPDATE
    SET due_at = $2, started_at = $2, finished_at = $2, exit_code = NULL
    WHERE s.due_at > $2 + interval '5 minutes'
    RETURNING due_at, started_at, finished_at
)
SELECT * FROM met
UNION ALL
SELECT due_at, started_at, finished_at FROM worker.schedule WHERE job = $1 AND NOT EXISTS (SELECT FROM met);

-- name: be_at_work
-- Whether nobody else is at a scheduled job: then this session is, until it ends. $1 key of the scheduler, $2 job.
SELECT pg_try_advisory_lock($1::integer, hashtext($2));

-- name: claim_job
-- Begin a job for a time of its schedule, unless somebody else has; or again, where it has not come to its end.
-- $1 job, $2 due at, $3 time, $4 when the start began that is to be repeated; null: none.
UPDATE worker.schedule SET due_at = $2, started_at = $3, finished_at = NULL, exit_code = NULL
WHERE job = $1 AND (due_at < $2 OR finished_at IS NULL AND started_at = $4::timestamptz)
RETURNING 1;

-- name: finish_job
-- Times of its schedule that passed while it was at work are not owed any more.
-- $1 job, $2 when it began, $3 time, $4 exit code, $5 the last such time.
UPDATE worker.schedule SET finished_at = $3, exit_code = $4, due_at = greatest(due_at, $5)
WHERE job = $1 AND started_at = $2;
