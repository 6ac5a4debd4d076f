-- title: Deletions that wait
-- description: Channels that Canvas did not show any more and whose deletion is held back, by the run that holds them:
--   pending accept RUN, pending dismiss RUN.
-- addresses: address
-- identifiers: sis_user_id login_id
SELECT
    instance, held_run_id, waits_for, reason, absent_since, user_id, sis_user_id, login_id, user_state, channel_id,
    type, address, workflow_state
FROM reporting.pending_deletions
WHERE instance = ANY ($1::text[])
ORDER BY instance, held_run_id, user_id, channel_id;
