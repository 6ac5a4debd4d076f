"""A plain HTTP client of the sandbox, for its own tests."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from sync_worker.sandbox import Sandbox, SandboxOptions
from sync_worker.sandbox.clock import Clock
from sync_worker.sandbox.model import User

TOKEN = SandboxOptions().token


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str
    links: Mapping[str, str]

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.text)


class Visitor:
    """Asks a sandbox; paths are sent as they are written."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self._session = session

    async def ask(self, method: str, path: str, *, token: str | None = TOKEN, **more: Any) -> Reply:
        """Send one request; `token` None sends none."""
        headers = {**({} if token is None else {"Authorization": f"Bearer {token}"}), **more.pop("headers", {})}
        url = URL(path if path.startswith("http") else self.sandbox.base_url + path, encoded=True)
        async with self._session.request(method, url, headers=headers, allow_redirects=False, **more) as response:
            links = {rel: str(link["url"]) for rel, link in response.links.items()}
            return Reply(status=response.status, headers=response.headers, text=await response.text(), links=links)

    async def get(self, path: str, **more: Any) -> Reply:
        """GET."""
        return await self.ask("GET", path, **more)

    async def channels(self, user: object, query: str = "", **more: Any) -> Reply:
        """GET …/communication_channels."""
        return await self.get(f"/api/v1/users/{user}/communication_channels{query}", **more)

    async def create(self, user: object, address: str, *, kind: str = "email", **more: Any) -> Reply:
        """POST …/communication_channels; `skip` sends `skip_confirmation`."""
        form = {"communication_channel[address]": address, "communication_channel[type]": kind}
        if more.pop("skip", False):
            form["skip_confirmation"] = "true"
        path = f"/api/v1/users/{user}/communication_channels"
        return await self.ask("POST", path, data={**form, **more.pop("form", {})}, **more)

    async def delete(self, user: object, what: object, **more: Any) -> Reply:
        """DELETE …/communication_channels/…."""
        return await self.ask("DELETE", f"/api/v1/users/{user}/communication_channels/{what}", **more)

    async def all_pages(self, path: str) -> list[Any]:
        """Every item, following `next`."""
        items: list[Any] = []
        following: str | None = path
        while following is not None:
            reply = await self.get(following)
            assert reply.status == 200, reply.text
            items += reply.json
            following = reply.links.get("next")
        return items

    def user_with(self, count: int) -> User:
        """A present user with so many live channels, all deletable; not the owner of the token."""
        users = list(self.sandbox.school.users.values())[1:]
        free = (user for user in users if not any(channel.sis_locked or channel.otp for channel in user.channels))
        return next(user for user in free if user.state == "present" and len(user.live_channels()) == count)


@asynccontextmanager
async def visiting(clock: Clock | None = None, **knobs: Any) -> AsyncIterator[Visitor]:
    """A running sandbox without latency, and a client of it."""
    options = SandboxOptions(**{"users": 60, "mean_server_time": 0.0, **knobs})
    connector = aiohttp.TCPConnector(limit=0)
    async with Sandbox(options, clock=clock) as sandbox, aiohttp.ClientSession(connector=connector) as session:
        yield Visitor(sandbox, session)
