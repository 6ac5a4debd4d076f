-- Views for people and dashboards: the schema reporting, and the same without addresses, reporting_masked.

-- --------------------------------------------------------------------------------------------------------
-- Numbers of changes

-- Creations have no row in the history. They take their numbers from the same sequence as its rows, so that all changes
-- have one order. Transactions of one instance write one after the other (the fence), so within an instance the order
-- of the numbers is the order of the commits.
CREATE SEQUENCE mirror.change_numbers AS bigint;
COMMENT ON SEQUENCE mirror.change_numbers IS 'Numbers of changes (reporting.changes.id).';
SELECT setval('mirror.change_numbers', coalesce(max(id), 0) + 1, false) FROM mirror.channel_history;

ALTER TABLE mirror.channel_history ALTER COLUMN id DROP IDENTITY;
ALTER TABLE mirror.channel_history ALTER COLUMN id SET DEFAULT nextval('mirror.change_numbers');
ALTER TABLE mirror.communication_channels
    ADD COLUMN creation_id bigint NOT NULL DEFAULT nextval('mirror.change_numbers');
COMMENT ON COLUMN mirror.communication_channels.creation_id IS
    'Number of its creation in reporting.changes. Channels from before that view have numbers that were given when it was made.';
CREATE INDEX communication_channels_by_creation ON mirror.communication_channels (creation_id);

-- --------------------------------------------------------------------------------------------------------
-- How fresh a user is

-- The last batch with a user is found by looking through the batches. So that not all that were ever kept have to be
-- looked through, a run that ended well notes here when those were read last whom it did not read: few, or rarely.
ALTER TABLE mirror.users ADD COLUMN noted_read_at timestamptz;
COMMENT ON COLUMN mirror.users.noted_read_at IS
    'Time of the last complete read, noted when later runs did not read the user completely; worker.recent_reads may know a later one. Null: never noted.';
ALTER TABLE worker.instances ADD COLUMN reads_noted_to bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN worker.instances.reads_noted_to IS
    'First run (worker.runs.id) whose batches worker.recent_reads looks through; what is older is noted in mirror.users.noted_read_at.';

CREATE VIEW worker.recent_reads AS
SELECT r.instance, m.user_id, max(b.done_at) AS read_at, max(r.id) AS run_id
FROM worker.instances i
JOIN worker.runs r ON r.instance = i.instance AND r.id >= i.reads_noted_to
JOIN worker.batches b ON b.run_id = r.id AND b.status = 'done'
CROSS JOIN LATERAL unnest(b.user_ids) AS m (user_id)
LEFT JOIN (  -- since when they may not be read
    SELECT u.instance, u.id AS user_id, coalesce(
        (
            SELECT max(h.valid_to) FROM mirror.user_history h
            WHERE h.instance = u.instance AND h.user_id = u.id AND h.state IN ('present', 'gone')
        ),
        u.changed_at
    ) AS since
    FROM mirror.users u
    WHERE u.state IN ('unreadable', 'unlisted')
) s ON s.instance = r.instance AND s.user_id = m.user_id
LEFT JOIN worker.failures f ON f.run_id = r.id AND f.user_id = m.user_id AND f.resolved_at IS NULL
WHERE f.run_id IS NULL AND (s.user_id IS NULL OR b.done_at < s.since)
GROUP BY r.instance, m.user_id;

COMMENT ON VIEW worker.recent_reads IS
    'When users were last read completely, or found gone, by the recent runs: the last done batch that contained them, without a failure of theirs that is still open. A user that may not be read (unreadable, unlisted) counts in batches from before it became so.';
COMMENT ON COLUMN worker.recent_reads.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.recent_reads.user_id IS 'Canvas id of the user.';
COMMENT ON COLUMN worker.recent_reads.read_at IS 'When that batch was done.';
COMMENT ON COLUMN worker.recent_reads.run_id IS 'The last run that read the user.';

-- --------------------------------------------------------------------------------------------------------
-- What Canvas has

CREATE VIEW reporting.current_channels AS
SELECT
    c.instance, c.id, c.user_id, u.sis_user_id, u.login_id, u.state AS user_state, c.type, c.address,
    CASE WHEN c.type = 'email' AND strpos(c.address, '@') > 0 THEN nullif(lower(split_part(c.address, '@', -1)), '') END
        AS domain,
    c."position", c.workflow_state, d.id IS NOT NULL AS is_default, c.workflow_state = 'active' AS confirmed,
    c.bounce_known,
    CASE WHEN c.bounce_known THEN c.last_bounce_at IS NOT NULL OR coalesce(c.bounce_count, 0) > 0 END AS bouncing,
    c.bounce_count, c.last_bounce_at, c.last_bounce_summary, c.last_transient_bounce_at, c.last_suppression_bounce_at,
    c.created_at, c.first_seen_at, c.changed_at,
    greatest(l.read_at, u.noted_read_at) AS read_at, p.channel_id IS NOT NULL AS pending_deletion, c.origin
FROM mirror.communication_channels c
LEFT JOIN mirror.users u ON u.instance = c.instance AND u.id = c.user_id
LEFT JOIN worker.candidates p ON p.instance = c.instance AND p.channel_id = c.id AND p.held_run_id IS NOT NULL
LEFT JOIN (
    SELECT DISTINCT ON (instance, user_id) instance, user_id, id
    FROM mirror.communication_channels
    WHERE deleted_at IS NULL AND type = 'email' AND workflow_state = 'active'
    ORDER BY instance, user_id, "position" NULLS LAST, id
) d ON d.instance = c.instance AND d.user_id = c.user_id AND d.id = c.id
LEFT JOIN worker.recent_reads l ON l.instance = c.instance AND l.user_id = c.user_id
WHERE c.deleted_at IS NULL;

COMMENT ON VIEW reporting.current_channels IS
    'The live channels, one row each, those included whose deletion is held back (pending_deletion). Leave out read_at and is_default where they are not needed: what is not asked for costs nothing.';
COMMENT ON COLUMN reporting.current_channels.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.current_channels.id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting.current_channels.user_id IS 'Canvas id of the user who has it.';
COMMENT ON COLUMN reporting.current_channels.sis_user_id IS 'SIS id of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.current_channels.login_id IS 'Login of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.current_channels.user_state IS
    'present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.';
COMMENT ON COLUMN reporting.current_channels.type IS 'email, sms, push, or any other type that Canvas sends.';
COMMENT ON COLUMN reporting.current_channels.address IS 'Address as Canvas writes it.';
COMMENT ON COLUMN reporting.current_channels.domain IS 'Domain of an e-mail address, in lower case; null for other types.';
COMMENT ON COLUMN reporting.current_channels.position IS 'Order within the user; null if Canvas says null.';
COMMENT ON COLUMN reporting.current_channels.workflow_state IS 'active, unconfirmed, ... as last seen.';
COMMENT ON COLUMN reporting.current_channels.is_default IS
    'Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.';
COMMENT ON COLUMN reporting.current_channels.confirmed IS 'Whether its state is active.';
COMMENT ON COLUMN reporting.current_channels.bounce_known IS
    'Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.';
COMMENT ON COLUMN reporting.current_channels.bouncing IS
    'Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.';
COMMENT ON COLUMN reporting.current_channels.bounce_count IS 'Number of bounces; null if never seen.';
COMMENT ON COLUMN reporting.current_channels.last_bounce_at IS 'Time of the last hard bounce.';
COMMENT ON COLUMN reporting.current_channels.last_bounce_summary IS 'What the mail server said at it.';
COMMENT ON COLUMN reporting.current_channels.last_transient_bounce_at IS 'Time of the last soft bounce.';
COMMENT ON COLUMN reporting.current_channels.last_suppression_bounce_at IS 'Time at which the mail provider last suppressed a message.';
COMMENT ON COLUMN reporting.current_channels.created_at IS 'When Canvas created the channel; null if it does not say.';
COMMENT ON COLUMN reporting.current_channels.first_seen_at IS 'Time of the read that first saw the channel.';
COMMENT ON COLUMN reporting.current_channels.changed_at IS 'Time of the read that saw the present version first.';
COMMENT ON COLUMN reporting.current_channels.read_at IS
    'When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.';
COMMENT ON COLUMN reporting.current_channels.pending_deletion IS
    'Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.';
COMMENT ON COLUMN reporting.current_channels.origin IS 'Who created the channel: canvas (seen by reading) or us (an action of ours).';

CREATE VIEW reporting.users AS
SELECT
    u.instance, u.id, u.sis_user_id, u.login_id, u.integration_id, u.state, u.first_seen_at, u.changed_at, k.read_at,
    coalesce(n.channels, k.nothing) AS channels, coalesce(n.emails, k.nothing) AS emails,
    coalesce(n.active, k.nothing) AS active_emails, coalesce(n.deliverable, k.nothing) AS deliverable_emails,
    coalesce(n.unknown, k.nothing) AS bounce_unknown_emails, coalesce(p.channels, 0) AS pending_deletions,
    CASE
        WHEN u.state <> 'present' THEN NULL
        WHEN n.deliverable > 0 THEN true
        WHEN n.unknown > 0 THEN NULL
        WHEN n.user_id IS NOT NULL OR k.read_at IS NOT NULL THEN false
    END AS reachable
FROM mirror.users u
LEFT JOIN worker.recent_reads l ON l.instance = u.instance AND l.user_id = u.id
LEFT JOIN (
    SELECT
        instance, user_id, count(*) AS channels,
        count(*) FILTER (WHERE type = 'email') AS emails,
        count(*) FILTER (WHERE type = 'email' AND workflow_state = 'active') AS active,
        count(*) FILTER (
            WHERE type = 'email' AND workflow_state = 'active' AND bounce_known AND last_bounce_at IS NULL
                AND coalesce(bounce_count, 0) = 0
        ) AS deliverable,
        count(*) FILTER (WHERE type = 'email' AND workflow_state = 'active' AND NOT bounce_known) AS unknown
    FROM mirror.communication_channels
    WHERE deleted_at IS NULL
    GROUP BY instance, user_id
) n ON n.instance = u.instance AND n.user_id = u.id
LEFT JOIN (
    SELECT instance, user_id, count(*) AS channels FROM worker.candidates
    WHERE held_run_id IS NOT NULL
    GROUP BY instance, user_id
) p ON p.instance = u.instance AND p.user_id = u.id
CROSS JOIN LATERAL (  -- nothing is 0 where a read says so, else unknown
    SELECT
        greatest(l.read_at, u.noted_read_at) AS read_at,
        CASE WHEN l.read_at IS NOT NULL OR u.noted_read_at IS NOT NULL THEN 0::bigint END AS nothing
) k;

