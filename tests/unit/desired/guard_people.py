"""Which single changes the guards withhold, whatever else is allowed."""

from collections.abc import Iterable
from dataclasses import replace

from sync_worker.channels import Channel
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.guards import Allowances, GuardLimits
from sync_worker.desired.model import Mode, Wish
from sync_worker.desired.plan import PlannedUser
from tests.unit.desired.builders import channel, creating, deleting, plan, user, wanted, wish
from tests.unit.desired.guard_cases import C10, D10, DELETES, ELEVEN_CREATES, ELEVEN_DELETES, GENEROUS, M2, Case

# --- single changes -------------------------------------------------------------------------------------


def removing(
    *addresses: str,
    keeping: Iterable[str] = ("kept@school.example",),
    type: str = "email",  # noqa: A002
    region: str | None = None,
) -> PlannedUser:
    """A user who loses these; the default stays unless nothing is kept."""
    kept = [channel(number, address) for number, address in enumerate(keeping, start=1)]
    doomed = [channel(number, address, type) for number, address in enumerate(addresses, start=10)]
    absent = tuple(wish(address, type, phone_region=region) for address in addresses)
    return user(wanted(absent=absent, manage=frozenset({"email", "sms"}), phone_region=region), [*kept, *doomed])


def protecting(*patterns: str) -> GuardLimits:
    """Only addresses that do not match may go."""
    return replace(GENEROUS, protect=patterns)


def protected(pattern: str) -> str:
    """Why they stay."""
    return f"protected by guards.protect = {pattern}"


PROTECTED = [
    Case(
        name="protected and not",
        plan=plan(removing("a@school.edu", "a@home.edu"), creating(2)),
        limits=protecting("*@school.edu"),
        withheld={"a@school.edu": protected("*@school.edu")},
    ),
    *(
        Case(
            name=f"{address} matches {pattern}",
            plan=plan(removing(address)),
            limits=protecting("nobody@nowhere", pattern),
            withheld={address: protected(pattern)},
        )
        for address, pattern in [
            ("A@School.EDU", "*@school.edu"),
            ("a@school.edu", "*@SCHOOL.edu"),
            ("Ödön@x", "öDÖN@x"),
            ("İo@x", "i?@x"),
            ("ΣΠΣ@x", "*πσ@x"),
            ("a1@x", "a[0-9]@x"),
            ("two\nlines@x", "*@x"),
        ]
    ),
    *(
        Case(name=f"{address} does not match {pattern}", plan=plan(removing(address)), limits=protecting(pattern))
        for address, pattern in [
            ("a@school.edu.evil.example", "*@school.edu"),
            ("a@sub.school.edu", "*@school.edu"),
            ("b@x", "a@x"),
            ("ab@x", "a[0-9]@x"),
        ]
    ),
    Case(
        name="a telephone may be protected",
        plan=plan(removing("+1 555", type="sms")),
        limits=protecting("+1*"),
        withheld={"+1 555": protected("+1*")},
    ),
    *(
        Case(
            name=f"the number {number} is {pattern} in {region}",
            plan=plan(removing(number, type="sms", region=region)),
            limits=protecting(pattern),
            withheld={number: protected(pattern)} if same else {},
        )
        for number, pattern, region, same in [
            ("(555) 026-1041", "+15550261041", "US", True),
            ("(555) 026-1041", "+15550261041", None, False),
            ("+1 555 026 1041", "+1 (555) 026-1041", None, True),
        ]
    ),
    Case(name="creates need no protection", plan=plan(creating(1)), limits=protecting("*")),
    Case(
        name="nothing allows it",
        plan=plan(removing("a@x", keeping=())),
        limits=protecting("*"),
        allowances=Allowances(expect_deletes=1, default_change=True, empty=True),
        withheld={"a@x": protected("*")},
    ),
]

P2 = replace(GENEROUS, max_deletes_per_user=2)
FOUR = "3 deletes for one user (limit guards.max_deletes_per_user = 2)"
PER_USER = [
    Case(name="at the limit for each", plan=plan(deleting(1, 2), deleting(2, 2)), limits=P2),
    Case(
        name="one user over the limit",
        plan=plan(deleting(1, 3), deleting(2, 2)),
        limits=P2,
        withheld={f"u1.{number}@old.example": FOUR for number in (1, 2, 3)},
    ),
    Case(name="creates do not count", plan=plan(creating(1, 3)), limits=P2),
]

