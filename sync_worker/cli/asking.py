"""Questions to a person at a terminal; nobody is asked where there is none."""

import asyncio
import sys

from sync_worker.errors import UsageError

YES = "yes"


async def agree(question: str, *, yes: bool) -> None:
    """Go on only with a person's word, or with `--yes`.

    The answer is awaited on the event loop, so that Ctrl-C ends it at once.

    Raises:
        UsageError: the answer is another one, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask at, and nothing was done", hint="Add --yes to go on without a question"
        )
    sys.stderr.write(f"\n{question} Type `{YES}` to go on: ")
    sys.stderr.flush()
    if (await _line()).strip().lower() != YES:
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
