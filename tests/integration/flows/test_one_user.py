"""One user's response never ends a run, an apply or anything else; what is said to everybody still does.

Faults strike over real HTTP, one user each: what the others get, and what the neutral question gets, is Canvas's own.
"""

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any, Final

import pytest

from sync_worker.errors import CanvasUnreachable, ClientRefused, QuotaExhausted, TokenRefused
from sync_worker.sandbox import Fault, FaultKind
from tests.faults.scene import HurriedClock
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.harness import Stage, quick, staged

PROBE_INTERVAL: Final = timedelta(seconds=30)
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
BEARER: Final = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}
USER_AGENT: Final = '{"error":"Forbidden","message":"Please send a valid user agent"}'
YEARS: Final = str(10 * 365 * 86_400)

REFUSED: Final[dict[str, dict[str, Any]]] = {
    "invalid token": {"kind": FaultKind.INVALID_TOKEN},
    "401 with WWW-Authenticate": {"status": 401, "headers": BEARER},
    "401 page with WWW-Authenticate": {"status": 401, "body": "<html>", "content_type": HTML, "headers": BEARER},
    "401 with odd words": {"status": 401, "body": r'{"errors":"\ud800\u0000 \u001b[31m"}', "headers": BEARER},
    "insufficient scopes": {"kind": FaultKind.MISSING_SCOPE},
    "firewall page": {"kind": FaultKind.FIREWALL},
    "403 JSON for the user agent": {"status": 403, "body": USER_AGENT},
    "429": {"status": 429},
    "429 page": {"status": 429, "body": "<html>slow down</html>", "content_type": HTML},
    "429 for years": {"status": 429, "headers": {"Retry-After": YEARS}},
    "429 until 9999": {"status": 429, "headers": {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}},
    "429 until 1970": {"status": 429, "headers": {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}},
    "429 for no time at all": {"status": 429, "headers": {"Retry-After": "-99999999"}},
    "429 for 10^400": {"status": 429, "headers": {"Retry-After": "1" + "0" * 400}},
    "throttle": {"kind": FaultKind.THROTTLE},
    "throttle, blocked": {
        "status": 403,
        "body": "403 Forbidden (Rate Limit Exceeded)",
        "content_type": TEXT,
        "headers": {"X-Rate-Limit-Remaining": "0.0"},
    },
}
"""What is said of the token, the program or the speed."""

BROKEN: Final[dict[str, dict[str, Any]]] = {
    "redirect elsewhere": {"kind": FaultKind.REDIRECT, "link": "https://elsewhere.example/login"},
    "endless body": {"kind": FaultKind.ENDLESS},
    "wrong content type": {"status": 200, "body": "channels: []", "content_type": "application/x-yaml"},
    "no HTTP": {"kind": FaultKind.GARBAGE},
    "login page": {"kind": FaultKind.HTML},
    "404 page": {"status": 404, "body": "<html>nginx</html>", "content_type": HTML},
    "401 page": {"status": 401, "body": "<html>Log in</html>", "content_type": HTML},
    "strange compression": {"status": 200, "body": "[]", "headers": {"Content-Encoding": "br"}},
    "strange status": {"status": 599},
    "unknown 3xx": {"status": 399, "headers": {"Location": "gopher://x"}},
    "bad Link": {"kind": FaultKind.LINK, "link": "<http://[>; rel=next"},
}
"""What is said by somebody else than Canvas."""


def striking(user_ids: Iterable[int], answer: dict[str, Any], **more: Any) -> Fault:
    """This answer to every request for these users' channels."""
    return Fault(**{"route": "list_channels", "user_ids": frozenset(user_ids), **answer, **more})