LAST = "it would leave the user without a deliverable e-mail (guards.keep_last_email)"
DEFAULT = "it would change the user's default address (option --allow-default-change)"
DEFAULT_ALLOWED = Allowances(default_change=True)
UNPROTECTED = replace(GENEROUS, keep_last_email=False)
MOVING = user(wanted(["new@x"], absent=(wish("old@x"),)), [channel(1, "old@x")])
ASKED = user(wanted([wish("new@x", skip_confirmation=False)], absent=(wish("old@x"),)), [channel(1, "old@x")])
PHONES = user(
    wanted(absent=(wish("a@x"), wish("+1", "sms")), manage=frozenset({"email", "sms"})),
    [channel(1, "a@x"), channel(2, "+1", "sms")],
)
PEOPLE = [
    Case(name="the last e-mail", plan=plan(removing("a@x", keeping=())), withheld={"a@x": LAST}),
    Case(
        name="the last e-mails",
        plan=plan(removing("a@x", "b@x", keeping=())),
        allowances=DEFAULT_ALLOWED,
        withheld={"a@x": LAST, "b@x": LAST},
    ),
    Case(
        name="the last e-mail, not kept",
        plan=plan(removing("a@x", keeping=())),
        limits=UNPROTECTED,
        allowances=DEFAULT_ALLOWED,
    ),
    Case(
        name="the last e-mail, not kept, is the default too",
        plan=plan(removing("a@x", keeping=())),
        limits=UNPROTECTED,
        withheld={"a@x": DEFAULT},
    ),
    Case(
        name="not even when expected",
        plan=plan(removing("a@x", keeping=())),
        allowances=Allowances(expect_deletes=1),
        withheld={"a@x": LAST},
    ),
    Case(name="the telephone of a user without e-mail", plan=plan(removing("+1", keeping=(), type="sms"))),
    Case(
        name="the telephone may go, the last e-mail may not",
        plan=plan(PHONES),
        allowances=DEFAULT_ALLOWED,
        withheld={"a@x": LAST},
    ),
    Case(
        name="the telephone may go, the default may not",
        plan=plan(PHONES),
        limits=UNPROTECTED,
        withheld={"a@x": DEFAULT},
    ),
    Case(name="another default address", plan=plan(MOVING), withheld={"old@x": DEFAULT}),
    Case(name="another default address, allowed", plan=plan(MOVING), allowances=DEFAULT_ALLOWED),
    Case(
        name="unconfirmed is not there yet",
        plan=plan(ASKED),
        limits=M2,
        allowances=DEFAULT_ALLOWED,
        withheld={"old@x": LAST},
    ),
]

UNUSABLE = "its replacement does not look like an address (option --allow-unusable-replacement)"
UNUSABLE_ALLOWED = Allowances(default_change=True, unusable_replacement=True)
GOOD, TYPO, OTHER = "ann@school.example", "mailto:ann@school.example", "ann@home.example"


def becoming(*wishes: Wish | str, live: Iterable[Channel] = (channel(1, GOOD),)) -> PlannedUser:
    """A user who is to have these and nothing else."""
    return user(wanted(wishes, mode=Mode.EXACT, manage=frozenset({"email", "sms"})), live)


