"""Every error of the program, grouped by what the caller does next.

A leaf: imports nothing of the project. Each error says what happened, where, and what to do; the command line prints
it as it is and ends with `exit_code` (the table in the README). No message ever holds a token.
"""

from typing import ClassVar

from typing_extensions import override


class SyncWorkerError(Exception):
    """The root of the tree.

    Args:
        what: what happened, one sentence without a full stop.
        where: the place (file and line, field, user, URL without secrets), empty where there is none.
        hint: what to do next, empty where nothing can be done.
    """

    exit_code: int = 1
    outcome_unknown: bool = False
    """Whether an attempt of a call that writes was sent and not clearly rejected: it may still be carried out."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    @override
    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what.removesuffix('.')}" + (f". {self.hint}" if self.hint else "")


# --- Stop: a person has to change something first -------------------------------------------------------


class UsageError(SyncWorkerError):
    """A wrong command line, or something that this version does not do."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration cannot be used; `str` gives one line for each problem."""


class NotUtf8(UsageError):
    """A file is not text in UTF-8 or UTF-16; `where` names file and line."""


class SourceError(UsageError):
    """A user source (file, spec) cannot be used; `where` names file and line."""


class UndecodableLine(SourceError):
    """A line of a user source is not UTF-8; what follows will not be either, and is not told."""


class PlanError(UsageError):
    """A plan cannot be read: not a plan, of another version, or changed after it was made."""


class DocumentError(UsageError):
    """A desired state cannot be used; `str` gives one line for each problem, with file, line, field and hint."""


class ClientRefused(UsageError):
    """Canvas refuses this program as such (a 403 that speaks of the User-Agent)."""


class WrongCanvas(UsageError):
    """The instance is bound to another Canvas than the one that answers."""


class SchemaError(UsageError):
    """The database's schema is not the one that this version needs."""


# --- Stop: the token ------------------------------------------------------------------------------------


class TokenRefused(SyncWorkerError):
    """Canvas refused the token: bad, expired or revoked. Nothing may be concluded from it about any user."""

    exit_code = 5


# --- Stop: somebody else is at work ---------------------------------------------------------------------


class LockHeld(SyncWorkerError):
    """Another process writes to this instance; the message names it.

    Args:
        by_us: it is this very process: the server has not yet missed a connection that was lost.
    """

    exit_code = 6

    def __init__(self, what: str, *, where: str = "", hint: str = "", by_us: bool = False) -> None:
        super().__init__(what, where=where, hint=hint)
        self.by_us = by_us


# --- Stop: resumable, the same command goes on later ----------------------------------------------------


class Unreachable(SyncWorkerError):
    """The other side cannot be reached; run the same command again later."""

    exit_code = 7


class CanvasUnreachable(Unreachable):
    """Canvas does not answer, or answers everybody with trouble."""


class DatabaseUnreachable(Unreachable):
    """PostgreSQL cannot be reached, or went away."""


class DatabaseStuck(DatabaseUnreachable):
    """PostgreSQL answers, and cannot go on until a person does something: waiting for it is of no use."""


class LockLost(Unreachable):
    """The connection that held the instance's lock is gone: nothing more may be committed."""


class QuotaExhausted(Unreachable):
    """No request was admitted within the throttle's patience."""


class Stopped(SyncWorkerError):
    """A signal asked for the end; not an error of anything.

    Args:
        signum: the signal's number; the exit code is 128 + signum (130, 143).
    """

    def __init__(self, signum: int) -> None:
        super().__init__("stopped by a signal", hint="Run the same command again to go on")
        self.signum = signum
        self.exit_code = 128 + signum


class Withdrawn(SyncWorkerError):
    """A signal came before a call to Canvas was sent; nobody outside of an apply sees this."""


# --- Go on with the next user: one request failed -------------------------------------------------------


class RequestFailed(SyncWorkerError):
    """One request has no usable answer; the user it was for is recorded, the others go on.

    Args:
        status: the HTTP status, None where there was no answer at all.
    """

    exit_code = 3
    kind: ClassVar[str] = "failed"  # the class that `worker.failures` records

    def __init__(self, what: str, *, where: str = "", hint: str = "", status: int | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status


class Forbidden(RequestFailed):
    """This caller may not do this to this user or channel; never retried."""

    kind = "forbidden"


class RefusedAlone(RequestFailed):
    """Refused as if it were for the token, the program or the speed, while Canvas answers others: nothing was done."""

    kind = "refused"


class NotFound(RequestFailed):
    """Canvas's own 404: on a numeric id the user is gone, on a reference the reference is wrong."""

    kind = "not_found"


class Rejected(RequestFailed):
    """Canvas says that the request is wrong (400, 422 and other 4xx); never retried."""

    kind = "rejected"


class Trouble(RequestFailed):
    """No answer, a broken one or a 5xx, also after retries: the other side has a problem."""

    kind = "trouble"


class Incomplete(RequestFailed):
    """A list could not be read to its end, or holds what it must not; nothing may be concluded from it."""

    kind = "incomplete"


# --- Go on with the next batch --------------------------------------------------------------------------


class ClaimLost(SyncWorkerError):
    """Another worker has taken over this batch; this one's read is too old to be written."""
