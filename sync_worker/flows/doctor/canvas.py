"""The checks of Canvas: whether it answers, and takes this program and its token."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from sync_worker.canvas.answers import Meaning
from sync_worker.canvas.client import CanvasClient
from sync_worker.canvas.dates import apart
from sync_worker.canvas.gate import Gate
from sync_worker.canvas.probe import Probe
from sync_worker.channels import RefKind, User, UserRef
from sync_worker.clock import Clock
from sync_worker.flows.doctor.finding import (
    CONFIGURATION,
    UNREACHABLE,
    Check,
    Opinion,
    fail,
    failed_with,
    fine,
    untested,
    warn,
)
from sync_worker.flows.doctor.papers import TOKEN_FILE
from sync_worker.flows.look.freshness import TOKEN_NOTICE
from sync_worker.flows.look.vitals import days_left
from sync_worker.flows.rooms import open_canvas
from sync_worker.settings import Instance

CANVAS: Final = "canvas"
USER_AGENT: Final = "user agent"
TOKEN_NAME: Final = "token"  # noqa: S105  (the name of a check)
ADMITTED: Final = (CANVAS, USER_AGENT, TOKEN_NAME)
"""What everything else needs."""

QUOTA_LOW: Final = 300.0  # units; half of the smallest usual high-water mark, and we have asked one after the other
REQUEST_PATIENCE: Final = timedelta(seconds=20)
QUOTA_PATIENCE: Final = timedelta(seconds=10)


def hasty(instance: Instance) -> Instance:
    """The same Canvas with less patience: somebody waits for the doctor."""
    changes = {
        "max_attempts": 1,
        "request_timeout": min(instance.request_timeout, REQUEST_PATIENCE),
        "read_timeout": min(instance.read_timeout, REQUEST_PATIENCE),
        "throttle_patience": min(instance.throttle_patience, QUOTA_PATIENCE),
    }
    return instance.model_copy(update=changes)


class CanvasChecks:
    """What one Canvas answers to one token.

    Args:
        instance: which Canvas.
        clock: time.
        stack: closes the connection at the end.
    """

    def __init__(self, instance: Instance, clock: Clock, stack: AsyncExitStack) -> None:
        self._instance = hasty(instance)
        self._clock = clock
        self._stack = stack
        self._open: tuple[CanvasClient, Gate] | None = None
        self._seen: Probe | None = None
        self.owner: User | None = None  # of the token, once it is known

    def checks(self) -> tuple[Check, ...]:
        """In the order in which Canvas itself looks at a request."""
        writing = (Check(name="write token", look=self.write_token, needs=(TOKEN_FILE, CANVAS, USER_AGENT)),)
        return (
            Check(name=CANVAS, look=self.reach, needs=(TOKEN_FILE,)),
            Check(name=USER_AGENT, look=self.user_agent, needs=(CANVAS,)),
            Check(name="canvas clock", look=self.clocks, needs=(CANVAS,)),
            Check(name=TOKEN_NAME, look=self.token, needs=(CANVAS, USER_AGENT)),
            *(writing if self._instance.write_token_file else ()),
            Check(name="throttle", look=self.throttle, needs=ADMITTED),
        )

    @property
    def client(self) -> CanvasClient:
        """The open connection; only for checks that need the one that opens it."""
        if self._open is None:
            raise LookupError("no connection to Canvas is open")
        return self._open[0]

    @property
    def _probe(self) -> Probe:
        if self._seen is None:
            raise LookupError("Canvas was not asked")
        return self._seen

    async def reach(self) -> Opinion:
        """Ask once who we are; whatever Canvas itself answers shows that it is there."""
        self._open = await self._stack.enter_async_context(open_canvas(self._instance, self._clock))
        probe = self._seen = await self.client.probe()
        origin = self._instance.origin
        strange = probe.meaning is Meaning.TROUBLE or (probe.page and probe.meaning is Meaning.FORBIDDEN)
        if probe.error is None or not strange:
            return fine(f"{origin} answers")
        if probe.redirected:
            remedy = "Redirects are never followed, for the token's sake: set base_url to where Canvas itself is"
            return fail(f"{origin} redirects elsewhere (status {probe.status})", remedy, CONFIGURATION)
        if probe.page and (probe.status or 0) < 500:  # noqa: PLR2004  (an error of the server's)
            remedy = "Set base_url to scheme and host of your Canvas, as in the address bar after logging in"
            found = f"{origin} answers with a web page (status {probe.status}), not with Canvas's API"
            return fail(found, remedy, CONFIGURATION)
        remedy = "Check base_url, the name server, the firewall, and the state of your Canvas"
        return fail(f"{origin}: {failed_with(probe.error).finding}", remedy, UNREACHABLE)

    async def user_agent(self) -> Opinion:
        """Hosted Canvas refuses requests without a User-Agent, and may refuse this one."""
        if self._probe.meaning is Meaning.CLIENT_REFUSED and self._probe.error is not None:
            return failed_with(self._probe.error)
        contact = self._instance.user_agent_contact
        return fine(f"accepted{f', with {contact}' if contact else ''}{'' if contact else ' (no user_agent_contact)'}")

    async def clocks(self) -> Opinion:
        """Canvas's `Date` against this machine's clock."""
        ahead = self._probe.ahead
        if ahead is None:
            return untested("not tested: the answer has no Date, or comes out of a cache")
        found = apart(ahead)
        if found is not None:
            return warn(found, "Set this machine's clock by NTP; if it is right, tell whoever runs your Canvas")
        return fine(f"{abs(ahead).total_seconds():.0f} s apart from this machine's")

    async def token(self) -> Opinion:
        """Valid, whose, until when; a refused one raises."""
        owner = self.owner = await self.client.get_user(UserRef(kind=RefKind.SELF))
        found = f"valid: {_whose(owner)}"
        days = days_left(self._instance.token_expires, self._clock.now())
        if days is None:
            return fine(f"{found}; when it ends is not known here (token_expires)")
        if days <= TOKEN_NOTICE:
            when = f"in {days} days" if days >= 0 else "in the past"
            found = f"{found}; it ends on {self._instance.token_expires}, {when}"
            return warn(found, "Make a new token in Canvas, put it into the token's file, and set token_expires anew")
        return fine(f"{found}, until {self._instance.token_expires}")

    async def write_token(self) -> Opinion:
        """The other token; a refused one raises."""
        async with open_canvas(self._instance, self._clock, writing=True) as (client, _):
            return fine(f"valid: {_whose(await client.get_user(UserRef(kind=RefKind.SELF)))}")

    async def throttle(self) -> Opinion:
        """What the bucket looks like after these few requests."""
        if self._open is None or self._open[1].state().bucket.blind or self._probe.remaining is None:
            found = "answers have no throttle headers: the bucket cannot be seen, and at most ten requests go at a time"
            return warn(found, "If there is a proxy before your Canvas, let X-Rate-Limit-Remaining through")
        bucket = self._open[1].state().bucket
        cost = "" if self._probe.cost is None else f", a request costs about {self._probe.cost:.2g}"
        found = (
            f"the headers are there: {self._probe.remaining:.0f} units left{cost}; "
            f"{bucket.up_front_cost:g} reserved for each, {bucket.outflow:g} back a second (until a run learns better)"
        )
        if self._probe.remaining < QUOTA_LOW:
            return warn(found, "Another program may use this token: give this one a token of its own")
        return fine(found)


def _whose(owner: User) -> str:
    return f"user {owner.id}" + (f" ({owner.login_id})" if owner.login_id else "")
