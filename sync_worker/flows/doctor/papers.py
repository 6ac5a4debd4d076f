"""The checks of files: the configuration, secrets, lists of users, the desired state; and of the disk."""

import asyncio
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from sync_worker.desired.document import check as check_document
from sync_worker.desired.document import named
from sync_worker.embedded.home import default_folder
from sync_worker.errors import DocumentError
from sync_worker.flows.doctor.aftermath import aftermath_checks
from sync_worker.flows.doctor.database import DATABASE, DIRECT, DatabaseChecks
from sync_worker.flows.doctor.finding import UNREACHABLE, Check, Opinion, fail, fine, untested, warn
from sync_worker.mirror.foreign import asking, load
from sync_worker.paths import expanded
from sync_worker.settings import Grant, Instance, Settings
from sync_worker.settings.model import EMBEDDED
from sync_worker.users.fingerprint import fingerprint
from sync_worker.users.queries import Mirrored, check_queries
from sync_worker.users.specs import QuerySpec, configured

TOKEN_FILE: Final = "token file"  # noqa: S105  (the name of a check)
LOW: Final = 2**30  # bytes: less is a warning
FULL: Final = 2**26  # bytes: less is a failure


class Room(Protocol):
    """How much room a disk has, in bytes."""

    @property
    def free(self) -> int:
        """What is left."""


LookAtDisk = Callable[[Path], Room]


def general_checks(settings: Settings, database: DatabaseChecks, disk: LookAtDisk) -> tuple[Check, ...]:
    """For all instances."""
    return (
        Check(name="configuration", look=partial(configuration, settings)),
        *database.checks(),
        Check(name="disk", look=partial(room, settings, disk)),
        *aftermath_checks(settings),
    )


def instance_checks(instance: Instance, database: DatabaseChecks) -> tuple[Check, ...]:
    """For one instance."""
    checks = [
        Check(name=TOKEN_FILE, look=partial(token, instance)),
        Check(name="users", look=partial(users, instance, database), needs=_asked(*instance.users)),
    ]
    if instance.desired.file is not None:
        needs = _asked(instance.desired.file)
        checks.append(Check(name="desired state", look=partial(desired, instance, database), needs=needs))
    return tuple(checks)


def _asked(*sources: str) -> tuple[str, ...]:
    """What is needed to look at these: a query is asked on a connection of its own."""
    return (DATABASE, DIRECT) if any(source.startswith("query:") for source in sources) else ()


async def configuration(settings: Settings) -> Opinion:
    """It was read already; whoever may read it, or a file that it names, reads the secrets in there."""
    exposed = settings.exposed()
    if exposed:
        what, _, remedy = exposed[0].partition("; run: ")
        more = f" (and {len(exposed) - 1} more)" if len(exposed) > 1 else ""
        return warn(f"{what}{more}", remedy)
    return fine("valid; it comes from the environment alone" if settings.file is None else f"{settings.file} is valid")


async def token(instance: Instance) -> Opinion:
    """There is one for reading and one for writing, or what such are asked for with; else this raises."""
    reading, _ = instance.read_access(), instance.write_access()
    if isinstance(reading, Grant):
        return fine("access tokens are renewed: [oauth] has what they are asked for with")
    files = [file for file in (instance.token_file, instance.write_token_file) if file is not None]
    return fine(f"in {' and '.join(map(str, files))}" if files else "in the configuration")


async def users(instance: Instance, database: DatabaseChecks) -> Opinion:
    """The specs, every file of theirs to its end, and what PostgreSQL says of each query; a mistake raises."""
    specs = configured(instance)
    await asyncio.to_thread(fingerprint, specs)
    if any(isinstance(spec, QuerySpec) for spec in specs):
        if not database.current:
            return untested("not checked: the schema is not there yet")
        await check_queries(Mirrored(database=database.database, instance=instance.name), specs)
    return fine(" ".join(spec.text for spec in specs))


async def desired(instance: Instance, database: DatabaseChecks) -> Opinion:
    """The document to its end, or what PostgreSQL says of the query."""
    document = named(instance.desired.file or "")
    if isinstance(document, QuerySpec):
        return await _query(instance, document, database)
    try:
        checked = await asyncio.to_thread(check_document, document)
    except DocumentError as error:
        first, *more = str(error).splitlines()
        others = f" (and {len(more)} more lines)" if more else ""
        return fail(f"{first}{others}", f"sync-worker validate {document} tells every mistake", error.exit_code)
    found = f"{document}: {checked.users:,} users, {checked.entries:,} entries; apply is {instance.desired.apply}"
    if checked.warning_count:
        return warn(f"{found}; {checked.warning_count} warnings", f"sync-worker validate {document} tells them")
    return fine(found)


async def _query(instance: Instance, document: QuerySpec, database: DatabaseChecks) -> Opinion:
    query = load(document.path, DocumentError)
    if not database.current:
        return untested("not checked: the schema is not there yet")
    async with asking(database.database, instance.name, query) as answer:
        columns = ", ".join(column.name for column in answer.columns)
    return fine(f"{document.path}: PostgreSQL takes it; it returns {columns}")


async def room(settings: Settings, disk: LookAtDisk = shutil.disk_usage) -> Opinion:
    """How much is left where the embedded server keeps its data; another server's disk cannot be seen from here."""
    kind, _, folder = settings.database_url().get_secret_value().partition(":")
    if kind != EMBEDDED:
        return untested("not tested: the disk of the database's server cannot be seen from here", "Watch it there")
    place = _existing(folder)
    free = disk(place).free
    found = f"{free / 2**20:,.0f} MiB free at {place}"
    remedy = "Make room there, or name another place: database.url"
    if free < FULL:
        return fail(found, remedy, UNREACHABLE)
    return warn(found, remedy) if free < LOW else fine(found)


def _existing(chosen: str) -> Path:
    """The embedded server's home (empty: the usual one), or the nearest folder above it that is there."""
    place = expanded(chosen) if chosen else default_folder(os.environ, os.geteuid())
    return next(folder for folder in (place, *place.absolute().parents) if folder.exists())
