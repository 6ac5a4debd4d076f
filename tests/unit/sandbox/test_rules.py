"""Creating and retiring: what Canvas's controller and model do."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sandbox import rules
from sync_worker.sandbox.model import PUSH_ADDRESS, Bounce, Channel, Key, User
from sync_worker.sandbox.rules import Created, Limits, Refusal, Wish

NOW = 1_750_000_000


def user(*channels: Channel) -> User:
    """A user with these channels."""
    return User(id=1, account_id=1, name="Ada Lovelace", created_at=0, channels=list(channels))


def mail(number: int, address: str, **fields: object) -> Channel:
    """An e-mail channel."""
    values = {"position": number, **fields}
    return Channel(id=number, user_id=1, type="email", address=address, created_at=0, **values)  # type: ignore[arg-type]


def post(who: User, wish: Wish, limits: Limits | None = None) -> Created | Refusal:
    """What the server does with a POST."""
    refusal = rules.refuse_create(who, wish, limits or Limits(), now=NOW)
    return refusal or rules.create(who, wish, next_id=count(100).__next__, now=NOW)


def made(who: User, wish: Wish, limits: Limits | None = None) -> Created:
    """The same, where it has to work."""
    result = post(who, wish, limits)
    assert isinstance(result, Created)
    return result


def refused(who: User, wish: Wish, limits: Limits | None = None) -> Refusal:
    """The same, where it has to be refused."""
    result = post(who, wish, limits)
    assert isinstance(result, Refusal)
    return result


def test_a_new_channel_takes_the_last_position() -> None:
    """Behind all others, retired ones included."""
    ada = user(mail(1, "a@example.com"), mail(2, "b@example.com", position=7, state="retired"))
    channel = made(ada, Wish(type="email", address="c@example.com", confirmed=True)).channel
    assert (channel.position, channel.state, channel.created_at) == (8, "active", NOW)


def test_without_the_right_to_skip_it_is_unconfirmed_and_a_message_goes_out() -> None:
    """A confirmation goes to a real person."""
    result = made(user(), Wish(type="email", address="c@example.com"))
    assert (result.channel.state, result.message) == ("unconfirmed", True)


def test_a_confirmed_channel_sends_no_message() -> None:
    """That is what skipping is for."""
    assert not made(user(), Wish(type="email", address="c@example.com", confirmed=True)).message


def test_an_existing_address_is_refused_in_any_casing() -> None:
    """400 with an errors object for `path`."""
    ada = user(mail(1, "Ada@Example.com"))
    refusal = refused(ada, Wish(type="email", address="aDA@example.COM"))
    assert refusal.status == 400
    assert refusal.errors["path"][0]["message"] == "unique!"


def test_the_same_address_may_exist_as_another_type() -> None:
    """Uniqueness is (type, lower(address))."""
    ada = user(mail(1, "+15551234567@example.com"))
    assert made(ada, Wish(type="sms", address="+15551234567@example.com")).channel.id == 100


@pytest.mark.parametrize(
    ("have", "wanted", "is_there"),
    [
        ("ΟΔΟΣ@x.example", "οδοσ@x.example", True),
        ("ΟΔΟΣ@x.example", "οδος@x.example", False),  # no rule for the end of a word
        ("İ@x.example", "i@x.example", True),
        ("STRASSE@x.example", "straße@x.example", False),
    ],
)
def test_letters_are_lowered_one_by_one(have: str, wanted: str, *, is_there: bool) -> None:
    """As PostgreSQL's lower() does for Canvas."""
    assert isinstance(post(user(mail(1, have)), Wish(type="email", address=wanted)), Refusal) is is_there


def test_a_retired_channel_comes_back_with_its_old_id() -> None:
    """New casing, bounces forgotten, last position, no new row."""
    old = mail(1, "ada@example.com", state="retired", bounce=Bounce(count=3), retired_at=NOW - 5)
    ada = user(old, mail(2, "b@example.com"))
    result = made(ada, Wish(type="email", address="ADA@example.com", confirmed=True))
    assert result.revived
    assert result.channel is old
    assert (old.id, old.address, old.state, old.position) == (1, "ADA@example.com", "active", 3)
    assert (old.bounce, old.retired_at) == (None, None)
    assert len(ada.channels) == 2


def test_a_live_twin_hides_a_retired_one() -> None:
    """After a merge both may exist; the live one counts."""
    ada = user(mail(1, "a@example.com", state="retired"), mail(2, "A@example.com"))
    found = rules.find(ada, Key("email", "a@example.com"))
    assert found is not None
    assert found.id == 2
    assert refused(ada, Wish(type="email", address="a@example.com")).status == 400


