"""Which endpoint a request is for. Pure: method and raw path in, decoded parts out.

Segments are split before they are percent-decoded, so that an address may hold `%2F`.
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote


class Route(StrEnum):
    """The endpoints, by the names that faults and counters use."""

    LIST_CHANNELS = "list_channels"
    CREATE = "create"
    DELETE = "delete"
    DELETE_BY_ADDRESS = "delete_by_address"
    DELETE_PUSH = "delete_push"
    LIST_USERS = "list_users"
    GET_USER = "get_user"
    GET_ACCOUNT = "get_account"
    RENEW = "renew"
    UNKNOWN = "unknown"


WRITING = frozenset({Route.CREATE, Route.DELETE, Route.DELETE_BY_ADDRESS, Route.DELETE_PUSH})
"""The endpoints that change something."""


@dataclass(slots=True, kw_only=True)
class Target:
    """The endpoint and the decoded parts of its path; what a route has not stays empty."""

    route: Route
    user: str = ""
    account: str = ""
    channel_id: str = ""
    type: str = ""
    address: str = ""


UNKNOWN = Target(route=Route.UNKNOWN)

_PREFIX = ["", "api", "v1"]
_TOKEN_PATH = "/login/oauth2/token"  # noqa: S105  (a path)


def match(method: str, path: str) -> Target:
    """The target of a request; `path` is as received, without the query."""
    if path == _TOKEN_PATH:
        return Target(route=Route.RENEW) if method == "POST" else UNKNOWN
    parts = path.split("/")
    if parts[:3] != _PREFIX or len(parts) < 5:  # noqa: PLR2004  (/api/v1/users/5 is the shortest)
        return UNKNOWN
    collection, owner, rest = parts[3], unquote(parts[4]), parts[5:]
    if collection == "users":
        return _user_route(method, owner, rest)
    if collection == "accounts":
        return _account_route(method, owner, rest)
    return UNKNOWN


def _account_route(method: str, account: str, rest: list[str]) -> Target:
    match (method, rest):
        case ("GET", []):
            return Target(route=Route.GET_ACCOUNT, account=account)
        case ("GET", ["users"]):
            return Target(route=Route.LIST_USERS, account=account)
        case _:
            return UNKNOWN


def _user_route(method: str, user: str, rest: list[str]) -> Target:
    match (method, rest):
        case ("GET", ["communication_channels"]):
            return Target(route=Route.LIST_CHANNELS, user=user)
        case ("GET", []):
            return Target(route=Route.GET_USER, user=user)
        case ("POST", ["communication_channels"]):
            return Target(route=Route.CREATE, user=user)
        case ("DELETE", ["communication_channels", *which]):
            return _delete_route(user, [unquote(part) for part in which])
        case _:
            return UNKNOWN


def _delete_route(user: str, which: list[str]) -> Target:
    match which:
        case ["push"] if user == "self":
            return Target(route=Route.DELETE_PUSH, user=user)
        case [channel_id] if channel_id:
            return Target(route=Route.DELETE, user=user, channel_id=channel_id)
        case [kind, address] if kind and address:
            return Target(route=Route.DELETE_BY_ADDRESS, user=user, type=kind, address=address)
        case _:
            return UNKNOWN
