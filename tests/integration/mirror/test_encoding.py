"""A database that cannot hold every address is refused before anything is written into it; one in UTF8 never is."""

import pytest

from sync_worker.clock import Clock
from sync_worker.errors import ConfigError
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import migrate, require_current
from tests.conftest import Cluster
from tests.integration.mirror.encodings import LOCALES, OTHERS, encoded, schemas
from tests.integration.mirror.wire import proxied


@pytest.mark.parametrize("encoding", OTHERS)
async def test_another_encoding_is_refused(cluster: Cluster, encoding: str) -> None:
    """With the statement that creates it correctly, under its own name and this role's."""
    async with encoded(cluster, encoding) as url:
        with pytest.raises(ConfigError) as caught:
            async with connect(url):
                pass
        name = url.split("?")[0].rpartition("/")[2]
        assert caught.value.exit_code == 2
        assert caught.value.where.startswith(f"database {name} on ")
        assert f"the database's encoding is {encoding}" in caught.value.what
        creation = f"CREATE DATABASE {name} OWNER sync_worker ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"
        assert creation in caught.value.hint


async def test_the_statement_creates_one_that_will_do(cluster: Cluster, clock: Clock) -> None:
    """Names that need quotes have them."""
    name = 'Schule "A"'
    quoted = '"Schule ""A"""'
    await cluster.admin.execute(f"CREATE DATABASE {quoted} ENCODING 'LATIN1' {LOCALES['C']} TEMPLATE template0")
    try:
        with pytest.raises(ConfigError) as caught:
            async with connect(cluster.server.dsn(name)):
                pass
        await cluster.drop(quoted)
        creation = caught.value.hint[caught.value.hint.index("CREATE") :].partition(" (")[0]
        await cluster.admin.execute(creation.replace("LOCALE 'C.UTF-8'", LOCALES["C.UTF-8"]))
        async with connect(cluster.server.dsn(name)) as database:
            await migrate(database, clock)
            await require_current(database)
    finally:
        await cluster.drop(quoted)


async def test_a_name_that_is_no_text_is_no_traceback(cluster: Cluster) -> None:
    """SQL_ASCII gives back the bytes that it was given."""
    await cluster.admin.execute(f"CREATE DATABASE \"schüle\" ENCODING 'SQL_ASCII' {LOCALES['C']} TEMPLATE template0")
    try:
        with pytest.raises(ConfigError, match="encoding is SQL_ASCII"):
            async with connect(cluster.server.dsn("schüle")):
                pass
    finally:
        await cluster.drop('"schüle"')


async def test_the_way_around_the_pooler_is_looked_at_too(cluster: Cluster, database_url: str, clock: Clock) -> None:
    """Migrations and locks take that one, and it may lead to another database."""
    async with encoded(cluster, "SQL_ASCII") as other:
        async with connect(database_url, other) as database:
            with pytest.raises(ConfigError, match="encoding is SQL_ASCII"):
                await migrate(database, clock)
        assert await schemas(other) == set()


@pytest.mark.parametrize("locale", LOCALES)
async def test_utf8_will_do_in_any_locale(cluster: Cluster, locale: str, clock: Clock) -> None:
    """Its `lower()` may know nothing but ASCII, or Turkish."""
    async with encoded(cluster, "UTF8", locale) as url, connect(url) as database:
        await migrate(database, clock)
        await require_current(database)


async def test_the_embedded_server_has_utf8(cluster: Cluster) -> None:
    """Its cluster is made so, and so is every database in it."""
    rows = await cluster.admin.fetch(
        "SELECT DISTINCT pg_encoding_to_char(encoding) FROM pg_database WHERE datallowconn"
    )
    assert [row[0] for row in rows] == ["UTF8"]


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII"])
async def test_a_pooler_that_keeps_the_encoding_to_itself(cluster: Cluster, encoding: str) -> None:
    """Then the database is asked."""

    def hidden(data: bytes) -> bytes:
        return data.replace(b"server_encoding\0", b"server_unknown_\0")

    async with encoded(cluster, encoding, "C") as url, proxied(url, hidden) as proxy:
        if encoding == "UTF8":
            async with connect(proxy.url):
                return
        with pytest.raises(ConfigError, match="encoding is SQL_ASCII"):
            async with connect(proxy.url):
                pass
