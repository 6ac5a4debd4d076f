"""Where the SQL lives: Python holds none. Statements have a name (`-- name: …`) and a description above them."""

import re
from functools import cache
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def sql_folder() -> Path:
    """The folder `sql`: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


@cache
def statements() -> dict[str, str]:
    """Every statement of `sql/queries/*.sql` by name.

    Raises:
        ValueError: two statements have one name.
    """
    found: dict[str, str] = {}
    for file in sorted((sql_folder() / "queries").glob("*.sql")):
        _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file.name}: a second statement is named {name}")
            found[name] = text.strip()
    return found


def statement(name: str) -> str:
    """One statement by name."""
    return statements()[name]