COMMENT ON VIEW reporting.users IS
    'Everybody who was ever met, those without any channel and those who are gone too.';
COMMENT ON COLUMN reporting.users.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.users.id IS 'Canvas id of the user.';
COMMENT ON COLUMN reporting.users.sis_user_id IS 'SIS id as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.users.login_id IS 'Login as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.users.integration_id IS 'Integration id as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.users.state IS
    'present; unreadable: the token has no right to read this user; unlisted: fell out of the listing and could not be proved gone; gone: Canvas answers 404.';
COMMENT ON COLUMN reporting.users.first_seen_at IS 'When the worker first met this user.';
COMMENT ON COLUMN reporting.users.changed_at IS 'When state or identifiers last changed.';
COMMENT ON COLUMN reporting.users.read_at IS 'When the user was last read completely, or found gone; null: never, or that was pruned.';
COMMENT ON COLUMN reporting.users.channels IS 'Live channels; null for a user of whom nothing was ever read.';
COMMENT ON COLUMN reporting.users.emails IS 'E-mail channels among them.';
COMMENT ON COLUMN reporting.users.active_emails IS 'Confirmed ones among these.';
COMMENT ON COLUMN reporting.users.deliverable_emails IS 'Active e-mail addresses without a known bounce, those of unknown bounces not counted.';
COMMENT ON COLUMN reporting.users.bounce_unknown_emails IS 'Active e-mail addresses whose bounces are not visible to the token.';
COMMENT ON COLUMN reporting.users.pending_deletions IS 'Live channels whose deletion is held back.';
COMMENT ON COLUMN reporting.users.reachable IS
    'Whether Canvas sends mail to this user. Null where that is not known: not present, never read, or the only addresses that could be good are those whose bounces are not visible.';

CREATE VIEW reporting.unreachable_users AS
SELECT
    u.instance, u.id AS user_id, u.sis_user_id, u.login_id,
    CASE
        WHEN n.channels = 0 THEN 'no channels' WHEN n.emails = 0 THEN 'no e-mail'
        WHEN n.active_emails = 0 THEN 'unconfirmed' ELSE 'bouncing'
    END AS reason,
    n.channels, n.emails, n.active_emails, (
        SELECT count(*) FROM worker.candidates p
        WHERE p.instance = u.instance AND p.user_id = u.id AND p.held_run_id IS NOT NULL
    ) AS pending_deletions, greatest(l.read_at, u.noted_read_at) AS read_at
FROM mirror.users u
LEFT JOIN worker.recent_reads l ON l.instance = u.instance AND l.user_id = u.id
CROSS JOIN LATERAL (
    SELECT
        count(*) AS channels, count(*) FILTER (WHERE c.type = 'email') AS emails,
        count(*) FILTER (WHERE c.type = 'email' AND c.workflow_state = 'active') AS active_emails
    FROM mirror.communication_channels c
    WHERE c.instance = u.instance AND c.user_id = u.id AND c.deleted_at IS NULL
) n
WHERE u.state = 'present' AND NOT EXISTS (  -- the same as reachable = false in reporting.users
    SELECT FROM mirror.communication_channels c
    WHERE c.instance = u.instance AND c.user_id = u.id AND c.deleted_at IS NULL AND c.type = 'email'
        AND c.workflow_state = 'active'
        AND (NOT c.bounce_known OR c.last_bounce_at IS NULL AND coalesce(c.bounce_count, 0) = 0)
) AND (n.channels > 0 OR l.read_at IS NOT NULL OR u.noted_read_at IS NOT NULL);

COMMENT ON VIEW reporting.unreachable_users IS
    'Present users to whom Canvas sends no mail: no active e-mail address without a bounce. Users whose bounces are not visible are not here, because nobody knows: reporting.users.reachable is null for them. What is held back from deletion counts as there.';
COMMENT ON COLUMN reporting.unreachable_users.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.unreachable_users.user_id IS 'Canvas id of the user.';
COMMENT ON COLUMN reporting.unreachable_users.sis_user_id IS 'SIS id as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.unreachable_users.login_id IS 'Login as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.unreachable_users.reason IS
    'no channels; no e-mail; unconfirmed: e-mail, but none confirmed; bouncing: every active e-mail bounces.';
COMMENT ON COLUMN reporting.unreachable_users.channels IS 'Live channels, of any type.';
COMMENT ON COLUMN reporting.unreachable_users.emails IS 'E-mail channels among them.';
COMMENT ON COLUMN reporting.unreachable_users.active_emails IS 'Active ones among these; all of them bounce.';
COMMENT ON COLUMN reporting.unreachable_users.pending_deletions IS 'Live channels whose deletion is held back.';
COMMENT ON COLUMN reporting.unreachable_users.read_at IS 'When the user was last read completely, or found gone; null: never, or that was pruned.';

CREATE VIEW reporting.bouncing_channels AS
SELECT
    instance, id, user_id, sis_user_id, login_id, user_state, type, address, domain, workflow_state, is_default,
    bounce_count, last_bounce_at, last_bounce_summary, last_transient_bounce_at, last_suppression_bounce_at, read_at,
    pending_deletion
FROM reporting.current_channels
WHERE bouncing;

COMMENT ON VIEW reporting.bouncing_channels IS
    'Live channels of which a hard bounce is known. Channels whose bounces are not visible to the token are not here: reporting.freshness counts them.';
COMMENT ON COLUMN reporting.bouncing_channels.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.bouncing_channels.id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting.bouncing_channels.user_id IS 'Canvas id of the user who has it.';
COMMENT ON COLUMN reporting.bouncing_channels.sis_user_id IS 'SIS id of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.bouncing_channels.login_id IS 'Login of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.bouncing_channels.user_state IS
    'present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.';
COMMENT ON COLUMN reporting.bouncing_channels.type IS 'email, sms, push, or any other type that Canvas sends.';
COMMENT ON COLUMN reporting.bouncing_channels.address IS 'Address as Canvas writes it.';
COMMENT ON COLUMN reporting.bouncing_channels.domain IS 'Domain of an e-mail address, in lower case; null for other types.';
COMMENT ON COLUMN reporting.bouncing_channels.workflow_state IS 'active, unconfirmed, ... as last seen.';
COMMENT ON COLUMN reporting.bouncing_channels.is_default IS
    'Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.';
COMMENT ON COLUMN reporting.bouncing_channels.bounce_count IS 'Number of bounces; null if never seen.';
COMMENT ON COLUMN reporting.bouncing_channels.last_bounce_at IS 'Time of the last hard bounce.';
COMMENT ON COLUMN reporting.bouncing_channels.last_bounce_summary IS 'What the mail server said at it.';
COMMENT ON COLUMN reporting.bouncing_channels.last_transient_bounce_at IS 'Time of the last soft bounce.';
COMMENT ON COLUMN reporting.bouncing_channels.last_suppression_bounce_at IS 'Time at which the mail provider last suppressed a message.';
COMMENT ON COLUMN reporting.bouncing_channels.read_at IS
    'When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.';
COMMENT ON COLUMN reporting.bouncing_channels.pending_deletion IS
    'Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.';

CREATE VIEW reporting.unconfirmed_channels AS
SELECT
    c.instance, c.id, c.user_id, c.sis_user_id, c.login_id, c.user_state, c.type, c.address, c.domain,
    coalesce(h.valid_to, c.created_at, c.first_seen_at) AS unconfirmed_since, c.created_at, c.first_seen_at,
    c.bounce_known, c.bouncing, c.read_at, c.pending_deletion, c.origin
FROM reporting.current_channels c
LEFT JOIN LATERAL (
    SELECT max(h.valid_to) AS valid_to FROM mirror.channel_history h
    WHERE h.instance = c.instance AND h.channel_id = c.id
        AND (h.deleted_at IS NOT NULL OR h.workflow_state <> 'unconfirmed')
) h ON true
WHERE c.workflow_state = 'unconfirmed';

COMMENT ON VIEW reporting.unconfirmed_channels IS
    'Live channels that nobody has confirmed.';
COMMENT ON COLUMN reporting.unconfirmed_channels.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.unconfirmed_channels.id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting.unconfirmed_channels.user_id IS 'Canvas id of the user who has it.';
COMMENT ON COLUMN reporting.unconfirmed_channels.sis_user_id IS 'SIS id of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.unconfirmed_channels.login_id IS 'Login of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.unconfirmed_channels.user_state IS
    'present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.';
COMMENT ON COLUMN reporting.unconfirmed_channels.type IS 'email, sms, push, or any other type that Canvas sends.';
COMMENT ON COLUMN reporting.unconfirmed_channels.address IS 'Address as Canvas writes it.';
COMMENT ON COLUMN reporting.unconfirmed_channels.domain IS 'Domain of an e-mail address, in lower case; null for other types.';
COMMENT ON COLUMN reporting.unconfirmed_channels.unconfirmed_since IS
    'Since when: when Canvas created it, unless it was brought back or lost its confirmation later; then when that was seen. Where Canvas does not say, when it was first seen.';
COMMENT ON COLUMN reporting.unconfirmed_channels.created_at IS 'When Canvas created the channel; null if it does not say.';
COMMENT ON COLUMN reporting.unconfirmed_channels.first_seen_at IS 'Time of the read that first saw the channel.';
COMMENT ON COLUMN reporting.unconfirmed_channels.bounce_known IS
    'Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.';
COMMENT ON COLUMN reporting.unconfirmed_channels.bouncing IS
    'Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.';
COMMENT ON COLUMN reporting.unconfirmed_channels.read_at IS
    'When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.';
