-- What was sent and not clearly rejected has an unknown outcome until two complete reads agree.

ALTER TABLE worker.actions
    DROP CONSTRAINT actions_status_check,
    ADD CONSTRAINT actions_status_check CHECK (
        status IN (
            'planned', 'started', 'done', 'existed', 'refused', 'failed', 'withheld', 'skipped', 'uncertain', 'unresolved'
        )
    ),
    ADD COLUMN sent_at timestamptz,
    ADD COLUMN observed_at timestamptz,
    ADD COLUMN observed_effect boolean,
    ADD CONSTRAINT actions_observed_check CHECK ((observed_at IS NULL) = (observed_effect IS NULL));

COMMENT ON COLUMN worker.actions.status IS
    'planned; started: the call may have been sent; done; existed: somebody else had created it; refused: Canvas says no, not tried again; failed: may be tried again; withheld by a guard; skipped: stale; uncertain: sent, and the outcome is unknown until two complete reads agree; unresolved: still unknown after 7 days.';
COMMENT ON COLUMN worker.actions.sent_at IS
    'Until when a call that was not clearly rejected may have been sent; null where every call was clearly rejected, or none was sent. For 7 days after it, an effect that shows up late counts as ours.';
COMMENT ON COLUMN worker.actions.observed_at IS
    'When the first of the two reads began that settle an unknown outcome; null before.';
COMMENT ON COLUMN worker.actions.observed_effect IS 'Whether that read showed the effect of the action.';

COMMENT ON COLUMN reporting.actions.status IS
    'planned; started; done; existed: somebody else had created it; refused; failed; withheld by a guard; skipped: stale; uncertain: the outcome is unknown until two reads agree; unresolved: still unknown after 7 days.';
COMMENT ON COLUMN reporting_masked.actions.status IS
    'planned; started; done; existed: somebody else had created it; refused; failed; withheld by a guard; skipped: stale; uncertain: the outcome is unknown until two reads agree; unresolved: still unknown after 7 days.';

UPDATE worker.actions SET sent_at = coalesce(settled_at, started_at)
WHERE status IN ('started', 'uncertain') OR status IN ('planned', 'failed', 'withheld') AND attempts > 0;

CREATE INDEX actions_sent ON worker.actions (instance, sent_at) WHERE sent_at IS NOT NULL AND status <> 'done';
