"""The throttle over HTTP: headers, refusals, what is in flight."""

import asyncio
from time import perf_counter

import pytest
from typing_extensions import override

from sync_worker.sandbox.clock import Clock
from sync_worker.tasks import TaskGroup
from tests.integration.sandbox.visitor import Reply, Visitor, visiting

REMAINING = "X-Rate-Limit-Remaining"
COST = "X-Request-Cost"


class StoppedClock(Clock):
    """Time stands still until a test moves it; sleeping is real."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    @override
    def monotonic(self) -> float:
        return self.seconds


async def at_once(visitor: Visitor, count: int) -> list[Reply]:
    """So many requests at the same time, in the order in which they were begun."""
    async with TaskGroup() as group:
        tasks = [group.create_task(visitor.channels("self")) for _ in range(count)]
    return [task.result() for task in tasks]


async def test_an_answer_names_its_cost_and_what_remains() -> None:
    """The mark less the count after the third step."""
    async with visiting(StoppedClock(), mean_cost=2.0, sigma=0.0) as visitor:
        replies = [await visitor.channels("self") for _ in range(3)]
        assert [float(reply.headers[COST]) for reply in replies] == pytest.approx([2.0] * 3)
        assert [float(reply.headers[REMAINING]) for reply in replies] == pytest.approx([598.0, 596.0, 594.0])


async def test_the_bucket_leaks() -> None:
    """Ten units a second."""
    clock = StoppedClock()
    async with visiting(clock, mean_cost=100.0, sigma=0.0) as visitor:
        await visitor.channels("self")
        clock.seconds += 3.0
        assert float((await visitor.channels("self")).headers[REMAINING]) == pytest.approx(430.0)


async def test_the_twelfth_at_once_is_refused() -> None:
    """Eleven are admitted, in flight together, and see each other's reservations."""
    async with visiting(StoppedClock(), mean_server_time=0.2, sigma=0.0, mean_cost=1.0) as visitor:
        replies = await at_once(visitor, 12)
        refused = [reply for reply in replies if reply.status == 403]
        assert len(refused) == 1
        assert refused[0].text.strip() == "403 Forbidden (Rate Limit Exceeded)"
        assert refused[0].headers["Content-Type"].startswith("text/plain")
        assert COST not in refused[0].headers
        assert float(refused[0].headers[REMAINING]) == pytest.approx(50.0)
        remaining = sorted(float(reply.headers[REMAINING]) for reply in replies if reply.status == 200)
        assert remaining == pytest.approx([600 - 50 * others - (11 - others) for others in range(10, -1, -1)])
        counters = visitor.sandbox.counters
        assert (counters.max_in_flight, counters.refusals, counters.requests) == (11, 1, 12)


async def test_newer_installations_refuse_with_429_and_retry_after() -> None:
    """Whole seconds until there would be room."""
    async with visiting(StoppedClock(), refusal_status=429, retry_after=True, mean_cost=704.0, sigma=0.0) as visitor:
        assert (await visitor.channels("self")).status == 200
        reply = await visitor.channels("self")
        assert (reply.status, reply.headers["Retry-After"]) == (429, "16")
        assert reply.text.strip() == "429 Too Many Requests (Rate Limit Exceeded)"
    async with visiting(StoppedClock(), mean_cost=700.0, sigma=0.0) as visitor:
        await visitor.channels("self")
        assert "Retry-After" not in (await visitor.channels("self")).headers


async def test_every_setting_counts() -> None:
    """Another mark, another reservation."""
    async with visiting(
        StoppedClock(), high_water_mark=700.0, up_front_cost=100.0, mean_server_time=0.1, sigma=0.0
    ) as visitor:
        assert [reply.status for reply in await at_once(visitor, 8)].count(200) == 6


async def test_each_token_has_its_own_bucket() -> None:
    """What one spends another has."""
    async with visiting(StoppedClock(), mean_cost=590.0, sigma=0.0) as visitor:
        visitor.sandbox.add_token("other", role=visitor.sandbox.options.token_role)
        assert (await visitor.channels("self")).status == 200
        assert (await visitor.channels("self")).status == 403
        assert (await visitor.channels("self", token="other")).status == 200


async def test_without_throttling_there_are_no_headers() -> None:
    """Both are absent, and nobody is refused."""
    async with visiting(throttle=False, mean_server_time=0.02) as visitor:
        replies = await at_once(visitor, 40)
        assert {reply.status for reply in replies} == {200}
        assert not any(REMAINING in reply.headers or COST in reply.headers for reply in replies)


@pytest.mark.parametrize("throttle", [True, False])
async def test_a_block_listed_token_is_refused_for_ever(throttle: bool) -> None:  # noqa: FBT001  (a parameter set)
    """Remaining 0.0, also where throttling is off for everybody else."""
    async with visiting(throttle=throttle) as visitor:
        visitor.sandbox.tokens.block("sandbox-token")
        for _ in range(3):
            reply = await visitor.channels("self")
            assert (reply.status, reply.headers[REMAINING], COST in reply.headers) == (403, "0.0", False)
            assert "Rate Limit Exceeded" in reply.text
        visitor.sandbox.tokens.block("sandbox-token", blocked=False)
        assert (await visitor.channels("self")).status == 200


async def test_a_bad_token_has_a_bucket_too() -> None:
    """The throttle stands before the authentication."""
    async with visiting(StoppedClock(), mean_cost=590.0, sigma=0.0) as visitor:
        statuses = [(await visitor.channels("self", token="wrong")).status for _ in range(2)]
        assert statuses == [401, 403]


async def test_costs_and_times_come_from_the_seed() -> None:
    """The same requests cost the same."""

    async def costs(seed: int) -> list[str]:
        async with visiting(seed=seed) as visitor:
            return [(await visitor.channels("self")).headers[COST] for _ in range(5)]

    assert await costs(1) == await costs(1) != await costs(2)
    assert len(set(await costs(1))) == 5


async def test_server_time_is_spent_with_the_reservation_held() -> None:
    """Network time is not."""
    async with visiting(mean_server_time=0.1, sigma=0.0) as visitor:
        begin = perf_counter()
        assert (await visitor.channels("self")).status == 200
        assert perf_counter() - begin >= 0.1
        assert visitor.sandbox.counters.max_in_flight == 1


async def test_network_time_holds_no_reservation() -> None:
    """Twenty at once pass one after the other, though they are all open."""
    async with visiting(StoppedClock(), network_time=0.2) as visitor:
        begin = perf_counter()
        replies = await at_once(visitor, 20)
        assert perf_counter() - begin >= 0.2
        assert {reply.status for reply in replies} == {200}
        assert (visitor.sandbox.counters.max_in_flight, visitor.sandbox.counters.max_open) == (1, 20)


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("lower", [b"\r\nx-rate-limit-remaining: ", b"\r\nx-request-cost: ", b"\r\nlink: ", b"\r\ncontent-type: "]),
        ("original", [b"\r\nX-Rate-Limit-Remaining: ", b"\r\nX-Request-Cost: ", b"\r\nLink: ", b"\r\nContent-Type: "]),
    ],
)
async def test_header_names_come_in_either_case(case: str, names: list[bytes]) -> None:
    """As they are on the wire: a client library would hide it."""
    async with visiting(header_case=case) as visitor:
        host, port = visitor.sandbox.base_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        request = (
            f"GET /api/v1/users/self/communication_channels HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: test\r\n"
            "Authorization: Bearer sandbox-token\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
        raw = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
        for name in names:
            assert name in raw
