"""`python tests/benchmarks [NAME…] [--quick] [--out FILE]`: measure the worker on this machine."""

import sys
from pathlib import Path

# Started by its folder's name, this program has only that folder on its path.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.benchmarks.command import main  # noqa: E402  (needs the path)

if __name__ == "__main__":
    main(sys.argv[1:])
