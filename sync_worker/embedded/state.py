"""What the supervisor tells those who wait for the server: it runs, or it could not be started."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sync_worker.errors import ConfigError, DatabaseUnreachable, SyncWorkerError

_ERRORS: dict[str, type[SyncWorkerError]] = {"config": ConfigError, "database": DatabaseUnreachable}


@dataclass(frozen=True, kw_only=True)
class Running:
    """The server accepts connections on a socket in this folder."""

    socket_folder: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The server could not be started; the fields are an error's, so that it can be raised elsewhere."""

    kind: str  # a key of the table above
    what: str
    where: str
    hint: str

    @classmethod
    def of(cls, error: SyncWorkerError) -> "Failed":
        """The value that `error` gives again."""
        kind = "config" if isinstance(error, ConfigError) else "database"
        return cls(kind=kind, what=error.what, where=error.where, hint=error.hint)

    def error(self) -> SyncWorkerError:
        """The error, to be raised by the process that waited."""
        return _ERRORS[self.kind](self.what, where=self.where, hint=self.hint)


def write(path: Path, state: Running | Failed) -> None:
    """Replace the state in one step: a reader sees the old one or the new one, whole."""
    name = "running" if isinstance(state, Running) else "failed"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({name: asdict(state)}), encoding="utf-8")
    draft.replace(path)


def read(path: Path) -> Running | Failed | None:
    """The state; None where there is none, or none that can be read."""
    try:
        ((name, fields),) = json.loads(path.read_text(encoding="utf-8")).items()
        return Running(**fields) if name == "running" else Failed(**fields)
    except (FileNotFoundError, ValueError, TypeError, AttributeError):  # AttributeError: no object
        return None


def clear(path: Path) -> None:
    """Say nothing any more."""
    path.unlink(missing_ok=True)
