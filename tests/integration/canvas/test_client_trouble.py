"""Everything that a network and a server can do to an answer: never a shorter list, never a leaked token."""

import gzip
import re
import tracemalloc
import zlib
from typing import Any

import pytest

from sync_worker.canvas.read import read_user
from sync_worker.canvas.retry import RetryPolicy
from sync_worker.channels import Failure, Gone, Snapshot, Unreadable, by_id
from sync_worker.clock import Clock
from sync_worker.errors import ClientRefused, ConfigError, Incomplete, TokenRefused, Trouble
from sync_worker.sandbox import Fault, FaultKind, Sandbox, SandboxOptions
from tests.integration.canvas.harness import EagerClock, client_of, connected, raw_server

OK = "HTTP/1.1 200 OK\nContent-Type: application/json\n"


def somebody(sandbox: Sandbox) -> int:
    """A user with channels."""
    return next(user.id for user in sandbox.school.users.values() if any(user.live_channels()))


# --- Trouble is repeated, and then said ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.STATUS, status=500),
        Fault(kind=FaultKind.STATUS, status=503, body="{}"),
        Fault(kind=FaultKind.STATUS, status=404, body="<html>nginx</html>", content_type="text/html"),
        Fault(kind=FaultKind.STATUS, status=204),
        Fault(kind=FaultKind.CLOSE),
        Fault(kind=FaultKind.CUT),
        Fault(kind=FaultKind.TRUNCATED_JSON),
        Fault(kind=FaultKind.HTML),
        Fault(kind=FaultKind.EMPTY),
        Fault(kind=FaultKind.REDIRECT, link="{base}/api/v1/users/self"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
async def test_trouble_is_repeated_three_times_and_then_a_failure(sandbox: Sandbox, fault: Fault) -> None:
    """The user keeps its rows; the next run tries again."""
    sandbox.add_fault(fault)
    clock = EagerClock()
    user_id = somebody(sandbox)
    async with client_of(sandbox, clock) as client:
        outcome = await read_user(client, clock, user_id)
        assert isinstance(outcome, Failure)
        assert outcome.kind == "trouble"
        assert "attempt 3, the last one" in outcome.message
        assert sandbox.token not in outcome.message
        assert client.traffic.requests == 3
        assert client.traffic.retries == 2
    assert clock.slept == [0.5, 1.0]
    assert sandbox.counters.by_route["get_user"] == 0


@pytest.mark.parametrize("kind", [FaultKind.CLOSE, FaultKind.CUT, FaultKind.TRUNCATED_JSON, FaultKind.HTML])
async def test_trouble_that_passes_is_not_seen(sandbox: Sandbox, kind: FaultKind) -> None:
    """Two bad answers, then a good one."""
    sandbox.add_fault(Fault(kind=kind, times=2))
    async with client_of(sandbox) as client:
        assert await client.list_channels(by_id(somebody(sandbox)))


@pytest.mark.parametrize("kind", [FaultKind.CLOSE, FaultKind.RESET_AFTER])
async def test_nothing_is_sent_past_the_gate(sandbox: Sandbox, kind: FaultKind) -> None:
    """By itself aiohttp repeats a GET whose connection was closed: each request has to be ours, and counted."""
    async with client_of(sandbox) as client:
        await client.get_account("self")
        sandbox.add_fault(Fault(kind=kind))
        with pytest.raises(Trouble):
            await client.list_channels(by_id(somebody(sandbox)))
        assert client.traffic.requests == sandbox.counters.requests == 4


async def test_retry_after_is_waited_for_also_with_a_503(sandbox: Sandbox) -> None:
    """A floor below the jitter; what one request waits in all has a cap, and who asks for years is not heeded."""
    for seconds in ("7", "9999", str(10**9), "1e400", "Fri, 31 Dec 9999 23:59:59 GMT", "-5", "soon"):
        headers = {"Retry-After": seconds}
        sandbox.add_fault(Fault(kind=FaultKind.STATUS, status=503, headers=headers, times=1))
    clock = EagerClock()
    async with client_of(sandbox, clock, retry=RetryPolicy(max_attempts=10, ceiling=1.0)) as client:
        await client.list_channels(by_id(somebody(sandbox)))
    assert clock.slept == [7.5, 54.0, 1.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("fault", "timeouts"),
    [
        (Fault(kind=FaultKind.HANG, seconds=30), {"read_timeout": 0.1}),
        (Fault(kind=FaultKind.DRIP, seconds=0.05, size=1), {"request_timeout": 0.3}),
    ],
)
async def test_an_answer_that_hangs_or_drips_ends_in_time(
    sandbox: Sandbox, fault: Fault, timeouts: dict[str, Any]
) -> None:
    """Between two pieces, and in all."""
    sandbox.add_fault(fault)
    async with client_of(sandbox, retry=RetryPolicy(max_attempts=1), **timeouts) as client:
        with pytest.raises(Trouble, match="no complete answer in time"):
            await client.list_channels(by_id(somebody(sandbox)))


async def test_an_endless_body_is_not_read_to_its_end(sandbox: Sandbox) -> None:
    """Memory has a bound, and the connection is closed."""
    sandbox.add_fault(Fault(kind=FaultKind.FLOOD, size=2**30))
    async with client_of(sandbox, max_body_bytes=10**6, retry=RetryPolicy(max_attempts=1)) as client:
        with pytest.raises(Trouble, match="larger than 1000000 bytes"):
            await client.list_channels(by_id(somebody(sandbox)))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_bomb_bursts_outside(coding: str) -> None:
    """60 MB in some ten kB: stopped at the limit, in constant memory."""
    plain = b"[" + b" " * 60_000_000
    bomb = gzip.compress(plain, 6) if coding == "gzip" else zlib.compress(plain, 6)
    del plain
    head = f"{OK}Content-Encoding: {coding}\nContent-Length: {len(bomb)}"
    async with (
        raw_server(head, bomb) as server,
        connected(server.base_url, "t", max_body_bytes=10**6, retry=RetryPolicy(max_attempts=1)) as client,
    ):
        tracemalloc.start()
        try:
            with pytest.raises(Trouble, match="larger than 1000000 bytes"):
                await client.list_channels(by_id(1))
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("HTP/9 what", b""),
        (f"{OK}Content-Length: 99", b"[]"),
        (f"{OK}Transfer-Encoding: chunked", b"zz\r\n[]\r\n"),
        (f"{OK}Content-Encoding: gzip\nContent-Length: 2", b"[]"),
        (f"{OK}Content-Encoding: gzip\nContent-Length: 20", gzip.compress(b"[]" * 500)[:20]),
        (f"{OK}X: {'x' * 100_000}\nContent-Length: 2", b"[]"),
    ],
    ids=["no-http", "short", "bad-chunk", "no-gzip", "half-gzip", "huge-header"],
)
async def test_what_is_no_http_is_trouble(head: str, body: bytes) -> None:
    """Foreign exceptions end at the edge; the token is in none that travels on."""
    async with raw_server(head, body) as server, connected(server.base_url, "s3cret") as client:
        with pytest.raises(Trouble) as caught:
            await client.list_channels(by_id(1))
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cret" not in repr(error) + repr(vars(error))
        error = error.__cause__


