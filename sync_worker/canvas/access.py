"""The access token that a request carries: a lasting one, or one that is renewed when it ends.

However many requests need a new one at the same moment, it is asked for once, and all share what came of it. Nothing is
retried here: who asked for the token has a policy for that.
"""

import asyncio
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Final, Protocol

from yarl import URL

from sync_worker.canvas import oauth, wire
from sync_worker.canvas.answers import Answer, Meaning, classify, error_for, retry_after
from sync_worker.canvas.options import ClientOptions, RefreshGrant
from sync_worker.canvas.transport import Broken, Transport
from sync_worker.clock import Clock
from sync_worker.errors import ClientRefused, RequestFailed, SyncWorkerError, TokenRefused, Trouble
from sync_worker.logs import register_secret

RENEWALS: Final = 3
"""Times that one request is sent again with another token: another program with the same refresh token may end ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoToken:
    """None is to be had now; asking again may help."""

    error: RequestFailed
    retry_after: float | None = None  # seconds


class Access(Protocol):
    """Where the access token comes from."""

    renewals: int  # times that a request may be repeated whose token was refused

    async def token(self, refused: str) -> str | NoToken:
        """The token for a request that is about to be sent.

        Args:
            refused: the one with which Canvas refused this request before; empty where it did not.

        Raises:
            TokenRefused, ClientRefused: there will be none until a person changes something.
        """


class Lasting:
    """A token that somebody made by hand."""

    renewals = 0

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, refused: str) -> str:  # noqa: ARG002  (there is no other one)
        """Always the same."""
        return self._token


class Renewed:
    """Tokens that are renewed shortly before they end, and when Canvas refuses one.

    Args:
        grant: what they are asked for with.
        transport: open, when the first one is asked for.
        clock: time.
        origin: of Canvas.
    """

    renewals = RENEWALS

    def __init__(self, grant: RefreshGrant, transport: Transport, clock: Clock, origin: URL) -> None:
        self._grant = grant
        self._transport = transport
        self._clock = clock
        self._url = origin.with_path(oauth.PATH)
        self._token = ""
        self._good_until: float | None = None  # monotonic; None: until it is refused
        self._renewal: asyncio.Future[str | NoToken | SyncWorkerError | None] | None = None
        self._end: SyncWorkerError | None = None  # what Canvas will say again until a person changes something

    async def token(self, refused: str) -> str | NoToken:
        """The present one; a new one where that ends or was refused."""
        while not self._fits(refused):
            came = await self._shared()
            match came:
                case str():
                    return came  # however short it lives
                case NoToken():
                    return NoToken(error=copy(came.error), retry_after=came.retry_after)
                case SyncWorkerError():
                    raise copy(came)
                case None:
                    continue  # whoever asked was cancelled
        return self._token

    def _fits(self, refused: str) -> bool:
        lives = self._good_until is None or self._clock.monotonic() < self._good_until
        return bool(self._token) and self._token != refused and lives

    async def _shared(self) -> str | NoToken | SyncWorkerError | None:
        """What comes of asking for a new token; None where that was broken off."""
        if self._end is not None:
            return self._end
        if self._renewal is not None:
            return await asyncio.shield(self._renewal)
        renewal = self._renewal = asyncio.get_running_loop().create_future()
        came = None
        try:
            came = await self._renew()
        finally:
            self._renewal = None
            renewal.set_result(came)
        return came

    async def _renew(self) -> str | NoToken | SyncWorkerError:
        asked_at = self._clock.monotonic()
        answer = await self._transport.exchange(oauth.ASKED, self._url, oauth.form(self._grant), _note_nothing)
        if isinstance(answer, Broken):
            return NoToken(error=answer.error)
        try:
            granted = self._granted(answer)
        except (TokenRefused, ClientRefused) as error:
            self._end = error
            return error
        except RequestFailed as error:
            error = Trouble(error.what, where=error.where, hint=error.hint, status=error.status)
            return NoToken(error=error, retry_after=retry_after(answer.headers, self._clock.now()))
        register_secret(granted.access_token)
        life = granted.renewed_after()
        self._token, self._good_until = granted.access_token, None if life is None else asked_at + life
        return self._token

    def _granted(self, answer: Answer) -> oauth.Granted:
        """The token in an answer, or the error that it is."""
        refused = oauth.refusal(answer, self._grant)
        if refused is not None:
            raise refused
        meaning = classify(oauth.ASKED, answer)
        if meaning is Meaning.OK:
            return wire.read_granted(answer.body, oauth.ASKED)
        if meaning not in {Meaning.CLIENT_REFUSED, Meaning.THROTTLED}:
            meaning = Meaning.TROUBLE  # it says nothing about anybody's rights
        error = error_for(meaning, oauth.ASKED, answer, secret=self._grant.refresh_token)
        raise error


def _note_nothing(_status: int, _headers: Mapping[str, str]) -> None:
    """The bucket of the token knows nothing of this request, for it carries none."""


def access(options: ClientOptions, transport: Transport, clock: Clock) -> Access:
    """The token as `options` say."""
    if options.grant is None:
        return Lasting(options.token)
    return Renewed(options.grant, transport, clock, options.origin())
