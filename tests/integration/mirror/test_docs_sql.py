"""The queries that the pages show, against the schema."""

import re

import pytest

from sync_worker.mirror.database import Database
from tests import docpages

STATEMENTS = [
    (docpages.relative(page), statement.strip())
    for page in docpages.PAGES
    for block in docpages.blocks(page, "sql")
    for statement in block.split(";\n")
    if statement.strip() and not re.search(r"^\s*CREATE (ROLE|DATABASE)", statement, re.MULTILINE)
]


def test_there_are_some() -> None:
    """So the test below says something."""
    assert len(STATEMENTS) > 4


@pytest.mark.parametrize(("page", "statement"), STATEMENTS)
async def test_queries_of_the_pages_run(database: Database, page: str, statement: str) -> None:
    """Whoever copies one gets an answer."""
    async with database.session() as session, session.connection.transaction():
        await session.connection.execute("SET LOCAL sync_worker.instance = 'main'")
        assert await session.connection.fetch(statement) == [], page
