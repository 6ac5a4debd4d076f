"""What Canvas calls the right of a developer key to use an endpoint. Pure."""

import re
from typing import Final

_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"/accounts/[^/]+", "/accounts/:id"),
        (r"/accounts/[^/]+/users", "/accounts/:account_id/users"),
        (r"/users/[^/]+", "/users/:id"),
        (r"/users/self/communication_channels/push", "/users/self/communication_channels/push"),
        (r"/users/[^/]+/communication_channels", "/users/:user_id/communication_channels"),
        (r"/users/[^/]+/communication_channels/[^/]+", "/users/:user_id/communication_channels/:id"),
        (r"/users/[^/]+/communication_channels/[^/]+/[^/]+", "/users/:user_id/communication_channels/:type/:address"),
    )
)
"""Our paths, and the routes as Canvas names them."""


def scope(method: str, path: str) -> str:
    """The scope that a request needs, as the list of the developer key has it.

    Args:
        method: upper case.
        path: below `/api/v1`, percent-encoded, without the query.
    """
    route = next((name for pattern, name in _PATTERNS if pattern.fullmatch(path)), path)
    return f"url:{method}|/api/v1{route}"
