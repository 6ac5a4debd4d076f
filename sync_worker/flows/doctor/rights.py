"""The checks of what a token may see: an account, its users, their channels, and bounces.

They read two pages of a list and a few users' channels, and never write: what only writing would show is said to be not
tested.
"""

from contextlib import aclosing
from typing import Final

from sync_worker.channels import Channel, RefKind, User, UserRef, by_id
from sync_worker.errors import Forbidden, NotFound, RefusedAlone, RequestFailed
from sync_worker.flows.doctor.canvas import ADMITTED, CanvasChecks
from sync_worker.flows.doctor.database import DatabaseChecks
from sync_worker.flows.doctor.finding import (
    CONFIGURATION,
    IMPLAUSIBLE,
    TOKEN,
    Check,
    Opinion,
    fail,
    failed_with,
    fine,
    untested,
    warn,
)
from sync_worker.mirror.binding import check
from sync_worker.settings import Instance
from sync_worker.users.specs import AccountSpec, NamedSpec, configured

CHANNELS: Final = "read channels"
SAMPLE: Final = 3  # users whose channels are read
BOUNCES: Final = frozenset({"last_bounce_at", "last_bounce_summary", "last_transient_bounce_at"})
"""Fields that an answer has for those only who may see bounces (`lib/api/v1/communication_channel.rb`)."""


class RightsChecks:
    """What one token may see.

    Args:
        instance: which Canvas, and whom it walks.
        canvas: the connection.
        database: what the mirror is bound to.
    """

    def __init__(self, instance: Instance, canvas: CanvasChecks, database: DatabaseChecks) -> None:
        self._instance = instance
        self._canvas = canvas
        self._database = database
        self._listed: list[User] = []
        self._read: list[Channel] = []

    def checks(self) -> tuple[Check, ...]:
        """In the order in which a run needs them."""
        return (
            Check(name="account", look=self.account, needs=ADMITTED),
            Check(name="list users", look=self.list_users, needs=ADMITTED),
            Check(name=CHANNELS, look=self.read_channels, needs=ADMITTED),
            Check(name="bounce details", look=self.bounces, needs=(*ADMITTED, CHANNELS)),
            Check(name="create and delete", look=self.writing, needs=ADMITTED),
            Check(name="skip confirmation", look=self.skipping, needs=ADMITTED),
        )

    async def account(self) -> Opinion:
        """The root account, by which the mirror knows its Canvas again; another one raises."""
        try:
            account = await self._canvas.client.get_account(self._instance.account)
        except Forbidden:
            remedy = "Without it the mirror knows its Canvas by the address alone; an administrator's token may see it"
            return warn(f"this token may not see account {self._instance.account}", remedy)
        except NotFound:
            found = f"Canvas knows no account {self._instance.account}"
            return fail(found, f"Set instances.{self._instance.name}.account to its number, or to self", CONFIGURATION)
        bound = self._database.bindings.get(self._instance.name)
        if bound is not None:
            check(bound, self._instance.origin, account.root_account_id or account.id)
        return fine(f"{account.name or 'without a name'} ({account.id})")

    async def list_users(self) -> Opinion:
        """The first two pages of each account that is walked."""
        accounts = [spec.account for spec in configured(self._instance) if isinstance(spec, AccountSpec)]
        if not accounts:
            return fine("not needed: users come from elsewhere")
        for account in accounts:
            opinion = await self._list(account)
            if opinion is not None:
                return opinion
        return fine(f"{len(self._listed):,} on the first pages of account {' and '.join(accounts)}")

    async def _list(self, account: str) -> Opinion | None:
        """What is wrong with one listing, if anything."""
        before = len(self._listed)
        try:
            async with aclosing(self._canvas.client.list_users(account)) as pages:  # type: ignore[type-var]  # a generator
                async for page in pages:
                    self._listed += page
                    if len(self._listed) > before + len(page):  # the second one: its link led to this very Canvas
                        break
        except Forbidden:
            remedy = (
                "Give the token's user an administrator's role with the permission \"Users - view list\", or name the "
                "users yourself: users = file:…"
            )
            return fail(f"this token may not list the users of account {account}", remedy, TOKEN)
        except NotFound:
            return fail(f"Canvas knows no account {account}", "Check users and account", CONFIGURATION)
        if len(self._listed) == before:
            remedy = "Check users and account, and the rights of the token"
            return fail(f"account {account} lists nobody", remedy, IMPLAUSIBLE)
        return None

    async def read_channels(self) -> Opinion:
        """Channels of some of those who are walked."""
        sample = self._sample()
        refused, trouble = 0, None
        for user in sample:
            try:
                self._read += await self._canvas.client.list_channels(user)
            except (Forbidden, NotFound, RefusedAlone):
                refused += 1
            except RequestFailed as error:
                trouble = error
        if trouble is not None:
            return failed_with(trouble)
        found = f"{len(sample) - refused} of {len(sample)} users that were tried can be read"
        if refused == len(sample):
            return fail(found, "Give the token's user an administrator's role in the account", TOKEN)
        if refused:
            return warn(found, "The others are unreadable to this token: a run says so, and is done all the same")
        return fine(f"{found}: {len(self._read)} channels")

    def _sample(self) -> list[UserRef]:
        """Some of those who are walked, others than ourselves if possible; in want of any, ourselves."""
        own = self._canvas.owner.id if self._canvas.owner else None
        listed = [by_id(user.id) for user in self._listed if user.id != own]
        named = [ref for spec in configured(self._instance) if isinstance(spec, NamedSpec) for ref in spec.refs]
        return (listed or named)[:SAMPLE] or [UserRef(kind=RefKind.SELF)]

    async def bounces(self) -> Opinion:
        """Whether channels come with their bounces."""
        if not self._read:
            return untested("not tested: nobody who was tried has a channel")
        if any(BOUNCES & channel.model_fields_set for channel in self._read):
            return fine("visible")
        remedy = "Reports say so instead of saying that nothing bounces; a site administrator's token may see them"
        return warn("this token may not see bounces", remedy)

    async def writing(self) -> Opinion:
        """The rights to create and delete channels."""
        remedy = "The first apply shows it: begin with sync-worker apply PLAN --limit 1"
        return untested("not tested: only writing shows it, and doctor never writes", remedy)

    async def skipping(self) -> Opinion:
        """The right to skip confirmations."""
        remedy = "The first create of an apply goes alone and shows it; account administrators have the right"
        return untested("not tested: without the right Canvas ignores the wish silently", remedy)
