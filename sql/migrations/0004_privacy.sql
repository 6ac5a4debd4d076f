-- Forgetting a person, and keeping things only for a time.

-- --------------------------------------------------------------------------------------------------------
-- People who are not to be read again

ALTER TABLE worker.instances ADD COLUMN forgetting_key bytea;
COMMENT ON COLUMN worker.instances.forgetting_key IS
    'Random key of worker.forgotten, made when the first person was forgotten. Null before.';

CREATE TABLE worker.forgotten (
    instance      text        NOT NULL REFERENCES worker.instances,
    digest        bytea       NOT NULL,
    forgotten_at  timestamptz NOT NULL,
    PRIMARY KEY (instance, digest)
);
COMMENT ON TABLE worker.forgotten IS
    'People who were forgotten and are not read again, as keyed hashes of their numbers. It hides them from whoever sees this table alone; whoever has the whole database has the key too, and can test a number.';
COMMENT ON COLUMN worker.forgotten.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.forgotten.digest IS
    'HMAC-SHA256 of instance, colon and Canvas id, with worker.instances.forgetting_key.';
COMMENT ON COLUMN worker.forgotten.forgotten_at IS 'When.';

COMMENT ON COLUMN worker.actions.user_id IS 'Canvas id of the user; 0: somebody who was forgotten.';
COMMENT ON COLUMN worker.actions.address IS
    'Address: of a create as the plan writes it, of a delete as Canvas does; empty for somebody who was forgotten.';
COMMENT ON COLUMN worker.plans.content IS 'The whole plan, without whoever was forgotten since.';
COMMENT ON COLUMN worker.batches.user_ids IS 'Canvas ids of its users, without whoever was forgotten since.';

-- --------------------------------------------------------------------------------------------------------
-- Retention

CREATE TABLE worker.pruned (
    instance         text        NOT NULL REFERENCES worker.instances,
    subject          text        NOT NULL CHECK (subject IN ('history', 'plans', 'actions', 'runs')),
    reaches_back_to  timestamptz NOT NULL,
    pruned_at        timestamptz NOT NULL,
    PRIMARY KEY (instance, subject)
);
COMMENT ON TABLE worker.pruned IS 'How far back things reach since older ones were pruned; no row: to the beginning.';
COMMENT ON COLUMN worker.pruned.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.pruned.subject IS 'What, as a setting of [retention] names it: history, plans, actions, runs.';
COMMENT ON COLUMN worker.pruned.reaches_back_to IS 'What ended before this time may be gone.';
COMMENT ON COLUMN worker.pruned.pruned_at IS 'When it was pruned last.';

COMMENT ON COLUMN mirror.channel_history.run_id IS
    'Run that saw the next version (worker.runs.id); it may have been pruned since.';
COMMENT ON COLUMN mirror.user_history.run_id IS 'Run that saw the next version; it may have been pruned since.';
