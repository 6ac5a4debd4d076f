-- name: try_lock
-- Take the writer's lock of an instance for this session. $1 key of the program, $2 instance.
SELECT pg_try_advisory_lock($1::integer, hashtext($2)) AS taken, pg_backend_pid() AS backend;

-- name: raise_epoch
-- The lock is ours: void everything that an earlier holder may still want to commit.
-- $1 instance, $2 command, $3 host, $4 pid, $5 user, $6 backend, $7 time.
INSERT INTO worker.instances AS i (
    instance, epoch, holder_command, holder_host, holder_pid, holder_user, holder_backend, holder_since
)
VALUES ($1, 1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (instance) DO UPDATE
SET epoch = i.epoch + 1, holder_command = excluded.holder_command, holder_host = excluded.holder_host,
    holder_pid = excluded.holder_pid, holder_user = excluded.holder_user, holder_backend = excluded.holder_backend,
    holder_since = excluded.holder_since
RETURNING epoch;

-- name: limit_lock_wait
-- Wait so long for a lock in this transaction, and then fail. $1 duration.
SELECT set_config('lock_timeout', $1, true);

-- name: fence
-- Whether this writer may still commit: its epoch is the latest, and its session still holds the lock. The row lock
-- makes a successor wait for our commit, and lets the transactions of one instance write one after the other: what
-- the next one compares with is what this one has written.
-- $1 key of the program, $2 instance, $3 epoch, $4 backend of the lock.
SELECT i.epoch = $3 AND EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.classid::bigint = $1 AND l.objid::bigint = hashtext($2)::bigint & 4294967295
        AND l.objsubid = 2 AND l.pid = $4 AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS holds
FROM worker.instances i
WHERE i.instance = $2
FOR NO KEY UPDATE OF i;

-- name: holder
-- Who took the lock last, and whether that session still holds it. $1 key of the program, $2 instance.
SELECT i.*, EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.classid::bigint = $1 AND l.objid::bigint = hashtext($2)::bigint & 4294967295
        AND l.objsubid = 2 AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS is_held
FROM worker.instances i
WHERE i.instance = $2;

-- name: bound_instance
-- What an instance is bound to; no row before its first run. $1 instance.
SELECT instance, origin, root_account_id, bound_at FROM worker.instances WHERE instance = $1 AND origin IS NOT NULL;

-- name: bind_instance
-- Bind an instance that has never run. $1 instance, $2 origin, $3 root account or null, $4 time.
INSERT INTO worker.instances AS i (instance, origin, root_account_id, bound_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (instance) DO UPDATE
SET origin = excluded.origin, root_account_id = excluded.root_account_id, bound_at = excluded.bound_at
WHERE i.origin IS NULL;

-- name: rebind_instance
-- $1 instance, $2 origin, $3 root account or null, $4 time.
UPDATE worker.instances SET origin = $2, root_account_id = $3, bound_at = $4 WHERE instance = $1;

-- name: learn_root_account
-- $1 instance, $2 root account.
UPDATE worker.instances SET root_account_id = $2 WHERE instance = $1 AND root_account_id IS NULL;

-- name: database_time
-- What the database's clock says.
SELECT clock_timestamp();

-- name: alive
-- A heartbeat.
SELECT 1;
