-- name: create_desired_items
-- A table of this session alone in which a desired state is grouped by user, whatever its size.
CREATE TEMPORARY TABLE desired_items (
    place              bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ref_kind           text    NOT NULL,
    ref_value          text    NOT NULL,
    ref_where          text    NOT NULL,
    mode               text    NOT NULL,
    manage             text[]  NOT NULL,
    type               text,
    address            text,
    folded             text,
    compared           text,
    state              text,
    skip_confirmation  boolean,
    reason             text,
    entry_where        text
);

-- name: create_desired_users
-- The references of the document, and whom they name.
CREATE TEMPORARY TABLE desired_users (
    ref_kind   text    NOT NULL,
    ref_value  text    NOT NULL,
    ref_where  text    NOT NULL,
    user_id    bigint,
    problem    text,
    PRIMARY KEY (ref_kind, ref_value)
);

-- name: create_fresh_users
-- Users whose rows in the mirror are as new as asked for.
CREATE TEMPORARY TABLE fresh_users (
    user_id  bigint       PRIMARY KEY,
    read_at  timestamptz  NOT NULL
);

-- name: list_desired_users
-- Every reference once, with its first place.
INSERT INTO desired_users (ref_kind, ref_value, ref_where)
SELECT DISTINCT ON (ref_kind, ref_value) ref_kind, ref_value, ref_where
FROM desired_items
ORDER BY ref_kind, ref_value, place;

-- name: index_desired_items
-- The items of a reference are looked up reference by reference.
CREATE INDEX ON desired_items (ref_kind, ref_value);

-- name: analyze_desired
-- Temporary tables get no statistics by themselves.
ANALYZE desired_items, desired_users;

-- name: suspect_references
-- References whose items may contradict each other: a user object twice, or one address twice.
SELECT ref_kind, ref_value
FROM desired_items
GROUP BY ref_kind, ref_value
HAVING count(*) FILTER (WHERE type IS NULL) > 1
    OR count(type) > count(DISTINCT type || ' ' || compared)
ORDER BY min(place)
LIMIT $1;

-- name: items_of_reference
-- $1 kind, $2 value.
SELECT * FROM desired_items WHERE ref_kind = $1 AND ref_value = $2 ORDER BY place;

-- name: resolve_numbers
-- Numbers that are the user's id as they stand; a global one may be the other form of it. $1 first global id.
UPDATE desired_users SET user_id = ref_value::bigint
WHERE CASE ref_kind WHEN 'id' THEN ref_value::bigint < $1 ELSE false END;

-- name: resolve_from_mirror
-- References that the mirror knows as exactly one present user. $1 instance.
WITH known AS (
    SELECT n.ref_kind, n.ref_value, min(u.id) AS user_id
    FROM mirror.users u
    CROSS JOIN LATERAL (VALUES
        ('id', u.id::text),
        ('sis_user_id', u.sis_user_id),
        ('sis_login_id', u.login_id),
        ('sis_integration_id', u.integration_id)
    ) AS n (ref_kind, ref_value)
    JOIN desired_users d ON d.ref_kind = n.ref_kind AND d.ref_value = n.ref_value
    WHERE u.instance = $1 AND u.state = 'present'
    GROUP BY n.ref_kind, n.ref_value
    HAVING count(*) = 1
)
UPDATE desired_users d SET user_id = k.user_id
FROM known k
WHERE d.ref_kind = k.ref_kind AND d.ref_value = k.ref_value AND d.user_id IS NULL;

-- name: unresolved_references
-- References to ask Canvas about, after a given one. $1 and $2 last kind and value, $3 number.
SELECT ref_kind, ref_value, ref_where
FROM desired_users
WHERE user_id IS NULL AND problem IS NULL AND (ref_kind, ref_value) > ($1, $2)
ORDER BY ref_kind, ref_value
LIMIT $3;

-- name: note_resolved
-- $1 kinds, $2 values, $3 user ids (null where it failed), $4 problems (null where it did not).
UPDATE desired_users d SET user_id = r.user_id, problem = r.problem
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS r (ref_kind, ref_value, user_id, problem)
WHERE d.ref_kind = r.ref_kind AND d.ref_value = r.ref_value;

-- name: named_twice
-- Users that two references turn out to be. $1 number.
SELECT user_id, array_agg(ref_where ORDER BY ref_where) AS places,
    array_agg(ref_kind || ':' || ref_value ORDER BY ref_where) AS refs
FROM desired_users
WHERE user_id IS NOT NULL
GROUP BY user_id
HAVING count(*) > 1
ORDER BY user_id
LIMIT $1;

-- name: unresolved_problems
-- References that lead to nobody, in the order of the document.
SELECT ref_kind, ref_value, ref_where, problem
FROM desired_users u
WHERE problem IS NOT NULL
ORDER BY (SELECT min(i.place) FROM desired_items i WHERE (i.ref_kind, i.ref_value) = (u.ref_kind, u.ref_value));

