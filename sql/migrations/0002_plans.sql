-- Saved plans, and the mirror as it was.

CREATE TABLE worker.plans (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance     text        NOT NULL REFERENCES worker.instances,
    origin       text        NOT NULL,
    status       text        NOT NULL DEFAULT 'open'
        CHECK (status IN ('open', 'applying', 'applied', 'expired', 'rejected')),
    made_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    made_by      text        NOT NULL,
    document     text        NOT NULL,
    digest       text        NOT NULL,
    fingerprint  text        NOT NULL,
    creates      integer     NOT NULL,
    deletes      integer     NOT NULL,
    messages     integer     NOT NULL,
    content      jsonb       NOT NULL,
    ended_at     timestamptz,
    ended_by     text,
    reason       text
);
CREATE INDEX plans_of_instance ON worker.plans (instance, id DESC);
COMMENT ON TABLE worker.plans IS 'What a desired state would change at Canvas: shown, approved, then carried out; never more than it says.';
COMMENT ON COLUMN worker.plans.id IS 'Number of the plan, as the messages name it.';
COMMENT ON COLUMN worker.plans.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.plans.origin IS 'Scheme, host and port of the Canvas that it is for.';
COMMENT ON COLUMN worker.plans.status IS 'open; applying; applied; expired; rejected.';
COMMENT ON COLUMN worker.plans.made_at IS 'When it was made.';
COMMENT ON COLUMN worker.plans.expires_at IS 'When it can no longer be carried out.';
COMMENT ON COLUMN worker.plans.made_by IS 'Operating-system user who made it.';
COMMENT ON COLUMN worker.plans.document IS 'The desired state that it comes from.';
COMMENT ON COLUMN worker.plans.digest IS 'sha256 of that document.';
COMMENT ON COLUMN worker.plans.fingerprint IS 'sha256 over what is to be done and the state that it assumes.';
COMMENT ON COLUMN worker.plans.creates IS 'Channels to create.';
COMMENT ON COLUMN worker.plans.deletes IS 'Channels to delete.';
COMMENT ON COLUMN worker.plans.messages IS 'Confirmation messages that people would get.';
COMMENT ON COLUMN worker.plans.content IS 'The whole plan.';
COMMENT ON COLUMN worker.plans.ended_at IS 'When it was applied, rejected or found expired.';
COMMENT ON COLUMN worker.plans.ended_by IS 'Operating-system user who ended it.';
COMMENT ON COLUMN worker.plans.reason IS 'Why it was rejected.';

-- --------------------------------------------------------------------------------------------------------
-- The mirror as it was

CREATE SCHEMA IF NOT EXISTS reporting;
COMMENT ON SCHEMA reporting IS 'Views and functions for people and dashboards; they change by adding only.';

CREATE FUNCTION reporting.channels_as_of(as_of timestamptz, instance text)
RETURNS TABLE (
    id                             bigint,
    user_id                        bigint,
    type                           text,
    address                        text,
    "position"                     integer,
    workflow_state                 text,
    bounce_count                   integer,
    last_bounce_at                 timestamptz,
    last_bounce_summary            text,
    last_transient_bounce_at       timestamptz,
    last_transient_bounce_summary  text,
    last_suppression_bounce_at     timestamptz,
    bounce_known                   boolean,
    created_at                     timestamptz,
    valid_from                     timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        c.id, c.user_id, c.type, c.address, c."position", c.workflow_state, c.bounce_count, c.last_bounce_at,
        c.last_bounce_summary, c.last_transient_bounce_at, c.last_transient_bounce_summary,
        c.last_suppression_bounce_at, c.bounce_known, c.created_at, c.changed_at
    FROM mirror.communication_channels c
    WHERE c.instance = channels_as_of.instance AND c.changed_at <= channels_as_of.as_of AND c.deleted_at IS NULL
    UNION ALL
    SELECT
        h.channel_id, h.user_id, h.type, h.address, h."position", h.workflow_state, h.bounce_count, h.last_bounce_at,
        h.last_bounce_summary, h.last_transient_bounce_at, h.last_transient_bounce_summary,
        h.last_suppression_bounce_at, h.bounce_known, h.created_at, h.valid_from
    FROM mirror.channel_history h
    WHERE h.instance = channels_as_of.instance AND h.valid_from <= channels_as_of.as_of
        AND h.valid_to > channels_as_of.as_of AND h.deleted_at IS NULL;
END;
COMMENT ON FUNCTION reporting.channels_as_of(timestamptz, text) IS
    'The live channels of an instance as the mirror knew them at a time; valid_from: since when. Versions begin and end with the reads that saw them.';
