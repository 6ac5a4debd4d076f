"""The program and the sandbox as processes of their own."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

PROGRAM = str(Path(sys.executable).parent / "sync-worker")
"""The installed command of the environment that runs the tests."""

TOKEN = "a-secret-token-1f6e"


def environment() -> dict[str, str]:
    """The environment without the settings of whoever tests; two reads settle an unknown outcome at once."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("SYNC_WORKER_")}
    return others | {"SYNC_WORKER_GUARDS__SETTLE_AFTER": "0s"}


@dataclass(kw_only=True)
class SandboxProcess:
    """A sandbox that runs by itself, and its control routes."""

    base_url: str

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """One object."""
        return json.loads(self._send(method, path, body))

    def many(self, method: str, path: str, **body: Any) -> list[Any]:
        """NDJSON."""
        return [json.loads(line) for line in self._send(method, path, body).splitlines()]

    def lists(self) -> dict[int, int]:
        """How often each user's channels were asked for."""
        return {int(user): count for user, count in self.ask("GET", "counters/channel_lists").items()}

    def plain(self) -> list[int]:
        """Users with nothing special: their one channel is an active e-mail address that never bounced."""
        channels: dict[int, list[Any]] = {}
        for channel in self.many("GET", "channels"):
            channels.setdefault(channel["user_id"], []).append(channel)
        wanted = ("email", "active", 1, None, None)
        facts = ("type", "workflow_state", "position", "last_bounce_at", "last_transient_bounce_at")
        return [
            user
            for user, (first, *more) in channels.items()
            if not more and tuple(first[fact] for fact in facts) == wanted
        ]

    def _send(self, method: str, path: str, body: Any) -> bytes:
        request = Request(f"{self.base_url}/_control/{path}", method=method, data=json.dumps(body).encode())  # noqa: S310
        with urlopen(request, timeout=60) as answer:  # noqa: S310  (the sandbox speaks http)
            return bytes(answer.read())


@contextmanager
def sandbox_process(folder: Path, users: int, **knobs: object) -> Iterator[SandboxProcess]:
    """`sync-worker sandbox`, without throttle and pauses unless said otherwise."""
    options = {"token": TOKEN, "throttle": False, "mean_server_time": 0, **knobs}
    given = itertools.chain.from_iterable(("--set", f"{key}={value}") for key, value in options.items())
    command = [PROGRAM, "sandbox", "--users", str(users), *given]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = itertools.islice(process.stdout, 8)
            base_url = next(line.split('"')[1] for line in lines if line.startswith("base_url"))
            yield SandboxProcess(base_url=base_url)
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.close()


@dataclass(kw_only=True)
class Program:
    """The command line with a configuration of its own."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        """Arguments for a process."""
        return [PROGRAM, "--config", "c.toml", "--log-format", "json", *arguments]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**environment(), **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run meanwhile; killed at the end at the latest."""
        with subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def configured(folder: Path, database_url: str, base_url: str, *, more: str = "", instance: str = "") -> Program:
    """A configuration with small batches and short pauses; `more` and `instance` are TOML."""
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    (folder / "c.toml").write_text(
        f"[database]\nurl = {json.dumps(database_url)}\n"
        "[run]\nbatch_size = 20\ngrace_period = '2s'\n"
        f"{more}\n"
        f"[instances.main]\nbase_url = '{base_url}'\ntoken_file = 'token'\nmax_attempts = 2\nbackoff_base = '10ms'\n"
        f"{instance}\n"
    )
    return Program(folder=folder)


def wait_until(met: Any, seconds: float = 60) -> None:
    """Look until `met()` holds."""
    deadline = time.perf_counter() + seconds
    while not met():
        assert time.perf_counter() < deadline, "it never came"
        time.sleep(0.02)  # noqa: TID251  (real time: another process is watched)
