"""Who may come in, and as whom."""

from collections.abc import Callable
from dataclasses import dataclass

from sync_worker.sandbox.options import Role


@dataclass(slots=True, kw_only=True)
class Token:
    """An access token and its owner."""

    value: str
    role: Role
    user_id: int | None  # who `self` is; None in an empty school
    revoked: bool = False
    blocked: bool = False  # on the throttle's block list: refused for ever, remaining 0.0
    requests_left: int | None = None  # expires when they are used up; None: never
    ends_at: float | None = None  # monotonic seconds; None: never


class TokenTable:
    """All tokens by value. The setters raise `KeyError` for an unknown token."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._tokens: dict[str, Token] = {}
        self._monotonic = monotonic

    def add(self, value: str, *, role: Role, user_id: int | None) -> Token:
        """A new token, or the same value with another role."""
        token = self._tokens[value] = Token(value=value, role=role, user_id=user_id)
        return token

    def get(self, value: str) -> Token | None:
        """The token, in whatever condition."""
        return self._tokens.get(value)

    def admit(self, value: str) -> Token | None:
        """Use the token once; None where it is unknown, revoked, used up or has ended."""
        token = self._tokens.get(value)
        if token is None or token.revoked:
            return None
        if token.ends_at is not None and self._monotonic() >= token.ends_at:
            return None
        if token.requests_left is not None:
            if token.requests_left <= 0:
                return None
            token.requests_left -= 1
        return token

    def is_blocked(self, value: str) -> bool:
        """Whether the throttle refuses this token whatever the bucket says."""
        token = self._tokens.get(value)
        return token is not None and token.blocked

    def revoke(self, value: str) -> None:
        """From now on: invalid."""
        self._tokens[value].revoked = True

    def expire_after(self, value: str, requests: int) -> None:
        """Invalid after this many more requests."""
        self._tokens[value].requests_left = requests

    def block(self, value: str, *, blocked: bool = True) -> None:
        """Put it on the block list, or take it off."""
        self._tokens[value].blocked = blocked

    def renew(self, value: str) -> None:
        """Make it as good as new."""
        token = self._tokens[value]
        self.add(value, role=token.role, user_id=token.user_id)
