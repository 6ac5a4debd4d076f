"""What reading one user comes to, as a value: one user's bad luck never stops the others."""

from typing import Protocol

from sync_worker.channels import Channel, Failure, Gone, ReadOutcome, Snapshot, Unreadable, UserRef, by_id
from sync_worker.clock import Clock
from sync_worker.errors import Forbidden, NotFound, RequestFailed


class ListsChannels(Protocol):
    """What of the client is needed here."""

    async def list_channels(self, user: UserRef) -> tuple[Channel, ...]:
        """All channels, or an error."""


async def read_user(client: ListsChannels, clock: Clock, user_id: int) -> ReadOutcome:
    """Read all channels of the user with this numeric id.

    Raises:
        TokenRefused, ClientRefused, QuotaExhausted: they are about the run, not about the user.
    """
    read_at = clock.now()
    try:
        channels = await client.list_channels(by_id(user_id))
    except NotFound:
        return Gone(user_id=user_id, read_at=read_at)
    except Forbidden as error:
        return Unreadable(user_id=user_id, read_at=read_at, message=str(error))
    except RequestFailed as error:
        return Failure(user_id=user_id, read_at=read_at, kind=error.kind, status=error.status, message=str(error))
    return Snapshot(user_id=user_id, read_at=read_at, channels=channels)
