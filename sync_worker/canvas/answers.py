"""What an answer of Canvas means, and which error says so.

Canvas says different things with one status: a 403 is "you are too fast", "I refuse this program" or "not for
you"; a 401 is "your token is bad", "your token has no scope for this" or "not for you"; a 404 is "this user is gone",
"this reference is wrong" or a proxy that knows no Canvas. The table below is the whole policy, first match wins; where
an answer is neither clearly Canvas's nor clearly about the request, it is trouble: nothing is concluded about anybody.

Whether a refusal of the token or of the program is a matter of everybody, `attribution` says.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from math import isfinite
from typing import Any, Final

from sync_worker.canvas.masking import shown, shown_path
from sync_worker.canvas.scopes import scope
from sync_worker.errors import (
    ClientRefused,
    Forbidden,
    NotFound,
    RefusedAlone,
    Rejected,
    RequestFailed,
    SyncWorkerError,
    TokenRefused,
    Trouble,
)


class Meaning(Enum):
    """What an answer says to the one who asked."""

    OK = auto()
    TOKEN_REFUSED = auto()  # bad, expired or revoked
    SCOPE_MISSING = auto()  # the developer key of the token has no scope for this endpoint
    CLIENT_REFUSED = auto()  # this program as such is refused
    THROTTLED = auto()  # too fast: wait and ask again
    FORBIDDEN = auto()  # not for this caller
    GONE = auto()  # Canvas does not know this number
    REFERENCE_WRONG = auto()  # Canvas does not know this reference (now); the person may be alive
    ALREADY_GONE = auto()  # what was to be deleted is not there
    REJECTED = auto()  # the request is wrong
    TROUBLE = auto()  # the other side has a problem; says nothing about the user


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request that an answer belongs to."""

    method: str  # upper case
    path: str  # percent-encoded, without the query
    by_number: bool = False  # what is asked for is named by its number, not by a reference

    @property
    def where(self) -> str:
        """The request in a message, without anybody's address."""
        return f"{self.method} {shown_path(self.path)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    headers: Mapping[str, str]  # looked up without regard to case
    body: bytes  # decompressed


MAX_RETRY_AFTER: Final = 86_400.0
"""Seconds; a `Retry-After` beyond it is taken for none."""


# --- The table ------------------------------------------------------------------------------------------

_Test = Callable[[Asked, Answer], bool]
_TOKEN_WORDS: Final = (b"invalid access token", b"expired access token", b"revoked access token", b"unauthenticated")


def _always(_asked: Asked, _answer: Answer) -> bool:
    return True


def _json(_asked: Asked, answer: Answer) -> bool:
    return answer.body[:1] in {b"[", b"{"} or answer.body.lstrip()[:1] in {b"[", b"{"}


def _scope(_asked: Asked, answer: Answer) -> bool:
    return b"insufficient scopes" in answer.body.lower()


def _token(_asked: Asked, answer: Answer) -> bool:
    return "WWW-Authenticate" in answer.headers or _token_words(answer)


def _token_words(answer: Answer) -> bool:
    body = answer.body.lower()
    return any(words in body for words in _TOKEN_WORDS)


def _rate_limit(_asked: Asked, answer: Answer) -> bool:
    return b"rate limit exceeded" in answer.body.lower()


def _user_agent(_asked: Asked, answer: Answer) -> bool:
    return b"user-agent" in (body := answer.body.lower()) or b"user agent" in body


def _canvas(_asked: Asked, answer: Answer) -> bool:
    """Canvas's 404 is an object with `errors`, or in old versions `status` `not_found` (`lib/api.rb`)."""
    document = _parsed(answer.body)
    return isinstance(document, dict) and ("errors" in document or document.get("status") == "not_found")


def _canvas_delete(asked: Asked, answer: Answer) -> bool:
    return asked.method == "DELETE" and _canvas(asked, answer)


def _canvas_number(asked: Asked, answer: Answer) -> bool:
    return asked.by_number and _canvas(asked, answer)


