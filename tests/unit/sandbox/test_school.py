"""What can happen to a school behind the client's back."""

import pytest

from sync_worker.sandbox.identify import parse_user_ref
from sync_worker.sandbox.model import Account, Change, Kind, User
from sync_worker.sandbox.school import School

ACCOUNTS = (
    Account(id=1, name="Root", uuid="r"),
    Account(id=2, name="Science", uuid="s", parent_id=1),
    Account(id=3, name="Physics", uuid="p", parent_id=2),
)


def a_school() -> School:
    """Three users in three accounts: 10 with two e-mails, 11 with one of the same, 12 with none."""
    school = School(ACCOUNTS)
    for user_id, account_id in ((10, 1), (11, 2), (12, 3)):
        login = f"User{user_id}"
        user = User(id=user_id, account_id=account_id, name=f"N {user_id}", created_at=0)
        user.sis_user_id, user.login_id = f"S{user_id}", login
        school.enrol(user)
    school.create(10, "email", "same@example.com")
    school.create(10, "email", "own@example.com")
    school.create(11, "email", "Same@example.com")
    return school


def who(school: School, reference: str) -> int | None:
    """Whom a reference names."""
    user = school.find(parse_user_ref(reference))
    return None if user is None else user.id


def kinds(changes: list[Change]) -> list[tuple[str, int, int | None]]:
    """Kind, user and channel of each."""
    return [(change.kind.value, change.user_id, change.channel_id) for change in changes]


def live(school: School, user_id: int) -> list[int]:
    """The ids of a user's live channels, by position."""
    return [channel.id for channel in school.users[user_id].live_channels()]


def test_an_account_lists_its_own_users_and_those_below() -> None:
    """Sorted by id."""
    school = a_school()
    assert [school.listed(account) for account in (1, 2, 3)] == [[10, 11, 12], [11, 12], [12]]


def test_users_are_found_by_every_identifier() -> None:
    """Logins in any casing, SIS ids as they are."""
    school = a_school()
    found = [who(school, ref) for ref in ("11", "1~11", "sis_user_id:S11", "sis_login_id:uSER11")]
    assert found == [11, 11, 11, 11]
    assert [who(school, ref) for ref in ("13", "sis_user_id:s11", "sis_integration_id:x")] == [None] * 3


def test_a_deleted_user_vanishes_with_its_channels() -> None:
    """By number it can still be found, by SIS id not."""
    school = a_school()
    changes = school.delete_user(10)
    assert kinds(changes) == [("user_deleted", 10, None), ("retired", 10, 1), ("retired", 10, 2)]
    assert school.listed(1) == [11, 12]
    assert (who(school, "10"), who(school, "sis_user_id:S10")) == (10, None)
    assert list(school.live_channels()) == list(a_channels(school, 11))


def a_channels(school: School, user_id: int) -> list[dict[str, object]]:
    """A user's channels as the dump shows them."""
    return [channel for channel in school.live_channels() if channel["user_id"] == user_id]


def test_restoring_a_user_brings_no_channels_back() -> None:
    """It is listed again and reachable by its SIS id."""
    school = a_school()
    school.delete_user(10)
    assert kinds(school.restore_user(10)) == [("user_restored", 10, None)]
    assert (school.listed(1), live(school, 10), who(school, "sis_user_id:S10")) == ([10, 11, 12], [], 10)


def test_a_merge_moves_channels_and_retires_duplicates() -> None:
    """A moved channel keeps its id and stands behind the target's own."""
    school = a_school()
    changes = school.merge_users(10, 11)
    assert kinds(changes) == [("user_merged", 10, None), ("moved", 11, 2), ("retired", 10, 1)]
    assert (live(school, 10), live(school, 11)) == ([], [3, 2])
    assert school.channels[2].user_id == 11
    assert school.users[10].merged_into == 11


def test_a_merge_moves_logins() -> None:
    """The old user's SIS id finds the other one, until the merge is undone."""
    school = a_school()
    school.merge_users(10, 11)
    assert [who(school, ref) for ref in ("sis_user_id:S10", "sis_login_id:user10", "10")] == [11, 11, 10]
    school.restore_user(10)
    assert who(school, "sis_user_id:S10") == 10
    assert (live(school, 10), live(school, 11)) == ([], [3, 2])


