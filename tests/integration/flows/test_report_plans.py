"""How PostgreSQL answers the reports: by indexes where few rows are asked for, and never by reading all for each."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeAlias

import asyncpg
import pytest

from sync_worker.clock import Clock
from sync_worker.reports.catalogue import find, names
from sync_worker.reports.header import Parameter, Type
from sync_worker.reports.values import value_of
from tests.benchmarks.nights import INSTANCE, fill
from tests.conftest import Cluster

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
CHANNELS = 20_000
MOST = 40  # rows that all steps together may look at, for each channel


@pytest.fixture(scope="module")
async def filled(cluster: Cluster, migrated: str) -> AsyncIterator[Connection]:
    """Twenty thousand channels, three nights; nobody writes to it."""
    name = await cluster.create(migrated)
    connection = await asyncpg.connect(cluster.server.dsn(name))
    await fill(connection, channels=CHANNELS, nights=3)
    yield connection
    await connection.close()
    await cluster.drop(name)


async def plan(connection: Connection, query: str, *args: Any) -> list[dict[str, Any]]:
    """The nodes of what was done."""
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {query}", *args)
    return list(_nodes(json.loads(text)[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def value(parameter: Parameter) -> Any:
    """What a parameter gets."""
    given = {Type.USER: 1234, Type.TIME: "2100-01-01"}.get(parameter.type, parameter.default)
    return given if isinstance(given, int) else value_of(parameter, str(given))


@pytest.mark.parametrize("name", names())
async def test_no_table_is_read_again_and_again(filled: Connection, name: str) -> None:
    """What would take a second for a thousand channels and hours for a million."""
    report = find(name)
    nodes = await plan(
        filled, report.sql, [INSTANCE], *report.arguments(tuple(map(value, report.parameters)), Clock().now())
    )
    looked_at = sum(_rows(node) * node["Actual Loops"] for node in nodes)
    assert looked_at < MOST * CHANNELS


def _rows(node: dict[str, Any]) -> float:
    """That a node handed on or threw away."""
    return float(
        sum(node.get(what, 0) for what in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter"))
    )


def scanned(nodes: list[dict[str, Any]]) -> set[str]:
    """Tables that are read from end to end."""
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}


LARGE = {"communication_channels", "channel_history", "users"}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM reporting.changes WHERE instance = 'main' AND id > {last} - 5",
        "SELECT * FROM reporting.changes WHERE channel_id = ANY (ARRAY[7, 8])  AND instance = 'main'",
        "SELECT id, domain, is_default FROM reporting.current_channels WHERE instance = 'main' AND user_id = 9",
        "SELECT id, channels, pending_deletions FROM reporting.users WHERE instance = 'main' AND id = 1234",
    ],
)
async def test_few_rows_come_by_an_index(filled: Connection, query: str) -> None:
    """The latest changes, one channel, one user: no large table is read for them."""
    last = await filled.fetchval("SELECT max(id) FROM mirror.channel_history")
    assert scanned(await plan(filled, query.format(last=last))) & LARGE == set()


async def test_what_is_not_asked_for_costs_nothing(filled: Connection) -> None:
    """Without read_at no batch is looked at, without is_default nothing is sorted."""
    nodes = await plan(
        filled, "SELECT instance, id, address, bouncing, pending_deletion FROM reporting.current_channels"
    )
    relations = {node.get("Relation Name") for node in nodes} - {None}
    assert relations == {"communication_channels", "candidates"}
    assert not {"Sort", "Unique"} & {node["Node Type"] for node in nodes}
    nodes = await plan(filled, "SELECT read_at FROM reporting.current_channels")
    assert "batches" in {node.get("Relation Name") for node in nodes}
