"""Whom a staged document names, and whom of them a plan is about.

Where only some users are planned, they are walked as in a run. A reference that the mirror does not know is theirs if
the specs say the same one, or if it is an identifier that Canvas tells of one of them. Only as long as one of them is
not found in the document that way are its other unknown references asked about: each of them may be that user.
"""

from collections.abc import Mapping
from contextlib import aclosing

from sync_worker.channels import User, UserRef
from sync_worker.desired.problems import Problem, Problems
from sync_worker.errors import RequestFailed, Trouble
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.canvas import PatientDirectory, outage_watch
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.waiting.outage import unreachable
from sync_worker.mirror.chosen import Stranger
from sync_worker.mirror.forgotten import forgotten
from sync_worker.mirror.staging import Stage
from sync_worker.users.resolve import Chunk, FailedReference, Resolver
from sync_worker.users.specs import Spec
from sync_worker.users.walk import walk

_Outcomes = Mapping[UserRef, User | FailedReference]


async def resolve(stage: Stage, rooms: Rooms, only: tuple[Spec, ...], progress: Progress) -> int:
    """Give the references of a document their users, and drop all users but those of the specs, if there are any.

    Whoever was forgotten (`sync-worker forget`) is told among the references that lead to nobody.

    Trouble with all that Canvas is asked is an outage; trouble with some of it is counted in `progress.failed`.

    Returns:
        How many references the document has, without those that are known to lead to nobody.

    Raises:
        DocumentError: two references are one user; with both places.
        SourceError, Unreachable: the users of a spec cannot be had.
        TokenRefused: Canvas cannot be asked.
    """
    directory = PatientDirectory(rooms.client, outage_watch(rooms, progress))
    resolver = Resolver(directory)
    await stage.resolve_from_mirror()
    if only:
        for spec in only:
            await _choose(stage, rooms, spec, directory, resolver, progress)
        await _find(stage, resolver, progress)
    else:
        await _look_up(stage, resolver, progress)
    await _check_twice(stage)
    named = await stage.count_references()
    if only:
        await stage.chosen.keep()
    await stage.leave_out(await forgotten(rooms.database, rooms.instance.name))
    return named


async def _check_twice(stage: Stage) -> None:
    problems = Problems(name="the desired state")
    for user in await stage.named_twice():
        what = (
            f"{' and '.join(user.refs)} are the same Canvas user {user.user_id} (also in {', '.join(user.places[1:])})"
        )
        problems.add(Problem(where=user.places[0], field="user", what=what, hint="Describe a user once"))
    problems.raise_errors()


# --- everybody ------------------------------------------------------------------------------------------


async def _look_up(stage: Stage, resolver: Resolver, progress: Progress) -> None:
    """Ask Canvas about all that the mirror does not know."""
    async for refs in stage.unresolved():
        found = await resolver.outcomes(refs)
        await _note(stage, found, progress)


async def _note(stage: Stage, found: _Outcomes, progress: Progress) -> None:
    progress.failed += sum(map(_troubled, found.values()))
    await stage.note([_noted(ref, answer) for ref, answer in found.items()])


def _noted(ref: UserRef, answer: User | FailedReference) -> tuple[UserRef, int | None, str | None]:
    return (ref, None, answer.what) if isinstance(answer, FailedReference) else (ref, answer.id, None)


def _troubled(answer: User | FailedReference) -> bool:
    """Whether it is no answer at all."""
    return isinstance(answer, FailedReference) and answer.kind == Trouble.kind


# --- some -----------------------------------------------------------------------------------------------


async def _choose(
    stage: Stage, rooms: Rooms, spec: Spec, directory: PatientDirectory, resolver: Resolver, progress: Progress
) -> None:
    """Walk one spec; what it says of references goes before what the mirror says, for it is newer."""
    try:
        async with aclosing(walk(spec, directory, resolver, rooms.mirrored)) as chunks:
            async for chunk in chunks:
                progress.failed += sum(map(_troubled, chunk.failures))
                await _take(stage, chunk)
    except RequestFailed as error:
        raise unreachable(error, rooms.instance.origin) from error


async def _take(stage: Stage, chunk: Chunk) -> None:
    await stage.chosen.add(chunk.users)
    await stage.note([(ref, user_id, None) for ref, user_id in chunk.named.items()])
    await stage.chosen.add_strangers(
        Stranger(ref=failure.ref, where=failure.where, problem=failure.what) for failure in chunk.failures
    )


async def _find(stage: Stage, resolver: Resolver, progress: Progress) -> None:
    """Find the chosen users in the document, with as few questions as will do."""
    await stage.chosen.match()
    left = await stage.chosen.left()
    if left.untold < left.open_references:
        async for ids in stage.chosen.untold():
            await stage.chosen.add(await resolver.identified(ids))
        await stage.chosen.match()
    async for refs in stage.unresolved():
        if not (await stage.chosen.left()).missing:
            return
        found = await resolver.outcomes(refs)
        may_be_meant = {ref: a for ref, a in found.items() if isinstance(a, User) or _troubled(a)}
        await _note(stage, may_be_meant, progress)
