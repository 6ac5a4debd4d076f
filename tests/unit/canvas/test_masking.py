"""How paths and foreign words are shown."""

import pytest

from sync_worker.canvas.masking import LONGEST, shown, shown_path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/users/7/communication_channels", "/users/7/communication_channels"),
        ("/users/7/communication_channels/12", "/users/7/communication_channels/12"),
        ("/users/sis_login_id:ann@a.example.com/x", "/users/sis_login_id:a***@a***.com/x"),
        ("/users/hex:sis_login_id:616e6e40612e6578/x", "/users/hex:sis_login_id:616e…/x"),
        (
            "/users/7/communication_channels/email/a%2Fb%2Bc%40x.org",
            "/users/7/communication_channels/email/a***@x***.org",
        ),
        ("/users/7/communication_channels/sms/%2B15551234567", "/users/7/communication_channels/sms/***67"),
    ],
)
def test_paths_are_shown_without_addresses(path: str, text: str) -> None:
    """What stays is enough to find the request again for who knows the address."""
    assert shown_path(path) == text


def test_foreign_words_become_one_short_printable_line() -> None:
    """Terminal control sequences and novels stay outside."""
    assert shown("a\n\x1b[2Jb\tc") == "a [2Jb c"
    assert len(shown("x" * 5_000)) == LONGEST
