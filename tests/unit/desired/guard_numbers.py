"""How many creates and deletes the guards let pass, in figures and as a share."""

from dataclasses import replace

from sync_worker.desired.guards import Allowances, Done
from tests.unit.desired.builders import creating, deleting, plan
from tests.unit.desired.guard_cases import (
    C10,
    CREATES,
    D10,
    DELETES,
    ELEVEN_CREATES,
    ELEVEN_DELETES,
    GENEROUS,
    Case,
    too_many,
)

# --- so many of a kind ----------------------------------------------------------------------------------

ONE_MORE_CREATE = too_many(CREATES, "11 creates", "guards.max_creates = 10", "--expect-creates 5")
ONE_MORE_DELETE = too_many(DELETES, "11 deletes", "guards.max_deletes = 10", "--expect-deletes 5")
BIG = replace(GENEROUS, max_deletes=5000, max_creates=5000)

NUMBERS = [
    Case(name="a plan with nothing to do", plan=plan(), limits=replace(C10, max_deletes=0, max_creates=0)),
    Case(name="creates at the limit", plan=plan(creating(1, 10)), limits=C10),
    Case(name="creates over the limit", plan=plan(creating(1, 11)), limits=C10, tripped=ELEVEN_CREATES),
    Case(name="creates over users", plan=plan(creating(1, 6), creating(2, 5)), limits=C10, tripped=ELEVEN_CREATES),
    Case(name="no create allowed", plan=plan(deleting(1)), limits=replace(C10, max_creates=0)),
    Case(name="creates with those done", plan=plan(creating(1, 5)), limits=C10, done=Done(creates=5)),
    Case(
        name="creates with one too many done",
        plan=plan(creating(1, 5)),
        limits=C10,
        done=Done(creates=6),
        tripped=ONE_MORE_CREATE,
    ),
    Case(name="deletes done are no creates", plan=plan(creating(1, 5)), limits=C10, done=Done(deletes=6)),
    Case(name="only deletes left", plan=plan(deleting(1)), limits=C10, done=Done(creates=11)),
    Case(
        name="creates as expected",
        plan=plan(creating(1, 11)),
        limits=C10,
        allowances=Allowances(expect_creates=11),
    ),
    *(
        Case(
            name=f"{wrong} creates expected",
            plan=plan(creating(1, 11)),
            limits=C10,
            allowances=Allowances(expect_creates=wrong),
            tripped=ELEVEN_CREATES,
        )
        for wrong in (0, 10, 12)
    ),
    Case(
        name="expected deletes are no creates",
        plan=plan(creating(1, 11)),
        limits=C10,
        allowances=Allowances(expect_deletes=11),
        tripped=ELEVEN_CREATES,
    ),
    Case(
        name="thousands are written so",
        plan=plan(creating(1, 5001)),
        limits=BIG,
        tripped=too_many(CREATES, "5,001 creates", "guards.max_creates = 5000", "--expect-creates 5001"),
    ),
    Case(name="deletes at the limit", plan=plan(deleting(1, 10)), limits=D10),
    Case(name="deletes over the limit", plan=plan(deleting(1, 11)), limits=D10, tripped=ELEVEN_DELETES),
    Case(
        name="too many deletes do not stop creates",
        plan=plan(deleting(1, 11), creating(2)),
        limits=D10,
        tripped=ELEVEN_DELETES,
    ),
    Case(
        name="too many creates do not stop deletes",
        plan=plan(deleting(1), creating(2, 11)),
        limits=C10,
        tripped=ELEVEN_CREATES,
    ),
    Case(name="deletes with those done", plan=plan(deleting(1, 5)), limits=D10, done=Done(deletes=5)),
    Case(
        name="deletes with one too many done",
        plan=plan(deleting(1, 5)),
        limits=D10,
        done=Done(deletes=6),
        tripped=ONE_MORE_DELETE,
    ),
    Case(name="creates done are no deletes", plan=plan(deleting(1, 5)), limits=D10, done=Done(creates=6)),
    Case(name="only creates left", plan=plan(creating(1)), limits=D10, done=Done(deletes=11)),
    Case(
        name="deletes as expected",
        plan=plan(deleting(1, 11)),
        limits=D10,
        allowances=Allowances(expect_deletes=11),
    ),
    *(
        Case(
            name=f"{wrong} deletes expected",
            plan=plan(deleting(1, 11)),
            limits=D10,
            allowances=Allowances(expect_deletes=wrong),
            tripped=ELEVEN_DELETES,
        )
        for wrong in (0, 10, 12)
    ),
]

# --- so many of those there are --------------------------------------------------------------------------

PERCENT = replace(GENEROUS, max_delete_percent=2.0, percent_from=200)


def share(deletes: int, live: int, percent: str, limit: str = "2") -> tuple[str, ...]:
    """The guard against too large a share has tripped."""
    figure = f"{deletes} deletes of {live:,} live channels ({percent} %)"
    return too_many(DELETES, figure, f"guards.max_delete_percent = {limit}", f"--expect-deletes {deletes}")


PERCENTAGES = [
    Case(name="two percent", plan=plan(deleting(1, 4), managed_live=200), limits=PERCENT),
    Case(name="more", plan=plan(deleting(1, 5), managed_live=200), limits=PERCENT, tripped=share(5, 200, "2.5")),
    Case(name="too few to say", plan=plan(deleting(1, 5), managed_live=199), limits=PERCENT),
    Case(
        name="two percent of many",
        plan=plan(deleting(1, 20), managed_live=1000),
        limits=PERCENT,
    ),
    Case(
        name="just more of many",
        plan=plan(deleting(1, 21), managed_live=1049),
        limits=PERCENT,
        tripped=share(21, 1049, "2.0"),
    ),
    Case(
        name="a fraction of a percent",
        plan=plan(deleting(1, 2), managed_live=1000),
        limits=replace(PERCENT, max_delete_percent=0.15),
        tripped=share(2, 1000, "0.2", "0.15"),
    ),
    Case(
        name="with those done",
        plan=plan(deleting(1, 3), managed_live=200),
        limits=PERCENT,
        done=Done(deletes=2),
        tripped=too_many(
            DELETES,
            "5 deletes of 200 live channels (2.5 %)",
            "guards.max_delete_percent = 2",
            "--expect-deletes 3",
        ),
    ),
    Case(
        name="as expected",
        plan=plan(deleting(1, 5), managed_live=200),
        limits=PERCENT,
        allowances=Allowances(expect_deletes=5),
    ),
    Case(name="of nothing", plan=plan(deleting(1), managed_live=0), limits=replace(PERCENT, percent_from=0)),
    Case(
        name="both figures",
        plan=plan(deleting(1, 11), managed_live=200),
        limits=replace(PERCENT, max_deletes=10),
        tripped=(*ELEVEN_DELETES, *share(11, 200, "5.5")),
    ),
]