_TABLE: Final[tuple[tuple[range, _Test, Meaning], ...]] = (
    (range(200, 202), _json, Meaning.OK),
    (range(401, 402), _scope, Meaning.SCOPE_MISSING),
    (range(401, 402), _token, Meaning.TOKEN_REFUSED),
    (range(401, 402), _json, Meaning.FORBIDDEN),
    (range(401, 402), _always, Meaning.TROUBLE),
    (range(403, 404), _rate_limit, Meaning.THROTTLED),
    (range(429, 430), _always, Meaning.THROTTLED),
    (range(403, 404), _user_agent, Meaning.CLIENT_REFUSED),
    (range(403, 404), _always, Meaning.FORBIDDEN),
    (range(404, 405), _canvas_delete, Meaning.ALREADY_GONE),
    (range(404, 405), _canvas_number, Meaning.GONE),
    (range(404, 405), _canvas, Meaning.REFERENCE_WRONG),
    (range(404, 405), _always, Meaning.TROUBLE),
    (range(408, 409), _always, Meaning.TROUBLE),
    (range(400, 500), _always, Meaning.REJECTED),
)
"""Statuses, a test of the answer, what it means; whatever is not in the table is trouble."""


def classify(asked: Asked, answer: Answer) -> Meaning:
    """What `answer` means; never raises."""
    for statuses, test, meaning in _TABLE:
        if answer.status in statuses and test(asked, answer):
            return meaning
    return Meaning.TROUBLE


def in_words(meaning: Meaning, answer: Answer) -> bool:
    """Whether Canvas says in words of its own that it is the token; a proxy too knows the status and the header."""
    return meaning is Meaning.SCOPE_MISSING or (meaning is Meaning.TOKEN_REFUSED and _token_words(answer))


# --- Headers --------------------------------------------------------------------------------------------


