"""The wiring of `channels create`, `delete` and `delete-push`: one change takes the road of every plan."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from sync_worker.cli.applying import ApplyOptions, apply_new
from sync_worker.cli.applysummary import print_apply
from sync_worker.cli.asking import agree
from sync_worker.cli.context import CliContext
from sync_worker.cli.exits import DONE, say
from sync_worker.cli.opening import Opened, opening
from sync_worker.desired.guards import Allowances
from sync_worker.desired.plan import Plan
from sync_worker.desired.rules import address_of
from sync_worker.errors import DocumentError, UsageError
from sync_worker.flows.push.byhand import Wanted, plan_create, plan_delete
from sync_worker.flows.push.pushdevice import delete_push
from sync_worker.flows.rooms import Rooms, open_rooms
from sync_worker.flows.stop import stopping_on_signals
from sync_worker.users.refs import parse_ref


async def create_by_hand(context: CliContext, user: str, wanted: Wanted, *, yes: bool, reason: str | None) -> int:
    """Create one channel; the exit code."""
    ref = parse_ref(user)
    try:
        wanted = replace(wanted, address=address_of(wanted.type, wanted.address))
    except DocumentError as error:
        raise UsageError(error.what, hint=error.hint) from error
    # asking for the message is the permission to send it
    allowances = Allowances(max_messages=None if wanted.skip_confirmation else 1)
    options = ApplyOptions(yes=yes, reason=reason, allowances=allowances)
    return await _by_hand(context, lambda rooms: plan_create(rooms, ref, wanted), options, "is there already")


async def delete_by_hand(context: CliContext, user: str, channel: str, options: ApplyOptions) -> int:
    """Delete one channel; the exit code."""
    ref = parse_ref(user)
    return await _by_hand(context, lambda rooms: plan_delete(rooms, ref, channel), options, "is gone already")


async def _by_hand(
    context: CliContext, make: Callable[[Rooms], Awaitable[Plan]], options: ApplyOptions, already: str
) -> int:
    async with stopping_on_signals() as stop, opening(context, single=True, migrate=True) as opened:
        async with _rooms(opened) as rooms:
            plan = await make(rooms)
        if plan.empty:
            say(f"{plan.instance}: the address {already}; nothing to do")
            return DONE
        return await apply_new(context, opened, plan, options, stop=stop, kind="channels")


async def delete_push_by_hand(context: CliContext, device: str, *, yes: bool, reason: str | None) -> int:
    """Remove a push device of the token's own user; the exit code."""
    async with stopping_on_signals() as stop, opening(context, single=True, migrate=True) as opened:
        origin = opened.settings.instance(opened.names[0]).origin
        if not yes:
            await agree(f"Remove this device from push at {origin}?")
        async with _rooms(opened) as rooms:
            report = await delete_push(rooms, device, reason=reason, stop=stop)
    print_apply(report)
    return report.exit_code


def _rooms(opened: Opened) -> AbstractAsyncContextManager[Rooms]:
    return open_rooms(opened.settings, opened.database, opened.names[0], opened.clock, writing=True)
