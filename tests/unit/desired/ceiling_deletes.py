"""Approved deletes that are due, or not any more, by what a user has now."""

from dataclasses import replace
from typing import Any

from sync_worker.channels import Channel
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.guards import Allowances
from sync_worker.desired.plan import PlannedUser
from tests.unit.desired.builders import MORNING, channel, user, wanted, wish
from tests.unit.desired.ceiling_cases import OPEN, Deleting
from tests.unit.desired.guard_cases import GENEROUS
from tests.unit.desired.guard_people import DEFAULT, LAST, UNUSABLE

BOTH = frozenset({"email", "sms"})
A, B, C = channel(1, "a@x"), channel(2, "b@x"), channel(3, "c@x")
PHONE = channel(4, "+1", "sms")
N = channel(9, "n@x")


def now(it: Channel, **facts: Any) -> Channel:
    """A channel as it is now."""
    return it.model_copy(update=facts)


def losing(*doomed: str, live: tuple[Channel, ...] = (A, B, C), gaining: tuple[str, ...] = ()) -> PlannedUser:
    """A user of whom these are to go."""
    absent = tuple(wish(each, "sms" if each.startswith("+") else "email") for each in doomed)
    return user(wanted(gaining, absent=absent, manage=BOTH), live)


def unconfirmed(it: Channel) -> Channel:
    """Not active (yet)."""
    return now(it, workflow_state="unconfirmed")


def bounced(it: Channel) -> Channel:
    """Canvas sends nothing there any more."""
    return now(it, last_bounce_at=MORNING)


# --- what was approved -----------------------------------------------------------------------------------

GONE = ("gone", "it is gone already")
READDRESSED = ("skipped", "channel 2 has another address now")
WITHOUT_B = losing("b@x")

APPROVED = [
    Deleting(name="as it was", approved=WITHOUT_B, live=(A, B, C), due=("b@x",)),
    Deleting(name="settled", approved=losing("b@x", "c@x"), live=(A, B, C), settled=frozenset({"c@x"}), due=("b@x",)),
    Deleting(name="nothing asked for", approved=WITHOUT_B, live=(A, B, C), settled=frozenset({"b@x"})),
    Deleting(name="gone", approved=WITHOUT_B, live=(A, C), dropped={"b@x": GONE}),
    Deleting(name="everything gone", approved=WITHOUT_B, live=(), dropped={"b@x": GONE}),
    Deleting(
        name="the address has come back as another channel",
        approved=WITHOUT_B,
        live=(A, channel(8, "b@x"), C),
        dropped={"b@x": GONE},
    ),
    Deleting(name="readdressed", approved=WITHOUT_B, live=(A, now(B, address="z@x")), dropped={"b@x": READDRESSED}),
    Deleting(name="of another type", approved=WITHOUT_B, live=(A, now(B, type="sms")), dropped={"b@x": READDRESSED}),
    Deleting(name="in other letters", approved=WITHOUT_B, live=(A, now(B, address="B@X")), due=("b@x",)),
    Deleting(
        name="unconfirmed since",
        approved=WITHOUT_B,
        live=(A, unconfirmed(B)),
        dropped={"b@x": ("skipped", "it was active when the plan was made, and is unconfirmed now")},
    ),
    Deleting(
        name="confirmed since",
        approved=losing("b@x", live=(A, unconfirmed(B))),
        live=(A, B),
        dropped={"b@x": ("skipped", "it was unconfirmed when the plan was made, and is active now")},
    ),
    Deleting(
        name="a channel that the plan has not seen",
        approved=replace(WITHOUT_B, diff=replace(WITHOUT_B.diff, live=(A, C))),
        live=(A, B, C),
        dropped={"b@x": ("skipped", "it was unknown when the plan was made, and is active now")},
    ),
    Deleting(name="bounced since", approved=WITHOUT_B, live=(A, bounced(B)), due=("b@x",)),
    Deleting(name="others came and went", approved=WITHOUT_B, live=(A, B, channel(7, "z@x"), PHONE), due=("b@x",)),
    Deleting(
        name="each for itself",
        approved=losing("b@x", "c@x", "+1", live=(A, B, C, PHONE)),
        live=(A, now(B, address="z@x"), PHONE),
        due=("+1",),
        dropped={"b@x": READDRESSED, "c@x": GONE},
    ),
]