COMMENT ON COLUMN reporting.unconfirmed_channels.pending_deletion IS
    'Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.';
COMMENT ON COLUMN reporting.unconfirmed_channels.origin IS 'Who created the channel: canvas (seen by reading) or us (an action of ours).';

CREATE VIEW reporting.shared_addresses AS
SELECT
    c.instance, c.type, lower(c.address) AS address, count(DISTINCT c.user_id) AS users,
    array_agg(DISTINCT c.user_id) AS user_ids, count(*) AS channels,
    count(*) FILTER (WHERE c.workflow_state = 'active') AS active_channels,
    array_agg(DISTINCT u.state) FILTER (WHERE u.state IS NOT NULL) AS user_states
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
LEFT JOIN mirror.users u ON u.instance = c.instance AND u.id = c.user_id
GROUP BY c.instance, c.type, lower(c.address)
HAVING min(c.user_id) <> max(c.user_id);

COMMENT ON VIEW reporting.shared_addresses IS
    'Addresses that several users have, compared by lower(); push labels are no addresses and are left out.';
COMMENT ON COLUMN reporting.shared_addresses.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.shared_addresses.type IS 'Type of the channels.';
COMMENT ON COLUMN reporting.shared_addresses.address IS 'The address in lower case.';
COMMENT ON COLUMN reporting.shared_addresses.users IS 'How many users have it.';
COMMENT ON COLUMN reporting.shared_addresses.user_ids IS 'Their Canvas ids.';
COMMENT ON COLUMN reporting.shared_addresses.channels IS 'Channels with it.';
COMMENT ON COLUMN reporting.shared_addresses.active_channels IS 'Confirmed ones among them.';
COMMENT ON COLUMN reporting.shared_addresses.user_states IS 'The states of these users that occur, as in mirror.users.';

CREATE VIEW reporting.domains AS
SELECT
    instance, domain, count(*) AS users, sum(channels)::bigint AS channels, sum(active)::bigint AS active_channels,
    sum(unconfirmed)::bigint AS unconfirmed_channels,
    CASE WHEN sum(unknown) < sum(channels) THEN sum(bouncing)::bigint END AS bouncing_channels,
    sum(unknown)::bigint AS bounce_unknown_channels
FROM (
    SELECT
        instance, domain, user_id, count(*) AS channels, count(*) FILTER (WHERE confirmed) AS active,
        count(*) FILTER (WHERE workflow_state = 'unconfirmed') AS unconfirmed,
        count(*) FILTER (WHERE bouncing) AS bouncing,
        count(*) FILTER (WHERE NOT bounce_known) AS unknown
    FROM reporting.current_channels
    WHERE type = 'email'
    GROUP BY instance, domain, user_id
) people
GROUP BY instance, domain;

COMMENT ON VIEW reporting.domains IS
    'E-mail domains of the live channels.';
COMMENT ON COLUMN reporting.domains.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.domains.domain IS 'Domain in lower case; null: addresses without one.';
COMMENT ON COLUMN reporting.domains.users IS 'Users with a live e-mail address in it.';
COMMENT ON COLUMN reporting.domains.channels IS 'Live e-mail channels.';
COMMENT ON COLUMN reporting.domains.active_channels IS 'Confirmed ones.';
COMMENT ON COLUMN reporting.domains.unconfirmed_channels IS 'Unconfirmed ones.';
COMMENT ON COLUMN reporting.domains.bouncing_channels IS
    'Those of which a hard bounce is known; null where no bounce of the domain is visible to the token.';
COMMENT ON COLUMN reporting.domains.bounce_unknown_channels IS 'Those whose bounces are not visible to the token.';

-- --------------------------------------------------------------------------------------------------------
-- What changed

CREATE VIEW worker.version_changes AS
SELECT
    h.id, h.instance, k.kind, h.origin, h.valid_to AS seen_at, h.channel_id, n.user_id, h.user_id AS old_user_id,
    n.type, n.address, h.address AS old_address, n.workflow_state, h.workflow_state AS old_workflow_state, h.run_id
FROM mirror.channel_history h
LEFT JOIN mirror.communication_channels c
    ON c.instance = h.instance AND c.id = h.channel_id AND c.changed_at = h.valid_to
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
) n
CROSS JOIN LATERAL unnest(array_remove(ARRAY[
    CASE WHEN h.deleted_at IS NULL AND n.deleted_at IS NOT NULL THEN 'retired' END,
    CASE WHEN h.deleted_at IS NOT NULL AND n.deleted_at IS NULL THEN 'revived' END,
    CASE WHEN n.user_id <> h.user_id THEN 'moved' END,
    CASE WHEN n.type <> 'push' AND lower(n.address) <> lower(h.address) THEN 'readdressed' END,
    CASE
        WHEN h.deleted_at IS NULL AND h.workflow_state <> 'active' AND n.workflow_state = 'active' THEN 'confirmed'
    END,
    CASE
        WHEN h.deleted_at IS NULL AND h.bounce_known
            AND (n.last_bounce_at > coalesce(h.last_bounce_at, '-infinity') OR n.bounce_count > h.bounce_count)
        THEN 'bounced'
    END
], NULL)) AS k (kind);

COMMENT ON VIEW worker.version_changes IS
    'What changed from each superseded version of a channel to the next one; reporting.changes without creations.';
COMMENT ON COLUMN worker.version_changes.id IS 'Number of the change: the id of the superseded version in mirror.channel_history.';
COMMENT ON COLUMN worker.version_changes.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN worker.version_changes.kind IS
    'created; retired: proved gone; revived: a retired one came back; moved: has another user; readdressed: has another address, case aside; confirmed: became active; bounced: a further hard bounce, where bounces had been visible before.';
COMMENT ON COLUMN worker.version_changes.origin IS 'Who caused it: canvas (seen by reading) or us (an action of ours).';
COMMENT ON COLUMN worker.version_changes.seen_at IS 'Time of the read that saw it; it happened at some time since the read before.';
COMMENT ON COLUMN worker.version_changes.channel_id IS 'Canvas id of the channel.';
COMMENT ON COLUMN worker.version_changes.user_id IS 'User who has it after the change.';
COMMENT ON COLUMN worker.version_changes.old_user_id IS 'User who had it before.';
COMMENT ON COLUMN worker.version_changes.type IS 'Type after the change.';
COMMENT ON COLUMN worker.version_changes.address IS 'Address after the change.';
COMMENT ON COLUMN worker.version_changes.old_address IS 'Address before it.';
COMMENT ON COLUMN worker.version_changes.workflow_state IS 'State after the change; a retired channel keeps the last state of its life.';
COMMENT ON COLUMN worker.version_changes.old_workflow_state IS 'State before it.';
COMMENT ON COLUMN worker.version_changes.run_id IS 'Run that saw or did it (worker.runs.id), which may have been pruned since.';

CREATE VIEW reporting.changes AS
SELECT
    c.creation_id AS id, c.instance, 'created' AS kind, c.origin, c.first_seen_at AS seen_at, c.id AS channel_id,
    CASE WHEN c.changed_at = c.first_seen_at THEN c.user_id ELSE coalesce(
        (
            SELECT f.user_id FROM mirror.channel_history f
            WHERE f.instance = c.instance AND f.channel_id = c.id ORDER BY f.valid_to LIMIT 1
        ), c.user_id
    ) END AS user_id,
    NULL::bigint AS old_user_id, c.type,
    CASE WHEN c.changed_at = c.first_seen_at THEN c.address ELSE coalesce(
        (
            SELECT f.address FROM mirror.channel_history f
            WHERE f.instance = c.instance AND f.channel_id = c.id ORDER BY f.valid_to LIMIT 1
        ), c.address
    ) END AS address,
    NULL AS old_address,
    CASE WHEN c.changed_at = c.first_seen_at THEN c.workflow_state ELSE coalesce(
        (
            SELECT f.workflow_state FROM mirror.channel_history f
            WHERE f.instance = c.instance AND f.channel_id = c.id ORDER BY f.valid_to LIMIT 1
        ), c.workflow_state
    ) END AS workflow_state,
    NULL AS old_workflow_state, NULL::bigint AS run_id
FROM mirror.communication_channels c
UNION ALL
SELECT
    id, instance, kind, origin, seen_at, channel_id, user_id, old_user_id, type, address, old_address, workflow_state,
    old_workflow_state, run_id
FROM worker.version_changes;

COMMENT ON VIEW reporting.changes IS
    'One row a change, as far back as the history reaches. Other differences, such as a new position, make versions in mirror.channel_history but no row here. Pruning the history removes rows but those of kind created, whose address is then the oldest that is known; forgetting a person removes all of the person.';
COMMENT ON COLUMN reporting.changes.id IS
    'Ascending number; what one read saw of one channel at once has one number, and (id, kind) is unique. For incremental loads remember the highest id of each instance by itself and ask for what is above: within an instance changes are committed in the order of their ids, so none comes late. Over several instances at once one may.';
COMMENT ON COLUMN reporting.changes.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.changes.kind IS
    'created; retired: proved gone; revived: a retired one came back; moved: has another user; readdressed: has another address, case aside; confirmed: became active; bounced: a further hard bounce, where bounces had been visible before.';
COMMENT ON COLUMN reporting.changes.origin IS 'Who caused it: canvas (seen by reading) or us (an action of ours).';
COMMENT ON COLUMN reporting.changes.seen_at IS 'Time of the read that saw it; it happened at some time since the read before.';
COMMENT ON COLUMN reporting.changes.channel_id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting.changes.user_id IS 'User who has it after the change.';
COMMENT ON COLUMN reporting.changes.old_user_id IS 'User who had it before; null for created.';
COMMENT ON COLUMN reporting.changes.type IS 'Type after the change.';
COMMENT ON COLUMN reporting.changes.address IS 'Address after the change.';
COMMENT ON COLUMN reporting.changes.old_address IS 'Address before it; null for created.';
COMMENT ON COLUMN reporting.changes.workflow_state IS 'State after the change; a retired channel keeps the last state of its life.';
COMMENT ON COLUMN reporting.changes.old_workflow_state IS 'State before it; null for created.';
COMMENT ON COLUMN reporting.changes.run_id IS 'Run that saw or did it (worker.runs.id), which may have been pruned since; null for created.';

