"""What the launcher and the supervisor are told: values, and how they cross a process boundary."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """How the server behaves. Whoever starts it decides; who joins a running server takes it as it is."""

    idle_seconds: float = 5.0  # from the last user's end to the server's stop
    durable: bool = True  # False: a throwaway server that a power cut may destroy


@dataclass(frozen=True, kw_only=True)
class Order:
    """One supervisor's task."""

    folder: Path  # the server's home, see `home.Home`
    binaries: Path  # the folder with postgres, initdb and psql
    major: int  # their major version
    owner_lock: int  # descriptor, inherited, already locked: holding it is being the supervisor
    options: ServerOptions

    def to_text(self) -> str:
        """JSON, for the command line."""
        return json.dumps(asdict(self) | {"folder": str(self.folder), "binaries": str(self.binaries)})

    @classmethod
    def from_text(cls, text: str) -> "Order":
        """The inverse of `to_text`."""
        fields = json.loads(text)
        return cls(
            folder=Path(fields["folder"]),
            binaries=Path(fields["binaries"]),
            major=fields["major"],
            owner_lock=fields["owner_lock"],
            options=ServerOptions(**fields["options"]),
        )
