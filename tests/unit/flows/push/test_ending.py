"""Which of the users at work a signal ends at once, and which go on until their action is closed."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import pytest

from sync_worker.errors import Trouble, Withdrawn
from sync_worker.flows.push.ending import Ending, Sending
from sync_worker.flows.stop import Stop
from sync_worker.tasks import TaskGroup


async def nothing() -> None:
    """Nothing has to be made sure of."""


class Users:
    """Users at work, and what became of them."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.ending = Ending(self.stop)
        self.there = asyncio.Event()  # somebody has come to the moment in question
        self.go_on = asyncio.Event()
        self.became: list[str] = []

    async def moment(self) -> None:
        """Wait here, for ever if nobody says otherwise."""
        self.there.set()
        await self.go_on.wait()

    async def ended(self, *works: Callable[[], Awaitable[None]]) -> None:
        """Ask for the end at the moment, let everything go on later; all of them have ended then."""
        async with TaskGroup() as group:
            group.create_task(self.ending.each(works))
            await self.there.wait()
            self.stop.request(signal.SIGTERM)
            await asyncio.sleep(0)  # noqa: TID251  (lets the others see it)
            self.go_on.set()

    async def followed(self, call: Callable[[Sending], Awaitable[None]]) -> None:
        """An action with a call, and what comes after it."""
        with self.ending.action(nothing) as sending:
            try:
                await sending.through(lambda: call(sending))
            except Withdrawn:
                self.became.append("reopened")
                raise
            except Trouble:
                self.became.append("read back after trouble")
            else:
                self.became.append("read back")
        self.became.append("another one is begun")


@pytest.fixture
async def users() -> Users:
    """Nobody yet."""
    return Users()


async def test_nobody_asks_for_the_end(users: Users) -> None:
    """Everything is done, one after the other."""

    async def call(sending: Sending) -> None:
        await sending.first()

    await users.ending.each([lambda: users.followed(call)] * 2)
    assert users.became == ["read back", "another one is begun"] * 2


async def test_a_user_of_whom_nothing_was_sent(users: Users) -> None:
    """Is left at once."""

    async def work() -> None:
        try:
            await users.moment()
        finally:
            users.became.append("went on" if users.go_on.is_set() else "left")

    await users.ended(work)
    assert users.became == ["left"]


async def test_a_call_that_is_on_its_way(users: Users) -> None:
    """Is answered and read back; no other is begun."""

    async def call(sending: Sending) -> None:
        await sending.first()
        await users.moment()

    await users.ended(lambda: users.followed(call))
    assert users.became == ["read back"]


async def test_a_call_that_was_not_sent(users: Users) -> None:
    """Waits for its turn: it is taken back."""

    async def call(_sending: Sending) -> None:
        await users.moment()

    await users.ended(lambda: users.followed(call))
    assert users.became == ["reopened"]


@pytest.mark.parametrize(("harmless", "became"), [(True, "reopened"), (False, "read back after trouble")])
@pytest.mark.parametrize("waits", [True, False], ids=["before the next attempt", "in the first attempt"])
async def test_a_call_that_is_repeated(users: Users, *, harmless: bool, waits: bool, became: str) -> None:
    """It is not sent again; whether it is looked at depends on what the first attempt may have done."""

    async def call(sending: Sending) -> None:
        await sending.first()
        if waits:
            sending.again(harmless)
        await users.moment()
        sending.again(harmless)
        await sending.first()
        users.became.append("sent again")

    await users.ended(lambda: users.followed(call))
    assert users.became == [became]


async def test_nothing_is_begun_after_the_signal(users: Users) -> None:
    """Neither a user nor an action."""
    users.stop.request(signal.SIGINT)
    await users.ending.each([users.moment])
    with pytest.raises(Withdrawn), users.ending.action(nothing):
        pass
    assert not users.there.is_set()


async def test_the_grace_period_ends(users: Users) -> None:
    """A cancellation from outside is one, also of a call that was just taken back."""

    async def call(sending: Sending) -> None:
        await sending.first()
        await users.moment()

    task = asyncio.get_running_loop().create_task(users.ending.each([lambda: users.followed(call)]))
    await users.there.wait()
    users.stop.request(signal.SIGTERM)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert users.became == []
