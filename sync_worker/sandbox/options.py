"""Every knob of the sandbox, with a default that is a hosted Canvas on a good day."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sync_worker.sandbox.bucket import BucketLimits

DeletedUserAnswer = Literal["404", "401", "empty"]
HeaderCase = Literal["lower", "original"]


class Role(StrEnum):
    """What the owner of a token may do."""

    SITE_ADMIN = "site_admin"  # everything; sees bounce fields
    ACCOUNT_ADMIN = "account_admin"  # lists users, may skip confirmation; sees no bounce fields
    SUPPORT = "support"  # sees and changes everybody's channels; `skip_confirmation` is silently ignored
    USER = "user"  # only its own channels; `skip_confirmation` is silently ignored


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxOptions:
    """Frozen; times in seconds, costs in bucket units, shares between 0 and 1."""

    # --- the school
    users: int = 200  # how many are generated
    seed: int = 1  # the same seed gives the same school, costs and times
    shard: int = 1  # global ids are shard * 10^13 + local id
    # --- where it listens, who may come in
    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    token: str = "sandbox-token"  # noqa: S105  (opens nothing but this simulation)
    token_role: Role = Role.SITE_ADMIN
    # --- tokens that end (OAuth2), of the same owner
    client_id: str = "10000000000001"  # of the developer key
    client_secret: str = "sandbox-client-secret"  # noqa: S105  (opens nothing but this simulation)
    refresh_token: str = "sandbox-refresh-token"  # noqa: S105  (as above)
    access_token_seconds: float = 3600.0  # how long they live
    access_token_requests: int | None = None  # they end after so many requests, which nobody announces; None: never
    require_user_agent: bool = True  # without one: 403, as hosted Canvas since January 2026
    # --- throttling
    throttle: bool = True  # False: no refusals, both headers absent
    high_water_mark: float = 600.0  # units
    maximum: float = 800.0  # units
    outflow: float = 10.0  # units a second
    up_front_cost: float = 50.0  # units a request, while it runs
    mean_cost: float = 0.08  # units a request; log-normal, arithmetic mean
    mean_server_time: float = 0.06  # seconds a request holds its reservation; log-normal; 0: no sleep at all
    sigma: float = 0.5  # of both logarithms
    network_time: float = 0.0  # seconds a round trip, half before and half after; holds no reservation
    refusal_status: int = 403  # or 429, as newer installations
    retry_after: bool = False  # send Retry-After (whole seconds) with a refusal
    # --- how answers look
    per_page_cap: int = 100  # 50 on older installations
    bookmark_links: bool = True  # the user listing: bookmarks; False: numbered pages
    last_link_share: float = 0.5  # of the numbered lists, those that count themselves and give rel="last"
    header_case: HeaderCase = "lower"  # original: X-Rate-Limit-Remaining, as before 2024
    bounce_visible: bool = True  # bounce fields for site administrators
    bounce_count_visible: bool = True  # bounce_count among them (documented, often absent)
    deleted_user_answer: DeletedUserAnswer = "404"  # deleted and merged users asked for by number
    # --- what may be changed
    push_allowed: bool = False  # SNS is configured for the developer key
    edit_institution_email: bool = False  # channels from a SIS import may be deleted
    max_channels: int = 100  # unretired channels a user, counted at a create
    max_recent_channels: int | None = None  # account setting: channels retired in the last hour count too

    def bucket_limits(self) -> BucketLimits:
        """The bucket's part of the options."""
        return BucketLimits(
            high_water_mark=self.high_water_mark,
            maximum=self.maximum,
            outflow=self.outflow,
            up_front_cost=self.up_front_cost,
        )
