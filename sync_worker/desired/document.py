"""Reading a desired state out of a file of any size; the one module of the desired state that opens files.

`check` reads a document to its end and raises all that is wrong with it at once. `read` gives the same stream with the
mistakes as values, for whoever stages it; what stands twice is then for `rules.check_user` to find, group by group.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sync_worker.desired.entries import Entry, Item, Terms
from sync_worker.desired.formats.from_csv import read_csv
from sync_worker.desired.formats.from_json import read_json
from sync_worker.desired.formats.from_ndjson import read_ndjson
from sync_worker.desired.formats.from_yaml import read_yaml
from sync_worker.desired.problems import Problem, Problems
from sync_worker.desired.repeats import Repeats
from sync_worker.errors import DocumentError
from sync_worker.paths import expanded
from sync_worker.users.specs import QuerySpec

_Reader = Callable[[BinaryIO, str, Terms], Iterator[Item | Problem]]

_FORMS: Final[Mapping[str, _Reader]] = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".json": read_json,
    ".ndjson": read_ndjson,
    ".jsonl": read_ndjson,
    ".csv": read_csv,
    ".tsv": read_csv,
}

_ELSEWHERE: Final[Mapping[str, str]] = {
    ".toml": "; a configuration is checked by: sync-worker --config FILE validate",
    ".sql": "; a query is named as query:FILE.sql",
}
"""Where files belong that are no documents."""

SUFFIXES: Final = tuple(_FORMS)
"""How the names of documents end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A document without errors."""

    users: int
    entries: int
    warnings: tuple[Problem, ...]  # the first ones
    warning_count: int
    digest: str  # sha256 of the file, hex


def named(text: str) -> Path | QuerySpec:
    """The document that the command line or the configuration names: a file, or `query:FILE.sql`.

    Raises:
        DocumentError: no file stands behind `query:`.
    """
    scheme, _, rest = text.partition(":")
    if scheme != "query":
        return Path(text)
    if not rest.strip():
        raise DocumentError("no file stands behind query:", where="the desired state", hint="Write query:FILE.sql")
    return QuerySpec(path=expanded(rest))


def read(path: Path, terms: Terms | None = None) -> Iterator[Item | Problem]:
    """All that a document says, in its order; a mistake is a value in the stream, and ends nothing.

    Args:
        path: its suffix tells the form (`SUFFIXES`).
        terms: what holds where the document says nothing.

    Raises:
        DocumentError: the file cannot be read, or is of no known form.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        hint = f"Known are {', '.join(SUFFIXES)}" + _ELSEWHERE.get(path.suffix.lower(), "")
        raise DocumentError(f"unknown kind of file {path.suffix!r}", where=str(path), hint=hint)
    try:
        with path.open("rb") as file:
            yield from form(file, path.name, terms or Terms())
    except OSError as error:
        raise _unreadable(path, error) from error


def check(path: Path, terms: Terms | None = None, *, with_warnings: bool = False) -> Checked:
    """Read a document to its end.

    Raises:
        DocumentError: it cannot be read, or has errors: all of them, one line each (`Problems.raise_errors`); then the
            warnings, where they are asked for.
    """
    problems = Problems(name=path.name)
    entries = 0
    with Repeats(phone_region=terms.phone_region if terms else None) as repeats:
        for item in repeats.watch(problems.sift(read(path, terms))):
            entries += isinstance(item, Entry)
        for problem in repeats.problems():
            problems.add(problem)
    problems.raise_errors(with_warnings=with_warnings)
    return Checked(
        users=repeats.users,
        entries=entries,
        warnings=tuple(problems.warnings),
        warning_count=problems.warning_count,
        digest=digest(path),
    )


def digest(path: Path) -> str:
    """sha256 (hex) of a file's contents.

    Raises:
        DocumentError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DocumentError:
    return DocumentError(f"the file cannot be read ({error.strerror})", where=str(path))
