"""The roles of sql/roles.sql, logged in to: what each can do, and what it cannot."""

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from sync_worker.clock import Clock
from sync_worker.embedded.binaries import candidates, search_places
from sync_worker.logs import mask_address
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import Migration, migrate, migrations
from sync_worker.mirror.sql import sql_folder
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import fetch, staged
from tests.integration.flows.processes import configured

OWNER, RUN, REPORTING, MASKED = (f"sync_worker_{name}" for name in ("owner", "run", "reporting", "masked"))
ROLES: Final = (RUN, REPORTING, MASKED)
SCHEMAS: Final = ("mirror", "worker", "reporting", "reporting_masked")
MAY: Final[dict[tuple[str, str], set[str]]] = {
    (RUN, "mirror"): {"select", "insert", "update", "delete"},
    (RUN, "worker"): {"select", "insert", "update", "delete"},
    (RUN, "reporting"): {"select"},
    (REPORTING, "mirror"): {"select"},
    (REPORTING, "reporting"): {"select"},
    (MASKED, "reporting_masked"): {"select"},
}
"""What a role may do with the tables and views of a schema; nothing else."""

EXCEPT: Final = {(RUN, "worker.migrations"): {"select"}}

RELATIONS: Final = r"""
    SELECT c.oid::regclass::text AS name, n.nspname AS schema, c.relkind = 'v' AS is_view,
        (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum = 2) AS second_column
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'v', 'm', 'p') ORDER BY 1
"""
STATEMENTS: Final = {
    "select": "SELECT {column} FROM {name} LIMIT 1",
    "insert": "INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM {name} WHERE false",
    "update": "UPDATE {name} SET {column} = {column} WHERE false",
    "delete": "DELETE FROM {name} WHERE false",
    "truncate": "TRUNCATE {name} CASCADE",
    "reference": "CREATE TABLE {schema}.r (x bigint REFERENCES {name})",
    "drop": "DROP {kind} {name} CASCADE",
    "alter": "ALTER {kind} {name} RENAME TO other",
}
ONLY_TABLES: Final = {"truncate", "reference"}


def psql() -> str:
    """The machine's own, else the one beside the embedded server."""
    beside = (folder / "psql" for folder in candidates(search_places(os.environ)))
    return shutil.which("psql") or next(str(path) for path in beside if path.is_file())


