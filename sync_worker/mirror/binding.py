"""The binding of an instance to its Canvas: fixed at the first run, changed by a person alone."""

from dataclasses import dataclass
from datetime import datetime

from sync_worker.clock import Clock
from sync_worker.errors import WrongCanvas
from sync_worker.mirror.database import Database
from sync_worker.mirror.lock import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which Canvas an instance is a mirror of."""

    instance: str
    origin: str  # scheme, host and port
    root_account_id: int | None  # None where the token may not see it
    bound_at: datetime


async def binding(database: Database, instance: str) -> Binding | None:
    """What the instance is bound to; None before its first run."""
    async with database.session() as session:
        row = await session.fetch_row("bound_instance", instance)
    return None if row is None else Binding(**row)


async def bind(writer: Writer, clock: Clock, bound: Binding | None, origin: str, root_account_id: int | None) -> None:
    """Bind at the first run, and check at every later one.

    Raises:
        WrongCanvas: it is bound to another Canvas; nothing was written.
    """
    if bound is not None:
        check(bound, origin, root_account_id)
        if bound.root_account_id is not None or root_account_id is None:
            return
    async with writer.transaction() as session:
        await session.execute("bind_instance", writer.instance, origin, root_account_id, clock.now())
        await session.execute("learn_root_account", writer.instance, root_account_id)


def check(bound: Binding, origin: str, root_account_id: int | None) -> None:
    """Compare a binding with the Canvas that answers now; an unknown root account is no contradiction.

    Raises:
        WrongCanvas: they differ.
    """
    hint = (
        f"Put base_url right, or use another instance name; if the same Canvas has moved, run: "
        f"sync-worker --instance {bound.instance} db rebind"
    )
    if bound.origin != origin:
        raise WrongCanvas(
            f"instance {bound.instance} is a mirror of {bound.origin}, but base_url is now {origin}", hint=hint
        )
    if None not in (bound.root_account_id, root_account_id) and bound.root_account_id != root_account_id:
        raise WrongCanvas(
            f"instance {bound.instance} is a mirror of root account {bound.root_account_id} at {origin}, "
            f"but this Canvas says root account {root_account_id}",
            hint=hint,
        )


async def rebind(writer: Writer, clock: Clock, origin: str, root_account_id: int | None) -> None:
    """Bind to another Canvas on a person's word."""
    async with writer.transaction() as session:
        await session.execute("rebind_instance", writer.instance, origin, root_account_id, clock.now())
