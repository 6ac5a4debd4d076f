"""SQL lives in `sql/` and is fixed: values are parameters, and no name is put into it by the program."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sync_worker

PACKAGE = Path(sync_worker.__file__).parent
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|GRANT\s+\w+\s+(ON|TO)"
    r"|(CREATE|ALTER|DROP|TRUNCATE)\s+(TEMPORARY\s+)?(TABLE|VIEW|SCHEMA|DATABASE|ROLE|INDEX|FUNCTION))\b",
    re.IGNORECASE | re.DOTALL,
)
SENDING = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "prepare", "cursor"}
"""What asyncpg's connections send a statement with."""

OTHERS = {"migration.text", "report_sql", "query.text"}
"""Files too: `sql/migrations`, `sql/reports`, and a query of the user's own in a READ ONLY transaction
(`mirror/foreign.py`)."""


def sources() -> list[Path]:
    """The worker's modules."""
    return sorted(path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.relative_to(PACKAGE).parts)


def strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every string, those in f-strings too, but the docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented)]
    prose = {id(each.value) for body in bodies for each in body if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node


def sent(tree: ast.AST) -> Iterator[str]:
    """The first argument of each call that sends a statement over a connection, as it is written."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if node.func.attr in SENDING and ast.unparse(node.func.value).endswith("connection"):
            yield ast.unparse(node.args[0])


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_python_holds_no_sql(path: Path) -> None:
    """No string of the program is a statement, or begins one that the rest is put into."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.value for node in strings(tree) if SQL.search(str(node.value))] == []


def test_what_is_sent_has_a_name() -> None:
    """Only what stands in a file goes over a connection: nothing that is put together."""
    texts = {text for path in sources() for text in sent(ast.parse(path.read_text(encoding="utf-8")))}
    assert {text for text in texts - OTHERS if not re.fullmatch(r"statement\((name|'\w+')\)", text)} == set()
    assert texts


@pytest.mark.parametrize(
    "code",
    [
        "session.connection.execute('SELECT id FROM ' + table)",
        "f'DELETE FROM {table}'",
        "'UPDATE {} SET x = 1'.format(table)",
        "'insert into %s' % table",
    ],
)
def test_the_search_finds_sql(code: str) -> None:
    """Both of them would notice."""
    assert any(SQL.search(str(node.value)) for node in strings(ast.parse(code)))


def test_the_search_finds_what_is_sent() -> None:
    """Whatever the statement is called."""
    assert list(sent(ast.parse("await self.connection.fetch(text, 1); other.fetch(x)"))) == ["text"]
