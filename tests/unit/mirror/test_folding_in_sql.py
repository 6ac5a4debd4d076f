"""SQL never folds an address: what its functions make of a letter depends on the locale of the database."""

import re
from pathlib import Path

import pytest

import sync_worker
from sync_worker.folding import RUNS
from sync_worker.mirror.sql import sql_folder

FIRST = 10  # the migration from which on it is so
FOLDING = re.compile(
    r"\b(lower|upper|initcap|casefold)\s*\(|\bI?LIKE\s+lower|\bILIKE\b|\bcitext\b|~\*|\(\?i\)", re.IGNORECASE
)
PYTHON = re.compile(r"address\w*\.(lower|upper|casefold)\(", re.IGNORECASE)
MIGRATION = sql_folder() / "migrations" / "0010_folded_addresses.sql"
PACKAGE = Path(sync_worker.__file__).parent


def statements() -> list[Path]:
    """All SQL but what older versions have applied, and what that adds up to."""
    files = sorted(sql_folder().rglob("*.sql"))
    return [file for file in files if file.parent.name != "migrations" or int(file.name[:4]) >= FIRST]


@pytest.mark.parametrize("file", statements(), ids=lambda file: file.name)
def test_sql_compares_what_is_stored(file: Path) -> None:
    """The column `folded_address`, or one that was filled from it."""
    code = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
    assert FOLDING.findall(code) == []


def test_python_folds_in_one_place() -> None:
    """`sync_worker/folding.py`; the sandbox is the other side, and has a rule of its own."""
    files = [file for file in PACKAGE.rglob("*.py") if "sandbox" not in file.relative_to(PACKAGE).parts]
    assert [file.name for file in files if PYTHON.search(file.read_text(encoding="utf-8"))] == ["folding.py"]


def test_the_migration_has_the_letters_of_the_program() -> None:
    """It folds what is there already, once, by the same table."""
    assert RUNS.split() == re.findall(r"\b[0-9A-F]{4,6}(?:\.\.[0-9A-F]{4,6})?(?:/\d)?[+-]\d+", MIGRATION.read_text())