CREATE VIEW reporting.changes_by_day AS
SELECT instance, day, kind, origin, sum(changes)::bigint AS changes
FROM (
    SELECT
        instance, (first_seen_at AT TIME ZONE 'UTC')::date AS day, 'created' AS kind, origin, count(*) AS changes
    FROM mirror.communication_channels
    GROUP BY instance, (first_seen_at AT TIME ZONE 'UTC')::date, origin
    UNION ALL
    SELECT instance, (seen_at AT TIME ZONE 'UTC')::date, kind, origin, count(*)
    FROM worker.version_changes
    GROUP BY instance, (seen_at AT TIME ZONE 'UTC')::date, kind, origin
) counted
GROUP BY instance, day, kind, origin;

COMMENT ON VIEW reporting.changes_by_day IS
    'reporting.changes, counted by day.';
COMMENT ON COLUMN reporting.changes_by_day.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.changes_by_day.day IS 'Day in UTC on which it was seen.';
COMMENT ON COLUMN reporting.changes_by_day.kind IS 'As in reporting.changes.';
COMMENT ON COLUMN reporting.changes_by_day.origin IS 'Who caused it: canvas or us.';
COMMENT ON COLUMN reporting.changes_by_day.changes IS 'How many.';

CREATE VIEW reporting.identity_changes AS
WITH suspects AS (  -- who has it no more, or is not there any more; whoever has it now may be anybody
    SELECT instance, sis_user_id, login_id, integration_id FROM mirror.user_history
    UNION
    SELECT instance, sis_user_id, login_id, integration_id FROM mirror.users WHERE state <> 'present'
), versions AS (
    SELECT instance, id AS user_id, sis_user_id, login_id, integration_id, changed_at AS since, NULL AS until
    FROM mirror.users
    UNION ALL
    SELECT instance, user_id, sis_user_id, login_id, integration_id, valid_from, valid_to FROM mirror.user_history
), held AS (
    SELECT instance, user_id, 'sis_user_id' AS identifier, sis_user_id AS value, since, until FROM versions
    WHERE (instance, sis_user_id) IN (SELECT instance, sis_user_id FROM suspects)
    UNION ALL
    SELECT instance, user_id, 'login_id', login_id, since, until FROM versions
    WHERE (instance, login_id) IN (SELECT instance, login_id FROM suspects)
    UNION ALL
    SELECT instance, user_id, 'integration_id', integration_id, since, until FROM versions
    WHERE (instance, integration_id) IN (SELECT instance, integration_id FROM suspects)
), shared AS (
    SELECT instance, identifier, value FROM held
    GROUP BY instance, identifier, value
    HAVING min(user_id) <> max(user_id)
), seen AS (
    SELECT
        h.*, lag(h.until) OVER (PARTITION BY h.instance, h.identifier, h.value, h.user_id ORDER BY h.since)
            IS NOT DISTINCT FROM h.since AS goes_on
    FROM held h
    JOIN shared s ON s.instance = h.instance AND s.identifier = h.identifier AND s.value = h.value
), taken AS (
    SELECT
        instance, identifier, value, user_id, since,
        lag(user_id) OVER (PARTITION BY instance, identifier, value ORDER BY since, user_id) AS former_user_id
    FROM seen
    WHERE NOT goes_on
)
SELECT
    t.instance, t.identifier, t.value, t.former_user_id, u.state AS former_state, t.user_id AS new_user_id,
    t.since AS seen_at
FROM taken t
LEFT JOIN mirror.users u ON u.instance = t.instance AND u.id = t.former_user_id
WHERE t.former_user_id <> t.user_id;

COMMENT ON VIEW reporting.identity_changes IS
    'Identifiers that changed hands: a SIS id, login or integration id that was seen with one Canvas user and then with another. What a document says of it may mean another person now.';
COMMENT ON COLUMN reporting.identity_changes.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.identity_changes.identifier IS 'sis_user_id, login_id or integration_id.';
COMMENT ON COLUMN reporting.identity_changes.value IS 'The identifier.';
COMMENT ON COLUMN reporting.identity_changes.former_user_id IS 'Canvas user who had it before.';
COMMENT ON COLUMN reporting.identity_changes.former_state IS 'That user''s state now, as in mirror.users.';
COMMENT ON COLUMN reporting.identity_changes.new_user_id IS 'Canvas user who has or had it after that.';
COMMENT ON COLUMN reporting.identity_changes.seen_at IS 'When it was first seen with the new one.';

-- --------------------------------------------------------------------------------------------------------
-- What the worker did

CREATE VIEW reporting.pending_deletions AS
SELECT
    p.instance, p.channel_id, p.user_id, u.sis_user_id, u.login_id, u.state AS user_state, c.type, c.address,
    c.workflow_state, p.reason, p.read_at AS absent_since, p.held_run_id,
    CASE WHEN p.held_by_brake THEN 'person' ELSE 'run' END AS waits_for, r.message AS run_message
FROM worker.candidates p
JOIN mirror.communication_channels c ON c.instance = p.instance AND c.id = p.channel_id
LEFT JOIN mirror.users u ON u.instance = p.instance AND u.id = p.user_id
LEFT JOIN worker.runs r ON r.id = p.held_run_id
WHERE p.held_run_id IS NOT NULL;

COMMENT ON VIEW reporting.pending_deletions IS
    'Live channels that Canvas did not show any more, and whose deletion is held back.';
COMMENT ON COLUMN reporting.pending_deletions.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.pending_deletions.channel_id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting.pending_deletions.user_id IS 'User whose read did not show it.';
COMMENT ON COLUMN reporting.pending_deletions.sis_user_id IS 'SIS id of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.pending_deletions.login_id IS 'Login of the user as last seen; null if none or not visible.';
COMMENT ON COLUMN reporting.pending_deletions.user_state IS 'present, unreadable, unlisted or gone, as in mirror.users.';
COMMENT ON COLUMN reporting.pending_deletions.type IS 'Its type.';
COMMENT ON COLUMN reporting.pending_deletions.address IS 'Address as Canvas writes it.';
COMMENT ON COLUMN reporting.pending_deletions.workflow_state IS 'active, unconfirmed, ... as last seen.';
COMMENT ON COLUMN reporting.pending_deletions.reason IS 'absent: the user was read without it; gone: Canvas does not know the user any more.';
COMMENT ON COLUMN reporting.pending_deletions.absent_since IS 'Time of the first read without it.';
COMMENT ON COLUMN reporting.pending_deletions.held_run_id IS 'Run that held it back first: the number for `pending accept` and `pending dismiss`.';
COMMENT ON COLUMN reporting.pending_deletions.waits_for IS
    'person: the brake holds it, and somebody has to speak; run: a later plausible run settles it.';
COMMENT ON COLUMN reporting.pending_deletions.run_message IS 'What that run said.';

CREATE VIEW reporting.plans AS
SELECT
    p.id, p.instance, p.kind,
    CASE WHEN p.status = 'open' AND p.expires_at <= now() THEN 'expired' ELSE p.status END AS status, p.made_at,
    p.made_by, p.document, p.expires_at, p.begun_at, p.ended_at, p.ended_by, p.reason, p.creates, p.deletes, p.messages,
    coalesce(a.done, 0) AS actions_done, coalesce(a.others, 0) AS actions_not_done
FROM worker.plans p
LEFT JOIN (
    SELECT
        plan_id, count(*) FILTER (WHERE status IN ('done', 'existed')) AS done,
        count(*) FILTER (WHERE status NOT IN ('done', 'existed')) AS others
    FROM worker.actions
    GROUP BY plan_id
) a ON a.plan_id = p.id;

COMMENT ON VIEW reporting.plans IS
    'The saved plans, without their contents.';
COMMENT ON COLUMN reporting.plans.id IS 'Number of the plan.';
COMMENT ON COLUMN reporting.plans.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.plans.kind IS 'document: from a desired state; undo: the opposite of an apply; hand: channels create or delete.';
COMMENT ON COLUMN reporting.plans.status IS
    'open; applying; applied; expired; rejected. An open one that is past expires_at counts as expired, whether or not that was written down yet.';
COMMENT ON COLUMN reporting.plans.made_at IS 'When it was made.';
COMMENT ON COLUMN reporting.plans.made_by IS 'Operating-system user who made it.';
COMMENT ON COLUMN reporting.plans.document IS 'What it comes from.';
COMMENT ON COLUMN reporting.plans.expires_at IS 'When it can no longer be carried out.';
COMMENT ON COLUMN reporting.plans.begun_at IS 'When the first apply of it began; null before.';
COMMENT ON COLUMN reporting.plans.ended_at IS 'When it was applied, rejected or found expired.';
COMMENT ON COLUMN reporting.plans.ended_by IS 'Operating-system user who ended it.';
COMMENT ON COLUMN reporting.plans.reason IS 'Why it was rejected.';
COMMENT ON COLUMN reporting.plans.creates IS 'Channels to create.';
COMMENT ON COLUMN reporting.plans.deletes IS 'Channels to delete.';
COMMENT ON COLUMN reporting.plans.messages IS 'Confirmation messages that people would get.';
COMMENT ON COLUMN reporting.plans.actions_done IS 'Actions that are done, somebody else''s creates (existed) included.';
COMMENT ON COLUMN reporting.plans.actions_not_done IS 'Actions that were begun or set aside and are not done.';

CREATE VIEW reporting.actions AS
SELECT
    a.id, a.instance, a.plan_id, a.ordinal, a.run_id, nullif(a.user_id, 0) AS user_id, a.kind, a.type, a.address,
    a.channel_id, a.status, a.note, a.messaged, a.attempts, a.started_at, a.settled_at, a.os_user, a.database_role,
    a.canvas_user_id, a.reason, a.unattended, p.document
FROM worker.actions a
LEFT JOIN worker.plans p ON p.id = a.plan_id;

COMMENT ON VIEW reporting.actions IS
    'The journal: each create and delete of a plan that was begun, with who and why.';
