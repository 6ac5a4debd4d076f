"""The README's walk-through, typed as it stands there."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.flows.processes import PROGRAM, environment

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SCRIPT = re.search(r"^### Walk through it.*?^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.long
@pytest.mark.timeout(300)
def test_walk_through(tmp_path: Path) -> None:
    """Every command does what the comment beside it says."""
    assert SCRIPT is not None
    script = SCRIPT[1].replace("8090", str(free_port()))
    path = f"{Path(PROGRAM).parent}:{environment()['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        env={**environment(), "PATH": path, "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    said = done.stdout
    assert done.returncode == 0, done.stderr
    in_order = [
        "users     100: 100 read",
        "channels  715 seen: 715 new",
        "2 creates, 1 delete, 1 replaced",
        "apply run 2 of plan 1 done",
        "creates   2 done",
        "deletes   1 done",
        "to take it back: sync-worker undo 2",
        "nothing to do",
        "undo run 3 of plan 2 done",
        "20081",
        "2 created, 1 deleted, 0 not done",
    ]
    places = [said.find(words) for words in in_order]
    missing = [words for words, place in zip(in_order, places, strict=True) if place < 0]
    assert not missing, said
    assert places[:9] == sorted(places[:9])
    assert said.rindex("20081") > said.index("undo run 3")
    assert "saved as plan 1" in done.stderr
