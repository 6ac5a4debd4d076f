-- title: Changes
-- description: What changed in the last days, the latest first: created, retired, revived, moved, readdressed,
--   confirmed and bounced channels, by us or at Canvas.
-- parameter: days integer 7 = how far back
-- addresses: address old_address
SELECT
    seen_at, instance, id, kind, origin, channel_id, type, address, old_address, user_id, old_user_id, workflow_state,
    old_workflow_state, run_id
FROM reporting.changes
WHERE instance = ANY ($1::text[]) AND seen_at > $3::timestamptz - make_interval(days => $2::integer)
ORDER BY seen_at DESC, instance, id DESC, kind;
