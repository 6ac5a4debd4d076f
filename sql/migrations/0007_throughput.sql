-- What the rate limit would have borne: the measure of a run's throughput.

ALTER TABLE worker.runs ADD COLUMN requests_possible double precision;
COMMENT ON COLUMN worker.runs.requests_possible IS
    'Requests that the rate limit would have borne in the working time, at the cost and the time that the answers took; null where the answers did not say.';

CREATE OR REPLACE VIEW reporting.runs AS
SELECT
    id, instance, kind, status, exit_code, message, users_spec, started_at, resumed_at, finished_at, seconds,
    users_total, users_done, users_gone, users_unreadable, users_unlisted, users_failed,
    round(100.0 * (users_done + users_gone) / nullif(users_total, 0), 2) AS coverage_percent,
    channels_seen, channels_created, channels_changed, channels_deleted, deletions_pending, requests, throttled,
    round(100.0 * throttled / nullif(requests, 0), 2) AS throttled_percent,
    round((requests / nullif(seconds, 0))::numeric, 1) AS requests_per_second,
    round((users_total / nullif(seconds, 0))::numeric, 1) AS users_per_second, program_version, host, started_by,
    round((requests_possible / nullif(seconds, 0))::numeric, 1) AS requests_per_second_limit
FROM worker.runs;
COMMENT ON COLUMN reporting.runs.requests_per_second_limit IS
    'What the rate limit would have borne, at the cost and the time that the answers took; null where the answers did not say.';

CREATE OR REPLACE VIEW reporting_masked.runs WITH (security_barrier) AS
SELECT
    id, instance, kind, status, exit_code, started_at, resumed_at, finished_at, seconds, users_total, users_done,
    users_gone, users_unreadable, users_unlisted, users_failed, coverage_percent, channels_seen, channels_created,
    channels_changed, channels_deleted, deletions_pending, requests, throttled, throttled_percent,
    requests_per_second, users_per_second, program_version, host, started_by, requests_per_second_limit
FROM reporting.runs;
COMMENT ON COLUMN reporting_masked.runs.requests_per_second_limit IS
    'What the rate limit would have borne, at the cost and the time that the answers took; null where the answers did not say.';
