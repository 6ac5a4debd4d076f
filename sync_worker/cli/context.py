"""What the global options said, and what every command starts from."""

import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import typer

from sync_worker.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from sync_worker.settings import Instance, Settings

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CliContext:
    """The global options; settings are loaded when a command asks for them."""

    config: Path | None = None  # --config
    instances: tuple[str, ...] = ()  # --instance, empty: all
    log_format: LogFormat | None = None
    log_level: LogLevel | None = None
    progress: bool = True  # False: --no-progress

    @staticmethod
    def of(ctx: typer.Context) -> "CliContext":
        """The one that the root command made."""
        return cast("CliContext", ctx.find_object(CliContext))

    def config_path(self) -> Path | None:
        """The configuration file that is used; None where there is none."""
        from sync_worker.settings import find_config

        return find_config(self.config, os.environ)

    def load_settings(self, *, warn: bool = True) -> "Settings":
        """Settings from file and environment; from then on logs are configured and hide secrets.

        Args:
            warn: log a warning of files with secrets that others on this machine can read.

        Raises:
            ConfigError: with every problem.
        """
        from sync_worker import logs
        from sync_worker.settings import load_settings

        self.configure_logs()
        settings = load_settings(self.config_path(), os.environ, on_secret=logs.register_secret)
        self.configure_logs(settings)
        for sentence in settings.exposed() if warn else ():
            logs.get_logger().warning(sentence)
        return settings

    def configure_logs(self, settings: "Settings | None" = None) -> None:
        """Logs to stderr as the options say, else as `[logs]` says; `load_settings` does this by itself."""
        from sync_worker import logs

        table = settings.logs if settings else None
        level = self.log_level or (table.level if table else None)
        # on a terminal the bar and the summary say what the info lines would
        usual: LogLevel = "warning" if sys.stderr.isatty() else "info"
        logs.configure(self.log_format or (table.format if table else None), level or usual)

    def selected_instances(self, settings: "Settings") -> tuple["Instance", ...]:
        """The instances that `--instance` names, in that order, each once; all where it names none.

        Raises:
            ConfigError: one is not configured, or none is configured at all.
        """
        names = tuple(dict.fromkeys(self.instances)) or tuple(settings.instances)
        if not names:
            from sync_worker.settings.load import USUAL_PLACES

            tried = f"found no configuration (tried $SYNC_WORKER_CONFIG and {', '.join(map(str, USUAL_PLACES))})"
            raise ConfigError(
                "no Canvas is configured" if settings.file else tried,
                where=str(settings.file or ""),
                hint="Run: sync-worker init; or write a table [instances.main] with base_url and token_file",
            )
        return tuple(settings.instance(name) for name in names)

    def only_instance(self, settings: "Settings") -> "Instance":
        """The one instance that a command works on which works on one.

        Raises:
            UsageError: there are several, and `--instance` does not choose.
        """
        chosen = self.selected_instances(settings)
        if len(chosen) > 1:
            names = ", ".join(instance.name for instance in chosen)
            raise UsageError(f"this command works on one instance; choose with --instance one of: {names}")
        return chosen[0]


def async_main(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main()` on a new event loop (uvloop's where there is one) and give back its result.

    The first SIGINT or SIGTERM cancels it, once; a second one is not held back.

    Raises:
        Stopped: it was cancelled by a signal and has cleaned up.
    """
    from sync_worker.cli.loop import run

    return run(main)
