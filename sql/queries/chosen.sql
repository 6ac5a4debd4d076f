-- name: create_chosen_users
-- The users that a plan is restricted to, with the identifiers that Canvas has told of them.
CREATE TEMPORARY TABLE chosen_users (
    user_id         bigint   PRIMARY KEY,
    told            boolean  NOT NULL,
    sis_user_id     text,
    login_id        text,
    integration_id  text
);

-- name: choose_users
-- $1 ids, $2 whether Canvas told identifiers, $3 SIS ids, $4 logins, $5 integration ids.
INSERT INTO chosen_users AS c (user_id, told, sis_user_id, login_id, integration_id)
SELECT DISTINCT ON (g.user_id) g.*
FROM unnest($1::bigint[], $2::boolean[], $3::text[], $4::text[], $5::text[])
    AS g (user_id, told, sis_user_id, login_id, integration_id)
ORDER BY g.user_id, g.told DESC
ON CONFLICT (user_id) DO UPDATE SET
    told = c.told OR excluded.told,
    sis_user_id = coalesce(excluded.sis_user_id, c.sis_user_id),
    login_id = coalesce(excluded.login_id, c.login_id),
    integration_id = coalesce(excluded.integration_id, c.integration_id);

-- name: note_strangers
-- References of the specs that lead to nobody; those that the document does not have are told all the same.
-- $1 kinds, $2 values, $3 places, $4 problems.
INSERT INTO desired_users AS d (ref_kind, ref_value, ref_where, problem)
SELECT DISTINCT ON (ref_kind, ref_value) ref_kind, ref_value, ref_where, problem
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS s (ref_kind, ref_value, ref_where, problem)
ORDER BY ref_kind, ref_value
ON CONFLICT (ref_kind, ref_value) DO UPDATE SET user_id = NULL, problem = excluded.problem;

-- name: resolve_from_chosen
-- Open references that are an identifier of exactly one chosen user.
WITH identifiers AS (
    SELECT c.user_id, i.kind, i.value
    FROM chosen_users c
    CROSS JOIN LATERAL (
        VALUES
            ('sis_user_id', c.sis_user_id),
            ('sis_login_id', c.login_id),
            ('sis_integration_id', c.integration_id)
    ) AS i (kind, value)
    WHERE i.value IS NOT NULL
), known AS (
    SELECT kind, value, min(user_id) AS user_id FROM identifiers GROUP BY kind, value HAVING count(*) = 1
)
UPDATE desired_users d SET user_id = k.user_id
FROM known k
WHERE d.ref_kind = k.kind AND d.ref_value = k.value AND d.user_id IS NULL AND d.problem IS NULL;

-- name: analyze_chosen
-- Temporary tables get no statistics by themselves.
ANALYZE chosen_users, desired_users;

-- name: chosen_left
-- How many references are open, how many chosen users none of the others names, and of how many of those no
-- identifiers are known.
SELECT
    (SELECT count(*) FROM desired_users WHERE user_id IS NULL AND problem IS NULL) AS open_references,
    count(*) AS missing,
    count(*) FILTER (WHERE NOT c.told) AS untold
FROM chosen_users c
WHERE NOT EXISTS (SELECT FROM desired_users d WHERE d.user_id = c.user_id);

-- name: untold_users
-- Chosen users whom no reference names so far, and of whom no identifiers are known. $1 last id, $2 number.
SELECT c.user_id
FROM chosen_users c
WHERE c.user_id > $1 AND NOT c.told AND NOT EXISTS (SELECT FROM desired_users d WHERE d.user_id = c.user_id)
ORDER BY c.user_id
LIMIT $2;

-- name: keep_chosen
-- Forget everybody else; what was noted as a problem concerns the chosen ones.
DELETE FROM desired_users d
WHERE d.problem IS NULL AND NOT EXISTS (SELECT FROM chosen_users c WHERE c.user_id = d.user_id);
