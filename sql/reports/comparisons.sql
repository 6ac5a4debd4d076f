-- title: Drift over time
-- description: What each comparison of a desired state with Canvas found, the latest first; also where nothing
--   differed.
-- parameter: days integer 90 = how far back
-- chart: line x=compared_at y=changes by=document
SELECT
    compared_at, instance, document, users, users_differing, users_unresolved, creates, deletes, changes, plan_id,
    compared_by
FROM reporting.comparisons
WHERE instance = ANY ($1::text[]) AND compared_at > $3::timestamptz - make_interval(days => $2::integer)
ORDER BY id DESC;
