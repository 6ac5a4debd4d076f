"""The system's Chromium without a window, driven over its DevTools protocol; nothing is downloaded."""

import asyncio
import itertools
import json
import os
import shutil
import time
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from sync_worker.clock import deadline

PATIENCE: Final = 60.0  # seconds for any answer
AXE: Final = Path(__file__).with_name("axe.min.js")


def installed() -> str | None:
    """Where the browser is; None: there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@dataclass(kw_only=True)
class Tab:
    """One page of the browser, and all that it asked for and complained of."""

    _socket: aiohttp.ClientWebSocketResponse
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[str] = field(default_factory=list)  # addresses
    complaints: list[str] = field(default_factory=list)  # of the console

    async def send(self, method: str, **params: Any) -> Any:
        """A command; its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(json.dumps({"id": number, "method": method, "params": params}))
        async with deadline(PATIENCE):
            return await answer

    async def listen(self) -> None:
        """Take what comes until the browser goes."""
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                answer = self._answers.pop(said["id"])
                if not answer.done():
                    answer.set_result(said.get("result", said.get("error")))
            else:
                self._happened(said["method"], said["params"])

    def _happened(self, method: str, params: Any) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(params["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.complaints.append(json.dumps(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def look(
        self, *, width: int = 1200, height: int = 900, dark: bool = False, zone: str = "Europe/Zurich"
    ) -> None:
        """Be a screen of this size, theme and time zone."""
        phone = width < 600
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        await self.send("Emulation.setDeviceMetricsOverride", **metrics)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[theme])
        await self.send("Emulation.setTimezoneOverride", timezoneId=zone)
        await self.send("Emulation.setLocaleOverride", locale="en-GB")

    async def open(self, address: str) -> None:
        """Load a page to its end."""
        self._loaded.clear()
        await self.send("Page.navigate", url=address)
        async with deadline(PATIENCE):
            await self._loaded.wait()

    async def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to; a promise is awaited."""
        found = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until it is true; while one page gives way to the next there is nothing to ask, so it is asked again."""
        deadline = time.perf_counter() + PATIENCE
        found: dict[str, Any] = {}
        while not found.get("result", {}).get("value"):
            assert time.perf_counter() < deadline, f"it never came: {expression}: {found}"
            await asyncio.sleep(0.02)  # noqa: TID251  (real time: another process is watched)
            found = await self.send("Runtime.evaluate", expression=f"Boolean({expression})", returnByValue=True)

    async def press(self, key: str, code: int, text: str = "") -> None:
        """A key of the keyboard."""
        usual = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **usual)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **usual)

    async def faults(self) -> list[str]:
        """What axe-core finds serious or critical, with the place."""
        await self.value(f"{AXE.read_text(encoding='utf-8')}; true")
        found = await self.value(
            "axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations"
            ".filter((one) => ['serious', 'critical'].includes(one.impact))"
            ".map((one) => `${one.id}: ${one.nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | ')}`))"
        )
        return list(found)

    async def picture(self, height: int | None = None) -> bytes:
        """A PNG of what is seen, from the top."""
        clip = {} if height is None else {"clip": await self._clip(height)}
        return b64decode((await self.send("Page.captureScreenshot", captureBeyondViewport=True, **clip))["data"])

    async def _clip(self, height: int) -> dict[str, float]:
        width = await self.value("innerWidth")
        return {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Tab]:
    """A browser with an empty profile in `folder`, and one page of it."""
    program = installed()
    assert program is not None
    profile = folder / "profile"
    process = await asyncio.create_subprocess_exec(
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
        "--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        port = await _port(process.stderr)
        draining = asyncio.create_task(process.stderr.read(), name="what the browser says")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                target = next(each for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(_socket=socket)
                listening = asyncio.create_task(tab.listen(), name="listening to the browser")
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await tab.send(f"{domain}.enable")
                yield tab
                listening.cancel()
        draining.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _port(stderr: asyncio.StreamReader) -> int:
    """The port that the browser says it listens on."""
    async with deadline(PATIENCE):
        async for line in stderr:
            if b"DevTools listening on" in line:
                return int(line.split(b"127.0.0.1:")[1].split(b"/")[0])
    raise AssertionError("the browser did not start")
