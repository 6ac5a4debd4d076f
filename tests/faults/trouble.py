"""Every kind of trouble that one request can meet, as faults of the sandbox.

A kind is a function from the spot that is struck to the fault, or to None where it makes no sense there: only a list
has pages to mix up, only a channel has an owner.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from sync_worker.clock import Clock
from sync_worker.sandbox import Fault, FaultKind

TOKEN: Final = "sandbox-token"
"""Said back in every refusal: no message, table or log may repeat it."""

WORDS: Final = f'{{"errors":[{{"message":"not with {TOKEN}"}}]}}'
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
FOR_EVER: Final = 3600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Which requests are struck, and what a believable lie looks like there."""

    route: str
    page: int | None = None
    user_id: int | None = None  # None: whoever asks
    times: int | None = None  # None: for good
    before: tuple[str, int | None]  # route and page of the request before it in every flow
    is_list: bool
    has_owner: bool = False  # its items say whose they are
    elsewhere: str = ""  # address of another server
    repeated: str = ""  # the body of this page with the last item of the one before it once more
    shifted: str = ""  # the body of this page without its first item, which is alive

    def fault(self, kind: FaultKind = FaultKind.STATUS, **what: Any) -> Fault:
        """Trouble here."""
        users = frozenset() if self.user_id is None else frozenset({self.user_id})
        return Fault(kind=kind, route=self.route, page=self.page, user_ids=users, times=self.times, **what)

    def status(self, status: int, body: str = WORDS, **more: Any) -> Fault:
        """An answer instead of the work."""
        return self.fault(status=status, body=body, **more)

    def shut(self) -> Fault:
        """Nobody listens any more when this request is to be sent."""
        route, page = self.before
        users = frozenset({self.user_id}) if self.user_id is not None and route == "list_channels" else frozenset[int]()
        return Fault(kind=FaultKind.SHUT, route=route, page=page, user_ids=users, times=1)

    def link(self, link: str) -> Fault | None:
        """Another `Link` header."""
        return self.fault(FaultKind.LINK, link=link) if self.is_list else None

    def listing(self, body: str) -> Fault | None:
        """Another last page."""
        return self.status(200, body) if body else None


def _soon() -> str:
    """Two seconds from now, as HTTP writes it."""
    return format_datetime((Clock().now() + timedelta(seconds=2)).astimezone(UTC), usegmt=True)


KINDS: Final[Mapping[str, Callable[[Spot], Fault | None]]] = {
    "400": lambda at: at.status(400),
    "401 WWW-Authenticate": lambda at: at.status(401, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'}),
    "401": lambda at: at.fault(FaultKind.UNAUTHORIZED),
    "403 throttle": lambda at: at.fault(FaultKind.THROTTLE),
    "403 User-Agent": lambda at: at.status(403, "403 Forbidden (User-Agent required)", content_type=TEXT),
    "403": lambda at: at.status(403),
    "404 JSON": lambda at: at.status(404),
    "404 HTML": lambda at: at.status(404, "<html>nginx</html>", content_type=HTML),
    "408": lambda at: at.status(408),
    "422": lambda at: at.status(422),
    "429": lambda at: at.status(429),
    "429 Retry-After: 1": lambda at: at.status(429, headers={"Retry-After": "1"}),
    "429 Retry-After: date": lambda at: at.status(429, headers={"Retry-After": _soon()}),
    "500": lambda at: at.status(500),
    "502 HTML": lambda at: at.status(502, "<h1>Bad Gateway</h1>", content_type=HTML),
    "503": lambda at: at.status(503),
    "504": lambda at: at.status(504, ""),
    "refused connection": lambda at: at.shut(),
    "reset before headers": lambda at: at.fault(FaultKind.CLOSE, abrupt=True),
    "closed before headers": lambda at: at.fault(FaultKind.CLOSE),
    "answer lost": lambda at: at.fault(FaultKind.RESET_AFTER, abrupt=True),
    "reset in the body": lambda at: at.fault(FaultKind.CUT, abrupt=True),
    "closed in the body": lambda at: at.fault(FaultKind.CUT),
    "truncated JSON": lambda at: at.fault(FaultKind.TRUNCATED_JSON),
    "wrong shape": lambda at: at.status(200, '{"channels":[]}' if at.is_list else "[]"),
    "login page with 200": lambda at: at.fault(FaultKind.HTML),
    "empty 200": lambda at: at.fault(FaultKind.EMPTY),
    "empty list": lambda at: at.fault(FaultKind.EMPTY_LIST) if at.is_list else None,
    "redirect to a login": lambda at: at.fault(FaultKind.REDIRECT, link="{base}/login/canvas"),
    "redirect elsewhere": lambda at: at.fault(FaultKind.REDIRECT, link=f"{at.elsewhere}/"),
    "gzip bomb": lambda at: at.fault(FaultKind.GZIP_BOMB, size=60_000_000),
    "50 MB": lambda at: at.fault(FaultKind.FLOOD, size=50_000_000),
    "endless body": lambda at: at.fault(FaultKind.ENDLESS),
    "a byte a second": lambda at: at.fault(FaultKind.DRIP, size=1, seconds=1.0),
    "hang": lambda at: at.fault(FaultKind.HANG, seconds=FOR_EVER),
    "bad Link": lambda at: at.link("next page: 2"),
    "Link loop": lambda at: at.link('<{url}>; rel="next"'),
    "Link elsewhere": lambda at: at.link(f'<{at.elsewhere}/api/v1/x>; rel="next"'),
    "repeated item": lambda at: at.listing(at.repeated),
    "shifted item": lambda at: at.listing(at.shifted),
    "wrong user_id": lambda at: at.fault(FaultKind.WRONG_USER, user_id=999_999) if at.has_owner else None,
    "blocked token": lambda at: at.status(
        403, "403 Forbidden (Rate Limit Exceeded)", content_type=TEXT, headers={"X-Rate-Limit-Remaining": "0.0"}
    ),
}
"""In the order of the tables in `expected.py`."""

SLOW: Final = frozenset({"a byte a second", "hang"})
"""Only these are met with a short time limit: on a busy machine it could strike others too."""

ALONE: Final = frozenset({"refused connection"})
"""Trouble for everybody at once."""

THROTTLES: Final = frozenset(kind for kind in KINDS if kind.startswith("429")) | {"403 throttle", "blocked token"}
"""How often such a request is sent depends on what else is admitted meanwhile."""

NOW: Final = datetime  # the type, for signatures
