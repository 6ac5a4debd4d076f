"""The web server of `schedule`: a page, `/healthz`, `/readyz`, `/metrics`, `/status.json`.

It only reads, and asks nobody for a password: so it listens on loopback unless told otherwise, and then answers only to
names of this machine (a web page elsewhere could make its own name point here, and read what it gets).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from sync_worker.errors import ConfigError
from sync_worker.logs import get_logger
from sync_worker.plainjson import as_json
from sync_worker.service.metrics import Metrics
from sync_worker.service.page import POLICY, Page
from sync_worker.service.situation import Inquiry

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "sync-worker",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = get_logger(__name__)


class Site:
    """The answers.

    Args:
        inquiry: knows how things are.
        metrics: of this process.
        page: makes HTML of it.
    """

    def __init__(self, inquiry: Inquiry, metrics: Metrics, page: Page) -> None:
        self._inquiry = inquiry
        self._metrics = metrics
        self._page = page

    def application(self, *, loopback: bool) -> web.Application:
        """The server's application; `loopback`: answer only to names of this machine."""
        app = web.Application(middlewares=[_local_names_only] if loopback else [])
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/", self._show)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._figures)
        app.router.add_get("/status.json", self._status)
        return app

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._page(await self._inquiry.situation(overview=True)), content_type="text/html")

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        found = await self._inquiry.readiness()
        ready = all(value == "ok" for value in found.values())
        return _json({"ready": ready, **found}, status=200 if ready else 503)

    async def _figures(self, _request: web.Request) -> web.Response:
        body = self._metrics.text(await self._inquiry.statuses())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _status(self, _request: web.Request) -> web.Response:
        return _json(await self._inquiry.document())


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(text=as_json(document), content_type="application/json", status=status)


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


@web.middleware
async def _local_names_only(request: web.Request, handler: _Handler) -> web.StreamResponse:
    if not is_local(request.host):
        raise web.HTTPMisdirectedRequest(text="this server answers only to names of its own machine\n")
    return await handler(request)


def is_local(host: str) -> bool:
    """Whether the value of a Host header names this machine as such, with or without a port."""
    name, colon, port = host.rpartition(":")
    name = (name if colon and port.isdecimal() else host).removeprefix("[").removesuffix("]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


@asynccontextmanager
async def serving(site: Site, bind: str) -> AsyncIterator[str]:
    """Serve meanwhile; the address.

    Args:
        site: the answers.
        bind: HOST:PORT; port 0 is any that is free.

    Raises:
        ConfigError: it is taken, or is none of this machine.
    """
    host, _, port = bind.rpartition(":")
    runner = web.AppRunner(site.application(loopback=is_local(host)), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        server = web.TCPSite(runner, host.strip("[]"), int(port))
        try:
            await server.start()
        except OSError as error:
            raise ConfigError(
                f"cannot serve at {bind}: {error.strerror}", where="web.bind", hint="Write another HOST:PORT there"
            ) from error
        address = f"http://{host}:{runner.addresses[0][1]}"
        log.info("serving", address=address)
        yield address
    finally:
        await runner.cleanup()
