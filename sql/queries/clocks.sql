-- name: future_values
-- Rows of our own that carry a time after $2, by instance and table: a clock was wrong when they were written. What
-- Canvas says (created_at, last_bounce_at, ...) is its own business; when a plan expires lies in the future rightly.
-- $1 instances, $2 from when on a time is in the future. The schedule is that of all instances.
SELECT f.instance, f.place, count(*) AS rows, max(f.latest) AS latest
FROM (
    SELECT instance, 'mirror.communication_channels' AS place, greatest(first_seen_at, changed_at, deleted_at) AS latest
    FROM mirror.communication_channels
    WHERE greatest(first_seen_at, changed_at, deleted_at) > $2
    UNION ALL
    SELECT instance, 'mirror.channel_history', greatest(valid_from, valid_to, deleted_at)
    FROM mirror.channel_history
    WHERE greatest(valid_from, valid_to, deleted_at) > $2
    UNION ALL
    SELECT instance, 'mirror.users', greatest(first_seen_at, changed_at, noted_read_at)
    FROM mirror.users
    WHERE greatest(first_seen_at, changed_at, noted_read_at) > $2
    UNION ALL
    SELECT instance, 'mirror.user_history', greatest(valid_from, valid_to)
    FROM mirror.user_history
    WHERE greatest(valid_from, valid_to) > $2
    UNION ALL
    SELECT instance, 'worker.instances', greatest(bound_at, holder_since)
    FROM worker.instances
    WHERE greatest(bound_at, holder_since) > $2
    UNION ALL
    SELECT instance, 'worker.runs', greatest(started_at, resumed_at, finished_at)
    FROM worker.runs
    WHERE greatest(started_at, resumed_at, finished_at) > $2
    UNION ALL
    SELECT r.instance, 'worker.batches', greatest(b.claimed_at, b.done_at)
    FROM worker.batches b
    JOIN worker.runs r ON r.id = b.run_id
    WHERE greatest(b.claimed_at, b.done_at) > $2
    UNION ALL
    SELECT instance, 'worker.failures', greatest(failed_at, resolved_at)
    FROM worker.failures
    WHERE greatest(failed_at, resolved_at) > $2
    UNION ALL
    SELECT instance, 'worker.candidates', read_at FROM worker.candidates WHERE read_at > $2
    UNION ALL
    SELECT instance, 'worker.plans', greatest(made_at, begun_at, ended_at)
    FROM worker.plans
    WHERE greatest(made_at, begun_at, ended_at) > $2
    UNION ALL
    SELECT instance, 'worker.actions', greatest(started_at, settled_at, sent_at, observed_at)
    FROM worker.actions
    WHERE greatest(started_at, settled_at, sent_at, observed_at) > $2
    UNION ALL
    SELECT instance, 'worker.comparisons', compared_at FROM worker.comparisons WHERE compared_at > $2
    UNION ALL
    SELECT instance, 'worker.forgotten', forgotten_at FROM worker.forgotten WHERE forgotten_at > $2
    UNION ALL
    SELECT instance, 'worker.pruned', greatest(reaches_back_to, pruned_at)
    FROM worker.pruned
    WHERE greatest(reaches_back_to, pruned_at) > $2
    UNION ALL
    SELECT instance, 'worker.notices', told_at FROM worker.notices WHERE told_at > $2
    UNION ALL
    SELECT i.instance, 'worker.schedule', greatest(s.due_at, s.started_at, s.finished_at)
    FROM worker.schedule s
    CROSS JOIN unnest($1::text[]) AS i (instance)
    WHERE greatest(s.due_at, s.started_at, s.finished_at) > $2
) f
WHERE f.instance = ANY ($1::text[])
GROUP BY f.instance, f.place
ORDER BY f.instance, f.place;

