"""Cells that read: a run over the users who are struck, and one user who is not."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sync_worker.errors import SyncWorkerError
from tests.faults.scene import Scene, Scenes, spot
from tests.faults.trouble import ALONE, KINDS, THROTTLES
from tests.integration.flows.harness import Row

LISTS: Final = ("list 1", "list n", "user")
LISTINGS: Final = ("users 1", "users n")
LENIENT: Final[dict[str, Any]] = {"min_coverage_percent": 0.0, "max_tombstone_percent": 100.0}
"""Most users of a run may fail here, and everybody has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a run came to, for one user or for all of the listing."""

    exit: int
    mirror: str  # follows: as at the school; kept: nothing was lost; lied to: what lives was buried
    told: str  # the kind of the failure, the state of the user, or the error that stopped the run; empty: nothing
    struck: int | None  # how often the request met its trouble; None: it differs


async def read_users(scenes: Scenes, column: str, kinds: Sequence[str], *, once: bool) -> dict[str, Read | None]:
    """One run over one new user for each kind; None where a kind makes no sense."""
    async with scenes.of(column, kinds) as scene:
        victims = {kind: scene.newcomer() for kind in kinds}
        bystanders = [] if ALONE & set(kinds) else [scene.newcomer()]
        everybody = (*victims.values(), *bystanders)
        assert (await scene.stage.run(_ids(everybody))).exit_code == 0
        before = await scene.rows()
        for user_id in everybody:
            scene.change(user_id)
        strikes: dict[str, Callable[[], int]] = {}
        for kind, user_id in victims.items():
            fault = KINDS[kind](spot(scene, column, user_id, once=once))
            if fault is not None:
                strikes[kind] = scene.strike(fault, passing=once)
        by_sis = "sis:" + ",".join(str(scene.user(each).sis_user_id) for each in everybody)
        spec = by_sis if column == "user" else _ids(everybody)
        ended = await _run(scene, spec)
        after = await _look(scene, before)
        seen: dict[str, Read | None] = dict.fromkeys(kinds)
        for kind, struck in strikes.items():
            told = ended.error or await _told(scene, victims[kind])
            countless = kind in ALONE or (kind in THROTTLES and not once)
            times = None if countless else struck()
            seen[kind] = Read(exit=ended.code, mirror=after.mirror(victims[kind]), told=told, struck=times)
        for user_id in bystanders:
            assert after.mirror(user_id) in ({"kept", "partly"} if ended.error else {"follows"})
        await _healed(scene, spec)
        return seen


async def read_listing(scenes: Scenes, column: str, kind: str, *, once: bool) -> Read | None:
    """One run over the account."""
    async with scenes.of("listing", [kind]) as scene:
        ids = list(scene.sandbox.school.users)
        before = await scene.rows()
        for user_id in (ids[1], ids[-1]):  # on the first page, and on the last one
            scene.change(user_id)
        fault = KINDS[kind](spot(scene, column, None, once=once))
        if fault is None:
            return None
        struck = scene.strike(fault, passing=once)
        ended = await _run(scene, "account:self")
        after = await _look(scene, before)
        countless = kind in ALONE or (kind in THROTTLES and not once)
        found = {after.mirror(each) for each in ids[1:]}
        mirror = "follows" if found == {"follows"} else "kept" if found <= {"follows", "kept", "partly"} else "lied to"
        assert await scene.stage.value("SELECT count(*) FROM mirror.users WHERE state = 'gone'") == 0
        await _healed(scene, "account:self")
        return Read(exit=ended.code, mirror=mirror, told=ended.error, struck=None if countless else struck())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended."""

    code: int
    error: str = ""  # what stopped it; empty: it came to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """The mirror before and after, beside the school."""

    before: dict[int, dict[int, Row]]
    rows: dict[int, dict[int, Row]]
    truth: dict[int, dict[int, Row]]
    buried_alive: set[int]  # users

    def mirror(self, user_id: int) -> str:
        """What the mirror has of a user: see `Read`; `partly`: nothing is lost, something came."""
        if user_id in self.buried_alive:
            return "lied to"
        rows, truth, before = (each.get(user_id, {}) for each in (self.rows, self.truth, self.before))
        if rows in (truth, before):
            return "follows" if rows == truth else "kept"
        return "partly" if set(rows) >= set(before) else "lost"


async def _look(scene: Scene, before: dict[int, dict[int, Row]]) -> After:
    channels = scene.sandbox.school.channels
    buried_alive = {channels[i].user_id for i in await scene.stage.tombstones() if channels[i].live}
    return After(before=before, rows=await scene.rows(), truth=scene.truth(), buried_alive=buried_alive)


async def _run(scene: Scene, spec: str) -> Ended:
    try:
        report = await scene.stage.run(spec, **LENIENT)
    except SyncWorkerError as error:
        await scene.nothing_leaked(str(error))
        return Ended(code=error.exit_code, error=type(error).__name__)
    await scene.nothing_leaked(*(finding.message for finding in report.findings))
    return Ended(code=report.exit_code)


async def _healed(scene: Scene, spec: str) -> None:
    """The next run without trouble is a good one: the mirror is the school again, and nothing is open any more."""
    await scene.calm()
    report = await scene.stage.run(spec, **LENIENT)
    assert report.exit_code == 0, report.findings
    assert await scene.rows() == scene.truth()
    await scene.nobody_alive_is_buried()
    assert await scene.stage.candidates() == {}
    assert await scene.stage.value("SELECT count(*) FROM mirror.users WHERE state <> 'present'") == 0
    assert await scene.stage.value("SELECT count(*) FROM worker.failures WHERE resolved_at IS NULL") == 0


async def _told(scene: Scene, user_id: int) -> str:
    """The kind of failure that the last run recorded for a user, else a state of it that is not the usual one."""
    query = (
        "SELECT kind FROM worker.failures WHERE run_id = (SELECT max(id) FROM worker.runs) "
        "AND (user_id = $1 OR reference = 'sis_user_id:' || $2) "
        "UNION ALL SELECT state FROM mirror.users WHERE id = $1 AND state NOT IN ('present', 'unreadable')"
    )
    rows = await scene.stage.fetch(query, user_id, str(scene.user(user_id).sis_user_id))
    return " ".join(row["kind"] for row in rows)


def _ids(everybody: Iterable[int]) -> str:
    return "id:" + ",".join(map(str, everybody))
