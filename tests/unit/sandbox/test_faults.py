"""Which requests a fault strikes, and what it makes of them."""

import gzip
import json

import pytest

from sync_worker.sandbox import Fault, FaultKind, mischief
from sync_worker.sandbox.answers import Answer, Delivery, json_answer
from sync_worker.sandbox.faults import Facts, FaultBook, fault_from_json
from sync_worker.sandbox.routes import Route

URL = "http://127.0.0.1:5/api/v1/users/5/communication_channels?page=2"


def facts(user_id: int | None = 5, *, route: Route = Route.LIST_CHANNELS, page: int = 1) -> Facts:
    """A request."""
    return Facts(route=route, user_id=user_id, page=page)


def book(*faults: Fault) -> FaultBook:
    """A book with these rules."""
    made = FaultBook()
    for fault in faults:
        made.add(fault)
    return made


def hits(faults: FaultBook, *requests: Facts) -> list[bool]:
    """Which of the requests are struck."""
    return [faults.strike(request) is not None for request in requests]


def test_a_rule_without_conditions_strikes_everything() -> None:
    """For ever."""
    assert hits(book(Fault()), facts(), facts(None, route=Route.UNKNOWN), facts(page=3)) == [True] * 3


def test_a_route_is_a_condition() -> None:
    """By its name."""
    rule = book(Fault(route="create"))
    assert hits(rule, facts(route=Route.CREATE), facts(route=Route.DELETE)) == [True, False]


def test_an_unknown_route_or_kind_is_an_error() -> None:
    """A rule that could never strike would let a test pass for nothing."""
    with pytest.raises(ValueError, match="list_chanels"):
        Fault(route="list_chanels")
    with pytest.raises(ValueError, match="explode"):
        Fault(kind="explode")
    with pytest.raises(TypeError):
        fault_from_json({"rute": "create"})


def test_users_are_a_condition() -> None:
    """Those named, and nobody else."""
    rule = book(Fault(user_ids=frozenset({5, 6})))
    assert hits(rule, facts(5), facts(7), facts(6), facts(None)) == [True, False, True, False]


def test_a_share_of_users_is_always_the_same_share() -> None:
    """About that part of them; another salt, other users."""
    rule, other = book(Fault(user_share=0.3)), book(Fault(user_share=0.3, salt=1))
    users = [facts(i) for i in range(2000)]
    first = hits(rule, *users)
    assert first == hits(rule, *users) != hits(other, *users)
    assert sum(first) == pytest.approx(600, rel=0.1)
    assert hits(rule, facts(None)) == [False]


def test_a_share_of_requests_is_left_to_a_chance_that_can_be_repeated() -> None:
    """About that part of them, of the same user too; another salt, others; ordinals count what is struck."""
    requests = [facts(5)] * 2000
    first = hits(book(Fault(share=0.05)), *requests)
    assert first == hits(book(Fault(share=0.05)), *requests) != hits(book(Fault(share=0.05, salt=1)), *requests)
    assert sum(first) == pytest.approx(100, rel=0.3)
    assert hits(book(Fault(share=0.05, last=1)), *requests).index(True) == first.index(True)
    assert sum(hits(book(Fault(share=0.05, last=1)), *requests)) == 1
    assert not any(hits(book(Fault(share=0.0)), *requests))


def test_a_fault_is_called_by_its_kind_unless_it_has_a_name() -> None:
    """For whoever counts."""
    assert (Fault(kind="html").name, Fault(status=502, name="502").name) == ("html", "502")


def test_a_page_is_a_condition() -> None:
    """The second page only."""
    assert hits(book(Fault(page=2)), facts(page=1), facts(page=2)) == [False, True]


def test_ordinals_count_the_requests_that_match() -> None:
    """From the second to the third that the other conditions let through."""
    rule = book(Fault(route="create", first=2, last=3))
    other, right = facts(), facts(route=Route.CREATE)
    assert hits(rule, right, other, right, other, right, right) == [False, False, True, False, True, False]


def test_times_limits_how_often_it_strikes() -> None:
    """In all, or for each user."""
    assert hits(book(Fault(times=2)), facts(1), facts(2), facts(3)) == [True, True, False]
    rule = book(Fault(times_per_user=1))
    assert hits(rule, facts(1), facts(2), facts(1), facts(2)) == [True, True, False, False]