-- name: index_resolved_users
-- From here on users are looked up by id.
CREATE INDEX ON desired_users (user_id);

-- name: analyze_resolved
-- Without, the next statement is planned for a table in which nobody has an id.
ANALYZE desired_users, fresh_users;

-- name: find_fresh_users
-- Named and present users whom a batch has read since a time, without a failure of theirs, and without a candidate that
-- is not settled. $1 instance, $2 since, $3 until: what is later was dated by a wrong clock.
INSERT INTO fresh_users
SELECT m.id, max(b.done_at)
FROM worker.runs r
JOIN worker.batches b ON b.run_id = r.id AND b.status = 'done' AND b.done_at > $2 AND b.done_at <= $3
CROSS JOIN LATERAL unnest(b.user_ids) AS u (user_id)
JOIN mirror.users m ON m.instance = $1 AND m.id = u.user_id AND m.state = 'present'
JOIN desired_users d ON d.user_id = m.id
WHERE r.instance = $1
    AND NOT EXISTS (
        SELECT FROM worker.failures f WHERE f.run_id = r.id AND f.user_id = u.user_id AND f.resolved_at IS NULL
    )
    AND NOT EXISTS (SELECT FROM worker.candidates c WHERE c.instance = $1 AND c.user_id = u.user_id)
GROUP BY m.id;

-- name: take_out_satisfied
-- Take out the users who certainly have what they are to have, as far as a fresh mirror knows; how many they are, and
-- how many live channels of managed types they have. $1 instance.
--
-- It says about a user what `desired.diff` says, or leaves the user in: those with a wish outside `manage`, of whom the
-- plan tells. A number has many spellings: whoever is to have none of an SMS address is left in, unless it is one of a
-- gateway.
WITH wishes AS MATERIALIZED (
    SELECT d.user_id, i.type, i.folded, i.state, i.mode, i.manage
    FROM fresh_users
    JOIN desired_users d USING (user_id)
    JOIN desired_items i USING (ref_kind, ref_value)
), live AS MATERIALIZED (
    SELECT c.user_id, c.type, c.folded_address AS folded
    FROM fresh_users
    JOIN mirror.communication_channels c USING (user_id)
    WHERE c.instance = $1 AND c.deleted_at IS NULL
), wished AS (
    SELECT w.user_id, min(w.mode) AS mode, min(w.manage) AS manage
    FROM wishes w
    LEFT JOIN live l USING (user_id, type, folded)
    GROUP BY w.user_id
    HAVING bool_and(w.type IS NULL OR w.type <> 'push' AND w.type = ANY (w.manage)
        AND (w.state = 'present') = (l.user_id IS NOT NULL)
        AND (w.state = 'present' OR w.type <> 'sms' OR strpos(w.folded, '@') > 0))
), satisfied AS MATERIALIZED (
    SELECT u.user_id, count(l.user_id) FILTER (WHERE l.type <> 'push' AND l.type = ANY (u.manage)) AS managed_live
    FROM wished u
    LEFT JOIN live l USING (user_id)
    LEFT JOIN wishes w USING (user_id, type, folded)
    GROUP BY u.user_id
    HAVING bool_and(
        l.user_id IS NULL OR u.mode = 'add' OR l.type = 'push' OR l.type <> ALL (u.manage) OR w.user_id IS NOT NULL
    )
), taken AS (
    DELETE FROM desired_users d USING satisfied s WHERE d.user_id = s.user_id
)
SELECT count(*) AS users, coalesce(sum(managed_live), 0)::bigint AS managed_live
FROM satisfied;

-- name: count_references
-- References that lead to somebody, or that nobody has asked about.
SELECT count(*) FROM desired_users WHERE problem IS NULL;

-- name: count_desired_users
-- How many users are named, under however many names.
SELECT count(DISTINCT user_id) FROM desired_users;

-- name: desired_users_page
-- Users of the document in order of id, and since when the mirror is fresh for them. $1 last id, $2 number.
SELECT d.user_id, f.read_at
FROM desired_users d
LEFT JOIN fresh_users f USING (user_id)
WHERE d.user_id > $1
ORDER BY d.user_id
LIMIT $2;

-- name: items_of_users
-- Their items in the order of the document. $1 user ids.
SELECT d.user_id, i.*
FROM desired_users d
JOIN desired_items i USING (ref_kind, ref_value)
WHERE d.user_id = ANY ($1::bigint[])
ORDER BY d.user_id, i.place;

-- name: live_channels_of_users
-- $1 instance, $2 user ids.
SELECT * FROM mirror.communication_channels
WHERE instance = $1 AND user_id = ANY ($2::bigint[]) AND deleted_at IS NULL
ORDER BY user_id, position NULLS LAST, id;
