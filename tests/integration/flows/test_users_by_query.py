"""`query:FILE.sql`: whom to read, out of the mirror."""

import asyncio
import signal
from pathlib import Path

import pytest

from sync_worker.clock import deadline
from sync_worker.errors import SourceError, Stopped
from sync_worker.flows.stop import Stop
from sync_worker.sandbox import Fault
from tests.integration.flows.harness import Stage


def written(folder: Path, text: str) -> str:
    """A spec of a query."""
    path = folder / "users.sql"
    path.write_text(text, encoding="utf-8")
    return f"query:{path}"


def lists(stage: Stage) -> dict[int, int]:
    """How often each user's channels were asked for."""
    return dict(stage.sandbox.counters.channel_lists)


async def test_numbers_out_of_the_mirror(stage: Stage, tmp_path: Path) -> None:
    """The first column, whatever it is called; the others, and other instances, do not matter."""
    await stage.run()
    wanted = stage.ids[30:50]
    stage.sandbox.counters.reset()
    spec = written(
        tmp_path,
        "SELECT u.id AS who, u.*\nFROM mirror.users u\n"
        f"WHERE u.instance = current_setting('sync_worker.instance') AND u.id BETWEEN {wanted[0]} AND {wanted[-1]};",
    )
    report = await stage.run(spec)
    assert (report.exit_code, report.figures.users_total) == (0, 20)
    assert set(lists(stage)) == set(wanted)
    assert (await stage.last_run())["users_spec"] == [spec]


@pytest.mark.parametrize(
    "columns", ["'sis:' || sis_user_id AS x", "sis_user_id", "'login:' || login_id AS id", "id::text AS whoever"]
)
async def test_references_as_text(stage: Stage, tmp_path: Path, columns: str) -> None:
    """As in a file: with the kind before them, or in a column that is named as one."""
    await stage.run()
    user = next(u for u in stage.school.users.values() if u.id in stage.ids[20:] and u.sis_user_id and u.login_id)
    stage.sandbox.counters.reset()
    report = await stage.run(written(tmp_path, f"SELECT {columns} FROM mirror.users WHERE id = {user.id}"))  # noqa: S608
    assert (report.exit_code, report.figures.users_total) == (0, 1)
    assert lists(stage) == {user.id: 1}


async def test_many_rows(stage: Stage, tmp_path: Path) -> None:
    """Several pages, each user once."""
    await stage.run()
    stage.sandbox.counters.reset()
    spec = written(tmp_path, "SELECT id FROM mirror.users CROSS JOIN generate_series(1, 60) WHERE instance = 'main'")
    report = await stage.run(spec, f"id:{stage.ids[3]}")
    assert (report.exit_code, report.figures.users_total) == (0, 100)
    assert set(lists(stage)) == set(stage.ids)


async def test_all_rows_that_name_nobody_are_told(stage: Stage, tmp_path: Path) -> None:
    """With their numbers; nobody of the query is read."""
    spec = written(tmp_path, "SELECT * FROM (VALUES ('1042'), (NULL), ('S1'), ('sis:S1'), ('')) x (who)")
    with pytest.raises(SourceError) as caught:
        await stage.run(spec)
    text = str(caught.value)
    assert text.startswith("query users.sql: 3 bad rows:\nquery users.sql, row 2: no user here")
    assert "query users.sql, row 3: 'S1' is no Canvas id" in text
    assert "query users.sql, row 5: no user here" in text
    assert lists(stage) == {}
    assert (await stage.last_run())["status"] == "failed"
    with pytest.raises(SourceError, match="40 bad rows") as caught:
        await stage.run(written(tmp_path, "SELECT true FROM generate_series(1, 40)"))
    assert "row 1: a value of type bool names nobody" in str(caught.value)
    assert str(caught.value).endswith("and 20 more")


async def test_a_bad_query_is_told_before_anything_is_asked(stage: Stage, tmp_path: Path) -> None:
    """No request, and no run."""
    for text in ("SELECT nme FROM mirror.users", "DELETE FROM mirror.users", "SELECT 1; SELECT 2", ""):
        with pytest.raises(SourceError):
            await stage.run("account:self", written(tmp_path, text))
    with pytest.raises(SourceError, match="cannot be read"):
        await stage.run(f"query:{tmp_path / 'none.sql'}")
    assert stage.sandbox.counters.requests == 0
    assert await stage.fetch("SELECT 1 FROM worker.runs") == []


async def test_nobody(stage: Stage, tmp_path: Path) -> None:
    """A query without rows is a run that saw nothing: exit 8."""
    assert (await stage.run(written(tmp_path, "SELECT id FROM mirror.users"))).exit_code == 8


async def test_an_interrupted_run_goes_on(stage: Stage, tmp_path: Path) -> None:
    """Although what was read since has changed the rows of the query; another text is another source."""
    await stage.run(f"id:{','.join(map(str, stage.ids[:40]))}")
    spec = written(tmp_path, "SELECT id FROM mirror.users UNION SELECT max(id) + 1 FROM mirror.users ORDER BY 1")
    hanging = frozenset({stage.ids[25]})
    stage.sandbox.add_fault(Fault(kind="hang", seconds=60, route="list_channels", user_ids=hanging))
    stage.run_table["grace_period"] = "100ms"
    stage.sandbox.counters.reset()
    stop = Stop()
    running = asyncio.create_task(stage.run(spec, stop=stop))
    async with deadline(20):
        while len(lists(stage)) < 40 and not running.done():
            await stage.clock.sleep(0.01)
    stop.request(signal.SIGTERM)
    with pytest.raises(Stopped):
        await running
    first = (await stage.last_run())["id"]
    stage.sandbox.clear_faults()
    report = await stage.run(spec)
    assert (report.resumed, report.run_id) == (True, first)
    assert not (await stage.run(written(tmp_path, "SELECT id FROM mirror.users"))).resumed
