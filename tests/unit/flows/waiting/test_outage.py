"""Trouble for everybody is told from trouble for some, and sat out."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from sync_worker.channels import Failure, Gone, ReadOutcome, Snapshot, Unreadable
from sync_worker.errors import CanvasUnreachable, Forbidden, NotFound, RequestFailed, TokenRefused, Trouble
from sync_worker.flows.progress import Progress
from sync_worker.flows.waiting.backoff import FIRST, LONGEST, pauses
from sync_worker.flows.waiting.breaker import SUSPICIOUS
from sync_worker.flows.waiting.outage import OutageWatch, is_trouble, unreachable
from sync_worker.tasks import TaskGroup
from tests.virtual_time import VirtualClock, run_virtually

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = "https://school.example.com"
MINUTES = 60.0


class School:
    """A Canvas that is down at times (seconds from, to) and has some users that are always in trouble."""

    def __init__(self, *down: tuple[float, float], bad: frozenset[int] = frozenset(), seconds: float = 0.1) -> None:
        self.clock = VirtualClock()
        self.progress = Progress(phase="reading")
        self.down = down
        self.bad = bad
        self.seconds = seconds  # for an answer; trouble takes ten times as long, for it is asked for again
        self.asked: list[tuple[float, int]] = []
        self.probed: list[float] = []
        self.probe_error: Exception | None = None  # instead of an answer
        self.phases: set[str] = set()

    def is_down(self) -> bool:
        """At this moment."""
        return any(begin <= self.clock.monotonic() < end for begin, end in self.down)

    async def probe(self) -> None:
        """Something simple."""
        self.phases.add(self.progress.doing)
        self.probed.append(self.clock.monotonic())
        await self.clock.sleep(self.seconds)
        if self.is_down():
            raise Trouble("no connection", where="GET /users/self")
        if self.probe_error is not None:
            raise self.probe_error

    async def read(self, user_id: int) -> ReadOutcome:
        """One user."""
        self.asked.append((self.clock.monotonic(), user_id))
        troubled = self.is_down() or user_id in self.bad
        await self.clock.sleep(self.seconds * (10 if troubled else 1))
        if troubled:
            return Failure(user_id=user_id, read_at=NOW, kind="trouble", status=503, message="no")
        return Snapshot(user_id=user_id, read_at=NOW, channels=())

    def watch(self, patience: float = 15 * MINUTES) -> OutageWatch:
        return OutageWatch(self.probe, self.clock, origin=ORIGIN, patience=patience, progress=self.progress)

    def run(self, users: int, *, workers: int = 64, patience: float = 15 * MINUTES) -> dict[int, ReadOutcome]:
        """Read everybody, some at a time; what it came to."""
        return run_virtually(self._read_all(self.watch(patience), users, workers))

    async def _read_all(self, watch: OutageWatch, users: int, workers: int) -> dict[int, ReadOutcome]:
        outcomes: dict[int, ReadOutcome] = {}
        waiting = iter(range(users))

        async def work() -> None:
            for user_id in waiting:
                assert user_id not in outcomes
                outcomes[user_id] = await watch.read(partial(self.read, user_id))

        async with TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
        return outcomes


def failed(outcomes: dict[int, ReadOutcome]) -> set[int]:
    """The users that count as failed."""
    return {user_id for user_id, outcome in outcomes.items() if isinstance(outcome, Failure)}


def ended(error: BaseExceptionGroup[BaseException]) -> CanvasUnreachable:
    """What ended a run."""
    (found,) = error.exceptions
    assert isinstance(found, CanvasUnreachable)
    return found


@pytest.mark.parametrize("workers", [1, 4, 64])
@pytest.mark.parametrize("bad", [{17}, {0}, {999}, set(range(3, 1000, 33))])
def test_some_bad_users_are_no_outage(workers: int, bad: set[int]) -> None:
    """One, or three per cent, wherever they stand: they are failures, the others go on without a pause."""
    school = School(bad=frozenset(bad))
    outcomes = school.run(1000, workers=workers)
    assert (len(outcomes), failed(outcomes)) == (1000, bad)
    assert school.phases <= {"reading"}
    if workers > 1:
        assert len(school.probed) <= 1, "somebody else is answered, but for the last ones"


def test_many_bad_users_in_a_row_are_no_outage() -> None:
    """Canvas answers the probe."""
    bad = frozenset(range(300, 400))
    school = School(bad=bad)
    assert failed(school.run(1000)) == bad
    assert 0 < len(school.probed) < 10
    assert school.phases == {"reading"}


@pytest.mark.parametrize("workers", [1, 4, 64])
@pytest.mark.parametrize("minutes", [0.1, 1, 14])
def test_an_outage_is_sat_out(workers: int, minutes: float) -> None:
    """Nobody fails, few are asked meanwhile, the probe is asked now and then, and the run goes on soon after."""
    end = 1 + minutes * MINUTES
    school = School((1, end))
    outcomes = school.run(2000, workers=workers)
    assert (len(outcomes), failed(outcomes)) == (2000, set())
    meanwhile = [user for at, user in school.asked if 1 <= at < end]
    assert len(meanwhile) <= 2 * workers
    probed = [at for at in school.probed if at < end]
    assert minutes * MINUTES / LONGEST <= len(probed) <= 6 + minutes * MINUTES / (LONGEST / 2)
    assert school.phases == {"reading", "waiting for Canvas"}
    assert min((at for at, _ in school.asked if at >= end), default=end) <= end + LONGEST + 1
    assert (school.progress.doing, school.progress.waiting) == ("reading", None)


def test_bad_users_stay_bad_after_an_outage() -> None:
    """They are asked again like everybody, and then it is their own trouble."""
    school = School((1, 200), bad=frozenset({5, 700, 1999}))
    assert failed(school.run(2000)) == {5, 700, 1999}


def test_two_outages_have_a_patience_each() -> None:
    """Twelve minutes and twelve minutes, and some answers between them."""
    school = School((1, 12 * MINUTES), (13.5 * MINUTES, 25 * MINUTES))
    assert failed(school.run(4500, workers=4)) == set()
    assert len([at for at in school.probed if at > 14 * MINUTES]) > 5


def test_an_outage_that_does_not_end() -> None:
    """After the patience the run ends, resumable, with the reason; nobody has failed."""
    school = School((1, 1e9))
    with pytest.raises(BaseExceptionGroup) as group:
        school.run(1000)
    error = ended(group.value)
    assert error.exit_code == 7
    assert str(error).startswith(
        f"{ORIGIN}: Canvas does not answer as it should (waited 0:15:00: run.outage_patience): GET /users/self: no conn"
    )
    assert 15 * MINUTES <= school.probed[-1] <= 16 * MINUTES


def test_without_patience_it_ends_at_once() -> None:
    """After one probe."""
    school = School((1, 1e9))
    with pytest.raises(BaseExceptionGroup) as group:
        school.run(1000, patience=0)
    assert str(ended(group.value)).startswith(
        f"{ORIGIN}: Canvas does not answer as it should: GET /users/self: no conn"
    )
    assert len(school.probed) == 1
    assert school.phases == {"reading"}


def test_a_flapping_canvas_does_not_renew_the_patience() -> None:
    """The probe is answered now and then, nobody else ever is."""
    school = School(*[(minute * MINUTES, minute * MINUTES + 59.5) for minute in range(100)], bad=frozenset(range(1000)))
    with pytest.raises(BaseExceptionGroup) as group:
        school.run(1000, workers=4)
    ended(group.value)
    assert school.probed[-1] <= 40 * MINUTES


def test_a_canvas_that_hangs() -> None:
    """The last probe is cut off when the patience ends."""
    school = School((1, 1e9), seconds=10 * MINUTES)
    with pytest.raises(BaseExceptionGroup) as group:
        school.run(100, workers=2)
    ended(group.value)


@pytest.mark.parametrize("error", [Forbidden("no"), NotFound("no"), RequestFailed("no")])
def test_a_no_to_the_probe_is_an_answer(error: Exception) -> None:
    """Canvas is there."""
    school = School(bad=frozenset(range(SUSPICIOUS * 2)))
    school.probe_error = error
    assert failed(school.run(100)) == school.bad


def test_what_is_about_the_run_goes_on_its_way() -> None:
    """A token that is refused is told as such, by the probe too; nobody asks the probe again."""
    school = School(bad=frozenset(range(100)))
    school.probe_error = TokenRefused("no")
    with pytest.raises(BaseExceptionGroup) as group:
        school.run(100)
    (found,) = group.value.exceptions
    assert isinstance(found, TokenRefused)
    assert len(school.probed) == 1


@pytest.mark.parametrize("end", [1.06, 100, 3.3])
@pytest.mark.parametrize("at", [1.05, 3])
def test_who_was_to_ask_the_probe_and_is_cancelled_leaves_it_to_another(at: float, end: float) -> None:
    """Before or in the middle of a pause, whatever the other one's first probe finds: nobody waits for ever."""

    async def main() -> ReadOutcome:
        school = School((0, end))
        watch = school.watch()
        first, second = (asyncio.create_task(watch.read(partial(school.read, user_id))) for user_id in (1, 2))
        await school.clock.sleep(at)
        assert len(school.probed) == 1
        first.cancel()
        await asyncio.wait([first])
        outcome = await second
        await watch.calm()
        assert isinstance(await watch.read(partial(school.read, 3)), Snapshot)
        assert school.progress.waiting is None
        return outcome

    assert isinstance(run_virtually(main()), Snapshot if end > 1.06 else Failure)


