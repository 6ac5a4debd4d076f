-- title: The history of one user
-- description: Changes of all channels that the user has or had, and of the user's identifiers and state, the latest
--   first. What is held on a person in all tables: report person.
-- parameter: user user = whom: a number, sis:…, login:…
-- addresses: address old_address
-- identifiers: detail
WITH channels AS (
    SELECT id FROM mirror.communication_channels WHERE instance = ANY ($1::text[]) AND user_id = $2::bigint
    UNION
    SELECT channel_id FROM mirror.channel_history WHERE instance = ANY ($1::text[]) AND user_id = $2::bigint
), versions AS (
    SELECT instance, sis_user_id, login_id, integration_id, state, changed_at AS since FROM mirror.users
    WHERE instance = ANY ($1::text[]) AND id = $2::bigint
    UNION ALL
    SELECT instance, sis_user_id, login_id, integration_id, state, valid_from FROM mirror.user_history
    WHERE instance = ANY ($1::text[]) AND user_id = $2::bigint
)
SELECT
    seen_at, kind, channel_id, type, address, old_address, workflow_state, old_user_id, user_id, origin, run_id,
    NULL AS detail
FROM reporting.changes
WHERE instance = ANY ($1::text[]) AND channel_id = ANY (ARRAY(SELECT id FROM channels))
UNION ALL
SELECT
    since, 'user ' || state, NULL, NULL, NULL, NULL, NULL, NULL, $2::bigint, 'canvas', NULL,
    concat_ws(', ', 'sis ' || sis_user_id, 'login ' || login_id, 'integration ' || integration_id)
FROM versions
ORDER BY seen_at DESC, channel_id, kind;