COMMENT ON COLUMN reporting.actions.id IS 'Ascending number.';
COMMENT ON COLUMN reporting.actions.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.actions.plan_id IS 'Plan that it belongs to; null for the removal of a push device by hand.';
COMMENT ON COLUMN reporting.actions.ordinal IS 'Place within the plan, from 1.';
COMMENT ON COLUMN reporting.actions.run_id IS 'Run that did it or tried it last; null before.';
COMMENT ON COLUMN reporting.actions.user_id IS 'Canvas id of the user; null for somebody who was forgotten.';
COMMENT ON COLUMN reporting.actions.kind IS 'create; delete; delete_push.';
COMMENT ON COLUMN reporting.actions.type IS 'Type of the channel.';
COMMENT ON COLUMN reporting.actions.address IS 'Address: of a create as the plan writes it, of a delete as Canvas does.';
COMMENT ON COLUMN reporting.actions.channel_id IS 'Canvas id of the channel; of a create from its answer on.';
COMMENT ON COLUMN reporting.actions.status IS
    'planned; started; done; existed: somebody else had created it; refused; failed; withheld by a guard; skipped: stale; uncertain: the answer was lost.';
COMMENT ON COLUMN reporting.actions.note IS 'Why it is so.';
COMMENT ON COLUMN reporting.actions.messaged IS 'Whether a confirmation message went, or may have gone, to a person.';
COMMENT ON COLUMN reporting.actions.attempts IS 'How often it was started.';
COMMENT ON COLUMN reporting.actions.started_at IS 'When it was started last.';
COMMENT ON COLUMN reporting.actions.settled_at IS 'When its present status was written.';
COMMENT ON COLUMN reporting.actions.os_user IS 'Operating-system user who started it.';
COMMENT ON COLUMN reporting.actions.database_role IS 'Database role that wrote it.';
COMMENT ON COLUMN reporting.actions.canvas_user_id IS 'Canvas user of the token.';
COMMENT ON COLUMN reporting.actions.reason IS 'Why, as the person said (--reason).';
COMMENT ON COLUMN reporting.actions.unattended IS 'Whether nobody was asked (run --apply auto).';
COMMENT ON COLUMN reporting.actions.document IS 'What its plan comes from.';

CREATE VIEW reporting.runs AS
SELECT
    id, instance, kind, status, exit_code, message, users_spec, started_at, resumed_at, finished_at, seconds,
    users_total, users_done, users_gone, users_unreadable, users_unlisted, users_failed,
    round(100.0 * (users_done + users_gone) / nullif(users_total, 0), 2) AS coverage_percent,
    channels_seen, channels_created, channels_changed, channels_deleted, deletions_pending, requests, throttled,
    round(100.0 * throttled / nullif(requests, 0), 2) AS throttled_percent,
    round((requests / nullif(seconds, 0))::numeric, 1) AS requests_per_second,
    round((users_total / nullif(seconds, 0))::numeric, 1) AS users_per_second, program_version, host, started_by
FROM worker.runs;

COMMENT ON VIEW reporting.runs IS
    'The runs with their throughput.';
COMMENT ON COLUMN reporting.runs.id IS 'Number of the run.';
COMMENT ON COLUMN reporting.runs.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.runs.kind IS 'run, backfill, accept, apply, ...';
COMMENT ON COLUMN reporting.runs.status IS 'running, interrupted, abandoned, done, partial, withheld, implausible, failed: as in worker.runs.';
COMMENT ON COLUMN reporting.runs.exit_code IS 'Exit code of the command; null while it runs or after a kill.';
COMMENT ON COLUMN reporting.runs.message IS 'What a person should know about the end.';
COMMENT ON COLUMN reporting.runs.users_spec IS 'User specs that it walks.';
COMMENT ON COLUMN reporting.runs.started_at IS 'First start.';
COMMENT ON COLUMN reporting.runs.resumed_at IS 'Last start of a resumed run.';
COMMENT ON COLUMN reporting.runs.finished_at IS 'When it ended in any way it could record.';
COMMENT ON COLUMN reporting.runs.seconds IS 'Working time, without the pause before a resumption.';
COMMENT ON COLUMN reporting.runs.users_total IS 'Users of this run after deduplication; this and what follows is 0 until it ends.';
COMMENT ON COLUMN reporting.runs.users_done IS 'Users read completely.';
COMMENT ON COLUMN reporting.runs.users_gone IS 'Users that Canvas does not know any more.';
COMMENT ON COLUMN reporting.runs.users_unreadable IS 'Users that the token may not read.';
COMMENT ON COLUMN reporting.runs.users_unlisted IS 'Users that fell out of the listing and cannot be proved gone.';
COMMENT ON COLUMN reporting.runs.users_failed IS 'Users that could not be read, and references that could not be resolved.';
COMMENT ON COLUMN reporting.runs.coverage_percent IS 'Users read completely or gone, of all of the run; null where it had none.';
COMMENT ON COLUMN reporting.runs.channels_seen IS 'Channels in all complete reads.';
COMMENT ON COLUMN reporting.runs.channels_created IS 'Channels new to the mirror.';
COMMENT ON COLUMN reporting.runs.channels_changed IS 'Channels with a new version.';
COMMENT ON COLUMN reporting.runs.channels_deleted IS 'Tombstones made.';
COMMENT ON COLUMN reporting.runs.deletions_pending IS 'Deletions of the instance that waited when it ended.';
COMMENT ON COLUMN reporting.runs.requests IS 'Requests sent to Canvas, refused and repeated ones included.';
COMMENT ON COLUMN reporting.runs.throttled IS 'Requests that Canvas refused because of its rate limit.';
COMMENT ON COLUMN reporting.runs.throttled_percent IS 'The same, of the requests; null where there were none.';
COMMENT ON COLUMN reporting.runs.requests_per_second IS 'Requests by working time; null where that is not known.';
COMMENT ON COLUMN reporting.runs.users_per_second IS 'Users of the run by working time; null where that is not known.';
COMMENT ON COLUMN reporting.runs.program_version IS 'Version of sync-worker.';
COMMENT ON COLUMN reporting.runs.host IS 'Machine of the last start.';
COMMENT ON COLUMN reporting.runs.started_by IS 'Operating-system user of the last start.';

CREATE VIEW reporting.failures AS
SELECT
    run_id, instance, reference, user_id, kind, status, message, failed_at, resolved_at, resolved_at IS NULL AS is_open
FROM worker.failures;

COMMENT ON VIEW reporting.failures IS
    'Users that a run could not read, and references that it could not resolve.';
COMMENT ON COLUMN reporting.failures.run_id IS 'Run that failed to read it.';
COMMENT ON COLUMN reporting.failures.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.failures.reference IS 'The user as the source named it: id:1042, sis_user_id:S1001, ...';
COMMENT ON COLUMN reporting.failures.user_id IS 'Canvas id; null for a reference that could not be resolved.';
COMMENT ON COLUMN reporting.failures.kind IS 'Class of the failure: trouble, incomplete, rejected, forbidden, not_found.';
COMMENT ON COLUMN reporting.failures.status IS 'HTTP status; null if there was no answer.';
COMMENT ON COLUMN reporting.failures.message IS 'What happened, without secrets.';
COMMENT ON COLUMN reporting.failures.failed_at IS 'When.';
COMMENT ON COLUMN reporting.failures.resolved_at IS 'When a later read of the user succeeded; null while it is open.';
COMMENT ON COLUMN reporting.failures.is_open IS 'Whether it is: then the next run tries it first.';

CREATE VIEW reporting.freshness AS
SELECT
    i.instance, u.present AS users_present, u.unreadable AS users_unreadable, u.unlisted AS users_unlisted,
    u.gone AS users_gone, u.never_read AS users_never_read, u.oldest_read_at, u.median_read_at, u.newest_read_at,
    u.within_day AS read_within_day, u.within_week AS read_within_week, c.live AS channels_live,
    c.unknown AS channels_bounce_unknown,
    CASE WHEN c.known > 0 THEN c.bouncing END AS channels_bouncing,
    (
        SELECT count(*) FROM worker.candidates p WHERE p.instance = i.instance AND p.held_run_id IS NOT NULL
    ) AS deletions_pending,
    (
        SELECT count(DISTINCT f.reference) FROM worker.failures f
        WHERE f.instance = i.instance AND f.resolved_at IS NULL
    ) AS open_failures,
    r.id AS last_good_run_id, r.finished_at AS last_good_run_at, r.coverage_percent AS last_coverage_percent
FROM worker.instances i
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE u.state = 'present') AS present,
        count(*) FILTER (WHERE u.state = 'unreadable') AS unreadable,
        count(*) FILTER (WHERE u.state = 'unlisted') AS unlisted, count(*) FILTER (WHERE u.state = 'gone') AS gone,
        count(*) FILTER (WHERE u.state = 'present' AND k.read_at IS NULL) AS never_read,
        min(k.read_at) FILTER (WHERE u.state = 'present') AS oldest_read_at,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY k.read_at) FILTER (WHERE u.state = 'present') AS median_read_at,
        max(k.read_at) FILTER (WHERE u.state = 'present') AS newest_read_at,
        count(*) FILTER (WHERE u.state = 'present' AND k.read_at > now() - interval '1 day') AS within_day,
        count(*) FILTER (WHERE u.state = 'present' AND k.read_at > now() - interval '7 days') AS within_week
    FROM mirror.users u
    LEFT JOIN worker.recent_reads l ON l.instance = u.instance AND l.user_id = u.id
    CROSS JOIN LATERAL (SELECT greatest(l.read_at, u.noted_read_at) AS read_at) k
    WHERE u.instance = i.instance
) u
CROSS JOIN LATERAL (
    SELECT
        count(*) AS live, count(*) FILTER (WHERE type = 'email' AND NOT bounce_known) AS unknown,
        count(*) FILTER (WHERE type = 'email' AND bounce_known) AS known,
        count(*) FILTER (
            WHERE type = 'email' AND bounce_known AND (last_bounce_at IS NOT NULL OR bounce_count > 0)
        ) AS bouncing
    FROM mirror.communication_channels c
    WHERE c.instance = i.instance AND c.deleted_at IS NULL
) c
LEFT JOIN LATERAL (
    SELECT id, finished_at, coverage_percent FROM reporting.runs r
    WHERE r.instance = i.instance AND r.kind IN ('run', 'backfill') AND r.status IN ('done', 'partial', 'withheld')
    ORDER BY id DESC
    LIMIT 1
) r ON true;