def units(headers: Mapping[str, str], name: str) -> float | None:
    """A header as a finite number (`X-Request-Cost`, `X-Rate-Limit-Remaining`); None where absent or none."""
    try:
        value = float(headers[name])
    except (KeyError, ValueError):
        return None
    return value if isfinite(value) else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or as an HTTP date.

    None where it is absent, unreadable or more than a day: nobody waits for years, and who asks for it is mistaken.
    """
    if "Retry-After" not in headers:
        return None
    seconds = units(headers, "Retry-After")
    if seconds is None:
        seconds = _until(headers["Retry-After"], now)
    return None if seconds is None or seconds > MAX_RETRY_AFTER else max(0.0, seconds)


def _until(date: str, now: datetime) -> float | None:
    try:
        then = parsedate_to_datetime(date)
        return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, OverflowError):
        return None


# --- Errors ---------------------------------------------------------------------------------------------

_ERRORS: Final[Mapping[Meaning, tuple[type[SyncWorkerError], str, str]]] = {
    Meaning.TOKEN_REFUSED: (
        TokenRefused,
        "Canvas refused the access token",
        "Make a new token in Canvas (Account > Settings > New Access Token) and put it where the configuration says",
    ),
    Meaning.SCOPE_MISSING: (TokenRefused, "the access token lacks a scope", ""),
    Meaning.CLIENT_REFUSED: (
        ClientRefused,
        "Canvas refuses this program because of its User-Agent",
        "Set user_agent_contact to an address of yours, or ask the operator of this Canvas to allow the program",
    ),
    Meaning.FORBIDDEN: (Forbidden, "this token may not do that", "The token's user needs the right for it in Canvas"),
    Meaning.GONE: (NotFound, "Canvas does not know this id", "It was deleted, or merged into another one"),
    Meaning.REFERENCE_WRONG: (NotFound, "Canvas knows nobody by this reference", "The identifier may have changed"),
    Meaning.ALREADY_GONE: (NotFound, "it is not there", "It was deleted before"),
    Meaning.REJECTED: (Rejected, "Canvas rejects the request", ""),
    Meaning.THROTTLED: (Trouble, "Canvas throttles this token", "Run the same command again later"),
    Meaning.TROUBLE: (Trouble, "no usable answer", ""),
}


def error_for(meaning: Meaning, asked: Asked, answer: Answer, *, secret: str = "", source: str = "") -> SyncWorkerError:
    """The error that says what `meaning` (not `OK`) came of `asked`.

    Args:
        meaning: what `classify` made of the answer.
        asked: the request.
        answer: its words are quoted, masked and shortened.
        secret: the access token, taken out should the other side repeat it.
        source: where the access token is written; a message about the token itself names it.
    """
    kind, what, hint = _ERRORS[meaning]
    if source and meaning is Meaning.TOKEN_REFUSED:
        what = f"{what} of {source}"
    what = f"{what}: {_said(answer, secret)}"
    hint = hint or (_scope_hint(asked) if meaning is Meaning.SCOPE_MISSING else _hint(answer))
    if issubclass(kind, RequestFailed):
        return kind(what, where=asked.where, hint=hint, status=answer.status)
    return kind(what, where=asked.where, hint=hint)


def refused_alone(meaning: Meaning, asked: Asked, answer: Answer, *, secret: str = "") -> RefusedAlone:
    """The error of one request that was refused while others of this token are answered; see `error_for`."""
    hint = _scope_hint(asked) if meaning is Meaning.SCOPE_MISSING else _ALONE_HINT
    what = f"{_ALONE[meaning]}: {_said(answer, secret)}"
    return RefusedAlone(what, where=asked.where, hint=hint, status=answer.status)


_ALONE: Final[Mapping[Meaning, str]] = {
    Meaning.TOKEN_REFUSED: "the access token was refused for this request alone",
    Meaning.SCOPE_MISSING: "the access token lacks a scope for this request",
    Meaning.CLIENT_REFUSED: "this program was refused for this request alone",
    Meaning.THROTTLED: "this request alone was throttled",
}
_ALONE_HINT: Final = "Canvas answers other requests: look for a proxy or a firewall that treats this path differently"


def _said(answer: Answer, secret: str) -> str:
    words = canvas_words(answer.body)
    quoted = shown(words.replace(secret, "[token]") if secret else words)
    return f"status {answer.status}" + (f", {quoted}" if quoted else "")


def _scope_hint(asked: Asked) -> str:
    return f"Allow the developer key the scope {scope(asked.method, asked.path)}, and make a new token with it"


def _hint(answer: Answer) -> str:
    if 300 <= answer.status < 400:  # noqa: PLR2004  (a redirect)
        return "Canvas redirects elsewhere, which is never followed: set base_url to the address it moved to"
    if answer.body.lstrip()[:1] == b"<":
        return "That is a web page, not Canvas's API: a proxy, a maintenance page, or a wrong base_url"
    return ""


def canvas_words(body: bytes) -> str:
    """Canvas's own error message out of any of its forms; empty where there is none.

    The forms: `{"errors": [{"message": …}]}`, `{"errors": {"field": [{"message": …}]}}`, `{"errors": "…"}`,
    `{"message": …}`, `{"error": …}`, and short plain text.
    """
    document = _parsed(body)
    if isinstance(document, dict):
        found = next((document[key] for key in ("errors", "message", "error") if document.get(key)), "")
        return "; ".join(_texts(found))
    text = body[:1000].decode(errors="replace").strip()
    return text if document is None and not text.startswith(("<", "{", "[")) else ""


def _texts(node: Any, depth: int = 4) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list) and depth:
        for item in node[:10]:
            yield from _texts(item, depth - 1)
    elif isinstance(node, dict) and depth:
        if isinstance(node.get("message"), str):
            yield node["message"]
            return
        for field, item in list(node.items())[:10]:
            yield from (f"{field}: {text}" for text in _texts(item, depth - 1))


def _parsed(body: bytes) -> Any:
    """The JSON document, or None."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
