-- title: Channels as they were at a time
-- description: How many live channels of each type and state the mirror knew then. All of them one by one:
--   export --as-of, or the function reporting.channels_as_of.
-- caveat: beginning
-- parameter: time time = when: 2026-11-01 or 2026-11-01T06:00Z
WITH people AS (
    SELECT
        i.instance, c.type, c.workflow_state, c.user_id, count(*) AS channels,
        count(*) FILTER (WHERE c.bounce_known AND (c.last_bounce_at IS NOT NULL OR c.bounce_count > 0)) AS bouncing,
        count(*) FILTER (WHERE NOT c.bounce_known) AS unknown
    FROM unnest($1::text[]) AS i (instance)
    CROSS JOIN LATERAL reporting.channels_as_of($2::timestamptz, i.instance) c
    GROUP BY i.instance, c.type, c.workflow_state, c.user_id
)
SELECT
    instance, type, workflow_state, sum(channels)::bigint AS channels, count(*) AS users,
    CASE WHEN sum(unknown) < sum(channels) THEN sum(bouncing)::bigint END AS bouncing,
    sum(unknown)::bigint AS bounce_unknown
FROM people
GROUP BY instance, type, workflow_state
ORDER BY instance, type, workflow_state;
