"""What Canvas says to a refresh token."""

import json
from dataclasses import replace

import pytest

from sync_worker.canvas import oauth, wire
from sync_worker.canvas.answers import Answer
from sync_worker.canvas.options import ClientOptions, RefreshGrant
from sync_worker.errors import RequestFailed

GRANT = RefreshGrant(client_id="42", client_secret="cl~secret", refresh_token="re~fresh")


def answer(status: int, body: object) -> Answer:
    """An answer in JSON."""
    return Answer(status=status, headers={}, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(3600, 3540), (600, 540), (100, 90), (10, 9), (0, 0), (-5, 0), ("3600", 3540), (None, None)],
)
def test_when_to_renew(expires_in: object, seconds: float | None) -> None:
    """A minute before the end, or a tenth of a short life; never where Canvas does not say."""
    body = json.dumps({"access_token": "t", "expires_in": expires_in, "user": {"id": 1}})
    assert wire.read_granted(body.encode(), oauth.ASKED).renewed_after() == seconds


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"access_token": ""}', b'{"access_token": "a\\r\\nX-A: b"}'])
def test_no_token_in_the_answer(body: bytes) -> None:
    """Nothing that could not go into a header; the message does not quote it."""
    with pytest.raises(RequestFailed) as caught:
        wire.read_granted(body, oauth.ASKED)
    assert "X-A" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (400, {"error": "invalid_request", "error_description": "refresh_token not found"}, "Authorise the program"),
        (400, {"error": "invalid_grant", "error_description": "incorrect client"}, "Authorise the program"),
        (401, {"error": "invalid_client", "error_description": "unknown client"}, "Check client_id and client_secret"),
        (401, {"error": "invalid_client"}, "Check client_id and client_secret"),
        (403, {"error": "unauthorized_client", "error_description": 5}, "Check client_id and client_secret"),
    ],
)
def test_a_refusal(status: int, body: dict[str, object], hint: str) -> None:
    """Names what Canvas said, and what to do."""
    refused = oauth.refusal(answer(status, body), GRANT)
    assert refused is not None
    assert str(refused).startswith(
        f"POST /login/oauth2/token: Canvas refused to renew the access token: status {status}"
    )
    assert str(body["error"]) in refused.what
    assert refused.hint.startswith(hint)
    told = oauth.refusal(answer(status, body), replace(GRANT, source="/etc/refresh"))
    assert told is not None
    assert told.what == f"{refused.what} (refresh token of /etc/refresh)"


def test_a_refusal_quotes_no_secret() -> None:
    """Should the other side repeat them."""
    said = {"error": "invalid_request", "error_description": "cl~secret and re~fresh do not fit"}
    assert str(oauth.refusal(answer(400, said), GRANT)).count("[secret]") == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"error": "invalid_grant"}),
        (400, {"errors": [{"message": "?"}]}),
        (400, ["error"]),
        (401, {"error": {"message": "?"}}),
        (500, {"error": "invalid_grant"}),
    ],
)
def test_anything_else_is_no_refusal(status: int, body: object) -> None:
    """It may pass."""
    assert oauth.refusal(answer(status, body), GRANT) is None


def test_no_secret_in_any_representation() -> None:
    """Options get printed in debuggers and logs."""
    shown = repr(ClientOptions(base_url="https://a.example.com", grant=GRANT))
    assert "42" in shown
    assert "secret" not in shown.replace("client_secret", "")
    assert "re~fresh" not in shown
    assert "tok" not in repr(oauth.Granted(access_token="tok")).replace("access_token", "")
