-- name: page_totals
-- How many rows the lists of the page have, by the name of the report, with _ for -. $1 instances, $2 time.
SELECT
    (SELECT count(*) FROM reporting.bouncing_channels WHERE instance = ANY ($1::text[])) AS bouncing,
    (
        SELECT count(*) FROM reporting.changes
        WHERE instance = ANY ($1::text[]) AND seen_at > $2::timestamptz - make_interval(days => 7)
    ) AS changes,
    (
        SELECT count(*) FROM reporting.failures
        WHERE instance = ANY ($1::text[]) AND (is_open OR failed_at > $2::timestamptz - make_interval(days => 30))
    ) AS failures,
    (SELECT count(*) FROM reporting.pending_deletions WHERE instance = ANY ($1::text[])) AS pending,
    (
        SELECT count(*) FROM reporting.plans
        WHERE instance = ANY ($1::text[])
            AND (status IN ('open', 'applying') OR made_at > $2::timestamptz - make_interval(days => 90))
    ) AS plans,
    (
        SELECT count(*) FROM reporting.runs
        WHERE instance = ANY ($1::text[]) AND started_at > $2::timestamptz - make_interval(days => 30)
    ) AS runs,
    (SELECT count(*) FROM reporting.unreachable_users WHERE instance = ANY ($1::text[])) AS unreachable;

-- name: page_reach
-- Whom Canvas sends mail to. $1 instance. Unknown: only bounces decide, and they are not visible to the token; unread:
-- nothing was ever read of them. Half of them were read at the median or later.
SELECT
    count(*) FILTER (WHERE reachable) AS reachable, count(*) FILTER (WHERE NOT reachable) AS unreachable,
    count(*) FILTER (WHERE reachable IS NULL AND bounce_unknown_emails > 0) AS unknown,
    count(*) FILTER (WHERE reachable IS NULL AND coalesce(bounce_unknown_emails, 0) = 0) AS unread,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY read_at) AS median_read_at
FROM reporting.users
WHERE instance = $1 AND state = 'present';
