-- name: try_migration_lock
-- $1 key. Held until the session ends.
SELECT pg_try_advisory_lock($1::bigint);

-- name: migrations_table
-- Null where nothing was ever migrated.
SELECT to_regclass('worker.migrations')::text;

-- name: create_migrations_table
-- The migrator's own table; everything else comes from migrations.
DO $$
BEGIN
    IF to_regclass('worker.migrations') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS worker;
        CREATE TABLE worker.migrations (
            version     integer     PRIMARY KEY,
            name        text        NOT NULL,
            checksum    text        NOT NULL,
            applied_at  timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE worker.migrations IS 'Migrations that this database has.';
        COMMENT ON COLUMN worker.migrations.version IS 'Number of the file in sql/migrations.';
        COMMENT ON COLUMN worker.migrations.name IS 'Name of the file.';
        COMMENT ON COLUMN worker.migrations.checksum IS 'sha256 of the file when it was applied.';
        COMMENT ON COLUMN worker.migrations.applied_at IS 'When.';
    END IF;
END
$$;

-- name: applied_migrations
SELECT version, name, checksum, applied_at FROM worker.migrations ORDER BY version;

-- name: note_migration
-- $1 version, $2 name, $3 checksum.
INSERT INTO worker.migrations (version, name, checksum) VALUES ($1, $2, $3);
