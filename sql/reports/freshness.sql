-- title: Freshness and coverage
-- description: How fresh and how complete the mirror is, and how many e-mail channels bounce, or are such that bounces are not visible.
SELECT
    instance, users_present, users_unreadable, users_unlisted, users_gone, users_never_read, read_within_day,
    read_within_week, oldest_read_at, median_read_at, newest_read_at, channels_live, channels_bouncing,
    channels_bounce_unknown, deletions_pending, open_failures, last_good_run_id, last_good_run_at, last_coverage_percent
FROM reporting.freshness
WHERE instance = ANY ($1::text[])
ORDER BY instance;
