"""What commands write."""

from pathlib import Path

import pytest

from sync_worker.cli.output import byte_order_mark
from sync_worker.errors import UsageError
from sync_worker.textfiles import BOM


@pytest.mark.parametrize(
    ("asked", "form", "out", "mark"),
    [
        (None, "csv", "new.csv", BOM),
        (None, "csv", "new.txt", BOM),
        (None, "csv", "there.csv", BOM),
        (None, "csv", None, ""),
        (None, "csv", "/dev/stdout", ""),
        (None, "csv", "/dev/null", ""),
        (None, "json", "new.csv", ""),
        (None, "table", None, ""),
        (True, "csv", None, BOM),
        (True, "csv", "/dev/null", BOM),
        (True, "csv", "new.csv", BOM),
        (False, "csv", "new.csv", ""),
        (False, "csv", None, ""),
        (False, "yaml", "new.yaml", ""),
    ],
)
def test_byte_order_marks(tmp_path: Path, *, asked: bool | None, form: str, out: str | None, mark: str) -> None:
    """For spreadsheets, which open files; not for programs, which read pipes; and as somebody says."""
    (tmp_path / "there.csv").touch()
    assert byte_order_mark(form, None if out is None else tmp_path / out, asked=asked) == mark


@pytest.mark.parametrize("form", ["table", "json", "html", "text", "markdown", "yaml", "ndjson"])
def test_only_csv_has_one(form: str) -> None:
    """Others would be broken by it."""
    with pytest.raises(UsageError, match="only CSV begins with a byte-order mark"):
        byte_order_mark(form, None, asked=True)
