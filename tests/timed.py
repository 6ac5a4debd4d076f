"""`python -m tests.timed NAME COMMAND…` runs a command and says how long it took; it ends as the command did."""

import platform
import signal
import subprocess
import sys
import time


def spoken(seconds: float) -> str:
    """A duration for people."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def main(name: str, *command: str) -> int:
    """The exit code of the command."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the command, which is waited for
    started = time.perf_counter()
    code = subprocess.run(command, check=False).returncode
    print(f"{name} took {spoken(time.perf_counter() - started)} on Python {platform.python_version()}", flush=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
