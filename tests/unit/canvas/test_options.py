"""Which address a token may be bound to."""

import pytest

from sync_worker.canvas.options import ClientOptions
from sync_worker.errors import ConfigError


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://school.example.com", "https://school.example.com"),
        ("https://school.example.com/", "https://school.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_scheme_and_host_are_an_origin(base_url: str, origin: str) -> None:
    """With or without a port and the last slash."""
    assert str(ClientOptions(base_url=base_url, token="t").origin()) == origin


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "school.example.com",
        "ftp://a.example.com",
        "https://a.example.com/api/v1",
        "https://u:p@a.example.com",
        "https://a.example.com?x=1",
        "https://a.example.com#x",
        "https://",
        "https://a.example.com:99999",
    ],
)
def test_anything_more_or_less_is_a_configuration_error(base_url: str) -> None:
    """The hint shows how it should look."""
    with pytest.raises(ConfigError, match="scheme and host alone"):
        ClientOptions(base_url=base_url, token="t").origin()


def test_the_token_is_in_no_representation() -> None:
    """Options get printed in debuggers and logs."""
    assert "s3cret" not in repr(ClientOptions(base_url="https://a.example.com", token="s3cret"))


def test_the_user_agent_names_program_and_contact() -> None:
    """Hosted Canvas wants to know whom to write to."""
    options = ClientOptions(base_url="https://a.example.com", token="t", user_agent_contact="me@example.com")
    assert options.user_agent.startswith("sync-worker/")
    assert options.user_agent.endswith(" (+me@example.com)")
    assert "(" not in ClientOptions(base_url="https://a.example.com", token="t").user_agent
