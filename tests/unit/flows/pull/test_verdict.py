"""What a run may conclude, at every edge of every limit."""

from dataclasses import replace
from typing import Any

import pytest

from sync_worker.flows.pull.verdict import (
    IMPLAUSIBLE,
    IN_PART,
    WITHHELD,
    Evidence,
    Limits,
    Verdict,
    coverage_percent,
    judge,
    reasons,
)
from sync_worker.mirror.candidates import Weight
from sync_worker.mirror.runs import ListingCount, RunFigures

LIMITS = Limits(
    max_tombstones=1000,
    max_tombstone_percent=5.0,
    percent_from=200,
    min_coverage_percent=95.0,
    min_listing_percent=50.0,
    empty_answers_from=10,
)


def listing(now: int, before: int, account: str = "1") -> ListingCount:
    """How many users an account lists."""
    return ListingCount(account=account, now=now, before=before)


FIGURES = RunFigures(users_total=1000, users_done=1000, channels_seen=1500)
QUIET = Evidence(figures=FIGURES, weight=Weight(candidates=0, live=1500), listings=(listing(1000, 1000),), run_id=7)


def verdict(
    weight: Weight | None = None,
    listings: tuple[ListingCount, ...] | None = None,
    limits: Limits = LIMITS,
    **figures: Any,
) -> Verdict:
    """The verdict on a quiet run but for what is given."""
    return judge(
        replace(
            QUIET,
            figures=replace(FIGURES, **figures),
            weight=weight or QUIET.weight,
            listings=QUIET.listings if listings is None else listings,
        ),
        limits,
    )


def codes(given: Verdict) -> list[int]:
    """The exit codes of its findings."""
    return [finding.exit_code for finding in given.findings]


def test_a_quiet_run_has_no_findings() -> None:
    """And may settle."""
    assert judge(QUIET, LIMITS) == Verdict(findings=())
    assert judge(QUIET, LIMITS).may_settle


@pytest.mark.parametrize(
    ("candidates", "live", "stopped"),
    [
        (75, 1500, False),  # 5.0 %
        (76, 1500, True),
        (10, 200, False),
        (11, 200, True),
        (11, 199, False),  # too few for percentages
        (199, 199, False),
        (1000, 20_000, False),
        (1000, 20_001, False),
        (1001, 10**6, True),
        (1001, 100, True),  # the absolute limit has no lower edge
        (1, 0, False),  # nothing alive: nothing to compare with
    ],
)
def test_the_brake(candidates: int, live: int, stopped: bool) -> None:  # noqa: FBT001  (a column of the table)
    """Over the limit, not at it; percentages from `percent_from` live channels on."""
    given = verdict(Weight(candidates=candidates, live=live))
    assert codes(given) == [WITHHELD] * stopped
    assert given.may_settle is not stopped


def test_the_brake_names_figure_limit_option_and_command() -> None:
    """All that a person needs at night."""
    percent, absolute = (verdict(Weight(candidates=number, live=2000)).findings[0].message for number in (150, 1001))
    assert percent == (
        "the brake stops 150 deletions of 2,000 live channels (7.5 %) (limit brake.max_tombstone_percent = 5, option "
        "--max-tombstone-percent); nothing was deleted, 150 deletions wait: look at `sync-worker pending list`, then "
        "`sync-worker pending accept 7` or `dismiss 7`"
    )
    assert "(limit brake.max_tombstones = 1000, option --max-tombstones)" in absolute


@pytest.mark.parametrize("more", ["", "; 1 user could not be read"])
@pytest.mark.parametrize(
    "weight", [Weight(candidates=150, live=2000, held=100, held_by=(3,)), Weight(candidates=2000, live=2000)]
)
def test_why_deletions_wait(weight: Weight, more: str) -> None:
    """Who shows waiting deletions tells why, and sends nobody to where he is."""
    message = verdict(weight).findings[0].message + more
    assert reasons(message) == message.partition(";")[0] + more
    assert reasons(message).startswith("the brake stops ")


def test_other_messages_are_left_as_they_are() -> None:
    """What says nothing about waiting deletions."""
    assert reasons("a; b") == "a; b"
    assert reasons("the source has no users at all; nothing was deleted") == "the source has no users at all"


def test_the_brake_speaks_of_one_thing_too() -> None:
    """One deletion waits."""
    message = verdict(Weight(candidates=1, live=1), limits=replace(LIMITS, max_tombstones=0)).findings[0].message
    assert message.startswith("the brake stops 1 deletion of 1 live channel (100.0 %) ")
    assert "nothing was deleted, 1 deletion waits: look" in message


@pytest.mark.parametrize(
    ("held", "held_by", "named"), [(0, (), [7]), (150, (3,), [3]), (100, (3,), [3, 7]), (150, (3, 5), [3, 5])]
)
def test_the_command_names_who_holds_the_deletions(held: int, held_by: tuple[int, ...], named: list[int]) -> None:
    """This run holds only what no earlier one does."""
    message = verdict(Weight(candidates=150, live=2000, held=held, held_by=held_by)).findings[0].message
    assert [int(part.split("`")[0]) for part in message.split("pending accept ")[1:]] == named


