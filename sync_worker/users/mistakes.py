"""The mistakes of one source of users: all of them are told at once, the first ones in full."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sync_worker.errors import SourceError

SHOWN: Final = 20  # mistakes of one source that are shown; the rest is counted

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Mistakes:
    """Collects them; keeps `SHOWN`, and counts the rest."""

    where: str  # the source
    unit: str  # what one of them is about: "line", "row"
    shown: list[str] = field(default_factory=list)
    count: int = 0

    def sift(self, found: Iterable[_T | SourceError]) -> Iterator[_T]:
        """Everything else than mistakes goes on, mistakes stay here."""
        for each in found:
            if not isinstance(each, SourceError):
                yield each
                continue
            self.count += 1
            if len(self.shown) < SHOWN:
                self.shown.append(str(each))

    def raise_any(self) -> None:
        """End here if there is a mistake.

        Raises:
            SourceError: with every mistake, one line each, `SHOWN` at most and the number of the others.
        """
        if not self.count:
            return
        units = self.unit if self.count == 1 else f"{self.unit}s"
        lines = [f"{self.count} bad {units}:", *self.shown]
        if self.count > len(self.shown):
            lines.append(f"and {self.count - len(self.shown)} more")
        raise SourceError("\n".join(lines), where=self.where)
