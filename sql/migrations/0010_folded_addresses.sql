-- The folded form of each address, by which addresses are compared: stored beside the address, and never made by SQL, for
-- what PostgreSQL makes of a capital letter depends on the locale of the database.

-- --------------------------------------------------------------------------------------------------------
-- What is there already

-- The rule of `sync_worker/folding.py`, for this once: the same letters, one for one. translate() knows no locale; it is
-- given those letters alone that occur, for it looks through all that it is given.
CREATE TEMPORARY TABLE folding AS
WITH runs AS (
    SELECT regexp_match(run, '^([0-9A-F]+)(?:\.\.([0-9A-F]+))?(?:/([0-9]))?([+-][0-9]+)$') AS part
    FROM regexp_split_to_table(trim(E' \n' FROM '
    0041..005A+32 00C0..00D6+32 00D8..00DE+32 0100..012E/2+1 0130-199 0132..0136/2+1 0139..0147/2+1
    014A..0176/2+1 0178-121 0179..017D/2+1 0181+210 0182..0184/2+1 0186+206 0187+1 0189..018A+205 018B+1
    018E+79 018F+202 0190+203 0191+1 0193+205 0194+207 0196+211 0197+209 0198+1 019C+211 019D+213 019F+214
    01A0..01A4/2+1 01A6+218 01A7+1 01A9+218 01AC+1 01AE+218 01AF+1 01B1..01B2+217 01B3..01B5/2+1 01B7+219
    01B8+1 01BC+1 01C4+2 01C5+1 01C7+2 01C8+1 01CA+2 01CB..01DB/2+1 01DE..01EE/2+1 01F1+2 01F2..01F4/2+1
    01F6-97 01F7-56 01F8..021E/2+1 0220-130 0222..0232/2+1 023A+10795 023B+1 023D-163 023E+10792 0241+1
    0243-195 0244+69 0245+71 0246..024E/2+1 0370..0372/2+1 0376+1 037F+116 0386+38 0388..038A+37 038C+64
    038E..038F+63 0391..03A1+32 03A3..03AB+32 03CF+8 03D8..03EE/2+1 03F4-60 03F7+1 03F9-7 03FA+1
    03FD..03FF-130 0400..040F+80 0410..042F+32 0460..0480/2+1 048A..04BE/2+1 04C0+15 04C1..04CD/2+1
    04D0..052E/2+1 0531..0556+48 10A0..10C5+7264 10C7+7264 10CD+7264 13A0..13EF+38864 13F0..13F5+8
    1C90..1CBA-3008 1CBD..1CBF-3008 1E00..1E94/2+1 1E9E-7615 1EA0..1EFE/2+1 1F08..1F0F-8 1F18..1F1D-8
    1F28..1F2F-8 1F38..1F3F-8 1F48..1F4D-8 1F59..1F5F/2-8 1F68..1F6F-8 1F88..1F8F-8 1F98..1F9F-8
    1FA8..1FAF-8 1FB8..1FB9-8 1FBA..1FBB-74 1FBC-9 1FC8..1FCB-86 1FCC-9 1FD8..1FD9-8 1FDA..1FDB-100
    1FE8..1FE9-8 1FEA..1FEB-112 1FEC-7 1FF8..1FF9-128 1FFA..1FFB-126 1FFC-9 2126-7517 212A-8383 212B-8262
    2132+28 2160..216F+16 2183+1 24B6..24CF+26 2C00..2C2F+48 2C60+1 2C62-10743 2C63-3814 2C64-10727
    2C67..2C6B/2+1 2C6D-10780 2C6E-10749 2C6F-10783 2C70-10782 2C72+1 2C75+1 2C7E..2C7F-10815 2C80..2CE2/2+1
    2CEB..2CED/2+1 2CF2+1 A640..A66C/2+1 A680..A69A/2+1 A722..A72E/2+1 A732..A76E/2+1 A779..A77B/2+1
    A77D-35332 A77E..A786/2+1 A78B+1 A78D-42280 A790..A792/2+1 A796..A7A8/2+1 A7AA-42308 A7AB-42319
    A7AC-42315 A7AD-42305 A7AE-42308 A7B0-42258 A7B1-42282 A7B2-42261 A7B3+928 A7B4..A7C2/2+1 A7C4-48
    A7C5-42307 A7C6-35384 A7C7..A7C9/2+1 A7D0+1 A7D6..A7D8/2+1 A7F5+1 FF21..FF3A+32 10400..10427+40
    104B0..104D3+40 10570..1057A+39 1057C..1058A+39 1058C..10592+39 10594..10595+39 10C80..10CB2+64
    118A0..118BF+32 16E40..16E5F+32 1E900..1E921+34
    '), E'[ \n]+') AS run
), bounds AS (
    SELECT
        ('x' || lpad(part[1], 8, '0'))::bit(32)::integer AS first,
        ('x' || lpad(coalesce(part[2], part[1]), 8, '0'))::bit(32)::integer AS last,
        coalesce(part[3]::integer, 1) AS step, part[4]::integer AS shift
    FROM runs
), letters AS (
    SELECT DISTINCT letter
    FROM (
        SELECT address FROM mirror.communication_channels
        UNION ALL
        SELECT address FROM mirror.channel_history
        UNION ALL
        SELECT address FROM worker.actions
    ) a
    CROSS JOIN LATERAL string_to_table(a.address, NULL) AS letter
    WHERE octet_length(a.address) > char_length(a.address)
)
SELECT
    coalesce(string_agg(chr(point), '' ORDER BY point), '') AS capitals,
    coalesce(string_agg(chr(point + shift), '' ORDER BY point), '') AS smalls
FROM bounds
CROSS JOIN LATERAL generate_series(first, last, step) AS point
WHERE chr(point) IN (SELECT letter FROM letters);

CREATE FUNCTION pg_temp.folded(address text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF octet_length(address) = char_length(address) THEN  -- ASCII: most are, and this is a hundred times faster
        RETURN translate(address, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz');
    END IF;
    RETURN (SELECT translate(address, f.capitals, f.smalls) FROM pg_temp.folding f);
END
$$;

-- Each table is written anew once, instead of row by row.
ALTER TABLE mirror.communication_channels ADD COLUMN folded_address text NOT NULL DEFAULT '';
ALTER TABLE mirror.communication_channels ALTER COLUMN folded_address TYPE text USING pg_temp.folded(address);
ALTER TABLE mirror.communication_channels ALTER COLUMN folded_address DROP DEFAULT;
ALTER TABLE mirror.channel_history ADD COLUMN folded_address text NOT NULL DEFAULT '';
ALTER TABLE mirror.channel_history ALTER COLUMN folded_address TYPE text USING pg_temp.folded(address);
ALTER TABLE mirror.channel_history ALTER COLUMN folded_address DROP DEFAULT;
ALTER TABLE worker.actions ADD COLUMN folded_address text NOT NULL DEFAULT '';
ALTER TABLE worker.actions ALTER COLUMN folded_address TYPE text USING pg_temp.folded(address);
ALTER TABLE worker.actions ALTER COLUMN folded_address DROP DEFAULT;
DROP FUNCTION pg_temp.folded(text);
DROP TABLE pg_temp.folding;

COMMENT ON COLUMN mirror.communication_channels.address IS
    'Address as Canvas writes it; addresses compare by folded_address. For push a translated label.';
COMMENT ON COLUMN mirror.communication_channels.folded_address IS
    'The address with small letters in place of capital ones, in the same way on every server: two addresses of one type are the same to Canvas where these are equal.';
COMMENT ON COLUMN mirror.channel_history.folded_address IS 'The same of that version''s address: by it addresses compare.';
COMMENT ON COLUMN worker.actions.folded_address IS
    'The address with small letters in place of capital ones: by it addresses compare. Empty for somebody who was forgotten.';

-- --------------------------------------------------------------------------------------------------------
-- What compares

CREATE OR REPLACE VIEW reporting.current_channels AS
SELECT
    c.instance, c.id, c.user_id, u.sis_user_id, u.login_id, u.state AS user_state, c.type, c.address,
    CASE
        WHEN c.type = 'email' AND strpos(c.address, '@') > 0 THEN nullif(split_part(c.folded_address, '@', -1), '')
    END AS domain,
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

CREATE OR REPLACE VIEW reporting.shared_addresses AS
SELECT
    g.instance, g.type, g.address, g.users, g.user_ids, g.channels, g.active_channels, (
        SELECT array_agg(DISTINCT u.state) FROM mirror.users u
        WHERE u.instance = g.instance AND u.id = ANY (g.user_ids)
    ) AS user_states
FROM (
    SELECT
        c.instance, c.type, c.folded_address AS address, count(DISTINCT c.user_id) AS users,
        array_agg(DISTINCT c.user_id) AS user_ids, count(*) AS channels,
        count(*) FILTER (WHERE c.workflow_state = 'active') AS active_channels
    FROM (
        SELECT instance, hashtextextended(folded_address, 0) AS hash  -- smaller than the addresses, compared below
        FROM mirror.communication_channels
        WHERE deleted_at IS NULL AND type <> 'push'
        GROUP BY instance, hashtextextended(folded_address, 0)
        HAVING min(user_id) <> max(user_id)
    ) s
    JOIN mirror.communication_channels c
        ON c.instance = s.instance AND hashtextextended(c.folded_address, 0) = s.hash AND c.deleted_at IS NULL
        AND c.type <> 'push'
    GROUP BY c.instance, c.type, c.folded_address
    HAVING min(c.user_id) <> max(c.user_id)
) g;

COMMENT ON VIEW reporting.shared_addresses IS
    'Addresses that several users have, case aside; push labels are no addresses and are left out.';

CREATE OR REPLACE VIEW worker.successions AS
SELECT
    h.id, h.instance, h.origin, h.valid_to AS seen_at, h.channel_id, n.user_id, h.user_id AS old_user_id, n.type,
    n.address, h.address AS old_address, n.workflow_state, h.workflow_state AS old_workflow_state, h.run_id,
    h.deleted_at IS NULL AND n.deleted_at IS NOT NULL AS retired,
    h.deleted_at IS NOT NULL AND n.deleted_at IS NULL AS revived,
    n.user_id <> h.user_id AS moved,
    n.type <> 'push' AND n.folded_address <> h.folded_address AS readdressed,
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
        coalesce(c.address, s.address) AS address, coalesce(c.folded_address, s.folded_address) AS folded_address,
        coalesce(c.workflow_state, s.workflow_state) AS workflow_state,
        CASE WHEN c.id IS NULL THEN s.deleted_at ELSE c.deleted_at END AS deleted_at,
        CASE WHEN c.id IS NULL THEN s.last_bounce_at ELSE c.last_bounce_at END AS last_bounce_at,
        CASE WHEN c.id IS NULL THEN s.bounce_count ELSE c.bounce_count END AS bounce_count
    WHERE c.id IS NOT NULL OR s.id IS NOT NULL
) n;

CREATE OR REPLACE VIEW worker.undone_actions AS
SELECT DISTINCT a.id, a.plan_id
FROM worker.plans p
JOIN worker.actions u ON u.plan_id = p.id AND u.status IN ('done', 'existed')
JOIN worker.actions a
    ON a.instance = u.instance AND a.user_id = u.user_id AND a.type = u.type AND a.kind <> u.kind
    AND a.folded_address = u.folded_address AND a.status IN ('done', 'existed') AND a.settled_at <= u.settled_at
WHERE p.kind = 'undo';
