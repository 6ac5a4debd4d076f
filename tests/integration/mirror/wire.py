"""PostgreSQL's wire, for breaking it on purpose: a proxy that can be cut, and servers that only say one thing."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from sync_worker.tasks import TaskGroup

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Proxy:
    """Stands between a client and the server."""

    url: str = ""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    flows: asyncio.Event = field(default_factory=asyncio.Event)  # clear: nothing arrives any more
    server: asyncio.Server | None = None

    def cut(self) -> None:
        """As if the machine had gone: connections break, new ones are refused."""
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def proxied(url: str, answer: Callable[[bytes], bytes] = bytes) -> AsyncIterator[Proxy]:
    """A proxy in front of the server of a socket URL; `answer` may change what that says."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    path = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
    proxy = Proxy()
    proxy.flows.set()

    async def relay(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes] = bytes
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await proxy.flows.wait()
                writer.write(change(data))
                await writer.drain()
        await proxy.flows.wait()
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(path)
        proxy.writers += [writer, there_writer]
        async with TaskGroup() as group:
            group.create_task(relay(reader, there_writer))
            group.create_task(relay(there_reader, writer, answer))

    async with _listening(handle) as (server, port):
        proxy.server = server
        proxy.url = f"postgresql://{parts.username}:hunter2@127.0.0.1:{port}{parts.path}?sslmode=disable"
        yield proxy
        proxy.flows.set()
        proxy.cut()


@asynccontextmanager
async def refusing_passwords() -> AsyncIterator[str]:
    """A server that asks for a password and does not like it; yields host and port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _startup(reader)
        writer.write(_message(b"R", struct.pack("!i", 3)))
        await _read(reader)
        fields = b'SFATAL\0C28P01\0Mpassword authentication failed for user "mirror"\0\0'
        writer.write(_message(b"E", fields))
        await _end(writer)

    async with _listening(handle) as (_, port):
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def saying_version(version: str) -> AsyncIterator[str]:
    """A server that says its version and nothing to any query; yields host and port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _startup(reader)
        ready = _message(b"Z", b"I")
        parameter = _message(b"S", f"server_version\0{version}\0".encode())
        writer.write(_message(b"R", struct.pack("!i", 0)) + parameter + _message(b"K", bytes(8)) + ready)
        while await _read(reader) == b"Q":
            writer.write(_message(b"C", b"SELECT 0\0") + ready)
        await _end(writer)

    async with _listening(handle) as (_, port):
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def _listening(handler: Handler) -> AsyncIterator[tuple[asyncio.Server, int]]:
    """A server on a free port, and the end of all that it handles."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await handler(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield server, server.sockets[0].getsockname()[1]
    server.close()
    if tasks:
        await asyncio.wait(tasks)


async def _startup(reader: asyncio.StreamReader) -> None:
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    await reader.readexactly(length - 4)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """One message; returns its kind, empty at the end."""
    try:
        kind, length = struct.unpack("!ci", await reader.readexactly(5))
        await reader.readexactly(length - 4)
    except (asyncio.IncompleteReadError, OSError):
        return b""
    assert isinstance(kind, bytes)
    return kind


def _message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!i", len(payload) + 4) + payload


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
