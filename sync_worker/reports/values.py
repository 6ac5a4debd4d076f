"""Values of parameters as people write them, and cells as people may see them. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from sync_worker.errors import UsageError
from sync_worker.logs import mask_address, mask_emails, mask_phones
from sync_worker.reports.header import Parameter, Report, Type

LARGEST: Final = 100_000
"""Of a whole number; PostgreSQL's dates end after that many days, too."""


def value_of(parameter: Parameter, text: str) -> int | datetime | str:
    """A value; a user stays the text that names it.

    Raises:
        UsageError: the text is no such value.
    """
    match parameter.type:
        case Type.INTEGER:
            return _integer(parameter, text)
        case Type.TIME:
            return _time(parameter, text)
        case Type.USER:
            return text


def _integer(parameter: Parameter, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST):
        raise UsageError(f"--{parameter.name} is a whole number from 0 to {LARGEST:,}, not {text!r}")
    return int(text)


def _time(parameter: Parameter, text: str) -> datetime:
    """ISO 8601; UTC unless it says otherwise."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        problem = f"--{parameter.name} is a time such as 2026-11-01 or 2026-11-01T06:00Z, not {text!r}"
        raise UsageError(problem) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def plain(value: Any) -> Any:
    """A value as JSON has it: exact numbers, times in ISO 8601 and UTC."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def masked(report: Report, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in which no address can be read any more; the masks are those of the logs."""
    return {name: _masked(report, name, value) for name, value in row.items()}


def _masked(report: Report, name: str, value: Any) -> Any:
    match value:
        case list() | tuple():
            return [_masked(report, name, item) for item in value]
        case str() if name in report.addresses or (name in report.identifiers and "@" in value):
            return mask_address(value)
        case str():
            return mask_phones(mask_emails(value))
        case _:
            return value


def cell(value: Any) -> str:
    """A plain value as one cell: nothing for null, yes and no, lists with spaces between."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return " ".join(map(cell, value))
        case _:
            return str(value)
