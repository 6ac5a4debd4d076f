-- title: Creates and deletes of ours
-- description: The journal of the last days with who did it and why, the latest first;
--   what was not tried yet comes last.
-- parameter: days integer 30 = how far back
-- addresses: address
SELECT
    id, instance, settled_at, kind, status, user_id, type, address, channel_id, note, reason, os_user, database_role,
    canvas_user_id, unattended, messaged, plan_id, run_id, document
FROM reporting.actions
WHERE instance = ANY ($1::text[])
    AND (settled_at > $3::timestamptz - make_interval(days => $2::integer) OR settled_at IS NULL)
ORDER BY settled_at DESC NULLS LAST, id DESC;