def test_a_sis_id_can_change_hands() -> None:
    """Whoever had it has none afterwards."""
    school = a_school()
    school.change_sis_id(12, "S10")
    assert who(school, "sis_user_id:S10") == 12
    assert (school.users[10].sis_user_id, who(school, "sis_user_id:S12")) == (None, None)


def test_a_changed_sis_id_names_nobody_any_more() -> None:
    """The person is alive under the new one."""
    school = a_school()
    changes = school.change_sis_id(12, "T12")
    assert changes[0].as_json() == {"kind": "user_renamed", "user_id": 12, "channel_id": None, "before": "S12"}
    assert (who(school, "sis_user_id:S12"), who(school, "sis_user_id:T12")) == (None, 12)


def test_a_retired_channel_can_be_revived() -> None:
    """With its id, on the last position."""
    school = a_school()
    school.retire(1)
    assert live(school, 10) == [2]
    assert kinds(school.revive(1)) == [("revived", 10, 1)]
    assert live(school, 10) == [2, 1]


def test_creating_a_retired_address_revives_it() -> None:
    """As a POST does."""
    school = a_school()
    school.retire(1)
    assert kinds(school.create(10, "email", "SAME@example.com")) == [("revived", 10, 1)]


def test_an_address_can_change_under_its_id() -> None:
    """The change says what it was."""
    school = a_school()
    change = school.readdress(1, "new@example.com")[0]
    assert (change.kind, change.detail["before"], change.detail["address"]) == (
        Kind.READDRESSED,
        "same@example.com",
        "new@example.com",
    )
    assert school.channels[1].address == "new@example.com"


def test_bounces_and_confirmations_show() -> None:
    """In the dump as a site administrator sees them."""
    school = a_school()
    school.create(12, "email", "late@example.com", confirmed=False)
    school.bounce(3)
    school.bounce(3, summary="again")
    dump = {channel["id"]: channel for channel in school.live_channels()}
    assert (dump[3]["bounce_count"], dump[3]["last_bounce_summary"]) == (2, "again")
    assert (dump[1]["bounce_count"], dump[1]["last_bounce_at"]) == (0, None)
    assert dump[4]["workflow_state"] == "unconfirmed"
    school.confirm(4)
    assert school.channels[4].state == "active"


def test_a_new_user_is_listed() -> None:
    """With the next id, and a SIS id that it may take from another."""
    school = a_school()
    school.add_user("New One", account_id=2, sis_user_id="S10")
    assert (school.listed(2), who(school, "sis_user_id:S10")) == ([11, 12, 13], 13)


def test_what_canvas_could_not_do_is_an_error() -> None:
    """And changes nothing."""
    school = a_school()
    before = list(school.live_channels())
    with pytest.raises(ValueError, match="unique!"):
        school.create(10, "email", "SAME@example.com")
    with pytest.raises(ValueError, match="exists already"):
        school.readdress(1, "OWN@example.com")
    with pytest.raises(ValueError, match="cannot come back"):
        school.revive(1)
    with pytest.raises(ValueError, match="was not deleted"):
        school.restore_user(10)
    with pytest.raises(ValueError, match="into itself"):
        school.merge_users(10, 10)
    with pytest.raises(KeyError):
        school.retire(99)
    assert list(school.live_channels()) == before


def test_the_dead_cannot_be_changed() -> None:
    """A retired channel, a deleted user."""
    school = a_school()
    school.retire(3)
    school.delete_user(10)
    with pytest.raises(ValueError, match="retired"):
        school.bounce(3)
    with pytest.raises(ValueError, match="deleted"):
        school.merge_users(11, 10)


def test_new_channels_get_new_ids() -> None:
    """Also where an id is taken."""
    school = a_school()
    school.next_channel_id = 2
    assert kinds(school.create(12, "sms", "+1555")) == [("created", 12, 4)]


def test_every_user_is_in_the_dump_with_its_state() -> None:
    """Those that are gone too."""
    school = a_school()
    school.delete_user(10)
    school.merge_users(11, 12)
    states = {user["id"]: (user["state"], user["merged_into"]) for user in school.user_states()}
    assert states == {10: ("deleted", None), 11: ("merged", 12), 12: ("present", None)}