def test_the_first_rule_that_strikes_counts() -> None:
    """A used-up one leaves the field to the next."""
    rule = book(Fault(status=502, times=1), Fault(status=503))
    struck = [rule.strike(facts()) for _ in range(2)]
    assert [fault.status for fault in struck if fault] == [502, 503]


def test_an_empty_book_is_false() -> None:
    """And a cleared one."""
    rule = book(Fault())
    assert rule
    rule.clear()
    assert not rule


def test_a_rule_can_be_written_as_json() -> None:
    """With lists for sets and names for kinds."""
    fault = fault_from_json({"kind": "html", "route": "list_users", "user_ids": [1, 2], "times": 1})
    assert fault == Fault(kind=FaultKind.HTML, route=Route.LIST_USERS, user_ids=frozenset({1, 2}), times=1)


REPLACING = {
    FaultKind.STATUS: 500,
    FaultKind.LATE: 500,
    FaultKind.THROTTLE: 403,
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.INVALID_TOKEN: 401,
    FaultKind.MISSING_SCOPE: 401,
    FaultKind.FIREWALL: 403,
    FaultKind.GARBAGE: 200,
    FaultKind.CLOSE: 200,
    FaultKind.HTML: 200,
    FaultKind.EMPTY: 200,
    FaultKind.EMPTY_LIST: 200,
    FaultKind.REDIRECT: 302,
    FaultKind.FLOOD: 200,
    FaultKind.ENDLESS: 200,
    FaultKind.GZIP_BOMB: 200,
}


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_either_replaces_the_work_or_lets_it_be_done(kind: FaultKind) -> None:
    """What replaces it has the status that its kind says."""
    answer = mischief.instead(Fault(kind=kind), url=URL, refusal_status=403)
    assert (answer.status if answer else None) == REPLACING.get(kind)


def test_links_can_lead_back_or_away() -> None:
    """{url} is the request's own, {base} its origin."""
    loop = mischief.spoil(Fault(kind="link", link='<{url}>; rel="next"'), Answer(), url=URL)
    assert loop.headers["link"] == f'<{URL}>; rel="next"'
    away = mischief.instead(Fault(kind="redirect", link="{base}/login"), url=URL, refusal_status=403)
    assert away is not None
    assert away.headers["location"] == "http://127.0.0.1:5/login"


def test_spoiling_keeps_what_it_does_not_spoil() -> None:
    """Each kind changes one thing."""

    def spoiled(fault: Fault) -> Answer:
        return mischief.spoil(fault, json_answer([{"id": 1, "user_id": 5}]), url=URL)

    assert spoiled(Fault(kind="reset_after")).delivery is Delivery.NONE
    assert spoiled(Fault(kind="cut")).delivery is Delivery.CUT
    assert (spoiled(Fault(kind="drip", seconds=2)).pause, spoiled(Fault(kind="drip")).size) == (2, 16)
    assert spoiled(Fault(kind="truncated_json")).body == b'[{"id":1,"u'
    assert json.loads(spoiled(Fault(kind="wrong_user", user_id=9)).body) == [{"id": 1, "user_id": 9}]
    assert spoiled(Fault(kind="shut")).delivery is Delivery.LAST
    assert spoiled(Fault(kind="hang")) == json_answer([{"id": 1, "user_id": 5}])


def test_a_connection_ends_in_order_unless_abrupt() -> None:
    """Whether nothing, all or half was done before."""
    for abrupt in (False, True):
        closed = mischief.instead(Fault(kind="close", abrupt=abrupt), url=URL, refusal_status=403)
        assert closed is not None
        spoiled = [mischief.spoil(Fault(kind=k, abrupt=abrupt), Answer(), url=URL) for k in ("reset_after", "cut")]
        assert [each.abrupt for each in (closed, *spoiled)] == [abrupt] * 3


def test_a_bomb_is_small_until_it_is_opened() -> None:
    """A megabyte of blanks in a thousandth of it."""
    bomb = mischief.instead(Fault(kind="gzip_bomb", size=10**6), url=URL, refusal_status=403)
    assert bomb is not None
    assert bomb.headers == {"content-encoding": "gzip"}
    assert len(bomb.body) < 2000
    assert len(gzip.decompress(bomb.body)) == 10**6 + 1
