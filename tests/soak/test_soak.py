"""Trouble of every kind at once: whoever was answered is mirrored, the others are named, and it ends."""

import os
from pathlib import Path

import pytest

from tests.soak.playing import soak
from tests.soak.trouble import LASTING, PART, PASSING, PERSONAL

USERS = int(os.environ.get("SOAK_USERS", "1500"))
"""`make torture` takes 5,000, `make soak` forty times as many."""


@pytest.mark.long
@pytest.mark.stretches
@pytest.mark.timeout(120 + USERS // 20)
async def test_a_soak(tmp_path: Path, database_url: str) -> None:
    """Exit 3, everybody else equal; then a plain run, exit 0, all equal. Each kind of trouble has struck."""
    soaked = await soak(USERS, database_url, tmp_path, part=PART)
    print(soaked.text())
    assert set(soaked.struck) >= {*PASSING, *PERSONAL, *LASTING}
    assert soaked.first["status"] == "partial"
    assert soaked.usage.peak_mb < 250
