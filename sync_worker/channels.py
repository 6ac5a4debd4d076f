"""The domain's values: channels, users, references to users, and what reading a user can come to.

All frozen. A `Channel` is what Canvas said, no more: a field that the answer left out is not in
`model_fields_set`, which is another statement than null ("may not be seen" against "has none").
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from typing_extensions import override

MAX_ID = 2**63 - 1
SHARD = 10**13
"""A global id is shard * 10^13 + local id (Canvas's shard arithmetic)."""

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Small = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Instant = Annotated[
    AwareDatetime,
    Field(ge=datetime(1, 1, 2, tzinfo=UTC), le=datetime(9999, 12, 30, tzinfo=UTC)),
]
"""A day from either end of the calendar: there an instant has no form in some other time zone."""


class Channel(BaseModel):
    """One communication channel as an answer of Canvas gives it; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    user_id: Id
    type: str
    address: str
    workflow_state: str
    position: Small | None = None
    bounce_count: Small | None = None
    last_bounce_at: Instant | None = None
    last_bounce_summary: str | None = None
    last_transient_bounce_at: Instant | None = None
    last_transient_bounce_summary: str | None = None
    last_suppression_bounce_at: Instant | None = None
    created_at: Instant | None = None


class User(BaseModel):
    """One user as a listing or a look-up gives it; identifiers only administrators may see are optional."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    sis_user_id: str | None = None
    login_id: str | None = None
    integration_id: str | None = None


def same_user(a: int, b: int) -> bool:
    """Whether two ids name one user, in local or global form.

    Two different global ids are two users; a local id matches a global one with the same local part.
    """
    if a == b:
        return True
    return a % SHARD == b % SHARD and (a < SHARD) != (b < SHARD)


class RefKind(StrEnum):
    """How a user is named; the value is what stands before the colon in a Canvas path."""

    ID = "id"
    SIS = "sis_user_id"
    LOGIN = "sis_login_id"
    INTEGRATION = "sis_integration_id"
    SELF = "self"


_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRef:
    """A reference to a user, before it is resolved to a numeric id."""

    kind: RefKind
    value: str = ""  # empty for `self`
    where: str = field(default="", compare=False)  # file and line that named it, for messages

    def path_segment(self) -> str:
        """The reference as one segment of a Canvas path; hex form where the value has awkward characters."""
        if self.kind is RefKind.ID:
            return quote(self.value, safe="~")
        if self.kind is RefKind.SELF:
            return "self"
        if set(self.value) <= _PLAIN:
            return f"{self.kind}:{self.value}"
        return f"hex:{self.kind}:{self.value.encode().hex()}"

    @override
    def __str__(self) -> str:
        return self.kind.value if self.kind is RefKind.SELF else f"{self.kind}:{self.value}"


def by_id(user_id: int) -> UserRef:
    """The reference to a user by its numeric id."""
    return UserRef(kind=RefKind.ID, value=str(user_id))


# --- What reading one user's channels can come to -------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ReadOrder:
    """Which of two reads is the newer one, whatever any clock said; drawn from the database before the read begins."""

    epoch: int  # fencing epoch of the writer
    number: int  # ascending within the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All channels of one user, read to the end of the list."""

    user_id: int  # as asked for
    read_at: datetime  # when the read began
    channels: tuple[Channel, ...]  # one for each id, in the order of Canvas
    order: ReadOrder | None = None  # None: not drawn; such a read is never written to the mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Canvas does not know the numeric id (any more): deleted, or merged into another user."""

    user_id: int
    read_at: datetime
    order: ReadOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """This token may not read this user; a state of the user, not a failure of the run."""

    user_id: int
    read_at: datetime
    message: str
    order: ReadOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The user could not be read; its rows stay as they are and the next run tries it first."""

    user_id: int
    read_at: datetime
    kind: str  # errors.RequestFailed.kind
    status: int | None
    message: str
    order: ReadOrder | None = None


ReadOutcome = Snapshot | Gone | Unreadable | Failure
