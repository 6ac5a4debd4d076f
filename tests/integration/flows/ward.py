"""A school, a database and a configuration for the doctor to look at, each of them to be broken."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync_worker.clock import Clock
from sync_worker.flows.doctor.consult import consult
from sync_worker.flows.doctor.finding import Finding
from sync_worker.sandbox import Sandbox, SandboxOptions
from sync_worker.sandbox.clock import Clock as CanvasClock
from sync_worker.sandbox.routes import WRITING
from sync_worker.settings import load_settings
from tests.integration.flows.harness import fetch


@dataclass(kw_only=True)
class Ward:
    """What is looked at; a test changes some of it first."""

    sandbox: Sandbox
    folder: Path
    database_url: str
    instance: dict[str, Any] = field(default_factory=dict)  # settings of [instances.main] beside the usual ones
    general: dict[str, Any] = field(default_factory=dict)  # settings of other tables, such as "notify.command"
    direct_url: str = ""
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)  # for what has to last

    @property
    def token_file(self) -> Path:
        """It holds the token, readable by its owner alone."""
        return self.folder / "token"

    def file(self, name: str, text: str) -> str:
        """Write a file beside the configuration; its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    async def sql(self, statement: str) -> list[dict[str, Any]]:
        """As the owner of the database."""
        return await fetch(self.database_url, statement)

    async def findings(self, database_url: str | None = None) -> Sequence[Finding]:
        """What the doctor says."""
        table = {
            "base_url": self.sandbox.base_url,
            "token_file": "token",
            "user_agent_contact": "lms@school.example",
            "throttle_patience": "0s",
            **self.instance,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in self.general.items()]
        lines += ["[database]", f"url = {json.dumps(database_url or self.database_url)}", "[instances.main]"]
        if self.direct_url:
            lines.insert(-1, f"direct_url = {json.dumps(self.direct_url)}")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        config = self.folder / "c.toml"
        config.write_text("\n".join(lines), encoding="utf-8")
        config.chmod(0o600)
        return await consult(load_settings(config, {}), ["main"], Clock())

    def assert_nothing_sent(self) -> None:
        """Canvas was only looked at."""
        assert not {route for route, count in self.sandbox.counters.by_route.items() if count} & WRITING


@asynccontextmanager
async def ward(
    folder: Path, database_url: str, *, canvas_clock: CanvasClock | None = None, **options: Any
) -> AsyncIterator[Ward]:
    """A hundred and fifty users, headers of the throttle, and nothing broken."""
    chosen = SandboxOptions(**{"users": 150, "mean_server_time": 0.0, **options})
    async with Sandbox(chosen, clock=canvas_clock) as sandbox, AsyncExitStack() as stack:
        made = Ward(sandbox=sandbox, folder=folder, database_url=database_url, stack=stack)
        made.file("token", f"{sandbox.token}\n")
        made.token_file.chmod(0o600)
        yield made
