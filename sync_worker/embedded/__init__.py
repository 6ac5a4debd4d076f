"""A PostgreSQL of our own: binaries out of a wheel, a supervisor that stops it when nobody is left."""

from sync_worker.embedded.options import ServerOptions
from sync_worker.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "ServerOptions"]
