"""Answers over the wire, whole or broken as the answer itself says."""

import socket
from contextlib import suppress
from email.utils import format_datetime
from struct import pack

from aiohttp import web

from sync_worker.sandbox.answers import Answer, Delivery
from sync_worker.sandbox.clock import Clock
from sync_worker.sandbox.options import HeaderCase

COOKIE = "_csrf_token=c2FuZGJveA%3D%3D; path=/"
"""Canvas sets cookies even for API clients; a client must not live on them."""

FLOOD_PIECE = b" " * 65_536


GARBAGE = b"\x15\x03\x01\x00\x02\x02\x0a"
"""An alert of TLS: "unexpected message"."""


class Postman:
    """Turns answers into aiohttp responses. Header names in the case that the options ask for."""

    def __init__(self, clock: Clock, header_case: HeaderCase) -> None:
        self._clock = clock
        self._original = header_case == "original"
        self._date = ""
        self._date_until = 0.0

    async def deliver(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        """Send the answer, or let aiohttp send what is returned."""
        match answer.delivery:
            case Delivery.WHOLE | Delivery.LAST:
                return self._whole(answer)
            case Delivery.NONE | Delivery.GARBAGE:
                if answer.delivery is Delivery.GARBAGE and request.transport is not None:
                    request.transport.write(GARBAGE)
                hang_up(request, abrupt=answer.abrupt)
                return web.Response()
            case Delivery.CUT:
                return await self._cut(request, answer)
            case Delivery.DRIP:
                return await self._drip(request, answer)
            case Delivery.FLOOD:
                return await self._flood(request, answer)
            case Delivery.ENDLESS:
                return await self._endless(request, answer)

    def _whole(self, answer: Answer) -> web.Response:
        headers = self._headers(answer, len(answer.body))
        response = web.Response(status=answer.status, body=answer.body, headers=headers)
        if answer.delivery is Delivery.LAST:
            response.force_close()
        return response

    async def _cut(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        response = await self._start(request, answer, len(answer.body))
        with suppress(ConnectionError):
            await response.write(answer.body[: len(answer.body) // 2])
        hang_up(request, abrupt=answer.abrupt)
        return response

    async def _drip(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        response = await self._start(request, answer, len(answer.body))
        with suppress(ConnectionError):  # the client has given up
            for begin in range(0, len(answer.body), answer.size):
                await response.write(answer.body[begin : begin + answer.size])
                await self._clock.sleep(answer.pause)
        return response

    async def _flood(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        response = await self._start(request, answer, answer.size)
        with suppress(ConnectionError):
            for begin in range(0, answer.size, len(FLOOD_PIECE)):
                await response.write(FLOOD_PIECE[: answer.size - begin])
        return response

    async def _endless(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        """Until the client has enough of it."""
        headers = self._headers(answer, 0)
        del headers["Content-Length" if self._original else "content-length"]
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(FLOOD_PIECE)
        return response

    async def _start(self, request: web.BaseRequest, answer: Answer, length: int) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=self._headers(answer, length))
        await response.prepare(request)
        return response

    def _headers(self, answer: Answer, length: int) -> dict[str, str]:
        headers = {
            "date": self._today(),
            "server": "Apache",
            "content-type": answer.content_type,
            "content-length": str(length),
            "set-cookie": COOKIE,
            **answer.headers,
        }
        return {name.title(): value for name, value in headers.items()} if self._original else headers

    def _today(self) -> str:
        now = self._clock.monotonic()
        if now >= self._date_until:
            self._date = format_datetime(self._clock.now(), usegmt=True)
            self._date_until = now + 1
        return self._date


def hang_up(request: web.BaseRequest, *, abrupt: bool = False) -> None:
    """Close the connection after what was written so far; `abrupt`: with a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if abrupt and connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
