"""The notify protocol of systemd (sd_notify(3)): datagrams to `$NOTIFY_SOCKET`; nothing where there is none."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Systemd:
    """The manager of services that started this process, if one did.

    Args:
        environ: the environment of the process.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        every = environ.get("WATCHDOG_USEC", "")
        self.watchdog = int(every) / 1e6 if ours and every.isdecimal() and int(every) else None
        """Seconds within which it wants to hear `WATCHDOG=1`; None: never."""

    def notify(self, **said: str | int) -> None:
        """Say `READY=1`, `STATUS=…`, `STOPPING=1`, `WATCHDOG=1`; that nobody listens is no error."""
        if not self._address:
            return
        message = "\n".join(f"{key}={value}" for key, value in said.items())
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
            client.settimeout(0)
            client.sendto(message.encode(), self._address)
