-- title: Channels by type and state
-- description: How many live channels there are of each type and state, and of whom. Bouncing is empty where no bounce
--   is visible to the token; bounce_unknown counts the channels of which nothing is known.
-- chart: bar x=workflow_state y=channels by=type
WITH people AS (
    SELECT
        instance, type, workflow_state, user_id, count(*) AS channels, count(*) FILTER (WHERE bouncing) AS bouncing,
        count(*) FILTER (WHERE NOT bounce_known) AS unknown, count(*) FILTER (WHERE pending_deletion) AS pending
    FROM reporting.current_channels
    WHERE instance = ANY ($1::text[])
    GROUP BY instance, type, workflow_state, user_id
)
SELECT
    instance, type, workflow_state, sum(channels)::bigint AS channels, count(*) AS users,
    CASE WHEN sum(unknown) < sum(channels) THEN sum(bouncing)::bigint END AS bouncing,
    sum(unknown)::bigint AS bounce_unknown, sum(pending)::bigint AS pending_deletion
FROM people
GROUP BY instance, type, workflow_state
ORDER BY instance, type, workflow_state;
