"""Pagination with `Link` headers, numbered or with bookmarks.

Each page is a separate query on the live state, as on the server: between two pages items can shift.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

Item = TypeVar("Item")

DEFAULT_PER_PAGE = 10
MAX_DIGITS = 18
"""Longer numbers are nonsense."""

_OWN = frozenset({"page", "per_page", "access_token"})
"""Parameters that links do not simply repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """One page; `links` maps a rel to the value of the parameter `page`."""

    items: Sequence[Item]
    per_page: int  # after the cap
    links: Mapping[str, str]


def positive(asked: str | None) -> int | None:
    """A whole number over 0 out of a parameter; None for anything else."""
    if asked is None or not asked.isdecimal() or len(asked) > MAX_DIGITS:
        return None
    return int(asked) or None


def per_page(asked: str | None, cap: int) -> int:
    """How many items a page gets; nonsense counts as not asked."""
    return min(positive(asked) or DEFAULT_PER_PAGE, cap)


def page_number(asked: str | None) -> int:
    """The number of a numbered page, from 1; nonsense is the first."""
    return positive(asked) or 1


def numbered(items: Sequence[Item], asked: str | None, size: int, *, with_last: bool) -> Page[Item]:
    """A numbered page; beyond the end it is empty. Without `with_last` the server did not count."""
    number = page_number(asked)
    last = max(1, -(-len(items) // size))
    links = {"current": str(number)}
    if number < last:
        links["next"] = str(number + 1)
    if number > 1:
        links["prev"] = str(number - 1)
    links["first"] = "1"
    if with_last:
        links["last"] = str(last)
    return Page(items=items[(number - 1) * size : number * size], per_page=size, links=links)


def bookmarked(ids: Sequence[int], asked: str | None, size: int) -> Page[int]:
    """A page of ascending ids after a bookmark; stays O(page) however many there are."""
    begin = bisect_right(ids, bookmark_id(asked))
    items = ids[begin : begin + size]
    links = {"current": asked or "first"}
    if begin + size < len(ids):
        links["next"] = _bookmark(items[-1])
    links["first"] = "first"
    return Page(items=items, per_page=size, links=links)


def link_header(url: str, query: Sequence[tuple[str, str]], page: Page[Item]) -> str:
    """The `Link` header: absolute URLs that repeat the query's other parameters.

    Args:
        url: scheme, host and path.
        query: the request's parameters.
        page: what the links lead to.
    """
    kept = [pair for pair in query if pair[0] not in _OWN]
    stem = f"{url}?{urlencode(kept)}&" if kept else f"{url}?"
    return ",".join(f'<{stem}page={value}&per_page={page.per_page}>; rel="{rel}"' for rel, value in page.links.items())


def bookmark_id(asked: str | None) -> int:
    """The id after which a page begins; 0 for the first page, a number and nonsense."""
    if asked is None or not asked.startswith("bookmark:"):
        return 0
    text = asked.removeprefix("bookmark:")
    try:
        return int(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return 0


def _bookmark(last_id: int) -> str:
    return "bookmark:" + urlsafe_b64encode(str(last_id).encode()).decode().rstrip("=")
