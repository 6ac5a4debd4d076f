"""Whose certificates are believed: those of the system's authorities, or those of a file instead."""

import re
import ssl
from pathlib import Path
from typing import Final

from sync_worker.errors import ConfigError, NotUtf8
from sync_worker.textfiles import read_text

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----[!-~\s]+?-----END CERTIFICATE-----", re.ASCII)


def _context(path: Path) -> ssl.SSLContext:
    """OpenSSL knows neither byte-order marks nor UTF-16: it gets what stands between the lines of each certificate."""
    try:
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        found = _CERTIFICATE.findall(read_text(path))
        if not found:
            raise
        return ssl.create_default_context(cadata="\n".join(found))


def trusting(path: Path, *, setting: str) -> ssl.SSLContext:
    """TLS as usual, host name and dates checked, that believes the authorities in `path` (PEM) and no others.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    try:
        return _context(path)
    except (ssl.SSLError, NotUtf8) as error:
        hint = "Write the certificate of your authority into it, from BEGIN CERTIFICATE to END CERTIFICATE"
        raise ConfigError(f"{path} holds no certificates in PEM form", where=setting, hint=hint) from error
    except OSError as error:
        hint = "Correct the path, and let the user who runs this program read the file"
        raise ConfigError(f"cannot read {path}: {error.strerror or error}", where=setting, hint=hint) from error
