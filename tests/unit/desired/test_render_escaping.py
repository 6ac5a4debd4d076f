"""What others wrote stays what they wrote, and becomes nothing else."""

import csv
import io
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from typing_extensions import override

from sync_worker.desired.guards import rule
from sync_worker.desired.model import Mode
from sync_worker.desired.plan import Plan
from sync_worker.desired.render.escaping import code, prose, visible
from sync_worker.desired.render.forms import Format, render
from tests.unit.desired.builders import LIMITS, NOTHING_ALLOWED, NOTHING_DONE, channel, plan, user, wanted, wish
from tests.unit.desired.stories import everything

ANY = st.text(max_size=40) | st.text("`|\\*_[]<>&#@~!()-+ ab\n", max_size=40)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def alone(text: str) -> Plan:
    """A plan with this text wherever other people's text can be."""
    new = wish(text, reason=text, where=text)
    return plan(user(wanted([new], mode=Mode.EXACT), [channel(1, f"old {text}")]))


def printed(whole: Plan, form: Format) -> str:
    """The plan in a form."""
    return render(whole, rule(whole, LIMITS, NOTHING_ALLOWED, NOTHING_DONE), form)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sheldon@x.example", "Sheldon@x.example"),
        ("ä 长 é", "ä 长 é"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\r\nb\tc\x00", r"a\r\nb\tc\x00"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2028\xa0\ufeff\U000e0041", r"\u2028\xa0\ufeff\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_has_no_shape_is_written_out(text: str, shown: str) -> None:
    """No cursor moves, no line breaks, nothing runs backwards."""
    assert visible(text) == shown


@settings(deadline=None)
@given(ANY)
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    """Whatever an address is, the text form has line ends as its only control characters."""
    found = printed(alone(text), Format.TEXT)
    assert {char for char in found if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"}} == {"\n"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a@x", "`a@x`"),
        ("*a*_b_<c>&lt;", "`*a*_b_<c>&lt;`"),
        (" a", "<code>&#32;a</code>"),
        ("a|b", "<code>a&#124;b</code>"),
        ("`a`", "<code>&#96;a&#96;</code>"),
        ("\\|", "<code>&#92;&#124;</code>"),
    ],
)
def test_code_in_markdown(text: str, shown: str) -> None:
    """Bars and backticks are escaped, also within a table."""
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2 deletes, 1 replaced (gmail.com → school.edu)", "2 deletes, 1 replaced (gmail.com → school.edu)"),
        ("a@x → b@x", "`a@x` → `b@x`"),
        ("ask @everyone about #7", "ask `@everyone` about `#7`"),
        ("_so_ **or** ~so~ www.x", "`_so_` `**or**` `~so~` `www.x`"),
        ("![x](http://y)", "`![x](http://y)`"),
        ("a  b", "a  b"),
    ],
)
def test_prose_in_markdown(text: str, shown: str) -> None:
    """Words that could be markup, links or mentions become code."""
    assert prose(text) == shown


@settings(deadline=None)
@given(ANY)
def test_a_table_in_markdown_keeps_its_cells(text: str) -> None:
    """A CommonMark reader finds five cells in every row, and our own markup only."""
    tokens = MARKDOWN.parse(printed(alone(text), Format.MARKDOWN))
    kinds = [token.type for token in tokens]
    assert kinds.count("td_open") == 5 * (kinds.count("tr_open") - 1)
    assert "html_block" not in kinds
    inside = [token for block in tokens for token in block.children or ()]
    assert {token.type for token in inside} <= {"text", "code_inline", "html_inline", "strong_open", "strong_close"}
    assert {token.content for token in inside if token.type == "html_inline"} <= {"<code>", "</code>"}


@settings(deadline=None)
@given(ANY)
def test_markdown_says_what_the_address_is(text: str) -> None:
    """Unescaped again, the cell holds the visible address."""
    tokens = MARKDOWN.parse(f"| {code('old ' + visible(text))} |\n| --- |\n")
    inside = [token for block in tokens for token in block.children or ()]
    said = "".join(token.content for token in inside if token.type != "html_inline")
    assert said == "old " + visible(text)


@pytest.mark.parametrize("text", ["=1+1", "+1 555 0100", "-1", "@SUM(A1)"])
def test_formulas_are_neutralised(text: str) -> None:
    """An apostrophe makes text of them, telephone numbers included."""
    rows = csv.DictReader(io.StringIO(printed(alone(text), Format.CSV)))
    assert [row["address"] for row in rows] == [f"'{text}", f"old {text}"]


@settings(deadline=None)
@given(ANY)
def test_every_cell_is_harmless(text: str) -> None:
    """One row a change, and none that begins as a formula does; nor does any line."""
    rows = list(csv.reader(io.StringIO(printed(alone(text), Format.CSV))))
    assert len(rows) == 3
    assert {len(row) for row in rows} == {13}
    assert not any(field.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for field in row)


class Reader(HTMLParser):
    """Notes tags and attributes, and that every tag is closed."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: str) -> Reader:
    """Read a page to its end."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


PLAIN = read(printed(alone("a@x"), Format.HTML))


@settings(deadline=None)
@given(ANY)
def test_text_in_html_is_text(text: str) -> None:
    """No tag and no attribute comes out of it, and it is all there."""
    found = read(printed(alone(text), Format.HTML))
    assert (found.tags, found.attributes) == (PLAIN.tags, PLAIN.attributes)
    assert f"old {visible(text)}" in found.texts


def test_a_page_needs_nothing_from_outside() -> None:
    """No script, no address to load from; a policy that forbids both besides."""
    page = render(*everything(), Format.HTML)
    found = read(page)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "form", "a", "base"}
    assert not found.attributes & {"src", "href", "style", "onclick", "srcset"}
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_a_page_suits_night_and_telephone() -> None:
    """Light and dark, wide and narrow."""
    page = render(*everything(), Format.HTML)
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
    assert "max-width: 40rem" in page