COMMENT ON VIEW reporting.freshness IS
    'How fresh and how complete the mirror is, one row for each instance that was ever bound or run.';
COMMENT ON COLUMN reporting.freshness.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting.freshness.users_present IS 'Users that are there and can be read.';
COMMENT ON COLUMN reporting.freshness.users_unreadable IS 'Users that the token may not read.';
COMMENT ON COLUMN reporting.freshness.users_unlisted IS 'Users that fell out of the listing and cannot be proved gone.';
COMMENT ON COLUMN reporting.freshness.users_gone IS 'Users that Canvas does not know any more.';
COMMENT ON COLUMN reporting.freshness.users_never_read IS 'Present users of whom no complete read is known.';
COMMENT ON COLUMN reporting.freshness.oldest_read_at IS 'The complete read that is longest ago, of those present users that have one.';
COMMENT ON COLUMN reporting.freshness.median_read_at IS 'Half of these users were read at this time or later.';
COMMENT ON COLUMN reporting.freshness.newest_read_at IS 'The latest one.';
COMMENT ON COLUMN reporting.freshness.read_within_day IS 'Present users read completely within the last 24 hours.';
COMMENT ON COLUMN reporting.freshness.read_within_week IS 'The same within the last 7 days.';
COMMENT ON COLUMN reporting.freshness.channels_live IS 'Live channels.';
COMMENT ON COLUMN reporting.freshness.channels_bounce_unknown IS 'Live e-mail channels whose bounces are not visible to the token.';
COMMENT ON COLUMN reporting.freshness.channels_bouncing IS 'Live e-mail channels of which a hard bounce is known; null where no bounce is visible.';
COMMENT ON COLUMN reporting.freshness.deletions_pending IS 'Deletions held back.';
COMMENT ON COLUMN reporting.freshness.open_failures IS 'Users and references that could not be read and have not been since.';
COMMENT ON COLUMN reporting.freshness.last_good_run_id IS 'The last run or backfill that came to a good end, over whomever.';
COMMENT ON COLUMN reporting.freshness.last_good_run_at IS 'When it ended.';
COMMENT ON COLUMN reporting.freshness.last_coverage_percent IS 'Users read completely or gone, of all of that run.';

-- --------------------------------------------------------------------------------------------------------
-- The same without addresses

CREATE SCHEMA IF NOT EXISTS reporting_masked;
COMMENT ON SCHEMA reporting_masked IS
    'The views of reporting for those who may not see addresses: masked as in the logs, without free text and history.';

