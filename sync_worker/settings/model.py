"""`Settings`: the whole configuration, one frozen value."""

import os
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from sync_worker.errors import ConfigError
from sync_worker.settings.exposure import Secret, exposures
from sync_worker.settings.instance import Instance, SecretSink, Written
from sync_worker.settings.lines import Place
from sync_worker.settings.secrets import read_secret
from sync_worker.settings.tables import (
    BrakeTable,
    DatabaseTable,
    DesiredTable,
    GuardsTable,
    InstanceTable,
    LogsTable,
    MetricsTable,
    Name,
    NotifyTable,
    RetentionTable,
    RunTable,
    ScheduleTable,
    WebTable,
    check_direct_url,
    check_mirror_url,
)

ENV_PREFIX = "SYNC_WORKER_"
EMBEDDED = "embedded"


def ignore_secret(_secret: str) -> None:
    """Nobody wants to know about secrets."""


def dotted(place: Place) -> str:
    """The keys that lead to a setting, as people write them."""
    return ".".join(map(str, place))


class Settings(BaseSettings):
    """The configuration; `load_settings` makes one out of file and environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    database: DatabaseTable = DatabaseTable()
    instances: dict[Name, InstanceTable] = Field(default_factory=dict)
    desired: DesiredTable = DesiredTable()
    guards: GuardsTable = GuardsTable()
    brake: BrakeTable = BrakeTable()
    run: RunTable = RunTable()
    retention: RetentionTable = RetentionTable()
    schedule: tuple[ScheduleTable, ...] = ()
    notify: NotifyTable = NotifyTable()
    metrics: MetricsTable = MetricsTable()
    web: WebTable = WebTable()
    logs: LogsTable = LogsTable()

    _file: Path | None = PrivateAttr(default=None)
    _secret_written: bool = PrivateAttr(default=False)
    _on_secret: SecretSink = PrivateAttr(default_factory=lambda: ignore_secret)
    _written: Written = PrivateAttr(default_factory=lambda: dotted)
    _placed: Written = PrivateAttr(default_factory=lambda: dotted)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` merged: the process's own environment is never read behind its back."""
        return (init_settings,)

    def bind(
        self, file: Path | None, on_secret: SecretSink, *, secret_written: bool, written: Written, placed: Written
    ) -> Self:
        """Say, once, which file these settings are from, whether it holds a secret, and whom to tell about secrets.

        Args:
            file: None where the environment said everything.
            on_secret: is told every secret.
            secret_written: the file holds one.
            written: says where a setting is written.
            placed: the same as the head of a message about a mistake, with the line.
        """
        self._file, self._on_secret, self._secret_written = file, on_secret, secret_written
        self._written, self._placed = written, placed
        return self

    @property
    def file(self) -> Path | None:
        """The file it came from; None where the environment said everything."""
        return self._file

    def instance(self, name: str) -> Instance:
        """The instance `name`, merged and resolved.

        Raises:
            ConfigError: there is none of that name; the message lists those there are.
        """
        if name in self.instances:
            return self._resolved[name]
        known = ", ".join(self.instances) or "none"
        raise ConfigError(f"there is no instance {name!r}; configured: {known}", where=str(self.file or ""))

    @cached_property
    def _resolved(self) -> dict[str, Instance]:
        defaults = (self.desired, self.guards, self.brake)
        return {
            name: Instance.of(
                name,
                table,
                defaults=defaults,
                on_secret=self._on_secret,
                written=self._written,
                placed=self._placed,
            )
            for name, table in self.instances.items()
        }

    def exposed(self) -> list[str]:
        """A sentence, with the remedy, for each file with a secret that others on this machine can read."""
        mine = chain(self._secret_files(), *(each.secret_files() for each in self._resolved.values()))
        return list(exposures(mine, os.geteuid()))

    def _secret_files(self) -> Iterator[Secret]:
        if self._file is not None and self._secret_written:
            yield Secret(setting="configuration", path=self._file)
        for key in ("url_file", "direct_url_file"):
            path = getattr(self.database, key)
            if path is not None:
                yield Secret(setting=f"database.{key}", path=path)

    def database_url(self) -> SecretStr:
        """`embedded`, `embedded:DIR` or a PostgreSQL URL; the file of `url_file` is read anew each time.

        Raises:
            ConfigError: the file cannot be used.
        """
        database = self.database
        if database.url_file is None:
            return self._told(database.url or SecretStr(EMBEDDED))
        return self._told(_url_of(database.url_file, "database.url_file", check_mirror_url))

    def direct_database_url(self) -> SecretStr:
        """The URL for the lock's own connection: `direct_url`, without it the usual one.

        Raises:
            ConfigError: the file cannot be used.
        """
        database = self.database
        if database.direct_url is not None:
            return self._told(database.direct_url)
        if database.direct_url_file is not None:
            return self._told(_url_of(database.direct_url_file, "database.direct_url_file", check_direct_url))
        return self.database_url()

    def heartbeat_url(self) -> SecretStr | None:
        """The URL that is called after each run; None: none is."""
        url = self.notify.heartbeat_url
        if url is not None:
            self._on_secret(urlsplit(url.get_secret_value()).path.strip("/"))
        return url

    def _told(self, url: SecretStr) -> SecretStr:
        for part in passwords(url.get_secret_value()):
            self._on_secret(part)
        return url


def _url_of(path: Path, setting: str, check: Callable[[SecretStr], SecretStr]) -> SecretStr:
    """The URL in a file, checked like one in the configuration."""
    try:
        return check(read_secret(path, setting=setting))
    except ValueError as problem:
        raise ConfigError(f"the URL in {path} {problem}", where=setting) from None


def passwords(url: str) -> set[str]:
    """The password in a database URL, as written and as meant; empty where it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return set()
    written = [parts.password or "", *parse_qs(parts.query).get("password", ())]
    return {form for password in written if password for form in (password, unquote(password))}
