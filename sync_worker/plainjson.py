"""Results for programs: JSON, times in ISO 8601. A leaf."""

import json
from datetime import datetime
from typing import Any


def as_json(value: Any, *, indent: int | None = None) -> str:
    """A value of dictionaries, lists, texts, numbers and times as JSON."""
    return json.dumps(value, default=_plain, indent=indent, ensure_ascii=False)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
