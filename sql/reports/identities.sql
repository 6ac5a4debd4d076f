-- title: Identifiers that changed hands
-- description: SIS ids, logins and integration ids that were seen with one user and then with another, the latest
--   first. A document that names one means another person now.
-- identifiers: value
SELECT instance, identifier, value, former_user_id, former_state, new_user_id, seen_at
FROM reporting.identity_changes
WHERE instance = ANY ($1::text[])
ORDER BY seen_at DESC, instance, identifier, value;
