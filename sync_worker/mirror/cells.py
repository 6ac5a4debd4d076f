"""What a query of the user's own returns, as the cells of a CSV would say it. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of an answer."""

    name: str
    type: str  # as PostgreSQL names it


def text_of(value: Any) -> str | None:
    """A value as text, null as nothing; None where it is neither text nor an exact number nor a truth value."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case _:
            return None
