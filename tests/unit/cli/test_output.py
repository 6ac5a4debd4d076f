"""Tables for people, and for who reads what they would."""

import io
import os
import pty
import sys

import pytest

from sync_worker.cli.channels import _table
from sync_worker.cli.output import BOUNDLESS, console

LONG = f"[red]:smile:{'a' * 240}@school.example"  # what rich would take for its own words among it
ROWS: list[dict[str, object]] = [{"id": 7, "type": "email", "address": LONG, "position": 1, "workflow_state": "active"}]


def test_a_pipe_gets_lines_that_are_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However long an address is, and whatever the shell says about the width of its terminal."""
    monkeypatch.setenv("COLUMNS", "40")
    _table(ROWS)
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["id", "type", "address"]
    assert line.split() == ["7", "email", LONG, "1", "active"]
    assert len(line) < BOUNDLESS


def test_a_terminal_has_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it folds, and cuts nothing."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "40")
    with os.fdopen(ours, "rb", 0), io.TextIOWrapper(os.fdopen(theirs, "wb", 0), write_through=True) as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert console().width == 40
