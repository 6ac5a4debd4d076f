"""What a fault does to a request, and to its answer. Pure.

A fault either replaces the work (`instead`) or spoils its answer (`spoil`); none does both.
"""

import gzip
import json
from collections.abc import Callable
from functools import cache

from sync_worker.sandbox.answers import (
    HTML,
    Answer,
    Delivery,
    firewall,
    invalid_token,
    json_answer,
    missing_scope,
    throttled,
    unauthorized,
)
from sync_worker.sandbox.faults import Fault, FaultKind
from sync_worker.sandbox.render import dump

FLOOD_SIZE = 32 * 2**20
DRIP_SIZE = 16

LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log In to Canvas</title></head><body>Log In</body></html>"


def instead(fault: Fault, *, url: str, refusal_status: int) -> Answer | None:
    """The answer that this fault puts in place of any work; None where the work is done."""
    match fault.kind:
        case FaultKind.STATUS | FaultKind.LATE:
            return _status(fault)
        case FaultKind.REDIRECT:
            location = expand(fault.link, url)
            return Answer(status=302, content_type=HTML, headers={"location": location})
        case FaultKind.THROTTLE:
            return throttled(refusal_status)
        case _:
            make = _PLAIN.get(FaultKind(fault.kind))
            return None if make is None else make(fault)


def spoil(fault: Fault, answer: Answer, *, url: str) -> Answer:
    """Change an answer whose work was done."""
    match fault.kind:
        case FaultKind.RESET_AFTER:
            answer.delivery, answer.abrupt = Delivery.NONE, fault.abrupt
        case FaultKind.CUT:
            answer.delivery, answer.abrupt = Delivery.CUT, fault.abrupt
        case FaultKind.DRIP:
            answer.delivery = Delivery.DRIP
            answer.pause, answer.size = fault.seconds, fault.size or DRIP_SIZE
        case FaultKind.SHUT:
            answer.delivery = Delivery.LAST
        case FaultKind.TRUNCATED_JSON:
            answer.body = answer.body[: len(answer.body) // 2]
        case FaultKind.LINK:
            answer.headers["link"] = expand(fault.link, url)
        case FaultKind.WRONG_USER:
            answer.body = _for_user(answer.body, fault.user_id)
        case _:
            pass
    return answer


def expand(link: str, url: str) -> str:
    """Fill {url} and {base} in; `url` is the request's own, query included."""
    base = "/".join(url.split("/", 3)[:3])
    return link.replace("{url}", url).replace("{base}", base)


def _status(fault: Fault) -> Answer:
    return Answer(
        status=fault.status,
        body=fault.body.encode(),
        content_type=fault.content_type,
        headers={name.lower(): value for name, value in fault.headers.items()},
    )


@cache
def _bomb(size: int) -> bytes:
    return gzip.compress(b"[" + b" " * size)


def _for_user(body: bytes, user_id: int) -> bytes:
    parsed = json.loads(body)
    for item in parsed if isinstance(parsed, list) else [parsed]:
        item["user_id"] = user_id
    return dump(parsed).encode()


_PLAIN: dict[FaultKind, Callable[[Fault], Answer]] = {
    FaultKind.CLOSE: lambda fault: Answer(delivery=Delivery.NONE, abrupt=fault.abrupt),
    FaultKind.FLOOD: lambda fault: Answer(delivery=Delivery.FLOOD, size=fault.size or FLOOD_SIZE),
    FaultKind.ENDLESS: lambda _: Answer(delivery=Delivery.ENDLESS),
    FaultKind.GZIP_BOMB: lambda fault: Answer(
        body=_bomb(fault.size or FLOOD_SIZE), headers={"content-encoding": "gzip"}
    ),
    FaultKind.HTML: lambda _: Answer(body=LOGIN_PAGE, content_type=HTML),
    FaultKind.EMPTY: lambda _: Answer(),
    FaultKind.EMPTY_LIST: lambda _: json_answer([]),
    FaultKind.UNAUTHORIZED: lambda _: unauthorized(),
    FaultKind.INVALID_TOKEN: lambda _: invalid_token(),
    FaultKind.MISSING_SCOPE: lambda _: missing_scope(),
    FaultKind.FIREWALL: lambda _: firewall(),
    FaultKind.GARBAGE: lambda _: Answer(delivery=Delivery.GARBAGE),
}
