"""What the tests of the client share: a client with its gate, a clock that does not wait, a server of raw bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from sync_worker.canvas.client import CanvasClient, ClientOptions
from sync_worker.canvas.gate import Gate
from sync_worker.canvas.retry import RetryPolicy
from sync_worker.canvas.throttle import BucketModel
from sync_worker.clock import Clock
from sync_worker.sandbox import Sandbox


class EagerClock(Clock):
    """Notes how long it was to sleep, and does not; draws the longest jitter there may be."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    @override
    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @override
    def jitter(self, limit: float) -> float:
        return limit


def gate_for(clock: Clock) -> Gate:
    """A gate as the program makes it."""
    return Gate(BucketModel(), clock, max_concurrency=64, patience=900)


@asynccontextmanager
async def connected(
    base_url: str, token: str = "", clock: Clock | None = None, **options: Any
) -> AsyncIterator[CanvasClient]:
    """A client of its own, with three attempts unless said otherwise."""
    clock = clock or EagerClock()
    settings = {"retry": RetryPolicy(max_attempts=3, base=0.5), "user_agent_contact": "tests@example.com", **options}
    async with CanvasClient(
        ClientOptions(base_url=base_url, token=token, **settings), gate_for(clock), clock
    ) as client:
        yield client


@asynccontextmanager
async def client_of(sandbox: Sandbox, clock: Clock | None = None, **options: Any) -> AsyncIterator[CanvasClient]:
    """A client of the sandbox with its default token."""
    async with connected(sandbox.base_url, sandbox.token, clock, **options) as client:
        yield client


@dataclass
class RawServer:
    """Answers every request with the same bytes; keeps what it was sent."""

    answer: bytes
    port: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request, one answer."""
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(head: str, body: bytes = b"") -> AsyncIterator[RawServer]:
    """A server of fixed bytes; `head` is the status line and headers, one a line."""
    server = RawServer(answer="\r\n".join([*head.strip().splitlines(), "", ""]).encode() + body)
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
