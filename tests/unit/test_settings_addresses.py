"""What may stand in `base_url`."""

import pytest

from sync_worker.settings.addresses import check_base_url, is_loopback, origin


@pytest.mark.parametrize(
    "url",
    [
        "ftp://school.edu", "school.edu", "https://", "https:///x", "https://school.edu/canvas",
        "https://u:geheim@school.edu", "https://school.edu?geheim=1", "https://school.edu/#x", "https://school.edu:x",
        "https://school.edu:99999", "https://[::1", "https://a b.edu", "",
    ],
)  # fmt: skip
def test_refused(url: str) -> None:
    """Anything but scheme, host and port is refused, without repeating what may be a password."""
    with pytest.raises(ValueError, match="write it as") as caught:
        check_base_url(url)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://School.Instructure.com/", "https://school.instructure.com"),
        ("https://school.edu:443", "https://school.edu"),
        ("http://school.edu:80", "http://school.edu"),
        ("https://school.edu:80", "https://school.edu:80"),
        ("HTTPS://school.edu.:8443", "https://school.edu:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_origin(url: str, expected: str) -> None:
    """The origin has a lower-case host, and a port only where it is not the scheme's own."""
    assert origin(check_base_url(url)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:1", True), ("http://LOCALHOST", True), ("http://127.8.8.8", True), ("http://[::1]", True),
        ("http://canvas.localhost", True), ("http://localhost.evil.edu", False), ("http://10.0.0.1", False),
        ("https://school.edu", False),
    ],
)  # fmt: skip
def test_loopback(url: str, *, expected: bool) -> None:
    """Loopback is this machine by name or number, and nothing that looks like it."""
    assert is_loopback(url) is expected
