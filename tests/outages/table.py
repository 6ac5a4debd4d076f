"""The crash table, database half: which command, when, and how the database is lost."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from tests.outages import scene
from tests.outages.server import Server
from tests.outages.wire import COPY, At, Blow, Moment

LOCK: Final = "lock's connection cut"

LOSSES: Final[Mapping[str, Callable[[Server], Blow]]] = {
    "server shut down": scene.shut_down,
    "connection cut": scene.cut_one,
    "all connections cut": scene.cut_all,
    LOCK: scene.cut_lock,
}

MOMENTS: Final[Mapping[str, tuple[Moment, ...]]] = {
    "backfill": (
        Moment(statement="raise_epoch", at=At.IN_DOUBT),
        Moment(statement="start_run", at=At.UNCOMMITTED),
        Moment(statement="start_run", at=At.IN_DOUBT),
        Moment(statement="add_batch", at=At.UNCOMMITTED, nth=2),
        Moment(statement="add_batch", at=At.IN_DOUBT, nth=3),
        Moment(statement="mark_listed", at=At.IN_DOUBT),
        Moment(statement="claim_batch", at=At.IN_DOUBT, nth=2),
        Moment(statement="merge_channels", at=At.HALF, nth=3),
        Moment(statement="finish_batch", at=At.UNCOMMITTED, nth=3),
        Moment(statement="finish_batch", at=At.IN_DOUBT, nth=3),
        Moment(statement="weigh_candidates", at=At.BEFORE),
        Moment(statement="finish_run", at=At.UNCOMMITTED),
        Moment(statement="finish_run", at=At.IN_DOUBT),
    ),
    "run": (
        Moment(statement="merge_channels", at=At.HALF, nth=2),
        Moment(statement="finish_batch", at=At.UNCOMMITTED, nth=2),
        Moment(statement="finish_batch", at=At.IN_DOUBT, nth=2),
        Moment(statement="bury_channels", at=At.BEFORE),
        Moment(statement="bury_channels", at=At.UNCOMMITTED),
        Moment(statement="bury_channels", at=At.IN_DOUBT),
        Moment(statement="finish_run", at=At.IN_DOUBT),
    ),
    "plan": (
        Moment(statement=COPY, at=At.HALF),
        Moment(statement="desired_users_page", at=At.BEFORE),
        Moment(statement="save_plan", at=At.UNCOMMITTED),
        Moment(statement="save_plan", at=At.IN_DOUBT),
    ),
    "apply": (
        Moment(statement="start_run", at=At.IN_DOUBT),
        Moment(statement="add_actions", at=At.HALF),
        Moment(statement="add_actions", at=At.UNCOMMITTED),
        Moment(statement="add_actions", at=At.IN_DOUBT),
        Moment(statement="start_action", at=At.UNCOMMITTED),
        Moment(statement="start_action", at=At.IN_DOUBT),
        Moment(statement="start_action", at=At.UNCOMMITTED, nth=7),
        Moment(statement="start_action", at=At.IN_DOUBT, nth=7),
        Moment(statement="close_action", at=At.HALF, nth=5),
        Moment(statement="close_action", at=At.UNCOMMITTED),
        Moment(statement="close_action", at=At.IN_DOUBT),
        Moment(statement="close_action", at=At.UNCOMMITTED, nth=9),
        Moment(statement="close_action", at=At.IN_DOUBT, nth=9),
        Moment(statement="finish_plan", at=At.IN_DOUBT),
        Moment(statement="finish_run", at=At.IN_DOUBT),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One command, struck."""

    command: str
    moment: Moment
    loss: str
    patient: bool  # whether the database is waited for

    @override
    def __str__(self) -> str:
        return f"{self.command}-{self.moment}-{self.loss}-{'waits' if self.patient else 'leaves'}"


def cells() -> Iterator[Cell]:
    """All of them."""
    for command, moments in MOMENTS.items():
        for moment in moments:
            for loss in LOSSES:
                if loss == LOCK and (command == "plan" or moment.at is At.IN_DOUBT):
                    continue  # there is no lock; the connection at work is cut too
                for patient in (True, False) if command != "plan" else (False,):
                    yield Cell(command=command, moment=moment, loss=loss, patient=patient)
