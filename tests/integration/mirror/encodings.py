"""Databases in encodings and locales of all kinds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.conftest import Cluster

OTHERS = ("SQL_ASCII", "LATIN1", "WIN1252", "EUC_JP")
LOCALES = {
    "C": "LOCALE 'C' LOCALE_PROVIDER libc",  # its lower() knows the letters of ASCII
    "C.UTF-8": "LOCALE 'C.UTF-8' LOCALE_PROVIDER libc",
    "Turkish": "LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'",  # its lower() of I has no dot
    "full": "LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST'",  # its lower() has the final sigma
}


@asynccontextmanager
async def encoded(cluster: Cluster, encoding: str, locale: str = "C") -> AsyncIterator[str]:
    """The URL of an empty database."""
    name = f"test_{next(cluster.numbers)}"
    more = f"ENCODING '{encoding}' {LOCALES[locale]} TEMPLATE template0"
    try:
        await cluster.admin.execute(f"CREATE DATABASE {name} {more}")
    except (asyncpg.FeatureNotSupportedError, asyncpg.PostgresSyntaxError, asyncpg.InvalidParameterValueError):
        pytest.skip(f"this PostgreSQL has no locale {LOCALES[locale]}")
    try:
        yield cluster.server.dsn(name)
    finally:
        await cluster.drop(name)


async def schemas(url: str) -> set[str]:
    """What of ours is in a database, whatever its encoding."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname IN ('mirror', 'worker')")
        return {row["nspname"] for row in rows}
    finally:
        await connection.close()
