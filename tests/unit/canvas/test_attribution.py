"""Whose refusal it is."""

import pytest

from sync_worker.canvas.answers import Asked, Meaning
from sync_worker.canvas.attribution import MAX_USERS_IN_A_ROW, PROBE, Attribution, Streaks, attribute, subject
from sync_worker.canvas.scopes import scope

REFUSED = Meaning.TOKEN_REFUSED


def channels_of(user_id: int) -> Asked:
    """A user's channels are asked for."""
    return Asked(method="GET", path=f"/users/{user_id}/communication_channels", by_number=True)


@pytest.mark.parametrize(
    ("probe", "whose"),
    [
        (Meaning.OK, Attribution.REQUEST),
        (Meaning.FORBIDDEN, Attribution.REQUEST),
        (Meaning.REJECTED, Attribution.REQUEST),
        (Meaning.GONE, Attribution.REQUEST),
        (Meaning.REFERENCE_WRONG, Attribution.REQUEST),
        (Meaning.ALREADY_GONE, Attribution.REQUEST),
        (Meaning.SCOPE_MISSING, Attribution.REQUEST),
        (Meaning.TOKEN_REFUSED, Attribution.EVERYBODY),
        (Meaning.CLIENT_REFUSED, Attribution.EVERYBODY),
        (Meaning.THROTTLED, Attribution.THROTTLE),
        (Meaning.TROUBLE, Attribution.OUTAGE),
    ],
)
def test_the_probe_decides(probe: Meaning, whose: Attribution) -> None:
    """Whatever it is answered."""
    assert attribute(probe) is whose


def test_every_meaning_of_a_probe_decides() -> None:
    """None is forgotten."""
    assert {attribute(meaning) for meaning in Meaning} == set(Attribution)


def test_ten_different_users_in_a_row_are_everybody() -> None:
    """Not nine."""
    streaks = Streaks()
    assert [streaks.refused(channels_of(n), REFUSED) for n in range(1, 11)] == [False] * 9 + [True]
    assert streaks.everybody(REFUSED)
    assert MAX_USERS_IN_A_ROW == 10


def test_one_user_ten_times_is_one_user() -> None:
    """Whatever is asked about it."""
    streaks = Streaks()
    paths = [
        "/users/7",
        "/users/7/communication_channels",
        *(f"/users/7/communication_channels/{n}" for n in range(30)),
    ]
    assert not any(streaks.refused(Asked(method="DELETE", path=path), REFUSED) for path in paths)


@pytest.mark.parametrize("answered", [Meaning.OK, Meaning.FORBIDDEN, Meaning.GONE, Meaning.ALREADY_GONE])
def test_an_answer_ends_the_row(answered: Meaning) -> None:
    """Of any other user."""
    streaks = Streaks()
    for n in range(1, 10):
        streaks.refused(channels_of(n), REFUSED)
    streaks.answered(channels_of(99), answered)
    assert not streaks.refused(channels_of(10), REFUSED)


@pytest.mark.parametrize("came", [Meaning.TROUBLE, Meaning.THROTTLED, Meaning.CLIENT_REFUSED])
def test_what_is_no_answer_ends_no_row(came: Meaning) -> None:
    """Trouble in between, another refusal in between."""
    streaks = Streaks()
    for n in range(1, 10):
        streaks.refused(channels_of(n), REFUSED)
    streaks.answered(channels_of(99), came)
    assert streaks.refused(channels_of(10), REFUSED)


def test_the_probe_ends_no_row() -> None:
    """It is answered while every user is refused; it proves that the token lives, and no more."""
    streaks = Streaks()
    for n in range(1, 10):
        streaks.refused(channels_of(n), REFUSED)
    streaks.answered(PROBE, Meaning.OK)
    assert streaks.lives
    assert streaks.refused(channels_of(10), REFUSED)


def test_rows_of_different_refusals_are_different_rows() -> None:
    """Five bad tokens and five firewall pages are no ten of either."""
    streaks = Streaks()
    for n in range(1, 6):
        assert not streaks.refused(channels_of(n), REFUSED)
        assert not streaks.refused(channels_of(n + 5), Meaning.CLIENT_REFUSED)


@pytest.mark.parametrize("came", [Meaning.TOKEN_REFUSED, Meaning.TROUBLE, Meaning.THROTTLED, Meaning.SCOPE_MISSING])
def test_a_refusal_proves_no_token(came: Meaning) -> None:
    """Canvas's own word about it counts as long as nothing was answered."""
    streaks = Streaks()
    streaks.answered(channels_of(1), came)
    assert not streaks.lives


@pytest.mark.parametrize(
    ("path", "about"),
    [
        ("/users/7/communication_channels/3", "/users/7"),
        ("/users/sis_user_id:S1", "/users/sis_user_id:S1"),
        ("/accounts/self/users", "/accounts/self"),
        ("/accounts/1", "/accounts/1"),
        ("", ""),
    ],
)
def test_whom_a_request_is_about(path: str, about: str) -> None:
    """The first two segments."""
    assert subject(Asked(method="GET", path=path)) == about


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/accounts/self", "url:GET|/api/v1/accounts/:id"),
        ("GET", "/accounts/1/users", "url:GET|/api/v1/accounts/:account_id/users"),
        ("GET", "/users/self", "url:GET|/api/v1/users/:id"),
        ("GET", "/users/7/communication_channels", "url:GET|/api/v1/users/:user_id/communication_channels"),
        ("POST", "/users/7/communication_channels", "url:POST|/api/v1/users/:user_id/communication_channels"),
        ("DELETE", "/users/7/communication_channels/3", "url:DELETE|/api/v1/users/:user_id/communication_channels/:id"),
        (
            "DELETE",
            "/users/7/communication_channels/email/a%40x.example",
            "url:DELETE|/api/v1/users/:user_id/communication_channels/:type/:address",
        ),
        (
            "DELETE",
            "/users/self/communication_channels/push",
            "url:DELETE|/api/v1/users/self/communication_channels/push",
        ),
    ],
)
def test_scopes_are_named_as_canvas_names_them(method: str, path: str, name: str) -> None:
    """So that they are found in the list of the developer key."""
    assert scope(method, path) == name
