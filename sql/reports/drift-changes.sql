-- title: What drifts from the desired state
-- description: Each channel that is missing at Canvas (create), or is there and is to go (delete): as of the last
--   comparison of its desired state, without what the plan has done since.
-- addresses: address
SELECT
    instance, document, user_id, kind, type, address, channel_id, action_status, reason, plan_id, compared_at
FROM reporting.drift_changes
WHERE instance = ANY ($1::text[])
ORDER BY instance, document, user_id, kind, type, address;
