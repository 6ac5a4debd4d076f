"""Cells that write: an apply with one action for each user who is struck, and the same plan again without trouble."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync_worker.channels import by_id
from sync_worker.errors import SyncWorkerError
from sync_worker.flows.rooms import open_canvas
from tests.faults.scene import Scene, Scenes, spot
from tests.faults.trouble import KINDS, THROTTLES
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import Desire

ACTIONS: Final = ("create", "delete")
CALLS: Final = ("by address",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What an apply came to, for one action; and what a second one made of it."""

    exit: int
    status: str  # of the action in the journal
    sent: int | None  # how often the call reached Canvas; None: it differs
    there: bool  # whether Canvas has done it
    mirror: str  # follows, kept
    finally_: str  # status after the same plan was applied again, without trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What one call of the client came to."""

    came: str  # the class of the value or of the error
    sent: int | None
    there: bool


async def write(
    scenes: Scenes, folder: Path, column: str, kinds: Sequence[str], *, once: bool
) -> dict[str, Write | None]:
    """One apply of a plan with an action for a new user of each kind; None where a kind makes no sense."""
    async with scenes.of(column, kinds) as scene:
        victims = {kind: scene.newcomer() for kind in kinds}
        assert (await scene.stage.run("id:" + ",".join(map(str, victims.values())))).exit_code == 0
        applying = Applying(stage=scene.stage, desire=Desire(stage=scene.stage, folder=folder))
        wanted = {user_id: _address(scene, column, user_id) for user_id in victims.values()}
        state = "present" if column == "create" else "absent"
        plan = await applying.planned(*(f"{user},email,{address},{state}" for user, address in wanted.items()))
        before = await scene.rows()
        strikes: set[str] = set()
        for kind, user_id in victims.items():
            fault = KINDS[kind](spot(scene, column, user_id, once=once))
            if fault is not None:
                scene.strike(fault, passing=once)
                strikes.add(kind)
        scene.sandbox.counters.reset()
        code = await _applied(scene, applying, plan)
        sent = dict(scene.sandbox.counters.writes)
        rows, truth = await scene.rows(), scene.truth()
        there = {user: _there(scene, column, user, address) for user, address in wanted.items()}
        first = await _statuses(applying, plan)
        await scene.calm()
        if await applying.plan_status(plan) != "applied":
            await _applied(scene, applying, plan)
        final = await _statuses(applying, plan)
        for user, address in wanted.items():
            assert _there(scene, column, user, address) == (final[user] == "done")
        assert applying.messages() == 0
        assert (await scene.stage.run("id:" + ",".join(map(str, wanted)))).exit_code == 0
        assert await scene.rows() == scene.truth()
        await scene.nobody_alive_is_buried()
        return {
            kind: Write(
                exit=code,
                status=first[user],
                sent=None if kind in THROTTLES and not once else sent.get(user, 0),
                there=there[user],
                mirror="follows"
                if rows.get(user) == truth[user]
                else "kept"
                if rows.get(user) == before.get(user)
                else "odd",
                finally_=final[user],
            )
            if kind in strikes
            else None
            for kind, user in victims.items()
        }


async def call(scenes: Scenes, kind: str, *, once: bool) -> Called | None:
    """One delete by address, which no flow uses."""
    async with scenes.of("by address", [kind]) as scene:
        user_id = scene.newcomer()
        address = _address(scene, "by address", user_id)
        fault = KINDS[kind](spot(scene, "by address", user_id, once=once))
        if fault is None:
            return None
        scene.strike(fault, passing=once)
        scene.sandbox.counters.reset()
        async with open_canvas(scene.stage.settings().instance("main"), scene.clock) as (client, _):
            await client.get_account("self")
            try:
                came = type(await client.delete_channel_by_address(by_id(user_id), "email", address)).__name__
            except SyncWorkerError as error:
                await scene.nothing_leaked(str(error))
                came = type(error).__name__
        sent = None if kind in THROTTLES and not once else scene.sandbox.counters.writes[user_id]
        return Called(came=came, sent=sent, there=_there(scene, "by address", user_id, address))


async def _applied(scene: Scene, applying: Applying, plan: int) -> int:
    try:
        report = await applying.apply(plan, allow={"empty": True})  # fewer users than in the plan before
    except SyncWorkerError as error:
        await scene.nothing_leaked(str(error))
        return error.exit_code
    await scene.nothing_leaked(*(finding.message for finding in report.findings))
    return report.exit_code


async def _statuses(applying: Applying, plan: int) -> dict[int, str]:
    return {row["user_id"]: row["status"] for row in await applying.actions(plan)}


def _address(scene: Scene, column: str, user_id: int) -> str:
    """What is to be created, or deleted; not the default address."""
    return f"wanted{user_id}@example.com" if column == "create" else scene.live(user_id)[3].address


def _there(scene: Scene, column: str, user_id: int, address: str) -> bool:
    """Whether it is as wanted at the school; never more than one channel has the address."""
    found = sum(channel.address == address for channel in scene.live(user_id))
    assert found <= 1
    return bool(found) is (column == "create")
