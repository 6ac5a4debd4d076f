-- name: begin_plan
-- The first or a further apply of a plan; no row where it may not be carried out (any more). $1 plan, $2 time.
UPDATE worker.plans SET status = 'applying', begun_at = coalesce(begun_at, $2)
WHERE id = $1 AND status IN ('open', 'applying') AND expires_at > $2
RETURNING id;

-- name: close_undone_plans
-- An undo begins: plans that are not finished, and that did something in the run that it undoes, are over, for what is left
-- of them assumes what is taken back. The undo's document names the run. $1 the undo's plan, $2 time, $3 who, $4 run that
-- undoes. Returns their numbers.
UPDATE worker.plans p
SET status = 'rejected', ended_at = $2, ended_by = $3, reason = 'undone by run ' || $4::bigint
FROM worker.plans u
WHERE u.id = $1 AND u.kind = 'undo' AND p.instance = u.instance AND p.id <> u.id AND p.status IN ('open', 'applying')
    AND EXISTS (
        SELECT FROM worker.actions a
        WHERE a.plan_id = p.id AND a.status = 'done' AND u.document = 'undo of run ' || a.run_id
    )
RETURNING p.id;

-- name: add_actions
-- The journal of a plan that nobody has begun yet; may run twice.
-- $1 instance, $2 plan, $3 on: ordinals, user ids, kinds, types, addresses, channel ids, skip_confirmation, folded addresses.
INSERT INTO worker.actions (
    instance, plan_id, ordinal, user_id, kind, type, address, channel_id, skip_confirmation, folded_address
)
SELECT $1, $2, a.*
FROM unnest($3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::boolean[],
    $10::text[]) AS a
ON CONFLICT (plan_id, ordinal) DO NOTHING;

-- name: actions_of_plan
-- In the order of the plan. $1 plan.
SELECT id, ordinal, run_id, user_id, kind, type, address, channel_id, skip_confirmation, status, note, messaged, attempts, started_at, sent_at,
    observed_at, observed_effect
FROM worker.actions
WHERE plan_id = $1
ORDER BY ordinal;

-- name: unsettled_actions
-- Actions of any plan whose outcome nobody knows, but those on somebody who was forgotten. $1 instance.
SELECT id, ordinal, run_id, user_id, kind, type, address, channel_id, skip_confirmation, status, note, messaged, attempts, started_at, sent_at,
    observed_at, observed_effect
FROM worker.actions
WHERE instance = $1 AND status IN ('started', 'uncertain') AND user_id <> 0
ORDER BY user_id, id;

-- name: sent_actions
-- Actions whose outcome is settled, but for which an effect that shows up late still counts as ours: a call of theirs was
-- sent, and not clearly rejected. $1 instance, $2 sent since.
SELECT id, ordinal, run_id, user_id, kind, type, address, channel_id, skip_confirmation, status, note, messaged, attempts, started_at, sent_at,
    observed_at, observed_effect
FROM worker.actions
WHERE instance = $1 AND status IN ('planned', 'failed', 'withheld', 'skipped', 'refused') AND sent_at > $2
    AND user_id <> 0
ORDER BY user_id, id;

-- name: done_actions
-- What was done since a time. $1 instance, $2 users (null: all), $3 time.
SELECT id, ordinal, run_id, user_id, kind, type, address, channel_id, skip_confirmation, status, note, messaged, attempts, started_at, sent_at,
    observed_at, observed_effect
FROM worker.actions
WHERE instance = $1 AND status = 'done' AND kind IN ('create', 'delete') AND user_id <> 0
    AND (user_id = ANY ($2::bigint[]) OR $2::bigint[] IS NULL) AND settled_at > $3
ORDER BY user_id, id;

-- name: actions_of_run
-- What a run did, the last first. $1 instance, $2 run.
SELECT id, ordinal, run_id, user_id, kind, type, address, channel_id, skip_confirmation, status, note, messaged, attempts, started_at, sent_at,
    observed_at, observed_effect,
    image_before::text AS image_before
FROM worker.actions
WHERE instance = $1 AND run_id = $2
ORDER BY id DESC;

