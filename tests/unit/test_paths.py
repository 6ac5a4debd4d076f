"""`~` as a shell has it."""

from pathlib import Path

import pytest

from sync_worker.paths import expanded


def test_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    """The home of whoever runs it; nobody's home is no error, and nothing else is touched."""
    monkeypatch.setenv("HOME", "/home/ann")
    assert expanded("~/users.csv") == Path("/home/ann/users.csv")
    assert expanded("~no-such-user/users.csv") == Path("~no-such-user/users.csv")
    assert expanded("a/~/users.csv") == Path("a/~/users.csv")
