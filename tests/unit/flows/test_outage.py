"""Trouble for everybody is told from trouble for some."""

from datetime import UTC, datetime

import pytest

from sync_worker.channels import Failure, Gone, ReadOutcome, Snapshot, Unreadable
from sync_worker.errors import CanvasUnreachable, Forbidden, RequestFailed, TokenRefused, Trouble
from sync_worker.flows.outage import SUSPICIOUS, OutageWatch, is_trouble, unreachable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = "https://school.example.com"


def failed(kind: str = "trouble") -> Failure:
    """A user that could not be read."""
    return Failure(user_id=1, read_at=NOW, kind=kind, status=500, message="no")


class Probe:
    """Answers with an error, or not; counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked = 0

    async def __call__(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


async def noted(probe: Probe, outcomes: list[ReadOutcome]) -> None:
    """Let a watch see some outcomes."""
    watch = OutageWatch(probe, ORIGIN)
    for outcome in outcomes:
        await watch.note(trouble=is_trouble(outcome))


async def test_some_trouble_is_not_suspicious() -> None:
    """One short of the limit."""
    probe = Probe(Trouble("down"))
    await noted(probe, [failed()] * (SUSPICIOUS - 1))
    assert probe.asked == 0


@pytest.mark.parametrize(
    "between",
    [
        Snapshot(user_id=1, read_at=NOW, channels=()),
        Gone(user_id=1, read_at=NOW),
        Unreadable(user_id=1, read_at=NOW, message="no"),
        failed("incomplete"),
        failed("rejected"),
    ],
)
async def test_any_answer_between_begins_the_count_again(between: ReadOutcome) -> None:
    """Canvas is there, if only to say no."""
    probe = Probe(Trouble("down"))
    await noted(probe, [*[failed()] * (SUSPICIOUS - 1), between, *[failed()] * (SUSPICIOUS - 1)])
    assert probe.asked == 0


async def test_an_outage() -> None:
    """The probe has the same trouble: the run ends, resumable, with the reason."""
    probe = Probe(Trouble("no connection", where="GET /users/self"))
    with pytest.raises(CanvasUnreachable, match=r"GET /users/self.*no connection.*Nothing was concluded") as stopped:
        await noted(probe, [failed()] * SUSPICIOUS)
    assert (probe.asked, stopped.value.exit_code) == (1, 7)


@pytest.mark.parametrize("answer", [None, Forbidden("no"), RequestFailed("no")])
async def test_canvas_answers_the_probe(answer: Exception | None) -> None:
    """It is these users' trouble; asked again only after as much more of it."""
    probe = Probe(answer)
    await noted(probe, [failed()] * (2 * SUSPICIOUS - 1))
    assert probe.asked == 1
    await noted(probe, [failed()] * (2 * SUSPICIOUS))
    assert probe.asked == 3


async def test_what_is_about_the_run_goes_on_its_way() -> None:
    """A refused token is told as such."""
    with pytest.raises(TokenRefused):
        await noted(Probe(TokenRefused("no")), [failed()] * SUSPICIOUS)


def test_what_trouble_is() -> None:
    """Of the failures only the one that says nothing about its user."""
    assert is_trouble(failed())
    assert not is_trouble(failed("incomplete"))
    assert not is_trouble(Gone(user_id=1, read_at=NOW))


def test_unreachable_says_where() -> None:
    """The request that the run depends on."""
    error = unreachable(Trouble("broke off", where="GET /accounts/self/users"), ORIGIN)
    said = f"{ORIGIN}: Canvas does not answer as it should: GET /accounts/self/users: broke off"
    assert str(error).startswith(said)