def run_script(url: str, *arguments: str) -> None:
    """sql/roles.sql as an administrator runs it."""
    script = str(sql_folder() / "roles.sql")
    done = subprocess.run([psql(), url, *arguments, "-f", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.replace("NOTICE", "")) == (0, ""), done.stderr
    assert done.stdout.startswith("The roles have their rights.")


def as_role(url: str, role: str) -> str:
    """The address of a database for somebody else."""
    return re.sub(r"//[^@/]*@", f"//{role}@", url)


@pytest.fixture
def roles_url(database_url: str) -> str:
    """A migrated database in which the script has run; the administrator's address."""
    run_script(database_url)
    return database_url  # rights go with the database; the roles themselves stay for the next test


@asynccontextmanager
async def logged_in(url: str, role: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of a role's own."""
    connection = await asyncpg.connect(as_role(url, role))
    try:
        yield connection
    finally:
        await connection.close()


async def allowed(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> bool:
    """Whether PostgreSQL lets it pass; nothing of it stays."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    except (asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.WrongObjectTypeError, asyncpg.FeatureNotSupportedError):
        return False  # a view that takes no rows
    finally:
        await transaction.rollback()
    return True


def expected(role: str, relation: dict[str, Any]) -> set[str]:
    """What the table at the top says."""
    may = EXCEPT.get((role, relation["name"])) or MAY.get((role, relation["schema"]), set())
    return may & {"select"} if relation["is_view"] else may


@pytest.mark.parametrize("role", ROLES)
async def test_every_table_and_view(roles_url: str, role: str) -> None:
    """A role can do with each what the table of this file says, and nothing besides."""
    relations = await fetch(roles_url, RELATIONS, list(SCHEMAS))
    assert len(relations) > 40
    async with logged_in(roles_url, role) as connection:
        for relation in relations:
            kind = "VIEW" if relation["is_view"] else "TABLE"
            found = set()
            for what, statement in STATEMENTS.items():
                if relation["is_view"] and what in ONLY_TABLES:
                    continue
                asked = statement.format(**relation, column=relation["second_column"], kind=kind)
                found |= {what} if await allowed(connection, asked) else set()
            assert found == expected(role, relation), relation["name"]


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_creates(roles_url: str, role: str) -> None:
    """No table, view, function or schema, anywhere."""
    async with logged_in(roles_url, role) as connection:
        for schema in (*SCHEMAS, "public"):
            for what in (
                "TABLE {}.x (a int)",
                "VIEW {}.x AS SELECT 1",
                "SEQUENCE {}.x",
                "FUNCTION {}.x() RETURNS int LANGUAGE sql RETURN 1",
            ):
                assert not await allowed(connection, f"CREATE {what.format(schema)}"), (schema, what)
        assert not await allowed(connection, "CREATE SCHEMA x")
        assert not await allowed(connection, "CREATE ROLE x")
        for other in {OWNER, *ROLES} - {role}:
            assert not await allowed(connection, f"SET ROLE {other}")


@pytest.mark.parametrize(("role", "may"), [(RUN, True), (REPORTING, True), (MASKED, False)])
async def test_the_mirror_as_it_was(roles_url: str, role: str, *, may: bool) -> None:
    """channels_as_of shows addresses: to all but the masked role."""
    async with logged_in(roles_url, role) as connection:
        assert await allowed(connection, "SELECT * FROM reporting.channels_as_of(now(), 'main')") is may


async def test_the_script_runs_again_and_before(empty_database_url: str) -> None:
    """Before there is a schema; the owner migrates; again; a later migration needs no third time."""
    run_script(empty_database_url)
    async with connect(as_role(empty_database_url, OWNER)) as database:
        assert await migrate(database, Clock()) == migrations()
        run_script(empty_database_url)
        later = Migration(
            version=9999,
            name="later",
            text="CREATE TABLE mirror.later (a bigint GENERATED ALWAYS AS IDENTITY, b text);"
            "CREATE SEQUENCE worker.later_numbers;"
            "CREATE VIEW reporting.later AS SELECT * FROM mirror.later;"
            "CREATE VIEW reporting_masked.later AS SELECT a FROM mirror.later;"
            "CREATE FUNCTION reporting.later_one() RETURNS int LANGUAGE sql RETURN 1;",
            checksum="x",
        )
        await migrate(database, Clock(), (*migrations(), later))
    asked = {
        "INSERT INTO mirror.later (b) VALUES ('x')": {RUN},
        "SELECT nextval('worker.later_numbers')": {RUN},
        "SELECT * FROM mirror.later": {RUN, REPORTING},
        "SELECT * FROM reporting.later": {RUN, REPORTING},
        "SELECT reporting.later_one()": {RUN, REPORTING},
        "SELECT * FROM reporting_masked.later": {MASKED},
        "TRUNCATE mirror.later": set(),
        "DROP TABLE mirror.later CASCADE": set(),
        "UPDATE worker.migrations SET checksum = 'y'": set(),
    }
    for role in ROLES:
        async with logged_in(empty_database_url, role) as connection:
            for statement, may in asked.items():
                assert await allowed(connection, statement) is (role in may), (role, statement)


async def test_a_stranger(database_url: str) -> None:
    """Any other role of this server sees nothing here."""
    run_script(database_url)
    if not await fetch(database_url, "SELECT FROM pg_roles WHERE rolname = 'stranger'"):
        await fetch(database_url, "CREATE ROLE stranger LOGIN")
    async with logged_in(database_url, "stranger") as connection:
        for relation in await fetch(database_url, RELATIONS, list(SCHEMAS)):
            assert not await allowed(connection, f"SELECT FROM {relation['name']}"), relation["name"]


async def test_an_administrator_who_is_no_superuser(empty_database_url: str) -> None:
    """One who may make roles and owns the database, as managed services have them; roles may have other names."""
    (row,) = await fetch(empty_database_url, "SELECT current_database() AS name")
    name = row["name"]
    if not await fetch(empty_database_url, "SELECT FROM pg_roles WHERE rolname = 'dba'"):
        await fetch(empty_database_url, "CREATE ROLE dba LOGIN CREATEROLE")
    await fetch(empty_database_url, f"ALTER DATABASE {name} OWNER TO dba")
    names = {which: f"{name}_{which}" for which in ("owner", "run", "reporting", "masked")}
    chosen = list(itertools.chain.from_iterable(("-v", f"{which}={role}") for which, role in names.items()))
    for _ in range(2):
        run_script(as_role(empty_database_url, "dba"), *chosen)
        async with connect(as_role(empty_database_url, names["owner"])) as database:
            await migrate(database, Clock())
    async with logged_in(empty_database_url, names["run"]) as connection:
        assert await allowed(connection, "DELETE FROM mirror.users")
        assert not await allowed(connection, "TRUNCATE mirror.users")
    for role in names.values():
        await fetch(empty_database_url, f"DROP OWNED BY {role} CASCADE")
        await fetch(empty_database_url, f"DROP ROLE {role}")


# --- at work --------------------------------------------------------------------------------------------


@pytest.fixture
async def worked(roles_url: str, tmp_path: Path) -> AsyncIterator[Applying]:
    """A school that the run role has read, with a plan carried out and whatever else there is to be seen."""
    async with staged(as_role(roles_url, RUN)) as stage:
        stage.instance["guards"] = GENEROUS
        await stage.run()
        applying = Applying(stage=stage, desire=Desire(stage=stage, folder=tmp_path))
        yield applying


async def live_through(applying: Applying) -> None:
    """Changes, a plan, an apply, a failed read, a held deletion."""
    stage, desire = applying.stage, applying.desire
    user, other, third = itertools.islice(desire.plain(), 3)
    stage.school.readdress(desire.email(user).id, f"moved{user}@x.example")
    stage.school.create(third, "email", f"moved{user}@x.example")
    stage.school.create(user, "sms", "+1 555 010 4477")
    stage.school.bounce(desire.email(other).id, summary=f"no such user: {desire.email(other).address}")
    stage.school.change_sis_id(user, f"old{user}@sis.example")
    await stage.run()
    stage.school.change_sis_id(user, f"CHANGED-{user}")
    await stage.run()
    reason = f"for moved{user}@x.example"
    rows = (f"{user},email,new{user}@x.example,present", f"{other},email,{desire.email(other).address},absent")
    report = await applying.apply(await applying.planned(*rows), reason=reason, allow={"default_change": True})
    assert report.exit_code in {0, 4}
    for each in (user, third):
        stage.school.retire(min(stage.channels_of(each)))
    await stage.run(max_tombstones=0)


async def test_a_day_of_work(worked: Applying) -> None:
    """Reading, planning, applying and holding back need no more than the run role has; the mirror is right."""
    await live_through(worked)
    stage = worked.stage
    await stage.run(settle_held=True)
    await stage.assert_equal()
    assert await stage.value("SELECT count(*) FROM worker.actions WHERE status = 'done'") > 0
    assert await stage.value("SELECT DISTINCT database_role FROM worker.actions WHERE database_role <> ''") == RUN


@pytest.mark.long
def test_commands_as_the_run_role(roles_url: str, tmp_path: Path) -> None:
    """Looking, forgetting, pruning and reporting work; migrating does not, and says who may."""
    url = as_role(roles_url, RUN)
    program = configured(tmp_path, url, "http://127.0.0.1:9", more="[retention]\nhistory = '30d'\nruns = '30d'")
    assert program.run("status").returncode == 0
    assert program.run("db", "status").returncode == 0
    assert program.run("report", "freshness").returncode == 0
    assert program.run("prune").returncode == 0


def test_psql_as_the_reporting_role(roles_url: str) -> None:
    """Who may only look gets rows."""
    url = as_role(roles_url, REPORTING)
    done = subprocess.run(
        [psql(), url, "-Atc", "SELECT count(*) FROM reporting.current_channels"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0\n")


async def contents_of(url: str, role: str, schema: str) -> Iterator[str]:
    """Every row of every view that a role can see, as text."""
    relations = await fetch(url, RELATIONS, [schema])
    async with logged_in(url, role) as connection:
        return iter(
            [
                row["row"]
                for relation in relations
                for row in await connection.fetch(f"SELECT to_jsonb(t)::text AS row FROM {relation['name']} t")  # noqa: S608  (names of the catalogue)
            ]
        )


async def test_the_masked_role_sees_no_address(worked: Applying, roles_url: str) -> None:
    """Of all addresses, logins and SIS ids that ever were, none stands in any row; the masks do."""
    await live_through(worked)
    known = await fetch(
        roles_url,
        "SELECT address AS text FROM mirror.communication_channels WHERE type <> 'push' UNION "
        "SELECT address FROM mirror.channel_history WHERE type <> 'push' UNION "
        "SELECT address FROM worker.actions UNION SELECT login_id FROM mirror.users UNION "
        "SELECT sis_user_id FROM mirror.users UNION "
        "SELECT sis_user_id FROM mirror.user_history",
    )
    secrets = {row["text"] for row in known if row["text"] and ("@" in row["text"] or row["text"].startswith("+"))}
    plain = "\n".join(await contents_of(roles_url, REPORTING, "reporting"))
    seen = "\n".join(await contents_of(roles_url, MASKED, "reporting_masked"))
    assert len(secrets) > 100
    assert any(secret in plain for secret in secrets)
    assert [secret for secret in secrets if secret in seen or secret.split("@")[0] + "@" in seen] == []
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w", seen.replace("***@", ""))
    assert "***@x***.example" in seen


@pytest.mark.usefixtures("worked")
async def test_no_function_gives_more(roles_url: str) -> None:
    """Not what PostgreSQL offers everybody either: statistics, definitions, errors, other people's queries."""
    address = (await fetch(roles_url, "SELECT address FROM mirror.communication_channels WHERE address LIKE '%@%'"))[0][
        "address"
    ]
    await fetch(roles_url, "ANALYZE")
    masked = mask_address(address)
    async with logged_in(roles_url, MASKED) as connection:
        assert await connection.fetchval("SELECT count(*) FROM pg_stats WHERE schemaname = 'mirror'") == 0
        for statement in (
            "SELECT mirror.x()",
            "TABLE mirror.communication_channels",
            "TABLE worker.actions",
            "TABLE reporting.current_channels",
            "COPY mirror.communication_channels TO STDOUT",
            "SELECT pg_read_file('postgresql.conf')",
            "SELECT starelid FROM pg_statistic",
            "SELECT query_to_xml('TABLE mirror.users', true, true, '')",
            "SELECT database_to_xml(true, true, '') FROM mirror.users",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(statement)
        with pytest.raises(asyncpg.DataError) as error:
            await connection.fetch(
                "SELECT address::integer FROM reporting_masked.current_channels WHERE address = $1", masked
            )
        assert address not in str(error.value)
        plan = await connection.fetch("EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM reporting_masked.current_channels")
        assert address not in "\n".join(row[0] for row in plan)


@pytest.mark.parametrize(
    "address",
    [
        "sheldon@caltech.edu", "a@b.c", "@x.example", "a@b@c.example", "@a@c.example", "a@localhost", "a@", "",
        "+1 (555) 010-44 77", "7", "For All Devices", "é@ü.example", "a@b.", "a.b@c..d",
    ],
)  # fmt: skip
async def test_the_mask_is_that_of_the_logs(database_url: str, address: str) -> None:
    """Whoever compares a log with a dashboard sees the same."""
    (row,) = await fetch(database_url, "SELECT reporting_masked.mask($1) AS masked", address)
    assert row["masked"] == mask_address(address)
