"""The only module that knows aiohttp: sends one request, brings back one complete answer or says what broke.

Nothing is decided here: no retry, no meaning, no redirect, no cookie (Canvas sets some, and a session cookie
beside a token changes who the caller is). Foreign exceptions end here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import aiohttp
from yarl import URL

from sync_worker.canvas.answers import Answer, Asked
from sync_worker.canvas.options import ClientOptions, Traffic
from sync_worker.errors import Trouble

ACCEPT: Final = "application/json+canvas-string-ids"
"""Ids as strings: some are above 2^53 (Canvas API documentation, "Basics")."""

Form = tuple[tuple[str, str], ...]
OnHeaders = Callable[[int, Mapping[str, str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """No complete answer came."""

    error: Trouble
    unsent: bool  # the request surely never left: no connection stood


class Transport:
    """One session of aiohttp: kept-alive connections to one origin."""

    def __init__(self, options: ClientOptions, traffic: Traffic) -> None:
        self._options = options
        self._traffic = traffic
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        options = self._options
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=options.max_concurrency, keepalive_timeout=30, ttl_dns_cache=60, ssl=options.tls or True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=options.request_timeout,
                sock_connect=options.connect_timeout,
                sock_read=options.read_timeout,
            ),
            headers={
                "Accept": ACCEPT,
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": options.user_agent,
            },
            max_line_size=2**16,  # Link headers with bookmarks outgrow the 8 kB of the default
            max_field_size=2**16,
            trust_env=False,  # .netrc would send other credentials than the configured ones
        )
        # aiohttp would send a GET or DELETE a second time by itself: past the gate, past the policy, and uncounted.
        self._session._retry_connection = False  # noqa: SLF001  (there is no public way; aiohttp's own test client does so)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def exchange(
        self, asked: Asked, url: URL, form: Form | None, on_headers: OnHeaders, token: str = ""
    ) -> Answer | Broken:
        """Send one request and read its answer to the end.

        Args:
            asked: method, and names for messages.
            url: already encoded, on the origin of the token.
            form: fields of the body, None for no body.
            on_headers: told status and headers as soon as they are here.
            token: the access token; empty: none is sent.
        """
        if self._session is None:
            raise RuntimeError("the client is used outside of its `async with`")
        self._traffic.requests += 1
        headers = {"Authorization": f"Bearer {token}"} if token else None
        try:
            async with self._session.request(
                asked.method, url, data=form, headers=headers, allow_redirects=False
            ) as response:
                on_headers(response.status, response.headers)
                body = await self._body(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _broken(error, asked)
        if body is None:
            return Broken(error=self._too_large(asked), unsent=False)
        return Answer(status=response.status, headers=_joined(response), body=body)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes | None:
        """The body; None as soon as it is larger than allowed (aiohttp decompresses in small pieces)."""
        content = response.content
        pieces: list[bytes] = []
        size = 0
        while not content.at_eof():
            piece = await content.readany()
            size += len(piece)
            if size > self._options.max_body_bytes:
                response.close()
                return None
            pieces.append(piece)
        self._traffic.bytes_received += size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _too_large(self, asked: Asked) -> Trouble:
        limit = self._options.max_body_bytes
        return Trouble(f"the answer is larger than {limit} bytes and was not read", where=asked.where)


def _joined(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """The headers; several `Link` lines are one list (RFC 9110 5.3)."""
    links = response.headers.getall("Link", ())
    if len(links) < 2:  # noqa: PLR2004
        return response.headers
    merged = response.headers.copy()
    merged["Link"] = ", ".join(links)
    return merged


# --- Foreign exceptions, translated once ----------------------------------------------------------------

_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorCertificateError, "the certificate of the server is not trusted"),
    (aiohttp.ClientConnectorDNSError, "the host name cannot be resolved"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (TimeoutError, "no complete answer in time"),
    (aiohttp.ClientPayloadError, "the answer broke off or cannot be decompressed"),
    (aiohttp.ServerDisconnectedError, "the server closed the connection without an answer"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (Exception, "the connection broke"),
)
_CERTIFICATE: Final = (
    "If this Canvas has its certificate from an authority of your own, set ca_file to the PEM file of that authority; "
    "a certificate that is out of date or another host's has to be put right there"
)
_UNSENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ConnectionTimeoutError,
)


def _broken(error: Exception, asked: Asked) -> Broken:
    words = next(words for kind, words in _WORDS if isinstance(error, kind))
    reason, hint = error.strerror if isinstance(error, OSError) else None, ""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason, hint = getattr(error.certificate_error, "verify_message", None), _CERTIFICATE
    trouble = Trouble(words + (f" ({reason})" if reason else ""), where=asked.where, hint=hint)
    # A response error carries the request with its Authorization header: only what caused it may travel on.
    trouble.__cause__ = error.__cause__ if isinstance(error, aiohttp.ClientResponseError) else error
    return Broken(error=trouble, unsent=isinstance(error, _UNSENT))
