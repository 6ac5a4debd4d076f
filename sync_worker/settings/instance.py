"""One Canvas as the program uses it: defaults and overrides merged, secrets read when asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr

from sync_worker.errors import ConfigError
from sync_worker.settings.addresses import origin
from sync_worker.settings.secrets import read_secret
from sync_worker.settings.tables import BrakeTable, DesiredTable, GuardsTable, InstanceTable, Table

SecretSink = Callable[[str], None]
"""Is told every secret as it is read, so that logs can hide it."""

T = TypeVar("T", bound=Table)


class Instance(InstanceTable):
    """An `[instances.NAME]` whose `.desired`, `.guards` and `.brake` are final."""

    name: str
    on_secret: SecretSink = Field(exclude=True, repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        table: InstanceTable,
        *,
        defaults: tuple[DesiredTable, GuardsTable, BrakeTable],
        on_secret: SecretSink,
    ) -> "Instance":
        """`table` with the top-level tables `defaults` under its own."""
        desired, guards, brake = defaults
        merged = {
            "name": name,
            "desired": _switched_off_without_file(overlay(desired, table.desired)),
            "guards": overlay(guards, table.guards),
            "brake": overlay(brake, table.brake),
            "on_secret": on_secret,
        }
        return cls.model_construct(**{**dict(table), **merged})

    @property
    def origin(self) -> str:
        """Scheme, lower-case host and port, without the scheme's own port: what the token is for."""
        return origin(self.base_url)

    def read_token(self) -> SecretStr:
        """The token for reading, from the file anew each time.

        Raises:
            ConfigError: there is none, or its file cannot be used.
        """
        if self.token is not None:
            return self._told(self.token)
        if self.token_file is not None:
            return self._from_file(self.token_file, "token_file")
        raise ConfigError(
            "no token", where=f"instances.{self.name}", hint="Write token_file (better) or token in this table"
        )

    def write_token(self) -> SecretStr:
        """The token for writing: that of `write_token_file`, without it the one for reading.

        Raises:
            ConfigError: there is none, or its file cannot be used.
        """
        if self.write_token_file is None:
            return self.read_token()
        return self._from_file(self.write_token_file, "write_token_file")

    def _from_file(self, path: Path, key: str) -> SecretStr:
        return self._told(read_secret(path, setting=f"instances.{self.name}.{key}"))

    def _told(self, secret: SecretStr) -> SecretStr:
        self.on_secret(secret.get_secret_value())
        return secret


def overlay(below: T, above: T) -> T:
    """`below`, with the keys that were written in `above` over it."""
    return below.model_copy(update={key: getattr(above, key) for key in above.model_fields_set})


def _switched_off_without_file(desired: DesiredTable) -> DesiredTable:
    """Without a file there is nothing to plan: `apply` is off."""
    return desired if desired.file is not None else desired.model_copy(update={"apply": "off"})
