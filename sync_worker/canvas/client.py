"""The client of the Canvas LMS API: one method for each call, each complete or an error."""

import copy
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote

from yarl import URL

from sync_worker.canvas import wire
from sync_worker.canvas.access import access
from sync_worker.canvas.answers import Asked
from sync_worker.canvas.asking import Again, Asker, Call, First, Through, directly
from sync_worker.canvas.options import ClientOptions, Traffic
from sync_worker.canvas.probe import Probe
from sync_worker.canvas.transport import Form, Transport
from sync_worker.channels import Channel, RefKind, User, UserRef
from sync_worker.clock import Clock

if TYPE_CHECKING:
    from sync_worker.canvas.gate import Gate

__all__ = ["CanvasClient", "ClientOptions", "Traffic"]

_T = TypeVar("_T")

CHANNEL_PAGES: Final = 1_000  # of one user: nobody has ten thousand channels
USER_PAGES: Final = 1_000_000  # of one account, at ten users a page


class CanvasClient:
    """Talks to one Canvas with one token (or one grant, for tokens that end); an async context manager.

    All methods raise `TokenRefused` and `ClientRefused` (stop), `QuotaExhausted` (out of the gate), and, for
    the one request: `Forbidden`, `RefusedAlone`, `NotFound`, `Rejected`, `Trouble` (after retries) and `Incomplete`.

    Args:
        options: which Canvas, and how patient.
        gate: admits requests; shared by all who use the same token.
        clock: time.

    Raises:
        ConfigError: `base_url` is not an address.
    """

    def __init__(self, options: ClientOptions, gate: "Gate", clock: Clock) -> None:
        self.traffic = Traffic()
        self._transport = Transport(options, self.traffic)
        self._asker = Asker(
            transport=self._transport,
            access=access(options, self._transport, clock),
            gate=gate,
            clock=clock,
            options=options,
            traffic=self.traffic,
        )
        self._api = f"{options.origin()}/api/v1"
        self._page = f"?per_page={options.per_page}"
        self._first: First | None = None
        self._again: Again | None = None

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    @property
    def ahead(self) -> timedelta | None:
        """How far Canvas's clock is ahead of ours, by its last answers; None where they do not say."""
        return self._asker.canvas_time.ahead

    def writing(self, first: First, again: Again | None = None) -> Self:
        """The same client, for a writer.

        Args:
            first: awaited right before each attempt of a call that writes; what it raises ends the call unsent.
            again: called before such a call is repeated; what it raises ends it.
        """
        other = copy.copy(self)
        other._first, other._again = first, again  # noqa: SLF001  (a copy of itself)
        return other

    # --- reading ---------------------------------------------------------------------------------------

    async def list_channels(self, user: UserRef) -> tuple[Channel, ...]:
        """All live channels of a user in the order of Canvas, every page of them or an error."""
        call = self._call(_asked("GET", _channels(user), user), wire.read_channels, query=self._page)
        channels: list[Channel] = []
        async for page in self._asker.pages(call, limit=CHANNEL_PAGES):
            channels += page
        wire.check_owner(channels, _number(user), call.asked)
        return wire.merged(channels)

    async def list_users(self, account: str, *, through: Through = directly) -> AsyncIterator[list[User]]:
        """The users of an account (`self`, a number, `sis_account_id:X`), page by page as they arrive.

        Ends only where Canvas says that the list ends: any page that cannot be had raises.

        Args:
            account: which one.
            through: sends each request.
        """
        asked = Asked(method="GET", path=f"{_account(account)}/users", by_number=account.isdigit())
        call = self._call(asked, wire.read_users, query=self._page)
        async for page in self._asker.pages(call, limit=USER_PAGES, through=through):
            yield page

    async def get_user(self, user: UserRef) -> User:
        """One user with its numeric id."""
        call = self._call(_asked("GET", f"/users/{user.path_segment()}", user), wire.read_user)
        return (await self._asker.ask(call)).value

    async def get_account(self, account: str) -> wire.Account:
        """One account: who this Canvas is to this token."""
        asked = Asked(method="GET", path=_account(account), by_number=account.isdigit())
        return (await self._asker.ask(self._call(asked, wire.read_account))).value

    async def probe(self) -> Probe:
        """Ask who we are, once, and say what the answer tells about Canvas; raises `QuotaExhausted` alone."""
        user = UserRef(kind=RefKind.SELF)
        return await self._asker.probe(self._call(_asked("GET", f"/users/{user.path_segment()}", user), wire.read_user))

    # --- writing ---------------------------------------------------------------------------------------

    async def create_channel(
        self,
        user: UserRef,
        *,
        type: str,  # noqa: A002  (Canvas's own name for it)
        address: str,
        skip_confirmation: bool,
        token: str | None = None,
    ) -> Channel:
        """Create (or bring back) a channel; what the answer's `workflow_state` says counts.

        Never sent twice unless it surely was not sent: after `Trouble` the outcome is unknown, look before
        doing anything else. `Rejected` also says "exists already".

        Args:
            user: whose.
            type: `email`, `sms` or `push`, as Canvas spells them.
            address: empty for `push`.
            skip_confirmation: send no message to the person; counts for administrators alone.
            token: the device's token, for `push`.
        """
        form = [("communication_channel[type]", type), ("skip_confirmation", str(skip_confirmation).lower())]
        form += [("communication_channel[address]", address)] if address else []
        form += [("communication_channel[token]", token)] if token is not None else []
        call = self._call(_asked("POST", _channels(user), user), wire.read_channel, form=tuple(form))
        channel = (await self._asker.ask(call)).value
        wire.check_owner([channel], _number(user), call.asked)
        return channel

    async def delete_channel(self, user: UserRef, channel_id: int) -> Channel | None:
        """Retire a channel; None where it is gone already."""
        return await self._delete(user, str(channel_id))

    async def delete_channel_by_address(
        self,
        user: UserRef,
        type: str,  # noqa: A002  (Canvas's own name for it)
        address: str,
    ) -> Channel | None:
        """Retire the channel with this address (compared without regard to case); None where there is none."""
        return await self._delete(user, f"{_segment(type)}/{_segment(address)}")

    async def delete_push(self, push_token: str) -> bool:
        """Remove a device of the token's own user from push; False where Canvas does not know it."""
        asked = Asked(method="DELETE", path="/users/self/communication_channels/push")
        call = self._call(asked, wire.read_anything, form=(("push_token", push_token),))
        return (await self._asker.ask(call)).found is not None

    async def _delete(self, user: UserRef, which: str) -> Channel | None:
        call = self._call(_asked("DELETE", f"{_channels(user)}/{which}", user), wire.read_channel)
        channel = (await self._asker.ask(call)).found
        if channel is not None:
            wire.check_owner([channel], _number(user), call.asked)
        return channel

    def _call(
        self, asked: Asked, read: Callable[[bytes, Asked], _T], *, query: str = "", form: Form | None = None
    ) -> Call[_T]:
        # encoded: otherwise yarl decodes and re-quotes what one path segment has to keep (%2F, %25)
        url = URL(f"{self._api}{asked.path}{query}", encoded=True)
        reads = asked.method == "GET"
        first, again = (None, None) if reads else (self._first, self._again)
        return Call(asked=asked, url=url, read=read, form=form, first=first, again=again)


def _asked(method: str, path: str, user: UserRef) -> Asked:
    return Asked(method=method, path=path, by_number=user.kind is RefKind.ID)


def _number(user: UserRef) -> int | None:
    return wire.number_of(user.value) if user.kind is RefKind.ID else None


def _channels(user: UserRef) -> str:
    return f"/users/{user.path_segment()}/communication_channels"


def _account(account: str) -> str:
    return f"/accounts/{quote(account, safe='~:')}"


def _segment(text: str) -> str:
    return quote(text, safe="")
