"""Exit codes, and what people are told."""

import logging
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from sync_worker import errors, logs
from sync_worker.cli.exits import PRECEDENCE, exit_code, guarded, worst


def raising(error: BaseException) -> Callable[[], NoReturn]:
    """A command that ends with `error`."""

    def command() -> NoReturn:
        raise error

    return command


def test_the_order_of_the_contract() -> None:
    """130 and 143, 1, 2, 6, 5, 7, 8, 4, 3, 10, 0: the first that applies."""
    assert PRECEDENCE == (130, 143, 1, 2, 6, 5, 7, 8, 4, 3, 10, 0)


@given(st.lists(st.sampled_from(PRECEDENCE), min_size=1))
def test_the_worst_is_one_of_them_and_comes_first(codes: list[int]) -> None:
    """It is among the codes, and none of them stands before it."""
    result = worst(codes)
    assert result in codes
    assert all(PRECEDENCE.index(result) <= PRECEDENCE.index(code) for code in codes)


def test_the_worst_of_odd_codes() -> None:
    """Nothing is done; a code that nobody knows is unexpected."""
    assert worst([]) == 0
    assert worst([99, 3]) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), 2),
        (errors.TokenRefused("x"), 5),
        (errors.LockHeld("x"), 6),
        (errors.DatabaseUnreachable("x"), 7),
        (errors.Trouble("x"), 3),
        (errors.Stopped(2), 130),
        (errors.Stopped(15), 143),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 1),
        (typer.BadParameter("x"), 2),
        (ZeroDivisionError(), 1),
        (ExceptionGroup("g", [errors.Trouble("x"), ExceptionGroup("h", [errors.LockHeld("y")])]), 6),
        (BaseExceptionGroup("g", [ValueError(), KeyboardInterrupt()]), 130),
    ],
)
def test_every_error_has_its_code(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The table of the README, groups included; each says something on stderr, nothing on stdout, no traceback."""
    assert guarded(raising(error)) == exit_code(error) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert all(line.startswith("sync-worker: ") for line in captured.err.splitlines())
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (3, 3)])
def test_a_command_s_value_is_its_code(result: int | None, code: int) -> None:
    """A command gives its exit code back; nothing means 0."""
    assert guarded(lambda: result) == code


@pytest.mark.parametrize(("given_code", "code"), [(None, 0), (4, 4), ("text", 1)])
def test_system_exit_is_respected(given_code: int | str | None, code: int) -> None:
    """A library that leaves by itself is not an error of ours."""
    assert guarded(raising(SystemExit(given_code))) == code


def test_a_configuration_with_several_problems(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each."""
    guarded(raising(errors.ConfigError("f:1: a\nf:2: b")))
    assert capsys.readouterr().err == "sync-worker: f:1: a\nsync-worker: f:2: b\n"


def test_unexpected_errors(capsys: pytest.CaptureFixture[str]) -> None:
    """A short hint; the traceback only at level debug; never a secret."""
    logs.register_secret("geheim-token")
    try:
        guarded(raising(RuntimeError("about geheim-token and anna@example.edu")))
        err = capsys.readouterr().err
        assert "unexpected error: RuntimeError: about [redacted] and a***@e***.edu" in err
        assert "--log-level debug" in err
        logging.getLogger(logs.ROOT).setLevel("DEBUG")
        guarded(raising(RuntimeError("about geheim-token")))
        err = capsys.readouterr().err
        assert "Traceback (most recent call last)" in err
        assert "geheim" not in err
    finally:
        logging.getLogger(logs.ROOT).setLevel("NOTSET")
        logs._secrets.discard("geheim-token")


def test_exit_codes_speak_of_nothing_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors do not go to stdout: that is for a command's value."""

    def command() -> int:
        sys.stdout.write("value\n")
        raise errors.LockHeld("held by another")

    assert guarded(command) == 6
    assert capsys.readouterr() == ("value\n", "sync-worker: held by another\n")
