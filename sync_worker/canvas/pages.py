"""Where a list goes on: the `Link` header (RFC 8288) and the walk from page to page.

A list that stops too early looks complete, and what is missing from it looks deleted. So whatever is in the
header has to be understood to its last character, or the list is incomplete; only a header that is absent, or
whose links name no `next`, is the end.

That is why the parsing is ours. The libraries at hand (`aiohttp.ClientResponse.links`, requests'
`parse_header_links`, httpx) skip what they cannot read, take `rel` case-sensitively and as one word, and split
at commas inside of quotes; the one package for this grammar alone (LinkHeader) is no longer kept. URLs are
yarl's: the parser that checks the origin is the one that aiohttp connects with, so the two cannot disagree.

Links are opaque: never computed, never re-encoded. The access token belongs to the configured origin; a link
to another scheme, host or port is refused.
"""

import re
from dataclasses import dataclass, replace

from yarl import URL

from sync_worker.errors import Incomplete

_TARGET = re.compile(r"\s*<([^<>\x00-\x20\x7f]+)>")
_PARAMETER = re.compile(
    r"""\s*;\s*
    (?:([!\#$%&'*+.^_`|~0-9A-Za-z-]+)                        # name
       (?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"<>]+))?)?    # = "quoted" or token
    )?""",
    re.VERBOSE,
)
_END = re.compile(r"\s*(?:,|$)")
_EMPTY = re.compile(r"[\s,]*$")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of the header."""

    target: str  # as it stands there
    relations: frozenset[str]  # lower case


def parse_links(header: str) -> tuple[Link, ...]:
    """All links of a `Link` header (several header lines joined by commas).

    Raises:
        Incomplete: the header is not what RFC 8288 allows.
    """
    links: list[Link] = []
    at = 0
    while not _EMPTY.match(header, at):
        if header[at] == ",":  # an empty element, RFC 9110 5.6.1
            at += 1
            continue
        link, at = _one_link(header, at)
        links.append(link)
    return tuple(links)


def _one_link(header: str, at: int) -> tuple[Link, int]:
    target = _TARGET.match(header, at)
    if target is None:
        raise _unreadable()
    at = target.end()
    relations: frozenset[str] | None = None
    while parameter := _PARAMETER.match(header, at):
        at = parameter.end()
        name, quoted, token = parameter.groups()
        if relations is None and name and name.lower() == "rel":  # only the first counts, RFC 8288 3.3
            value = token or _ESCAPE.sub(r"\1", quoted or "")
            relations = frozenset(value.lower().split())
    end = _END.match(header, at)
    if end is None:
        raise _unreadable()
    return Link(target=target[1], relations=relations or frozenset()), end.end()


def _unreadable() -> Incomplete:
    return Incomplete("the Link header cannot be read, so nobody knows whether there are more pages")


def next_url(header: str | None, current: URL, origin: URL) -> URL | None:
    """The address of the next page; None where this was the last.

    Args:
        header: the `Link` header, None where there was none.
        current: the address of this page.
        origin: scheme, host and port that the token belongs to.

    Raises:
        Incomplete: the header is unreadable or ambiguous, or leads to another origin.
    """
    if header is None:
        return None
    targets = {link.target for link in parse_links(header) if "next" in link.relations}
    if not targets:
        return None
    if len(targets) > 1:
        raise Incomplete("the Link header names several next pages")
    return _resolved(targets.pop(), current, origin)


def _resolved(target: str, current: URL, origin: URL) -> URL:
    try:
        url = URL(target, encoded=True)
        url = url if url.absolute else current.join(url)
        at_home = _place(url) == _place(origin) and url.raw_user is None and url.raw_password is None
        place = f"{url.scheme}://{url.raw_host}:{url.port}"
    except ValueError as error:
        raise Incomplete("the next page has no valid address") from error
    if not at_home:
        raise Incomplete(
            f"the next page is on another origin ({place}), and the token belongs to {origin} alone",
            hint="Set base_url to the address that Canvas itself uses in its links",
        )
    return url


def _place(url: URL) -> tuple[str, str, int | None]:
    return url.scheme, (url.raw_host or "").lower(), url.port


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How far a list has been followed; finds circles without remembering every page.

    Brent's algorithm: one address is remembered, and replaced at every power of two. A circle of any length is
    found within a few rounds, in constant memory, also after ten thousand pages.
    """

    limit: int  # pages of one list at most
    pages: int = 0
    landmark: str = ""

    def step(self, url: URL) -> "Walk":
        """The walk after going to `url`.

        Raises:
            Incomplete: the list goes round in circles, or has more pages than the limit.
        """
        address = str(url.with_fragment(None)) if url.raw_fragment else str(url)
        if address == self.landmark:
            raise Incomplete(f"the list goes round in circles: page {self.pages + 1} was here before")
        if self.pages >= self.limit:
            raise Incomplete(f"the list has more than {self.limit} pages")
        pages = self.pages + 1
        is_power_of_two = pages & (pages - 1) == 0
        return replace(self, pages=pages, landmark=address if is_power_of_two else self.landmark)
