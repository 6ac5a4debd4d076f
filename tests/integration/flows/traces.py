"""Looking for a person in the whole database, also in tables that are not there yet."""

import re
from collections.abc import Iterable
from typing import Any

from tests.integration.flows.harness import Row, fetch

COLUMNS = """
SELECT c.table_schema, c.table_name, c.column_name, c.data_type
FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
    AND (
        c.data_type IN ('text', 'character varying', 'character', 'jsonb', 'json', 'ARRAY', 'name', 'xml')
        OR c.data_type IN ('bigint', 'integer', 'numeric') AND c.column_name ~ 'id$'
    )
ORDER BY 1, 2, 3"""


async def traces(database_url: str, user_id: int, texts: Iterable[str] = ()) -> dict[str, int]:
    """Columns in which a user's number, or one of some texts, stands, with the number of rows.

    A number between other digits or letters of a hash is another one; texts are found anywhere, in any case.
    """
    pattern = "|".join((rf"(?<![0-9a-f]){user_id}(?![0-9a-f])", *map(re.escape, texts)))
    found = {}
    for column in await fetch(database_url, COLUMNS):
        table = f"{column['table_schema']}.{column['table_name']}"
        query = f'SELECT count(*) AS n FROM {table} WHERE "{column["column_name"]}"::text ~* $1'  # noqa: S608
        count = (await fetch(database_url, query, pattern))[0]["n"]
        if count:
            found[f"{table}.{column['column_name']}"] = count
    return found


async def contents(database_url: str, table: str, without: int) -> list[Any]:
    """The rows of a table that have a user, but those of one user."""
    column = "id" if table == "mirror.users" else "user_id"
    query = f"SELECT to_jsonb(t)::text AS row FROM {table} t WHERE {column} NOT IN ($1, 0) ORDER BY 1"  # noqa: S608
    rows: list[Row] = await fetch(database_url, query, without)
    return [row["row"] for row in rows]
