"""`python -m sync_worker`, and the program `sync-worker`."""

import sys

from sync_worker.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
