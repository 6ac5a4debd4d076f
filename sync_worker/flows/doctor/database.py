"""The checks of the database: its version, rights, schema and clock, and each instance's lock and binding."""

from contextlib import AsyncExitStack
from typing import Final

from sync_worker.clock import Clock
from sync_worker.flows.doctor.finding import CONFIGURATION, UNREACHABLE, Check, Opinion, fail, fine, untested, warn
from sync_worker.flows.pull.clocks import in_the_future
from sync_worker.flows.rooms import open_database
from sync_worker.mirror import migrations
from sync_worker.mirror.binding import Binding, binding, check
from sync_worker.mirror.clocks import check_clock, future_values
from sync_worker.mirror.database import Database
from sync_worker.mirror.diagnosis import DatabaseFacts, database_facts, lock_holder, missing_rights
from sync_worker.settings import Instance, Settings

DATABASE: Final = "database"
DIRECT: Final = "direct connection"
SCHEMA: Final = "schema"
SHOWN: Final = 3  # missing rights that are named


class DatabaseChecks:
    """What concerns all instances, and what concerns one of them in the database.

    Args:
        settings: which database.
        clock: time.
        stack: closes the database at the end.
    """

    def __init__(self, settings: Settings, clock: Clock, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._clock = clock
        self._stack = stack
        self._database: Database | None = None
        self._facts: DatabaseFacts | None = None
        self.bindings: dict[str, Binding] = {}  # by instance, where base_url is no contradiction
        self.current = False  # the schema is the one that this version needs

    @property
    def database(self) -> Database:
        """The open database; only for checks that need the one that opens it."""
        if self._database is None:
            raise LookupError("the database is not open")
        return self._database

    def checks(self) -> tuple[Check, ...]:
        """For all instances."""
        return (
            Check(name=DATABASE, look=self.reach),
            *((Check(name=DIRECT, look=self.direct, needs=(DATABASE,)),) if self._around else ()),
            Check(name="database rights", look=self.rights, needs=(DATABASE,)),
            Check(name=SCHEMA, look=self.schema, needs=(DATABASE,)),
            Check(name="database clock", look=self.clocks, needs=(DATABASE,)),
        )

    @property
    def _around(self) -> bool:
        """Whether there is a way around a pooler."""
        table = self._settings.database
        return table.direct_url is not None or table.direct_url_file is not None

    def instance_checks(self, instance: Instance) -> tuple[Check, ...]:
        """For one instance."""

        async def lock() -> Opinion:
            return await self.lock(instance)

        async def bound() -> Opinion:
            return await self.bound(instance)

        async def times() -> Opinion:
            return await self.times(instance)

        needs = (DATABASE, SCHEMA)
        return (
            Check(name="binding", look=bound, needs=needs),
            Check(name="lock", look=lock, needs=needs),
            Check(name="times", look=times, needs=needs),
        )

    async def reach(self) -> Opinion:
        """Connect; where it is embedded, start it."""
        self._database = await self._stack.enter_async_context(open_database(self._settings, self._clock))
        facts = self._facts = await database_facts(self._database)
        size = f"{facts.bytes / 2**20:,.0f} MiB"
        found = f"PostgreSQL {facts.version} answers: {self._database.place}, as {facts.role}, {size}"
        if facts.read_only:
            remedy = "It is a standby, or was set so: name the primary in database.url"
            return fail(f"{found}; it is read-only", remedy, UNREACHABLE)
        return fine(found)

    async def direct(self) -> Opinion:
        """Connect as the lock of every run does; one that fails raises."""
        async with self.database.dedicated("sync-worker doctor"):
            return fine(f"answers: {self.database.direct_place}")

    async def rights(self) -> Opinion:
        """What the role may do, without doing it."""
        missing = await missing_rights(self.database)
        if not missing:
            return fine("the role may read and write all that a run needs")
        role = self._facts.role if self._facts else "the role"
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        remedy = f"As the owner: GRANT {missing[0]} TO {role}, and so on; or log in as the owner of the schema"
        return fail(f"{role} lacks {'; '.join(missing[:SHOWN])}{more}", remedy, CONFIGURATION)

    async def schema(self) -> Opinion:
        """Compare it with the migrations that this version brings; a newer one, or an edited one, raises."""
        status = await migrations.status(self.database)
        self.current = not status.waiting
        if self.current:
            return fine(f"current: {len(status.applied)} migrations, the last one {status.applied[-1].name}")
        policy = self._settings.database.auto_migrate
        if status.empty and policy != "never":
            return fine(f"nothing in it yet: the first run applies {len(status.waiting)} migrations")
        names = ", ".join(f"{migration.version:04} ({migration.name})" for migration in status.waiting)
        if policy == "always":
            return warn(f"older than this version: the next run applies {names}", "sync-worker db migrate --dry-run")
        found = f"the database lacks the migrations {names}"
        return fail(found, "Make a backup, then: sync-worker db migrate", CONFIGURATION)

    async def clocks(self) -> Opinion:
        """This machine's against the database's; more than five minutes raise."""
        apart = await check_clock(self.database, self._clock)
        return fine(f"{abs(apart).total_seconds():.1f} s apart from this machine's")

    async def lock(self, instance: Instance) -> Opinion:
        """Whether a run could begin now."""
        if not self.current:
            return untested("not checked: the schema is not there yet")
        holder = await lock_holder(self.database, instance.name, self._clock.now())
        if holder is None:
            return fine("free")
        return warn(f"held by {holder}", "A run would end with exit 6 now; wait for that one, or stop it with SIGTERM")

    async def times(self, instance: Instance) -> Opinion:
        """Whether a wrong clock has written into the mirror or the ledger."""
        if not self.current:
            return untested("not checked: the schema is not there yet")
        found = await future_values(self.database, self._clock, [instance.name])
        if not found:
            return fine("nothing in the mirror or the ledger lies in the future")
        remedy = "See what: sync-worker db repair-times --dry-run; then db repair-times, and a full run"
        return warn(in_the_future(found), remedy)

    async def bound(self, instance: Instance) -> Opinion:
        """Whether the mirror is that of base_url; another one raises. The root account is Canvas's to say."""
        if not self.current:
            return untested("not checked: the schema is not there yet")
        found = await binding(self.database, instance.name)
        if found is None:
            return fine(f"not bound yet: the first run binds it to {instance.origin}")
        check(found, instance.origin, None)
        self.bindings[instance.name] = found
        return fine(f"a mirror of {found.origin} since {found.bound_at:%Y-%m-%d}")
