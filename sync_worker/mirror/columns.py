"""Channels as arrays, one a field: the form in which a batch reaches `merge_channels`. Pure.

Arrays, not COPY into a temporary table: at the usual 250 users a batch COPY gains a tenth to a fifth (`make bench`), of
a step that is a hundred times faster than Canvas lets us read; arrays need one statement and no table in the catalogue
for each batch.
"""

from collections.abc import Sequence
from typing import Any, Final

from sync_worker.channels import Channel, Gone, Snapshot
from sync_worker.folding import fold
from sync_worker.mirror.text import NulReplacer

OPTIONAL_FIELDS: Final = (
    "position",
    "bounce_count",
    "last_bounce_at",
    "last_bounce_summary",
    "last_transient_bounce_at",
    "last_transient_bounce_summary",
    "last_suppression_bounce_at",
    "created_at",
)
"""The order of the bits of `given` in `merge_channels`."""


def columns(complete: Sequence[Snapshot | Gone]) -> tuple[list[list[Any]], int]:
    """The channels as one array a field, in the order of `merge_channels`, and how many texts had a NUL."""
    clean = NulReplacer()
    pairs: list[tuple[int, Channel]] = [
        (outcome.user_id, channel)
        for outcome in complete
        if isinstance(outcome, Snapshot)
        for channel in outcome.channels
    ]
    channels = [channel for _, channel in pairs]
    addresses = [clean(channel.address) for channel in channels]
    arrays: list[list[Any]] = [
        [channel.id for channel in channels],
        [_given(channel) for channel in channels],
        [user_id for user_id, _ in pairs],
        [clean(channel.type) for channel in channels],
        addresses,
        [clean(channel.workflow_state) for channel in channels],
        [channel.position for channel in channels],
        [channel.bounce_count for channel in channels],
        [channel.last_bounce_at for channel in channels],
        [clean(channel.last_bounce_summary) for channel in channels],
        [channel.last_transient_bounce_at for channel in channels],
        [clean(channel.last_transient_bounce_summary) for channel in channels],
        [channel.last_suppression_bounce_at for channel in channels],
        [channel.created_at for channel in channels],
        [fold(address) for address in addresses],
    ]
    return arrays, clean.replaced


def _given(channel: Channel) -> int:
    given = channel.model_fields_set
    return sum(1 << bit for bit, name in enumerate(OPTIONAL_FIELDS) if name in given)