-- name: repair_channels
-- Mark channels as unread whose versions carry a time in the future, and move these times to now: in their order and a
-- microsecond apart, so that versions still follow each other without a gap.
-- $1 instance, $2 time, $3 from when on a time is in the future.
WITH wrong AS MATERIALIZED (
    SELECT id FROM mirror.communication_channels
    WHERE instance = $1 AND greatest(first_seen_at, changed_at, deleted_at) > $3
    UNION
    SELECT channel_id FROM mirror.channel_history
    WHERE instance = $1 AND greatest(valid_from, valid_to, deleted_at) > $3
), times AS (
    SELECT c.id, v.wrong_at
    FROM wrong w
    JOIN mirror.communication_channels c ON c.instance = $1 AND c.id = w.id
    CROSS JOIN LATERAL (VALUES (c.first_seen_at), (c.changed_at), (c.deleted_at)) AS v (wrong_at)
    WHERE v.wrong_at > $2
    UNION
    SELECT h.channel_id, v.wrong_at
    FROM wrong w
    JOIN mirror.channel_history h ON h.instance = $1 AND h.channel_id = w.id
    CROSS JOIN LATERAL (VALUES (h.valid_from), (h.valid_to), (h.deleted_at)) AS v (wrong_at)
    WHERE v.wrong_at > $2
), moved AS MATERIALIZED (
    SELECT
        id, wrong_at,
        $2::timestamptz + dense_rank() OVER (PARTITION BY id ORDER BY wrong_at) * interval '1 microsecond' AS right_at
    FROM times
), history AS (
    UPDATE mirror.channel_history h
    SET valid_from = coalesce(f.right_at, o.valid_from), valid_to = coalesce(t.right_at, o.valid_to),
        deleted_at = coalesce(d.right_at, o.deleted_at)
    FROM mirror.channel_history o
    JOIN wrong w ON w.id = o.channel_id
    LEFT JOIN moved f ON f.id = o.channel_id AND f.wrong_at = o.valid_from
    LEFT JOIN moved t ON t.id = o.channel_id AND t.wrong_at = o.valid_to
    LEFT JOIN moved d ON d.id = o.channel_id AND d.wrong_at = o.deleted_at
    WHERE o.instance = $1 AND h.id = o.id AND coalesce(f.right_at, t.right_at, d.right_at) IS NOT NULL
)
UPDATE mirror.communication_channels c
SET first_seen_at = coalesce(f.right_at, o.first_seen_at), changed_at = coalesce(t.right_at, o.changed_at),
    deleted_at = coalesce(d.right_at, o.deleted_at), read_epoch = -1, read_number = 0
FROM mirror.communication_channels o
JOIN wrong w ON w.id = o.id
LEFT JOIN moved f ON f.id = o.id AND f.wrong_at = o.first_seen_at
LEFT JOIN moved t ON t.id = o.id AND t.wrong_at = o.changed_at
LEFT JOIN moved d ON d.id = o.id AND d.wrong_at = o.deleted_at
WHERE o.instance = $1 AND c.instance = o.instance AND c.id = o.id;

-- name: repair_users
-- The same for users; when they were read last is not known any more. Arguments as for repair_channels.
WITH wrong AS MATERIALIZED (
    SELECT id FROM mirror.users WHERE instance = $1 AND greatest(first_seen_at, changed_at, noted_read_at) > $3
    UNION
    SELECT user_id FROM mirror.user_history WHERE instance = $1 AND greatest(valid_from, valid_to) > $3
), times AS (
    SELECT u.id, v.wrong_at
    FROM wrong w
    JOIN mirror.users u ON u.instance = $1 AND u.id = w.id
    CROSS JOIN LATERAL (VALUES (u.first_seen_at), (u.changed_at)) AS v (wrong_at)
    WHERE v.wrong_at > $2
    UNION
    SELECT h.user_id, v.wrong_at
    FROM wrong w
    JOIN mirror.user_history h ON h.instance = $1 AND h.user_id = w.id
    CROSS JOIN LATERAL (VALUES (h.valid_from), (h.valid_to)) AS v (wrong_at)
    WHERE v.wrong_at > $2
), moved AS MATERIALIZED (
    SELECT
        id, wrong_at,
        $2::timestamptz + dense_rank() OVER (PARTITION BY id ORDER BY wrong_at) * interval '1 microsecond' AS right_at
    FROM times
), history AS (
    UPDATE mirror.user_history h
    SET valid_from = coalesce(f.right_at, o.valid_from), valid_to = coalesce(t.right_at, o.valid_to)
    FROM mirror.user_history o
    JOIN wrong w ON w.id = o.user_id
    LEFT JOIN moved f ON f.id = o.user_id AND f.wrong_at = o.valid_from
    LEFT JOIN moved t ON t.id = o.user_id AND t.wrong_at = o.valid_to
    WHERE o.instance = $1 AND h.id = o.id AND coalesce(f.right_at, t.right_at) IS NOT NULL
)
UPDATE mirror.users u
SET first_seen_at = coalesce(f.right_at, o.first_seen_at), changed_at = coalesce(t.right_at, o.changed_at),
    noted_read_at = CASE WHEN o.noted_read_at > $3 THEN NULL ELSE o.noted_read_at END,
    read_epoch = -1, read_number = 0
