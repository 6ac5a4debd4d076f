"""What commands start from: settings, the database with a current schema, the chosen instances."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sync_worker.cli.context import CliContext
from sync_worker.clock import Clock
from sync_worker.flows.rooms import Opened, open_database, prepare_schema
from sync_worker.mirror import migrations
from sync_worker.mirror.clocks import check_clock

__all__ = ["Opened", "opening"]


@asynccontextmanager
async def opening(context: CliContext, *, single: bool = False, migrate: bool = False) -> AsyncIterator[Opened]:
    """Open the database of the configuration.

    Args:
        context: which configuration, which instances.
        single: for a command that works on one instance.
        migrate: prepare for writing: a right clock, a schema as far as `database.auto_migrate` allows. Commands that
            only look change nothing.
    """
    settings = context.load_settings()
    chosen = (context.only_instance(settings),) if single else context.selected_instances(settings)
    clock = Clock()
    async with open_database(settings, clock) as database:
        if migrate:
            await check_clock(database, clock)
            await prepare_schema(settings, database, clock)
        else:
            await migrations.require_current(database)
        names = tuple(instance.name for instance in chosen)
        yield Opened(settings=settings, database=database, names=names, clock=clock)
