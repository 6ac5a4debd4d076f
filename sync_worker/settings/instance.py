"""One Canvas as the program uses it: defaults and overrides merged, secrets read when asked for."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import Field, SecretStr

from sync_worker.errors import ConfigError
from sync_worker.settings.addresses import origin
from sync_worker.settings.exposure import Secret
from sync_worker.settings.lines import Place
from sync_worker.settings.secrets import read_secret
from sync_worker.settings.tables import BrakeTable, DesiredTable, GuardsTable, InstanceTable, Table
from sync_worker.settings.trust import trusting

SecretSink = Callable[[str], None]
"""Is told every secret as it is read, so that logs can hide it."""

Written = Callable[[Place], str]
"""Says where a setting is written: a variable, or a file with the setting's name."""

T = TypeVar("T", bound=Table)

_FILES: Final = ("token_file", "write_token_file", "oauth.client_secret_file", "oauth.refresh_token_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What access tokens that live an hour are asked for with."""

    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr


class Instance(InstanceTable):
    """An `[instances.NAME]` whose `.desired`, `.guards` and `.brake` are final."""

    name: str
    on_secret: SecretSink = Field(exclude=True, repr=False)
    written: Written = Field(exclude=True, repr=False)
    placed: Written = Field(exclude=True, repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        table: InstanceTable,
        *,
        defaults: tuple[DesiredTable, GuardsTable, BrakeTable],
        on_secret: SecretSink,
        written: Written,
        placed: Written,
    ) -> "Instance":
        """`table` with the top-level tables `defaults` under its own."""
        desired, guards, brake = defaults
        merged = {
            "name": name,
            "desired": _switched_off_without_file(overlay(desired, table.desired)),
            "guards": overlay(guards, table.guards),
            "brake": overlay(brake, table.brake),
            "on_secret": on_secret,
            "written": written,
            "placed": placed,
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
            "no token",
            where=f"instances.{self.name}",
            hint=f"Write token_file (better) or token in this table, or a table [instances.{self.name}.oauth]",
        )

    def read_access(self) -> SecretStr | Grant:
        """The token for reading, or what such tokens are asked for with.

        Raises:
            ConfigError: there is neither, or a file cannot be used.
        """
        oauth = self.oauth
        if oauth.client_id is None:
            return self.read_token()
        return Grant(
            client_id=oauth.client_id,
            client_secret=self._secret(oauth.client_secret, oauth.client_secret_file, "oauth.client_secret_file"),
            refresh_token=self._secret(oauth.refresh_token, oauth.refresh_token_file, "oauth.refresh_token_file"),
        )

    def write_access(self) -> SecretStr | Grant:
        """The same for writing: the token of `write_token_file`, without it what reading uses.

        Raises:
            ConfigError: there is none, or its file cannot be used.
        """
        if self.write_token_file is None:
            return self.read_access()
        return self._from_file(self.write_token_file, "write_token_file")

    def token_source(self, *, writing: bool = False) -> str:
        """Where the token, or what renews it, is written: a file, a variable or a setting; never the token itself."""
        if writing and self.write_token_file is not None:
            return str(self.write_token_file)
        if self.oauth.client_id is not None:
            return str(self.oauth.refresh_token_file or self._place("oauth", "refresh_token"))
        return str(self.token_file or self._place("token"))

    def tls(self) -> ssl.SSLContext | None:
        """Whose certificates are believed; None: those of the authorities that the system trusts.

        Raises:
            ConfigError: `ca_file` cannot be used.
        """
        return None if self.ca_file is None else trusting(self.ca_file, setting=f"instances.{self.name}.ca_file")

    def secret_files(self) -> Iterator[Secret]:
        """The files that hold secrets of this instance."""
        for key in _FILES:
            table, _, name = key.rpartition(".")
            path = getattr(self.oauth if table else self, name)
            if path is not None:
                yield Secret(setting=f"instances.{self.name}.{key}", path=path)

    def place(self, *keys: str | int) -> str:
        """Where a setting of this instance is written: a variable, or file, line and setting."""
        return self.placed(("instances", self.name, *keys))

    def _place(self, *keys: str) -> str:
        return self.written(("instances", self.name, *keys))

    def _secret(self, value: SecretStr | None, path: Path | None, key: str) -> SecretStr:
        if value is not None:
            return self._told(value)
        if path is None:
            raise ConfigError("neither this nor the secret itself is set", where=f"instances.{self.name}.{key}")
        return self._from_file(path, key)

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
