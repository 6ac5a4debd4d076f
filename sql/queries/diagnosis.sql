-- name: database_facts
-- What there is to say about the server and this connection; whether it is new is whether nothing was ever migrated.
SELECT
    current_setting('server_version') AS version,
    current_user::text AS role,
    pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
    pg_database_size(current_database()) AS bytes,
    to_regnamespace('worker') IS NULL AS is_new;

-- name: database_encoding
-- The encoding of a database, and how to create one of its name in UTF8 that is this role's. The names are put in as ASCII:
-- what else a database in another encoding answers may be no text.
SELECT
    pg_encoding_to_char(encoding) AS encoding,
    regexp_replace(
        format(
            'CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' LOCALE ''C.UTF-8'' TEMPLATE template0',
            datname, current_user
        ), '[^ -~]', '?', 'g'
    ) AS creation
FROM pg_database
WHERE datname = current_database();

-- name: missing_rights
-- What the role of this connection lacks of what runs need, as GRANT names it; in a new database, what migrations need.
WITH lacking (missing) AS (
    SELECT format('CREATE ON DATABASE %I', current_database()) AS missing
    WHERE to_regnamespace('worker') IS NULL AND NOT has_database_privilege(current_database(), 'CREATE')
    UNION ALL
    SELECT format('TEMPORARY ON DATABASE %I', current_database())
    WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
    UNION ALL
    SELECT format('USAGE ON SCHEMA %I', nspname) FROM pg_namespace
    WHERE nspname IN ('mirror', 'worker', 'reporting') AND NOT has_schema_privilege(oid, 'USAGE')
    UNION ALL
    SELECT format('%s ON %s %s.%I', string_agg(p.name, ', ' ORDER BY p.place),
        CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relnamespace::regnamespace, c.relname)
    FROM pg_class c
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE']) WITH ORDINALITY AS p (name, place)
    WHERE c.relnamespace::regnamespace::text IN ('mirror', 'worker') AND CASE
        WHEN c.relname = 'migrations' THEN p.name = 'SELECT' AND NOT has_table_privilege(c.oid, p.name)
        WHEN c.relkind IN ('r', 'p') THEN p.name <> 'USAGE' AND NOT has_table_privilege(c.oid, p.name)
        WHEN c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')
            THEN p.name = 'USAGE' AND NOT has_sequence_privilege(c.oid, p.name)
        ELSE false
    END
    GROUP BY c.oid, c.relkind, c.relnamespace, c.relname
)
SELECT missing FROM lacking ORDER BY missing ~ ' ON (TABLE|SEQUENCE) ', missing;
