"""Laws of telling answers apart."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sync_worker.canvas.answers import Answer, Asked, Meaning, classify, error_for, retry_after
from sync_worker.errors import SyncWorkerError

ANSWERS = st.builds(
    Answer,
    status=st.integers(100, 999),
    headers=st.dictionaries(st.sampled_from(["WWW-Authenticate", "Retry-After"]), st.text()).map(CIMultiDict),
    body=st.binary() | st.text().map(lambda text: b'{"errors":"' + text.encode(errors="replace") + b'"}'),
)
ASKED = st.builds(Asked, method=st.sampled_from(["GET", "POST", "DELETE"]), path=st.text(), by_number=st.booleans())


@given(ASKED, ANSWERS)
def test_every_answer_has_a_meaning_and_every_meaning_words(asked: Asked, answer: Answer) -> None:
    """Nothing raises; only a number can be gone; only a 2xx is good."""
    meaning = classify(asked, answer)
    assert meaning is not Meaning.GONE or (asked.by_number and answer.status == 404)
    assert meaning is not Meaning.OK or answer.status in {200, 201}
    if meaning is not Meaning.OK:
        error = error_for(meaning, asked, answer, secret="7~abc")
        assert isinstance(error, SyncWorkerError)
        assert "\n" not in str(error)


@given(st.text() | st.floats().map(str) | st.datetimes().map(str))
def test_retry_after_is_never_negative(value: str) -> None:
    """Whatever stands there."""
    seconds = retry_after(CIMultiDict({"Retry-After": value}), datetime(2026, 1, 1, tzinfo=UTC))
    assert seconds is None or seconds >= 0