# --- A run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*REFUSED, *BROKEN])
async def test_a_run_names_the_user_and_reads_the_others(database_url: str, name: str) -> None:
    """Exit 3 tonight and tomorrow, one failure, whose rows stay; everybody else is up to date; then all is well."""
    async with staged(database_url, options=quick(users=30), clock=HurriedClock()) as stage:
        stage.instance = {"max_body_mb": 1}
        await stage.run()
        user, other = (next(u for u in ids if stage.channels_of(u)) for ids in (stage.ids[7:], stage.ids[25:]))
        kept = await stage.rows_of(user)
        for each in (user, other):
            stage.school.create(each, "email", f"new{each}@example.com")
        stage.sandbox.add_fault(striking([user], {**REFUSED, **BROKEN}[name]))
        for _ in range(2):
            stage.sandbox.counters.reset()
            report = await stage.run(min_coverage_percent=90.0)
            assert (report.exit_code, report.figures.users_failed, report.figures.users_done) == (3, 1, 29)
            assert stage.sandbox.counters.channel_lists[user] <= 4
            assert stage.sandbox.counters.by_route["get_user"] <= 1
        failures = await stage.fetch("SELECT user_id, kind, message FROM worker.failures WHERE resolved_at IS NULL")
        assert {row["user_id"] for row in failures} == {user}
        assert {row["kind"] for row in failures} <= ({"refused"} if name in REFUSED else {"trouble", "incomplete"})
        assert f"/users/{user}/communication_channels" in failures[0]["message"]
        assert await stage.rows_of(user) == kept
        assert set(await stage.rows_of(other)) == stage.channels_of(other)
        stage.sandbox.clear_faults()
        assert (await stage.run()).exit_code == 0
        await stage.assert_equal()


async def test_a_missing_scope_is_named(stage: Stage) -> None:
    """As the list of the developer key has it."""
    stage.sandbox.add_fault(striking([stage.ids[7]], {"kind": FaultKind.MISSING_SCOPE}))
    assert (await stage.run()).exit_code == 3
    message = await stage.value("SELECT message FROM worker.failures")
    assert "url:GET|/api/v1/users/:user_id/communication_channels" in message


@pytest.mark.parametrize("name", ["invalid token", "firewall page", "429 for years"])
async def test_the_first_user_of_all_is_struck(database_url: str, name: str) -> None:
    """There is no answer about anybody before; and the run has only this one user."""
    async with staged(database_url, options=quick(users=5), clock=HurriedClock()) as stage:
        user = stage.ids[3]
        stage.sandbox.add_fault(striking([user], REFUSED[name]))
        report = await stage.run(f"id:{user}", min_coverage_percent=0.0)
        assert (report.exit_code, report.figures.users_failed) == (3, 1)


@pytest.mark.parametrize("name", ["invalid token", "firewall page", "429"])
async def test_nine_users_in_a_row(database_url: str, name: str) -> None:
    """They failed, each alone; one probe serves all who ask within half a minute (by the worker's clock)."""
    async with staged(database_url, options=quick(users=30), clock=HurriedClock()) as stage:
        await stage.run()
        struck = stage.ids[5:14]
        stage.sandbox.add_fault(striking(struck, REFUSED[name]))
        stage.sandbox.counters.reset()
        report = await stage.run(min_coverage_percent=0.0)
        assert (report.exit_code, report.figures.users_failed) == (3, 9)
        assert stage.sandbox.counters.by_route["get_user"] <= 1 + report.took / PROBE_INTERVAL


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("invalid token", TokenRefused),
        ("401 with WWW-Authenticate", TokenRefused),
        ("insufficient scopes", TokenRefused),
        ("firewall page", ClientRefused),
    ],
)
async def test_ten_users_in_a_row_are_everybody(database_url: str, name: str, error: type[Exception]) -> None:
    """Although the neutral question is answered: the run stops, few were asked, and it goes on later."""
    async with staged(database_url, options=quick(users=200)) as stage:
        await stage.run()
        before = await stage.live()
        stage.sandbox.add_fault(striking([], REFUSED[name]))
        stage.sandbox.counters.reset()
        with pytest.raises(error, match="many users in a row"):
            await stage.run()
        assert len(stage.sandbox.counters.channel_lists) <= 64
        assert stage.sandbox.counters.by_route["get_user"] == 1
        assert await stage.live() == before
        assert (await stage.last_run())["users_failed"] == 0
        stage.sandbox.clear_faults()
        report = await stage.run()
        assert report.exit_code == 0
        await stage.assert_equal()


