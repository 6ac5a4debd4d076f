"""The wire between worker and database: a proxy that understands PostgreSQL's messages, and strikes at one of them.

Which statement a message executes is known from the messages that prepared it (PostgreSQL documentation, "Message
Formats"); a transaction is known by the statements that it has executed when its COMMIT comes.
"""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from typing_extensions import override

from sync_worker.mirror.sql import statements
from sync_worker.tasks import TaskGroup

COPY: Final = "COPY"
"""The statement that stands for a part of a COPY's data."""


class At(StrEnum):
    """Where in the life of a statement, or of the transaction that holds it."""

    BEFORE = "before"
    HALF = "half sent"
    UNCOMMITTED = "before its commit"
    IN_DOUBT = "after its commit, unanswered"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The `nth` time that a statement of `sql/queries` is executed."""

    statement: str
    at: At
    nth: int = 1

    @override
    def __str__(self) -> str:
        return f"{self.statement} {self.nth}, {self.at}"


@dataclass(kw_only=True, eq=False)
class Line:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    application: str = ""
    prepared: dict[bytes, str] = field(default_factory=dict)  # statement names of the wire, and ours
    executed: set[str] = field(default_factory=set)  # by the transaction that is open
    doomed: bool = False  # at the end of the next answer
    gone: bool = False

    def cut(self) -> None:
        """Both ends at once; the client gets a TCP reset."""
        self.gone = True
        connection = self.client.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.transport.abort()
        self.server.transport.abort()

    @property
    def is_lock(self) -> bool:
        return self.application.startswith("sync-worker lock")


Blow = Callable[["Wire", Line], Awaitable[None]]
"""What happens at the moment; it may cut lines, this one too."""


@dataclass(kw_only=True)
class Wire:
    """All connections of a worker."""

    path: str  # of the server's socket
    url: str = ""
    moment: Moment | None = None
    blow: Blow | None = None
    lines: set[Line] = field(default_factory=set)
    passed: int = 0  # moments
    struck: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)  # the blow

    def strike(self, moment: Moment, blow: Blow) -> None:
        """Once, when the moment comes."""
        self.moment, self.blow, self.passed, self.struck = moment, blow, 0, 0

    def cut(self, *, lock: bool | None = None) -> None:
        """Break every connection; `lock`: only that of the lock, or all others."""
        for line in list(self.lines):
            if lock is None or line.is_lock is lock:
                line.cut()

    # --- from the client

    async def _talk(self, reader: asyncio.StreamReader, line: Line) -> None:
        """Pass on what the client says, message by message."""
        await self._introduce(reader, line)
        while not line.gone:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
            await self._say(line, head[:1], body, head + body)

    async def _introduce(self, reader: asyncio.StreamReader, line: Line) -> None:
        length = await reader.readexactly(4)
        body = await reader.readexactly(struct.unpack("!i", length)[0] - 4)
        parameters = body[4:].split(b"\0")
        given = dict(zip(parameters[::2], parameters[1::2], strict=False))
        line.application = given.get(b"application_name", b"").decode()
        line.server.write(length + body)

    async def _say(self, line: Line, kind: bytes, body: bytes, message: bytes) -> None:
        name = _executes(line, kind, body)
        is_commit = name == "COMMIT"
        if name == "BEGIN":
            line.executed.clear()
        elif name is not None:
            line.executed.add(name)
        at = self._at(line, name, is_commit=is_commit)
        if at in {At.BEFORE, At.UNCOMMITTED}:
            await self._strike(line)
        elif at is At.HALF:
            line.server.write(message[: len(message) // 2])
            await line.server.drain()
            message = message[len(message) // 2 :]
            await self._strike(line)
        elif at is At.IN_DOUBT:
            line.doomed = True
        if not line.gone:
            line.server.write(message)
            await line.server.drain()

    def _at(self, line: Line, name: str | None, *, is_commit: bool) -> At | None:
        """Whether the moment has come, and where it is."""
        moment = self.moment
        if moment is None or self.struck:
            return None
        of_commit = moment.at in {At.UNCOMMITTED, At.IN_DOUBT}
        if not (is_commit and moment.statement in line.executed if of_commit else name == moment.statement):
            return None
        self.passed += 1
        return moment.at if self.passed == moment.nth else None

    async def _strike(self, line: Line) -> None:
        if self.blow is not None:
            self.struck += 1
            await self.blow(self, line)
            self.over.set()

    # --- from the server

    async def _answer(self, reader: asyncio.StreamReader, line: Line) -> None:
        """Pass on what the server says; of a doomed answer nothing, and nothing after it."""
        while not line.gone:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
            if not line.doomed:
                line.client.write(head + body)
                await line.client.drain()
            elif head[:1] == b"Z":  # ready for the next query: the commit has gone through
                await self._strike(line)
                line.cut()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await asyncio.open_unix_connection(self.path)
        except OSError:
            writer.transport.abort()
            return
        line = Line(client=writer, server=there)
        self.lines.add(line)

        async def until_it_ends(talk: Awaitable[None], other: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                await talk
            other.close()

        async with TaskGroup() as group:
            group.create_task(until_it_ends(self._talk(reader, line), there))
            group.create_task(until_it_ends(self._answer(there_reader, line), writer))
        self.lines.discard(line)


def _executes(line: Line, kind: bytes, body: bytes) -> str | None:
    """The statement that a message executes; BEGIN, COMMIT and COPY by these names."""
    match kind:
        case b"P":
            name, text, _ = body.split(b"\0", 2)
            line.prepared[name] = _named(text.decode())
            return None
        case b"B":
            return line.prepared.get(body.split(b"\0", 2)[1])
        case b"Q":
            return _named(body[:-1].decode())
        case b"d":
            return COPY
        case _:
            return None


def _named(text: str) -> str:
    for word in ("BEGIN", "COMMIT"):
        if re.match(rf"{word}\b", text):
            return word
    return next((name for name, known in statements().items() if known == text), text)


@asynccontextmanager
async def wired(path: str, database: str, role: str) -> AsyncIterator[Wire]:
    """A wire to the server behind a socket."""
    wire = Wire(path=path)
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await wire._handle(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire.url = f"postgresql://{role}@127.0.0.1:{port}/{database}?sslmode=disable"
    yield wire
    server.close()
    wire.cut()
    if tasks:
        await asyncio.wait(tasks)
