"""Processes for tests that kill them: forked from one that has imported everything, within some milliseconds."""

import multiprocessing
from typing import Final

FORK: Final = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.integration.flows.stepping", "tests.crash.child"])
