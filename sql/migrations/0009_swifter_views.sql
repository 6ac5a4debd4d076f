-- The same views, answered sooner on a million channels.

-- worker.recent_reads asks for these few at every report that says how fresh a user is.
CREATE INDEX users_not_readable ON mirror.users (instance, id) WHERE state IN ('unreadable', 'unlisted');

-- The default address is looked for only where a channel bounces, and the condition is one that PostgreSQL can estimate.
CREATE OR REPLACE VIEW reporting.bouncing_channels AS
SELECT
    c.instance, c.id, c.user_id, c.sis_user_id, c.login_id, c.user_state, c.type, c.address, c.domain, c.workflow_state,
    coalesce(c.id = (  -- the same as is_default in reporting.current_channels
        SELECT d.id FROM mirror.communication_channels d
        WHERE d.instance = c.instance AND d.user_id = c.user_id AND d.deleted_at IS NULL AND d.type = 'email'
            AND d.workflow_state = 'active'
        ORDER BY d."position" NULLS LAST, d.id LIMIT 1
    ), false) AS is_default,
    c.bounce_count, c.last_bounce_at, c.last_bounce_summary, c.last_transient_bounce_at, c.last_suppression_bounce_at,
    c.read_at, c.pending_deletion
FROM reporting.current_channels c
WHERE c.bounce_known AND (c.last_bounce_at IS NOT NULL OR c.bounce_count > 0);  -- bouncing

-- The states of users are looked up for the addresses that are shared, not for all.
CREATE OR REPLACE VIEW reporting.shared_addresses AS
SELECT
    g.instance, g.type, g.address, g.users, g.user_ids, g.channels, g.active_channels, (
        SELECT array_agg(DISTINCT u.state) FROM mirror.users u
        WHERE u.instance = g.instance AND u.id = ANY (g.user_ids)
    ) AS user_states
FROM (
    SELECT
        c.instance, c.type, lower(c.address) AS address, count(DISTINCT c.user_id) AS users,
        array_agg(DISTINCT c.user_id) AS user_ids, count(*) AS channels,
        count(*) FILTER (WHERE c.workflow_state = 'active') AS active_channels
    FROM (
        SELECT instance, hashtextextended(lower(address), 0) AS hash  -- smaller than the addresses, compared below
        FROM mirror.communication_channels
        WHERE deleted_at IS NULL AND type <> 'push'
        GROUP BY instance, hashtextextended(lower(address), 0)
        HAVING min(user_id) <> max(user_id)
    ) s
    JOIN mirror.communication_channels c
        ON c.instance = s.instance AND hashtextextended(lower(c.address), 0) = s.hash AND c.deleted_at IS NULL
        AND c.type <> 'push'
    GROUP BY c.instance, c.type, lower(c.address)
    HAVING min(c.user_id) <> max(c.user_id)
) g;

-- What is counted by day has no row of its own for each kind, and channels that never changed are not looked at.
CREATE VIEW worker.successions AS
SELECT
    h.id, h.instance, h.origin, h.valid_to AS seen_at, h.channel_id, n.user_id, h.user_id AS old_user_id, n.type,
    n.address, h.address AS old_address, n.workflow_state, h.workflow_state AS old_workflow_state, h.run_id,
    h.deleted_at IS NULL AND n.deleted_at IS NOT NULL AS retired,
    h.deleted_at IS NOT NULL AND n.deleted_at IS NULL AS revived,
    n.user_id <> h.user_id AS moved,
    n.type <> 'push' AND n.address <> h.address AND lower(n.address) <> lower(h.address) AS readdressed,
    h.deleted_at IS NULL AND h.workflow_state <> 'active' AND n.workflow_state = 'active' AS confirmed,
    h.deleted_at IS NULL AND h.bounce_known
        AND (n.last_bounce_at > coalesce(h.last_bounce_at, '-infinity') OR n.bounce_count > h.bounce_count) AS bounced
FROM mirror.channel_history h
LEFT JOIN mirror.communication_channels c
    ON c.instance = h.instance AND c.id = h.channel_id AND c.changed_at = h.valid_to AND c.changed_at > c.first_seen_at
LEFT JOIN mirror.channel_history s
    ON s.instance = h.instance AND s.channel_id = h.channel_id AND s.valid_from = h.valid_to
CROSS JOIN LATERAL (  -- the next version: the present one, or another superseded one
    SELECT
        coalesce(c.user_id, s.user_id) AS user_id, coalesce(c.type, s.type) AS type,
        coalesce(c.address, s.address) AS address, coalesce(c.workflow_state, s.workflow_state) AS workflow_state,
        CASE WHEN c.id IS NULL THEN s.deleted_at ELSE c.deleted_at END AS deleted_at,
        CASE WHEN c.id IS NULL THEN s.last_bounce_at ELSE c.last_bounce_at END AS last_bounce_at,
        CASE WHEN c.id IS NULL THEN s.bounce_count ELSE c.bounce_count END AS bounce_count
    WHERE c.id IS NOT NULL OR s.id IS NOT NULL
) n;

COMMENT ON VIEW worker.successions IS
    'Each superseded version of a channel with the next one, and what changed from one to the other.';
