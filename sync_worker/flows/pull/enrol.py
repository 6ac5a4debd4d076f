"""Who is to be read: earlier failures first, then the sources, then whoever fell out of a complete listing."""

from contextlib import aclosing

from sync_worker.errors import RequestFailed
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.canvas import PatientDirectory
from sync_worker.flows.pull.fetch import Fetcher
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.waiting.outage import OutageWatch, unreachable
from sync_worker.mirror.enrolment import Enrolment
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.runs import FailedUser, Reason, Run
from sync_worker.users.resolve import FailedReference, Resolver
from sync_worker.users.specs import Spec, listing
from sync_worker.users.walk import walk


class Enroller:
    """Puts the users of a run into batches, and tells the fetcher about them.

    Args:
        rooms: Canvas and the clock.
        ledger, run: where the batches go.
        specs: the sources.
        fetcher: reads them meanwhile.
        outage: sits outages of Canvas out.
        progress: is counted up.
    """

    def __init__(  # noqa: PLR0913  (the parts that it joins)
        self,
        *,
        rooms: Rooms,
        ledger: Ledger,
        run: Run,
        specs: tuple[Spec, ...],
        fetcher: Fetcher,
        outage: OutageWatch,
        progress: Progress,
    ) -> None:
        self._rooms = rooms
        self._ledger = ledger
        self._run = run
        self._specs = specs
        self._fetcher = fetcher
        self._progress = progress
        self._directory = PatientDirectory(rooms.client, outage)
        self._resolver = Resolver(self._directory)

    async def run(self) -> None:
        """Enrol everybody, unless an earlier start of the run has done so.

        Raises:
            CanvasUnreachable: a source broke off; nobody is concluded to be missing from it.
            SourceError: a source cannot be used.
        """
        if not self._run.listed:
            size = self._rooms.settings.run.batch_size
            async with self._ledger.enrolment(self._run, size) as enrolment:
                await self._enrol(enrolment)
        self._progress.listed = True
        self._fetcher.close()

    async def _enrol(self, enrolment: Enrolment) -> None:
        specs = [spec.text for spec in self._specs]
        await enrolment.add_failed_before(specs)
        self._announce(enrolment)
        offered = {spec: await self._walk(spec, enrolment) for spec in self._specs}
        listed = {account: offered[spec] for spec in self._specs if (account := listing(spec)) is not None}
        if listed:
            await enrolment.add_missing(tuple(listed))
        await enrolment.close(specs, listed)
        self._announce(enrolment)

    async def _walk(self, spec: Spec, enrolment: Enrolment) -> int:
        """Enrol one source to its end; returns how many users it named."""
        offered, account = 0, listing(spec)
        try:
            async with aclosing(walk(spec, self._directory, self._resolver, self._rooms.mirrored)) as chunks:
                async for chunk in chunks:
                    offered += len(chunk.users)
                    if chunk.failures:
                        await self._ledger.note_failures(self._run, self._failed(chunk.failures))
                    if await enrolment.offer(chunk.users, account=account):
                        self._announce(enrolment)
        except RequestFailed as error:
            raise unreachable(error, self._rooms.instance.origin) from error
        await enrolment.flush(account=account)
        self._announce(enrolment)
        return offered

    def _announce(self, enrolment: Enrolment) -> None:
        self._progress.users = enrolment.enrolled
        self._fetcher.announce()

    def _failed(self, failures: tuple[FailedReference, ...]) -> list[FailedUser]:
        return [
            FailedUser(
                reference=str(failure.ref),
                user_id=None,
                kind=failure.kind,
                status=failure.status,
                message=f"{failure.where}: {failure.message}" if failure.where else failure.message,
                reason=Reason.SOURCE,
                failed_at=self._rooms.clock.now(),
            )
            for failure in failures
        ]