async def test_a_plain_good_answer_of_the_raw_server_is_read() -> None:
    """The raw server itself is no trouble; several Link lines are one list."""
    async with (
        raw_server(
            f"{OK}link: <http://x/>; rel=first\nLINK: <http://x/>; rel=last\nContent-Length: 2", b"[]"
        ) as server,
        connected(server.base_url, "t") as client,
    ):
        assert await client.list_channels(by_id(1)) == ()
    [request] = server.requests
    text = request.decode()
    assert text.startswith("GET /api/v1/users/1/communication_channels?per_page=100 HTTP/1.1\r\n")
    assert re.search(r"\r\nUser-Agent: sync-worker/[\d.]+ \(\+tests@example.com\)\r\n", text)
    assert "\r\nAccept: application/json+canvas-string-ids\r\n" in text
    assert "\r\nAuthorization: Bearer t\r\n" in text


# --- Lists that do not end as they should -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("<{url}>; rel=next", "circles"),
        ("<{base}/api/v1/users/1>; rel=next, <{base}/x>; rel=next", "several"),
        ("<https://evil.example.com/>; rel=next", "another origin"),
        ("garbage; rel=next", "cannot be read"),
    ],
)
async def test_a_list_that_leads_nowhere_is_incomplete(sandbox: Sandbox, link: str, words: str) -> None:
    """Nothing is concluded from what was read before."""
    sandbox.add_fault(Fault(kind=FaultKind.LINK, link=link))
    async with client_of(sandbox) as client:
        outcome = await read_user(client, Clock(), somebody(sandbox))
    assert isinstance(outcome, Failure)
    assert outcome.kind == "incomplete"
    assert words in outcome.message
    assert outcome.message.startswith("GET /users/")