SMS_LIVE = (channel(1, GOOD), channel(2, "+1 555 026 1041", "sms"))
UNUSABLE_REPLACEMENTS = [
    Case(name="a typo replaces a good address", plan=plan(becoming(TYPO)), withheld={GOOD: UNUSABLE}),
    Case(name="a typo replaces a good address, allowed", plan=plan(becoming(TYPO)), allowances=UNUSABLE_ALLOWED),
    Case(
        name="nothing else allows it",
        plan=plan(becoming(TYPO)),
        allowances=Allowances(expect_creates=1, expect_deletes=1, default_change=True, empty=True),
        withheld={GOOD: UNUSABLE},
    ),
    Case(
        name="and it allows nothing else",
        plan=plan(becoming(TYPO)),
        allowances=Allowances(unusable_replacement=True),
        withheld={GOOD: DEFAULT},
    ),
    Case(
        name="several typos",
        plan=plan(becoming(TYPO, "ann@school")),
        allowances=DEFAULT_ALLOWED,
        withheld={GOOD: UNUSABLE},
    ),
    Case(name="one of several is good", plan=plan(becoming(OTHER, TYPO)), allowances=DEFAULT_ALLOWED),
    Case(
        name="one of several is good, and mail goes to the other",
        plan=plan(becoming(TYPO, OTHER)),
        allowances=DEFAULT_ALLOWED,
        withheld={GOOD: UNUSABLE},
    ),
    Case(name="a good one is kept", plan=plan(becoming(GOOD, TYPO, live=(channel(1, GOOD), channel(2, OTHER))))),
    Case(
        name="a good one is kept, unconfirmed",
        plan=plan(becoming(GOOD, TYPO, live=(channel(1, GOOD, workflow_state="unconfirmed"), channel(2, OTHER)))),
        allowances=DEFAULT_ALLOWED,
        withheld={OTHER: UNUSABLE},
    ),
    Case(
        name="what is there already does not look like one",
        plan=plan(becoming(TYPO, live=(channel(1, GOOD), channel(2, TYPO)))),
        allowances=DEFAULT_ALLOWED,
        withheld={GOOD: UNUSABLE},
    ),
    Case(
        name="mail would go to what is there already",
        plan=plan(becoming(TYPO, OTHER, live=(channel(1, GOOD), channel(2, TYPO), channel(3, OTHER)))),
        allowances=DEFAULT_ALLOWED,
        withheld={GOOD: UNUSABLE},
    ),
    Case(
        name="mail goes to the typo already",
        plan=plan(becoming(TYPO, OTHER, live=(channel(1, TYPO), channel(2, GOOD), channel(3, OTHER)))),
    ),
    Case(
        name="a good address and a typo for a typo",
        plan=plan(becoming("<ann@school.example>", live=(channel(1, GOOD), channel(2, TYPO)))),
        allowances=DEFAULT_ALLOWED,
        withheld={GOOD: UNUSABLE},
    ),
    Case(name="a typo makes room", plan=plan(becoming(GOOD, live=(channel(1, GOOD), channel(2, TYPO))))),
    Case(
        name="one typo for another",
        plan=plan(becoming("<ann@school.example>", live=(channel(1, TYPO),))),
        allowances=DEFAULT_ALLOWED,
    ),
    Case(
        name="one typo for another is a change of the default address",
        plan=plan(becoming("<ann@school.example>", live=(channel(1, TYPO),))),
        withheld={TYPO: DEFAULT},
    ),
    Case(name="nothing is deleted", plan=plan(user(wanted([TYPO]), [channel(1, GOOD)]))),
    Case(
        name="absent with a replacement",
        plan=plan(user(wanted([TYPO], absent=(wish(GOOD),)), [channel(1, GOOD)])),
        withheld={GOOD: UNUSABLE},
    ),
    Case(
        name="domains that nobody reaches from elsewhere",
        plan=plan(becoming("ann@mail.local"), becoming("ann@mail.test")),
        allowances=DEFAULT_ALLOWED,
    ),
    Case(
        name="not a number",
        plan=plan(becoming(GOOD, wish("n/a", "sms"), live=SMS_LIVE)),
        withheld={"+1 555 026 1041": UNUSABLE},
    ),
    Case(
        name="a gateway",
        plan=plan(becoming(GOOD, wish("5550261041@txt.att.net", "sms"), live=SMS_LIVE)),
    ),
    Case(
        name="an e-mail does not replace a number",
        plan=plan(becoming(GOOD, TYPO, live=SMS_LIVE)),
    ),
    Case(
        name="types go by themselves",
        plan=plan(becoming(OTHER, wish("n/a", "sms"), live=SMS_LIVE)),
        allowances=DEFAULT_ALLOWED,
        withheld={"+1 555 026 1041": UNUSABLE},
    ),
    Case(
        name="a graver reason is said first",
        plan=plan(becoming(TYPO)),
        limits=protecting("ann@*"),
        withheld={GOOD: protected("ann@*")},
    ),
]

REPLACEMENT = "the replacement is withheld"
REPLACED = [
    Case(
        name="what replaces it is withheld: so is the delete",
        plan=plan(MOVING, creating(2, 10), deleting(3)),
        limits=C10,
        allowances=DEFAULT_ALLOWED,
        tripped=ELEVEN_CREATES,
        withheld={"old@x": REPLACEMENT},
    ),
    Case(
        name="a graver reason is said",
        plan=plan(MOVING, creating(2, 10)),
        limits=C10,
        tripped=ELEVEN_CREATES,
        withheld={"old@x": DEFAULT},
    ),
    Case(
        name="withheld deletes withhold no replacement",
        plan=plan(MOVING, deleting(2, 10)),
        limits=D10,
        allowances=DEFAULT_ALLOWED,
        tripped=ELEVEN_DELETES,
    ),
]


def push(kind: Kind) -> PlannedUser:
    """A user with a change that no diff makes: a plan may come out of a file."""
    person = removing("a@x")
    change = Change(kind=kind, user_id=1, type="push", address="All", channel_id=7 if kind is DELETES else None)
    return replace(person, diff=replace(person.diff, changes=(*person.diff.changes, change)))


PUSH = [
    Case(
        name=f"{kind} of push",
        plan=plan(push(kind)),
        withheld={"All": "push channels are never touched"},
    )
    for kind in Kind
]
