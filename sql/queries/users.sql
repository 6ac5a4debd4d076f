-- name: note_identifiers
-- Write down who users are, where that is new or different.
--
-- $1 instance, $2 run, $3 time, $4 account whose listing named them (null for another source), $5 ids, $6 given
-- (bit 0 sis_user_id, bit 1 login_id, bit 2 integration_id was in the answer), $7 to $9 the identifiers.
WITH named AS (
    SELECT DISTINCT ON (n.id) n.*
    FROM unnest($5::bigint[], $6::integer[], $7::text[], $8::text[], $9::text[])
        AS n (id, given, sis_user_id, login_id, integration_id)
    ORDER BY n.id
), compared AS MATERIALIZED (
    SELECT
        n.id,
        CASE WHEN n.given & 1 > 0 THEN n.sis_user_id ELSE u.sis_user_id END AS sis_user_id,
        CASE WHEN n.given & 2 > 0 THEN n.login_id ELSE u.login_id END AS login_id,
        CASE WHEN n.given & 4 > 0 THEN n.integration_id ELSE u.integration_id END AS integration_id,
        CASE
            WHEN $4::text IS NULL OR $4 = ANY (u.listed_in) THEN coalesce(u.listed_in, '{}')
            ELSE coalesce(u.listed_in, '{}') || $4
        END AS listed_in,
        u.id IS NULL AS is_new,
        n.given & 1 > 0 AND n.sis_user_id IS DISTINCT FROM u.sis_user_id
        OR n.given & 2 > 0 AND n.login_id IS DISTINCT FROM u.login_id
        OR n.given & 4 > 0 AND n.integration_id IS DISTINCT FROM u.integration_id AS is_renamed,
        $4::text IS NOT NULL AND NOT $4 = ANY (u.listed_in) AS is_newly_listed
    FROM named n
    LEFT JOIN mirror.users u ON u.instance = $1 AND u.id = n.id
), superseded AS (
    INSERT INTO mirror.user_history (
        instance, user_id, sis_user_id, login_id, integration_id, state, valid_from, valid_to, run_id
    )
    SELECT
        $1, u.id, u.sis_user_id, u.login_id, u.integration_id, u.state, u.changed_at,
        greatest($3::timestamptz, u.changed_at + interval '1 microsecond'), $2
    FROM compared c
    JOIN mirror.users u ON u.instance = $1 AND u.id = c.id
    WHERE c.is_renamed
)
INSERT INTO mirror.users AS u (
    instance, id, sis_user_id, login_id, integration_id, state, listed_in, first_seen_at, changed_at
)
SELECT $1, id, sis_user_id, login_id, integration_id, 'present', listed_in, $3, $3
FROM compared
WHERE is_new OR is_renamed OR is_newly_listed
ON CONFLICT (instance, id) DO UPDATE SET
    sis_user_id = excluded.sis_user_id,
    login_id = excluded.login_id,
    integration_id = excluded.integration_id,
    listed_in = excluded.listed_in,
    changed_at = CASE
        WHEN (u.sis_user_id, u.login_id, u.integration_id)
            IS DISTINCT FROM (excluded.sis_user_id, excluded.login_id, excluded.integration_id)
        THEN greatest(excluded.changed_at, u.changed_at + interval '1 microsecond')
        ELSE u.changed_at
    END;

-- name: note_states
-- Write down what reading users came to, where that is new or different, and no later read has found a state.
--
-- $1 instance, $2 run, $3 ids, $4 states, $5 times of the reads, $6 and $7 their epochs and numbers.
-- Returns the number of users left alone because a later read had written their state.
WITH compared AS MATERIALIZED (
    SELECT
        r.*, u.id IS NOT NULL AS is_known, u.state IS DISTINCT FROM r.state AS is_different,
        u.id IS NULL OR (r.read_epoch, r.read_number) >= (u.read_epoch, u.read_number) AS is_newer,
        greatest(r.read_at, u.changed_at + interval '1 microsecond') AS since
    FROM unnest($3::bigint[], $4::text[], $5::timestamptz[], $6::bigint[], $7::bigint[])
        AS r (id, state, read_at, read_epoch, read_number)
    LEFT JOIN mirror.users u ON u.instance = $1 AND u.id = r.id
), superseded AS (
    INSERT INTO mirror.user_history (
        instance, user_id, sis_user_id, login_id, integration_id, state, valid_from, valid_to, run_id
    )
    SELECT $1, u.id, u.sis_user_id, u.login_id, u.integration_id, u.state, u.changed_at, c.since, $2
    FROM compared c
    JOIN mirror.users u ON u.instance = $1 AND u.id = c.id
    WHERE c.is_different AND c.is_newer
), read_again AS (
    UPDATE mirror.users u SET read_epoch = c.read_epoch, read_number = c.read_number
    FROM compared c
    WHERE u.instance = $1 AND u.id = c.id AND u.read_epoch < 0 AND NOT c.is_different
), written AS (
    INSERT INTO mirror.users AS u (instance, id, state, first_seen_at, changed_at, read_epoch, read_number)
    SELECT $1, id, state, since, since, read_epoch, read_number
    FROM compared
    WHERE is_different AND is_newer
    ON CONFLICT (instance, id) DO UPDATE SET
        state = excluded.state, changed_at = excluded.changed_at, read_epoch = excluded.read_epoch,
        read_number = excluded.read_number
)
SELECT count(*) FROM compared WHERE is_different AND NOT is_newer;

-- name: known_states
-- The states of some users before this batch. $1 instance, $2 ids.
SELECT id, state FROM mirror.users WHERE instance = $1 AND id = ANY ($2::bigint[]);
