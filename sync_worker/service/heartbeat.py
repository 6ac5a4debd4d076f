"""`[notify] heartbeat_url`: is called after each run, so that somebody else notices when nothing runs any more."""

from typing import Final
from urllib.parse import urlsplit

import aiohttp

from sync_worker import __version__
from sync_worker.clock import Clock
from sync_worker.logs import get_logger

TIMEOUT: Final = 10.0  # seconds for one call
PAUSES: Final = (1.0, 3.0)  # seconds before the second and the third attempt

_HEARD: Final = range(200, 300)

log = get_logger(__name__)


async def beat(url: str, clock: Clock, *, well: bool) -> None:
    """Say that a run came to its end (`well`) or did not; that nobody hears it is logged, and no more."""
    problem = ""
    for pause in (0.0, *PAUSES):
        await clock.sleep(pause)
        problem = await _call(url if well else f"{url}/fail")
        if not problem:
            return
    log.warning("the heartbeat was not heard", host=urlsplit(url).hostname, reason=problem)


async def _call(url: str) -> str:
    """What went wrong, without the URL, which is a secret."""
    headers = {"User-Agent": f"sync-worker/{__version__}"}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return "" if answer.status in _HEARD else f"status {answer.status}"
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        return type(error).__name__
