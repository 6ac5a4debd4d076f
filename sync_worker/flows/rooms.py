"""Opening the rooms that a flow works in: database, Canvas, and both together for one instance."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync_worker.canvas.client import CanvasClient
from sync_worker.canvas.gate import Gate
from sync_worker.canvas.options import ClientOptions, RefreshGrant
from sync_worker.canvas.retry import RetryPolicy
from sync_worker.canvas.throttle import BucketModel, BucketParameters
from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer
from sync_worker.mirror import migrations
from sync_worker.mirror.database import Database, connect
from sync_worker.settings import Grant, Instance, Settings
from sync_worker.users.queries import Mirrored

DATABASE_NAME: Final = "sync_worker"  # in the embedded server


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open database and the instances to look at."""

    settings: Settings
    database: Database
    names: tuple[str, ...]
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What a flow needs to read one Canvas into the mirror."""

    settings: Settings
    instance: Instance
    database: Database
    client: CanvasClient
    gate: Gate
    clock: Clock

    @property
    def mirrored(self) -> Mirrored:
        """The mirror of this instance, for queries of the user's own."""
        return Mirrored(database=self.database, instance=self.instance.name)


@asynccontextmanager
async def database_address(settings: Settings, clock: Clock) -> AsyncIterator[tuple[str, str | None]]:
    """Where the database is, and the way around its pooler if there is one; the embedded server runs meanwhile.

    Raises:
        DatabaseUnreachable, ConfigError: it cannot be had.
    """
    url = settings.database_url().get_secret_value()
    kind, _, folder = url.partition(":")
    if kind == "embedded":
        async with EmbeddedServer(Path(folder) if folder else None, clock) as server:
            await server.ensure_database(DATABASE_NAME)
            yield server.dsn(DATABASE_NAME), None
        return
    direct_url = settings.direct_database_url().get_secret_value()
    yield url, direct_url if direct_url != url else None


@asynccontextmanager
async def open_database(settings: Settings, clock: Clock) -> AsyncIterator[Database]:
    """The database of the configuration; its schema may be of any age.

    Raises:
        DatabaseUnreachable, ConfigError: it cannot be had.
    """
    async with (
        database_address(settings, clock) as (url, direct_url),
        connect(url, direct_url) as database,
    ):
        yield database


async def prepare_schema(settings: Settings, database: Database, clock: Clock) -> None:
    """Migrate as far as `database.auto_migrate` allows.

    Raises:
        SchemaError: migrations are waiting, and a person has to apply them.
    """
    policy = settings.database.auto_migrate
    status = await migrations.status(database)
    if status.waiting and (policy == "always" or (policy == "empty" and status.empty)):
        await migrations.migrate(database, clock, whole=status.empty)
    await migrations.require_current(database)


@asynccontextmanager
async def open_canvas(
    instance: Instance, clock: Clock, *, writing: bool = False
) -> AsyncIterator[tuple[CanvasClient, Gate]]:
    """The client of an instance, with its gate.

    Args:
        instance: which Canvas.
        clock: time.
        writing: use the token for writing.

    Raises:
        ConfigError: no token, or a file of it cannot be used.
    """
    throttle = instance.throttle
    parameters = BucketParameters(
        high_water_mark=throttle.high_water_mark, outflow=throttle.outflow, up_front_cost=throttle.up_front_cost
    )
    gate = Gate(
        BucketModel(parameters),
        clock,
        max_concurrency=instance.max_concurrency,
        patience=instance.throttle_patience.total_seconds(),
    )
    async with CanvasClient(_client_options(instance, writing=writing), gate, clock) as client:
        yield client, gate


def _client_options(instance: Instance, *, writing: bool) -> ClientOptions:
    access = instance.write_access() if writing else instance.read_access()
    source = instance.token_source(writing=writing)
    return ClientOptions(
        base_url=instance.base_url,
        token="" if isinstance(access, Grant) else access.get_secret_value(),
        token_source=f"{source} (OAuth2)" if isinstance(access, Grant) else source,
        grant=_refresh_grant(access, source) if isinstance(access, Grant) else None,
        tls=instance.tls(),
        per_page=instance.per_page,
        max_concurrency=instance.max_concurrency,
        request_timeout=instance.request_timeout.total_seconds(),
        read_timeout=instance.read_timeout.total_seconds(),
        max_body_bytes=instance.max_body_mb * 2**20,
        user_agent_contact=instance.user_agent_contact or "",
        retry=RetryPolicy(
            max_attempts=instance.max_attempts,
            base=instance.backoff_base.total_seconds(),
            ceiling=instance.backoff_max.total_seconds(),
        ),
    )


def _refresh_grant(grant: Grant, source: str) -> RefreshGrant:
    return RefreshGrant(
        client_id=grant.client_id,
        client_secret=grant.client_secret.get_secret_value(),
        refresh_token=grant.refresh_token.get_secret_value(),
        source=source,
    )


@asynccontextmanager
async def open_rooms(
    settings: Settings, database: Database, name: str, clock: Clock, *, writing: bool = False
) -> AsyncIterator[Rooms]:
    """Everything for one instance, on a database that is open already; `writing`: with the token for writing."""
    instance = settings.instance(name)
    async with open_canvas(instance, clock, writing=writing) as (client, gate):
        yield Rooms(settings=settings, instance=instance, database=database, client=client, gate=gate, clock=clock)
