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


def run(command: tuple[str, ...]) -> int:
    """The exit code; a signal is the command's own affair: Ctrl-C reaches it anyway, the others are passed on."""
    with subprocess.Popen(command) as process:
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, lambda *_: None)
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda number, _: process.send_signal(number))
        code = process.wait()
    return code if code >= 0 else 128 - code


def main(name: str, *command: str) -> int:
    """Run and say."""
    started = time.perf_counter()
    code = run(command)
    print(f"{name} took {spoken(time.perf_counter() - started)} on Python {platform.python_version()}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
