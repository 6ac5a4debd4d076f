"""What the sandbox has seen, for tests to assert on."""

from collections import Counter
from dataclasses import dataclass, field, fields

from sync_worker.sandbox.model import Json


@dataclass(slots=True, kw_only=True)
class Counters:
    """Plain numbers since the start or the last `reset`; control requests are never counted."""

    requests: int = 0  # all, refused ones included
    refusals: int = 0  # answered by the throttle, scripted and block-listed ones included
    unauthorised: int = 0  # answers with status 401, of both kinds
    messages: int = 0  # confirmation messages to real people
    faults: int = 0  # requests that a scripted fault struck
    in_flight: int = 0  # now holding a reservation
    max_in_flight: int = 0
    open: int = 0  # now open, network time included
    max_open: int = 0
    cookies_returned: int = 0  # requests that carried a cookie back
    authorization_seen: bool | None = None  # whether the last request had an Authorization header
    by_route: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)  # requests struck, by the fault's name
    channel_lists: Counter[int] = field(default_factory=Counter)  # by user id; each page counts
    writes: Counter[int] = field(default_factory=Counter)  # by user id; every writing request that was let in

    def opened(self) -> None:
        """A request has come in."""
        self.requests += 1
        self.open += 1
        self.max_open = max(self.max_open, self.open)

    def admitted(self) -> None:
        """A request has its reservation."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def answered(self, status: int) -> None:
        """A request has its answer."""
        self.by_status[status] += 1
        self.unauthorised += status == 401  # noqa: PLR2004  (the status is the name)

    def reset(self) -> None:
        """Begin again; what is open now stays so."""
        fresh = Counters(in_flight=self.in_flight, open=self.open)
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))

    def as_json(self) -> Json:
        """All of it but what is counted for each user, which may be long: `users_read` says for how many."""
        body: Json = {each.name: getattr(self, each.name) for each in fields(self)}
        lists = body.pop("channel_lists")
        del body["writes"]
        return {**body, "users_read": len(lists)}
