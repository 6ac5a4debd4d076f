"""The model of the bucket, by numbers that can be checked on paper."""

from math import inf, nan

import pytest

from sync_worker.canvas.throttle import (
    BLIND_CEILING,
    MARGIN,
    MAX_BACKOFF,
    BucketModel,
    BucketParameters,
    Ticket,
)

KNOWN = BucketParameters(high_water_mark=600.0, outflow=10.0, up_front_cost=50.0)


def warm(parameters: BucketParameters = KNOWN, *, mark: float = 600.0) -> BucketModel:
    """A model past its slow start, at instant 0, with an empty bucket."""
    model = BucketModel(parameters)
    for _ in range(70):
        model.answered(model.send(0.0), 0.0, cost=0.0, remaining=mark)
    return model


def fill(model: BucketModel, now: float = 0.0) -> list[Ticket]:
    """Send for as long as the model says that one more passes."""
    tickets = []
    while model.wait(now) == 0.0:
        tickets.append(model.send(now))
    return tickets


@pytest.mark.parametrize(("mark", "up_front", "fit"), [(600.0, 50.0, 11), (700.0, 50.0, 13), (600.0, 100.0, 5)])
def test_as_many_fit_as_stay_below_the_mark(mark: float, up_front: float, fit: int) -> None:
    """An empty bucket bears the largest number of reservations below the mark: 11 at the defaults, 13 where hosted."""
    model = warm(BucketParameters(high_water_mark=mark, outflow=10.0, up_front_cost=up_front), mark=mark)
    assert len(fill(model)) == fit


def test_the_twelfth_waits_for_the_leak() -> None:
    """The twelfth would lift the count to the mark: it waits until just below, which is computed."""
    model = warm()
    fill(model)
    assert model.wait(0.0) == pytest.approx(MARGIN / 10.0)
    assert model.wait(MARGIN / 10.0) == 0.0


def test_wait_is_what_has_to_leak() -> None:
    """With 575 units spent and nothing in flight, 25 units (and the margin) have to leak at 10 a second."""
    model = warm()
    model.answered(model.send(0.0), 0.0, cost=575.0, remaining=25.0)
    assert model.wait(0.0) == pytest.approx((25.0 + MARGIN) / 10.0)
    assert model.wait(1.0) == pytest.approx((15.0 + MARGIN) / 10.0)


def test_cost_replaces_the_reservation() -> None:
    """An answer gives 50 back and pays its cost."""
    model = warm()
    ticket = model.send(0.0)
    assert model.state(0.0).remaining == 550.0
    model.answered(ticket, 0.0, cost=0.25, remaining=599.75)
    assert model.state(0.0).remaining == 599.75


def test_reservations_leak_too() -> None:
    """The whole count leaks, reservations included, and stops at 0."""
    model = warm()
    tickets = [model.send(0.0) for _ in range(2)]
    assert model.state(5.0).remaining == 550.0
    assert model.state(50.0).remaining == 600.0
    for ticket in tickets:
        model.answered(ticket, 50.0, cost=0.1, remaining=600.0)
    assert model.state(50.0).remaining <= 600.0


def test_own_requests_in_flight_are_taken_out_of_a_header() -> None:
    """With 10 others in flight an honest header reads 500 lower, and corrects nothing."""
    model = warm()
    tickets = fill(model)
    before = model.state(0.0).remaining
    model.answered(tickets[0], 0.0, cost=0.0, remaining=100.0)
    assert model.state(0.0).remaining == before + 50.0


def test_what_others_spend_counts_at_once() -> None:
    """A header that our own requests cannot explain lowers the room by all that is left over."""
    model = warm()
    tickets = fill(model)
    model.answered(tickets[0], 0.0, cost=0.0, remaining=88.0)  # 12 units are somebody else's
    assert model.state(0.0).remaining == pytest.approx(88.0)


