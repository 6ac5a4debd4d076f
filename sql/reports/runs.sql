-- title: Runs
-- description: The runs of the last days with coverage, throughput and what the rate limit refused, the latest first.
-- parameter: days integer 30 = how far back
-- chart: line x=started_at y=requests_per_second by=instance
SELECT
    id, instance, kind, status, exit_code, started_at, finished_at, seconds, users_total, users_failed,
    coverage_percent, channels_created, channels_changed, channels_deleted, requests, throttled, throttled_percent,
    requests_per_second, requests_per_second_limit, users_per_second, started_by, message
FROM reporting.runs
WHERE instance = ANY ($1::text[]) AND started_at > $3::timestamptz - make_interval(days => $2::integer)
ORDER BY id DESC;
