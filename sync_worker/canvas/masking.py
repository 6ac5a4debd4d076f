"""How paths and Canvas's own words may be shown: without addresses of people, in one line, never long.

Error messages travel: into logs, tables and mails to administrators. Addresses are masked as in the logs, so
that they are recognised by who knows them and are of no use to anybody else.
"""

import re
from typing import Final
from urllib.parse import unquote

from sync_worker.logs import mask_address, mask_emails, redact

LONGEST: Final = 200  # characters of somebody else's words in one message

_SCANNED: Final = 2_000  # characters looked at: nobody reads more, and patterns take long on hostile text
_HEX_REFERENCE = re.compile(r"(hex:[a-z_]+:[0-9a-f]{4})[0-9a-f]*", re.IGNORECASE)
_BY_ADDRESS = re.compile(r"(/communication_channels/[^/]+/)(.+)$", re.DOTALL)


def shown(text: str) -> str:
    """Foreign words as one printable line without secrets and e-mail addresses, at most `LONGEST` characters."""
    printable = "".join(c if c.isprintable() else " " for c in text[:_SCANNED])
    masked = mask_emails(redact(" ".join(printable.split())))
    return masked if len(masked) <= LONGEST else masked[: LONGEST - 1] + "…"


def shown_path(path: str) -> str:
    """A URL path (percent-encoded, without its query) for a message; addresses and login names masked."""
    path = _HEX_REFERENCE.sub(r"\1…", path[:_SCANNED])
    path = _BY_ADDRESS.sub(lambda m: m[1] + mask_address(unquote(m[2])), path)
    return shown(unquote(path))
