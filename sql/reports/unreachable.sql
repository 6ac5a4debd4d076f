-- title: Users who cannot be reached
-- description: Present users without an active e-mail address that does not bounce, and why. Users who could only be
--   reached where bounces are not visible to the token are not here: nobody knows.
-- identifiers: sis_user_id login_id
-- caveat: bounces
SELECT instance, user_id, sis_user_id, login_id, reason, emails, active_emails, pending_deletions, read_at
FROM reporting.unreachable_users
WHERE instance = ANY ($1::text[])
ORDER BY instance, user_id;