# --- replacements ----------------------------------------------------------------------------------------

NOT_REPLACED = ("withheld", "its replacement is not there")
MOVING = losing("a@x", live=(A,), gaining=("n@x",))
ASKING = user(wanted([wish("n@x", skip_confirmation=False)], absent=(wish("b@x"),)), (A, B))
TWO_FOR_ONE = losing("b@x", live=(A, B), gaining=("n@x", "m@x"))
ONE_FOR_TWO = losing("a@x", "b@x", live=(A, B), gaining=("n@x",))
AND_A_PHONE = user(wanted(["n@x", wish("+2", "sms")], absent=(wish("b@x"),), manage=BOTH), (A, B))

REPLACED = [
    Deleting(name="replaced", approved=MOVING, live=(A, N), due=("a@x",)),
    Deleting(name="replaced, in other letters", approved=MOVING, live=(A, now(N, address="N@X")), due=("a@x",)),
    Deleting(name="not replaced", approved=MOVING, live=(A,), dropped={"a@x": NOT_REPLACED}),
    Deleting(
        name="replaced by another type", approved=MOVING, live=(A, now(N, type="sms")), dropped={"a@x": NOT_REPLACED}
    ),
    Deleting(
        name="the replacement waits for its person, and was to be active",
        approved=MOVING,
        live=(A, unconfirmed(N)),
        dropped={"a@x": NOT_REPLACED},
    ),
    Deleting(name="the replacement waits for its person", approved=ASKING, live=(A, B, unconfirmed(N)), due=("b@x",)),
    Deleting(name="nobody was asked yet", approved=ASKING, live=(A, B), dropped={"b@x": NOT_REPLACED}),
    Deleting(name="half replaced", approved=TWO_FOR_ONE, live=(A, B, N), dropped={"b@x": NOT_REPLACED}),
    Deleting(name="replaced twice", approved=TWO_FOR_ONE, live=(A, B, channel(10, "m@x"), N), due=("b@x",)),
    Deleting(name="a telephone replaces no address", approved=AND_A_PHONE, live=(A, B, N), due=("b@x",)),
    Deleting(
        name="what went before replaces nothing",
        approved=ONE_FOR_TWO,
        live=(A, N),
        settled=frozenset({"b@x"}),
        due=("a@x",),
    ),
    Deleting(
        name="only what is replaced waits",
        approved=user(wanted(["n@x"], absent=(wish("b@x"), wish("+1", "sms")), manage=BOTH), (A, B, PHONE)),
        live=(A, B, PHONE),
        due=("+1",),
        dropped={"b@x": NOT_REPLACED},
    ),
]

# --- guards ----------------------------------------------------------------------------------------------

P1 = replace(OPEN, max_deletes_per_user=1)
TWO = ("withheld", "2 deletes for one user (limit guards.max_deletes_per_user = 1)")
ONLY_B = ("withheld", "protected by guards.protect = b@*")
PUSHED = channel(5, "All", "push")
PUSHING = replace(
    WITHOUT_B,
    diff=replace(
        WITHOUT_B.diff,
        live=(A, B, PUSHED),
        changes=(Change(kind=Kind.DELETE, user_id=1, type="push", address="All", channel_id=5),),
    ),
)

