"""Canvas as the crash table sees it: what every call has changed, and a call after which something happens at once."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sync_worker.sandbox import Sandbox, exchange
from sync_worker.sandbox.answers import Answer
from sync_worker.sandbox.handlers import answer_call
from sync_worker.sandbox.model import Channel
from sync_worker.sandbox.routes import WRITING
from sync_worker.sandbox.world import Call, World

Deed = tuple[str, int, str, str]
"""What a call has changed: created or deleted, user, type, address in lower case."""


@dataclass(kw_only=True)
class Watched:
    """A sandbox whose school can be put back, and whose writing calls are seen."""

    sandbox: Sandbox
    deeds: Counter[Deed] = field(default_factory=Counter)
    calls: int = 0  # carried out since the last `put_back`
    writes: int = 0  # of those, calls that write
    after: dict[int, Callable[[], None]] = field(default_factory=dict)  # what happens after the n-th call
    after_write: dict[int, Callable[[], None]] = field(default_factory=dict)  # the same of the writing ones

    @property
    def school(self) -> Any:
        """The school; mypy knows its class from the sandbox."""
        return self.sandbox.school

    def image(self) -> dict[str, Any]:
        """The whole school, for `put_back`."""
        return copy.deepcopy(vars(self.sandbox.school))

    def put_back(self, image: dict[str, Any]) -> None:
        """Everything is as it was; nothing has been called yet."""
        vars(self.sandbox.school).update(copy.deepcopy(image))
        self.sandbox.counters.reset()
        self.sandbox.clear_faults()
        self.deeds.clear()
        self.calls = self.writes = 0
        self.after.clear()
        self.after_write.clear()

    def facts(self) -> list[tuple[int, int, str, str, str]]:
        """The live channels: id, user, type, address in lower case, state."""
        return sorted(
            (channel.id, channel.user_id, channel.type, channel.address.lower(), channel.state)
            for channel in self.school.channels.values()
            if channel.live
        )

    @contextmanager
    def seeing(self) -> Iterator[None]:
        """Every call is seen from now on."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exchange, "answer_call", self._seen(answer_call))
            yield

    def _seen(self, handle: Callable[[World, Call], Answer]) -> Callable[[World, Call], Answer]:
        def seen(world: World, call: Call) -> Answer:
            if world.school is not self.sandbox.school:
                return handle(world, call)
            writing = call.target.route in WRITING and call.user is not None
            before = self._states(call) if writing else {}
            answer = handle(world, call)
            if writing:
                self._note(before, self._states(call))
                self.writes += 1
            self.calls += 1
            self.after.pop(self.calls, _nothing)()
            if writing:
                self.after_write.pop(self.writes, _nothing)()
            return answer

        return seen

    def _states(self, call: Call) -> dict[int, tuple[bool, Channel]]:
        assert call.user is not None
        return {channel.id: (channel.live, channel) for channel in call.user.channels}

    def _note(self, before: dict[int, tuple[bool, Channel]], after: dict[int, tuple[bool, Channel]]) -> None:
        for number, (live, channel) in after.items():
            if live != before.get(number, (False,))[0]:
                what = "created" if live else "deleted"
                self.deeds[what, channel.user_id, channel.type, channel.address.lower()] += 1


def _nothing() -> None:
    """Nothing is to happen."""