async def test_the_token_goes_nowhere_else(sandbox: Sandbox) -> None:
    """A next link to another port is refused, a redirect not followed by any method: that port hears nothing at all."""
    async with raw_server(f"{OK}Content-Length: 2", b"[]") as elsewhere:
        for fault in (
            Fault(kind=FaultKind.LINK, link=f"<{elsewhere.base_url}/api/v1/x?page=2>; rel=next"),
            Fault(kind=FaultKind.REDIRECT, link=f"{elsewhere.base_url}/"),
        ):
            sandbox.clear_faults()
            sandbox.add_fault(fault)
            async with client_of(sandbox) as client:
                with pytest.raises((Incomplete, Trouble)):
                    await client.list_channels(by_id(somebody(sandbox)))
        async with client_of(sandbox) as client:
            with pytest.raises(Trouble, match="status 302"):
                await client.create_channel(by_id(1), type="email", address="a@x.example", skip_confirmation=True)
            with pytest.raises(Trouble, match="redirects elsewhere, which is never followed"):
                await client.delete_channel(by_id(1), 1)
    assert elsewhere.requests == []


async def test_somebody_elses_channels_are_no_answer(sandbox: Sandbox) -> None:
    """Neither the asked user nor its other form."""
    user_id = somebody(sandbox)
    sandbox.add_fault(Fault(kind=FaultKind.WRONG_USER, user_id=user_id + 1, times=1))
    async with client_of(sandbox) as client:
        outcome = await read_user(client, Clock(), user_id)
        assert isinstance(outcome, Failure)
        assert outcome.kind == "incomplete"
        sandbox.add_fault(Fault(kind=FaultKind.WRONG_USER, user_id=10**13 + user_id))
        assert isinstance(await read_user(client, Clock(), user_id), Snapshot)


# --- What reading a user comes to ---------------------------------------------------------------------------


async def test_a_deleted_user_is_gone_by_number(sandbox: Sandbox) -> None:
    """404 in Canvas's own words; read_at is when the read began."""
    user_id = somebody(sandbox)
    sandbox.school.delete_user(user_id, answer="404")
    clock = EagerClock()
    before = clock.now()
    async with client_of(sandbox, clock) as client:
        outcome = await read_user(client, clock, user_id)
    assert isinstance(outcome, Gone)
    assert before <= outcome.read_at <= clock.now()


async def test_a_user_out_of_reach_is_unreadable(sandbox: Sandbox) -> None:
    """A state of the user, not a failure of the run."""
    user_id = somebody(sandbox)
    sandbox.add_fault(Fault(kind=FaultKind.UNAUTHORIZED, user_ids=frozenset({user_id})))
    async with client_of(sandbox) as client:
        outcome = await read_user(client, Clock(), user_id)
    assert isinstance(outcome, Unreadable)
    assert "may not" in outcome.message


async def test_a_revoked_token_stops_within_one_answer(sandbox: Sandbox) -> None:
    """It says nothing about the user, so it is no outcome."""
    sandbox.tokens.revoke(sandbox.token)
    async with client_of(sandbox) as client:
        with pytest.raises(TokenRefused, match="Canvas refused the access token"):
            await read_user(client, Clock(), somebody(sandbox))
    assert sandbox.counters.requests == 1


async def test_a_refused_program_stops_the_run(sandbox: Sandbox) -> None:
    """A 403 that speaks of the User-Agent."""
    sandbox.add_fault(Fault(kind=FaultKind.STATUS, status=403, body="User-Agent required", content_type="text/plain"))
    async with client_of(sandbox) as client:
        with pytest.raises(ClientRefused, match="user_agent_contact"):
            await read_user(client, Clock(), somebody(sandbox))


@pytest.mark.long
async def test_throttling_uses_up_no_attempt() -> None:
    """More refusals than attempts, the probe among them, and the user is read."""
    options = SandboxOptions(users=3, mean_server_time=0.0, retry_after=True)
    async with Sandbox(options) as sandbox:
        sandbox.add_fault(Fault(kind=FaultKind.STATUS, status=429, headers={"Retry-After": "0"}, times=4))
        async with client_of(sandbox, retry=RetryPolicy(max_attempts=1)) as client:
            assert isinstance(await read_user(client, Clock(), somebody(sandbox)), Snapshot)
            assert client.traffic.refusals == 4
            assert client.traffic.retries == 0
        assert sandbox.counters.by_route["get_user"] == 1


async def test_a_client_is_bound_to_an_address() -> None:
    """Wrong ones are found before anything is sent."""
    with pytest.raises(ConfigError):
        async with connected("school.example.com", "t"):
            pass
