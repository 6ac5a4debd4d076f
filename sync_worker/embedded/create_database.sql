-- create_database: make the database :name where it is missing.
-- The advisory lock serialises processes that do so at the same moment (CREATE DATABASE knows no IF NOT EXISTS).
SELECT pg_advisory_lock(hashtext('sync-worker create database'));
SELECT format('CREATE DATABASE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name')
\gexec
