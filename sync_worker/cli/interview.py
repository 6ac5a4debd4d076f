"""The questions of `init`: each with a check, asked again until the answer is good; an option answers it beforehand."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import typer

from sync_worker.errors import UsageError
from sync_worker.paths import expanded

T = TypeVar("T")

ATTEMPTS: Final = 5  # at one question
EMBEDDED: Final = "embedded"


def ask(question: str, given: str | None, check: Callable[[str], T], *, option: str, default: str = "") -> T:
    """The checked answer: `given` by the option, else a person's.

    Raises:
        UsageError: the option's value is wrong, or there is nobody to ask.
    """
    if given is not None:
        try:
            return check(given)
        except ValueError as error:
            raise UsageError(str(error), where=option) from None
    suffix = f" [{default}]" if default else ""
    return insist(lambda: _line(f"{question}{suffix}: ", option) or default, check)


def insist(read: Callable[[], str], check: Callable[[str], T]) -> T:
    """Read until it passes the check.

    Raises:
        UsageError: it does not, for too many times.
    """
    for _ in range(ATTEMPTS):
        try:
            return check(read().strip())
        except ValueError as error:
            typer.echo(f"  {error}", err=True)
    raise UsageError("too many wrong answers; nothing was written")


def hidden(question: str, check: Callable[[str], T], *, option: str) -> T:
    """The same, without what is typed on the screen."""
    somebody(option)
    return insist(lambda: getpass.getpass(f"{question}: "), check)


def agreed(question: str, *, option: str) -> bool:
    """Whether a person says yes."""
    return _line(f"{question} [y/N]: ", option).strip().lower() in {"y", "yes"}


def somebody(option: str) -> None:
    """Make sure that there is somebody to ask.

    Raises:
        UsageError: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask at, and nothing was written", hint=f"Give the option {option}")


def _line(question: str, option: str) -> str:
    somebody(option)
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise UsageError("the input has ended; nothing was written")
    return line.strip()


# --- What a good answer is ------------------------------------------------------------------------------


def base_url(text: str) -> str:
    """Scheme and host; https:// may be left out, but not for this machine. Raises `ValueError`, as all of these."""
    from sync_worker.settings.addresses import check_base_url, is_loopback

    whole = "://" in text or not text
    checked = check_base_url(text if whole else f"https://{text}")
    if not whole and is_loopback(checked):
        raise ValueError(f"write http://{text} or https://{text}: on this machine it may be either")
    if checked.startswith("http:") and not is_loopback(checked):
        raise ValueError("http:// would send the token in the clear; write https://")
    return checked


def database_url(text: str) -> str:
    """`embedded`, `embedded:DIR` or a PostgreSQL URL."""
    from pydantic import ValidationError

    from sync_worker.settings import DatabaseTable

    try:
        DatabaseTable.model_validate({"url": text})
    except ValidationError as error:
        raise ValueError(error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")) from None
    return text


def contact(text: str) -> str:
    """An address or a URL for the User-Agent; empty: none."""
    from pydantic import ValidationError

    from sync_worker.settings import InstanceTable

    try:
        InstanceTable.model_validate({"base_url": "http://localhost", "user_agent_contact": text or None})
    except ValidationError as error:
        raise ValueError(error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")) from None
    return text


def token(text: str) -> str:
    """One word."""
    if not text or not text.isprintable() or any(c.isspace() for c in text):
        raise ValueError("the token is one word of letters, digits and ~; paste it as Canvas shows it")
    return text


def token_file(text: str) -> Path:
    """A file that is there."""
    path = expanded(text).absolute()
    if not path.is_file():
        raise ValueError(f"{path} is no file")
    return path
