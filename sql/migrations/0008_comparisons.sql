-- What each comparison of a desired state with Canvas has found, also where nothing was to be done.

CREATE TABLE worker.comparisons (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance          text        NOT NULL REFERENCES worker.instances,
    document          text        NOT NULL,
    digest            text        NOT NULL,
    compared_at       timestamptz NOT NULL,
    compared_by       text        NOT NULL,
    users             bigint      NOT NULL,
    users_differing   bigint      NOT NULL,
    users_unresolved  bigint      NOT NULL,
    creates           bigint      NOT NULL,
    deletes           bigint      NOT NULL,
    plan_id           bigint      REFERENCES worker.plans ON DELETE SET NULL
);
CREATE INDEX comparisons_of_document ON worker.comparisons (instance, document, id DESC);
CREATE INDEX comparisons_of_plan ON worker.comparisons (plan_id);
COMMENT ON TABLE worker.comparisons IS
    'What each comparison of a whole desired state with Canvas has found: one row for each `run` that plans, and for each `plan` without options that change what the document says.';
COMMENT ON COLUMN worker.comparisons.id IS 'Ascending number.';
COMMENT ON COLUMN worker.comparisons.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.comparisons.document IS 'The desired state.';
COMMENT ON COLUMN worker.comparisons.digest IS 'sha256 of it.';
COMMENT ON COLUMN worker.comparisons.compared_at IS 'When that was known.';
COMMENT ON COLUMN worker.comparisons.compared_by IS 'Operating-system user who compared.';
COMMENT ON COLUMN worker.comparisons.users IS 'Users of the document that were compared.';
COMMENT ON COLUMN worker.comparisons.users_differing IS 'Those who lacked something, or had too much.';
COMMENT ON COLUMN worker.comparisons.users_unresolved IS 'References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.';
COMMENT ON COLUMN worker.comparisons.creates IS 'Channels that were missing.';
COMMENT ON COLUMN worker.comparisons.deletes IS 'Channels that were to go.';
COMMENT ON COLUMN worker.comparisons.plan_id IS 'Plan that says which; null where nothing differed, or once it is pruned.';

CREATE VIEW worker.standing_actions AS
SELECT a.plan_id, a.user_id, a.kind, a.type, a.address
FROM worker.actions a
LEFT JOIN (worker.actions u JOIN worker.plans p ON p.id = u.plan_id AND p.kind = 'undo')
    ON u.instance = a.instance AND u.user_id = a.user_id AND u.type = a.type AND u.kind <> a.kind
    AND lower(u.address) = lower(a.address) AND u.status IN ('done', 'existed') AND u.settled_at >= a.settled_at
WHERE a.status IN ('done', 'existed') AND u.id IS NULL;
COMMENT ON VIEW worker.standing_actions IS 'What applies have done and no undo has taken back since.';
COMMENT ON COLUMN worker.standing_actions.plan_id IS 'Plan that it belongs to.';
COMMENT ON COLUMN worker.standing_actions.user_id IS 'Canvas id of the user; 0 for somebody who was forgotten.';
COMMENT ON COLUMN worker.standing_actions.kind IS 'create; delete.';
COMMENT ON COLUMN worker.standing_actions.type IS 'Type of the channel.';
COMMENT ON COLUMN worker.standing_actions.address IS 'Address: of a create as the plan writes it, of a delete as Canvas does.';

-- --------------------------------------------------------------------------------------------------------
-- For people and dashboards

CREATE VIEW reporting.comparisons AS
SELECT
    id, instance, document, compared_at, compared_by, users, users_differing, users_unresolved, creates, deletes,
    creates + deletes AS changes, plan_id
FROM worker.comparisons;

COMMENT ON VIEW reporting.comparisons IS
    'How far Canvas was from the desired state, each time that was looked at.';
COMMENT ON COLUMN reporting.comparisons.id IS 'Ascending number.';
COMMENT ON COLUMN reporting.comparisons.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.comparisons.document IS 'The desired state.';
COMMENT ON COLUMN reporting.comparisons.compared_at IS 'When that was known.';
COMMENT ON COLUMN reporting.comparisons.compared_by IS 'Operating-system user who compared.';
COMMENT ON COLUMN reporting.comparisons.users IS 'Users of the document that were compared.';
COMMENT ON COLUMN reporting.comparisons.users_differing IS 'Those who lacked something, or had too much.';
COMMENT ON COLUMN reporting.comparisons.users_unresolved IS 'References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.';
COMMENT ON COLUMN reporting.comparisons.creates IS 'Channels that were missing.';
COMMENT ON COLUMN reporting.comparisons.deletes IS 'Channels that were to go.';
COMMENT ON COLUMN reporting.comparisons.changes IS 'Both together.';
COMMENT ON COLUMN reporting.comparisons.plan_id IS 'Plan that says which; null where nothing differed, or once it is pruned.';