def test_what_others_give_back_counts_slowly() -> None:
    """More room than reckoned is believed by a quarter: the likelier explanation is a late answer."""
    model = warm()
    model.answered(model.send(0.0), 0.0, cost=0.0, remaining=400.0)  # alone: exact
    first, _ = model.send(0.0), model.send(0.0)
    model.answered(first, 0.0, cost=0.0, remaining=360.0)
    assert model.state(0.0).remaining == pytest.approx(352.5)


def test_request_that_goes_alone_is_believed() -> None:
    """Nothing of ours is in its header: the room is what it says, in both directions."""
    model = warm()
    for remaining in (200.0, 580.0):
        model.answered(model.send(0.0), 0.0, cost=0.0, remaining=remaining)
        assert model.state(0.0).remaining == remaining


def test_refusal_lowers_at_once() -> None:
    """After a refusal: a pause of half a second, doubled each time, and half as many in flight."""
    model = warm()
    tickets = fill(model)
    model.refused(tickets[0], 0.0, retry_after=None, remaining=None)
    assert model.wait(0.0) == 0.5
    model.refused(tickets[1], 0.0, retry_after=None, remaining=None)
    assert model.wait(0.0) == 1.0
    assert model.wait(1.0) is None


def test_refusal_leaves_room_to_others_for_a_while() -> None:
    """The room that is left free after a refusal shrinks with time: 50 units, 2.5 a second."""
    model = warm()
    model.refused(model.send(0.0), 0.0, retry_after=None, remaining=0.0)
    just_passes = (50.0 + MARGIN) / 10.0
    assert model.wait(0.0) == just_passes
    assert model.wait(just_passes) == pytest.approx((50.0 - just_passes * 2.5) / (10.0 + 2.5))  # until it leaves room
    assert model.wait(8.1) == 0.0


@pytest.mark.parametrize(("asked", "wait"), [(7.0, 7.0), (0.1, 1.0), (1e13, 1.0), (600.0, MAX_BACKOFF), (nan, 1.0)])
def test_retry_after_is_heeded_within_reason(asked: float, wait: float) -> None:
    """`Retry-After` of refusals in a row makes the pause longer, never shorter, and never longer than the cap."""
    model = warm()
    tickets = [model.send(0.0) for _ in range(2)]
    for ticket in tickets:
        model.refused(ticket, 0.0, retry_after=asked, remaining=None)
    assert model.wait(0.0) == wait


def test_retry_after_of_one_refusal_is_for_its_request_alone() -> None:
    """The others wait for half a second, as after any refusal."""
    model = warm()
    tickets = [model.send(0.0) for _ in range(2)]
    model.refused(tickets[0], 0.0, retry_after=50.0, remaining=None)
    assert model.wait(0.0) == 0.5


def test_what_was_sent_together_is_refused_once() -> None:
    """Ten refusals of one moment are no ten backoffs: half a second, not minutes."""
    model = warm()
    tickets = [model.send(0.0) for _ in range(5)]
    for ticket in tickets:
        model.refused(ticket, 1.0, retry_after=None, remaining=None)
    assert model.wait(1.0) == 0.5
    model.refused(model.send(1.5), 1.6, retry_after=None, remaining=None)
    assert model.wait(1.6) == 1.0


def test_retry_after_ends_with_the_next_answer() -> None:
    """Two users are refused one after the other, and others are not: nobody is asked to wait any more."""
    model = warm()
    tickets = [model.send(0.0) for _ in range(3)]
    for ticket in tickets[:2]:
        model.refused(ticket, 0.0, retry_after=50.0, remaining=None)
    assert model.wait(0.0) == 50.0
    model.answered(tickets[2], 2.0, cost=0.1, remaining=500.0)
    assert (model.wait(2.0) or 0.0) < 10.0


