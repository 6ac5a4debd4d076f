"""Questions to a person at a terminal; nobody is asked where there is none."""

import asyncio
import sys

from sync_worker.errors import UsageError

YES = "yes"


def somebody_to_ask() -> None:
    """Make sure that there is somebody.

    Raises:
        UsageError: there is no terminal.
    """
    if not sys.stdin.isatty():
        what = "there is no terminal to ask at, and nothing was done"
        raise UsageError(what, hint="Add --yes to go on without a question")


async def agree(question: str) -> None:
    """Go on only with a person's word.

    The answer is awaited on the event loop, so that Ctrl-C ends it at once.

    Raises:
        UsageError: the answer is another one, or there is nobody to ask.
    """
    somebody_to_ask()
    sys.stderr.write(f"\n{question} Type `{YES}` to go on: ")
    sys.stderr.flush()
    try:
        answer = await _line()
    except asyncio.CancelledError:
        sys.stderr.write("\nnothing was done\n")
        raise
    if not answer:
        sys.stderr.write("\n")  # the end of input leaves the cursor behind the question
    if answer.strip().lower() != YES:
        raise UsageError("not approved; nothing was done")


async def _line() -> str:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()