-- name: runs_that_went_on
-- Later runs of a run's plans which did something that is not taken back: the last that was done to the address is theirs.
-- The last run first. $1 instance, $2 run.
WITH later AS (
    SELECT a.run_id, a.user_id, a.kind, a.type, a.folded_address AS address
    FROM worker.actions a
    WHERE a.instance = $1 AND a.run_id > $2 AND a.status = 'done' AND a.user_id <> 0
        AND a.plan_id IN (SELECT b.plan_id FROM worker.actions b WHERE b.instance = $1 AND b.run_id = $2)
), latest AS (
    SELECT DISTINCT ON (a.user_id, a.type, a.folded_address) a.user_id, a.kind, a.type, a.folded_address AS address
    FROM worker.actions a
    WHERE a.instance = $1 AND a.status = 'done' AND a.user_id IN (SELECT user_id FROM later)
    ORDER BY a.user_id, a.type, a.folded_address, a.started_at DESC, a.id DESC
)
SELECT DISTINCT run_id FROM later JOIN latest USING (user_id, kind, type, address) ORDER BY run_id DESC;

-- name: start_action
-- Right before the call. No row where it is settled already.
-- $1 action, $2 run, $3 time, $4 channels before, $5 operating-system user, $6 Canvas user, $7 reason, $8 unattended.
UPDATE worker.actions
SET status = 'started', attempts = attempts + 1, run_id = $2, started_at = $3, settled_at = $3, sent_at = $3,
    observed_at = NULL, observed_effect = NULL, note = NULL, image_before = $4::jsonb, image_after = NULL, os_user = $5, database_role = current_user, canvas_user_id = $6,
    reason = $7, unattended = $8
WHERE id = $1 AND status IN ('planned', 'failed', 'withheld')
RETURNING id;

-- name: begin_push_removal
-- An action without a plan: its journal begins where it is started.
-- $1 instance, $2 run, $3 time, $4 channels before, $5 operating-system user, $6 Canvas user, $7 reason.
INSERT INTO worker.actions (
    instance, ordinal, run_id, user_id, kind, type, address, folded_address, skip_confirmation, status, attempts, started_at,
    settled_at, sent_at, image_before, os_user, database_role, canvas_user_id, reason
)
VALUES (
    $1, 1, $2, $6, 'delete_push', 'push', '', '', true, 'started', 1, $3, $3, $3, $4::jsonb, $5, current_user, $6, $7
)
RETURNING id;

-- name: reopen_action
-- The call was surely not carried out: it is as if it had never been started; an earlier one may have been. $1 action.
UPDATE worker.actions
SET status = 'planned', attempts = attempts - 1, note = NULL, sent_at = CASE WHEN attempts > 1 THEN sent_at END
WHERE id = $1 AND status = 'started';

-- name: close_action
-- What is done stays so; what was settled otherwise may turn out to have been done late.
-- $1 action, $2 status, $3 note (null: nothing to say), $4 time, $5 channels after (null: not read), $6 channel id (null:
-- as it is), $7 whether a message may have gone to a person, $8 until when it may have been sent (null: as it is),
-- $9 whether the call was clearly rejected: then only an earlier one may still take effect.
UPDATE worker.actions
SET status = $2, note = $3, settled_at = $4, image_after = coalesce($5::jsonb, image_after),
    channel_id = coalesce($6, channel_id), messaged = messaged OR $7,
    sent_at = CASE WHEN $9::boolean AND attempts <= 1 THEN NULL ELSE coalesce($8, sent_at) END
WHERE id = $1 AND (
    status IN ('planned', 'started', 'failed', 'withheld', 'uncertain')
    OR status IN ('refused', 'skipped') AND $2 = 'done'
)
RETURNING id;

-- name: observe_action
-- A read of the user while the outcome is unknown. $1 action, $2 sent at, $3 observed at, $4 effect.
UPDATE worker.actions SET sent_at = $2, observed_at = $3, observed_effect = $4
WHERE id = $1 AND status = 'uncertain';

