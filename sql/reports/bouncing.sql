-- title: Channels that bounce
-- description: Live channels of which a hard bounce is known, the latest first. One is enough for Canvas to
--   stop sending.
-- addresses: address
-- identifiers: sis_user_id login_id
-- caveat: bounces
SELECT
    instance, user_id, sis_user_id, login_id, type, address, workflow_state, is_default, bounce_count, last_bounce_at,
    last_bounce_summary, read_at
FROM reporting.bouncing_channels
WHERE instance = ANY ($1::text[])
ORDER BY last_bounce_at DESC NULLS LAST, instance, id;
