"""What one answer says about Canvas itself."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_worker.canvas.answers import Answer, Asked, Meaning
from sync_worker.canvas.probe import answered, silent
from sync_worker.errors import TokenRefused, Trouble

ASKED = Asked(method="GET", path="/users/self")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GOOD = {"Date": "Mon, 23 Nov 2026 12:00:07 GMT", "X-Request-Cost": "0.25", "X-Rate-Limit-Remaining": "599.5"}


def test_a_good_answer() -> None:
    """Time and quota come out of the headers."""
    probe = answered(ASKED, Answer(status=200, headers=GOOD, body=b'{"id": 1}'), at=NOW, secret="geheim")
    assert (probe.meaning, probe.status, probe.error, probe.page, probe.redirected) == (
        Meaning.OK,
        200,
        None,
        False,
        False,
    )
    assert (probe.ahead, probe.cost, probe.remaining) == (timedelta(seconds=7), 0.25, 599.5)


@pytest.mark.parametrize("date", [None, "yesterday", "", "Mon, 99 Nov 2026 12:00:07 GMT"])
def test_a_date_that_says_nothing(date: str | None) -> None:
    """No guess."""
    headers = {} if date is None else {"Date": date}
    assert answered(ASKED, Answer(status=200, headers=headers, body=b"{}"), at=NOW, secret="x").ahead is None


def test_a_date_without_a_zone_is_utc() -> None:
    """RFC 9110 knows GMT alone."""
    answer = Answer(status=200, headers={"Date": "Mon, 23 Nov 2026 11:00:00 -0000"}, body=b"{}")
    assert answered(ASKED, answer, at=NOW, secret="x").ahead == timedelta(hours=-1)


def test_a_login_page_and_a_redirect() -> None:
    """Not Canvas's API, and not Canvas's address."""
    page = answered(ASKED, Answer(status=200, headers={}, body=b"  <!DOCTYPE html>"), at=NOW, secret="x")
    assert (page.meaning, page.page) == (Meaning.TROUBLE, True)
    moved = answered(ASKED, Answer(status=302, headers={"Location": "/login"}, body=b""), at=NOW, secret="x")
    assert (moved.meaning, moved.redirected) == (Meaning.TROUBLE, True)


def test_the_token_is_not_repeated() -> None:
    """Also where Canvas itself does so."""
    body = b'{"errors": [{"message": "Invalid access token. geheim"}]}'
    probe = answered(ASKED, Answer(status=401, headers={}, body=body), at=NOW, secret="geheim")
    assert isinstance(probe.error, TokenRefused)
    assert "geheim" not in str(probe.error)


def test_no_answer() -> None:
    """Nothing is known but that."""
    probe = silent(Trouble("no connection"))
    assert (probe.meaning, probe.status, probe.ahead, probe.redirected) == (Meaning.TROUBLE, None, None, False)
