"""The command: which benchmarks, how large, and where the report goes. Each has a limit of time."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from sync_worker.clock import deadline
from tests.benchmarks import cpu, gate, memory, merge, plan, reports
from tests.benchmarks.report import Figure, Section, machine, show, write


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One of them."""

    measure: Callable[[bool], Awaitable[list[Figure]]]  # told whether it is to be quick
    about: str
    seconds: float  # at most
    seconds_quick: float


BENCHMARKS: Final = {
    "gate": Benchmark(measure=gate.measure, about=gate.ABOUT, seconds=150.0, seconds_quick=45.0),
    "cpu": Benchmark(measure=cpu.measure, about=cpu.ABOUT, seconds=180.0, seconds_quick=50.0),
    "memory": Benchmark(measure=memory.measure, about=memory.ABOUT, seconds=420.0, seconds_quick=60.0),
    "merge": Benchmark(measure=merge.measure, about=merge.ABOUT, seconds=120.0, seconds_quick=25.0),
    "plan": Benchmark(measure=plan.measure, about=plan.ABOUT, seconds=240.0, seconds_quick=60.0),
    "reports": Benchmark(measure=reports.measure, about=reports.ABOUT, seconds=300.0, seconds_quick=60.0),
}


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print, write."""
    options = _options(arguments)
    sections = []
    for name in options.names or BENCHMARKS:
        section = _run(name, quick=options.quick)
        show(section)
        sections.append(section)
    write(options.out, sections, machine(), quick=options.quick)
    print(f"Written to {options.out}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure the worker on this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="smaller, within three minutes")
    parser.add_argument(
        "--out", type=Path, default=Path("bench.json"), help="the report as JSON (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return options


def _run(name: str, *, quick: bool) -> Section:
    benchmark = BENCHMARKS[name]
    limit = benchmark.seconds_quick if quick else benchmark.seconds
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(_limited(benchmark.measure(quick), limit))
    return Section(name=name, about=benchmark.about, figures=figures)


async def _limited(measuring: Awaitable[list[Figure]], seconds: float) -> list[Figure]:
    try:
        async with deadline(seconds):
            return await measuring
    except TimeoutError:
        return [Figure(name=f"not finished within {seconds:.0f} s", value=seconds, unit="s", good=False)]