def test_wait_after_a_refusal_is_computed_before_the_mark_is_known() -> None:
    """(needed - remaining) / outflow, also for the very first request."""
    model = BucketModel()
    model.refused(model.send(0.0), 0.0, retry_after=None, remaining=20.0)
    assert model.wait(0.0) == pytest.approx((50.0 + MARGIN - 20.0) / 10.0)


def test_block_listed_token_is_asked_for_at_most_once_a_minute() -> None:
    """Remaining 0.0 for ever: the pauses grow to a minute, and no further."""
    model, now = warm(), 0.0
    for _ in range(20):
        wait = model.wait(now)
        assert wait is not None
        assert wait <= MAX_BACKOFF + 1e-9
        now += wait
        model.refused(model.send(now), now, retry_after=None, remaining=0.0)
    assert model.wait(now) == pytest.approx(MAX_BACKOFF)


def test_mark_below_the_up_front_cost_lets_one_request_through() -> None:
    """A first answer out of a nearly full bucket looks like a tiny mark: one request alone still goes."""
    model = BucketModel()
    model.answered(model.send(0.0), 0.0, cost=0.0, remaining=20.0)
    assert model.wait(0.0) == 0.0
    model.send(0.0)
    assert model.wait(0.0) is None


def test_mark_rises_to_what_is_seen() -> None:
    """No answer ever reads more than the mark."""
    model = BucketModel()
    for remaining in (20.0, 320.0, 600.0):
        model.answered(model.send(0.0), 0.0, cost=0.0, remaining=remaining)
        assert model.state(0.0).high_water_mark == remaining


def test_configured_mark_stays() -> None:
    """What is configured is not learned."""
    model = warm(BucketParameters(high_water_mark=300.0, up_front_cost=50.0))
    assert model.state(0.0).high_water_mark == 300.0


def test_slow_start() -> None:
    """One request until the first answer, then one more for each."""
    model = BucketModel(KNOWN)
    assert len(fill(model)) == 1
    assert model.wait(0.0) is None


@pytest.mark.parametrize("up_front", [20.0, 50.0, 100.0])
def test_up_front_cost_is_learned(up_front: float) -> None:
    """The first answer of a wave shows what each of the others reserves."""
    model, now = BucketModel(), 0.0
    for _ in range(5):
        tickets = fill(model, now)
        for others in range(len(tickets) - 1, -1, -1):
            model.answered(tickets.pop(0), now + 0.06, cost=0.6, remaining=600.0 - up_front * others)
        now += 0.06
    assert model.state(now).up_front_cost == up_front


def test_up_front_cost_of_nothing() -> None:
    """An installation may reserve nothing: then only costs count."""
    model = warm(BucketParameters(up_front_cost=0.0))
    tickets = [model.send(0.0) for _ in range(30)]
    assert model.wait(0.0) == 0.0
    model.answered(tickets[0], 0.0, cost=1.0, remaining=599.0)
    assert model.state(0.0).remaining == pytest.approx(599.0)


def test_nothing_is_learned_from_headers_that_agree_on_nothing() -> None:
    """Samples that contradict one another leave the default."""
    model, now = BucketModel(), 0.0
    for odd in (3.0, 45.0, 200.0, 7.0):
        tickets = fill(model, now)
        for ticket in tickets:
            model.answered(ticket, now, cost=0.0, remaining=600.0 - odd * (len(tickets) - 1))
        now += 1.0
    assert model.state(now).up_front_cost == 50.0


def test_outflow_is_learned_where_the_bucket_is_in_use() -> None:
    """Headers that rise faster than reckoned mean a faster leak; it is taken over by halves."""
    model = warm(BucketParameters(high_water_mark=600.0, up_front_cost=50.0))
    model.answered(model.send(0.0), 0.0, cost=0.0, remaining=100.0)
    keeper = model.send(0.0)
    for tenth in range(1, 202):
        now = tenth / 10
        model.answered(model.send(now), now, cost=2.0, remaining=50.0)  # 20 a second come, and 20 leak
    model.lost(keeper, 20.1)
    assert 15.0 < model.state(20.1).outflow < 20.5