GUARDED = [
    Deleting(
        name="protected",
        approved=losing("b@x", "c@x"),
        live=(A, B, C),
        limits=replace(OPEN, protect=("b@*",)),
        due=("c@x",),
        dropped={"b@x": ONLY_B},
    ),
    Deleting(
        name="too many for one user",
        approved=losing("b@x", "c@x"),
        live=(A, B, C),
        limits=P1,
        dropped={"b@x": TWO, "c@x": TWO},
    ),
    Deleting(
        name="what is gone does not count",
        approved=losing("b@x", "c@x"),
        live=(A, B),
        limits=P1,
        due=("b@x",),
        dropped={"c@x": GONE},
    ),
    Deleting(
        name="a push channel in a plan that no diff makes",
        approved=PUSHING,
        live=(A, B, PUSHED),
        dropped={"All": ("withheld", "push channels are never touched")},
    ),
    Deleting(
        name="what stays changes what the others mean",
        approved=losing("a@x", "b@x"),
        live=(A, B, C),
        limits=replace(OPEN, protect=("b@*",)),
        dropped={
            "b@x": ONLY_B,
            "a@x": ("withheld", "the default address would become b@x now, which the plan does not say"),
        },
    ),
]

# --- the last address ------------------------------------------------------------------------------------

NOW_LAST = ("withheld", "it would leave the user without a deliverable e-mail now, which the plan does not say")
KEPT = ("withheld", LAST)
ALL_GOING = losing("a@x", live=(A,))

LAST_ADDRESS = [
    Deleting(
        name="approved, and kept all the same", approved=ALL_GOING, live=(A,), limits=GENEROUS, dropped={"a@x": KEPT}
    ),
    Deleting(name="approved", approved=ALL_GOING, live=(A,), due=("a@x",)),
    Deleting(
        name="not the last one any more",
        approved=ALL_GOING,
        live=(now(A, position=9), B),
        limits=GENEROUS,
        due=("a@x",),
    ),
    Deleting(name="the last one now", approved=WITHOUT_B, live=(B,), dropped={"b@x": NOW_LAST}),
    Deleting(name="the last one now, kept", approved=WITHOUT_B, live=(B,), limits=GENEROUS, dropped={"b@x": KEPT}),
    Deleting(name="the other one bounces now", approved=WITHOUT_B, live=(bounced(A), B), dropped={"b@x": NOW_LAST}),
    Deleting(name="nothing is delivered either way", approved=WITHOUT_B, live=(bounced(A), bounced(B)), due=("b@x",)),
    Deleting(
        name="a telephone is no e-mail",
        approved=losing("b@x", "+1", live=(A, B, PHONE)),
        live=(B, PHONE),
        due=("+1",),
        dropped={"b@x": NOW_LAST},
    ),
    Deleting(name="who has no e-mail", approved=losing("+1", live=(PHONE,)), live=(PHONE,), due=("+1",)),
]

# --- the default address ---------------------------------------------------------------------------------

A_TO_C = losing("a@x", live=(A, C))
FROM_BOUNCED = losing("a@x", live=(bounced(A), C))


def becoming(address: str) -> tuple[str, str]:
    """Why a delete that moves mail stays."""
    return ("withheld", f"the default address would become {address} now, which the plan does not say")


