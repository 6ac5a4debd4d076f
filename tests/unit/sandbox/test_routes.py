"""Which endpoint a path is for."""

import pytest

from sync_worker.sandbox.routes import Route, Target, match

CHANNELS = "/api/v1/users/5/communication_channels"


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("GET", CHANNELS, Target(route=Route.LIST_CHANNELS, user="5")),
        ("POST", CHANNELS, Target(route=Route.CREATE, user="5")),
        ("DELETE", f"{CHANNELS}/7", Target(route=Route.DELETE, user="5", channel_id="7")),
        ("DELETE", f"{CHANNELS}/push", Target(route=Route.DELETE, user="5", channel_id="push")),
        ("GET", "/api/v1/users/sis_user_id%3AS%2F1", Target(route=Route.GET_USER, user="sis_user_id:S/1")),
        ("GET", "/api/v1/accounts/self/users", Target(route=Route.LIST_USERS, account="self")),
        ("GET", "/api/v1/accounts/2", Target(route=Route.GET_ACCOUNT, account="2")),
        ("POST", "/login/oauth2/token", Target(route=Route.RENEW)),
        (
            "DELETE",
            "/api/v1/users/self/communication_channels/push",
            Target(route=Route.DELETE_PUSH, user="self"),
        ),
        (
            "DELETE",
            f"{CHANNELS}/email/a%2Fb%3F%2B%25%C3%BC@example.com",
            Target(route=Route.DELETE_BY_ADDRESS, user="5", type="email", address="a/b?+%ü@example.com"),
        ),
    ],
)
def test_every_endpoint_is_found(method: str, path: str, target: Target) -> None:
    """Segments are split first and decoded afterwards."""
    assert match(method, path) == target


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/login"),
        ("GET", "/api/v1/courses/5"),
        ("PUT", CHANNELS),
        ("GET", f"{CHANNELS}/7"),
        ("DELETE", f"{CHANNELS}/email/a/b@example.com"),
        ("DELETE", f"{CHANNELS}/"),
        ("POST", "/api/v1/accounts/1/users"),
    ],
)
def test_everything_else_is_unknown(method: str, path: str) -> None:
    """An address with a bare slash is another path."""
    assert match(method, path).route is Route.UNKNOWN