@pytest.mark.parametrize(
    "address",
    ["", "nope", "a b@example.com", "@example.com", "a@", "a@example", "a@@example.com", "a@example..com"],
)
def test_an_invalid_address_is_refused(address: str) -> None:
    """400 for `path`."""
    refusal = refused(user(), Wish(type="email", address=address))
    assert (refusal.status, list(refusal.errors)) == (400, ["path"])


@pytest.mark.parametrize("address", ["zoë.müller@bücher.example.com", "a/b+c%d?e@example.com", "用户@example.com"])
def test_unusual_addresses_are_addresses(address: str) -> None:
    """Unicode and awkward characters are allowed."""
    assert made(user(), Wish(type="email", address=address)).channel.address == address


def test_an_address_wider_than_the_column_is_refused() -> None:
    """255 characters fit, 256 do not."""
    made(user(), Wish(type="email", address="a" * 243 + "@example.com"))
    assert refused(user(), Wish(type="email", address="a" * 244 + "@example.com")).status == 400


def test_push_needs_sns() -> None:
    """400 with `errors.type` unless the installation is configured."""
    wish = Wish(type="push", push_token="device")
    assert refused(user(), wish).errors == {"type": "SNS is not configured for this developer key"}
    result = made(user(), wish, Limits(push_allowed=True))
    assert (result.channel.address, result.channel.state, result.message) == (PUSH_ADDRESS, "active", False)


def test_push_needs_a_token() -> None:
    """No address, but a token."""
    assert refused(user(), Wish(type="push"), Limits(push_allowed=True)).status == 400


def test_a_second_device_uses_the_same_push_channel() -> None:
    """Both tokens are known, case-insensitively; there is one channel."""
    ada = user()
    limits = Limits(push_allowed=True)
    first = made(ada, Wish(type="push", push_token="One"), limits)
    second = made(ada, Wish(type="push", push_token="two"), limits)
    assert first.channel is second.channel
    assert ada.push_tokens == {"one", "two"}


def test_the_hundredth_channel_is_the_last() -> None:
    """More can only be there from before the limit."""
    ada = user(*[mail(i, f"m{i}@example.com") for i in range(1, 101)])
    assert refused(ada, Wish(type="email", address="new@example.com")).status == 400
    rules.retire(ada.channels[0], now=NOW)
    made(ada, Wish(type="email", address="new@example.com"))


def test_the_account_setting_counts_what_was_retired_within_the_hour() -> None:
    """Create-and-delete churn hits it; an hour later it is forgotten."""
    limits = Limits(max_recent=2)
    ada = user(mail(1, "a@example.com"), mail(2, "b@example.com", state="retired", retired_at=NOW - 3000))
    refusal = refused(ada, Wish(type="email", address="c@example.com"), limits)
    assert refusal.errors == {"type": "Maximum number of communication channels reached"}
    ada.channels[1].retired_at = NOW - 3600
    made(ada, Wish(type="email", address="c@example.com"), limits)


def test_a_channel_gets_three_messages_at_most() -> None:
    """Create and delete as often as you like."""
    ada, wish = user(), Wish(type="email", address="a@example.com")
    sent = []
    for _ in range(5):
        result = made(ada, wish)
        sent.append(result.message)
        rules.retire(result.channel, now=NOW)
    assert sent == [True, True, True, False, False]


def test_a_sis_channel_cannot_be_deleted_unless_the_account_allows_it() -> None:
    """401, an empty error object."""
    channel = mail(1, "a@example.com", sis_locked=True)
    assert rules.refuse_delete(channel, Limits()) == Refusal(status=401, errors={})
    assert rules.refuse_delete(channel, Limits(edit_institution_email=True)) is None


def test_a_one_time_password_channel_cannot_be_deleted() -> None:
    """400."""
    refusal = rules.refuse_delete(mail(1, "+1555", otp=True), Limits())
    assert refusal is not None
    assert refusal.status == 400


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b", "B", "c"]), st.booleans()), max_size=30))
def test_live_channels_stay_unique(steps: list[tuple[str, bool]]) -> None:
    """Whatever is created and retired, no two live channels share (type, lower(address))."""
    ada, ids = user(), count(1)
    for name, creates in steps:
        wish = Wish(type="email", address=f"{name}@example.com", confirmed=True)
        if creates:
            if rules.refuse_create(ada, wish, Limits(), now=NOW) is None:
                rules.create(ada, wish, next_id=ids.__next__, now=NOW)
        elif ada.live_channels():
            rules.retire(ada.live_channels()[0], now=NOW)
        keys = [channel.key for channel in ada.live_channels()]
        assert len(keys) == len(set(keys))
        assert len({channel.id for channel in ada.channels}) == len(ada.channels) <= 3
