"""What the look-up of vulnerabilities concludes from what pip-audit says."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.audit import CLEAN, UNKNOWN, VULNERABLE, judged, main

GOOD: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
BAD: dict[str, Any] = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
OPEN: dict[str, Any] = {"name": "c", "version": "4", "vulns": [{"id": "CVE-2", "fix_versions": []}]}
SKIPPED: dict[str, Any] = {"name": "d", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([GOOD, GOOD], CLEAN, "2 packages, no known vulnerability"),
        ([GOOD, BAD], VULNERABLE, "b 2: CVE-1, mended in 3"),
        ([OPEN, SKIPPED], VULNERABLE, "c 4: CVE-2, mended in no version yet"),
        ([GOOD, SKIPPED], UNKNOWN, "1 of 2 packages could not be looked up"),
        ([], UNKNOWN, "0 of 0"),
    ],
)
def test_verdicts(packages: list[dict[str, Any]], code: int, words: str) -> None:
    """A known vulnerability counts most; what was skipped is not green."""
    verdict = judged(json.dumps({"dependencies": packages, "fixes": []}))
    assert verdict.code == code
    assert words in verdict.lines[0]


@pytest.mark.parametrize("output", ["", "Connection refused", "[]", "{}"])
def test_no_answer(output: str) -> None:
    """Nothing was looked up."""
    assert judged(output).code == UNKNOWN


@pytest.mark.parametrize(
    ("answers", "code", "asked"),
    [
        ({"pypi": [GOOD]}, CLEAN, ["pypi"]),
        ({"pypi": [SKIPPED], "osv": [BAD]}, VULNERABLE, ["pypi", "osv"]),
        ({"pypi": [SKIPPED], "osv": []}, UNKNOWN, ["pypi", "osv", "NOT CHECKED"]),
    ],
)
def test_asking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answers: dict[str, Any], code: int, asked: list[str]
) -> None:
    """One data base after the other, until one knows; and it is said plainly where none does."""
    program = tmp_path / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        "service = next(each.split('=')[1] for each in sys.argv if 'service' in each)\n"
        f"print(json.dumps({{'dependencies': {answers!r}[service]}}))\n"
    )
    program.chmod(0o755)
    assert main(str(program), "lock") == code
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == asked
