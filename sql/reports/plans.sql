-- title: Plans
-- description: The saved plans with who made and who ended them, why, and how much of them is done; the latest first.
-- parameter: days integer 90 = how far back, of those that have ended
SELECT
    id, instance, kind, status, document, made_at, made_by, creates, deletes, messages, actions_done, actions_not_done,
    expires_at, begun_at, ended_at, ended_by, reason
FROM reporting.plans
WHERE instance = ANY ($1::text[])
    AND (status IN ('open', 'applying') OR made_at > $3::timestamptz - make_interval(days => $2::integer))
ORDER BY id DESC;
