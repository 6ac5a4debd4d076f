"""The page as text: what comes from elsewhere is escaped, what is inside is all, and nothing yet reads well."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from html import unescape
from typing import Any

from sync_worker.reports import charts
from sync_worker.reports.catalogue import find
from sync_worker.reports.header import Chart
from sync_worker.reports.overview import Answer, InstanceState, Live, Overview, Said, Todo
from sync_worker.reports.page import policy, render
from sync_worker.reports.tables import COLUMNS, table

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"'&\u202e\x1b[31m"
REACH = {"reachable": 90, "unreachable": 10, "unknown": 0, "unread": 0}


def row(report: str, **given: Any) -> dict[str, Any]:
    """A row with every column that the page has."""
    return {**dict.fromkeys(COLUMNS[report]), "instance": "main", **given}


def run(number: int, **given: Any) -> dict[str, Any]:
    """A good run."""
    usual = {
        "id": number, "kind": "run", "status": "done", "started_at": "2026-11-22T03:15:00Z", "requests": 1000,
        "requests_per_second": 100.0, "requests_per_second_limit": 120.0,
    }  # fmt: skip
    return row("runs", **{**usual, **given})


def answer(report: str, *rows: Mapping[str, Any], total: int = 0) -> Answer:
    """A report."""
    return Answer(report=find(report), rows=rows, total=max(total, len(rows)), given={})


def state(name: str = "main", **given: Any) -> InstanceState:
    """A fresh instance."""
    usual: dict[str, Any] = {
        "name": name, "origin": "https://x.example", "level": "ok", "last_success_at": NOW - timedelta(hours=3),
        "coverage": "99.9", "holder": None, "remarks": (Said(level="ok", text="coverage 99.9 %"),), "users": 100,
        "others": {"unreadable": 0}, "channels": 150, "median_read_at": NOW, "reach": REACH, "todos": (),
    }  # fmt: skip
    return InstanceState(**{**usual, **given})


def overview(*states: InstanceState, answers: Sequence[Answer] = (), masked: bool = True) -> Overview:
    """A page of these; nothing in the other reports."""
    found = {name: answer(name) for name in COLUMNS} | {each.report.name: each for each in answers}
    return Overview(now=NOW, instances=states or (state(),), answers=found, masked=masked)


def test_what_comes_from_elsewhere_is_text() -> None:
    """Names, addresses, messages, in tables, charts, commands and what is at work; controls are written out."""
    lines = {
        "unreachable": row("unreachable", login_id=EVIL, reason=EVIL, user_id=1),
        "failures": row("failures", reference=EVIL, message=EVIL, status=500),
        "bouncing": row("bouncing", address=EVIL, last_bounce_summary=EVIL),
        "channels": row("channels", type=EVIL, workflow_state=EVIL, channels=3),
        "changes-by-day": row("changes-by-day", day="2026-11-22", kind=EVIL, changes=3),
    }
    answers = [answer(name, each) for name, each in lines.items()]
    hostile = state(EVIL, holder=EVIL, todos=(Todo(level="warning", text=EVIL, commands=((EVIL, EVIL),)),))
    work = {"instance": EVIL, "run": 1, "doing": EVIL, "users": 1, "done": 0, "failed": 0, "all_users_known": True}
    page = render(overview(hostile, answers=answers), Live(now=NOW, at_work=[work], latest=[(EVIL, 1, EVIL)]))
    assert page.count("<script>") == 2
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "\\u202e" in page
    tables = page[page.index('id="unreachable"') : page.index('id="schedule"')]
    assert not {"\u202e", "\x1b"} & set(tables)


def test_all_is_inside() -> None:
    """No address that a browser would ask for, no style and no script but those that the policy names."""
    page = render(overview(answers=[answer("runs", run(1), run(2)), answer("channels", row(
        "channels", type="email", workflow_state="active", channels=3))]))  # fmt: skip
    assert not re.findall(r"""(?:src|href|action|data|poster|srcset)=["'](?!#|data:,)""", page)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|<iframe|<object|<embed", page)
    assert not re.search(r"<[^>]+ (?:style|on\w+)=", page)
    said = unescape(re.findall(r'Content-Security-Policy" content="([^"]+)"', page)[0])
    assert said == policy(live=False)
    for text in (
        *re.findall(r"<script>(.+?)</script>", page, re.DOTALL),
        *re.findall(r"<style>(.+?)</style>", page, re.DOTALL),
    ):
        assert b64encode(sha256(text.encode()).digest()).decode() in said
    assert "connect-src 'none'" in said
    assert "connect-src 'self'" in policy(live=True)


def test_nothing_yet() -> None:
    """A new database says what to do, and no section is a hole."""
    new = state(origin=None, level="critical", last_success_at=None, coverage=None, users=0, channels=0)
    page = render(overview(new))
    for text in (
        "main: Nothing has run yet", "<code>sync-worker backfill</code> fills it", "No run in the last 30 days.",
        "Nothing changed in the last 7 days.", "There are no live channels", "Nobody failed in the last 30 days",
    ):  # fmt: skip
        assert text in page
    assert "<svg" not in page


def test_bounces_that_nobody_sees() -> None:
    """It says for how many users nobody knows."""
    page = render(overview(state(reach={**REACH, "unknown": 1234})))
    assert "<dt>Reach unknown</dt><dd>1,234</dd>" in page
    assert "Of 1,234 users it is not known" in page
    assert "not known" not in render(overview())


def test_whether_addresses_are_masked_is_said() -> None:
    """In the file, how to show them; where they are shown, what that means."""
    assert "Addresses are masked; <code>sync-worker report --addresses" in render(overview())
    assert "handle it with care" in render(overview(masked=False))


