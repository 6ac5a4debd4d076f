# ruff: noqa: E501  (a table)
"""What is to come of every loss of the database at every moment: the crash table, as far as the database goes."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from tests.outages.scene import End
from tests.outages.table import LOSSES, Cell, cells

WORDS: Final[Mapping[tuple[int, bool, int | None], str]] = {
    (0, True, None): "goes on",
    (0, False, None): "ends",
    (7, False, 0): "stops",
    (7, False, 2): "stops, over",
}
"""By the exit code, whether the command began its run a second time by itself, and the exit code of the same command
once more: 2 where the plan is applied already. What has not begun yet is not waited for."""

NOTHING: Final = "-"
"""Makes no sense there: there is no lock, or another connection is cut too; a plan waits for nothing."""

ENDS: Final = """
| command | moment | server shut down | connection cut | all connections cut | lock's connection cut |
| --- | --- | --- | --- | --- | --- |
| backfill | raise_epoch 1, after its commit, unanswered | stops / stops | stops / stops | stops / stops | - |
| backfill | start_run 1, before its commit | stops / stops | stops / stops | stops / stops | goes on / stops |
| backfill | start_run 1, after its commit, unanswered | stops / stops | stops / stops | stops / stops | - |
| backfill | add_batch 2, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| backfill | add_batch 3, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| backfill | mark_listed 1, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| backfill | claim_batch 2, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| backfill | merge_channels 3, half sent | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| backfill | finish_batch 3, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| backfill | finish_batch 3, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| backfill | weigh_candidates 1, before | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| backfill | finish_run 1, before its commit | goes on / stops | goes on / stops | goes on / stops | ends / ends |
| backfill | finish_run 1, after its commit, unanswered | ends / stops | ends / stops | ends / stops | - |
| run | merge_channels 2, half sent | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| run | finish_batch 2, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| run | finish_batch 2, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| run | bury_channels 1, before | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| run | bury_channels 1, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| run | bury_channels 1, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| run | finish_run 1, after its commit, unanswered | ends / stops | ends / stops | ends / stops | - |
| plan | COPY 1, half sent | - / stops | - / stops | - / stops | - |
| plan | desired_users_page 1, before | - / stops | - / stops | - / stops | - |
| plan | save_plan 1, before its commit | - / stops | - / stops | - / stops | - |
| plan | save_plan 1, after its commit, unanswered | - / stops | - / stops | - / stops | - |
| apply | start_run 1, after its commit, unanswered | stops / stops | stops / stops | stops / stops | - |
| apply | add_actions 1, half sent | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| apply | add_actions 1, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| apply | add_actions 1, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| apply | start_action 1, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| apply | start_action 1, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| apply | start_action 7, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| apply | start_action 7, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| apply | close_action 5, half sent | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| apply | close_action 1, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| apply | close_action 1, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| apply | close_action 9, before its commit | goes on / stops | goes on / stops | goes on / stops | goes on / stops |
| apply | close_action 9, after its commit, unanswered | goes on / stops | goes on / stops | goes on / stops | - |
| apply | finish_plan 1, after its commit, unanswered | goes on / stops, over | goes on / stops, over | goes on / stops, over | - |
| apply | finish_run 1, after its commit, unanswered | goes on / stops, over | goes on / stops, over | goes on / stops, over | - |
"""
"""With patience / without. Afterwards, in every cell, a plain run makes the mirror equal, the ledger contradicts itself
nowhere, and every action of a plan is done once."""


def word(end: End, again: End | None) -> str:
    """What came of a cell in one word."""
    found = (end.code, end.starts > 1, again.code if again else None)
    return WORDS.get(found, f"{found}: {end.error} {end.said}")


def expected() -> dict[Cell, str]:
    """The table, cell by cell."""
    head, _, *lines = (_split(line) for line in ENDS.strip().splitlines())
    table = {
        (command, moment, loss): words
        for command, moment, *row in lines
        for loss, words in zip(head[2:], row, strict=True)
    }
    return {cell: _of(table[cell.command, str(cell.moment), cell.loss], cell) for cell in cells()}


def _split(line: str) -> list[str]:
    return [word.strip() for word in line.strip("|").split("|")]


def _of(words: str, cell: Cell) -> str:
    with_patience, without = words.split(" / ")
    return with_patience if cell.patient else without


def written(words: Mapping[Cell, str]) -> str:
    """The same table out of words; Markdown."""
    return "\n".join([_row("command", "moment", *LOSSES), _row(*["---"] * (2 + len(LOSSES))), *_rows(words)])


def _rows(words: Mapping[Cell, str]) -> Iterator[str]:
    for (command, moment), group in groupby(words, key=lambda cell: (cell.command, cell.moment)):
        of = {(cell.loss, cell.patient): words[cell] for cell in group}
        row = [f"{of.get((loss, True), NOTHING)} / {of.get((loss, False), NOTHING)}" for loss in LOSSES]
        yield _row(command, str(moment), *(NOTHING if each == f"{NOTHING} / {NOTHING}" else each for each in row))


def _row(*words: str) -> str:
    return f"| {' | '.join(words)} |"
