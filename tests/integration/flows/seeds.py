"""A school and its mirror as some work has left them: made once, put back for each test.

The sandbox stays, because an instance is bound to its address; the database is cloned.
"""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.integration.flows.harness import Stage, staged

if TYPE_CHECKING:
    from sync_worker.sandbox import Sandbox
    from tests.conftest import Cluster

Build = Callable[[Stage], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class _Seed:
    stage: Stage
    template: str  # the database
    image: dict[str, Any]
    made: Any  # what the work has returned


class Seeds:
    """All that were made in this process.

    Args:
        cluster: where the databases are.
        migrated: the template of an empty one.
    """

    def __init__(self, cluster: "Cluster", migrated: str) -> None:
        self._cluster = cluster
        self._migrated = migrated
        self._seeds: dict[str, _Seed] = {}
        self._stack = AsyncExitStack()

    async def close(self) -> None:
        """End the sandboxes."""
        await self._stack.aclose()

    async def template(self, name: str, build: Build) -> str:
        """The database to clone for `put_back`; `build` makes the seed where that was not done before."""
        if name not in self._seeds:
            self._seeds[name] = await self._made(build)
        return self._seeds[name].template

    async def put_back(self, name: str, database_url: str) -> Stage:
        """The stage as it was, on a clone of its database."""
        seed = self._seeds[name]
        stage = seed.stage
        await stage.sandbox.reopen()
        _restore(stage.sandbox, seed.image)
        return replace(
            stage,
            database_url=database_url,
            instance=dict(stage.instance),
            run_table=dict(stage.run_table),
            database_table=dict(stage.database_table),
        )

    @asynccontextmanager
    async def grown(self, name: str, build: Build) -> AsyncIterator[tuple[Stage, Any]]:
        """The stage as `build` has left it, and what that has returned."""
        database = await self._cluster.create(await self.template(name, build))
        yield await self.put_back(name, self._cluster.server.dsn(database)), self._seeds[name].made
        await self._cluster.drop(database)

    async def _made(self, build: Build) -> _Seed:
        database = await self._cluster.create(self._migrated)
        stage = await self._stack.enter_async_context(staged(self._cluster.server.dsn(database)))
        made = await build(stage)
        return _Seed(stage=stage, template=database, image=_image(stage.sandbox), made=made)


def _parts(sandbox: "Sandbox") -> dict[str, Any]:
    return {
        "school": sandbox.school,
        "tokens": sandbox.tokens,
        "renewals": sandbox.renewals,
        "faults": sandbox._faults,
    }


def _copied(states: dict[str, Any], sandbox: "Sandbox") -> dict[str, Any]:
    """What the parts know of each other, of options and clock stays what it is."""
    kept = [*_parts(sandbox).values(), sandbox.options, sandbox.school._clock]
    copied: dict[str, Any] = copy.deepcopy(states, {id(each): each for each in kept})
    return copied


def _image(sandbox: "Sandbox") -> dict[str, Any]:
    return _copied({name: vars(part) for name, part in _parts(sandbox).items()}, sandbox)


def _restore(sandbox: "Sandbox", image: dict[str, Any]) -> None:
    """Everything is as it was, and nothing has been called yet."""
    for task in sandbox._tasks:
        task.cancel()
    for name, state in _copied(image, sandbox).items():
        part = vars(_parts(sandbox)[name])
        part.clear()
        part.update(state)
    sandbox.counters.reset()
    sandbox._exchange.reset_lag()
