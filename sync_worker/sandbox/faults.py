"""Trouble on order: which requests a fault strikes. Pure; `mischief.py` says what happens to them.

Rules are tried in the order in which they were added; the first that strikes counts.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sync_worker.sandbox.dice import share
from sync_worker.sandbox.routes import Route


class FaultKind(StrEnum):
    """What a fault does."""

    STATUS = "status"  # `status` with `body`, `headers`, `content_type`
    THROTTLE = "throttle"  # refuse as a full bucket does
    UNAUTHORIZED = "unauthorized"  # 401 without WWW-Authenticate: no right
    INVALID_TOKEN = "invalid_token"  # noqa: S105  (401 as for a token that is bad)
    MISSING_SCOPE = "missing_scope"  # 401 as for a token without the scope of this endpoint
    FIREWALL = "firewall"  # 403 with a page that quotes the User-Agent
    HANG = "hang"  # hold the request for `seconds`, then go on as if nothing were
    CLOSE = "close"  # close the connection before any header; nothing was done
    RESET_AFTER = "reset_after"  # do it, then close the connection before any header
    CUT = "cut"  # announce the whole body, close after half of it
    TRUNCATED_JSON = "truncated_json"  # a well-formed answer with half the JSON
    HTML = "html"  # a login page with status 200
    EMPTY = "empty"  # status 200 without a body
    EMPTY_LIST = "empty_list"  # status 200 with `[]`
    REDIRECT = "redirect"  # 302 to `link`
    LINK = "link"  # replace the Link header by `link`
    FLOOD = "flood"  # a body of `size` bytes
    ENDLESS = "endless"  # a body without a length and without an end
    GZIP_BOMB = "gzip_bomb"  # `size` bytes of blanks, compressed to a thousandth
    DRIP = "drip"  # `size` bytes every `seconds`
    GARBAGE = "garbage"  # bytes that are no HTTP
    SHUT = "shut"  # answer, close every connection, and refuse new ones until `Sandbox.reopen`
    WRONG_USER = "wrong_user"  # every item says `user_id`
    LATE = "late"  # answer `status` as a gateway does, and do it `seconds` later, before the next request
    STALE = "stale"  # a list as it was `seconds` ago, before the writes since: a replica that lags


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A rule. All conditions have to hold; the defaults hold always."""

    kind: FaultKind | str = FaultKind.STATUS
    name: str = ""  # what the counters call it; empty: its kind
    # --- which requests
    route: Route | str = "*"  # a name in `Route`; *: all
    user_ids: frozenset[int] = frozenset()  # the users concerned; empty: all
    user_share: float = 1.0  # 0 to 1: this part of all users, always the same ones
    salt: int = 0  # another one: other users, and other requests, of the same share
    page: int | None = None  # the first is 1, also of a list with bookmarks
    share: float = 1.0  # 0 to 1: this part of the requests that fulfil all the above, by a chance that `salt` repeats
    first: int = 1  # of the requests that fulfil all the above, strike from this one on
    last: int | None = None  # up to this one; None: no end
    times: int | None = None  # strike so often in all; None: no end
    times_per_user: int | None = None  # strike so often for each user; None: no end
    # --- what happens
    status: int = 500
    body: str = ""
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0  # bytes; 0: 32 MiB of a flood or a bomb, 16 of a drip
    abrupt: bool = False  # close, reset_after, cut: a TCP reset instead of an orderly end
    link: str = ""  # {url} stands for the request's own URL, {base} for scheme and host
    user_id: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))
        object.__setattr__(self, "user_ids", frozenset(self.user_ids))
        if not self.name:
            object.__setattr__(self, "name", FaultKind(self.kind).value)
        if self.route != "*":
            object.__setattr__(self, "route", Route(self.route))


def fault_from_json(body: Mapping[str, Any]) -> Fault:
    """A rule out of its fields; raises `TypeError` or `ValueError` for what is none."""
    return Fault(**body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rule may know of a request."""

    route: Route
    user_id: int | None
    page: int  # from 1, also where a bookmark asks for it


@dataclass(slots=True, kw_only=True)
class _Rule:
    fault: Fault
    met: int = 0  # requests of which a share is struck
    seen: int = 0
    struck: int = 0
    struck_users: Counter[int | None] = field(default_factory=Counter)


class FaultBook:
    """The rules in force, with how often each has struck."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, fault: Fault) -> None:
        """From now on, after those that are there already."""
        self._rules.append(_Rule(fault=fault))

    def clear(self) -> None:
        """No more trouble."""
        self._rules.clear()

    def strike(self, facts: Facts) -> Fault | None:
        """The fault that befalls this request; counts as a strike."""
        return next((rule.fault for rule in self._rules if _strikes(rule, facts)), None)


def _strikes(rule: _Rule, facts: Facts) -> bool:
    fault = rule.fault
    if not _concerns(fault, facts):
        return False
    if fault.share < 1 and not _by_chance(rule):
        return False
    rule.seen += 1
    if rule.seen < fault.first or (fault.last is not None and rule.seen > fault.last):
        return False
    if fault.times is not None and rule.struck >= fault.times:
        return False
    if fault.times_per_user is not None and rule.struck_users[facts.user_id] >= fault.times_per_user:
        return False
    rule.struck += 1
    rule.struck_users[facts.user_id] += 1
    return True


def _concerns(fault: Fault, facts: Facts) -> bool:
    if fault.route not in ("*", facts.route):
        return False
    if fault.page is not None and fault.page != facts.page:
        return False
    if fault.user_ids and facts.user_id not in fault.user_ids:
        return False
    return fault.user_share >= 1 or _in_share(fault, facts.user_id)


def _by_chance(rule: _Rule) -> bool:
    rule.met += 1
    return share("request", rule.fault.salt, rule.met) < rule.fault.share


def _in_share(fault: Fault, user_id: int | None) -> bool:
    return user_id is not None and share("fault", fault.salt, user_id) < fault.user_share
