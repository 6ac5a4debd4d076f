"""Going through checks: a failure stops those that need it, and no other."""

import pytest

from sync_worker.errors import ConfigError, DocumentError, Forbidden, Stopped, TokenRefused, Trouble, Unreachable
from sync_worker.flows.doctor.finding import Check, Examination, Opinion, fail, fine, untested, warn
from sync_worker.logs import register_secret


async def opinion(given: Opinion | Exception) -> Opinion:
    """A check that finds this, or breaks so."""
    if isinstance(given, Exception):
        raise given
    return given


def check(name: str, given: Opinion | Exception, *needs: str) -> Check:
    """A check of that name."""
    return Check(name=name, look=lambda: opinion(given), needs=needs)


async def found(*checks: Check, instance: str = "") -> dict[str, tuple[str, str, int]]:
    """State, finding and exit code by name."""
    examination = Examination()
    await examination.go_through(checks, instance)
    return {each.name: (each.state.value, each.finding, each.exit_code) for each in examination.findings}


async def test_one_failure_stops_only_what_needs_it() -> None:
    """Also indirectly; a warning and what is not tested stop nothing."""
    seen = await found(
        check("a", fail("broken", "mend it", 7)),
        check("b", fine("well"), "a"),
        check("c", fine("well"), "b"),
        check("d", warn("so so", "look"), "x"),
        check("e", untested("who knows"), "d"),
        check("f", fine("well"), "e", "d"),
    )
    assert seen == {
        "a": ("failure", "broken", 7),
        "b": ("unknown", "not checked, because of: a", 0),
        "c": ("unknown", "not checked, because of: b", 0),
        "d": ("warning", "so so", 0),
        "e": ("unknown", "who knows", 0),
        "f": ("ok", "well", 0),
    }


async def test_instances_do_not_stop_each_other() -> None:
    """What concerns all stops every one."""
    examination = Examination()
    await examination.go_through([check("all", fail("broken", "", 2))])
    await examination.go_through([check("own", fail("broken", "", 2)), check("x", fine("well"), "own")], "one")
    await examination.go_through([check("x", fine("well"), "own"), check("y", fine("well"), "all")], "two")
    assert [(each.instance, each.name, each.state.value) for each in examination.findings] == [
        ("", "all", "failure"),
        ("one", "own", "failure"),
        ("one", "x", "unknown"),
        ("two", "x", "ok"),
        ("two", "y", "unknown"),
    ]


@pytest.mark.parametrize(
    ("error", "finding", "code"),
    [
        (ConfigError("no token", where="instances.main", hint="Write one"), "instances.main: no token", 2),
        (DocumentError("d.csv:1: a\nd.csv:2: b\nd.csv:3: c"), "d.csv:1: a (and 2 more)", 2),
        (TokenRefused("refused"), "refused", 5),
        (Unreachable("away"), "away", 7),
        (Forbidden("not for you", where="GET /x"), "GET /x: not for you", 5),
        (Trouble("no usable answer"), "no usable answer", 7),
        (KeyError("slip"), "the check itself broke: KeyError: 'slip'", 1),
    ],
)
async def test_an_error_is_a_failure(error: Exception, finding: str, code: int) -> None:
    """With the exit code of a run that meets it, and the others are looked at all the same."""
    seen = await found(check("a", error), check("b", fine("well")))
    assert seen == {"a": ("failure", finding, code), "b": ("ok", "well", 0)}


async def test_a_signal_ends_everything() -> None:
    """It is no finding."""
    with pytest.raises(Stopped):
        await found(check("a", Stopped(15)))


async def test_no_secret_is_told() -> None:
    """Whatever an error cites."""
    register_secret("sesam-oeffne-dich")
    seen = await found(check("a", ConfigError("cannot use sesam-oeffne-dich")))
    assert seen["a"][1] == "cannot use [redacted]"
