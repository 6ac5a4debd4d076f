-- name: drop_demo_database
-- The demo begins with an empty mirror; run in its own embedded server only.
DROP DATABASE IF EXISTS sync_worker WITH (FORCE);
