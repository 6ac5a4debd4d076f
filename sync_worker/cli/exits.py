"""The one place where an error becomes a message and an exit code; the codes themselves are those of `exitcodes`."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Final

import typer

from sync_worker.errors import Stopped, SyncWorkerError
from sync_worker.exitcodes import (
    CHANGES,
    DONE,
    IMPLAUSIBLE,
    IN_PART,
    INTERRUPTED,
    LOCKED,
    PRECEDENCE,
    TERMINATED,
    TOKEN_REFUSED,
    UNEXPECTED,
    UNREACHABLE,
    USAGE,
    WITHHELD,
    worst,
)

__all__ = [
    "CHANGES",
    "DONE",
    "GLOBAL_OPTIONS",
    "IMPLAUSIBLE",
    "INTERRUPTED",
    "IN_PART",
    "LOCKED",
    "PRECEDENCE",
    "PROGRAM",
    "TERMINATED",
    "TOKEN_REFUSED",
    "UNEXPECTED",
    "UNREACHABLE",
    "USAGE",
    "WITHHELD",
    "exit_code",
    "guarded",
    "messages",
    "say",
    "worst",
]

PROGRAM = "sync-worker"

GLOBAL_OPTIONS: Final = ("--config", "--instance", "--log-format", "--log-level", "--no-progress")
"""What stands before the command; a test compares them with the program's."""

PIPE_CLOSED = 141  # as every Unix program that is cut off by `head`


def exit_code(error: BaseException) -> int:
    """The exit code that an error means."""
    match error:
        case Stopped():
            code = 128 + error.signum
        case SyncWorkerError():
            code = error.exit_code
        case typer.TyperException():
            code = USAGE
        case KeyboardInterrupt():
            code = INTERRUPTED
        case typer.Abort() if isinstance(error.__context__, KeyboardInterrupt):
            code = INTERRUPTED
        case BaseExceptionGroup():
            code = worst(exit_code(each) for each in error.exceptions)
        case _:
            code = UNEXPECTED
    return code


def guarded(command: Callable[[], int | None]) -> int:
    """Run `command`; its exit code (None: 0), or that of the error it ended with, whose message goes to stderr."""
    try:
        code = command() or DONE
        sys.stdout.flush()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else DONE if error.code is None else UNEXPECTED
    except BrokenPipeError:
        return _reader_went_away()
    except BaseException as error:  # noqa: BLE001  (the one place where every error ends)
        for line in messages(error):
            say(line)
        return exit_code(error)
    return code


def say(line: str) -> None:
    """Tell people something that is no result: one line on stderr."""
    sys.stderr.write(f"{PROGRAM}: {line}\n")


def messages(error: BaseException) -> Iterator[str]:
    """What people are told about an error, line by line."""
    match error:
        case SyncWorkerError():
            from sync_worker import logs

            yield from logs.without_secrets(str(error)).splitlines()
        case typer.TyperException():
            yield from error.format_message().splitlines()
            yield from _misplaced(getattr(error, "option_name", ""))
            yield f"try '{getattr(getattr(error, 'ctx', None), 'command_path', PROGRAM)} --help'"
        case KeyboardInterrupt() | typer.Abort():
            yield "stopped"
        case BaseExceptionGroup():
            for each in error.exceptions:
                yield from messages(each)
        case _:
            yield from _unexpected(error)


def _misplaced(option: str) -> Iterator[str]:
    """Where an option stands that a command does not know, but the program does."""
    if option in GLOBAL_OPTIONS:
        *others, last = GLOBAL_OPTIONS
        yield f"{', '.join(others)} and {last} stand before the command: {PROGRAM} {option} … COMMAND"


def _unexpected(error: BaseException) -> Iterator[str]:
    """An error that nobody thought of: short, unless the level is debug; never with a secret."""
    import logging
    import traceback

    from sync_worker import logs

    if logging.getLogger(logs.ROOT).isEnabledFor(logging.DEBUG):
        yield from logs.mask_emails(logs.redact("".join(traceback.format_exception(error)))).splitlines()
    what = logs.mask_emails(logs.redact(str(error)))
    yield f"unexpected error: {type(error).__name__}: {what}" if what else f"unexpected error: {type(error).__name__}"
    yield "run it again with --log-level debug to see where; if it looks like a mistake of this program, report it"


def _reader_went_away() -> int:
    """Whoever read our output has enough (`… | head`): be quiet, also when Python flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
