"""OAuth2 as Canvas speaks it: what is sent for a new access token, and what the answer means. Pure.

An access token of a developer key lives an hour; the refresh token stays. Canvas ends the access token before as soon
as it gives a new one (`lib/canvas/oauth/grant_types/refresh_token.rb`: `regenerate_access_token`), so a request that is
on its way meanwhile may be refused, and is sent again. What is wrong with the request is said as RFC 6749 5.2 has it;
Canvas calls an unknown refresh token `invalid_request` and an unknown client `invalid_client`
(`lib/canvas/oauth/request_error.rb`).
"""

import json
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from sync_worker.canvas.answers import Answer, Asked
from sync_worker.canvas.masking import shown
from sync_worker.canvas.options import RefreshGrant
from sync_worker.errors import TokenRefused

PATH: Final = "/login/oauth2/token"
ASKED: Final = Asked(method="POST", path=PATH)

_REFUSALS: Final = frozenset({400, 401, 403})
_MARGIN: Final = 60.0  # seconds before its end at which an access token is renewed, …
_SHARE: Final = 0.1  # … or this part of its life, where that is less

_CLIENT: Final = "Check client_id and client_secret in [instances.NAME.oauth], and that the developer key is on"
_GRANT: Final = (
    "Authorise the program in Canvas again and put the new refresh token where [instances.NAME.oauth] says; the same "
    "command then goes on where it stopped"
)


class Granted(BaseModel):
    """A new access token."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access_token: str = Field(pattern=r"^[!-~]+$", repr=False)  # goes into a header
    expires_in: float | None = None  # seconds; None: it does not say

    def renewed_after(self) -> float | None:
        """Seconds from when it was asked for until it should be renewed; None where only a refusal will tell."""
        if self.expires_in is None:
            return None
        return max(0.0, self.expires_in - min(_MARGIN, self.expires_in * _SHARE))


def form(grant: RefreshGrant) -> tuple[tuple[str, str], ...]:
    """The fields of the request."""
    return (
        ("grant_type", "refresh_token"),
        ("client_id", grant.client_id),
        ("client_secret", grant.client_secret),
        ("refresh_token", grant.refresh_token),
    )


def refusal(answer: Answer, grant: RefreshGrant) -> TokenRefused | None:
    """The error that says why there is no new access token; None where the answer is no such refusal.

    Args:
        answer: of Canvas; its words are quoted without the secrets of `grant`, should they be in it.
        grant: what was sent.
    """
    code, words = _error(answer)
    if answer.status not in _REFUSALS or not code:
        return None
    said = f"{code}: {words}" if words else code
    for secret in (grant.client_secret, grant.refresh_token):
        said = said.replace(secret, "[secret]")
    of = f" (refresh token of {grant.source})" if grant.source else ""
    return TokenRefused(
        f"Canvas refused to renew the access token: status {answer.status}, {shown(said)}{of}",
        where=ASKED.where,
        hint=_CLIENT if code in {"invalid_client", "unauthorized_client"} else _GRANT,
    )


def _error(answer: Answer) -> tuple[str, str]:
    """The fields `error` and `error_description`; empty where the answer has none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "", ""
    fields = document if isinstance(document, dict) else {}
    code, words = fields.get("error"), fields.get("error_description")
    return code if isinstance(code, str) else "", words if isinstance(words, str) else ""