DEFAULT_ADDRESS = [
    Deleting(name="as approved", approved=A_TO_C, live=(A, C), due=("a@x",)),
    Deleting(name="as approved, in other letters", approved=A_TO_C, live=(A, now(C, address="C@X")), due=("a@x",)),
    Deleting(
        name="not allowed",
        approved=A_TO_C,
        live=(A, C),
        allowances=Allowances(),
        dropped={"a@x": ("withheld", DEFAULT)},
    ),
    Deleting(name="another one", approved=A_TO_C, live=(A, B, C), dropped={"a@x": becoming("b@x")}),
    Deleting(
        name="another one, not allowed either",
        approved=A_TO_C,
        live=(A, B, C),
        allowances=Allowances(),
        dropped={"a@x": ("withheld", DEFAULT)},
    ),
    Deleting(
        name="another one, expected all the same",
        approved=A_TO_C,
        live=(A, B, C),
        allowances=Allowances(default_change=True, expect_deletes=1),
        dropped={"a@x": becoming("b@x")},
    ),
    Deleting(
        name="was not to change", approved=WITHOUT_B, live=(B, now(A, position=3)), dropped={"b@x": becoming("a@x")}
    ),
    Deleting(
        name="was not to change, and becomes what was foretold",
        approved=losing("b@x", live=(A, B, C)),
        live=(B, now(A, position=8)),
        dropped={"b@x": becoming("a@x")},
    ),
    Deleting(name="has changed already", approved=A_TO_C, live=(now(A, position=9), C), due=("a@x",)),
    Deleting(name="none now", approved=FROM_BOUNCED, live=(bounced(A), unconfirmed(C)), dropped={"a@x": NOW_LAST}),
    Deleting(name="one now", approved=ALL_GOING, live=(A, C), dropped={"a@x": becoming("c@x")}),
    Deleting(
        name="a blank one is not none", approved=ALL_GOING, live=(A, channel(3, "")), dropped={"a@x": becoming("none")}
    ),
    Deleting(
        name="a telephone moves no mail",
        approved=losing("a@x", "+1", live=(A, C, PHONE)),
        live=(A, B, C, PHONE),
        due=("+1",),
        dropped={"a@x": becoming("b@x")},
    ),
]

# --- what does not look like an address --------------------------------------------------------------------

GOOD, OTHER, TYPO = channel(1, "ann@x.example"), channel(2, "ann@y.example"), channel(3, "mailto:ann@x.example")
MISTYPED = user(wanted([TYPO.address], absent=(wish(GOOD.address),)), (GOOD,))
ONE_OF_THREE = user(wanted(absent=(wish(GOOD.address), wish("+1", "sms")), manage=BOTH), (GOOD, OTHER, TYPO, PHONE))
UNUSABLE_ALLOWED = Allowances(default_change=True, unusable_replacement=True)
STRAY = ("withheld", "what would be left does not look like an address now, which the plan does not say")

UNUSABLE_ADDRESS = [
    Deleting(
        name="a typo came in its stead",
        approved=MISTYPED,
        live=(GOOD, TYPO),
        dropped={GOOD.address: ("withheld", UNUSABLE)},
    ),
    Deleting(
        name="a typo came in its stead, as allowed",
        approved=MISTYPED,
        live=(GOOD, TYPO),
        allowances=UNUSABLE_ALLOWED,
        due=(GOOD.address,),
    ),
    Deleting(
        name="another one is left",
        approved=ONE_OF_THREE,
        live=(GOOD, OTHER, TYPO),
        due=(GOOD.address,),
        dropped={"+1": GONE},
    ),
    Deleting(
        name="nothing but a typo is left now",
        approved=ONE_OF_THREE,
        live=(GOOD, TYPO, PHONE),
        allowances=UNUSABLE_ALLOWED,
        due=("+1",),
        dropped={GOOD.address: STRAY},
    ),
]

# --- the order -------------------------------------------------------------------------------------------

ORDER = [
    Deleting(name="as Canvas lists them", approved=losing("b@x", "c@x"), live=(A, B, C), due=("b@x", "c@x")),
    Deleting(name="the default address last", approved=losing("a@x", "b@x"), live=(A, B, C), due=("b@x", "a@x")),
    Deleting(
        name="the default address as it is now",
        approved=losing("a@x", "b@x"),
        live=(now(A, position=2), now(B, position=1), C),
        due=("a@x", "b@x"),
    ),
    Deleting(
        name="the default address after telephones too",
        approved=losing("a@x", "+1", live=(A, C, PHONE)),
        live=(A, C, PHONE),
        due=("+1", "a@x"),
    ),
]

DELETES = (*APPROVED, *REPLACED, *GUARDED, *LAST_ADDRESS, *DEFAULT_ADDRESS, *UNUSABLE_ADDRESS, *ORDER)
