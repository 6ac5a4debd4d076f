"""Who holds a lock, for people."""

import getpass
import os
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from sync_worker.mirror.database import Record
from sync_worker.mirror.lock import Process, describe_holder

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_holder_is_described() -> None:
    """Everything that one needs to find it."""
    row = {
        "holder_command": "run",
        "holder_user": "ann",
        "holder_host": "lms1",
        "holder_pid": 42,
        "holder_since": NOW - timedelta(minutes=75, seconds=3),
    }
    shown = "`run` of ann on lms1, process 42, since 2026-01-01 10:44:57 UTC (75 min 3 s)"
    assert describe_holder(cast("Record", row), NOW) == shown


@pytest.mark.parametrize("row", [None, {"holder_since": None}])
def test_a_holder_that_has_not_signed_yet(row: dict[str, None] | None) -> None:
    """Between the lock and the row a moment passes."""
    assert describe_holder(cast("Record | None", row), NOW) == "a process that has just begun"


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's numeric user has no entry."""

    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert Process.current("run").user == f"uid {os.getuid()}"