def test_without_headers_a_safe_ceiling() -> None:
    """Blind, never more than 10 are in flight."""
    model = BucketModel()
    for _ in range(50):
        model.answered(model.send(0.0), 0.0, cost=None, remaining=None)
    assert len(fill(model)) == BLIND_CEILING
    assert model.state(0.0).blind
    assert model.wait(0.0) is None


def test_blind_refusals_leave_a_mark() -> None:
    """Blind, the way back up after a refusal is slow."""
    model = BucketModel()
    for _ in range(50):
        model.answered(model.send(0.0), 0.0, cost=None, remaining=None)
    tickets = fill(model)
    model.refused(tickets.pop(), 0.0, retry_after=None, remaining=None)
    for ticket in tickets:
        model.answered(ticket, 0.0, cost=None, remaining=None)
    assert len(fill(model, 1.0)) == 5


@pytest.mark.parametrize("header", [nan, inf, -inf, 1e300, -1e300])
def test_absurd_headers_are_none(header: float) -> None:
    """What no bucket ever reads is as good as absent."""
    model = warm()
    model.answered(model.send(0.0), 0.0, cost=header, remaining=header)
    model.refused(model.send(0.0), 0.0, retry_after=header, remaining=header)
    state = model.state(100.0)
    assert state.blind
    assert state.remaining == 600.0


def test_lost_request_costs_its_seconds() -> None:
    """Its true cost is unknown; CPU and database time are no more than the time that it took."""
    model = warm()
    keeper = model.send(0.0)
    lost = model.send(0.0)
    model.lost(lost, 3.0)
    assert model.state(3.0).remaining == pytest.approx(600.0 - 50.0 + 30.0 - 3.0)
    model.unsent(keeper, 3.0)
    assert model.state(3.0).in_flight == 0


def test_sounding_empties_the_flight_and_sends_one_alone() -> None:
    """When it is due nothing is sent until the flight is empty, then one request."""
    model = warm()
    model.answered(model.send(0.0), 0.0, cost=0.0, remaining=100.0)  # a surprise: look again in ten seconds
    keeper = model.send(9.0)
    assert model.wait(9.9) == 0.0
    assert model.wait(10.0) == 2.0
    model.answered(keeper, 10.1, cost=0.1, remaining=200.0)
    assert model.wait(10.1) == 0.0
    alone = model.send(20.2)
    model.answered(alone, 20.3, cost=0.1, remaining=300.0)
    assert len(fill(model, 20.3)) == 5


def test_soundings_become_rare_where_they_agree() -> None:
    """Twenty seconds between two, then forty."""
    model = warm()
    model.answered(model.send(0.0), 0.0, cost=500.0, remaining=100.0)
    model.send(19.0)
    assert model.wait(20.0) == 2.0
    [ticket] = model._in_flight
    model.lost(ticket, 20.0)
    model.answered(model.send(20.0), 20.0, cost=300.0, remaining=599.0 - 500.0 + 200.0 - 300.0)
    model.send(59.0)
    assert model.wait(59.9) == 0.0
    assert model.wait(60.0) == 2.0


def test_sounding_is_given_up_where_a_request_hangs() -> None:
    """After two seconds the others go on."""
    model = warm()
    model.answered(model.send(0.0), 0.0, cost=0.0, remaining=100.0)
    model.send(9.0)
    assert model.wait(10.0) == 2.0
    assert model.wait(12.0) == 0.0


@pytest.mark.parametrize("remaining", [None, 550.0])
def test_memory_does_not_grow_with_the_answers(remaining: float | None) -> None:
    """Neither without headers nor with one request at a time."""
    model = BucketModel()
    for number in range(5_000):
        ticket = model.send(number * 0.1)
        model.answered(ticket, number * 0.1 + 0.05, cost=0.05, remaining=remaining)
    assert len(model._recent) < 10
