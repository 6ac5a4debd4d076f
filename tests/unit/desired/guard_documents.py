"""How many messages to people the guards let pass, and which documents they trust."""

from dataclasses import replace

from sync_worker.desired.guards import Allowances, Done
from sync_worker.desired.plan import Plan, Source
from tests.unit.desired.builders import creating, deleting, plan
from tests.unit.desired.guard_cases import CREATES, DELETES, GENEROUS, M2, Case, too_many

# --- messages to people ---------------------------------------------------------------------------------


def messages(number: int, limit: int) -> tuple[str, ...]:
    """The guard of people's peace has tripped."""
    limit_text = f"guards.max_messages = {limit}"
    return too_many(CREATES, f"{number} confirmation messages to people", limit_text, f"--max-messages {number}")


INVITING = plan(creating(1, 2, skip_confirmation=False), creating(2))
MESSAGES = [
    Case(name="none allowed", plan=INVITING, tripped=messages(2, 0)),
    Case(name="none sent", plan=plan(creating(1, 9))),
    Case(name="at the limit", plan=INVITING, limits=M2),
    Case(name="over the limit", plan=INVITING, limits=replace(M2, max_messages=1), tripped=messages(2, 1)),
    Case(name="allowed for once", plan=INVITING, allowances=Allowances(max_messages=2)),
    Case(name="not enough allowed", plan=INVITING, allowances=Allowances(max_messages=1), tripped=messages(2, 1)),
    Case(
        name="forbidden for once",
        plan=INVITING,
        limits=M2,
        allowances=Allowances(max_messages=0),
        tripped=messages(2, 0),
    ),
    Case(name="with those sent", plan=INVITING, limits=M2, done=Done(messages=1), tripped=messages(3, 2)),
    Case(name="sent before, none now", plan=plan(creating(1)), done=Done(messages=5)),
    Case(
        name="expected creates send no messages",
        plan=INVITING,
        allowances=Allowances(expect_creates=3),
        tripped=messages(2, 0),
    ),
    Case(
        name="too many creates, and messages",
        plan=INVITING,
        limits=replace(GENEROUS, max_creates=2),
        tripped=(*too_many(CREATES, "3 creates", "guards.max_creates = 2", "--expect-creates 3"), *messages(2, 0)),
    ),
]

# --- the document ---------------------------------------------------------------------------------------


def document(users: int, before: int | None = None, unresolved: int = 0) -> Plan:
    """A delete and a create, wanted by a document of that kind."""
    lost = tuple(f"id:{number}" for number in range(unresolved))
    source = Source(document="f", digest="d", users=users, users_before=before, unresolved=lost)
    return plan(deleting(1), creating(2), source=source)


def shrunk(users: str, before: str, percent: str = "50") -> tuple[str, ...]:
    """The guard against an emptied document has tripped."""
    figure = f"the document has {users} user{'' if users == '1' else 's'} where the last applied one had {before}"
    return too_many(DELETES, figure, f"{percent} % fewer", "--allow-empty")


def lost(number: str, named: str, percent: str, limit: str = "5") -> tuple[str, ...]:
    """The guard against the wrong document has tripped."""
    lead = "leads" if number == "1" else "lead"
    figure = f"{number} of {named} reference{'' if named == '1' else 's'} {lead} to nobody ({percent} %)"
    return too_many(DELETES, figure, f"{limit} %", "a corrected document")


def idly(tripped: tuple[str, ...]) -> tuple[str, ...]:
    """The same where there is nothing that could be withheld."""
    return tuple(said.replace("all deletes are", "there are no deletes, and all would be") for said in tripped)


EMPTY_ALLOWED = Allowances(empty=True)
DOCUMENTS = [
    Case(name="half", plan=document(50, 100)),
    Case(name="less than half", plan=document(49, 100), tripped=shrunk("49", "100")),
    Case(name="less than half, allowed", plan=document(49, 100), allowances=EMPTY_ALLOWED),
    Case(name="less than half, creates alone", plan=replace(document(49, 100), users=(creating(2),))),
    Case(
        name="less than half, deletes alone",
        plan=replace(document(49, 100), users=(deleting(1),)),
        tripped=shrunk("49", "100"),
    ),
    Case(
        name="less than half, nothing to do",
        plan=replace(document(49, 100), users=()),
        tripped=idly(shrunk("49", "100")),
    ),
    Case(
        name="lost, nothing to do",
        plan=replace(document(1, unresolved=9), users=()),
        tripped=idly(lost("9", "10", "90.0")),
    ),
    Case(name="grown", plan=document(500, 100)),
    Case(name="the first one", plan=document(1, None)),
    Case(name="after an empty one", plan=document(1, 0)),
    Case(name="empty", plan=document(0, 3), tripped=shrunk("0", "3")),
    Case(name="empty, the first one", plan=document(0), tripped=shrunk("0", "0")),
    Case(name="empty, allowed", plan=document(0, 3), allowances=EMPTY_ALLOWED),
    Case(
        name="empty, where any shrinking is allowed",
        plan=document(0, 3),
        limits=replace(GENEROUS, max_shrink_percent=100.0),
        tripped=shrunk("0", "3", "100"),
    ),
    Case(name="large figures", plan=document(1000, 3000), tripped=shrunk("1,000", "3,000")),
    Case(
        name="expected deletes do not make up for a shrunken document",
        plan=document(1, 10),
        allowances=Allowances(expect_deletes=1),
        tripped=shrunk("1", "10"),
    ),
    Case(name="as many unresolved as may be", plan=document(95, 95, 5)),
    Case(name="one more", plan=document(94, 94, 6), tripped=lost("6", "100", "6.0")),
    Case(
        name="one more, many",
        plan=document(18000, None, 2000),
        tripped=lost("2,000", "20,000", "10.0"),
    ),
    Case(
        name="all of them",
        plan=document(0, None, 1),
        allowances=EMPTY_ALLOWED,
        tripped=lost("1", "1", "100.0"),
    ),
    Case(
        name="a lower limit",
        plan=document(99, None, 1),
        limits=replace(GENEROUS, max_unresolved_percent=0.5),
        tripped=lost("1", "100", "1.0", "0.5"),
    ),
    Case(name="unresolved and shrunk", plan=document(9, 90, 1), tripped=(*lost("1", "10", "10.0"), *shrunk("9", "90"))),
]
