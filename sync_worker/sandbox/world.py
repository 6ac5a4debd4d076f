"""What a handler works with: the state of everything, and one parsed request."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from sync_worker.sandbox.clock import Clock
from sync_worker.sandbox.counters import Counters
from sync_worker.sandbox.faults import FaultBook
from sync_worker.sandbox.model import User
from sync_worker.sandbox.oauth import Renewals
from sync_worker.sandbox.options import Role, SandboxOptions
from sync_worker.sandbox.routes import Target
from sync_worker.sandbox.rules import Limits
from sync_worker.sandbox.school import School
from sync_worker.sandbox.tokens import Token, TokenTable


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All state of one sandbox; the parts change, the bundle does not."""

    options: SandboxOptions
    school: School
    tokens: TokenTable
    renewals: Renewals
    counters: Counters
    faults: FaultBook
    clock: Clock

    def limits(self) -> Limits:
        """The rules for creating and deleting."""
        options = self.options
        return Limits(
            push_allowed=options.push_allowed,
            max_channels=options.max_channels,
            max_recent=options.max_recent_channels,
            edit_institution_email=options.edit_institution_email,
        )


@dataclass(slots=True, kw_only=True)
class Call:
    """One request, parsed."""

    target: Target
    base: str  # scheme and host, as the client named them
    path: str  # as received, without the query
    query: list[tuple[str, str]] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)  # query and form; the form wins
    token: str = ""  # the Authorization header's, or the parameter's; empty: none
    string_ids: bool = False
    user: User | None = None  # whom the path names, if anybody

    @property
    def url(self) -> str:
        """Scheme, host and path."""
        return self.base + self.path

    @property
    def full_url(self) -> str:
        """With the query."""
        return f"{self.url}?{urlencode(self.query)}" if self.query else self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks."""

    token: Token

    @property
    def admin(self) -> bool:
        """Whoever sees and changes everybody."""
        return self.token.role is not Role.USER

    @property
    def may_skip(self) -> bool:
        """Whether `skip_confirmation` counts: for site and account administrators alone."""
        return self.token.role in {Role.SITE_ADMIN, Role.ACCOUNT_ADMIN}

    @property
    def site_admin(self) -> bool:
        """The only ones who see bounces."""
        return self.token.role is Role.SITE_ADMIN

    def may_manage(self, user: User) -> bool:
        """Administrators everybody, a user only itself."""
        return self.admin or user.id == self.token.user_id
