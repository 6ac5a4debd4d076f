# ruff: noqa: E501  (two tables)
"""What is to come of every kind of trouble with every request: the fault matrix.

The tables name ends; the legends below them say what an end is, to the exit code, the row and the number of calls.

What stands behind them: trouble is repeated, and then costs its user alone; what Canvas says clearly is not repeated;
what is said of the token, the program or the speed to one user alone, while a neutral question is answered, costs that
user alone too (`tests/integration/flows/test_one_user.py` has it said to everybody); whoever was not read to the end
keeps every row. A POST that may have arrived is never sent again: a look decides. Only where Canvas tells the same lie twice
(`lied to`, `gone`) does the mirror believe it, and the next run takes it back.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.faults.reads import LISTINGS, LISTS, Read
from tests.faults.writes import ACTIONS, Called, Write

End = Read | Write | Called

READS: Final[Mapping[str, Read]] = {
    "read": Read(exit=0, mirror="follows", told="", struck=1),
    "read twice": Read(exit=0, mirror="follows", told="", struck=2),  # first and second read
    "reconnected": Read(exit=0, mirror="follows", told="", struck=None),
    "failed": Read(exit=3, mirror="kept", told="trouble", struck=2),
    "incomplete": Read(exit=3, mirror="kept", told="incomplete", struck=1),
    "rejected": Read(exit=3, mirror="kept", told="rejected", struck=1),
    "forbidden": Read(exit=3, mirror="kept", told="forbidden", struck=1),
    "not found": Read(exit=3, mirror="kept", told="not_found", struck=1),
    "lied to": Read(exit=0, mirror="lied to", told="", struck=2),
    "gone": Read(exit=0, mirror="lied to", told="gone", struck=2),
    "refused": Read(exit=3, mirror="kept", told="refused", struck=1),
    "throttled": Read(exit=3, mirror="kept", told="refused", struck=None),  # as often as others got through meanwhile
    "source": Read(exit=2, mirror="kept", told="SourceError", struck=1),
    "unreachable": Read(exit=7, mirror="kept", told="CanvasUnreachable", struck=1),
    "outage": Read(exit=7, mirror="kept", told="CanvasUnreachable", struck=2),
    "circles": Read(exit=7, mirror="kept", told="CanvasUnreachable", struck=3),
    "cut off": Read(exit=7, mirror="kept", told="CanvasUnreachable", struck=None),
    "implausible": Read(exit=8, mirror="kept", told="", struck=1),
}
"""Ends of a run; `struck`: how often the request met its trouble, of two attempts at most."""

WRITES: Final[Mapping[str, Write]] = {
    "done": Write(exit=0, status="done", sent=1, there=True, mirror="follows", finally_="done"),
    "done by 2": Write(exit=0, status="done", sent=2, there=True, mirror="follows", finally_="done"),
    "refused": Write(exit=3, status="refused", sent=1, there=False, mirror="follows", finally_="refused"),
    "lost": Write(exit=3, status="failed", sent=1, there=False, mirror="follows", finally_="done"),
    "failed": Write(exit=3, status="failed", sent=1, there=False, mirror="follows", finally_="done"),
    "failed by 2": Write(exit=3, status="failed", sent=2, there=False, mirror="follows", finally_="done"),
    "cut off": Write(exit=7, status="started", sent=0, there=False, mirror="follows", finally_="done"),
    "throttled": Write(exit=3, status="refused", sent=None, there=False, mirror="follows", finally_="refused"),
}
"""Ends of an apply; `cut off`: nobody could look what came of it; `by 2`: the call was sent twice, for a POST only where
the first one was refused unseen."""

CALLED: Final[Mapping[str, Called]] = {
    "done": Called(came="Channel", sent=1, there=True),
    "done by 2": Called(came="Channel", sent=2, there=True),
    "not there": Called(came="NoneType", sent=1, there=False),
    "gone by 2": Called(came="NoneType", sent=2, there=True),
    "rejected": Called(came="Rejected", sent=1, there=False),
    "forbidden": Called(came="Forbidden", sent=1, there=False),
    "incomplete": Called(came="Incomplete", sent=1, there=False),
    "done, odd": Called(came="Incomplete", sent=1, there=True),
    "failed by 2": Called(came="Trouble", sent=2, there=False),
    "done, lost": Called(came="Trouble", sent=2, there=True),
    "no connection": Called(came="Trouble", sent=0, there=False),
    "refused": Called(came="RefusedAlone", sent=1, there=False),
    "throttled": Called(came="RefusedAlone", sent=None, there=False),
}
"""Ends of a single call."""

NOTHING: Final = "-"
"""Makes no sense there."""

COLUMNS: Final = ("list 1", "list n", "users 1", "users n", "user", "create", "delete", "by address")
"""Requests: the first and a later page of a user's channels, and of an account's users; a user by a SIS id; create;
delete by id, and by address."""

ONCE: Final = """
trouble                list 1       list n       users 1      users n      user         create     delete     by address
400                    rejected     rejected     unreachable  unreachable  rejected     refused    refused    rejected
401 WWW-Authenticate   refused      refused      unreachable  unreachable  refused      refused    refused    refused
401                    forbidden    forbidden    source       source       forbidden    refused    refused    forbidden
403 throttle           read         read         read         read         read         done by 2  done by 2  done by 2
403 User-Agent         refused      refused      unreachable  unreachable  refused      refused    refused    refused
403                    forbidden    forbidden    source       source       forbidden    refused    refused    forbidden
404 JSON               read         incomplete   source       unreachable  not found    refused    failed     not there
404 HTML               read         read         read         read         read         lost       done by 2  done by 2
408                    read         read         read         read         read         lost       done by 2  done by 2
422                    rejected     rejected     unreachable  unreachable  rejected     refused    refused    rejected
429                    read         read         read         read         read         done by 2  done by 2  done by 2
429 Retry-After: 1     read         read         read         read         read         done by 2  done by 2  done by 2
429 Retry-After: date  read         read         read         read         read         done by 2  done by 2  done by 2
500                    read         read         read         read         read         lost       done by 2  done by 2
502 HTML               read         read         read         read         read         lost       done by 2  done by 2
503                    read         read         read         read         read         lost       done by 2  done by 2
504                    read         read         read         read         read         lost       done by 2  done by 2
refused connection     reconnected  reconnected  reconnected  reconnected  reconnected  done       done       done
reset before headers   read         read         read         read         read         lost       done by 2  done by 2
closed before headers  read         read         read         read         read         lost       done by 2  done by 2
answer lost            read         read         read         read         read         done       done by 2  gone by 2
reset in the body      read         read         read         read         read         done       done by 2  gone by 2
closed in the body     read         read         read         read         read         done       done by 2  gone by 2
truncated JSON         read         read         read         read         read         done       done by 2  gone by 2
wrong shape            incomplete   incomplete   unreachable  unreachable  incomplete   lost       failed     incomplete
login page with 200    read         read         read         read         read         lost       done by 2  done by 2
empty 200              read         read         read         read         read         lost       done by 2  done by 2
empty list             read         read         implausible  read         -            -          -          -
redirect to a login    read         read         read         read         read         lost       done by 2  done by 2
redirect elsewhere     read         read         read         read         read         lost       done by 2  done by 2
gzip bomb              read         read         read         read         read         lost       done by 2  done by 2
50 MB                  read         read         read         read         read         lost       done by 2  done by 2
endless body           read         read         read         read         read         lost       done by 2  done by 2
a byte a second        read         read         read         read         read         done       done by 2  gone by 2
hang                   read         read         read         read         read         lost       done by 2  done by 2
bad Link               incomplete   incomplete   unreachable  unreachable  -            -          -          -
Link loop              incomplete   incomplete   unreachable  read         -            -          -          -
Link elsewhere         incomplete   incomplete   unreachable  unreachable  -            -          -          -
repeated item          -            read         -            read         -            -          -          -
shifted item           -            read         -            read         -            -          -          -
wrong user_id          incomplete   incomplete   -            -            -            done       done       done, odd
blocked token          read         read         read         read         read         done by 2  done by 2  done by 2
"""
"""The first such request meets it, the next one does not."""

ALWAYS: Final = """
trouble                list 1      list n      users 1      users n      user        create     delete       by address
400                    rejected    rejected    unreachable  unreachable  rejected    refused    refused      rejected
401 WWW-Authenticate   refused     refused     unreachable  unreachable  refused     refused    refused      refused
401                    forbidden   forbidden   source       source       forbidden   refused    refused      forbidden
403 throttle           throttled   throttled   cut off      cut off      throttled   throttled  throttled    throttled
403 User-Agent         refused     refused     unreachable  unreachable  refused     refused    refused      refused
403                    forbidden   forbidden   source       source       forbidden   refused    refused      forbidden
404 JSON               gone        incomplete  source       unreachable  not found   refused    failed       not there
404 HTML               failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
408                    failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
422                    rejected    rejected    unreachable  unreachable  rejected    refused    refused      rejected
429                    throttled   throttled   cut off      cut off      throttled   throttled  throttled    throttled
429 Retry-After: 1     throttled   throttled   cut off      cut off      throttled   throttled  throttled    throttled
429 Retry-After: date  throttled   throttled   cut off      cut off      throttled   throttled  throttled    throttled
500                    failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
502 HTML               failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
503                    failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
504                    failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
refused connection     cut off     cut off     cut off      cut off      cut off     cut off    cut off      no connection
reset before headers   failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
closed before headers  failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
answer lost            failed      failed      outage       outage       failed      done       done by 2    done, lost
reset in the body      failed      failed      outage       outage       failed      done       done by 2    done, lost
closed in the body     failed      failed      outage       outage       failed      done       done by 2    done, lost
truncated JSON         failed      failed      outage       outage       failed      done       done by 2    done, lost
wrong shape            incomplete  incomplete  unreachable  unreachable  incomplete  lost       failed       incomplete
login page with 200    failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
empty 200              failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
empty list             lied to     lied to     implausible  read         -           -          -            -
redirect to a login    failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
redirect elsewhere     failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
gzip bomb              failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
50 MB                  failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
endless body           failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
a byte a second        failed      failed      outage       outage       failed      done       done by 2    done, lost
hang                   failed      failed      outage       outage       failed      lost       failed by 2  failed by 2
bad Link               incomplete  incomplete  unreachable  unreachable  -           -          -            -
Link loop              incomplete  incomplete  unreachable  circles      -           -          -            -
Link elsewhere         incomplete  incomplete  unreachable  unreachable  -           -          -            -
repeated item          -           read twice  -            read         -           -          -            -
shifted item           -           lied to     -            read         -           -          -            -
wrong user_id          incomplete  incomplete  -            -            -           done       done         done, odd
blocked token          throttled   throttled   cut off      cut off      throttled   throttled  throttled    throttled
"""
"""Every such request of the run meets it."""


def legend(column: str) -> Mapping[str, End]:
    """What the words of a column mean."""
    if column in LISTS or column in LISTINGS:
        return READS
    return WRITES if column in ACTIONS else CALLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of trouble with one request."""

    column: str
    kind: str
    once: bool  # the first request only
    word: str

    @property
    def end(self) -> End | None:
        """What is to come of it; None where it makes no sense."""
        return None if self.word == NOTHING else legend(self.column)[self.word]


def cells() -> Iterator[Cell]:
    """All cells of both tables."""
    for once, table in ((True, ONCE), (False, ALWAYS)):
        head, *lines = (re.split(r"  +", line.strip()) for line in table.strip().splitlines())
        for kind, *words in lines:
            for column, word in zip(head[1:], words, strict=True):
                yield Cell(column=column, kind=kind, once=once, word=word)


def written(words: Mapping[tuple[str, str], str]) -> str:
    """A table as it stands here, out of the words of its cells by kind and column."""
    kinds = dict.fromkeys(kind for kind, _ in words)
    columns = [column for column in COLUMNS if any(place[1] == column for place in words)]
    rows = [["trouble", *columns], *([kind, *(words[kind, column] for column in columns)] for kind in kinds)]
    widths = [max(len(row[n]) for row in rows) + 2 for n in range(len(rows[0]))]
    return "\n".join(
        "".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
