"""OAuth2: access tokens that end, and the refresh token that brings the next one (`lib/canvas/oauth` of Canvas)."""

from collections.abc import Mapping

from sync_worker.sandbox.answers import Answer, json_answer
from sync_worker.sandbox.options import SandboxOptions
from sync_worker.sandbox.tokens import TokenTable

ACCESS_TOKEN = "sandbox-access-token-{number}"  # noqa: S105  (opens nothing but this simulation)


class Renewals:
    """One authorisation of one developer key. A new access token ends the one before."""

    def __init__(self, options: SandboxOptions, tokens: TokenTable) -> None:
        self._options = options
        self._tokens = tokens
        self.given: list[str] = []  # access tokens, the latest is the last
        self.withdrawn = False  # the user has taken the authorisation back

    def renew(self, fields: Mapping[str, str], *, user_id: int | None, now: float) -> Answer:
        """POST /login/oauth2/token.

        Args:
            fields: the form.
            user_id: who has authorised it.
            now: monotonic seconds.
        """
        options = self._options
        if fields.get("client_id") != options.client_id:
            return _refused(401, "invalid_client", "unknown client")
        if fields.get("client_secret") != options.client_secret:
            return _refused(401, "invalid_client", "invalid client")
        if fields.get("grant_type") != "refresh_token":
            return _refused(400, "unsupported_grant_type", "The grant_type you requested is not currently supported")
        if self.withdrawn or fields.get("refresh_token") != options.refresh_token:
            return _refused(400, "invalid_request", "refresh_token not found")
        return self._grant(user_id, now)

    def _grant(self, user_id: int | None, now: float) -> Answer:
        options = self._options
        if self.given:
            self._tokens.revoke(self.given[-1])
        value = ACCESS_TOKEN.format(number=len(self.given) + 1)
        self.given.append(value)
        token = self._tokens.add(value, role=options.token_role, user_id=user_id)
        token.ends_at, token.requests_left = now + options.access_token_seconds, options.access_token_requests
        return json_answer(
            {
                "access_token": value,
                "token_type": "Bearer",
                "user": {"id": user_id},
                "expires_in": options.access_token_seconds,
            }
        )


def _refused(status: int, error: str, description: str) -> Answer:
    return json_answer({"error": error, "error_description": description}, status=status)
