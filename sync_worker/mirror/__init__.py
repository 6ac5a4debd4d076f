"""All that knows PostgreSQL; the sole owner of asyncpg."""
