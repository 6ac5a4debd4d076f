"""The page in a real browser: it draws, sorts, filters, follows a run, and asks nobody else for anything."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync_worker.flows.look.page import look
from sync_worker.flows.rooms import Opened
from sync_worker.mirror.database import connect
from sync_worker.reports.catalogue import find
from sync_worker.reports.forms import Asked
from sync_worker.reports.page import render, render_sheet
from sync_worker.sandbox import Fault
from tests.acceptance.test_schedule import NIGHTLY, OWED, running
from tests.browser.chromium import Tab, browsing, installed
from tests.integration.flows.harness import Stage, fetch, staged
from tests.integration.flows.processes import configured, sandbox_process, wait_until

pytestmark = pytest.mark.skipif(installed() is None, reason="no Chromium here: apt-get install chromium")

MADE = "hostile@x.example"
HOSTILE = "<img src=x onerror=alert(1)>@x.example"
SCREENS = [(1200, False), (1200, True), (390, False), (390, True)]
MARKS = (
    "[...document.querySelectorAll('svg.chart')].map((svg) => [...svg.querySelectorAll('.series rect, .series circle')]"
    ".filter((mark) => { const box = mark.getBoundingClientRect(); return box.width > 1 && box.height > 1; }).length)"
)
"""How many bars or dots of each chart can be seen."""


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    """A browser; the test fails if its console has anything to say."""
    async with browsing(tmp_path) as tab:
        yield tab
        assert tab.complaints == []


@dataclass(kw_only=True)
class Shown:
    """A page as a file."""

    file: Path
    stage: Stage

    @property
    def address(self) -> str:
        """Where the browser finds it."""
        return self.file.as_uri()


@pytest.fixture
async def shown(database_url: str, tmp_path: Path) -> AsyncIterator[Shown]:
    """A school with something of everything: changes, a failure, deletions that wait."""
    async with staged(database_url) as stage:
        await stage.run()
        school = stage.school
        school.retire(min(stage.channels_of(stage.ids[20])))
        school.create(stage.ids[21], "email", MADE, confirmed=False)
        stage.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset({stage.ids[30]}), status=500))
        await stage.run(max_tombstones=0)
        await stage.fetch("UPDATE mirror.communication_channels SET address = $1 WHERE address = $2", HOSTILE, MADE)
        async with connect(stage.database_url) as database:
            opened = Opened(settings=stage.settings(), database=database, names=("main",), clock=stage.clock)
            page = render(await look(opened, addresses=True))
        file = tmp_path / "page.html"
        file.write_text(page, encoding="utf-8")
        yield Shown(file=file, stage=stage)


@pytest.mark.long
async def test_on_every_screen(tab: Tab, shown: Shown) -> None:
    """Both themes, desk and phone: charts have content, nothing sticks out, axe-core finds nothing serious."""
    for width, dark in SCREENS:
        await tab.look(width=width, dark=dark)
        await tab.open(shown.address)
        marks = await tab.value(MARKS)
        assert len(marks) == 3
        assert min(marks) > 0
        assert await tab.value("document.documentElement.scrollWidth") <= width
        box = "document.querySelector('#chart-changes-by-day .scroll')"
        assert await tab.value(f"{box}.scrollLeft + {box}.clientWidth >= {box}.scrollWidth - 1"), (
            "the latest day is seen"
        )
        assert await tab.value("getComputedStyle(document.body).backgroundColor") == (
            "rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)"
        )
        await tab.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert await tab.faults() == []
    assert set(tab.requests) == {shown.address}


@pytest.mark.long
async def test_axe_would_find_a_fault(tab: Tab, shown: Shown) -> None:
    """A picture without words and faint text are found, so an empty list means something."""
    await tab.look()
    await tab.open(shown.address)
    await tab.value(
        "document.querySelector('main').append(document.createElement('img'));"
        "document.querySelector('h1').style.color = '#eee'"
    )
    assert {fault.split(":")[0] for fault in await tab.faults()} == {"image-alt", "color-contrast"}


@pytest.mark.long
async def test_sorting_with_the_keyboard(tab: Tab, shown: Shown) -> None:
    """Tab reaches a heading, Enter sorts by it, and again the other way; numbers as numbers, and it is said aloud."""
    await tab.look()
    await tab.open(shown.address)
    column = "[...document.querySelectorAll('#table-changes tbody tr')].map((row) => Number(row.cells[6].textContent))"
    heading = "document.querySelectorAll('#table-changes thead th')[6]"
    assert await tab.value(f"{heading}.textContent") == "User"
    await tab.value(f"{heading}.previousElementSibling.querySelector('button').focus()")
    await tab.press("Tab", 9)
    assert await tab.value(f"document.activeElement === {heading}.querySelector('button')")
    for said, reverse in (("descending", True), ("ascending", False)):
        await tab.press("Enter", 13, "\r")
        await tab.until(f"{heading}.getAttribute('aria-sort') === '{said}'")
        users = sorted(await tab.value(column), reverse=reverse)
        await tab.until(f"JSON.stringify({column}) === '{json.dumps(users, separators=(',', ':'))}'")
    assert await tab.value("document.querySelectorAll('#table-changes [aria-sort]').length") == 1


@pytest.mark.long
async def test_filtering(tab: Tab, shown: Shown) -> None:
    """Rows with all the words stay; how many is said; an empty filter shows all again."""
    await tab.look()
    await tab.open(shown.address)
    listing = "document.querySelector('#table-changes').closest('[data-listing]')"
    rows = f"[...{listing}.querySelectorAll('tbody tr')].filter((row) => row.offsetParent).length"
    everything = await tab.value(rows)
    await tab.value(f"{listing}.querySelector('input').focus()")
    await tab.send("Input.insertText", text="X.EXAMPLE created")
    assert await tab.value(rows) == 1
    assert await tab.value(f"{listing}.querySelector('output').textContent") == f"1 of {everything} rows"
    await tab.value(f"{listing}.querySelector('input').select()")
    await tab.press("Backspace", 8)
    assert await tab.value(rows) == everything


async def test_times_are_the_readers(tab: Tab, shown: Shown) -> None:
    """In the zone of the browser, which is named; without scripts in UTC, and tables are plain tables."""
    text = "document.querySelector('#state time').textContent"
    stamp = "document.querySelector('#state time').dateTime"
    for zone, hours in (("America/St_Johns", -3.5), ("UTC", 0)):
        await tab.look(zone=zone)
        await tab.open(shown.address)
        minutes = (datetime.fromisoformat(await tab.value(stamp)).astimezone(UTC).timestamp() / 60 + hours * 60) % 1440
        assert f"{int(minutes // 60):02}:{int(minutes % 60):02}" in await tab.value(text)
        assert zone in await tab.value("document.querySelector('#zone').textContent")
    await tab.send("Emulation.setScriptExecutionDisabled", value=True)
    await tab.open(shown.address)
    assert (await tab.value(text)).endswith(" UTC")
    assert await tab.value("document.querySelectorAll('th button').length") == 0
    assert not await tab.value("!!document.querySelector('.tools').offsetParent")


@pytest.mark.long
async def test_nothing_but_its_own_scripts_runs(tab: Tab, shown: Shown) -> None:
    """The address that is a script was shown as text, and the policy stops what somebody would sneak in."""
    await tab.look()
    await tab.open(shown.address)
    assert await tab.value("document.body.textContent.includes('<img src=x onerror=alert(1)>')")
    assert await tab.value("document.querySelectorAll('main img').length") == 0
    assert tab.complaints == []
    await tab.value(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.sneaked = 1'}))"
    )
    assert not await tab.value("'sneaked' in window")
    await tab.value("fetch('http://127.0.0.1:9/').catch(() => 0)")
    await tab.value("new Promise((done) => setTimeout(done, 0))")
    assert all("Content Security Policy" in complaint for complaint in tab.complaints)
    assert tab.complaints
    tab.complaints.clear()


@pytest.mark.long
async def test_the_live_page_follows_a_run(tab: Tab, tmp_path: Path, database_url: str) -> None:
    """Progress moves without a reload; the end is said, and the new figures are a click away; nobody else is asked."""
    with sandbox_process(tmp_path, 100) as canvas:
        program = configured(tmp_path, database_url, canvas.base_url, more=NIGHTLY)
        await fetch(database_url, OWED)
        canvas.ask("POST", "faults", kind="hang", seconds=0.5, route="list_channels")
        with running(program) as service:
            await asyncio.to_thread(wait_until, lambda: "run started" in service.events())
            address = next(line["address"] for line in service.log() if line["event"] == "serving")
            await tab.look()
            await tab.open(f"{address}/")
            await tab.value("window.same = true")
            bar = "document.querySelector('#work-list progress')"
            await tab.until(f"{bar} && {bar}.value > 0")
            seen = await tab.value(f"{bar}.value")
            await tab.until(f"{bar} && {bar}.value > {seen}")
            assert "per cent" in await tab.value("document.querySelector('#work-said').textContent")
            assert await tab.faults() == []
            canvas.ask("DELETE", "faults")
            await tab.until("!document.querySelector('#news').hidden")
            assert "A run has ended" in await tab.value("document.querySelector('#news').textContent")
            assert await tab.value("window.same")
            await tab.until("document.querySelector('#work-list').textContent.includes('Nothing is at work')")
            await tab.value("document.querySelector('#news button').click()")
            await tab.until("!window.same && document.body && document.body.textContent.includes('main: Fresh')")
            await tab.until("document.readyState === 'complete'")
            assert await tab.value("document.querySelectorAll('#table-runs tbody tr').length") == 1
            for width, dark in SCREENS:
                await tab.look(width=width, dark=dark)
                assert min(await tab.value(MARKS)) > 0
                assert await tab.value("document.documentElement.scrollWidth") <= width
                assert await tab.faults() == []
            assert {url.removeprefix(address) for url in tab.requests} == {"/", "/status.json"}
            await tab.open("about:blank")


@pytest.mark.long
async def test_a_named_report(tab: Tab, tmp_path: Path) -> None:
    """In the same dress, with its chart: escaped, filtered, without a complaint of the browser's or of axe-core's."""
    asked = Asked(
        report="domains",
        title="E-mail domains",
        instances=("main",),
        parameters={},
        columns=("domain", "users"),
        asked_at="2026-11-23T06:00:00Z",
        masked=True,
        chart=find("domains").chart,
    )
    file = tmp_path / "sheet.html"
    rows = [{"domain": HOSTILE, "users": 3}, {"domain": "school.example", "users": 20}]
    file.write_text(render_sheet(asked, rows, ("a remark",)), encoding="utf-8")
    for width, dark in SCREENS:
        await tab.look(width=width, dark=dark)
        await tab.open(file.as_uri())
        assert await tab.value(MARKS) == [2]
        assert await tab.faults() == []
    assert await tab.value("document.querySelector('#table-domains tbody td').textContent") == HOSTILE
    await tab.value("document.querySelector('input[type=search]').value = 'school'")
    await tab.value("document.querySelector('input[type=search]').dispatchEvent(new Event('input'))")
    assert await tab.value("document.querySelector('output').textContent") == "1 of 2 rows"
