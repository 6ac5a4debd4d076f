"""What listens, listens on this machine alone unless somebody says otherwise."""

from sync_worker.sandbox import SandboxOptions
from sync_worker.settings import WebTable
from sync_worker.settings.addresses import is_loopback


def test_defaults() -> None:
    """The sandbox and the web page."""
    for bind in (SandboxOptions().host, WebTable().bind):
        assert is_loopback(f"http://{bind}")
