"""Logs: one pipeline, on stderr, without secrets and addresses."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sync_worker import logs

TOKEN = "7~Xk3secretToken"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging and the registered secrets as they were."""
    root, secrets = logging.getLogger(), set(logs._secrets)
    before = (root.handlers[:], root.level, logging.getLogger(logs.ROOT).level)
    yield
    root.handlers[:], root.level = before[0], before[1]
    logging.getLogger(logs.ROOT).setLevel(before[2])
    logging.captureWarnings(capture=False)
    logs._secrets.clear()
    logs._secrets.update(secrets)


@pytest.fixture
def out() -> io.StringIO:
    """Where logs go, at level info, as JSON."""
    stream = io.StringIO()
    logs.configure(None, "info", stream)
    return stream


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json_lines_where_there_is_no_terminal(out: io.StringIO) -> None:
    """One JSON object a line, with level and a UTC time in ISO form."""
    logs.get_logger().info("batch done", users=250, ratio=0.5, last=None)
    (line,) = lines(out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {"event": "batch done", "level": "info", "users": 250, "ratio": 0.5, "last": None}


def test_console() -> None:
    """On request, and on a terminal, lines are for people."""
    stream = io.StringIO()
    logs.configure("console", "info", stream)
    logs.get_logger().info("batch done", users=250)
    assert re.search(r"\[info +\] batch done +users=250", stream.getvalue())


def test_levels(out: io.StringIO) -> None:
    """The program speaks at its level, libraries from warning on; asyncpg does not, for we tell its news ourselves."""
    logs.get_logger("sync_worker.canvas").debug("no")
    logging.getLogger("aiohttp.client").info("no")
    logging.getLogger("aiohttp.server").warning("careful %s", "now")
    logs.configure("json", "debug", out)
    logs.get_logger("sync_worker.canvas").debug("yes")
    assert [(line["event"], line["level"]) for line in lines(out)] == [("careful now", "warning"), ("yes", "debug")]
    assert lines(out)[0]["logger"] == "aiohttp.server"


def test_nothing_twice(out: io.StringIO) -> None:
    """Configuring again replaces what was."""
    logs.configure("json", "info", out)
    logs.get_logger().info("once")
    assert len(lines(out)) == 1


def test_bound_values_are_on_every_line(out: io.StringIO) -> None:
    """Run and instance, on lines of libraries too; a `with` block ends them."""
    with logs.bind(run=7, instance="main"):
        logs.get_logger().info("a")
        logging.getLogger("aiohttp.server").warning("b")
    logs.get_logger().info("c")
    assert [(line.get("run"), line.get("instance")) for line in lines(out)] == [(7, "main"), (7, "main"), (None, None)]


def test_no_secret_gets_through(out: io.StringIO) -> None:
    """A registered secret is hidden in events, keys, nested values, objects, exceptions and libraries' lines."""
    logs.register_secret(TOKEN)
    logs.register_secret(" ")
    log, message = logs.get_logger(), f"token {TOKEN}"
    log.info(message, a=TOKEN, b=[{TOKEN: (TOKEN, {TOKEN})}], c=ValueError(TOKEN), d=TOKEN.encode())
    error = RuntimeError(TOKEN)
    error.__cause__ = ValueError(TOKEN)
    log.error("failed", exc_info=error)
    logging.getLogger("asyncio").error("task %s", TOKEN, exc_info=error)
    assert TOKEN not in out.getvalue()
    assert out.getvalue().count(logs.REDACTED) >= 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer 1~abc.DEF", "Authorization: Bearer [redacted]"),
        ("GET /x?access_token=abc&page=2", "GET /x?access_token=[redacted]&page=2"),
        ('{"access_token": "abc"}', '{"access_token": "[redacted]"}'),
        ("postgresql://me:p@w@host/db", "postgresql://me:[redacted]@w@host/db"),
        ("postgresql://me@host/db at 12:30", "postgresql://me@host/db at 12:30"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_what_looks_like_a_credential(text: str, expected: str) -> None:
    """Bearer tokens, access tokens and passwords in URLs are hidden without being registered."""
    assert logs.redact(text) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sheldon@caltech.example.com", "s***@c***.com"),
        ("@x", "***@x***.x"),
        ("+1 (555) 123-4567", "***67"),
        ("device-token", "***"),
        ("", "***"),
    ],
)
def test_addresses_are_masked(address: str, expected: str) -> None:
    """Enough to recognise, not enough to write to."""
    assert logs.mask_address(address) == expected


def test_emails_in_events_are_masked(out: io.StringIO) -> None:
    """Whoever forgets to mask an address has it masked."""
    logs.get_logger().warning("moved anna.b+c@mail.example.edu.", to=["<x@y.org>"], version="a@1")
    (line,) = lines(out)
    assert line["event"] == "moved a***@m***.edu."
    assert line["to"] == ["<x***@y***.org>"]
    assert line["version"] == "a@1"
