"""sync_worker: a PostgreSQL mirror of Canvas LMS communication channels."""

__version__ = "0.1.0"
