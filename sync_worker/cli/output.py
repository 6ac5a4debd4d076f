"""Results for programs."""

from sync_worker.plainjson import as_json

__all__ = ["as_json"]
