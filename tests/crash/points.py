"""Every point at which a command commits, and moments that are drawn: where a process is killed, and what is left."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.crash.child import AFTER, BEFORE, COMMIT, REQUEST, STATEMENT, UNDER_WAY, Step
from tests.crash.playing import CANVAS, DOUBT, END, NOTHING, PLAN, RUN

COMMITS: Final = """
command   commit                   number  before                  after
backfill  prepare to migrate       1       nothing                 nothing
backfill  migrate                  1       nothing                 nothing                 *
backfill  take the lock            1       nothing                 nothing
backfill  bind to Canvas           1       nothing                 nothing                 *
backfill  open the run             1       nothing                 a run
backfill  enrol who failed before  1       a run                   a run
backfill  enrol users              4       a run                   a run
backfill  enrol who is missing     1       a run                   a run
backfill  end the listing          1       a run                   a run
backfill  claim a batch            4+      a run                   a run
backfill  commit a batch           4       a run                   a run
backfill  end the run              1       a run                   its end
run       take the lock            1       nothing                 nothing                 *
run       open the run             1       nothing                 a run                   *
run       enrol who failed before  1       a run                   a run                   *
run       enrol users              4       a run                   a run                   *
run       enrol who is missing     1       a run                   a run                   *
run       end the listing          1       a run                   a run                   *
run       claim a batch            5+      a run                   a run                   *
run       commit a batch           5       a run                   a run                   *
run       bury channels            1       a run                   a run                   *
run       end the run              1       a run                   its end                 *
apply     load the plan            1       nothing                 nothing
apply     take the lock            1       nothing                 nothing
apply     open the run             1       nothing                 a run                   *
apply     begin the plan           1       a run                   a run                   *
apply     start an action          7       a run, a call in doubt  a call in doubt         *
apply     close an action          7       a call in doubt         a run, a call in doubt  *
apply     set actions aside        1       a run, a call in doubt  a run, a call in doubt  *
apply     end the plan             1       a run                   a run                   *
apply     end the run              1       a run                   its end                 *
undo      save the plan            1       nothing                 a plan                  *
undo      take the lock            1       a plan                  a plan
undo      open the run             1       a plan                  a run
undo      begin the plan           1       a run                   a run
undo      start an action          7       a run, a call in doubt  a call in doubt
undo      close an action          7       a call in doubt         a run, a call in doubt  *
undo      end the plan             1       a run                   a run                   *
undo      end the run              1       a run                   its end
auto      take the lock            2       nothing, a run          nothing, a run
auto      open the run             2       nothing, a run          a run
auto      enrol who failed before  1       a run                   a run
auto      enrol users              4       a run                   a run
auto      enrol who is missing     1       a run                   a run
auto      end the listing          1       a run                   a run
auto      claim a batch            4+      a run                   a run
auto      commit a batch           4       a run                   a run
auto      save the plan            1       a run                   a run                   *
auto      replace older plans      1       a run                   a run
auto      begin the plan           1       a run                   a run
auto      start an action          7       a run, a call in doubt  a call in doubt
auto      close an action          7       a call in doubt         a run, a call in doubt
auto      end the plan             1       a run                   a run                   *
auto      end the run              2       a run                   a run, its end
"""
"""What a commit is for, how many there are of it (`+`: or more, as the timing has it), and what the next command finds
after a kill right before and right after. Where there is a `*`, `make test` kills on one side of one of them, and
`make test-all` on both; `make torture` kills at all, and while the commit is under way too. `auto` is
`run --apply auto`."""

DRAWN: Final = 200
SAMPLE: Final = 6
STRUCK: Final = ("backfill", "run", "apply")
"""Commands that are killed at moments drawn."""

ABOUT: Final = {
    ("backfill", STATEMENT): 90, ("backfill", REQUEST): 19, ("backfill", CANVAS): 19, ("backfill", COMMIT): 22,
    ("run", STATEMENT): 95, ("run", REQUEST): 23, ("run", CANVAS): 23, ("run", COMMIT): 24,
    ("apply", STATEMENT): 70, ("apply", REQUEST): 20, ("apply", CANVAS): 20, ("apply", COMMIT): 20,
}  # fmt: skip
"""Steps that a command surely takes; most take one or two more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A line of the table."""

    act: str
    kind: str
    number: int
    exact: bool  # whether there are exactly so many
    before: frozenset[str]
    after: frozenset[str]
    daily: bool

    def left(self, side: str) -> frozenset[str]:
        """What a kill on that side may leave."""
        return {BEFORE: self.before, AFTER: self.after, UNDER_WAY: self.before | self.after}[side]

    def step(self, side: str, number: int) -> Step:
        """One of them."""
        return Step(what=COMMIT, side=side, kind=self.kind, number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment of a command."""

    act: str
    at: Step

    @property
    def name(self) -> str:
        """For the list of tests."""
        return f"{self.act}-{self.at.side}-{self.at.what}-{self.at.number}".replace(" ", "-")


def points() -> tuple[Point, ...]:
    """The table, line by line."""
    head, *lines = COMMITS.strip().splitlines()
    columns = [head.index(title) for title in ("command", "commit", "number", "before", "after")]
    return tuple(_point(line, columns) for line in lines)


def _point(line: str, columns: list[int]) -> Point:
    ends = [*columns[1:], len(line)]
    act, kind, number, before, after = (line[at:end].strip() for at, end in zip(columns, ends, strict=True))
    daily = after.endswith("*")
    return Point(
        act=act,
        kind=kind,
        number=int(number.rstrip("+")),
        exact=not number.endswith("+"),
        before=_words(before),
        after=_words(after.rstrip("* ")),
        daily=daily,
    )


def _words(text: str) -> frozenset[str]:
    words = frozenset(word.strip() for word in text.split(","))
    assert words <= {NOTHING, PLAN, RUN, DOUBT, END}, text
    return words


def moments(number: int = DRAWN) -> Iterator[Moment]:
    """Drawn by a seed: the same ones each time, and the first of them the same for any number."""
    dice = random.Random(20261123)
    for _ in range(number):
        act = dice.choice(STRUCK)
        what = dice.choice((STATEMENT, REQUEST, CANVAS, COMMIT))
        side = (
            AFTER if what == CANVAS else dice.choice((BEFORE, AFTER, UNDER_WAY) if what == COMMIT else (BEFORE, AFTER))
        )
        yield Moment(act=act, at=Step(what=what, side=side, number=dice.randint(1, ABOUT[act, what])))
