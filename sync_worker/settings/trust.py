"""Whose certificates are believed: those of the system's authorities, or those of a file instead."""

import ssl
from pathlib import Path

from sync_worker.errors import ConfigError


def trusting(path: Path, *, setting: str) -> ssl.SSLContext:
    """TLS as usual, host name and dates checked, that believes the authorities in `path` (PEM) and no others.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        hint = "Write the certificate of your authority into it, from BEGIN CERTIFICATE to END CERTIFICATE"
        raise ConfigError(f"{path} holds no certificates in PEM form", where=setting, hint=hint) from error
    except OSError as error:
        hint = "Correct the path, and let the user who runs this program read the file"
        raise ConfigError(f"cannot read {path}: {error.strerror or error}", where=setting, hint=hint) from error
