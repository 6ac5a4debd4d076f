"""The brake for one run: as configured, but for what the command line sets. Pure."""

from dataclasses import asdict, dataclass, replace

from sync_worker.flows.pull.verdict import Limits
from sync_worker.settings import BrakeTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Limits of the brake that the command line sets for this run; None: as configured."""

    max_tombstones: int | None = None
    max_tombstone_percent: float | None = None
    min_coverage_percent: float | None = None
    min_listing_percent: float | None = None

    def raise_the_brake(self, brake: BrakeTable) -> bool:
        """Whether a person allows more deletions than are configured."""
        number, percent = self.max_tombstones, self.max_tombstone_percent
        return (number is not None and number > brake.max_tombstones) or (
            percent is not None and percent > brake.max_tombstone_percent
        )


def limits(brake: BrakeTable, overrides: Overrides) -> Limits:
    """The brake for one run."""
    configured = Limits(
        max_tombstones=brake.max_tombstones,
        max_tombstone_percent=brake.max_tombstone_percent,
        percent_from=brake.percent_from,
        min_coverage_percent=brake.min_coverage_percent,
        min_listing_percent=brake.min_listing_percent,
        empty_answers_from=brake.empty_answers_from,
    )
    return replace(configured, **{name: value for name, value in asdict(overrides).items() if value is not None})