FROM mirror.users o
JOIN wrong w ON w.id = o.id
LEFT JOIN moved f ON f.id = o.id AND f.wrong_at = o.first_seen_at
LEFT JOIN moved t ON t.id = o.id AND t.wrong_at = o.changed_at
WHERE o.instance = $1 AND u.instance = o.instance AND u.id = o.id;

-- name: repair_runs
-- Runs, their batches and failures: when a run ended and a batch was done is not known any more, so that nothing counts
-- as fresh because of it; other times are moved to now. Arguments as for repair_channels.
WITH batches AS (
    UPDATE worker.batches b
    SET claimed_at = CASE WHEN b.claimed_at > $3 THEN $2::timestamptz ELSE b.claimed_at END,
        done_at = CASE WHEN b.done_at > $3 THEN NULL ELSE b.done_at END
    FROM worker.runs r
    WHERE r.instance = $1 AND b.run_id = r.id AND greatest(b.claimed_at, b.done_at) > $3
), failures AS (
    UPDATE worker.failures
    SET failed_at = CASE WHEN failed_at > $3 THEN $2::timestamptz ELSE failed_at END,
        resolved_at = CASE WHEN resolved_at > $3 THEN $2::timestamptz ELSE resolved_at END
    WHERE instance = $1 AND greatest(failed_at, resolved_at) > $3
)
UPDATE worker.runs
SET started_at = CASE WHEN started_at > $3 THEN $2::timestamptz ELSE started_at END,
    resumed_at = CASE WHEN resumed_at > $3 THEN $2::timestamptz ELSE resumed_at END,
    finished_at = CASE WHEN finished_at > $3 THEN NULL ELSE finished_at END
WHERE instance = $1 AND greatest(started_at, resumed_at, finished_at) > $3;

-- name: repair_ledger
-- Everything else is moved to now. Arguments as for repair_channels.
WITH candidates AS (
    UPDATE worker.candidates SET read_at = $2 WHERE instance = $1 AND read_at > $3
), plans AS (
    UPDATE worker.plans
    SET made_at = CASE WHEN made_at > $3 THEN $2::timestamptz ELSE made_at END,
        begun_at = CASE WHEN begun_at > $3 THEN $2::timestamptz ELSE begun_at END,
        ended_at = CASE WHEN ended_at > $3 THEN $2::timestamptz ELSE ended_at END
    WHERE instance = $1 AND greatest(made_at, begun_at, ended_at) > $3
), actions AS (
    UPDATE worker.actions
    SET started_at = CASE WHEN started_at > $3 THEN $2::timestamptz ELSE started_at END,
        settled_at = CASE WHEN settled_at > $3 THEN $2::timestamptz ELSE settled_at END,
        sent_at = CASE WHEN sent_at > $3 THEN $2::timestamptz ELSE sent_at END,
        observed_at = CASE WHEN observed_at > $3 THEN $2::timestamptz ELSE observed_at END
    WHERE instance = $1 AND greatest(started_at, settled_at, sent_at, observed_at) > $3
), comparisons AS (
    UPDATE worker.comparisons SET compared_at = $2 WHERE instance = $1 AND compared_at > $3
), forgotten AS (
    UPDATE worker.forgotten SET forgotten_at = $2 WHERE instance = $1 AND forgotten_at > $3
), pruned AS (
    UPDATE worker.pruned
    SET reaches_back_to = CASE WHEN reaches_back_to > $3 THEN $2::timestamptz ELSE reaches_back_to END,
        pruned_at = CASE WHEN pruned_at > $3 THEN $2::timestamptz ELSE pruned_at END
    WHERE instance = $1 AND greatest(reaches_back_to, pruned_at) > $3
), notices AS (
    UPDATE worker.notices SET told_at = $2 WHERE instance = $1 AND told_at > $3
), schedule AS (
    UPDATE worker.schedule
    SET due_at = CASE WHEN due_at > $3 THEN $2::timestamptz ELSE due_at END,
        started_at = CASE WHEN started_at > $3 THEN $2::timestamptz ELSE started_at END,
        finished_at = CASE WHEN finished_at > $3 THEN $2::timestamptz ELSE finished_at END
    WHERE greatest(due_at, started_at, finished_at) > $3
)
UPDATE worker.instances
SET bound_at = CASE WHEN bound_at > $3 THEN $2::timestamptz ELSE bound_at END,
    holder_since = CASE WHEN holder_since > $3 THEN $2::timestamptz ELSE holder_since END
WHERE instance = $1 AND greatest(bound_at, holder_since) > $3;
