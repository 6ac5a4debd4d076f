"""Logs: structured, on stderr, without secrets and without addresses.

structlog and the libraries' stdlib logging run through one pipeline. Its last step before a line is written hides
registered secrets, bearer tokens, passwords in URLs and e-mail addresses in every string of the event, exception
texts included; so a mistake elsewhere cannot put one into a log.
"""

import logging
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger
from typing_extensions import override

Format = Literal["console", "json"]
Level = Literal["debug", "info", "warning", "error"]

REDACTED = "[redacted]"
ROOT = "sync_worker"

_secrets: set[str] = set()  # what `register_secret` was told; one for the process, as are its logs

_CREDENTIALS = (
    (re.compile(r"(?i)(bearer\s+)[^\s\"',;]+"), rf"\1{REDACTED}"),
    (
        re.compile(r"(?i)((?:(?:access|refresh)_token|client_secret)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;]+"),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(://[^\s:/@]*:)[^\s@/]+(@)"), rf"\1{REDACTED}\2"),
)
_EMAIL = re.compile(r"[\w.+%~#&'*/=?^`{|}!$-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"\+\d[\d ()/.-]{5,}\d")


def register_secret(value: str) -> None:
    """Hide this value in every line from now on; empty text is no secret."""
    if value.strip():
        _secrets.add(value)


def without_secrets(text: str) -> str:
    """`text` without registered secrets."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


def redact(text: str) -> str:
    """`text` without registered secrets and without anything that looks like a credential."""
    text = without_secrets(text)
    for pattern, replacement in _CREDENTIALS:
        text = pattern.sub(replacement, text)
    return text


def mask_address(address: str) -> str:
    """An address that can be recognised but not used: `s***@c***.com`, `***67`."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain[:1]}***.{domain.rpartition('.')[2]}"
    digits = re.sub(r"\D", "", address)
    return f"***{digits[-2:]}"


def mask_emails(text: str) -> str:
    """`text` with every e-mail address in it masked."""
    return _EMAIL.sub(lambda found: mask_address(found[0]), text) if "@" in text else text


def mask_phones(text: str) -> str:
    """`text` with every international telephone number in it masked."""
    return _PHONE.sub("+***", text) if "+" in text else text


def _hidden(value: Any) -> Any:
    """`value` with every string in it, however deep, redacted and masked."""
    match value:
        case str():
            return mask_emails(redact(value))
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {_hidden(key): _hidden(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_hidden(item) for item in value]
        case _:
            return _hidden(str(value))


def hide(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor that nothing escapes; must come after exceptions were made text."""
    return cast("EventDict", _hidden(event))


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours: what a second `configure` replaces.

    Without a stream of its own it follows `sys.stderr`: a progress bar puts itself there, and moves out of the way of
    what is written.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream or sys.stderr)
        self._follows = stream is None

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if self._follows:
            self.stream = sys.stderr
        super().emit(record)


def configure(format: Format | None, level: Level = "info", stream: TextIO | None = None) -> None:  # noqa: A002
    """Send every log to `stream`, in `format`; may be called again.

    Args:
        format: None means console on a terminal, JSON lines elsewhere.
        level: of this program's own lines; libraries speak from warning on.
        stream: stderr unless said; stdout is for a command's value.
    """
    out = stream if stream is not None else sys.stderr
    handler = _Handler(stream)
    handler.setFormatter(_formatter(format or ("console" if out.isatty() else "json"), colors=out.isatty()))
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _Handler)), handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # a lost connection is told by us
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # and so is a job that is not begun
    logging.getLogger(ROOT).setLevel(level.upper())
    logging.captureWarnings(capture=True)


def _formatter(format: Format, *, colors: bool) -> structlog.stdlib.ProcessorFormatter:  # noqa: A002
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if format == "console":
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)
    finish: tuple[Processor, ...] = (structlog.processors.format_exc_info, hide, renderer)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    foreign = (*_SHARED, structlog.stdlib.add_logger_name)
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=(remove_meta, *finish))


def get_logger(name: str = ROOT) -> FilteringBoundLogger:
    """A logger; `name` must be `sync_worker` or below it to be heard at the program's own level."""
    return cast("FilteringBoundLogger", structlog.stdlib.get_logger(name))


def bind(**values: object) -> AbstractContextManager[object]:
    """Put `run`, `instance` and the like on every line from now on, also of tasks started later.

    For good in this task; as a `with` block, until the block ends.
    """
    scope = ExitStack()
    scope.callback(structlog.contextvars.reset_contextvars, **structlog.contextvars.bind_contextvars(**values))
    return scope


structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
