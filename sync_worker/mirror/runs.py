"""The ledger's values: what a run is to walk, its batches, its failures, its figures and its end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sync_worker.channels import ReadOrder


class Reason(StrEnum):
    """Why users are in a batch."""

    SOURCE = "source"
    FAILED_BEFORE = "failed_before"
    MISSING = "missing_from_listing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a run is to walk; a run with the same of these can be resumed."""

    kind: str  # run, backfill, accept
    specs: tuple[str, ...]
    fingerprint: str  # of specs and files
    resume_max_age: timedelta
    fresh: bool = False  # never resume
    going_on: bool = False  # this very command has begun it: neither its age nor `fresh` matters


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that is under way."""

    id: int
    resumed: bool
    listed: bool  # whether all its users are in batches already


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some hundred users to read, claimed."""

    number: int
    reason: Reason
    user_ids: tuple[int, ...]
    claim: int
    order: ReadOrder  # of all its reads


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUser:
    """A user that could not be read, or a reference that could not be resolved (no id)."""

    reference: str
    user_id: int | None
    kind: str
    status: int | None
    message: str
    reason: Reason
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingCount:
    """How much a complete listing contained, and how much was to be expected."""

    account: str
    now: int
    before: int  # in the latest good run; where there was none, what the mirror knows


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """What the batches of a run have come to."""

    users_total: int = 0
    users_done: int = 0
    users_gone: int = 0
    users_unreadable: int = 0
    users_unlisted: int = 0
    users_failed: int = 0
    users_missing: int = 0  # asked for singly because a listing does not contain them any more
    unresolved: int = 0  # references that could not be resolved
    newly_unreadable: int = 0
    channels_seen: int = 0
    channels_created: int = 0
    channels_changed: int = 0
    channels_revived: int = 0
    channels_moved: int = 0
    nul_replaced: int = 0
    rows_older: int = 0  # differ from what was read, and were left alone: a later read had written them


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a start of a run ended."""

    status: str
    exit_code: int
    message: str
    requests: int = 0
    throttled: int = 0
    seconds: float = 0.0
    pending: int = 0  # deletions held back
    possible: float | None = None  # requests that the rate limit would have borne; None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStart:
    """A run that failed before it could begin."""

    instance: str
    kind: str  # run, backfill
    specs: tuple[str, ...]
    started_at: datetime
    exit_code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRun:
    """A run that failed, mostly before it could begin."""

    id: int
    exit_code: int
    message: str
