"""What every command starts from."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from sync_worker.cli.context import CliContext, async_main
from sync_worker.errors import ConfigError, Stopped, UsageError
from sync_worker.settings import load_settings

TWO = {
    "SYNC_WORKER_INSTANCES__A__BASE_URL": "http://localhost:1",
    "SYNC_WORKER_INSTANCES__B__BASE_URL": "http://localhost:2",
}


def test_selected_instances() -> None:
    """All, or those named, in the order they are named, each once."""
    settings = load_settings(None, TWO)
    assert [i.name for i in CliContext().selected_instances(settings)] == ["a", "b"]
    assert [i.name for i in CliContext(instances=("b", "a", "b")).selected_instances(settings)] == ["b", "a"]
    with pytest.raises(ConfigError, match="'c'"):
        CliContext(instances=("c",)).selected_instances(settings)
    with pytest.raises(ConfigError, match="found no configuration"):
        CliContext().selected_instances(load_settings(None, {}))


def test_only_instance() -> None:
    """A command for one instance wants a choice where there are several."""
    settings = load_settings(None, TWO)
    assert CliContext(instances=("b",)).only_instance(settings).name == "b"
    with pytest.raises(UsageError, match="--instance one of: a, b"):
        CliContext().only_instance(settings)


def test_the_configuration_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option first, then the variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNC_WORKER_CONFIG", "v.toml")
    assert CliContext(config=Path("o.toml")).config_path() == Path("o.toml")
    assert CliContext().config_path() == Path("v.toml")


def test_results_and_errors_come_through() -> None:
    """`async_main` gives the result back, or the error."""

    async def fine() -> int:
        return 3

    async def bad() -> int:
        raise UsageError("no")

    assert async_main(fine) == 3
    with pytest.raises(UsageError):
        async_main(bad)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_clean_end(signum: signal.Signals) -> None:
    """The first signal cancels; cleaning up may take its time; then it is told which signal it was."""
    before = signal.getsignal(signum)
    cleaned: list[str] = []

    async def long() -> None:
        os.kill(os.getpid(), signum)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(cleaned.append, "done")

    with pytest.raises(Stopped) as caught:
        async_main(long)
    assert caught.value.signum == signum
    assert cleaned == ["done"]
    assert signal.getsignal(signum) == before
