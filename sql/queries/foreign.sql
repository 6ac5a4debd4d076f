-- name: offer_instance
-- What a query of the user's own can ask for by current_setting('sync_worker.instance'), in this transaction alone.
-- $1 instance.
SELECT set_config('sync_worker.instance', $1, true);