async def test_a_success_in_between_ends_the_row(database_url: str) -> None:
    """Every other user is struck, twenty in all: twenty failures, and no end."""
    async with staged(database_url, options=quick(users=60)) as stage:
        stage.instance = {"max_concurrency": 1}
        stage.sandbox.add_fault(striking(stage.ids[10:50:2], REFUSED["invalid token"]))
        report = await stage.run(min_coverage_percent=0.0)
        assert (report.exit_code, report.figures.users_failed) == (3, 20)


async def test_many_who_were_refused_do_not_come_first_together(database_url: str) -> None:
    """Twelve users here and there: failures tonight and tomorrow, not a run that ends with its first ten users."""
    async with staged(database_url, options=quick(users=60)) as stage:
        stage.instance = {"max_concurrency": 1}
        stage.sandbox.add_fault(striking(stage.ids[10:58:4], REFUSED["firewall page"]))
        for _ in range(3):
            report = await stage.run(min_coverage_percent=0.0)
            assert (report.exit_code, report.figures.users_failed) == (3, 12)
        stage.sandbox.clear_faults()
        assert (await stage.run()).exit_code == 0
        assert await stage.value("SELECT count(*) FROM worker.failures WHERE resolved_at IS NULL") == 0


async def test_everybody_is_throttled(database_url: str) -> None:
    """The neutral question is not: after ten who gave up, the others wait as long as the patience lasts."""
    async with staged(database_url, options=quick(users=40), clock=HurriedClock()) as stage:
        stage.instance = {"throttle_patience": "60s"}
        stage.sandbox.add_fault(striking([], REFUSED["429"]))
        with pytest.raises(QuotaExhausted):
            await stage.run()
        assert (await stage.last_run())["users_failed"] <= 10


# --- A bad token --------------------------------------------------------------------------------------------


async def test_a_bad_token_stops_within_one_response_and_one_probe(database_url: str) -> None:
    """Revoked in the middle: what was in flight is refused, and the probe; nobody else is asked."""
    async with staged(database_url, options=quick(users=300)) as stage:
        await stage.run()
        stage.instance = {"max_concurrency": 4}
        stage.sandbox.tokens.expire_after(stage.sandbox.token, 150)
        stage.sandbox.counters.reset()
        with pytest.raises(TokenRefused):
            await stage.run()
        assert stage.sandbox.counters.requests <= 150 + 4 + 1
        assert stage.sandbox.counters.by_route["get_user"] <= 1
        assert (await stage.last_run())["users_failed"] == 0


@pytest.mark.parametrize(
    ("name", "error", "requests"),
    [
        ("invalid token", TokenRefused, 1),
        ("insufficient scopes", TokenRefused, 1),
        ("401 with WWW-Authenticate", TokenRefused, 2),
        ("firewall page", ClientRefused, 2),
    ],
)
async def test_the_first_request_of_a_run(stage: Stage, name: str, error: type[Exception], requests: int) -> None:
    """Canvas's own words about the token count at once; anything else is asked about once."""
    stage.sandbox.add_fault(Fault(**REFUSED[name]))
    with pytest.raises(error):
        await stage.run()
    assert stage.sandbox.counters.requests == requests


async def test_a_probe_without_its_scope_proves_that_the_token_lives(database_url: str) -> None:
    """A developer key that may not ask for `/users/:id`: still one user's refusal is its own."""
    async with staged(database_url, options=quick(users=30)) as stage:
        stage.sandbox.add_fault(Fault(route="get_user", kind=FaultKind.MISSING_SCOPE))
        stage.sandbox.add_fault(striking([stage.ids[7]], REFUSED["invalid token"]))
        report = await stage.run(min_coverage_percent=90.0)
        assert (report.exit_code, report.figures.users_failed) == (3, 1)


@pytest.mark.parametrize("answer", [{"status": 503}, {"kind": FaultKind.CLOSE}, {"kind": FaultKind.HTML}])
async def test_a_probe_that_meets_trouble_is_an_outage(database_url: str, answer: dict[str, Any]) -> None:
    """As today: exit 7, nobody is marked as failed, and the run goes on later."""
    async with staged(database_url, options=quick(users=30)) as stage:
        stage.sandbox.add_fault(Fault(route="get_user", **answer))
        stage.sandbox.add_fault(striking([], REFUSED["invalid token"]))
        with pytest.raises(CanvasUnreachable):
            await stage.run()
        assert (await stage.last_run())["users_failed"] == 0