@pytest.mark.parametrize(
    ("figures", "percent"),
    [
        ({"users_total": 0, "users_done": 0}, 0.0),
        ({"users_done": 949}, 94.9),
        ({"users_done": 900, "users_gone": 50}, 95.0),
        ({"users_done": 950, "users_failed": 50}, 95.0),
        ({"users_total": 900, "users_done": 900, "unresolved": 100}, 90.0),
        ({"users_done": 990, "users_unreadable": 10}, 99.0),
    ],
)
def test_coverage(figures: dict[str, int], percent: float) -> None:
    """Read completely or gone, over all, failed references included."""
    assert coverage_percent(replace(FIGURES, **figures)) == pytest.approx(percent)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"users_done": 950, "users_failed": 50}, [IN_PART]),
        ({"users_done": 949, "users_failed": 51}, [IMPLAUSIBLE, IN_PART]),
        ({"users_done": 949, "users_unlisted": 51}, [IMPLAUSIBLE]),
        ({"users_total": 950, "users_done": 950, "unresolved": 50}, [IN_PART]),
        ({"users_total": 949, "users_done": 949, "unresolved": 51}, [IMPLAUSIBLE, IN_PART]),
        ({"users_total": 0, "users_done": 0, "channels_seen": 0}, [IMPLAUSIBLE]),
    ],
)
def test_too_little_coverage(figures: dict[str, Any], expected: list[int]) -> None:
    """Below the limit, not at it; nobody at all is told once."""
    given = verdict(**figures)
    assert codes(given) == expected
    assert given.may_settle is (IMPLAUSIBLE not in expected)


def test_coverage_may_be_nothing_if_somebody_says_so() -> None:
    """A limit of 0 lets everything through."""
    assert codes(verdict(limits=replace(LIMITS, min_coverage_percent=0.0), users_done=1, users_failed=999)) == [IN_PART]


@pytest.mark.parametrize(
    ("now", "before", "implausible"),
    [
        (1000, 0, False),  # the first run
        (0, 0, False),
        (500, 1000, False),
        (499, 1000, True),
        (0, 1000, True),
        (0, 1, True),  # a small school that vanishes
        (1, 199, False),  # too few for percentages
        (99, 200, True),
        (100, 200, False),
        (3000, 1000, False),
    ],
)
def test_the_listing(now: int, before: int, implausible: bool) -> None:  # noqa: FBT001  (a column of the table)
    """Below the limit of what was known; nobody is too few in any case."""
    given = verdict(listings=(listing(now, before),))
    assert codes(given) == [IMPLAUSIBLE] * implausible


def test_each_account_is_measured_by_itself() -> None:
    """One that is full does not hide one that is empty."""
    given = verdict(listings=(listing(5000, 1000, "1"), listing(0, 300, "2"), listing(90, 300, "3")))
    assert codes(given) == [IMPLAUSIBLE]
    assert "Canvas lists 0 users in account 2, and listed 300 last time" in given.findings[0].message


def test_no_listing_is_no_drop() -> None:
    """A run over a file."""
    assert judge(replace(QUIET, listings=()), LIMITS).findings == ()


@pytest.mark.parametrize(
    ("read", "seen", "live", "least", "implausible"),
    [
        (9, 0, 20, 10, False),
        (10, 0, 20, 10, True),
        (10, 1, 20, 10, False),
        (1000, 0, 1, 10, True),
        (1000, 0, 1, 0, False),  # never
        (199, 0, 0, 10, False),  # a first load: the mirror knows nothing better
        (200, 0, 0, 10, True),
        (200, 0, 0, 201, False),
        (1000, 0, 0, 0, False),
    ],
)
def test_the_same_empty_answer_for_everybody(
    read: int,
    seen: int,
    live: int,
    least: int,
    implausible: bool,  # noqa: FBT001
) -> None:
    """From ten users on where the mirror knows better, from two hundred on where it knows nothing."""
    weight = Weight(candidates=min(live, 5), live=live)
    limits = replace(LIMITS, empty_answers_from=least)
    given = verdict(weight, limits=limits, users_total=read, users_done=read, channels_seen=seen)
    assert codes(given) == [IMPLAUSIBLE] * implausible


def test_gone_users_have_no_channels_to_show() -> None:
    """Nine read and one gone are ten answers."""
    given = verdict(Weight(candidates=5, live=20), users_total=10, users_done=9, users_gone=1, channels_seen=0)
    assert codes(given) == [IMPLAUSIBLE]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"users_failed": 1}, "1 user could not be read"),
        ({"users_failed": 2}, "2 users could not be read"),
        ({"unresolved": 3}, "3 references could not be resolved"),
        ({"newly_unreadable": 4}, "4 users may not be read by this token any more"),
    ],
)
def test_done_in_part(figures: dict[str, Any], said: str) -> None:
    """Exit 3; deletions of the others go on."""
    given = verdict(**figures)
    assert codes(given) == [IN_PART]
    assert given.may_settle
    assert given.findings[0].message.startswith(said)


def test_known_unreadable_users_are_no_finding() -> None:
    """A state, not a nightly failure."""
    assert codes(verdict(users_done=990, users_unreadable=10)) == []


def test_several_findings_say_once_what_waits() -> None:
    """In the order in which to read them; the remedy stands at the end of the last one."""
    given = verdict(Weight(candidates=1400, live=1500), (listing(10, 1000),), users_done=500, users_failed=500)
    assert codes(given) == [IMPLAUSIBLE, IMPLAUSIBLE, WITHHELD, IN_PART]
    assert sum("pending accept 7" in finding.message for finding in given.findings) == 1
    assert not given.may_settle
