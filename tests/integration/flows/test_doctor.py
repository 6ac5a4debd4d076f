"""`doctor` in broken states: each gets its right answer, and nothing else is called broken."""

import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from typing_extensions import override

from sync_worker.cli.exits import worst
from sync_worker.clock import Clock
from sync_worker.mirror.database import connect
from sync_worker.mirror.lock import writing
from sync_worker.sandbox import Fault, FaultKind
from sync_worker.sandbox.clock import Clock as CanvasClock
from sync_worker.sandbox.options import Role
from tests.integration.flows.ward import Ward, ward

ON_CANVAS: Final = ("user agent", "canvas clock", "token", "throttle", "account", "list users", "read channels")
BEYOND_TOKEN: Final = ("throttle", "account", "list users", "read channels", "bounce details")


class HurryingClock(CanvasClock):
    """An hour and a half ahead."""

    @override
    def now(self) -> datetime:
        return super().now() + timedelta(minutes=90)


async def nothing(_: Ward) -> None:
    """All is well."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A broken state, and the right answer to it."""

    name: str
    breaking: Callable[[Ward], Awaitable[str | None]] = nothing  # may return another database's address
    options: Mapping[str, Any] = field(default_factory=dict)  # of the sandbox
    failures: Mapping[str, str] = field(default_factory=dict)  # check: a part of the finding or the remedy
    warnings: Mapping[str, str] = field(default_factory=dict)
    unchecked: tuple[str, ...] = field(default=())  # at least
    code: int = 0


# --- How things break -----------------------------------------------------------------------------------


def closed_port() -> int:
    """Where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def setting(**given: Any) -> Callable[[Ward], Awaitable[None]]:
    """Other settings of the instance."""

    async def change(ward: Ward) -> None:
        ward.instance |= given

    return change


def general(**given: Any) -> Callable[[Ward], Awaitable[None]]:
    """Settings of other tables than the instance's."""

    async def change(ward: Ward) -> None:
        ward.general |= {key.replace("__", "."): value for key, value in given.items()}

    return change


async def no_way_around(ward: Ward) -> None:
    """The pooler answers, the database behind it does not."""
    ward.direct_url = f"postgresql://mirror:geheim@127.0.0.1:{closed_port()}/school"


def fault(**given: Any) -> Callable[[Ward], Awaitable[None]]:
    """Canvas answers so."""

    async def change(ward: Ward) -> None:
        ward.sandbox.add_fault(Fault(**given))

    return change


def statement(text: str) -> Callable[[Ward], Awaitable[None]]:
    """Something happened in the database."""

    async def change(ward: Ward) -> None:
        await ward.sql(text)

    return change


def bound_to(root_account: str) -> Callable[[Ward], Awaitable[None]]:
    """The first run was some time ago."""

    async def change(ward: Ward) -> None:
        columns = "instance, origin, root_account_id, bound_at"
        values = f"'main', '{ward.sandbox.base_url}', {root_account}, now()"
        await ward.sql(f"INSERT INTO worker.instances ({columns}) VALUES ({values})")  # noqa: S608  (constants)

    return change


def queried(text: str) -> Callable[[Ward], Awaitable[None]]:
    """Users out of a query."""

    async def change(ward: Ward) -> None:
        ward.instance |= {"users": ["query:users.sql", "self"]}
        ward.file("users.sql", text)

    return change


def document(name: str, text: str) -> Callable[[Ward], Awaitable[None]]:
    """A desired state."""

    async def change(ward: Ward) -> None:
        ward.file(name.removeprefix("query:"), text)
        ward.instance |= {"desired.file": name}

    return change


async def revoked(ward: Ward) -> None:
    """Somebody deleted the token in Canvas."""
    ward.sandbox.tokens.revoke(ward.sandbox.token)


async def blocked(ward: Ward) -> None:
    """The token is on the throttle's block list."""
    ward.sandbox.tokens.block(ward.sandbox.token)


async def canvas_away(ward: Ward) -> None:
    """Nobody listens there."""
    ward.instance |= {"base_url": f"http://127.0.0.1:{closed_port()}"}


async def database_away(_: Ward) -> str:
    """Nobody listens there."""
    return f"postgresql://mirror:geheim@127.0.0.1:{closed_port()}/school"


async def wrong_database(ward: Ward) -> str:
    """There is none of that name."""
    return ward.database_url.replace("/test_", "/no_such_")


