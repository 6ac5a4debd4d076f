"""Whether a source is still the same one: an unfinished run goes on only over the users it began with."""

import hashlib
from collections.abc import Iterable

from sync_worker.errors import SourceError
from sync_worker.mirror.foreign import load
from sync_worker.users.files import check_file
from sync_worker.users.specs import FileSpec, NamedSpec, QuerySpec, Spec


def fingerprint(specs: Iterable[Spec]) -> str:
    """sha256 (hex) over the specs in normal form and the contents of their files.

    The order of the specs, and the place of a file, do not matter: they name the same users. Every file is
    also checked to its end here, so that a run never starts on a bad one. Of a query the text counts, not its rows:
    the run itself changes the mirror, and an interrupted one is to go on. Reads from disk, some seconds for millions
    of lines: call it from a thread where others wait.

    Raises:
        SourceError: a file cannot be read or has mistakes.
    """
    parts = sorted({_part(spec) for spec in specs})
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _part(spec: Spec) -> str:
    if isinstance(spec, FileSpec):
        check_file(spec.path)
        with spec.path.open("rb") as file:
            return f"file{spec.path.suffix.lower()}:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if isinstance(spec, QuerySpec):
        return f"query:{hashlib.sha256(load(spec.path, SourceError).text.encode()).hexdigest()}"
    if isinstance(spec, NamedSpec):
        return ",".join(sorted(str(ref) for ref in spec.refs))
    return spec.text
