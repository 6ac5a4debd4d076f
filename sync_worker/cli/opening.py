"""What commands start from: settings, the database with a current schema, the chosen instances."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sync_worker.cli.context import CliContext
from sync_worker.clock import Clock
from sync_worker.flows.rooms import Opened, open_database, prepare_schema
from sync_worker.mirror import migrations
from sync_worker.mirror.clocks import check_clock

if TYPE_CHECKING:
    from sync_worker.settings import Settings

__all__ = ["Opened", "chosen", "opened_for", "opening"]


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
    async with opened_for(settings, chosen(context, settings, single=single), Clock(), migrate=migrate) as opened:
        yield opened


def chosen(context: CliContext, settings: "Settings", *, single: bool) -> tuple[str, ...]:
    """The names of the instances to work on.

    Raises:
        ConfigError, UsageError: there is none of that name, or not just one.
    """
    instances = (context.only_instance(settings),) if single else context.selected_instances(settings)
    return tuple(instance.name for instance in instances)


@asynccontextmanager
async def opened_for(
    settings: "Settings", names: tuple[str, ...], clock: Clock, *, migrate: bool
) -> AsyncIterator[Opened]:
    """Open the database for these instances; as `opening`."""
    async with open_database(settings, clock) as database:
        if migrate:
            await database.check_direct()
            await check_clock(database, clock)
            await prepare_schema(settings, database, clock)
        else:
            await migrations.require_current(database)
        yield Opened(settings=settings, database=database, names=names, clock=clock)