CREATE VIEW reporting.drift AS
SELECT
    c.instance, c.document, c.compared_at, c.users, c.users_differing, c.users_unresolved, c.creates, c.deletes,
    c.creates - coalesce(d.creates, 0) AS creates_left, c.deletes - coalesce(d.deletes, 0) AS deletes_left, c.plan_id,
    p.status AS plan_status, c.id AS comparison_id
FROM (
    SELECT DISTINCT ON (instance, document) *
    FROM worker.comparisons
    ORDER BY instance, document, id DESC
) c
LEFT JOIN reporting.plans p ON p.id = c.plan_id
LEFT JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE a.kind = 'create') AS creates, count(*) FILTER (WHERE a.kind = 'delete') AS deletes
    FROM worker.standing_actions a
    WHERE a.plan_id = c.plan_id
) d ON true;

COMMENT ON VIEW reporting.drift IS
    'How far Canvas is from each desired state, as of the last comparison and what its plan has done since; one row for each document that was ever compared.';
COMMENT ON COLUMN reporting.drift.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.drift.document IS 'The desired state.';
COMMENT ON COLUMN reporting.drift.compared_at IS 'When it was compared last.';
COMMENT ON COLUMN reporting.drift.users IS 'Users of the document that were compared.';
COMMENT ON COLUMN reporting.drift.users_differing IS 'Those who lacked something, or had too much.';
COMMENT ON COLUMN reporting.drift.users_unresolved IS 'References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.';
COMMENT ON COLUMN reporting.drift.creates IS 'Channels that were missing.';
COMMENT ON COLUMN reporting.drift.deletes IS 'Channels that were to go.';
COMMENT ON COLUMN reporting.drift.creates_left IS 'The same, without those that the plan has created since and nobody has taken back.';
COMMENT ON COLUMN reporting.drift.deletes_left IS 'The same, without those that the plan has deleted since and nobody has taken back.';
COMMENT ON COLUMN reporting.drift.plan_id IS 'Plan that says which; null where nothing differed, or once it is pruned.';
COMMENT ON COLUMN reporting.drift.plan_status IS 'Its state, as in reporting.plans.';
COMMENT ON COLUMN reporting.drift.comparison_id IS 'Number of the comparison in reporting.comparisons.';

CREATE VIEW reporting.drift_changes AS
SELECT
    d.instance, d.document, d.compared_at, d.plan_id, (e.change ->> 'user_id')::bigint AS user_id, e.change ->> 'kind' AS kind,
    e.change ->> 'type' AS type, e.change ->> 'address' AS address, (e.change ->> 'channel_id')::bigint AS channel_id,
    e.change ->> 'reason' AS reason, a.status AS action_status
FROM reporting.drift d
JOIN worker.plans p ON p.id = d.plan_id
CROSS JOIN LATERAL jsonb_array_elements(p.content -> 'users') AS u (planned)
CROSS JOIN LATERAL jsonb_array_elements(u.planned -> 'diff' -> 'changes') AS e (change)
LEFT JOIN worker.actions a ON a.plan_id = p.id AND a.user_id = (e.change ->> 'user_id')::bigint
    AND a.kind = e.change ->> 'kind' AND a.type = e.change ->> 'type' AND a.address = e.change ->> 'address'
LEFT JOIN worker.standing_actions s ON s.plan_id = p.id AND s.user_id = a.user_id
    AND s.kind = a.kind AND s.type = a.type AND s.address = a.address
WHERE s.plan_id IS NULL;

COMMENT ON VIEW reporting.drift_changes IS
    'What each desired state still asks for, as of its last comparison and what the plan of it has done since: one row for each channel.';
COMMENT ON COLUMN reporting.drift_changes.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.drift_changes.document IS 'The desired state.';
COMMENT ON COLUMN reporting.drift_changes.compared_at IS 'When it was compared last.';
COMMENT ON COLUMN reporting.drift_changes.plan_id IS 'Plan that would do it.';
COMMENT ON COLUMN reporting.drift_changes.user_id IS 'Canvas id of the user.';
COMMENT ON COLUMN reporting.drift_changes.kind IS 'create: it is missing at Canvas; delete: it is to go.';
COMMENT ON COLUMN reporting.drift_changes.type IS 'Type of the channel.';
COMMENT ON COLUMN reporting.drift_changes.address IS 'Address: of a create as the document writes it, of a delete as Canvas does.';
COMMENT ON COLUMN reporting.drift_changes.channel_id IS 'Canvas id of the channel that is to go; null for one that is missing.';
COMMENT ON COLUMN reporting.drift_changes.reason IS 'What the document says about it.';
COMMENT ON COLUMN reporting.drift_changes.action_status IS 'What an apply has come to with it, as in reporting.actions; null: none has tried; done: and taken back since.';

