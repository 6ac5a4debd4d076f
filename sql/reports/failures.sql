-- title: Failures
-- description: Users that could not be read and references that could not be resolved: those that are open, then
--   those of the last days.
-- parameter: days integer 30 = how far back, of those that are resolved
-- identifiers: reference
SELECT
    instance, reference, user_id, kind, status, message, run_id, failed_at, resolved_at
FROM reporting.failures
WHERE instance = ANY ($1::text[]) AND (is_open OR failed_at > $3::timestamptz - make_interval(days => $2::integer))
ORDER BY is_open DESC, failed_at DESC, instance, reference;
