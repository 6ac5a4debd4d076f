"""What the page shows, as values: how the instances are, what a person has to do, the answers of reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync_worker.reports.header import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A sentence with its weight."""

    level: str  # ok, warning, critical
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """Something that a person has to look at or decide on."""

    level: str  # as in Said
    text: str
    commands: tuple[tuple[str, str], ...]  # what to type, and what that does


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceState:
    """How one instance is."""

    name: str
    origin: str | None  # None before the first run
    level: str  # the worst of what there is to say
    last_success_at: datetime | None  # end of the last good run over all configured users
    coverage: str | None  # of the last finished one, per cent
    holder: str | None  # who is at work
    remarks: tuple[Said, ...]
    users: int  # present
    others: Mapping[str, int]  # users in other states, by state
    channels: int  # live
    median_read_at: datetime | None  # half of the users were read at this time or later
    reach: Mapping[str, int]  # reachable, unreachable, unknown, unread: present users
    todos: tuple[Todo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The first rows of a report."""

    report: Report
    rows: Sequence[Mapping[str, Any]]  # as values.plain has them, masked where they are to be
    total: int  # of rows that there are
    given: Mapping[str, str]  # values of its parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the database says, as of one moment."""

    now: datetime
    instances: tuple[InstanceState, ...]
    answers: Mapping[str, Answer]  # by report
    masked: bool  # whether addresses are


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What only a running `schedule` knows."""

    now: datetime
    at_work: Sequence[Mapping[str, Any]] = ()  # as in status.json
    next_runs: Sequence[tuple[str, datetime | None]] = ()  # jobs of the schedule
    trouble: str | None = None  # why there is no overview
    latest: Sequence[Sequence[Any]] = field(default_factory=tuple)  # the latest run of each instance: name, id, status
