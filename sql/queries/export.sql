-- name: export_channels
-- E-mail and SMS channels that were alive at a time, by user and position, with what is known about their users now.
-- $1 instance, $2 time (null: now), $3 user ids (null: all), $4 only those whose user has no such live channel now.
-- A SIS id is given where it names one user of the mirror.
SELECT c.user_id, c.type, c.address, c.workflow_state, coalesce(u.state, 'unlisted') AS user_state,
    CASE WHEN u.state = 'present' AND (
        SELECT count(*) FROM mirror.users t WHERE t.instance = $1 AND t.sis_user_id = u.sis_user_id
    ) = 1 THEN u.sis_user_id END AS sis_user_id
FROM reporting.channels_as_of(coalesce($2::timestamptz, 'infinity'), $1) c
LEFT JOIN mirror.users u ON u.instance = $1 AND u.id = c.user_id
WHERE c.type IN ('email', 'sms') AND ($3::bigint[] IS NULL OR c.user_id = ANY ($3::bigint[])) AND (
    NOT $4::boolean OR NOT EXISTS (
        SELECT FROM mirror.communication_channels m
        WHERE m.instance = $1 AND m.user_id = c.user_id AND m.deleted_at IS NULL AND m.type = c.type
            AND m.folded_address IN (  -- as the version that was alive then has it
                SELECT v.folded_address FROM mirror.communication_channels v
                WHERE v.instance = $1 AND v.id = c.id AND v.address = c.address
                UNION ALL
                SELECT h.folded_address FROM mirror.channel_history h
                WHERE h.instance = $1 AND h.channel_id = c.id AND h.address = c.address
            )
    )
)
ORDER BY c.user_id, c."position" NULLS LAST, c.id;

-- name: export_tombstones
-- The same of channels that are marked as deleted, unless their user has such a channel again.
-- $1 instance, $2 user ids (null: all).
SELECT c.user_id, c.type, c.address, c.workflow_state, coalesce(u.state, 'unlisted') AS user_state,
    CASE WHEN u.state = 'present' AND (
        SELECT count(*) FROM mirror.users t WHERE t.instance = $1 AND t.sis_user_id = u.sis_user_id
    ) = 1 THEN u.sis_user_id END AS sis_user_id
FROM mirror.communication_channels c
LEFT JOIN mirror.users u ON u.instance = $1 AND u.id = c.user_id
WHERE c.instance = $1 AND c.deleted_at IS NOT NULL AND c.type IN ('email', 'sms')
    AND ($2::bigint[] IS NULL OR c.user_id = ANY ($2::bigint[])) AND NOT EXISTS (
        SELECT FROM mirror.communication_channels m
        WHERE m.instance = $1 AND m.user_id = c.user_id AND m.deleted_at IS NULL AND m.type = c.type
            AND m.folded_address = c.folded_address
    )
ORDER BY c.user_id, c."position" NULLS LAST, c.id;