def as_role(*grants: str) -> Callable[[Ward], Awaitable[str]]:
    """Log in as somebody who was granted no more than that."""

    async def change(ward: Ward) -> str:
        role = f"weak_{ward.database_url.split('test_')[1].split('?')[0]}"
        await ward.sql(f"CREATE ROLE {role} LOGIN")

        async def forget() -> None:
            await ward.sql(f"DROP OWNED BY {role}")
            await ward.sql(f"DROP ROLE {role}")

        ward.stack.push_async_callback(forget)
        for grant in grants:
            await ward.sql(f"GRANT {grant} TO {role}")
        return ward.database_url.replace("sync_worker@", f"{role}@")

    return change


async def locked(ward: Ward) -> None:
    """A run is at work."""
    database = await ward.stack.enter_async_context(connect(ward.database_url))
    await ward.stack.enter_async_context(writing(database, "main", "run", Clock()))


def for_everybody(folder: Path, token: str) -> None:
    """Put a token into a folder of pytest's or the system's, whoever may enter it."""
    folder.chmod(0o755)
    (folder / "token").write_text(token, encoding="utf-8")
    (folder / "token").chmod(0o644)


async def open_token_file(ward: Ward) -> None:
    """As a text editor leaves it, in a folder that everybody may enter."""
    folder = Path(ward.stack.enter_context(tempfile.TemporaryDirectory()))
    for_everybody(folder, ward.sandbox.token)
    ward.instance |= {"token_file": str(folder / "token")}


async def no_token_file(ward: Ward) -> None:
    """It was never made."""
    ward.token_file.unlink()


async def bad_write_token(ward: Ward) -> None:
    """The token for reading is good, the other one is not."""
    ward.file("write-token", "somebody-elses")
    (ward.folder / "write-token").chmod(0o600)
    ward.instance |= {"write_token_file": "write-token"}


