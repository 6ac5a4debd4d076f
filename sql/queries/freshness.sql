-- name: note_reads
-- A run has ended well: move the begin of the runs whose batches worker.recent_reads looks through, and note when those
-- were read last whom the later ones did not read.
--
-- To this run itself, where few are left out; else to the first one of the last days. Never beyond a run that may
-- still go on. Whoever is not there any more is noted in the run that found it so: a quiet night writes nothing.
-- $1 instance, $2 run, $3 begin of the last days.
WITH known AS MATERIALIZED (
    SELECT
        t.user_id, t.run_id, t.read_at,
        greatest(t.read_at, u.noted_read_at) IS DISTINCT FROM u.noted_read_at AS is_new
    FROM worker.recent_reads t
    JOIN mirror.users u ON u.instance = t.instance AND u.id = t.user_id
    WHERE t.instance = $1
), begin AS MATERIALIZED (
    SELECT least(
        CASE
            WHEN (SELECT count(*) FILTER (WHERE run_id < $2 AND is_new) <= greatest(1000, count(*) / 50) FROM known)
            THEN $2
            ELSE coalesce((SELECT min(id) FROM worker.runs WHERE instance = $1 AND started_at >= $3), $2)
        END,
        (SELECT min(id) FROM worker.runs WHERE instance = $1 AND status IN ('running', 'interrupted'))
    ) AS run_id
    FROM worker.runs r
    WHERE r.id = $2 AND r.kind IN ('run', 'backfill')
), noted AS (
    UPDATE mirror.users u SET noted_read_at = k.read_at
    FROM known k, begin b
    WHERE u.instance = $1 AND u.id = k.user_id AND k.is_new AND (
        k.run_id < b.run_id
        OR u.state <> 'present' AND coalesce(u.noted_read_at, '-infinity') < u.changed_at
    )
)
UPDATE worker.instances i SET reads_noted_to = b.run_id
FROM begin b
WHERE i.instance = $1 AND i.reads_noted_to < b.run_id;
