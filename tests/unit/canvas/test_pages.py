"""Where a list goes on, and that nothing else ends it but its end."""

from functools import reduce
from itertools import chain, cycle, islice

import pytest
from yarl import URL

from sync_worker.canvas.pages import Link, Walk, next_url, parse_links
from sync_worker.errors import Incomplete

ORIGIN = URL("https://school.example.com")
HERE = URL("https://school.example.com/api/v1/users/7/communication_channels?per_page=100", encoded=True)
NEXT = "https://school.example.com/api/v1/users/7/communication_channels?page=2&per_page=100"


@pytest.mark.parametrize(
    ("header", "links"),
    [
        ("", []),
        (" , ,", []),
        ('<https://a/1>; rel="next"', [("https://a/1", {"next"})]),
        ("<https://a/1>; rel=next", [("https://a/1", {"next"})]),
        ("<https://a/1>;REL=NEXT", [("https://a/1", {"next"})]),
        ('<https://a/1>; rel="prev  Next"', [("https://a/1", {"prev", "next"})]),
        ('<https://a/1>; rel="first"; rel="next"', [("https://a/1", {"first"})]),
        ('<https://a/1?x=a,b;c>; title="x, <y>; rel=\\"next\\""; rel=last', [("https://a/1?x=a,b;c", {"last"})]),
        ("<https://a/1>", [("https://a/1", set())]),
        ("<https://a/1>; rel; title=x;", [("https://a/1", set())]),
        ('<u:1> ; rel = "current",<u:2>;rel="next" , <u:3>', [("u:1", {"current"}), ("u:2", {"next"}), ("u:3", set())]),
    ],
)
def test_links_are_read_as_the_rfc_has_them(header: str, links: list[tuple[str, set[str]]]) -> None:
    """Names and relations without regard to case, quoted or not, with commas and semicolons anywhere."""
    expected = tuple(Link(target=target, relations=frozenset(relations)) for target, relations in links)
    assert parse_links(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        "garbage",
        '<https://a/1; rel="next"',
        "https://a/1; rel=next",
        '<https://a/1>; rel="next',
        '<https://a/1> rel="next"',
        "<https://a/1>; rel=next <https://a/2>; rel=next",
        "<https://a/ 1>; rel=next",
        "<>; rel=next",
        '<https://a/1>; rel="next"; =',
    ],
)
def test_a_header_that_cannot_be_read_is_not_the_end(header: str) -> None:
    """Taking garbage for "no more pages" would make channels look deleted."""
    with pytest.raises(Incomplete):
        parse_links(header)


def test_no_header_and_no_next_are_the_end() -> None:
    """A page without `next` is the last one."""
    assert next_url(None, HERE, ORIGIN) is None
    assert next_url(f'<{NEXT}>; rel="current", <{NEXT}>; rel="last"', HERE, ORIGIN) is None


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (NEXT, NEXT),
        ("https://school.example.com/x?page=bookmark:WyJh%2Bb%22%5D&q=%C3%BC", None),
        ("https://SCHOOL.example.com:443/x?page=2", "https://SCHOOL.example.com/x?page=2"),
        ("/api/v1/x?page=2", "https://school.example.com/api/v1/x?page=2"),
        ("?page=2", "https://school.example.com/api/v1/users/7/communication_channels?page=2"),
    ],
)
def test_next_is_followed_as_it_stands(target: str, url: str | None) -> None:
    """Links are opaque: no re-encoding; relative ones belong to the page."""
    assert str(next_url(f'<{target}>; rel="next"', HERE, ORIGIN)) == (url or target)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.com/api/v1/x?page=2",
        "http://school.example.com/api/v1/x?page=2",
        "https://school.example.com:8443/api/v1/x?page=2",
        "//evil.example.com/x",
        "https://school.example.com@evil.example.com/x",
        "https://user:pass@school.example.com/x",
        "https://school.example.com.evil.example.com/x",
        "ftp://school.example.com/x",
        "javascript:alert(1)",
    ],
)
def test_the_token_stays_at_home(target: str) -> None:
    """Another scheme, host or port is refused, and only its origin is named."""
    with pytest.raises(Incomplete, match="another origin") as caught:
        next_url(f"<{target}>; rel=next", HERE, ORIGIN)
    assert "page=2" not in str(caught.value)


@pytest.mark.parametrize(
    "target", ["https://school.example.com:99999/x", "https://[::1/x", "https://school.example.com\\@evil/x"]
)
def test_an_impossible_address_is_incomplete(target: str) -> None:
    """Not the end, and no crash."""
    with pytest.raises(Incomplete):
        next_url(f"<{target}>; rel=next", HERE, ORIGIN)


def test_two_different_next_pages_are_ambiguous() -> None:
    """Following either may leave something out; the same one twice is harmless."""
    with pytest.raises(Incomplete, match="several"):
        next_url(f"<{NEXT}>; rel=next, <{NEXT}0>; rel=next", HERE, ORIGIN)
    assert next_url(f"<{NEXT}>; rel=next, <{NEXT}>; rel=next", HERE, ORIGIN) == URL(NEXT, encoded=True)


@pytest.mark.parametrize(("before", "circle"), [(0, 1), (1, 1), (0, 2), (3, 2), (5, 7), (100, 3)])
def test_a_list_that_goes_in_circles_is_found_out(before: int, circle: int) -> None:
    """Any circle after any start, in constant memory, within some rounds."""
    urls = [URL(f"https://a/{n}") for n in range(before + circle)]
    endless = chain(urls[:before], cycle(urls[before:]))
    first_rounds = islice(endless, 3 * (before + circle) + 2)
    with pytest.raises(Incomplete, match="circles"):
        reduce(Walk.step, first_rounds, Walk(limit=10_000))


def test_a_fragment_makes_no_other_page() -> None:
    """`#x` is never sent."""
    with pytest.raises(Incomplete, match="circles"):
        Walk(limit=9).step(URL("https://a/1")).step(URL("https://a/1#x"))


def test_a_list_without_end_is_cut_as_incomplete() -> None:
    """Always another page: the limit says so, and it is no end."""
    walk = Walk(limit=3)
    for n in range(3):
        walk = walk.step(URL(f"https://a/{n}"))
    with pytest.raises(Incomplete, match="more than 3 pages"):
        walk.step(URL("https://a/3"))