def soon(days: int) -> str:
    """A day from today."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()  # noqa: TID251  (the doctor's clock is real)


# --- The table ------------------------------------------------------------------------------------------

BAD_CSV = "user,type,address,state\n1000,email,a@x.example,present\n,email,b@x.example,present\n1001,fax,1,absent\n"
READ = ("USAGE ON SCHEMA mirror, worker, reporting", "SELECT ON ALL TABLES IN SCHEMA mirror, worker")

CASES = (
    Case(name="healthy"),
    Case(name="revoked token", breaking=revoked, failures={"token": "refused"}, unchecked=BEYOND_TOKEN, code=5),
    Case(
        name="a plain user's token",
        options={"token_role": Role.USER},
        failures={"list users": '"Users - view list"'},
        warnings={"account": "may not see account self", "bounce details": "may not see bounces"},
        code=5,
    ),
    Case(
        name="no right to see bounces",
        options={"token_role": Role.ACCOUNT_ADMIN},
        warnings={"bounce details": "may not see bounces"},
    ),
    Case(
        name="User-Agent refused",
        breaking=fault(status=403, body="403 Forbidden (this User-Agent is not allowed)"),
        failures={"user agent": "user_agent_contact"},
        unchecked=("token", *BEYOND_TOKEN),
        code=2,
    ),
    Case(name="no throttle headers", options={"throttle": False}, warnings={"throttle": "no throttle headers"}),
    Case(
        name="quota used by others",
        breaking=fault(
            route="get_user",
            last=1,
            status=200,
            body='{"id": "1000"}',
            headers={"x-rate-limit-remaining": "120.5", "x-request-cost": "0.1"},
        ),
        warnings={"throttle": "120 units left"},
    ),
    Case(
        name="block-listed token",
        breaking=blocked,
        failures={"canvas": "Canvas admitted no request"},
        unchecked=ON_CANVAS,
        code=7,
    ),
    Case(name="Canvas away", breaking=canvas_away, failures={"canvas": "no connection"}, unchecked=ON_CANVAS, code=7),
    Case(
        name="Canvas broken",
        breaking=fault(status=503, body="<html>maintenance</html>"),
        failures={"canvas": "status 503"},
        unchecked=ON_CANVAS,
        code=7,
    ),
    Case(
        name="a login page",
        breaking=fault(kind=FaultKind.HTML),
        failures={"canvas": "answers with a web page (status 200)"},
        unchecked=ON_CANVAS,
        code=2,
    ),
    Case(
        name="a firewall's page",
        breaking=fault(status=403, body="<html>blocked</html>"),
        failures={"canvas": "answers with a web page (status 403)"},
        unchecked=ON_CANVAS,
        code=2,
    ),
    Case(
        name="a redirect",
        breaking=fault(kind=FaultKind.REDIRECT, link="https://elsewhere.example/"),
        failures={"canvas": "redirects elsewhere (status 302)"},
        unchecked=ON_CANVAS,
        code=2,
    ),
    Case(
        name="pages on another origin",
        breaking=fault(kind=FaultKind.LINK, route="list_users", link='<https://elsewhere.example/?page=2>; rel="next"'),
        failures={"list users": "another origin"},
        code=7,
    ),
    Case(
        name="an account that does not exist",
        breaking=setting(account="99"),
        failures={"account": "knows no account 99", "list users": "knows no account 99"},
        code=2,
    ),
    Case(
        name="Canvas's clock",
        options={"canvas_clock": HurryingClock()},
        warnings={"canvas clock": "ahead of this machine's"},
    ),
    Case(
        name="token ends soon",
        breaking=setting(token_expires=soon(14)),
        warnings={"token": "in 14 days"},
    ),
    Case(name="token file for everybody", breaking=open_token_file, warnings={"configuration": "chmod 600"}),
    Case(
        name="no token file",
        breaking=no_token_file,
        failures={"token file": "cannot read"},
        unchecked=("canvas", *ON_CANVAS),
        code=2,
    ),
    Case(name="write token refused", breaking=bad_write_token, failures={"write token": "refused"}, code=5),
    Case(
        name="database away",
        breaking=database_away,
        failures={"database": "cannot be reached"},
        unchecked=("database rights", "schema", "database clock", "binding", "lock", "times"),
        code=7,
    ),
    Case(
        name="the way around the pooler is dead",
        breaking=no_way_around,
        failures={"direct connection": "is database.direct_url right?"},
        code=7,
    ),
    Case(
        name="no such database",
        breaking=wrong_database,
        failures={"database": "does not exist"},
        unchecked=("schema", "lock"),
        code=2,
    ),
    Case(
        name="schema too old",
        breaking=statement(
            "DELETE FROM worker.migrations WHERE version = (SELECT max(version) FROM worker.migrations)"
        ),
        failures={"schema": "sync-worker db migrate"},
        unchecked=("binding", "lock"),
        code=2,
    ),
    Case(
        name="schema too new",
        breaking=statement("INSERT INTO worker.migrations VALUES (9999, 'future', 'x')"),
        failures={"schema": "upgrade this program"},
        unchecked=("binding", "lock"),
        code=2,
    ),
    Case(
        name="a role that may only read",
        breaking=as_role(*READ),
        failures={"database rights": "INSERT, UPDATE, DELETE ON TABLE mirror.channel_history"},
        code=2,
    ),
    Case(
        name="a role that may do nothing",
        breaking=as_role(),
        failures={"database rights": "USAGE ON SCHEMA", "schema": "permission denied"},
        unchecked=("binding", "lock"),
        code=2,
    ),
    Case(name="locked", breaking=locked, warnings={"lock": "held by `run` of "}),
    Case(
        name="bound to another Canvas",
        breaking=statement(
            "INSERT INTO worker.instances (instance, origin, bound_at) VALUES ('main', 'https://old.example', now())"
        ),
        failures={"binding": "is a mirror of https://old.example"},
        code=2,
    ),
    Case(
        name="bound to the Canvas that was there before",
        breaking=bound_to("777"),
        failures={"account": "a mirror of root account 777"},
        code=2,
    ),
    Case(name="bound to this Canvas", breaking=bound_to("1")),
    Case(name="bound by a token that may see no account", breaking=bound_to("NULL")),
    Case(
        name="mistakes in the desired state",
        breaking=document("desired.csv", BAD_CSV),
        failures={"desired state": "desired.csv:3"},
        code=2,
    ),
    Case(
        name="a query that PostgreSQL refuses",
        breaking=document("query:desired.sql", "SELECT nothing"),
        failures={"desired state": "query desired.sql, line 1"},
        code=2,
    ),
    Case(
        name="a list of users that is not there",
        breaking=setting(users=["file:nobody.csv"]),
        failures={"users": "nobody.csv"},
        code=2,
    ),
    Case(
        name="a query for users that PostgreSQL refuses",
        breaking=queried("SELECT no_such_column\nFROM mirror.users"),
        failures={"users": "query users.sql, line 1"},
        code=2,
    ),
    Case(name="a query for users", breaking=queried("SELECT id FROM mirror.users")),
    Case(
        name="nothing at the end of a run comes out",
        breaking=general(metrics__textfile="not/there/sync.prom", notify__command=["no-such-program", "--verbose"]),
        warnings={"metrics textfile": "there is no folder", "notify command": "no-such-program is not in any folder"},
    ),
    Case(
        name="all at the end of a run comes out",
        breaking=general(metrics__textfile="sync.prom", notify__command=["/bin/sh", "-c", "cat"]),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_state_gets_its_right_answer(tmp_path: Path, database_url: str, case: Case) -> None:
    """What is broken is named with its reason or remedy; all else is well, or is said to be unchecked because of it."""
    async with ward(tmp_path, database_url, **case.options) as bed:
        found = await bed.findings(await case.breaking(bed))
        by_name = {each.name: each for each in found}
        assert len(by_name) == len(found)
        for state, expected in (("failure", case.failures), ("warning", case.warnings)):
            assert {
                name: each.finding for name, each in by_name.items() if each.state == state
            }.keys() == expected.keys()
        for name, text in {**case.failures, **case.warnings}.items():
            assert text in f"{by_name[name].finding} → {by_name[name].remedy}"
        for name in case.unchecked:
            assert by_name[name].finding.startswith("not checked, because of: "), name
        assert worst(each.exit_code for each in found) == case.code
        assert {each.exit_code for each in found if each.state != "failure"} <= {0}
        bed.assert_nothing_sent()
        assert all(secret not in str(found) for secret in (bed.sandbox.token, "geheim"))


def test_there_are_enough_states() -> None:
    """More than ten, each with a name of its own."""
    assert len({case.name for case in CASES}) == len(CASES) > 10


async def test_a_healthy_one_in_its_own_words(tmp_path: Path, database_url: str) -> None:
    """Whose token, what is seen, what only writing would show."""
    async with ward(tmp_path, database_url) as bed:
        found = {each.name: each for each in await bed.findings()}
        assert [name for name, each in found.items() if each.state == "unknown"] == [
            "disk",
            "create and delete",
            "skip confirmation",
        ]
        assert found["token"].finding == "valid: user 1000 (user1000); when it ends is not known here (token_expires)"
        assert found["user agent"].finding == "accepted, with lms@school.example"
        assert found["account"].finding == "Example University (1)"
        assert found["list users"].finding == "150 on the first pages of account self"
        assert found["read channels"].finding.startswith("3 of 3 users that were tried can be read: ")
        assert found["bounce details"].finding == "visible"
        assert found["throttle"].finding.startswith("the headers are there: 600 units left, a request costs about 0.")
        assert found["lock"].finding == "free"
        assert found["binding"].finding == f"not bound yet: the first run binds it to {bed.sandbox.base_url}"
        assert found["schema"].finding.startswith("current: ")
        assert "first create of an apply goes alone" in found["skip confirmation"].remedy
        assert bed.sandbox.counters.by_route["list_users"] == 2
        assert await bed.sql("SELECT instance FROM worker.instances UNION ALL SELECT instance FROM worker.runs") == []


async def test_before_the_first_run(tmp_path: Path, empty_database_url: str) -> None:
    """An empty database is in order: nothing is migrated by looking."""
    async with ward(tmp_path, empty_database_url) as bed:
        found = {each.name: each for each in await bed.findings()}
        assert {each.state.value for each in found.values()} == {"ok", "unknown"}
        assert found["schema"].finding.startswith("nothing in it yet: the first run applies ")
        assert (found["lock"].state, found["binding"].state) == ("unknown", "unknown")
        assert await bed.sql("SELECT to_regnamespace('worker')::text AS schema") == [{"schema": None}]


async def test_some_users_only(tmp_path: Path, database_url: str) -> None:
    """Where nobody is listed, those that are named are tried."""
    async with ward(tmp_path, database_url, token_role=Role.USER) as bed:
        own, other = bed.sandbox.admin_id, 1001
        bed.instance["users"] = [f"id:{own},{other}"]
        found = {each.name: each for each in await bed.findings()}
        assert found["list users"].finding == "not needed: users come from elsewhere"
        assert (found["read channels"].state, found["read channels"].finding) == (
            "warning",
            "1 of 2 users that were tried can be read",
        )
        bed.instance["users"] = [f"id:{other}"]
        found = {each.name: each for each in await bed.findings()}
        assert (found["read channels"].state, found["read channels"].exit_code) == ("failure", 5)
