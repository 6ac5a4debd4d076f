"""Every kind of trouble that a run has to live with, at once: the fault matrix, kind by kind, for a part of all users.

Without the kinds that end a run where ten users in a row meet them (a refused token or program), that are everybody's
(nobody listens, a blocked token), that need several pages, and that nobody can tell from the truth about a user who is
new (an empty list, a clear 404).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from sync_worker.sandbox import Fault
from sync_worker.sandbox.dice import share
from tests.faults.expected import READS, cells
from tests.faults.trouble import ALONE, KINDS, Spot

LISTS: Final = "list_channels"
LISTINGS: Final = "list_users"
LIKE_THE_TRUTH: Final = frozenset({"404 JSON", "empty list"})
EVERYBODYS: Final = frozenset({*ALONE, "blocked token"})
ELSEWHERE: Final = "http://127.0.0.1:9"
"""Nobody is there, and nobody is to ask there."""

PART: Final = 0.05
"""Of all users, that each kind strikes, once. Also of the pages of the list of users, but all kinds together: a page
that is struck five times in a row ends the run, as it has to."""

REFUSED_PART: Final = 0.0005
"""Of all users, that each kind of refusal strikes. A refusal holds everybody up for half a second at least, which is
its purpose: one in twenty of each kind would be hours of waiting."""


def _ending(column: str, *, exit_code: int) -> list[str]:
    """The kinds that end so if the first such request meets them."""
    ends = {cell.kind: READS.get(cell.word) for cell in cells() if cell.once and cell.column == column}
    return [kind for kind in KINDS if (end := ends.get(kind)) and end.exit == exit_code]


REFUSALS: Final = tuple(kind for kind in KINDS if kind.startswith(("403 throttle", "429")))
"""The throttle's: waited for, and counted as no attempt."""

PASSING: Final = tuple(
    kind for kind in _ending("list 1", exit_code=0) if kind not in {*REFUSALS, *LIKE_THE_TRUTH, *EVERYBODYS}
)
"""What another attempt gets over."""

IN_A_ROW: Final = frozenset({"401 WWW-Authenticate", "403 User-Agent"})
"""Ten users in a row end a run."""

PERSONAL: Final = tuple(kind for kind in _ending("list 1", exit_code=3) if kind not in IN_A_ROW)
"""What Canvas says clearly, or says wrongly, about one user: not asked for again in this run, and named."""

LASTING: Final[Mapping[str, tuple[str, float]]] = {"401, always": ("401", 0.01), "500, always": ("500", 0.002)}
"""Kind and part of the users: whom the token may never read, and with whom Canvas always has trouble."""


def faults(part: float) -> Iterator[dict[str, Any]]:
    """All of it, in the order in which a request is tried against it; each kind strikes `part` of the users once."""
    for name, (kind, lasting) in LASTING.items():
        yield _rule(kind, LISTS, name=name, user_share=lasting, salt=_salt(name))
    for kind in (*REFUSALS, *PASSING, *PERSONAL):
        of_users = REFUSED_PART if kind in REFUSALS else part
        yield _rule(kind, LISTS, name=kind, user_share=of_users, times_per_user=1, salt=_salt(kind))
    for place, kind in enumerate(PASSING):
        # each rule sees what the ones before it have not struck, and all are to strike equally often
        of_pages = part / len(PASSING) / (1 - part * place / len(PASSING))
        yield _rule(kind, LISTINGS, name=f"{kind}, users", share=of_pages, salt=_salt(kind))


def hopeless(user_id: int, part: float) -> bool:
    """Whether a run with these faults has to name this user."""
    lasting = any(share("fault", _salt(name), user_id) < of_users for name, (_, of_users) in LASTING.items())
    return lasting or any(_meets(user_id, kind, part) for kind in PERSONAL)


def strikes(user_id: int, part: float) -> int:
    """How many attempts to read this user at most meet trouble that passes."""
    return sum(_meets(user_id, kind, part) for kind in PASSING)


def _meets(user_id: int, kind: str, part: float) -> bool:
    return share("fault", _salt(kind), user_id) < part


def _salt(name: str) -> int:
    """Another one for each name, so that each strikes users of its own."""
    return [*KINDS, *LASTING].index(name)


def _rule(kind: str, route: str, **which: Any) -> dict[str, Any]:
    lists = route == LISTS
    spot = Spot(route=route, before=(route, None), is_list=True, has_owner=lists, elsewhere=ELSEWHERE)
    fault = KINDS[kind](spot)
    assert isinstance(fault, Fault)
    return asdict(replace(fault, **which)) | {"user_ids": []}
