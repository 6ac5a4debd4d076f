"""`report` as people and cron jobs call it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.reports.catalogue import names
from tests.integration.flows.processes import Program, configured, sandbox_process


@pytest.fixture
def program(database_url: str, tmp_path: Path) -> Iterator[Program]:
    """Forty users, read."""
    with sandbox_process(tmp_path, 40) as sandbox:
        program = configured(tmp_path, database_url, sandbox.base_url)
        assert program.run("run").returncode == 0
        yield program


@pytest.mark.long
def test_reports(program: Program) -> None:
    """A table for people, a private file for a spreadsheet, JSON for a program; addresses only when asked for."""
    table = program.run("report", "domains")
    assert (table.returncode, table.stderr) == (0, "")
    assert table.stdout.startswith("E-mail domains (main; 20")
    done = program.run("report", "unconfirmed", "--days", "0", "--format", "csv", "-o", "x.csv")
    assert (done.returncode, done.stdout) == (0, "")
    file = program.folder / "x.csv"
    rows = file.read_text().splitlines()[1:]
    assert f"{len(rows)} rows written to x.csv" in done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    plain = program.run("report", "unconfirmed", "--days", "0", "--format", "csv", "-o", "y.csv", "--no-bom")
    assert (plain.returncode, (program.folder / "y.csv").read_bytes()) == (
        0,
        file.read_bytes().removeprefix(b"\xef\xbb\xbf"),
    )
    assert program.run("report", "domains", "--format", "csv").stdout[0] != "\ufeff"
    assert all("@" not in row or "***@" in row for row in rows)
    assert "@example" in program.run("report", "unconfirmed", "--days", "0", "--addresses").stdout
    document = json.loads(program.run("report", "freshness", "--format", "json").stdout)
    assert document["rows"][0]["users_present"] == 40
    limited = program.run("report", "changes", "--limit", "3")
    assert len(limited.stdout.splitlines()) == 1 + 2 + 3
    assert "only the first 3 rows; --limit 0 or --format csv gives all" in limited.stderr
    assert program.run("report", "history", "--user", "1001").returncode == 0
    page = program.run("report", "unconfirmed", "--days", "0", "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")
    assert page.count("<tr>") > 1
    assert "@example" not in page


@pytest.mark.long
def test_the_page(program: Program) -> None:
    """One private file without a name, or stdout for a pipe; addresses are masked unless asked for."""
    done = program.run("report", "-o", "page.html")
    assert (done.returncode, done.stdout) == (0, "")
    assert "the page was written to page.html" in done.stderr
    file = program.folder / "page.html"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "main: Fresh" in file.read_text()
    assert "@example" not in file.read_text()
    piped = program.run("report", "--format", "html")
    assert piped.stdout.startswith("<!doctype html>")
    assert piped.stdout.endswith("</html>\n")
    assert "@example" in program.run("report", "--addresses").stdout
    lost = program.run("report", "-o", "no/such/folder/page.html")
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "the file cannot be written" in lost.stderr


@pytest.mark.long
def test_without_a_database(tmp_path: Path) -> None:
    """What there is can be listed; what there is not is said, with what there is."""
    program = Program(folder=tmp_path)
    listed = program.run("report", "--list")
    assert listed.returncode == 0
    assert {line.split()[0] for line in listed.stdout.splitlines()} == {*names(), "person"}
    missing = program.run("report", "nothing")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert all(name in missing.stderr for name in names())
    unnamed = program.run("report", "--format", "csv")
    assert (unnamed.returncode, unnamed.stdout) == (2, "")
    assert "the page is HTML; --format csv needs the name of a report" in unnamed.stderr
    early = program.run("report", "--format", "csv", "runs")
    assert early.returncode == 2
    assert "options stand behind the name of a report" in early.stderr
    for name in names():
        helped = program.run("report", name, "--help")
        assert helped.returncode == 0
        assert f"sync-worker report {name}" in helped.stdout
