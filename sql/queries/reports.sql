-- name: prepare_report
-- For the rest of a transaction that asks a report: room for sorting and hashing a million rows, no time spent on
-- compiling what runs once, and patience with a person who reads the rows page by page. Merge joins are off because
-- PostgreSQL takes the users of worker.recent_reads for a few hundred, whatever they are, and would sort them all.
-- $1 time: what the views take for now.
SELECT
    set_config('work_mem', '64MB', true), set_config('jit', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('idle_in_transaction_session_timeout', '1h', true),
    set_config('sync_worker.present_time', $1::timestamptz::text, true);

-- name: bounces_not_visible
-- Live, active e-mail channels of which nobody knows whether they bounce. $1 instances.
SELECT count(*) FROM mirror.communication_channels
WHERE instance = ANY ($1::text[]) AND deleted_at IS NULL AND type = 'email' AND workflow_state = 'active'
    AND NOT bounce_known;

-- name: mirror_begins
-- When the oldest version of a channel that is kept was seen; null where there is none. $1 instance.
SELECT least(
    (SELECT min(changed_at) FROM mirror.communication_channels WHERE instance = $1),
    (SELECT min(valid_from) FROM mirror.channel_history WHERE instance = $1)
);
