-- name: merge_channels
-- Compare the complete reads of a batch with the mirror, and write only what is new or different.
--
-- $1 instance, $2 run, $3 the channels whose changes are actions of ours; all others are Canvas's.
-- $4, $5: the users that were read to the end, and when each read began. A user that is gone is here too: it has no
-- channels. $6 on: the channels, one array a field. $7 (given) has bit i set where the answer held optional field i, in
-- the order position, bounce_count, last_bounce_at, last_bounce_summary, last_transient_bounce_at,
-- last_transient_bounce_summary, last_suppression_bounce_at, created_at: a field left out keeps what the mirror knows.
-- $21 the users that are gone. $22, $23: epoch and number of the reads; of two with the same the later one in $4 counts.
--
-- A read older than the present version, by epoch and number and never by its time, writes nothing over it. The
-- anti-join comes first, so that an unchanged channel is not even locked. Times are for people: where a clock was set
-- back, a version begins a microsecond after the one before it, so that intervals neither overlap nor leave a gap.
WITH reads AS MATERIALIZED (
    SELECT * FROM unnest($4::bigint[], $5::timestamptz[], $22::bigint[], $23::bigint[])
        WITH ORDINALITY AS r (user_id, read_at, read_epoch, read_number, place)
), staged AS MATERIALIZED (
    SELECT DISTINCT ON (s.id) s.*, r.read_at, r.read_epoch, r.read_number
    FROM unnest(
        $6::bigint[], $7::integer[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::integer[],
        $13::integer[], $14::timestamptz[], $15::text[], $16::timestamptz[], $17::text[], $18::timestamptz[],
        $19::timestamptz[], $20::text[]
    ) AS s (
        id, given, user_id, type, address, workflow_state, position,
        bounce_count, last_bounce_at, last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary,
        last_suppression_bounce_at, created_at, folded_address
    )
    JOIN reads r USING (user_id)
    ORDER BY s.id, r.read_epoch DESC, r.read_number DESC, r.place DESC
), compared AS MATERIALIZED (
    SELECT
        s.id, s.user_id, s.type, s.address, s.folded_address, s.workflow_state, s.read_epoch, s.read_number,
        greatest(s.read_at, m.changed_at + interval '1 microsecond') AS since,
        CASE WHEN s.given & 1 > 0 THEN s.position ELSE m.position END AS position,
        CASE WHEN s.given & 2 > 0 THEN s.bounce_count ELSE m.bounce_count END AS bounce_count,
        CASE WHEN s.given & 4 > 0 THEN s.last_bounce_at ELSE m.last_bounce_at END AS last_bounce_at,
        CASE WHEN s.given & 8 > 0 THEN s.last_bounce_summary ELSE m.last_bounce_summary END AS last_bounce_summary,
        CASE WHEN s.given & 16 > 0 THEN s.last_transient_bounce_at ELSE m.last_transient_bounce_at END
            AS last_transient_bounce_at,
        CASE WHEN s.given & 32 > 0 THEN s.last_transient_bounce_summary ELSE m.last_transient_bounce_summary END
            AS last_transient_bounce_summary,
        CASE WHEN s.given & 64 > 0 THEN s.last_suppression_bounce_at ELSE m.last_suppression_bounce_at END
            AS last_suppression_bounce_at,
        CASE WHEN s.given & 128 > 0 THEN s.created_at ELSE m.created_at END AS created_at,
        s.given & 126 > 0 OR coalesce(m.bounce_known, false) AS bounce_known,
        m.id IS NULL AS is_new,
        m.deleted_at IS NOT NULL AS was_deleted,
        m.user_id AS old_user_id,
        m.id IS NULL OR m.deleted_at IS NOT NULL OR (
            m.user_id, m.type, m.address, m.workflow_state, m.bounce_known
        ) IS DISTINCT FROM (
            s.user_id, s.type, s.address, s.workflow_state, s.given & 126 > 0 OR m.bounce_known
        )
        OR s.given & 1 > 0 AND s.position IS DISTINCT FROM m.position
        OR s.given & 2 > 0 AND s.bounce_count IS DISTINCT FROM m.bounce_count
        OR s.given & 4 > 0 AND s.last_bounce_at IS DISTINCT FROM m.last_bounce_at
        OR s.given & 8 > 0 AND s.last_bounce_summary IS DISTINCT FROM m.last_bounce_summary
        OR s.given & 16 > 0 AND s.last_transient_bounce_at IS DISTINCT FROM m.last_transient_bounce_at
        OR s.given & 32 > 0 AND s.last_transient_bounce_summary IS DISTINCT FROM m.last_transient_bounce_summary
        OR s.given & 64 > 0 AND s.last_suppression_bounce_at IS DISTINCT FROM m.last_suppression_bounce_at
        OR s.given & 128 > 0 AND s.created_at IS DISTINCT FROM m.created_at AS is_different,
        m.id IS NULL OR (s.read_epoch, s.read_number) > (m.read_epoch, m.read_number) AS is_newer,
        m.read_epoch < 0 AS is_unread
    FROM staged s
    LEFT JOIN mirror.communication_channels m ON m.instance = $1 AND m.id = s.id
), changes AS MATERIALIZED (
    SELECT * FROM compared WHERE is_different AND is_newer
), superseded AS (
    INSERT INTO mirror.channel_history (
        instance, channel_id, user_id, type, address, folded_address, position, workflow_state, bounce_count,
        last_bounce_at, last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary, last_suppression_bounce_at,
        bounce_known, created_at, deleted_at, valid_from, valid_to, run_id, origin
    )
    SELECT
        m.instance, m.id, m.user_id, m.type, m.address, m.folded_address, m.position, m.workflow_state, m.bounce_count,
        m.last_bounce_at, m.last_bounce_summary, m.last_transient_bounce_at, m.last_transient_bounce_summary,
        m.last_suppression_bounce_at, m.bounce_known, m.created_at, m.deleted_at, m.changed_at, c.since, $2,
        CASE WHEN c.id = ANY ($3::bigint[]) THEN 'us' ELSE 'canvas' END
    FROM changes c
    JOIN mirror.communication_channels m ON m.instance = $1 AND m.id = c.id
), written AS (
    INSERT INTO mirror.communication_channels AS m (
        instance, id, user_id, type, address, folded_address, position, workflow_state, bounce_count, last_bounce_at,
        last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary, last_suppression_bounce_at,
        bounce_known, created_at, first_seen_at, changed_at, origin, read_epoch, read_number
    )
    SELECT
        $1, id, user_id, type, address, folded_address, position, workflow_state, bounce_count, last_bounce_at,
        last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary, last_suppression_bounce_at,
        bounce_known, created_at, since, since, CASE WHEN id = ANY ($3::bigint[]) THEN 'us' ELSE 'canvas' END,
        read_epoch, read_number
    FROM changes
    ON CONFLICT (instance, id) DO UPDATE SET
        user_id = excluded.user_id,
        type = excluded.type,
        address = excluded.address,
        folded_address = excluded.folded_address,
        position = excluded.position,
        workflow_state = excluded.workflow_state,
        bounce_count = excluded.bounce_count,
        last_bounce_at = excluded.last_bounce_at,
        last_bounce_summary = excluded.last_bounce_summary,
        last_transient_bounce_at = excluded.last_transient_bounce_at,
        last_transient_bounce_summary = excluded.last_transient_bounce_summary,
        last_suppression_bounce_at = excluded.last_suppression_bounce_at,
        bounce_known = excluded.bounce_known,
        created_at = excluded.created_at,
        changed_at = excluded.changed_at,
        read_epoch = excluded.read_epoch,
        read_number = excluded.read_number,
        deleted_at = NULL
), read_again AS (
    UPDATE mirror.communication_channels m
    SET read_epoch = c.read_epoch, read_number = c.read_number
    FROM compared c
    WHERE m.instance = $1 AND m.id = c.id AND c.is_unread AND NOT c.is_different
), seen_again AS (
    DELETE FROM worker.candidates c
    USING staged s
    WHERE c.instance = $1 AND c.channel_id = s.id AND (
        (c.read_epoch, c.read_number) <= (s.read_epoch, s.read_number)
        OR EXISTS (SELECT FROM changes m WHERE m.id = c.channel_id AND m.user_id <> c.user_id)
    )
), missed AS MATERIALIZED (
    SELECT
        m.id, m.user_id, r.read_at, r.read_epoch, r.read_number,
        (r.read_epoch, r.read_number) > (m.read_epoch, m.read_number) AS is_newer
    FROM reads r
    JOIN mirror.communication_channels m ON m.instance = $1 AND m.user_id = r.user_id AND m.deleted_at IS NULL
    WHERE NOT EXISTS (SELECT FROM staged s WHERE s.id = m.id)
), absent AS (
    INSERT INTO worker.candidates (
        instance, channel_id, user_id, run_id, read_at, reason, read_epoch, read_number
    )
    SELECT
        $1, id, user_id, $2, read_at, CASE WHEN user_id = ANY ($21::bigint[]) THEN 'gone' ELSE 'absent' END,
        read_epoch, read_number
    FROM missed
    WHERE is_newer
    ON CONFLICT (instance, channel_id) DO NOTHING
)
SELECT
    (SELECT count(*) FROM staged) AS seen,
    count(*) FILTER (WHERE is_new) AS created,
    count(*) FILTER (WHERE NOT is_new) AS changed,
    count(*) FILTER (WHERE was_deleted) AS revived,
    count(*) FILTER (WHERE old_user_id <> user_id) AS moved,
    (SELECT count(*) FROM compared WHERE is_different AND NOT is_newer)
    + (SELECT count(*) FROM missed WHERE NOT is_newer) AS older
FROM changes;

-- name: bury_channels
-- Make tombstones of candidates whose users were read a second time without them; merge_channels has already taken
-- the ones seen again out of the candidates, in the same transaction.
--
-- $1 instance, $2 run, $3 origin, $4 and $5 the users read and when, $6 whether all that the brake holds is settled too, $7 the
-- run whose held candidates are (null: none), $8 and $9 epoch and number of the reads: they have to be later than those
-- that made the candidates.
-- Returns the number of tombstones.
WITH reads AS MATERIALIZED (
    SELECT * FROM unnest($4::bigint[], $5::timestamptz[], $8::bigint[], $9::bigint[])
        AS r (user_id, read_at, read_epoch, read_number)
), settled AS (
    DELETE FROM worker.candidates c
    USING reads r
    WHERE c.instance = $1 AND c.user_id = r.user_id
        AND (c.read_epoch, c.read_number) < (r.read_epoch, r.read_number)
        AND (NOT c.held_by_brake OR $6::boolean OR c.held_run_id = $7::bigint)
    RETURNING c.channel_id, c.user_id, r.read_at, r.read_epoch, r.read_number
), doomed AS MATERIALIZED (
    SELECT
        m.*, greatest(s.read_at, m.changed_at + interval '1 microsecond') AS since, s.read_epoch AS new_epoch,
        s.read_number AS new_number
    FROM settled s
    JOIN mirror.communication_channels m ON m.instance = $1 AND m.id = s.channel_id
    WHERE m.user_id = s.user_id AND m.deleted_at IS NULL
        AND (m.read_epoch, m.read_number) < (s.read_epoch, s.read_number)
), superseded AS (
    INSERT INTO mirror.channel_history (
        instance, channel_id, user_id, type, address, folded_address, position, workflow_state, bounce_count,
        last_bounce_at, last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary, last_suppression_bounce_at,
        bounce_known, created_at, deleted_at, valid_from, valid_to, run_id, origin
    )
    SELECT
        instance, id, user_id, type, address, folded_address, position, workflow_state, bounce_count, last_bounce_at,
        last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary, last_suppression_bounce_at,
        bounce_known, created_at, deleted_at, changed_at, since, $2, $3
    FROM doomed
), buried AS (
    UPDATE mirror.communication_channels m
    SET deleted_at = d.since, changed_at = d.since, read_epoch = d.new_epoch, read_number = d.new_number
    FROM doomed d
    WHERE m.instance = $1 AND m.id = d.id
    RETURNING m.id
)
SELECT count(*) FROM buried;

-- name: bury_retired
-- Make tombstones of channels that an action of ours retired, and that a complete read afterwards does not have any more.
--
-- $1 instance, $2 run, $3 user, $4 channel ids, $5 time of the read, $6 and $7 its epoch and number.
-- Returns the number of tombstones.
WITH settled AS (
    DELETE FROM worker.candidates WHERE instance = $1 AND channel_id = ANY ($4::bigint[]) AND user_id = $3
), doomed AS MATERIALIZED (
    SELECT *, greatest($5::timestamptz, changed_at + interval '1 microsecond') AS since
    FROM mirror.communication_channels
    WHERE instance = $1 AND id = ANY ($4::bigint[]) AND user_id = $3 AND deleted_at IS NULL
        AND (read_epoch, read_number) < ($6::bigint, $7::bigint)
), superseded AS (
    INSERT INTO mirror.channel_history (
        instance, channel_id, user_id, type, address, folded_address, position, workflow_state, bounce_count,
        last_bounce_at, last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary, last_suppression_bounce_at,
        bounce_known, created_at, deleted_at, valid_from, valid_to, run_id, origin
    )
    SELECT
        instance, id, user_id, type, address, folded_address, position, workflow_state, bounce_count, last_bounce_at,
        last_bounce_summary, last_transient_bounce_at, last_transient_bounce_summary, last_suppression_bounce_at,
        bounce_known, created_at, deleted_at, changed_at, since, $2, 'us'
    FROM doomed
), buried AS (
    UPDATE mirror.communication_channels m
    SET deleted_at = d.since, changed_at = d.since, read_epoch = $6, read_number = $7
    FROM doomed d
    WHERE m.instance = $1 AND m.id = d.id
    RETURNING m.id
)
SELECT count(*) FROM buried;