CREATE FUNCTION reporting_masked.mask(address text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN strpos(address, '@') > 0 THEN
            left(address, CASE WHEN left(address, 1) = '@' AND strpos(substr(address, 2), '@') = 0 THEN 0 ELSE 1 END)
            || '***@' || left(split_part(address, '@', -1), 1)
            || '***.' || split_part(split_part(address, '@', -1), '.', -1)
        ELSE '***' || right(regexp_replace(address, '[^0-9]', '', 'g'), 2)
    END;
END;
COMMENT ON FUNCTION reporting_masked.mask(text) IS
    'An address that can be recognised but not used, as the logs show it: s***@c***.com, ***67.';

CREATE FUNCTION reporting_masked.mask_identifier(identifier text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN strpos(identifier, '@') > 0 THEN reporting_masked.mask(identifier) ELSE identifier END;
END;
COMMENT ON FUNCTION reporting_masked.mask_identifier(text) IS
    'A login or SIS id; one that is or holds an address is masked as one.';

CREATE VIEW reporting_masked.users WITH (security_barrier) AS
SELECT
    instance, id, reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id,
    reporting_masked.mask_identifier(integration_id) AS integration_id, state, first_seen_at, changed_at, read_at,
    channels, emails, active_emails, deliverable_emails, bounce_unknown_emails, pending_deletions, reachable
FROM reporting.users;

COMMENT ON VIEW reporting_masked.users IS
    'reporting.users with masked identifiers.';
COMMENT ON COLUMN reporting_masked.users.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.users.id IS 'Canvas id of the user.';
COMMENT ON COLUMN reporting_masked.users.sis_user_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.users.login_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.users.integration_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.users.state IS
    'present; unreadable: the token has no right to read this user; unlisted: fell out of the listing and could not be proved gone; gone: Canvas answers 404.';
COMMENT ON COLUMN reporting_masked.users.first_seen_at IS 'When the worker first met this user.';
COMMENT ON COLUMN reporting_masked.users.changed_at IS 'When state or identifiers last changed.';
COMMENT ON COLUMN reporting_masked.users.read_at IS 'When the user was last read completely, or found gone; null: never, or that was pruned.';
COMMENT ON COLUMN reporting_masked.users.channels IS 'Live channels; null for a user of whom nothing was ever read.';
COMMENT ON COLUMN reporting_masked.users.emails IS 'E-mail channels among them.';
COMMENT ON COLUMN reporting_masked.users.active_emails IS 'Confirmed ones among these.';
COMMENT ON COLUMN reporting_masked.users.deliverable_emails IS
    'Active e-mail addresses without a known bounce, those of unknown bounces not counted.';
COMMENT ON COLUMN reporting_masked.users.bounce_unknown_emails IS 'Active e-mail addresses whose bounces are not visible to the token.';
COMMENT ON COLUMN reporting_masked.users.pending_deletions IS 'Live channels whose deletion is held back.';
COMMENT ON COLUMN reporting_masked.users.reachable IS
    'Whether Canvas sends mail to this user. Null where that is not known: not present, never read, or the only addresses that could be good are those whose bounces are not visible.';

CREATE VIEW reporting_masked.current_channels WITH (security_barrier) AS
SELECT
    instance, id, user_id, reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id, user_state, type,
    reporting_masked.mask(address) AS address, "position", workflow_state, is_default, confirmed, bounce_known,
    bouncing, bounce_count, last_bounce_at, last_transient_bounce_at, last_suppression_bounce_at, created_at,
    first_seen_at, changed_at, read_at, pending_deletion, origin
FROM reporting.current_channels;

COMMENT ON VIEW reporting_masked.current_channels IS
    'reporting.current_channels with masked addresses, without domains and bounce messages.';
COMMENT ON COLUMN reporting_masked.current_channels.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.current_channels.id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting_masked.current_channels.user_id IS 'Canvas id of the user who has it.';
COMMENT ON COLUMN reporting_masked.current_channels.sis_user_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.current_channels.login_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.current_channels.user_state IS
    'present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.';
COMMENT ON COLUMN reporting_masked.current_channels.type IS 'email, sms, push, or any other type that Canvas sends.';
COMMENT ON COLUMN reporting_masked.current_channels.address IS 'Masked, such as s***@c***.com.';
COMMENT ON COLUMN reporting_masked.current_channels.position IS 'Order within the user; null if Canvas says null.';
COMMENT ON COLUMN reporting_masked.current_channels.workflow_state IS 'active, unconfirmed, ... as last seen.';
COMMENT ON COLUMN reporting_masked.current_channels.is_default IS
    'Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.';
COMMENT ON COLUMN reporting_masked.current_channels.confirmed IS 'Whether its state is active.';
COMMENT ON COLUMN reporting_masked.current_channels.bounce_known IS
    'Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.';
COMMENT ON COLUMN reporting_masked.current_channels.bouncing IS
    'Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.';
COMMENT ON COLUMN reporting_masked.current_channels.bounce_count IS 'Number of bounces; null if never seen.';
COMMENT ON COLUMN reporting_masked.current_channels.last_bounce_at IS 'Time of the last hard bounce.';
COMMENT ON COLUMN reporting_masked.current_channels.last_transient_bounce_at IS 'Time of the last soft bounce.';
COMMENT ON COLUMN reporting_masked.current_channels.last_suppression_bounce_at IS 'Time at which the mail provider last suppressed a message.';
COMMENT ON COLUMN reporting_masked.current_channels.created_at IS 'When Canvas created the channel; null if it does not say.';
COMMENT ON COLUMN reporting_masked.current_channels.first_seen_at IS 'Time of the read that first saw the channel.';
COMMENT ON COLUMN reporting_masked.current_channels.changed_at IS 'Time of the read that saw the present version first.';
COMMENT ON COLUMN reporting_masked.current_channels.read_at IS
    'When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.';
COMMENT ON COLUMN reporting_masked.current_channels.pending_deletion IS
    'Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.';
COMMENT ON COLUMN reporting_masked.current_channels.origin IS 'Who created the channel: canvas (seen by reading) or us (an action of ours).';

CREATE VIEW reporting_masked.unreachable_users WITH (security_barrier) AS
SELECT
    instance, user_id, reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id, reason, channels, emails, active_emails,
    pending_deletions, read_at
FROM reporting.unreachable_users;

COMMENT ON VIEW reporting_masked.unreachable_users IS
    'reporting.unreachable_users with masked identifiers.';
COMMENT ON COLUMN reporting_masked.unreachable_users.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.unreachable_users.user_id IS 'Canvas id of the user.';
COMMENT ON COLUMN reporting_masked.unreachable_users.sis_user_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.unreachable_users.login_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.unreachable_users.reason IS
    'no channels; no e-mail; unconfirmed: e-mail, but none confirmed; bouncing: every active e-mail bounces.';
COMMENT ON COLUMN reporting_masked.unreachable_users.channels IS 'Live channels, of any type.';
COMMENT ON COLUMN reporting_masked.unreachable_users.emails IS 'E-mail channels among them.';
COMMENT ON COLUMN reporting_masked.unreachable_users.active_emails IS 'Active ones among these; all of them bounce.';
COMMENT ON COLUMN reporting_masked.unreachable_users.pending_deletions IS 'Live channels whose deletion is held back.';
COMMENT ON COLUMN reporting_masked.unreachable_users.read_at IS
    'When the user was last read completely, or found gone; null: never, or that was pruned.';

CREATE VIEW reporting_masked.bouncing_channels WITH (security_barrier) AS
SELECT
    instance, id, user_id, reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id, user_state, type,
    reporting_masked.mask(address) AS address, workflow_state, is_default, bounce_count, last_bounce_at,
    last_transient_bounce_at, last_suppression_bounce_at, read_at, pending_deletion
FROM reporting.bouncing_channels;

COMMENT ON VIEW reporting_masked.bouncing_channels IS
    'reporting.bouncing_channels with masked addresses, without domains and bounce messages.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.user_id IS 'Canvas id of the user who has it.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.sis_user_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.login_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.user_state IS
    'present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.type IS 'email, sms, push, or any other type that Canvas sends.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.address IS 'Masked, such as s***@c***.com.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.workflow_state IS 'active, unconfirmed, ... as last seen.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.is_default IS
    'Whether it is the default address: the active e-mail of its user with the lowest position; without a position it comes last.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.bounce_count IS 'Number of bounces; null if never seen.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.last_bounce_at IS 'Time of the last hard bounce.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.last_transient_bounce_at IS 'Time of the last soft bounce.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.last_suppression_bounce_at IS 'Time at which the mail provider last suppressed a message.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.read_at IS
    'When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.';
COMMENT ON COLUMN reporting_masked.bouncing_channels.pending_deletion IS
    'Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.';

CREATE VIEW reporting_masked.unconfirmed_channels WITH (security_barrier) AS
SELECT
    instance, id, user_id, reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id, user_state, type,
    reporting_masked.mask(address) AS address, unconfirmed_since, created_at, first_seen_at, bounce_known, bouncing,
    read_at, pending_deletion, origin
FROM reporting.unconfirmed_channels;

COMMENT ON VIEW reporting_masked.unconfirmed_channels IS
    'reporting.unconfirmed_channels with masked addresses, without domains.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.user_id IS 'Canvas id of the user who has it.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.sis_user_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.login_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.user_state IS
    'present, unreadable, unlisted or gone, as in mirror.users; of anybody but a present user the channels are as of read_at.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.type IS 'email, sms, push, or any other type that Canvas sends.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.address IS 'Masked, such as s***@c***.com.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.unconfirmed_since IS
    'Since when: when Canvas created it, unless it was brought back or lost its confirmation later; then when that was seen. Where Canvas does not say, when it was first seen.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.created_at IS 'When Canvas created the channel; null if it does not say.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.first_seen_at IS 'Time of the read that first saw the channel.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.bounce_known IS
    'Whether Canvas ever showed us its bounces; if not, nothing is known of them, and bouncing is null.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.bouncing IS
    'Whether a hard bounce is known (one is enough for Canvas to stop sending); null where bounces are not visible.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.read_at IS
    'When its user was last read completely: so fresh is this row. Null: not by any batch that is still known.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.pending_deletion IS
    'Whether Canvas did not show it any more and its deletion is held back: see reporting.pending_deletions.';
COMMENT ON COLUMN reporting_masked.unconfirmed_channels.origin IS 'Who created the channel: canvas (seen by reading) or us (an action of ours).';

CREATE VIEW reporting_masked.shared_addresses WITH (security_barrier) AS
SELECT
    instance, type, reporting_masked.mask(address) AS address, users, user_ids, channels, active_channels, user_states
FROM reporting.shared_addresses;

COMMENT ON VIEW reporting_masked.shared_addresses IS
    'reporting.shared_addresses with masked addresses.';
COMMENT ON COLUMN reporting_masked.shared_addresses.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.shared_addresses.type IS 'Type of the channels.';
COMMENT ON COLUMN reporting_masked.shared_addresses.address IS 'Masked, such as s***@c***.com.';
COMMENT ON COLUMN reporting_masked.shared_addresses.users IS 'How many users have it.';
COMMENT ON COLUMN reporting_masked.shared_addresses.user_ids IS 'Their Canvas ids.';
COMMENT ON COLUMN reporting_masked.shared_addresses.channels IS 'Channels with it.';
COMMENT ON COLUMN reporting_masked.shared_addresses.active_channels IS 'Confirmed ones among them.';
COMMENT ON COLUMN reporting_masked.shared_addresses.user_states IS 'The states of these users that occur, as in mirror.users.';

CREATE VIEW reporting_masked.changes_by_day WITH (security_barrier) AS
SELECT
    instance, day, kind, origin, changes
FROM reporting.changes_by_day;

COMMENT ON VIEW reporting_masked.changes_by_day IS
    'reporting.changes_by_day.';
COMMENT ON COLUMN reporting_masked.changes_by_day.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.changes_by_day.day IS 'Day in UTC on which it was seen.';
COMMENT ON COLUMN reporting_masked.changes_by_day.kind IS 'As in reporting.changes.';
COMMENT ON COLUMN reporting_masked.changes_by_day.origin IS 'Who caused it: canvas or us.';
COMMENT ON COLUMN reporting_masked.changes_by_day.changes IS 'How many.';

CREATE VIEW reporting_masked.identity_changes WITH (security_barrier) AS
SELECT
    instance, identifier, reporting_masked.mask_identifier(value) AS value, former_user_id, former_state, new_user_id,
    seen_at
FROM reporting.identity_changes;

COMMENT ON VIEW reporting_masked.identity_changes IS
    'reporting.identity_changes with masked identifiers.';
COMMENT ON COLUMN reporting_masked.identity_changes.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.identity_changes.identifier IS 'sis_user_id, login_id or integration_id.';
COMMENT ON COLUMN reporting_masked.identity_changes.value IS 'The identifier; masked where it is or holds an address.';
COMMENT ON COLUMN reporting_masked.identity_changes.former_user_id IS 'Canvas user who had it before.';
COMMENT ON COLUMN reporting_masked.identity_changes.former_state IS 'That user''s state now, as in mirror.users.';
COMMENT ON COLUMN reporting_masked.identity_changes.new_user_id IS 'Canvas user who has or had it after that.';
COMMENT ON COLUMN reporting_masked.identity_changes.seen_at IS 'When it was first seen with the new one.';

CREATE VIEW reporting_masked.pending_deletions WITH (security_barrier) AS
SELECT
    instance, channel_id, user_id, reporting_masked.mask_identifier(sis_user_id) AS sis_user_id,
    reporting_masked.mask_identifier(login_id) AS login_id, user_state, type,
    reporting_masked.mask(address) AS address, workflow_state, reason, absent_since, held_run_id, waits_for
FROM reporting.pending_deletions;

COMMENT ON VIEW reporting_masked.pending_deletions IS
    'reporting.pending_deletions with masked addresses.';
COMMENT ON COLUMN reporting_masked.pending_deletions.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.pending_deletions.channel_id IS 'Canvas id of the channel.';
COMMENT ON COLUMN reporting_masked.pending_deletions.user_id IS 'User whose read did not show it.';
COMMENT ON COLUMN reporting_masked.pending_deletions.sis_user_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.pending_deletions.login_id IS 'Masked where it is or holds an address; null if none or not visible.';
COMMENT ON COLUMN reporting_masked.pending_deletions.user_state IS 'present, unreadable, unlisted or gone, as in mirror.users.';
COMMENT ON COLUMN reporting_masked.pending_deletions.type IS 'Its type.';
COMMENT ON COLUMN reporting_masked.pending_deletions.address IS 'Masked, such as s***@c***.com.';
COMMENT ON COLUMN reporting_masked.pending_deletions.workflow_state IS 'active, unconfirmed, ... as last seen.';
COMMENT ON COLUMN reporting_masked.pending_deletions.reason IS 'absent: the user was read without it; gone: Canvas does not know the user any more.';
COMMENT ON COLUMN reporting_masked.pending_deletions.absent_since IS 'Time of the first read without it.';
COMMENT ON COLUMN reporting_masked.pending_deletions.held_run_id IS
    'Run that held it back first: the number for `pending accept` and `pending dismiss`.';
COMMENT ON COLUMN reporting_masked.pending_deletions.waits_for IS
    'person: the brake holds it, and somebody has to speak; run: a later plausible run settles it.';

CREATE VIEW reporting_masked.runs WITH (security_barrier) AS
SELECT
    id, instance, kind, status, exit_code, started_at, resumed_at, finished_at, seconds, users_total, users_done,
    users_gone, users_unreadable, users_unlisted, users_failed, coverage_percent, channels_seen, channels_created,
    channels_changed, channels_deleted, deletions_pending, requests, throttled, throttled_percent,
    requests_per_second, users_per_second, program_version, host, started_by
FROM reporting.runs;

COMMENT ON VIEW reporting_masked.runs IS
    'reporting.runs without free text.';
COMMENT ON COLUMN reporting_masked.runs.id IS 'Number of the run.';
COMMENT ON COLUMN reporting_masked.runs.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.runs.kind IS 'run, backfill, accept, apply, ...';
COMMENT ON COLUMN reporting_masked.runs.status IS 'running, interrupted, abandoned, done, partial, withheld, implausible, failed: as in worker.runs.';
COMMENT ON COLUMN reporting_masked.runs.exit_code IS 'Exit code of the command; null while it runs or after a kill.';
COMMENT ON COLUMN reporting_masked.runs.started_at IS 'First start.';
COMMENT ON COLUMN reporting_masked.runs.resumed_at IS 'Last start of a resumed run.';
COMMENT ON COLUMN reporting_masked.runs.finished_at IS 'When it ended in any way it could record.';
COMMENT ON COLUMN reporting_masked.runs.seconds IS 'Working time, without the pause before a resumption.';
COMMENT ON COLUMN reporting_masked.runs.users_total IS 'Users of this run after deduplication; this and what follows is 0 until it ends.';
COMMENT ON COLUMN reporting_masked.runs.users_done IS 'Users read completely.';
COMMENT ON COLUMN reporting_masked.runs.users_gone IS 'Users that Canvas does not know any more.';
COMMENT ON COLUMN reporting_masked.runs.users_unreadable IS 'Users that the token may not read.';
COMMENT ON COLUMN reporting_masked.runs.users_unlisted IS 'Users that fell out of the listing and cannot be proved gone.';
COMMENT ON COLUMN reporting_masked.runs.users_failed IS 'Users that could not be read, and references that could not be resolved.';
COMMENT ON COLUMN reporting_masked.runs.coverage_percent IS 'Users read completely or gone, of all of the run; null where it had none.';
COMMENT ON COLUMN reporting_masked.runs.channels_seen IS 'Channels in all complete reads.';
COMMENT ON COLUMN reporting_masked.runs.channels_created IS 'Channels new to the mirror.';
COMMENT ON COLUMN reporting_masked.runs.channels_changed IS 'Channels with a new version.';
COMMENT ON COLUMN reporting_masked.runs.channels_deleted IS 'Tombstones made.';
COMMENT ON COLUMN reporting_masked.runs.deletions_pending IS 'Deletions of the instance that waited when it ended.';
COMMENT ON COLUMN reporting_masked.runs.requests IS 'Requests sent to Canvas, refused and repeated ones included.';
COMMENT ON COLUMN reporting_masked.runs.throttled IS 'Requests that Canvas refused because of its rate limit.';
COMMENT ON COLUMN reporting_masked.runs.throttled_percent IS 'The same, of the requests; null where there were none.';
COMMENT ON COLUMN reporting_masked.runs.requests_per_second IS 'Requests by working time; null where that is not known.';
COMMENT ON COLUMN reporting_masked.runs.users_per_second IS 'Users of the run by working time; null where that is not known.';
COMMENT ON COLUMN reporting_masked.runs.program_version IS 'Version of sync-worker.';
COMMENT ON COLUMN reporting_masked.runs.host IS 'Machine of the last start.';
COMMENT ON COLUMN reporting_masked.runs.started_by IS 'Operating-system user of the last start.';

CREATE VIEW reporting_masked.failures WITH (security_barrier) AS
SELECT
    run_id, instance, user_id, kind, status, failed_at, resolved_at, is_open
FROM reporting.failures;

COMMENT ON VIEW reporting_masked.failures IS
    'reporting.failures without references and messages.';
COMMENT ON COLUMN reporting_masked.failures.run_id IS 'Run that failed to read it.';
COMMENT ON COLUMN reporting_masked.failures.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.failures.user_id IS 'Canvas id; null for a reference that could not be resolved.';
COMMENT ON COLUMN reporting_masked.failures.kind IS 'Class of the failure: trouble, incomplete, rejected, forbidden, not_found.';
COMMENT ON COLUMN reporting_masked.failures.status IS 'HTTP status; null if there was no answer.';
COMMENT ON COLUMN reporting_masked.failures.failed_at IS 'When.';
COMMENT ON COLUMN reporting_masked.failures.resolved_at IS 'When a later read of the user succeeded; null while it is open.';
COMMENT ON COLUMN reporting_masked.failures.is_open IS 'Whether it is: then the next run tries it first.';

CREATE VIEW reporting_masked.freshness WITH (security_barrier) AS
SELECT
    instance, users_present, users_unreadable, users_unlisted, users_gone, users_never_read, oldest_read_at,
    median_read_at, newest_read_at, read_within_day, read_within_week, channels_live, channels_bounce_unknown,
    channels_bouncing, deletions_pending, open_failures, last_good_run_id, last_good_run_at, last_coverage_percent
FROM reporting.freshness;

COMMENT ON VIEW reporting_masked.freshness IS
    'reporting.freshness.';
COMMENT ON COLUMN reporting_masked.freshness.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.freshness.users_present IS 'Users that are there and can be read.';
COMMENT ON COLUMN reporting_masked.freshness.users_unreadable IS 'Users that the token may not read.';
COMMENT ON COLUMN reporting_masked.freshness.users_unlisted IS 'Users that fell out of the listing and cannot be proved gone.';
COMMENT ON COLUMN reporting_masked.freshness.users_gone IS 'Users that Canvas does not know any more.';
COMMENT ON COLUMN reporting_masked.freshness.users_never_read IS 'Present users of whom no complete read is known.';
COMMENT ON COLUMN reporting_masked.freshness.oldest_read_at IS 'The complete read that is longest ago, of those present users that have one.';
COMMENT ON COLUMN reporting_masked.freshness.median_read_at IS 'Half of these users were read at this time or later.';
COMMENT ON COLUMN reporting_masked.freshness.newest_read_at IS 'The latest one.';
COMMENT ON COLUMN reporting_masked.freshness.read_within_day IS 'Present users read completely within the last 24 hours.';
COMMENT ON COLUMN reporting_masked.freshness.read_within_week IS 'The same within the last 7 days.';
COMMENT ON COLUMN reporting_masked.freshness.channels_live IS 'Live channels.';
COMMENT ON COLUMN reporting_masked.freshness.channels_bounce_unknown IS 'Live e-mail channels whose bounces are not visible to the token.';
COMMENT ON COLUMN reporting_masked.freshness.channels_bouncing IS
    'Live e-mail channels of which a hard bounce is known; null where no bounce is visible.';
COMMENT ON COLUMN reporting_masked.freshness.deletions_pending IS 'Deletions held back.';
COMMENT ON COLUMN reporting_masked.freshness.open_failures IS 'Users and references that could not be read and have not been since.';
COMMENT ON COLUMN reporting_masked.freshness.last_good_run_id IS 'The last run or backfill that came to a good end, over whomever.';
COMMENT ON COLUMN reporting_masked.freshness.last_good_run_at IS 'When it ended.';
COMMENT ON COLUMN reporting_masked.freshness.last_coverage_percent IS 'Users read completely or gone, of all of that run.';

CREATE VIEW reporting_masked.plans WITH (security_barrier) AS
SELECT
    id, instance, kind, status, made_at, made_by, expires_at, begun_at, ended_at, ended_by, creates, deletes,
    messages, actions_done, actions_not_done
FROM reporting.plans;

COMMENT ON VIEW reporting_masked.plans IS
    'reporting.plans without free text.';
COMMENT ON COLUMN reporting_masked.plans.id IS 'Number of the plan.';
COMMENT ON COLUMN reporting_masked.plans.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.plans.kind IS 'document: from a desired state; undo: the opposite of an apply; hand: channels create or delete.';
COMMENT ON COLUMN reporting_masked.plans.status IS
    'open; applying; applied; expired; rejected. An open one that is past expires_at counts as expired, whether or not that was written down yet.';
COMMENT ON COLUMN reporting_masked.plans.made_at IS 'When it was made.';
COMMENT ON COLUMN reporting_masked.plans.made_by IS 'Operating-system user who made it.';
COMMENT ON COLUMN reporting_masked.plans.expires_at IS 'When it can no longer be carried out.';
COMMENT ON COLUMN reporting_masked.plans.begun_at IS 'When the first apply of it began; null before.';
COMMENT ON COLUMN reporting_masked.plans.ended_at IS 'When it was applied, rejected or found expired.';
COMMENT ON COLUMN reporting_masked.plans.ended_by IS 'Operating-system user who ended it.';
COMMENT ON COLUMN reporting_masked.plans.creates IS 'Channels to create.';
COMMENT ON COLUMN reporting_masked.plans.deletes IS 'Channels to delete.';
COMMENT ON COLUMN reporting_masked.plans.messages IS 'Confirmation messages that people would get.';
COMMENT ON COLUMN reporting_masked.plans.actions_done IS 'Actions that are done, somebody else''s creates (existed) included.';
COMMENT ON COLUMN reporting_masked.plans.actions_not_done IS 'Actions that were begun or set aside and are not done.';

CREATE VIEW reporting_masked.actions WITH (security_barrier) AS
SELECT
    id, instance, plan_id, ordinal, run_id, user_id, kind, type, reporting_masked.mask(address) AS address,
    channel_id, status, messaged, attempts, started_at, settled_at, os_user, database_role, canvas_user_id, unattended
FROM reporting.actions;

COMMENT ON VIEW reporting_masked.actions IS
    'reporting.actions with masked addresses, without free text.';
COMMENT ON COLUMN reporting_masked.actions.id IS 'Ascending number.';
COMMENT ON COLUMN reporting_masked.actions.instance IS 'Name of the Canvas installation in the configuration.';
COMMENT ON COLUMN reporting_masked.actions.plan_id IS 'Plan that it belongs to; null for the removal of a push device by hand.';
COMMENT ON COLUMN reporting_masked.actions.ordinal IS 'Place within the plan, from 1.';
COMMENT ON COLUMN reporting_masked.actions.run_id IS 'Run that did it or tried it last; null before.';
COMMENT ON COLUMN reporting_masked.actions.user_id IS 'Canvas id of the user; null for somebody who was forgotten.';
COMMENT ON COLUMN reporting_masked.actions.kind IS 'create; delete; delete_push.';
COMMENT ON COLUMN reporting_masked.actions.type IS 'Type of the channel.';
COMMENT ON COLUMN reporting_masked.actions.address IS 'Masked, such as s***@c***.com.';
COMMENT ON COLUMN reporting_masked.actions.channel_id IS 'Canvas id of the channel; of a create from its answer on.';
COMMENT ON COLUMN reporting_masked.actions.status IS
    'planned; started; done; existed: somebody else had created it; refused; failed; withheld by a guard; skipped: stale; uncertain: the answer was lost.';
COMMENT ON COLUMN reporting_masked.actions.messaged IS 'Whether a confirmation message went, or may have gone, to a person.';
COMMENT ON COLUMN reporting_masked.actions.attempts IS 'How often it was started.';
COMMENT ON COLUMN reporting_masked.actions.started_at IS 'When it was started last.';
COMMENT ON COLUMN reporting_masked.actions.settled_at IS 'When its present status was written.';
COMMENT ON COLUMN reporting_masked.actions.os_user IS 'Operating-system user who started it.';
COMMENT ON COLUMN reporting_masked.actions.database_role IS 'Database role that wrote it.';
COMMENT ON COLUMN reporting_masked.actions.canvas_user_id IS 'Canvas user of the token.';
COMMENT ON COLUMN reporting_masked.actions.unattended IS 'Whether nobody was asked (run --apply auto).';
