"""Pagination: windows and links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sandbox.pages import Page, bookmark_id, bookmarked, link_header, numbered, page_number, per_page


@pytest.mark.parametrize(
    ("asked", "size"),
    [(None, 10), ("", 10), ("x", 10), ("0", 10), ("-3", 10), ("1", 1), ("50", 50), ("1000", 100), ("9" * 5000, 10)],
)
def test_per_page_is_10_unless_asked_and_capped(asked: str | None, size: int) -> None:
    """Nonsense counts as not asked."""
    assert per_page(asked, 100) == size


@pytest.mark.parametrize(("asked", "number"), [(None, 1), ("3", 3), ("0", 1), ("first", 1), ("bookmark:xx", 1)])
def test_nonsense_is_the_first_page(asked: str | None, number: int) -> None:
    """As Canvas does."""
    assert page_number(asked) == number


def test_the_first_of_three_pages() -> None:
    """No `prev`; the rels stand in Canvas's order."""
    page = numbered(range(25), None, 10, with_last=True)
    assert list(page.items) == list(range(10))
    assert list(page.links.items()) == [("current", "1"), ("next", "2"), ("first", "1"), ("last", "3")]


def test_the_last_page_has_no_next() -> None:
    """And `last` may be missing."""
    page = numbered(range(25), "3", 10, with_last=False)
    assert list(page.items) == list(range(20, 25))
    assert page.links == {"current": "3", "prev": "2", "first": "1"}


def test_a_page_beyond_the_end_is_empty() -> None:
    """It has no `next` either."""
    page = numbered(range(25), "9", 10, with_last=False)
    assert list(page.items) == []
    assert "next" not in page.links


def test_a_full_last_page_has_no_next() -> None:
    """Twenty items are two pages of ten."""
    assert "next" not in numbered(range(20), "2", 10, with_last=False).links
    assert "next" not in bookmarked(range(10), None, 10).links


def test_an_empty_list_is_one_page() -> None:
    """`last` is 1."""
    assert numbered([], None, 10, with_last=True).links == {"current": "1", "first": "1", "last": "1"}
    assert bookmarked([], None, 10) == Page(items=[], per_page=10, links={"current": "first", "first": "first"})


@given(st.sets(st.integers(1, 10**6), max_size=80), st.integers(1, 20))
def test_following_bookmarks_gives_every_id_once(ids: set[int], size: int) -> None:
    """In order."""
    ordered, seen = sorted(ids), list[int]()
    asked: str | None = None
    while True:
        page = bookmarked(ordered, asked, size)
        seen += page.items
        asked = page.links.get("next")
        if asked is None:
            break
    assert seen == ordered


@given(st.integers(0, 80), st.integers(1, 20))
def test_following_numbers_gives_every_item_once(count: int, size: int) -> None:
    """And as many pages as `last` says."""
    pages = [numbered(range(count), "1", size, with_last=True)]
    while asked := pages[-1].links.get("next"):
        pages.append(numbered(range(count), asked, size, with_last=True))
    assert [item for page in pages for item in page.items] == list(range(count))
    assert {page.links["last"] for page in pages} == {str(len(pages))}


def test_a_deletion_between_two_numbered_pages_shifts_an_item_out() -> None:
    """Pages are separate queries: what moves over the edge is not seen at all."""
    items = list(range(20))
    first = list(numbered(items, "1", 10, with_last=False).items)
    del items[0]
    second = list(numbered(items, "2", 10, with_last=False).items)
    assert 10 not in first + second


@pytest.mark.parametrize("asked", [None, "first", "2", "bookmark:", "bookmark:!!!", "bookmark:ä"])
def test_nonsense_is_no_bookmark(asked: str | None) -> None:
    """It leads to the beginning."""
    assert bookmark_id(asked) == 0


def test_links_repeat_the_other_parameters_and_the_capped_size() -> None:
    """Absolute, and never with the token."""
    query = [("search_term", "a b"), ("per_page", "500"), ("page", "1"), ("access_token", "x"), ("include[]", "email")]
    header = link_header("http://h:1/p", query, Page(items=[], per_page=100, links={"next": "2", "first": "1"}))
    stem = "http://h:1/p?search_term=a+b&include%5B%5D=email"
    assert header == f'<{stem}&page=2&per_page=100>; rel="next",<{stem}&page=1&per_page=100>; rel="first"'
