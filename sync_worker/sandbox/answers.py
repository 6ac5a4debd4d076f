"""Answers before they go over the wire, and the errors as Canvas words them."""

from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from sync_worker.sandbox.model import Json
from sync_worker.sandbox.render import dump

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


class Delivery(StrEnum):
    """How an answer reaches the client."""

    WHOLE = "whole"
    NONE = "none"  # the connection is closed before any header
    CUT = "cut"  # announced in full, closed after half the body
    DRIP = "drip"  # a few bytes at a time
    FLOOD = "flood"  # a body without use and nearly without end
    ENDLESS = "endless"  # the same, of unknown length and without end
    GARBAGE = "garbage"  # bytes that are no HTTP, as of a TLS server
    LAST = "last"  # whole, and nobody is let in after it


@dataclass(slots=True, kw_only=True)
class Answer:
    """One answer; header names in lower case."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    refused: bool = False  # by the throttle: costs nothing and names no cost
    delivery: Delivery = Delivery.WHOLE
    pause: float = 0.0  # seconds between the pieces of a drip
    size: int = 0  # bytes: of a piece of a drip, of a flood
    abrupt: bool = False  # a connection that is closed early is reset


def json_answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Compact JSON, in UTF-8."""
    return Answer(status=status, body=dump(body).encode(), headers=headers or {})


def errors_answer(status: int, errors: Json) -> Answer:
    """A 400 with its `errors` object."""
    return json_answer({"errors": errors}, status=status)


def not_found() -> Answer:
    """Canvas's own 404."""
    return json_answer({"errors": [{"message": "The specified resource does not exist."}]}, status=404)


def unauthorized() -> Answer:
    """No right to this user or channel: a 401 without WWW-Authenticate."""
    errors = [{"message": "user not authorized to perform that action"}]
    return json_answer({"status": "unauthorized", "errors": errors}, status=401)


def invalid_token() -> Answer:
    """The token is bad, expired or revoked."""
    body = {"errors": [{"message": "Invalid access token."}]}
    return json_answer(body, status=401, headers={"www-authenticate": 'Bearer realm="canvas-lms"'})


def no_token() -> Answer:
    """There was none."""
    body = {"status": "unauthenticated", "errors": [{"message": "user authorization required"}]}
    return json_answer(body, status=401, headers={"www-authenticate": 'Bearer realm="canvas-lms"'})


def missing_scope() -> Answer:
    """The developer key of the token has no scope for this endpoint: without WWW-Authenticate."""
    return json_answer({"errors": [{"message": "Insufficient scopes on access token."}]}, status=401)


def firewall() -> Answer:
    """A page of a web application firewall that quotes the request."""
    page = b"<html><h1>Request blocked</h1><p>User-Agent: sync-worker</p><p>Incident 4711</p></html>"
    return Answer(status=403, body=page, content_type=HTML)


def no_user_agent() -> Answer:
    """Hosted Canvas since January 2026."""
    return Answer(status=403, body=b"403 Forbidden (a User-Agent header is required)\n", content_type=TEXT)


def throttled(status: int) -> Answer:
    """A refusal of the bucket, 403 or 429."""
    body = f"{status} {HTTPStatus(status).phrase} (Rate Limit Exceeded)\n".encode()
    return Answer(status=status, body=body, content_type=TEXT, refused=True)
