"""Look up whether versions in the lock file have known vulnerabilities: `python -m tests.audit PIP_AUDIT LOCK`.

pip-audit ends with 0 also where it could look up nothing at all (it says "skipped"). Here the exit codes are: 0 all was
looked up and nothing is known, 1 something is known, 3 not everything could be looked up.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

CLEAN: Final = 0
VULNERABLE: Final = 1
UNKNOWN: Final = 3

SERVICES: Final = ("pypi", "osv")
"""Data bases of vulnerabilities; the next one is asked where one does not know everything."""

PATIENCE: Final = 600  # seconds for one of them


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a data base said."""

    code: int
    lines: tuple[str, ...]  # for people


def judged(output: str) -> Verdict:
    """What the JSON of pip-audit means; anything else means that nothing was looked up."""
    try:
        found = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Verdict(code=UNKNOWN, lines=("nothing could be looked up",))
    known = [
        f"{each['name']} {each['version']}: {flaw['id']}, "
        f"mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for each in found
        for flaw in each.get("vulns", ())
    ]
    if known:
        return Verdict(code=VULNERABLE, lines=tuple(known))
    missing = [each["name"] for each in found if "skip_reason" in each]
    if missing or not found:
        return Verdict(code=UNKNOWN, lines=(f"{len(missing)} of {len(found)} packages could not be looked up",))
    return Verdict(code=CLEAN, lines=(f"{len(found)} packages, no known vulnerability",))


def audited(program: str, lock: str, service: str) -> Verdict:
    """Ask one data base."""
    options = ("--disable-pip", "--no-deps", "--require-hashes", "--format=json", "--progress-spinner=off")
    command = [program, *options, f"--vulnerability-service={service}", "--requirement", lock]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return judged("")
    verdict = judged(done.stdout.decode())
    reasons = done.stderr.decode(errors="replace").splitlines()[-1:] if verdict.code == UNKNOWN else []
    return Verdict(code=verdict.code, lines=(*verdict.lines, *reasons))


def main(program: str, lock: str) -> int:
    """Ask until one knows; what was found, and how much that is worth, goes to stdout."""
    for service in SERVICES:
        verdict = audited(program, lock, service)
        print(f"{service}: ", "\n  ".join(verdict.lines), sep="")
        if verdict.code != UNKNOWN:
            return verdict.code
    print(f"NOT CHECKED: no data base of vulnerabilities could be asked about all of {lock}; this proves nothing.")
    return UNKNOWN


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
