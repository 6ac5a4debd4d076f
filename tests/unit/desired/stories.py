"""The plans that the golden files show."""

from dataclasses import replace

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.guards import Allowances, Ruling, rule
from sync_worker.desired.model import Mode, Wish
from sync_worker.desired.plan import Plan, PlannedUser, Source, Suspicion, Warn
from tests.unit.desired.builders import LIMITS, MORNING, NOTHING_DONE, channel, plan, user, wanted, wish

HOSTILE = "=cmd|'/c calc'!A0\x1b[31m\u202e`<script>alert(1)</script>` @everyone\n| x |"
"""Text that wants to be a formula, an escape sequence, markup, a mention and a new row."""


def everything() -> tuple[Plan, Ruling]:
    """A plan in which everything occurs, weighed by strict guards."""
    source = Source(
        document="lists/desired.csv",
        digest="5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
        users=9,
        users_before=10,
        unresolved=("sis_user_id:S404 (desired.csv:12)",),
    )
    users = (_moving(), _unreachable(), _invited(), _doubtful(), _hostile(), _mistyped(), _only_unmanaged())
    whole = plan(*users, source=source, unchanged=3, managed_live=40, made_at=MORNING)
    limits = replace(LIMITS, max_messages=1, protect=("*@school.example",))
    return whole, rule(whole, limits, Allowances(default_change=True), NOTHING_DONE)


def usual() -> tuple[Plan, Ruling]:
    """A plan that the guards let pass."""
    new = wish("amy@school.example", where="desired.csv:2")
    old = (wish("bernadette@old.example", reason="bounces", where="desired.csv:3"),)
    kept = channel(71, "bernadette@school.example", user_id=8)
    users = (
        user(wanted([new], user_id=7), [channel(61, "amy@example.com", user_id=7)]),
        user(wanted(absent=old, user_id=8), [kept, channel(72, "Bernadette@old.example", user_id=8)]),
        user(
            wanted(["howard@school.example"], mode=Mode.EXACT, user_id=9), [channel(81, "howard@gmail.com", user_id=9)]
        ),
    )
    whole = plan(*users, unchanged=1, managed_live=4, made_at=MORNING)
    return whole, rule(whole, LIMITS, Allowances(default_change=True), NOTHING_DONE)


def quiet() -> tuple[Plan, Ruling]:
    """A plan with nothing to do."""
    whole = plan(unchanged=4, made_at=MORNING, source=Source(document="desired.yaml", digest="a1", users=4))
    return whole, rule(whole, LIMITS, Allowances(), NOTHING_DONE)


def _moving() -> PlannedUser:
    """Mail moves from one domain to another."""
    new = wish("sheldon@school.example", reason="new address", where="desired.csv:2")
    live = [channel(11, "Sheldon.Cooper@GMail.com"), channel(12, "+1 555 0100", "sms"), channel(13, "All", "push")]
    return user(wanted([new], mode=Mode.EXACT), live)


def _unreachable() -> PlannedUser:
    """The only address is to go."""
    gone = (wish("penny@school.example", reason="left", where="desired.csv:3"),)
    live = [channel(21, "penny@school.example", user_id=2)]
    return user(wanted(absent=gone, user_id=2, ref=UserRef(kind=RefKind.LOGIN, value="penny")), live)


def _invited() -> PlannedUser:
    """Two messages to one person."""
    asked = [Wish(type="email", address=f"leonard{n}@new.example", skip_confirmation=False) for n in (1, 2)]
    return user(wanted(asked, user_id=3, ref=UserRef(kind=RefKind.ID, value="3")))


def _doubtful() -> PlannedUser:
    """SIS has its own opinion of these."""
    live = [channel(40 + n, f"raj{n}@old.example", user_id=4) for n in range(3)]
    doubts = [
        Suspicion(channel_id=41, warn=Warn.SIS_REFUSED),
        Suspicion(channel_id=42, warn=Warn.SIS_REAPPEARED),
    ]
    return user(wanted([live[0].address], mode=Mode.EXACT, user_id=4), live, doubts)


def _hostile() -> PlannedUser:
    """Somebody tries every renderer."""
    live = [channel(51, "plain@example.com", user_id=5), channel(52, f"{HOSTILE}@example.com", user_id=5)]
    new = wish("长长的地址@例え.jp", reason=HOSTILE, where=HOSTILE)
    ref = UserRef(kind=RefKind.SIS, value=HOSTILE)
    return user(wanted(["plain@example.com", new], mode=Mode.EXACT, user_id=5, ref=ref), live)


def _mistyped() -> PlannedUser:
    """What was copied out of a web page is no address."""
    new = wish("mailto:emily@school.example", where="desired.csv:8")
    return user(wanted([new], mode=Mode.EXACT, user_id=8), [channel(81, "emily@home.example", user_id=8)])


def _only_unmanaged() -> PlannedUser:
    """Nothing to do but to say so."""
    texts = (wish("+1 555 0199", "sms", where="desired.csv:9"), wish("phone", "push"))
    return user(wanted(texts, user_id=6))
