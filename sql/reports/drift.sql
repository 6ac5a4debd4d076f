-- title: Drift against the desired state
-- description: How far Canvas is from each desired state: as of its last comparison (by run or plan), and what is
--   left of that after what its plan has done since. The report drift-changes lists the channels.
SELECT
    instance, document, compared_at, users, users_differing, users_unresolved, creates, deletes, creates_left,
    deletes_left, plan_id, plan_status
FROM reporting.drift
WHERE instance = ANY ($1::text[])
ORDER BY instance, compared_at DESC, document;
