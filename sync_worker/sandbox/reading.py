"""From an aiohttp request to a `Call`. The fast path is a GET: no body, few parameters."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sync_worker.sandbox.identify import parse_user_ref
from sync_worker.sandbox.routes import Target, match
from sync_worker.sandbox.world import Call, World

STRING_IDS = "application/json+canvas-string-ids"


async def read_call(world: World, request: web.BaseRequest) -> Call:
    """Parse the request line, the headers and, where there is one, the body."""
    path, _, text = request.raw_path.partition("?")
    query = parse_qsl(text, keep_blank_values=True) if text else []
    params = dict(query)
    if request.method != "GET":
        params.update(await _form(request))
    target = match(request.method, path)
    call = Call(
        target=target,
        base=f"{request.scheme}://{request.headers.get('Host', '')}",
        path=path,
        query=query,
        params=params,
        token=_token(request, params),
        string_ids=STRING_IDS in request.headers.get("Accept", ""),
    )
    _find_user(world, call, target)
    return call


def _find_user(world: World, call: Call, target: Target) -> None:
    if not target.user:
        return
    token = world.tokens.get(call.token)
    ref = parse_user_ref(target.user, shard=world.options.shard)
    call.user = world.school.find(ref, me=token.user_id if token else None)


def _token(request: web.BaseRequest, params: Mapping[str, str]) -> str:
    header = request.headers.get("Authorization", "")
    if header.startswith("Bearer "):
        return header[7:].strip()
    return params.get("access_token", "")


async def _form(request: web.BaseRequest) -> dict[str, str]:
    """The body's fields in the bracketed form, whether it came urlencoded, as multipart or as JSON."""
    if request.content_type == "application/json":
        try:
            return dict(_flatten(json.loads(await request.read() or b"{}")))
        except ValueError:
            return {}
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _flatten(body: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        path = f"{parent}[{name}]" if parent else name
        if isinstance(value, dict):
            yield from _flatten(value, path)
        else:
            yield path, str(value)
