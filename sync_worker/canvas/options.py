"""How the client is set up, and what it counts; imports no driver, so that commands start fast."""

from dataclasses import dataclass, field
from ssl import SSLContext

from yarl import URL

from sync_worker import __version__
from sync_worker.canvas.retry import RetryPolicy
from sync_worker.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshGrant:
    """What access tokens are asked for with, where they live an hour (OAuth2)."""

    client_id: str  # of the developer key
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    source: str = ""  # where the refresh token is written, for messages


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """One Canvas, one token. Durations are seconds."""

    base_url: str  # scheme, host and port
    token: str = field(repr=False, default="")  # counts where there is no grant
    token_source: str = ""  # where it, or what renews it, is written, for messages; never the token itself
    grant: RefreshGrant | None = None
    tls: SSLContext | None = None  # whom to believe; None: the authorities that the system trusts
    per_page: int = 100  # asked for; the server may give fewer
    max_concurrency: int = 64  # connections at most
    request_timeout: float = 60.0  # one attempt, from connecting to the last byte
    read_timeout: float = 30.0  # between two pieces of an answer
    connect_timeout: float = 10.0  # until the connection stands
    max_body_bytes: int = 16 * 2**20  # after decompression; 100 channels are some 40 kB
    user_agent_contact: str = ""  # an address or a URL of whoever runs this
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def user_agent(self) -> str:
        """Who we say we are; hosted Canvas refuses requests without a User-Agent since January 2026."""
        contact = f" (+{self.user_agent_contact})" if self.user_agent_contact else ""
        return f"sync-worker/{__version__}{contact}"

    def origin(self) -> URL:
        """Scheme, host and port of Canvas: the only place that the token is sent to.

        Raises:
            ConfigError: `base_url` is no such address.
        """
        origin = _origin(self.base_url)
        if origin is None:
            raise ConfigError(
                "base_url is not the address of a Canvas",
                where="base_url",
                hint="Give scheme and host alone, such as https://school.instructure.com",
            )
        return origin


def _origin(text: str) -> URL | None:
    try:
        url = URL(text)
        more = url.raw_path not in {"", "/"} or url.raw_query_string or url.raw_fragment or url.raw_user
        return url.origin() if url.scheme in {"http", "https"} and url.raw_host and not more else None
    except ValueError:
        return None


@dataclass(slots=True)
class Traffic:
    """What went over the wire so far; only ever counts up."""

    requests: int = 0  # sent, repetitions included
    refusals: int = 0  # answered "Rate Limit Exceeded"
    retries: int = 0  # sent again after trouble
    bytes_received: int = 0  # bodies, decompressed
