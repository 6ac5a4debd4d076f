"""What a check finds, and how checks are gone through: one that fails stops only those that need it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sync_worker.errors import Forbidden, RequestFailed, Stopped, SyncWorkerError
from sync_worker.logs import redact

UNEXPECTED: Final = 1
CONFIGURATION: Final = 2
TOKEN: Final = 5
UNREACHABLE: Final = 7
IMPLAUSIBLE: Final = 8


class State(StrEnum):
    """How it stands with what was checked."""

    OK = "ok"
    WARNING = "warning"  # it works, and somebody should look at it
    FAILURE = "failure"  # a run would fail
    UNKNOWN = "unknown"  # nobody can know without writing, or what it needs has failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one check has to say."""

    state: State
    finding: str
    remedy: str = ""  # what to do; empty where there is nothing to do
    exit_code: int = 0  # that of a run with this failure


def fine(finding: str) -> Opinion:
    """All is well."""
    return Opinion(state=State.OK, finding=finding)


def warn(finding: str, remedy: str) -> Opinion:
    """It works, and somebody should look at it."""
    return Opinion(state=State.WARNING, finding=finding, remedy=remedy)


def fail(finding: str, remedy: str, exit_code: int) -> Opinion:
    """A run would end with this exit code."""
    return Opinion(state=State.FAILURE, finding=finding, remedy=remedy, exit_code=exit_code)


def untested(finding: str, remedy: str = "") -> Opinion:
    """Nobody can know from looking; the remedy says what would show it."""
    return Opinion(state=State.UNKNOWN, finding=finding, remedy=remedy)


def failed_with(error: SyncWorkerError) -> Opinion:
    """The failure that an error is."""
    first, *more = error.what.splitlines() or [""]
    place = f"{error.where}: " if error.where else ""
    others = f" (and {len(more)} more)" if more else ""
    return fail(f"{place}{first}{others}", error.hint, _exit_code(error))


def _exit_code(error: SyncWorkerError) -> int:
    """That of a run to which this is no matter of one user."""
    match error:
        case Forbidden():
            return TOKEN
        case RequestFailed():
            return UNREACHABLE
        case _:
            return error.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found, for people and for programs."""

    instance: str  # empty: it concerns all
    name: str
    state: State
    finding: str
    remedy: str
    exit_code: int  # 0 unless it is a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something to look at."""

    name: str
    look: Callable[[], Awaitable[Opinion]]  # may raise any SyncWorkerError: that is a failure
    needs: tuple[str, ...] = ()  # names of checks without which it makes no sense; of the same instance, or of all


class Examination:
    """Goes through checks, and keeps what they find, in their order."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._down: set[tuple[str, str]] = set()

    async def go_through(self, checks: Iterable[Check], instance: str = "") -> None:
        """Look at one thing after the other."""
        for check in checks:
            self._note(instance, check.name, await self._opinion(check, instance))

    async def _opinion(self, check: Check, instance: str) -> Opinion:
        missing = [name for name in check.needs if {(instance, name), ("", name)} & self._down]
        if missing:
            self._down.add((instance, check.name))
            return untested(f"not checked, because of: {missing[0]}")
        opinion = await _asked(check)
        if opinion.state is State.FAILURE:
            self._down.add((instance, check.name))
        return opinion

    def _note(self, instance: str, name: str, opinion: Opinion) -> None:
        self.findings.append(
            Finding(
                instance=instance,
                name=name,
                state=opinion.state,
                finding=redact(" ".join(opinion.finding.split())),
                remedy=redact(" ".join(opinion.remedy.split())),
                exit_code=opinion.exit_code,
            )
        )


async def _asked(check: Check) -> Opinion:
    try:
        return await check.look()
    except Stopped:
        raise
    except SyncWorkerError as error:
        return failed_with(error)
    except Exception as error:  # noqa: BLE001  (one check that breaks is no reason to tell nothing of the others)
        what = f"the check itself broke: {type(error).__name__}: {error}"
        return fail(what, "If it looks like a mistake of this program, report it", UNEXPECTED)
