"""Who is in the school, and how to find them quickly.

Listings stay cheap for 200,000 users: for each account a sorted list of the ids that its listing shows (its own and
its descendants'), from which deleted and merged users are taken out.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

from sync_worker.sandbox.identify import RefKind, UserRef
from sync_worker.sandbox.model import Account, Channel, User

ROOT_ACCOUNT = 1


class Registry:
    """Users, channels and accounts with their indexes; no rule of Canvas but "deleted users vanish"."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.accounts = {account.id: account for account in accounts}
        self.users: dict[int, User] = {}
        self.channels: dict[int, Channel] = {}
        self._listed: dict[int, list[int]] = {account_id: [] for account_id in self.accounts}
        self._indexes: dict[RefKind, dict[str, User]] = {
            RefKind.SIS: {},
            RefKind.LOGIN: {},
            RefKind.INTEGRATION: {},
        }

    def listed(self, account_id: int) -> list[int]:
        """The ids that this account's listing shows, ascending; not to be changed."""
        return self._listed[account_id]

    def find(self, ref: UserRef | None, *, me: int | None = None) -> User | None:
        """The user that a reference names; by number also a deleted one, by a SIS form only a present one."""
        if ref is None:
            return None
        if ref.kind is RefKind.NUMBER:
            return self.users.get(ref.number)
        if ref.kind is RefKind.SELF:
            return None if me is None else self.users.get(me)
        return self._by_identifier(ref)

    def enrol(self, user: User) -> None:
        """Take a user (back) in: into the listings and under its identifiers."""
        self.users[user.id] = user
        for channel in user.channels:
            self.channels[channel.id] = channel
        for account_id in self._lineage(user.account_id):
            _insert(self._listed[account_id], user.id)
        self.point_identifiers(user, at=user)

    def withdraw(self, user: User) -> None:
        """Take a user out of every listing; it can still be found by number."""
        for account_id in self._lineage(user.account_id):
            ids = self._listed[account_id]
            del ids[bisect_left(ids, user.id)]

    def point_identifiers(self, user: User, *, at: User) -> None:
        """Let the identifiers of one user find another (a merge moves logins) or itself."""
        for kind, value in _identifiers(user).items():
            if value:
                self._indexes[kind][_fold(kind, value)] = at

    def release_sis_id(self, sis_user_id: str) -> None:
        """Free a SIS id for somebody else; whoever had it has none now."""
        holder = self._indexes[RefKind.SIS].pop(sis_user_id, None)
        if holder is not None and holder.sis_user_id == sis_user_id:
            holder.sis_user_id = None

    def _by_identifier(self, ref: UserRef) -> User | None:
        user = self._indexes[ref.kind].get(_fold(ref.kind, ref.value))
        return user if user is not None and user.state == "present" else None

    def _lineage(self, account_id: int) -> list[int]:
        lineage: list[int] = []
        parent: int | None = account_id
        while parent is not None:
            lineage.append(parent)
            parent = self.accounts[parent].parent_id
        return lineage


def _insert(ids: list[int], user_id: int) -> None:
    if ids and ids[-1] >= user_id:
        insort(ids, user_id)
    else:
        ids.append(user_id)


def _identifiers(user: User) -> dict[RefKind, str | None]:
    return {
        RefKind.SIS: user.sis_user_id,
        RefKind.LOGIN: user.login_id,
        RefKind.INTEGRATION: user.integration_id,
    }


def _fold(kind: RefKind, value: str) -> str:
    return value.lower() if kind is RefKind.LOGIN else value
