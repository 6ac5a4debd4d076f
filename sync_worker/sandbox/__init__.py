"""A simulated Canvas with the real rules, for the demo, for trying things, for every test.

It is the other side: it shares no code with the worker, so that a misunderstanding cannot agree with itself.
"""

from sync_worker.sandbox.faults import Fault, FaultKind
from sync_worker.sandbox.options import Role, SandboxOptions
from sync_worker.sandbox.server import Sandbox, serve

__all__ = ["Fault", "FaultKind", "Role", "Sandbox", "SandboxOptions", "serve"]