def test_requests_that_are_no_reads() -> None:
    """The answer or the error of the request itself; trouble that was a part of an outage is none."""

    async def main() -> None:
        school = School((0, 100))
        watch = school.watch()

        async def ask(error: Exception | None = None) -> str:
            await school.clock.sleep(1)
            if school.is_down():
                raise Trouble("down")
            if error is not None:
                raise error
            return "fine"

        assert await watch.ask(ask) == "fine"
        assert watch.pauses == 1
        for error in (NotFound("no"), Trouble("no")):
            with pytest.raises(type(error)) as raised:
                await watch.ask(partial(ask, error))
            assert raised.value is error
        assert watch.pauses == 1
        await watch.calm()

    run_virtually(main())


def test_nothing_begins_during_an_outage() -> None:
    """What waits for calm goes on when it is over."""

    async def main() -> float:
        school = School((0, 100))
        watch = school.watch()
        reading = asyncio.create_task(watch.read(lambda: school.read(1)))
        await school.clock.sleep(5)
        await watch.calm()
        assert not school.is_down()
        await reading
        return school.clock.monotonic()

    assert 100 <= run_virtually(main()) <= 100 + LONGEST + 1


def test_the_pauses() -> None:
    """From a few seconds to a minute, at least half of it each time."""
    waits = pauses(VirtualClock())
    some = [next(waits) for _ in range(20)]
    assert FIRST / 2 <= some[0] <= FIRST
    assert all(LONGEST / 2 <= each <= LONGEST for each in some[5:])
    assert len(set(some)) > 15


def test_what_trouble_is() -> None:
    """Of the failures only the one that says nothing about its user."""
    assert is_trouble(Failure(user_id=1, read_at=NOW, kind="trouble", status=500, message="no"))
    assert not is_trouble(Failure(user_id=1, read_at=NOW, kind="incomplete", status=None, message="no"))
    assert not is_trouble(Unreadable(user_id=1, read_at=NOW, message="no"))
    assert not is_trouble(Gone(user_id=1, read_at=NOW))


def test_unreachable_says_where() -> None:
    """The request that the run depends on."""
    error = unreachable(Trouble("broke off", where="GET /accounts/self/users"), ORIGIN)
    said = f"{ORIGIN}: Canvas does not answer as it should: GET /accounts/self/users: broke off"
    assert str(error).startswith(said)