# --- Writes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSED)
async def test_an_apply_goes_on_with_the_others(applying: Applying, name: str) -> None:
    """A create and a delete of one user each are refused, which is clear: nothing was done; the others' are done."""
    stage = applying.stage
    stage.clock = HurriedClock()
    made, gone = (list(islice(applying.desire.plain(), *part)) for part in ((3,), (3, 6)))
    for user in gone:
        stage.school.create(user, "email", f"old{user}@x.example")
    rows = [f"{user},email,n{user}@x.example,present" for user in made]
    number = await applying.planned(*rows, *(f"{user},email,old{user}@x.example,absent" for user in gone))
    for route, user in (("create", made[0]), ("delete", gone[0])):
        stage.sandbox.add_fault(striking([user], REFUSED[name], route=route))
    report = await applying.apply(number)
    refused = {(row["user_id"], row["kind"], row["status"]) for row in await applying.actions(number)}
    assert report.exit_code == 3
    assert {each for each in refused if each[2] != "done"} == {
        (made[0], "create", "refused"),
        (gone[0], "delete", "refused"),
    }
    stage.sandbox.clear_faults()
    await applying.assert_equal([*made, *gone])


async def test_many_actions_of_one_user_end_no_apply(applying: Applying) -> None:
    """More of them than may be refused in a row."""
    users = list(islice(applying.desire.plain(), 8))
    struck = users[0]
    rows = [f"{struck},email,n{number}@x.example,present" for number in range(12)]
    number = await applying.planned(*rows, *(f"{user},email,n@x{user}.example,present" for user in users[1:]))
    applying.stage.sandbox.add_fault(striking([struck], REFUSED["firewall page"], route="create"))
    report = await applying.apply(number)
    assert report.exit_code == 3
    assert await applying.statuses(number) == {"refused": 12, "done": 7}


async def test_a_delete_that_was_perhaps_done_is_not_taken_for_refused(applying: Applying) -> None:
    """Its first answer was lost, its second attempt refused: the look after it counts, here that it is gone."""
    user = next(applying.desire.plain())
    applying.stage.school.create(user, "email", "extra@x.example")
    number = await applying.planned(f"{user},email,extra@x.example,absent")
    applying.stage.sandbox.add_fault(striking([user], {"kind": FaultKind.RESET_AFTER}, route="delete", times=1))
    applying.stage.sandbox.add_fault(striking([user], REFUSED["invalid token"], route="delete"))
    report = await applying.apply(number)
    assert (report.exit_code, await applying.statuses(number)) == (0, {"done": 1})
    (action,) = await applying.actions(number)
    assert "two reads found it done" in action["note"]


# --- Listings, references -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["invalid token", "firewall page", "429"])
async def test_a_page_of_the_listing(database_url: str, name: str) -> None:
    """It concludes nothing: nobody is missing from a listing that broke off, and the run goes on later."""
    async with staged(database_url, options=quick(users=30), clock=HurriedClock()) as stage:
        stage.instance = {"per_page": 10}
        await stage.run()
        stage.sandbox.add_fault(Fault(**{"route": "list_users", "page": 2, **REFUSED[name]}))
        with pytest.raises(CanvasUnreachable, match="GET /accounts/self/users"):
            await stage.run()
        assert await stage.value("SELECT count(*) FROM mirror.users WHERE state <> 'present'") == 0
        stage.sandbox.clear_faults()
        assert (await stage.run()).exit_code == 0


@pytest.mark.parametrize("name", ["invalid token", "firewall page", "429"])
async def test_a_reference_that_is_refused(database_url: str, name: str) -> None:
    """It is a failed reference; the others are looked up."""
    async with staged(database_url, options=quick(users=60), clock=HurriedClock()) as stage:
        users = [user for user in stage.school.users.values() if user.sis_user_id][:6]
        stage.sandbox.add_fault(striking([users[2].id], REFUSED[name], route="get_user"))
        report = await stage.run("sis:" + ",".join(user.sis_user_id for user in users), min_coverage_percent=0.0)
        assert (report.exit_code, report.figures.users_done, report.figures.unresolved) == (3, 5, 1)
