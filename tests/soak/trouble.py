"""Every kind of trouble that a run has to live with, at once: faults of the sandbox, each for its part of the requests.

Without those that end a run (a refused token), and those that nobody can tell from the truth (an empty list).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sync_worker.sandbox.dice import share

HTML: Final = "text/html; charset=utf-8"
LISTS: Final = "list_channels"

PASSING: Final[Mapping[str, Mapping[str, Any]]] = {
    "500": {"status": 500},
    "502 HTML": {"status": 502, "body": "<h1>Bad Gateway</h1>", "content_type": HTML},
    "503": {"status": 503},
    "504": {"status": 504},
    "408": {"status": 408},
    "404 HTML": {"status": 404, "body": "<html>nginx</html>", "content_type": HTML},
    "429": {"status": 429},
    "429 Retry-After: 1": {"status": 429, "headers": {"Retry-After": "1"}},
    "403 throttle": {"kind": "throttle"},
    "reset before headers": {"kind": "close", "abrupt": True},
    "closed before headers": {"kind": "close"},
    "answer lost": {"kind": "reset_after", "abrupt": True},
    "reset in the body": {"kind": "cut", "abrupt": True},
    "closed in the body": {"kind": "cut"},
    "truncated JSON": {"kind": "truncated_json"},
    "login page with 200": {"kind": "html"},
    "empty 200": {"kind": "empty"},
    "redirect to a login": {"kind": "redirect", "link": "{base}/login/canvas"},
    "hang": {"kind": "hang", "seconds": 8.0},
    "slow body": {"kind": "drip", "size": 100, "seconds": 0.05},
}
"""What a second attempt gets over, also where it strikes the listing of all users."""

PERSONAL: Final[Mapping[str, Mapping[str, Any]]] = {
    "wrong shape": {"route": LISTS, "status": 200, "body": '{"channels":[]}'},
    "401": {"route": LISTS, "kind": "unauthorized"},
}
"""What says something about one user: it is not asked for again in this run."""

LASTING: Final[Mapping[str, Mapping[str, Any]]] = {
    "401, always": {"route": LISTS, "kind": "unauthorized", "user_share": 0.01, "salt": 1001},
    "500, always": {"route": LISTS, "status": 500, "user_share": 0.002, "salt": 1002},
}
"""Users whom the token may never read, and users with whom Canvas always has trouble."""

PART: Final = 0.05
"""Of the requests, that meet trouble that passes, or that is personal; each kind has an equal share of it."""


def faults(part: float) -> Iterator[dict[str, Any]]:
    """All of it; `part` of the requests meet trouble."""
    for name, fault in LASTING.items():
        yield {"name": name, **fault}
    kinds = {**PASSING, **PERSONAL}
    for salt, (name, fault) in enumerate(kinds.items()):
        left = part * (len(kinds) - salt) / len(kinds)  # each rule sees what the ones before it have not struck
        struck_before = part - left
        yield {"name": name, "share": part / len(kinds) / (1 - struck_before), "salt": salt, **fault}


def doomed(user_id: int) -> bool:
    """Whether a user is in trouble for good."""
    return any(share("fault", fault["salt"], user_id) < fault["user_share"] for fault in LASTING.values())