-- --------------------------------------------------------------------------------------------------------
-- The same for those who may not see addresses

CREATE VIEW reporting_masked.comparisons WITH (security_barrier) AS
SELECT
    id, instance, compared_at, compared_by, users, users_differing, users_unresolved, creates, deletes, changes, plan_id
FROM reporting.comparisons;

COMMENT ON VIEW reporting_masked.comparisons IS
    'reporting.comparisons without the names of documents.';
COMMENT ON COLUMN reporting_masked.comparisons.id IS 'Ascending number.';
COMMENT ON COLUMN reporting_masked.comparisons.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.comparisons.compared_at IS 'When that was known.';
COMMENT ON COLUMN reporting_masked.comparisons.compared_by IS 'Operating-system user who compared.';
COMMENT ON COLUMN reporting_masked.comparisons.users IS 'Users of the document that were compared.';
COMMENT ON COLUMN reporting_masked.comparisons.users_differing IS 'Those who lacked something, or had too much.';
COMMENT ON COLUMN reporting_masked.comparisons.users_unresolved IS 'References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.';
COMMENT ON COLUMN reporting_masked.comparisons.creates IS 'Channels that were missing.';
COMMENT ON COLUMN reporting_masked.comparisons.deletes IS 'Channels that were to go.';
COMMENT ON COLUMN reporting_masked.comparisons.changes IS 'Both together.';
COMMENT ON COLUMN reporting_masked.comparisons.plan_id IS 'Plan that says which; null where nothing differed, or once it is pruned.';

CREATE VIEW reporting_masked.drift WITH (security_barrier) AS
SELECT
    instance, compared_at, users, users_differing, users_unresolved, creates, deletes, creates_left, deletes_left,
    plan_id, plan_status, comparison_id
FROM reporting.drift;

COMMENT ON VIEW reporting_masked.drift IS
    'reporting.drift without the names of documents.';
COMMENT ON COLUMN reporting_masked.drift.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.drift.compared_at IS 'When the document was compared last.';
COMMENT ON COLUMN reporting_masked.drift.users IS 'Users of the document that were compared.';
COMMENT ON COLUMN reporting_masked.drift.users_differing IS 'Those who lacked something, or had too much.';
COMMENT ON COLUMN reporting_masked.drift.users_unresolved IS 'References that led to nobody, and users about whom Canvas gave no answer: of them nothing is known.';
COMMENT ON COLUMN reporting_masked.drift.creates IS 'Channels that were missing.';
COMMENT ON COLUMN reporting_masked.drift.deletes IS 'Channels that were to go.';
COMMENT ON COLUMN reporting_masked.drift.creates_left IS 'The same, without those that the plan has created since and nobody has taken back.';
COMMENT ON COLUMN reporting_masked.drift.deletes_left IS 'The same, without those that the plan has deleted since and nobody has taken back.';
COMMENT ON COLUMN reporting_masked.drift.plan_id IS 'Plan that says which; null where nothing differed, or once it is pruned.';
COMMENT ON COLUMN reporting_masked.drift.plan_status IS 'Its state, as in reporting.plans.';
COMMENT ON COLUMN reporting_masked.drift.comparison_id IS 'Number of the comparison in reporting_masked.comparisons.';

CREATE VIEW reporting_masked.drift_changes WITH (security_barrier) AS
SELECT
    instance, compared_at, plan_id, user_id, kind, type, reporting_masked.mask(address) AS address, channel_id,
    action_status
FROM reporting.drift_changes;

COMMENT ON VIEW reporting_masked.drift_changes IS
    'reporting.drift_changes with masked addresses, without free text.';
COMMENT ON COLUMN reporting_masked.drift_changes.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.drift_changes.compared_at IS 'When the document was compared last.';
COMMENT ON COLUMN reporting_masked.drift_changes.plan_id IS 'Plan that would do it.';
COMMENT ON COLUMN reporting_masked.drift_changes.user_id IS 'Canvas id of the user.';
COMMENT ON COLUMN reporting_masked.drift_changes.kind IS 'create: it is missing at Canvas; delete: it is to go.';
COMMENT ON COLUMN reporting_masked.drift_changes.type IS 'Type of the channel.';
COMMENT ON COLUMN reporting_masked.drift_changes.address IS 'Address, masked.';
COMMENT ON COLUMN reporting_masked.drift_changes.channel_id IS 'Canvas id of the channel that is to go; null for one that is missing.';
COMMENT ON COLUMN reporting_masked.drift_changes.action_status IS 'What an apply has come to with it; null: none has tried; done: and taken back since.';
