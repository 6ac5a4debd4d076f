-- Carrying plans out: the journal of every write to Canvas.

ALTER TABLE worker.plans
    ADD COLUMN kind text NOT NULL DEFAULT 'document' CHECK (kind IN ('document', 'undo', 'hand')),
    ADD COLUMN begun_at timestamptz;
COMMENT ON COLUMN worker.plans.kind IS 'document: from a desired state; undo: the opposite of an apply; hand: channels create or delete.';
COMMENT ON COLUMN worker.plans.begun_at IS 'When the first apply of it began; null before.';

ALTER TABLE mirror.communication_channels
    ADD COLUMN origin text NOT NULL DEFAULT 'canvas' CHECK (origin IN ('canvas', 'us'));
COMMENT ON COLUMN mirror.communication_channels.origin IS 'Who created the channel: canvas (seen by reading) or us (an action of ours).';

CREATE TABLE worker.actions (
    id                 bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance           text        NOT NULL REFERENCES worker.instances,
    plan_id            bigint      REFERENCES worker.plans,
    ordinal            integer     NOT NULL,
    run_id             bigint      REFERENCES worker.runs,
    user_id            bigint      NOT NULL,
    kind               text        NOT NULL CHECK (kind IN ('create', 'delete', 'delete_push')),
    type               text        NOT NULL,
    address            text        NOT NULL,
    channel_id         bigint,
    skip_confirmation  boolean     NOT NULL,
    status             text        NOT NULL DEFAULT 'planned' CHECK (
        status IN ('planned', 'started', 'done', 'existed', 'refused', 'failed', 'withheld', 'skipped', 'uncertain')
    ),
    note               text,
    messaged           boolean     NOT NULL DEFAULT false,
    attempts           integer     NOT NULL DEFAULT 0,
    started_at         timestamptz,
    settled_at         timestamptz,
    image_before       jsonb,
    image_after        jsonb,
    os_user            text,
    database_role      text,
    canvas_user_id     bigint,
    reason             text,
    unattended         boolean     NOT NULL DEFAULT false,
    UNIQUE (plan_id, ordinal)
);
CREATE INDEX actions_of_run ON worker.actions (run_id);
CREATE INDEX actions_of_channel ON worker.actions (instance, channel_id, id);
CREATE INDEX actions_unsettled ON worker.actions (instance) WHERE status IN ('started', 'uncertain');
CREATE INDEX actions_by_time ON worker.actions (instance, settled_at);

COMMENT ON TABLE worker.actions IS 'The journal: each create and delete of an approved plan, from planned to settled, with the user''s channels before and after.';
COMMENT ON COLUMN worker.actions.id IS 'Ascending number.';
COMMENT ON COLUMN worker.actions.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.actions.plan_id IS 'Plan that it belongs to; null for the removal of a push device by hand.';
COMMENT ON COLUMN worker.actions.ordinal IS 'Place within the plan, from 1.';
COMMENT ON COLUMN worker.actions.run_id IS 'Run that did it or tried it last (worker.runs.id); null before.';
COMMENT ON COLUMN worker.actions.user_id IS 'Canvas id of the user.';
COMMENT ON COLUMN worker.actions.kind IS 'create; delete; delete_push: a push device of the token''s own user.';
COMMENT ON COLUMN worker.actions.type IS 'Type of the channel.';
COMMENT ON COLUMN worker.actions.address IS 'Address: of a create as the plan writes it, of a delete as Canvas does.';
COMMENT ON COLUMN worker.actions.channel_id IS 'Canvas id of the channel; of a create from its answer on.';
COMMENT ON COLUMN worker.actions.skip_confirmation IS 'Whether a create asks Canvas to send no confirmation message.';
COMMENT ON COLUMN worker.actions.status IS
    'planned; started: the call may have been sent; done; existed: somebody else had created it; refused: Canvas says no, not tried again; failed: may be tried again; withheld by a guard; skipped: stale; uncertain: the answer was lost and a look did not show it.';
COMMENT ON COLUMN worker.actions.note IS 'Why it is so.';
COMMENT ON COLUMN worker.actions.messaged IS 'Whether a confirmation message went, or may have gone, to a person.';
COMMENT ON COLUMN worker.actions.attempts IS 'How often it was started.';
COMMENT ON COLUMN worker.actions.started_at IS 'When it was started last.';
COMMENT ON COLUMN worker.actions.settled_at IS 'When its present status was written, once it was touched.';
COMMENT ON COLUMN worker.actions.image_before IS 'The user''s live channels as read right before the call.';
COMMENT ON COLUMN worker.actions.image_after IS 'The same as read after it.';
COMMENT ON COLUMN worker.actions.os_user IS 'Operating-system user who started it.';
COMMENT ON COLUMN worker.actions.database_role IS 'Database role that wrote it.';
COMMENT ON COLUMN worker.actions.canvas_user_id IS 'Canvas user of the token.';
COMMENT ON COLUMN worker.actions.reason IS 'Why, as the person said (--reason).';
COMMENT ON COLUMN worker.actions.unattended IS 'Whether nobody was asked (run --apply auto).';
