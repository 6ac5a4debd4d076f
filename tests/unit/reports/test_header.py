"""The heads of report files."""

import pytest

from sync_worker.reports.catalogue import everything, names
from sync_worker.reports.header import Caveat, Chart, Parameter, Type, parse

HEAD = """\
-- title: A title
-- description: Some sentences,
--   and more of them.
-- parameter: days integer 7 = how far back
-- parameter: user user = whom
-- addresses: address old_address
-- identifiers: login_id
-- caveat: bounces
-- chart: bar x=day y=changes by=kind
SELECT 1
-- a comment of the query
FROM x;
"""


def test_a_head() -> None:
    """Each field is read; the query is what comes after it."""
    report = parse("name", HEAD)
    assert (report.name, report.title, report.description) == ("name", "A title", "Some sentences, and more of them.")
    assert report.parameters == (
        Parameter(name="days", type=Type.INTEGER, default="7", meaning="how far back"),
        Parameter(name="user", type=Type.USER, default=None, meaning="whom"),
    )
    assert report.addresses == {"address", "old_address"}
    assert report.identifiers == {"login_id"}
    assert (report.caveat, report.chart) == (Caveat.BOUNCES, Chart(kind="bar", x="day", y="changes", by="kind"))
    assert report.sql == "SELECT 1\n-- a comment of the query\nFROM x;"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-- colour: red", "colour is unknown"),
        ("-- title: twice", "title is unknown, or said twice"),
        ("--no field", "cannot be read: --no field"),
        ("-- parameter: days", "a parameter is NAME TYPE"),
        ("-- parameter: days number = x", "'number' is not a valid Type"),
        ("-- chart: pie x=a y=b", "a chart is bar or line"),
        ("-- chart: bar x=a", "a chart is bar or line"),
        ("-- chart: bar x=a y=b z=c", "a chart is bar or line"),
        ("-- caveat: rain", "'rain' is not a valid Caveat"),
    ],
)
def test_mistakes(line: str, problem: str) -> None:
    """A head that nobody could rely on is refused."""
    text = "-- title: A\n-- description: B\n"
    with pytest.raises(ValueError, match=problem):
        parse("name", f"{text}{line}\nSELECT 1;")


@pytest.mark.parametrize("text", ["SELECT 1;", "-- title: A\nSELECT 1;", "-- description: B\nSELECT 1;"])
def test_a_report_says_what_it_is(text: str) -> None:
    """Without a title and a description it is none."""
    with pytest.raises(ValueError, match="no title or no description"):
        parse("name", text)


def test_all_reports_can_be_read() -> None:
    """Those of this version, each with a chart whose columns its query names."""
    assert [report.name for report in everything()] == list(names())
    assert len(names()) >= 17
    for report in everything():
        assert report.title[0].isupper()
        assert report.description.endswith(".")
        axes = (report.chart.x, report.chart.y, report.chart.by or report.chart.x) if report.chart else ()
        assert all(axis in report.sql for axis in axes)