-- name: claim_change
-- A change that an earlier read has written down as Canvas's turns out to be an action of ours: who caused it.
-- $1 instance, $2 channel, $3 since, $4 whether it is a delete.
WITH change AS (
    SELECT max(h.id) AS id
    FROM mirror.channel_history h
    JOIN mirror.communication_channels c ON c.instance = h.instance AND c.id = h.channel_id
    WHERE h.instance = $1 AND h.channel_id = $2 AND h.valid_to >= $3
        AND CASE WHEN $4::boolean THEN c.deleted_at = h.valid_to ELSE h.deleted_at IS NOT NULL END
), caused AS (
    UPDATE mirror.channel_history h SET origin = 'us' FROM change WHERE h.id = change.id AND h.origin <> 'us'
)
UPDATE mirror.communication_channels SET origin = 'us'
WHERE instance = $1 AND id = $2 AND NOT $4::boolean AND first_seen_at >= $3 AND origin <> 'us';

-- name: set_actions_aside
-- Actions that were not called. One of an earlier run that may still take effect stays that run's, so that undoing it finds
-- it. $1 ids, $2 statuses, $3 notes, $4 run, $5 time.
UPDATE worker.actions a
SET status = s.status, note = s.note, run_id = CASE WHEN a.sent_at IS NULL THEN $4 ELSE a.run_id END, settled_at = $5
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS s (id, status, note)
WHERE a.id = s.id AND a.status IN ('planned', 'failed', 'withheld');

-- name: done_under_plan
-- What counts against the guards: what was done, and what may have been. $1 plan.
SELECT
    count(*) FILTER (WHERE kind = 'create' AND status IN ('done', 'started', 'uncertain', 'unresolved')) AS creates,
    count(*) FILTER (WHERE kind = 'delete' AND status IN ('done', 'started', 'uncertain', 'unresolved')) AS deletes,
    count(*) FILTER (WHERE messaged) AS messages
FROM worker.actions
WHERE plan_id = $1;

-- name: done_unattended
-- Deletes that nobody was asked about, of other plans: those done since, and all whose outcome is unknown.
-- $1 instance, $2 plan, $3 since.
SELECT count(*)
FROM worker.actions
WHERE instance = $1 AND unattended AND kind = 'delete' AND plan_id <> $2
    AND (status IN ('started', 'uncertain') OR status = 'done' AND settled_at > $3);

-- name: last_trial
-- When a create that was to send no message did send one, if that is the latest that a Canvas user's token has shown.
-- $1 instance, $2 Canvas user of the token, or null.
SELECT settled_at FROM (
    SELECT settled_at, messaged
    FROM worker.actions
    WHERE instance = $1 AND canvas_user_id IS NOT DISTINCT FROM $2 AND kind = 'create' AND skip_confirmation
        AND status = 'done'
    ORDER BY settled_at DESC
    LIMIT 1
) latest
WHERE messaged;

-- name: finish_plan
-- A plan of which nothing is left to do, and nothing is unknown, is applied.
-- $1 plan, $2 time, $3 who. Returns its status.
UPDATE worker.plans p
SET status = 'applied', ended_at = $2, ended_by = $3
WHERE p.id = $1 AND p.status = 'applying' AND NOT EXISTS (
    SELECT FROM worker.actions a
    WHERE a.plan_id = p.id AND a.status IN ('planned', 'started', 'failed', 'withheld', 'uncertain')
)
RETURNING status;

-- name: settled_plans
-- Plans of which nothing is left to do, as `finish_plan` means it, and whose apply died before it could say so.
-- $1 instance.
SELECT p.id
FROM worker.plans p
WHERE p.instance = $1 AND p.status = 'applying' AND NOT EXISTS (
    SELECT FROM worker.actions a
    WHERE a.plan_id = p.id AND a.status IN ('planned', 'started', 'failed', 'withheld', 'uncertain')
)
ORDER BY p.id;

-- name: suspicious_channels
-- What the journal knows about channels: Canvas refused to delete them, or they came back after a delete of ours that
-- we did not undo. $1 instance, $2 channel ids.
WITH latest AS (
    SELECT DISTINCT ON (channel_id) channel_id, kind, status
    FROM worker.actions
    WHERE instance = $1 AND channel_id = ANY ($2::bigint[]) AND status IN ('done', 'refused')
    ORDER BY channel_id, id DESC
)
SELECT channel_id, status = 'refused' AS refused FROM latest WHERE kind = 'delete';
