"""Statements have names and descriptions, and live in files."""

from pathlib import Path

import pytest

from sync_worker.mirror import sql


def test_a_statement_is_found_by_its_name() -> None:
    """With its description, which PostgreSQL's log then shows."""
    assert sql.statement("alive") == "-- A heartbeat.\nSELECT 1;"


def test_names_are_unique(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also over files; the error names the second one."""
    (tmp_path / "queries").mkdir()
    for file in ("a.sql", "b.sql"):
        (tmp_path / "queries" / file).write_text("-- name: same\nSELECT 1;\n")
    monkeypatch.setattr(sql, "sql_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"b\.sql: a second statement is named same"):
        sql.statements.__wrapped__()


def test_nothing_stands_before_the_first_name() -> None:
    """It would belong to no statement."""
    for file in (sql.sql_folder() / "queries").glob("*.sql"):
        assert file.read_text(encoding="utf-8").startswith("-- name: ")
