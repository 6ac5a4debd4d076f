"""The control routes: what a test can do with the objects in process, over HTTP.

Under `/_control/`, without token and throttle; JSON in and out, NDJSON for what may be long.

    GET    info                     token, seed, number of users, whether it throttles
    GET    channels                 NDJSON: every live channel as a site administrator sees it
    GET    users                    NDJSON: every user there ever was, with `state` and `merged_into`
    GET    counters                 `Counters.as_json`
    GET    counters/channel_lists   {user id: pages of its channel list that were asked for}
    DELETE counters                 begin again
    POST   mutate                   {"do": operation, …its arguments}; NDJSON: the changes
    POST   churn                    {"fraction": 0.01, "seed": 7}; NDJSON: the changes
    POST   faults                   the fields of a `Fault`
    DELETE faults                   no more trouble
    POST   late                     carry out what gateways still hold back
    POST   tokens                   {"do": add | revoke | expire_after | block | renew, "token": …, …}
"""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from aiohttp import web

from sync_worker.sandbox.faults import fault_from_json
from sync_worker.sandbox.model import Change, Json
from sync_worker.sandbox.mutations import mutate
from sync_worker.sandbox.options import Role
from sync_worker.sandbox.render import dump
from sync_worker.sandbox.world import World

PREFIX = "/_control/"

LINES = 500
"""Lines of NDJSON that are written at once."""

NDJSON = "application/x-ndjson"

Body = Mapping[str, Any]
Churn = Callable[[float, int], list[Change]]
Result = Json | Iterable[Json]


class Control:
    """Each route is one method: a parsed body in, one object or many out."""

    def __init__(self, world: World, *, churn: Churn, carry_out_late: Callable[[], None]) -> None:
        self._world = world
        self._churn = churn
        self._carry_out_late = carry_out_late
        self._routes: dict[str, Callable[[Body], Result]] = {
            "GET info": self._info,
            "GET channels": lambda _: self._world.school.live_channels(),
            "GET users": lambda _: self._world.school.user_states(),
            "GET counters": lambda _: self._world.counters.as_json(),
            "GET counters/channel_lists": self._channel_lists,
            "DELETE counters": self._reset,
            "POST mutate": self._mutate,
            "POST churn": self._churned,
            "POST faults": self._add_fault,
            "DELETE faults": self._clear_faults,
            "POST late": self._late,
            "POST tokens": self._tokens,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one control request; 404 for an unknown route, 400 for what cannot be done."""
        path = request.raw_path.partition("?")[0].removeprefix(PREFIX)
        route = self._routes.get(f"{request.method} {path}")
        if route is None:
            return web.json_response({"error": "no such control route", "routes": sorted(self._routes)}, status=404)
        try:
            result = route(json.loads(await request.read() or b"{}"))
        except (KeyError, ValueError, TypeError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response(result) if isinstance(result, dict) else await _stream(request, result)

    def _info(self, _body: Body) -> Json:
        options = self._world.options
        return {
            "token": options.token,
            "seed": options.seed,
            "users": len(self._world.school.users),
            "throttle": options.throttle,
        }

    def _channel_lists(self, _body: Body) -> Json:
        return {str(user_id): count for user_id, count in self._world.counters.channel_lists.items()}

    def _reset(self, _body: Body) -> Json:
        self._world.counters.reset()
        return {}

    def _mutate(self, body: Body) -> Result:
        return (change.as_json() for change in mutate(self._world.school, body))

    def _churned(self, body: Body) -> Result:
        return (change.as_json() for change in self._churn(float(body["fraction"]), int(body["seed"])))

    def _add_fault(self, body: Body) -> Json:
        self._world.faults.add(fault_from_json(body))
        return {}

    def _clear_faults(self, _body: Body) -> Json:
        self._world.faults.clear()
        return {}

    def _late(self, _body: Body) -> Json:
        self._carry_out_late()
        return {}

    def _tokens(self, body: Body) -> Json:
        tokens, value = self._world.tokens, body["token"]
        match body["do"]:
            case "add":
                tokens.add(value, role=Role(body["role"]), user_id=body.get("user_id"))
            case "revoke":
                tokens.revoke(value)
            case "expire_after":
                tokens.expire_after(value, int(body["requests"]))
            case "block":
                tokens.block(value, blocked=body.get("blocked", True))
            case "renew":
                tokens.renew(value)
            case other:
                raise ValueError(f"no such operation on a token: {other}")
        return {}


async def _stream(request: web.BaseRequest, items: Iterable[Json]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": NDJSON})
    response.enable_chunked_encoding()
    await response.prepare(request)
    lines = map(dump, items)
    while piece := list(islice(lines, LINES)):
        await response.write(("\n".join(piece) + "\n").encode())
    return response
