"""The parts of the merge that are not SQL."""

import re
from datetime import UTC, datetime

import pytest

from sync_worker.channels import Channel, Snapshot
from sync_worker.mirror import columns
from sync_worker.mirror.columns import OPTIONAL_FIELDS
from sync_worker.mirror.merge import Merged
from sync_worker.mirror.sql import statement

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_sums_add_every_figure() -> None:
    """None is forgotten."""
    names = Merged.__slots__
    one = Merged(**{name: number for number, name in enumerate(names, 1)})
    ten = Merged(**{name: number * 10 for number, name in enumerate(names, 1)})
    assert one + ten == Merged(**{name: number * 11 for number, name in enumerate(names, 1)})
    assert one + Merged() == one


def test_every_optional_field_of_a_channel_has_a_bit() -> None:
    """In the order in which the SQL reads them."""
    optional = {name for name, info in Channel.model_fields.items() if not info.is_required()}
    assert set(OPTIONAL_FIELDS) == optional
    bits = re.findall(r"WHEN s\.given & (\d+) > 0 THEN s\.(\w+) ELSE", statement("merge_channels"))
    assert bits == [(str(1 << bit), name) for bit, name in enumerate(OPTIONAL_FIELDS)]


@pytest.mark.parametrize(("bit", "name"), list(enumerate(OPTIONAL_FIELDS)))
def test_a_field_that_was_given_sets_its_bit(bit: int, name: str) -> None:
    """Null is given, left out is not."""
    required = {"id": 1, "user_id": 1, "type": "email", "address": "a", "workflow_state": "active"}
    assert columns._given(Channel.model_validate(required)) == 0
    assert columns._given(Channel.model_validate({**required, name: None})) == 1 << bit


def test_channels_become_columns() -> None:
    """One array a field, the asked user's id with each."""
    channels = tuple(Channel(id=n, user_id=7, type="email", address=f"{n}\0", workflow_state="a") for n in (1, 2))
    snapshots = [Snapshot(user_id=user, read_at=NOW, channels=channels) for user in (8, 9)]
    arrays, replaced = columns.columns(snapshots)
    assert arrays[:3] == [[1, 2, 1, 2], [0, 0, 0, 0], [8, 8, 9, 9]]
    assert {len(column) for column in arrays} == {4}
    assert replaced == 4
