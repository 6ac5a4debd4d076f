"""What leaves the machine."""

import pytest

from sync_worker.service.scrub import scrubbed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://school.edu/api/v1?access_token=x: no answer", "[URL] no answer"),
        ("postgresql://me:secret@db/x is away", "[URL] is away"),
        ("user ann@school.edu could not be read", "user a***@s***.edu could not be read"),
        ("sms +1 555 123-4567 was refused", "sms +*** was refused"),
        ("1,203 deletions of 20,000 (6.0 %)", "1,203 deletions of 20,000 (6.0 %)"),
    ],
)
def test_neither_addresses_nor_urls(text: str, said: str) -> None:
    """Figures stay."""
    assert scrubbed(text) == said
