"""The reports that this version has: the files of `sql/reports`, by name."""

from sync_worker.errors import UsageError
from sync_worker.mirror.sql import sql_folder
from sync_worker.reports.header import Report, parse


def names() -> tuple[str, ...]:
    """In alphabetical order."""
    return tuple(sorted(file.stem for file in (sql_folder() / "reports").glob("*.sql")))


def find(name: str) -> Report:
    """One report.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in names():
        hint = f"There are: {', '.join(names())}; sync-worker report --list says what they show"
        raise UsageError(f"there is no report {name}", hint=hint)
    return parse(name, (sql_folder() / "reports" / f"{name}.sql").read_text(encoding="utf-8"))


def everything() -> tuple[Report, ...]:
    """All of them."""
    return tuple(map(find, names()))
