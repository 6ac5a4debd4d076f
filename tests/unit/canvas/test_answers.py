"""The table "Telling answers apart", row by row, and what people are told."""

from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict

from sync_worker.canvas.answers import (
    Answer,
    Asked,
    Meaning,
    canvas_words,
    classify,
    error_for,
    retry_after,
    units,
)
from sync_worker.errors import (
    ClientRefused,
    Forbidden,
    NotFound,
    Rejected,
    RequestFailed,
    SyncWorkerError,
    TokenRefused,
    Trouble,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
BY_NUMBER = Asked(method="GET", path="/users/7/communication_channels", by_number=True)
BY_SIS = Asked(method="GET", path="/users/sis_user_id:S1/communication_channels")
DELETE = Asked(method="DELETE", path="/users/7/communication_channels/3", by_number=True)
POST = Asked(method="POST", path="/users/7/communication_channels", by_number=True)

UNAUTHORIZED = b'{"status":"unauthorized","errors":[{"message":"user not authorized to perform that action"}]}'
NOT_FOUND = b'{"errors":[{"message":"The specified resource does not exist."}]}'
SCOPES = b'{"errors":[{"message":"Insufficient scopes on access token."}]}'
HTML = b"<!DOCTYPE html><html><title>Down for maintenance</title></html>"
BEARER = {"www-authenticate": 'Bearer realm="canvas-lms"'}


def answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """An answer as the transport gives it."""
    return Answer(status=status, headers=CIMultiDict(headers or {}), body=body)


@pytest.mark.parametrize(
    ("asked", "came", "meaning"),
    [
        (BY_NUMBER, answer(200, b"[]"), Meaning.OK),
        (BY_NUMBER, answer(200, b'\n  {"id": "1"}'), Meaning.OK),
        (POST, answer(201, b'{"id": "1"}'), Meaning.OK),
        (BY_NUMBER, answer(401, UNAUTHORIZED, BEARER), Meaning.TOKEN_REFUSED),
        (BY_NUMBER, answer(401, b'{"errors":[{"message":"Invalid access token."}]}'), Meaning.TOKEN_REFUSED),
        (BY_NUMBER, answer(401, b"Invalid access token."), Meaning.TOKEN_REFUSED),
        (BY_NUMBER, answer(401, b'{"status":"unauthenticated"}'), Meaning.TOKEN_REFUSED),
        (BY_NUMBER, answer(401, SCOPES), Meaning.SCOPE_MISSING),
        (BY_NUMBER, answer(401, SCOPES, BEARER), Meaning.SCOPE_MISSING),
        (BY_NUMBER, answer(401, b"Insufficient scopes on access token."), Meaning.SCOPE_MISSING),
        (BY_NUMBER, answer(401, UNAUTHORIZED), Meaning.FORBIDDEN),
        (DELETE, answer(401, UNAUTHORIZED), Meaning.FORBIDDEN),
        (BY_NUMBER, answer(401, HTML), Meaning.TROUBLE),
        (BY_NUMBER, answer(401), Meaning.TROUBLE),
        (BY_NUMBER, answer(403, b"403 Forbidden (Rate Limit Exceeded)\n"), Meaning.THROTTLED),
        (POST, answer(403, b'{"message":"rate limit exceeded"}'), Meaning.THROTTLED),
        (BY_NUMBER, answer(429), Meaning.THROTTLED),
        (BY_NUMBER, answer(429, HTML), Meaning.THROTTLED),
        (BY_NUMBER, answer(403, b"Forbidden: User-Agent header required"), Meaning.CLIENT_REFUSED),
        (BY_NUMBER, answer(403, b"a user agent is required"), Meaning.CLIENT_REFUSED),
        (BY_NUMBER, answer(403, UNAUTHORIZED), Meaning.FORBIDDEN),
        (BY_NUMBER, answer(403, HTML), Meaning.FORBIDDEN),
        (BY_NUMBER, answer(404, NOT_FOUND), Meaning.GONE),
        (BY_NUMBER, answer(404, b'{"status":"not_found","error_report_id":1}'), Meaning.GONE),
        (BY_SIS, answer(404, NOT_FOUND), Meaning.REFERENCE_WRONG),
        (BY_NUMBER, answer(404, HTML), Meaning.TROUBLE),
        (BY_NUMBER, answer(404, b'{"message":"no Route matched with those values"}'), Meaning.TROUBLE),
        (BY_NUMBER, answer(404, b"[" * 100_000), Meaning.TROUBLE),
        (BY_SIS, answer(404, b"not found"), Meaning.TROUBLE),
        (DELETE, answer(404, NOT_FOUND), Meaning.ALREADY_GONE),
        (DELETE, answer(404, HTML), Meaning.TROUBLE),
        (POST, answer(400, b'{"errors":{"path":[{"message":"taken"}]}}'), Meaning.REJECTED),
        (POST, answer(422, b"{}"), Meaning.REJECTED),
        (BY_NUMBER, answer(410), Meaning.REJECTED),
        (BY_NUMBER, answer(408), Meaning.TROUBLE),
        *((BY_NUMBER, answer(status, b"[]"), Meaning.TROUBLE) for status in (202, 204, 206, 301, 302, 303, 304, 307)),
        *((BY_NUMBER, answer(status, b"{}"), Meaning.TROUBLE) for status in (500, 502, 503, 504, 520, 599)),
        (BY_NUMBER, answer(200, HTML), Meaning.TROUBLE),
        (BY_NUMBER, answer(200), Meaning.TROUBLE),
        (BY_NUMBER, answer(200, b"   "), Meaning.TROUBLE),
        (BY_NUMBER, answer(200, b'"text"'), Meaning.TROUBLE),
    ],
)
def test_every_row_of_the_table(asked: Asked, came: Answer, meaning: Meaning) -> None:
    """What Canvas answers means what its documentation and its source say."""
    assert classify(asked, came) is meaning


@pytest.mark.parametrize(
    ("meaning", "kind"),
    [
        (Meaning.TOKEN_REFUSED, TokenRefused),
        (Meaning.SCOPE_MISSING, TokenRefused),
        (Meaning.CLIENT_REFUSED, ClientRefused),
        (Meaning.FORBIDDEN, Forbidden),
        (Meaning.GONE, NotFound),
        (Meaning.REFERENCE_WRONG, NotFound),
        (Meaning.ALREADY_GONE, NotFound),
        (Meaning.REJECTED, Rejected),
        (Meaning.THROTTLED, Trouble),
        (Meaning.TROUBLE, Trouble),
    ],
)
def test_every_meaning_but_ok_has_its_error(meaning: Meaning, kind: type[SyncWorkerError]) -> None:
    """The error is grouped by what the caller does next, and names request and status."""
    error = error_for(meaning, BY_NUMBER, answer(418, b'{"errors":"no"}'))
    assert type(error) is kind
    assert str(error).startswith("GET /users/7/communication_channels: ")
    assert "418, no" in str(error)
    assert not isinstance(error, RequestFailed) or error.status == 418


def test_a_refused_token_is_told_by_its_place() -> None:
    """Only there: other refusals are not about where the token is written."""
    came = answer(401, b'{"errors":[{"message":"Invalid access token."}]}')
    refused, forbidden = (
        error_for(meaning, BY_NUMBER, came, source="/etc/token")
        for meaning in (Meaning.TOKEN_REFUSED, Meaning.FORBIDDEN)
    )
    assert "Canvas refused the access token of /etc/token: status 401, Invalid access token." in str(refused)
    assert "/etc/token" not in str(forbidden)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"errors":[{"message":"one"},{"message":"two"}]}', "one; two"),
        (b'{"errors":{"path":[{"attribute":"path","type":"taken","message":"taken"}]}}', "path: taken"),
        (b'{"errors":{"type":"No SNS configured"}}', "type: No SNS configured"),
        (b'{"errors":{"message":"flat"}}', "flat"),
        (b'{"errors":"text"}', "text"),
        (b'{"errors":["a","b"]}', "a; b"),
        (b'{"message":"alone"}', "alone"),
        (b'{"error":"old","errors":[]}', "old"),
        (b'{"errors":[[[[[["deep"]]]]]]}', ""),
        (b'{"errors":[7,null]}', ""),
        (b'{"id":1}', ""),
        (b"[]", ""),
        (b"plain words\n", "plain words"),
        (HTML, ""),
        (b'{"half":', ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_canvas_words_are_found_in_all_their_forms(body: bytes, words: str) -> None:
    """Canvas has written its errors in several forms over the years."""
    assert canvas_words(body) == words


def test_a_message_holds_no_token_no_address_and_no_control_character() -> None:
    """Error messages travel into logs, tables and mails."""
    body = b'{"errors":"sheldon@caltech.example.com\\u001b[31m used tok~secret ' + b"x" * 500 + b'"}'
    asked = Asked(method="DELETE", path="/users/7/communication_channels/email/she%2Fldon%40caltech.example.com")
    text = str(error_for(Meaning.REJECTED, asked, answer(400, body), secret="tok~secret"))
    assert "sheldon" not in text
    assert "she/ldon" not in text
    assert "tok~secret" not in text
    assert "\x1b" not in text
    assert "s***@c***.com" in text
    assert len(text) < 400


@pytest.mark.parametrize(
    ("came", "hint"),
    [
        (answer(302, b"", {"Location": "https://else.example.com"}), "set base_url"),
        (answer(200, HTML), "a proxy"),
        (answer(500, b"{}"), ""),
    ],
)
def test_trouble_says_what_may_be_behind_it(came: Answer, hint: str) -> None:
    """A hint for people, where there is one to give."""
    assert hint in error_for(Meaning.TROUBLE, BY_NUMBER, came).hint


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("Mon, 99 Nov 2026 12:00:30 GMT", None),
        ("86400", 86_400.0),
        ("86401", None),  # more than a day
        ("315360000", None),
        ("1" + "0" * 400, None),
        ("-1" + "0" * 400, None),
        ("1e9", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 12:00:30 +9999", None),
        ("7, 8", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP date (RFC 9110 10.2.3); anything else is as if it were absent."""
    headers = CIMultiDict({} if value is None else {"retry-after": value})
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(("text", "value"), [("0.25", 0.25), ("-45.5", -45.5), ("nan", None), ("x", None)])
def test_throttle_headers_are_numbers_or_nothing(text: str, value: float | None) -> None:
    """Header names come in lower case since 2024."""
    assert units(CIMultiDict({"x-request-cost": text}), "X-Request-Cost") == value
    assert units(CIMultiDict(), "X-Request-Cost") is None
