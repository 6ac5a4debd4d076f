"""Text for people outside of this machine: without secrets, addresses of people, and URLs. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sync_worker.logs import mask_emails, mask_phones, redact

_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def scrubbed(text: str) -> str:
    """`text` with everything of that kind made unrecognisable."""
    return mask_phones(mask_emails(_URL.sub("[URL]", redact(text))))


def masked(value: Any) -> Any:
    """A document without secrets and addresses of people in any text of it, however deep."""
    match value:
        case str():
            return mask_phones(mask_emails(redact(value)))
        case Mapping():
            return {key: masked(item) for key, item in value.items()}
        case list() | tuple():
            return [masked(item) for item in value]
        case _:
            return value
