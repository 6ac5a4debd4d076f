"""Laws of the `Link` header."""

from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from sync_worker.canvas.pages import Link, next_url, parse_links
from sync_worker.errors import Incomplete

TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="<>"), min_size=1)
RELATIONS = st.frozensets(st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1), min_size=1, max_size=3)
LINKS = st.lists(st.builds(Link, target=TARGETS, relations=RELATIONS))
ORIGIN = URL("https://school.example.com")


@given(LINKS, st.text('ab,;<>="', max_size=8))
def test_what_was_written_is_read(links: list[Link], title: str) -> None:
    """parse(format(links)) == links, whatever stands in the targets and in other parameters."""
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    header = ", ".join(
        f'<{link.target}>; title="{quoted}"; Rel="{" ".join(sorted(link.relations)).upper()}"' for link in links
    )
    assert parse_links(header) == tuple(links)


@given(st.text() | st.text('<>;,="\\ relnxt/:.'), TARGETS)
def test_garbage_is_incomplete_or_understood(header: str, target: str) -> None:
    """Nothing but `Incomplete` comes out, and never an address away from home."""
    for candidate in (header, f"<{target}>; rel=next", f"<https://{target}>; rel=next"):
        try:
            url = next_url(candidate, ORIGIN, ORIGIN)
        except Incomplete:
            continue
        assert url is None or url.origin() == ORIGIN
