-- Four database roles, each with no more rights than its work needs. For an administrator, with psql, in the database
-- of sync-worker:
--
--     psql -d canvas -f roles.sql
--
-- It may run again at any time: before or after the schema is there, after migrations, after an upgrade. What it finds
-- it brings to what it says.
--
--     sync_worker_owner      owns the schemas; for `sync-worker db migrate`, after an upgrade, and for nothing else
--     sync_worker_run        for `sync-worker` day by day: reads and writes rows, creates nothing. Its configuration
--                            has `database.auto_migrate = "never"`: a schema that is too old is said, not changed
--     sync_worker_reporting  for people and dashboards: reads the schemas `reporting` and `mirror`, addresses included
--     sync_worker_masked     the same for those who may not see addresses: reads the schema `reporting_masked` alone
--
-- Other names: psql -v owner=… -v run=… -v reporting=… -v masked=… A role that is new may log in, but has no
-- password: set one (\password sync_worker_run), or make other roles members of it:
-- GRANT sync_worker_reporting TO metabase. But sync_worker_owner is to be logged in to, not to be a member of: who
-- creates a table owns it.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?owner} \else \set owner sync_worker_owner \endif
\if :{?run} \else \set run sync_worker_run \endif
\if :{?reporting} \else \set reporting sync_worker_reporting \endif
\if :{?masked} \else \set masked sync_worker_masked \endif

BEGIN;

-- --------------------------------------------------------------------------------------------------------
-- Roles

SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', name)
FROM unnest(ARRAY[:'owner', :'run', :'reporting', :'masked']) AS r (name)
WHERE NOT EXISTS (SELECT FROM pg_roles p WHERE p.rolname = r.name) \gexec

-- An administrator who is no superuser has to be a member of the owner to give things to it.
SELECT format('GRANT %I TO CURRENT_USER', :'owner')
WHERE NOT pg_has_role(current_user, :'owner', 'USAGE') \gexec

-- --------------------------------------------------------------------------------------------------------
-- Schemas, and whatever a migration has made in them: the owner's

SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), :'owner') \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name)
FROM unnest(ARRAY[:'owner', :'run', :'reporting', :'masked']) AS r (name) \gexec
SELECT format('GRANT TEMPORARY ON DATABASE %I TO %I, %I', current_database(), :'owner', :'run') \gexec

SELECT format('CREATE SCHEMA IF NOT EXISTS %I', name)
FROM unnest(ARRAY['mirror', 'worker', 'reporting', 'reporting_masked']) AS s (name)
WHERE to_regnamespace(name) IS NULL \gexec
SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, :'owner')
FROM pg_namespace
WHERE nspname IN ('mirror', 'worker', 'reporting', 'reporting_masked') AND nspowner <> :'owner'::regrole \gexec
SELECT format(
    'ALTER %s %s OWNER TO %I', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
    oid::regclass, :'owner'
)
FROM pg_class c
WHERE relnamespace::regnamespace::text IN ('mirror', 'worker', 'reporting', 'reporting_masked')
    AND relkind IN ('r', 'v', 'S') AND relowner <> :'owner'::regrole
    AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')))
\gexec
SELECT format('ALTER ROUTINE %s OWNER TO %I', oid::regprocedure, :'owner')
FROM pg_proc
WHERE pronamespace::regnamespace::text IN ('mirror', 'worker', 'reporting', 'reporting_masked')
    AND proowner <> :'owner'::regrole \gexec

-- --------------------------------------------------------------------------------------------------------
-- Rights: everything away from everybody but the owner, then what each needs; for what migrations will make, too

REVOKE ALL ON SCHEMA mirror, worker, reporting, reporting_masked FROM PUBLIC, :"run", :"reporting", :"masked";
REVOKE ALL ON ALL TABLES IN SCHEMA mirror, worker, reporting, reporting_masked
    FROM PUBLIC, :"run", :"reporting", :"masked";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA mirror, worker, reporting, reporting_masked
    FROM PUBLIC, :"run", :"reporting", :"masked";
REVOKE ALL ON ALL ROUTINES IN SCHEMA mirror, worker, reporting, reporting_masked
    FROM PUBLIC, :"run", :"reporting", :"masked";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" REVOKE ALL ON ROUTINES FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA mirror, worker, reporting TO :"run";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mirror, worker TO :"run";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA mirror, worker TO :"run";
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO :"run";
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mirror, worker, reporting TO :"run";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA mirror, worker
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"run";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA mirror, worker GRANT USAGE ON SEQUENCES TO :"run";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA reporting GRANT SELECT ON TABLES TO :"run";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA mirror, worker, reporting
    GRANT EXECUTE ON ROUTINES TO :"run";
SELECT format('REVOKE INSERT, UPDATE, DELETE ON worker.migrations FROM %I', :'run')
WHERE to_regclass('worker.migrations') IS NOT NULL \gexec

GRANT USAGE ON SCHEMA mirror, reporting TO :"reporting";
GRANT SELECT ON ALL TABLES IN SCHEMA mirror, reporting TO :"reporting";
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mirror, reporting TO :"reporting";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA mirror, reporting GRANT SELECT ON TABLES TO :"reporting";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA mirror, reporting GRANT EXECUTE ON ROUTINES TO :"reporting";

GRANT USAGE ON SCHEMA reporting_masked TO :"masked";
GRANT SELECT ON ALL TABLES IN SCHEMA reporting_masked TO :"masked";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA reporting_masked GRANT SELECT ON TABLES TO :"masked";
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA reporting_masked TO :"masked";
SELECT format('GRANT EXECUTE ON FUNCTION reporting.present_time() TO %I', :'masked')  -- its views ask what time it is
WHERE to_regprocedure('reporting.present_time()') IS NOT NULL \gexec
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA reporting_masked GRANT EXECUTE ON ROUTINES TO :"masked";

COMMIT;

\unset QUIET
\echo 'The roles have their rights. A new one has no password yet: see \\password.'
