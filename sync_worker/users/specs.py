"""Which users: the SPEC of `--users` and of the configuration, parsed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Protocol

from sync_worker.canvas.wire import number_of
from sync_worker.channels import RefKind, UserRef
from sync_worker.errors import SourceError
from sync_worker.paths import expanded
from sync_worker.users.refs import KINDS, reference

FORMS: Final = "account:self, account:ID, file:PATH.csv|.ndjson|.txt, id:N,N…, sis:ID,ID…, query:FILE.sql, self"


_SCHEMES: Final = ("account", "file", "query", "self", *KINDS)
_BY_ENDING: Final = {".csv": "file", ".ndjson": "file", ".txt": "file", ".sql": "query"}
"""What a bare path probably is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSpec:
    """All users of an account: the only source that is a listing."""

    account: str  # `self`, a number, or `sis_account_id:X`

    @property
    def text(self) -> str:
        """The spec in its normal form."""
        return f"account:{self.account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """The users that a file names."""

    path: Path

    @property
    def text(self) -> str:
        """The spec in its normal form."""
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySpec:
    """What a query of the user's own on the mirror returns: users here, a desired state elsewhere."""

    path: Path  # of a file of SQL

    @property
    def text(self) -> str:
        """The spec in its normal form."""
        return f"query:{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSpec:
    """Users named in the spec itself, each once, in the order given."""

    refs: tuple[UserRef, ...]  # all of one kind

    @property
    def text(self) -> str:
        """The spec in its normal form."""
        kind = self.refs[0].kind
        return "self" if kind is RefKind.SELF else f"{kind}:{','.join(ref.value for ref in self.refs)}"


Spec = AccountSpec | FileSpec | QuerySpec | NamedSpec


class Configured(Protocol):
    """What of an instance's configuration is needed here."""

    @property
    def users(self) -> tuple[str, ...]:
        """Its specs."""

    @property
    def account(self) -> str:
        """What `account:self` means."""

    def place(self, *keys: str | int) -> str:
        """Where one of its settings is written, for messages."""


def configured(instance: Configured, users: Sequence[str] = ()) -> tuple[Spec, ...]:
    """The sources of an instance, or `users` instead of them; `account:self` means the account of the instance.

    Raises:
        SourceError: one of them is none.
    """
    specs = [parse_spec(text) for text in users] if users else _written(instance)
    own = AccountSpec(account="self")
    return tuple(AccountSpec(account=instance.account) if spec == own else spec for spec in specs)


def _written(instance: Configured) -> list[Spec]:
    """The specs of the configuration; a mistake is told with its place there."""
    specs: list[Spec] = []
    for number, text in enumerate(instance.users):
        try:
            specs.append(parse_spec(text))
        except SourceError as error:
            place = instance.place("users", number)
            raise SourceError(
                error.what, where=": ".join(filter(None, (place, error.where))), hint=error.hint
            ) from error
    return specs


def listing(spec: Spec) -> str | None:
    """The account whose complete listing this spec walks; None where it walks no listing."""
    return spec.account if isinstance(spec, AccountSpec) else None


def parse_spec(text: str) -> Spec:
    """A SPEC as users write it.

    Raises:
        SourceError: it is none; the hint lists the forms.
    """
    text = text.strip()
    if text == "self":
        return NamedSpec(refs=(UserRef(kind=RefKind.SELF, where=text),))
    scheme, _, rest = text.partition(":")
    if not rest.strip():
        raise _no_spec(text)
    if scheme == "account":
        return AccountSpec(account=_account(rest.strip(), text))
    if scheme == "file":
        return FileSpec(path=expanded(rest))
    if scheme == "query":
        return QuerySpec(path=expanded(rest))
    if scheme not in KINDS:
        raise _no_spec(text)
    refs = (reference(KINDS[scheme], value, text) for value in rest.split(","))
    return NamedSpec(refs=tuple(dict.fromkeys(refs)))


def _account(account: str, text: str) -> str:
    if account == "self" or number_of(account) is not None:
        return account
    if account.startswith("sis_account_id:") and account.isprintable():
        return account
    raise SourceError(f"{account[:40]!r} is no account", where=text, hint="Write account:self or account:1")


def _no_spec(text: str) -> SourceError:
    meant = _meant(text)
    guess = f"Did you mean {meant[:80]}? " if meant and meant.isprintable() else ""
    return SourceError(f"{text[:80]!r} says no users", hint=f"{guess}Write one of {FORMS}")


def _meant(text: str) -> str:
    """The spec that a text without a good scheme may stand for; empty where none is near."""
    if number_of(text.partition(",")[0]) is not None:
        return f"id:{text}"
    by_ending = next((scheme for ending, scheme in _BY_ENDING.items() if text.endswith(ending)), "")
    scheme, colon, rest = text.partition(":")
    if by_ending and not colon:
        return f"{by_ending}:{text}"
    near = next(iter(get_close_matches(scheme.strip().lower(), _SCHEMES, n=1, cutoff=0.7)), "")
    if near == "self":
        return near
    rest = rest.strip() or ("self" if near == "account" else "")
    return f"{near}:{rest}" if near and rest else ""
