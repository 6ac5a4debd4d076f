"""Documents for tests: writing them, and telling what they say."""

from pathlib import Path

import pytest

from sync_worker.desired.document import check
from sync_worker.desired.entries import Entry, Terms, UserHead
from sync_worker.desired.problems import Problem
from sync_worker.errors import DocumentError


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def told(item: UserHead | Entry | Problem) -> str:
    """An item in one line."""
    if isinstance(item, UserHead):
        return f"{item.ref} {item.mode} {','.join(sorted(item.manage))}"
    if isinstance(item, Entry):
        return f"{item.ref} {item.state} {item.type} {item.address} skip={item.skip_confirmation} {item.reason!r}"
    return str(item)


def mistakes(path: Path, terms: Terms | None = None) -> list[str]:
    """The lines of what `check` raises."""
    with pytest.raises(DocumentError) as caught:
        check(path, terms)
    return str(caught.value).splitlines()