COMMENT ON COLUMN worker.successions.id IS 'Number of the change: the id of the superseded version in mirror.channel_history.';
COMMENT ON COLUMN worker.successions.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.successions.origin IS 'Who caused it: canvas (seen by reading) or us (an action of ours).';
COMMENT ON COLUMN worker.successions.seen_at IS 'Time of the read that saw it; it happened at some time since the read before.';
COMMENT ON COLUMN worker.successions.channel_id IS 'Canvas id of the channel.';
COMMENT ON COLUMN worker.successions.user_id IS 'User who has it after the change.';
COMMENT ON COLUMN worker.successions.old_user_id IS 'User who had it before.';
COMMENT ON COLUMN worker.successions.type IS 'Type after the change.';
COMMENT ON COLUMN worker.successions.address IS 'Address after the change.';
COMMENT ON COLUMN worker.successions.old_address IS 'Address before it.';
COMMENT ON COLUMN worker.successions.workflow_state IS 'State after the change; a retired channel keeps the last state of its life.';
COMMENT ON COLUMN worker.successions.old_workflow_state IS 'State before it.';
COMMENT ON COLUMN worker.successions.run_id IS 'Run that saw or did it (worker.runs.id), which may have been pruned since.';
COMMENT ON COLUMN worker.successions.retired IS 'Whether it was proved gone.';
COMMENT ON COLUMN worker.successions.revived IS 'Whether a retired one came back.';
COMMENT ON COLUMN worker.successions.moved IS 'Whether it has another user.';
COMMENT ON COLUMN worker.successions.readdressed IS 'Whether it has another address, case aside.';
COMMENT ON COLUMN worker.successions.confirmed IS 'Whether it became active.';
COMMENT ON COLUMN worker.successions.bounced IS 'Whether a further hard bounce is known, where bounces had been visible before; null: a number of bounces is not known.';

CREATE OR REPLACE VIEW worker.version_changes AS
SELECT
    s.id, s.instance, k.kind, s.origin, s.seen_at, s.channel_id, s.user_id, s.old_user_id, s.type, s.address,
    s.old_address, s.workflow_state, s.old_workflow_state, s.run_id
FROM worker.successions s
CROSS JOIN LATERAL unnest(array_remove(ARRAY[
    CASE WHEN s.retired THEN 'retired' END, CASE WHEN s.revived THEN 'revived' END,
    CASE WHEN s.moved THEN 'moved' END, CASE WHEN s.readdressed THEN 'readdressed' END,
    CASE WHEN s.confirmed THEN 'confirmed' END, CASE WHEN s.bounced THEN 'bounced' END
], NULL)) AS k (kind);

CREATE OR REPLACE VIEW reporting.changes_by_day AS
SELECT instance, day, kind, origin, sum(changes)::bigint AS changes
FROM (
    SELECT
        instance, (first_seen_at AT TIME ZONE 'UTC')::date AS day, 'created' AS kind, origin, count(*) AS changes
    FROM mirror.communication_channels
    GROUP BY instance, (first_seen_at AT TIME ZONE 'UTC')::date, origin
    UNION ALL
    SELECT d.instance, d.day, k.kind, d.origin, k.changes
    FROM (
        SELECT
            instance, (seen_at AT TIME ZONE 'UTC')::date AS day, origin,
            count(*) FILTER (WHERE retired) AS retired, count(*) FILTER (WHERE revived) AS revived,
            count(*) FILTER (WHERE moved) AS moved, count(*) FILTER (WHERE readdressed) AS readdressed,
            count(*) FILTER (WHERE confirmed) AS confirmed, count(*) FILTER (WHERE bounced) AS bounced
        FROM worker.successions
        GROUP BY instance, (seen_at AT TIME ZONE 'UTC')::date, origin
    ) d
    CROSS JOIN LATERAL (
        VALUES
            ('retired', d.retired), ('revived', d.revived), ('moved', d.moved), ('readdressed', d.readdressed),
            ('confirmed', d.confirmed), ('bounced', d.bounced)
    ) AS k (kind, changes)
    WHERE k.changes > 0
) counted
GROUP BY instance, day, kind, origin;

-- What an undo took back is asked for once, not for each action.
CREATE VIEW worker.undone_actions AS
SELECT DISTINCT a.id, a.plan_id
FROM worker.plans p
JOIN worker.actions u ON u.plan_id = p.id AND u.status IN ('done', 'existed')
JOIN worker.actions a
    ON a.instance = u.instance AND a.user_id = u.user_id AND a.type = u.type AND a.kind <> u.kind
    AND lower(a.address) = lower(u.address) AND a.status IN ('done', 'existed') AND a.settled_at <= u.settled_at
WHERE p.kind = 'undo';
COMMENT ON VIEW worker.undone_actions IS
    'Actions that were done and that an undo has taken back since: its opposite was done for the same user, type and address.';
COMMENT ON COLUMN worker.undone_actions.id IS 'Number of the action (worker.actions.id).';
COMMENT ON COLUMN worker.undone_actions.plan_id IS 'Plan that it belongs to.';

CREATE OR REPLACE VIEW reporting.drift AS
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
    FROM worker.actions a
    WHERE a.plan_id = c.plan_id AND a.status IN ('done', 'existed')
        AND a.id NOT IN (SELECT id FROM worker.undone_actions)
) d ON true;

CREATE OR REPLACE VIEW reporting.drift_changes AS
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
WHERE a.id IS NULL OR a.status NOT IN ('done', 'existed') OR a.id IN (SELECT id FROM worker.undone_actions);

DROP VIEW worker.standing_actions;