def test_the_database_away() -> None:
    """The live page still says what is at work and what comes next."""
    page = render(None, Live(now=NOW, next_runs=[("run 15 3 * * *", NOW)]))
    assert "The database does not answer" in page
    assert "run 15 3 * * *" in page


def test_a_list_that_is_longer() -> None:
    """It says of how many it shows the first, and the command for all."""
    page = render(overview(answers=[answer("bouncing", row("bouncing", user_id=7), total=1234)]))
    assert "the first 1 of 1,234" in page
    assert "sync-worker report bouncing --format csv" in page


def test_several_instances() -> None:
    """Each has its card; tables say which."""
    one = table(answer("runs", run(1)), several=False)
    two = table(answer("runs", run(1)), several=True)
    assert ("Instance", False) not in one.headings
    assert ("Instance", False) in two.headings
    page = render(overview(state("north"), state("south", level="critical")))
    assert "north: Fresh" in page
    assert "south: Not to be relied on" in page


# --- charts ---------------------------------------------------------------------------------------------


def test_throughput() -> None:
    """Reading runs in their order beside the limit; those of a handful of requests say nothing."""
    rows = [run(4), run(3, kind="apply"), run(2, requests=3), run(1, requests_per_second=80.0)]
    picture = charts.throughput(rows, "main")
    assert picture is not None
    assert "of the last 2 reading runs" in picture.svg
    assert "sent 100.0 of a possible 120.0" in picture.svg
    assert re.findall(r"<title>(.+?)</title>", picture.svg) == [
        "run 1: 80 sent", "run 4: 100 sent", "run 1: 120 theoretical limit", "run 4: 120 theoretical limit",
    ]  # fmt: skip
    assert charts.throughput(rows, "other") is None


def test_throughput_without_a_limit() -> None:
    """It is said that Canvas did not tell."""
    picture = charts.throughput([run(1, requests_per_second_limit=None)], "main")
    assert picture is not None
    assert "theoretical limit<" not in picture.svg
    assert picture.notes == ("The limit is not known: the answers of Canvas did not say what they cost.",)


def test_a_first_load_hides_nothing() -> None:
    """A day that towers above all others is said instead of drawn; alone it is drawn."""
    first = row("changes-by-day", day="2026-11-01", kind="created", changes=50_000)
    other = row("changes-by-day", day="2026-11-20", kind="retired", changes=5)
    picture = charts.changes_by_day([other, first], date(2026, 11, 23), 30)
    assert picture is not None
    assert picture.notes == ("2026-11-01 is not drawn: with 50,000 changes it towers above all others.",)
    assert "<title>2026-11-20: 5 retired</title>" in picture.svg
    assert "<title>2026-11-01: 50,000 created</title>" not in picture.svg
    assert picture.rows == (("2026-11-20", "retired", "5"), ("2026-11-01", "created", "50,000"))
    alone = charts.changes_by_day([first], date(2026, 11, 23), 30)
    assert alone is not None
    assert alone.notes == ()
    assert "<title>2026-11-01: 50,000 created</title>" in alone.svg


def test_charts_are_only_svg() -> None:
    """No script, no style, no ids that could be there twice; what they show is said in words."""
    rows = [row("channels", type="email", workflow_state="active", channels=3)]
    picture = charts.channels_by_state(rows)
    assert picture is not None
    assert not re.search(r"<(?:script|style|defs|desc|a)\b|\b(?:id|style|href)=", picture.svg)
    assert 'role="img" aria-label="Live channels by state and type: 3 email active.' in picture.svg
    assert charts.channels_by_state([]) is None


def marks(picture: charts.Picture) -> list[str]:
    """What the pointer would be told of each bar or dot, in the order of the drawing."""
    return re.findall(r"<title>(.*?)</title>", picture.svg)


def test_the_chart_of_a_report_over_time() -> None:
    """From the earliest to the latest; what is not known is no dot; equal places of a series add up."""
    chart = Chart(kind="line", x="compared_at", y="changes", by="document")
    rows: list[dict[str, Any]] = [
        {"compared_at": "2026-11-23T04:00:01Z", "changes": 0, "document": "a.csv"},
        {"compared_at": "2026-11-22T04:00:01Z", "changes": 3, "document": "a.csv"},
        {"compared_at": "2026-11-22T04:00:01Z", "changes": 4, "document": "<b>.csv"},
        {"compared_at": "2026-11-21T04:00:01Z", "changes": None, "document": "a.csv"},
    ]
    picture = charts.of_report("comparisons", "Changes", chart, rows)
    assert picture is not None
    assert set(marks(picture)) == {
        "2026-11-22 04:00: 3 a.csv", "2026-11-23 04:00: 0 a.csv", "2026-11-22 04:00: 4 &lt;b&gt;.csv",
    }  # fmt: skip
    assert "<b>" not in picture.svg
    assert picture.notes == ()


def test_the_chart_of_a_report_by_size() -> None:
    """The largest come first, the smallest are left out, and that is said."""
    rows: list[dict[str, Any]] = [
        {"domain": f"d{number}.example", "users": number} for number in range(1, charts.WIDEST + 3)
    ]
    picture = charts.of_report("domains", "Users", Chart(kind="bar", x="domain", y="users"), rows)
    assert picture is not None
    drawn = marks(picture)
    assert len(drawn) == charts.WIDEST
    assert drawn[0] == f"d{charts.WIDEST + 2}.example: {charts.WIDEST + 2} users"
    assert "d2.example" not in picture.svg
    assert picture.notes == ("Not drawn: 2 smaller ones, which the table has.",)


def test_no_chart_of_nothing() -> None:
    """An empty report has none."""
    assert charts.of_report("domains", "Users", Chart(kind="bar", x="domain", y="users"), []) is None
