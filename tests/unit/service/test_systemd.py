"""The notify protocol, over real sockets."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.service.systemd import Systemd


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """As systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.settimeout(5)
        server.bind(str(tmp_path / "notify"))
        yield server


def test_what_is_said(listener: socket.socket) -> None:
    """One line for each assignment."""
    Systemd({"NOTIFY_SOCKET": listener.getsockname()}).notify(READY=1, STATUS="two jobs")
    assert listener.recv(100) == b"READY=1\nSTATUS=two jobs"


def test_an_abstract_address() -> None:
    """A leading @ is a NUL."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.settimeout(5)
        server.bind(f"\0sync-worker-test-{os.getpid()}")
        Systemd({"NOTIFY_SOCKET": f"@sync-worker-test-{os.getpid()}"}).notify(WATCHDOG=1)
        assert server.recv(100) == b"WATCHDOG=1"


def test_nobody_listens(tmp_path: Path) -> None:
    """That is no error."""
    Systemd({}).notify(READY=1)
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).notify(READY=1)


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog(environ: dict[str, str], seconds: float | None) -> None:
    """Only where systemd means this process."""
    assert Systemd(environ).watchdog == seconds
