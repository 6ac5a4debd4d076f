"""`query:FILE.sql` as a desired state: rows of the mirror as wishes."""

from itertools import islice
from pathlib import Path

import pytest

from sync_worker.desired.entries import Terms
from sync_worker.desired.model import Mode
from sync_worker.desired.plan import Plan, fingerprint, totals
from sync_worker.desired.render.as_json import plan_from_json, plan_to_json
from sync_worker.errors import DocumentError
from sync_worker.mirror.foreign import PAGE
from sync_worker.users.specs import QuerySpec
from tests.integration.flows.desire import Desire, facts
from tests.integration.flows.harness import Stage

MOVE = """\
-- everybody moves to the new domain
SELECT 'email' AS type, user_id AS "user", split_part(address, '@', 1) || '@new.example' AS address, 'present' AS state
FROM mirror.communication_channels
WHERE instance = current_setting('sync_worker.instance') AND user_id IN ({users}) AND position = 1
    AND deleted_at IS NULL
ORDER BY user_id;
"""


def query(desire: Desire, text: str) -> QuerySpec:
    """A document of what this returns."""
    return QuerySpec(path=desire.write("wanted.sql", text))


async def refused(desire: Desire, text: str) -> str:
    """What is said against it; nobody is read, and nothing written."""
    before = await desire.mirror()
    with pytest.raises(DocumentError) as caught:
        await desire.plan(query(desire, text))
    assert desire.routes() == {}
    assert await desire.mirror() == before
    return str(caught.value)


async def test_rows_are_wishes(desire: Desire) -> None:
    """Numbers as they come out of the mirror, in mode add; each change says its row."""
    users = list(islice(desire.plain(), 5))
    old = {user: desire.email(user).address for user in users}
    document = query(desire, MOVE.format(users=", ".join(map(str, users))))
    before = await desire.mirror()
    with desire.untouched():
        plan = await desire.plan(document)
    assert facts(plan.changes()) == [
        ("create", user, "email", f"{old[user].split('@')[0]}@new.example") for user in sorted(users)
    ]
    assert [change.where for change in plan.changes()] == [f"query wanted.sql, row {row}" for row in range(1, 6)]
    assert (plan.source.document, plan.source.users) == (f"query:{document.path}", 5)
    assert await desire.mirror() == before
    assert plan_from_json(plan_to_json(plan)) == plan


async def test_the_example_of_the_docs(desire: Desire, stage: Stage) -> None:
    """It does what it says."""
    page = (Path(__file__).parents[3] / "docs" / "desired-state.md").read_text(encoding="utf-8")
    text = "-- everybody moves" + page.split("```sql\n-- everybody moves", 1)[1].split("```", 1)[0]
    user = next(desire.plain())
    stage.school.create(user, "email", "ann@OLD.example")
    await stage.run(f"id:{user}")
    (change,) = (await desire.plan(query(desire, text))).changes()
    assert (change.user_id, change.address, change.reason) == (user, "ann@school.example", "new domain")


async def test_every_column(desire: Desire, stage: Stage) -> None:
    """Text with the kind of reference, absence, confirmation and reason; rows of a user far apart."""
    one, two = (stage.school.users[user] for user in islice(desire.plain(), 2))
    old = desire.email(one.id).address
    text = f"""
        SELECT * FROM (VALUES
            ('sis:{one.sis_user_id}', 'email', 'a@x.example', NULL, false, 'new'),
            ('{two.id}', 'email', 'b@x.example', 'present', NULL, NULL),
            ('sis:{one.sis_user_id}', 'email', '{old}', 'absent', NULL, 'left')
        ) AS x ("user", type, address, state, skip_confirmation, reason)"""  # noqa: S608  (a test's own)
    plan = await desire.plan(query(desire, text))
    assert sorted(facts(plan.changes())) == sorted(
        [
            ("create", one.id, "email", "a@x.example"),
            ("delete", one.id, "email", old),
            ("create", two.id, "email", "b@x.example"),
        ]
    )
    said = {change.address: (change.skip_confirmation, change.reason) for change in plan.changes()}
    assert said["a@x.example"] == (False, "new")
    assert said["b@x.example"] == (True, "")


async def test_the_command_line_decides_on_the_mode(desire: Desire, stage: Stage) -> None:
    """Add, unless it says exact: then what the query does not return is to go."""
    user = next(desire.plain())
    others = {c.address for c in stage.school.users[user].live_channels() if c.type == "email"}
    document = query(desire, f"SELECT {user} AS user, 'email' AS type, 'only@x.example' AS address")
    assert totals(await desire.plan(document)).deletes == 0
    exact = await desire.plan(document, terms=Terms(forced_mode=Mode.EXACT))
    assert {change[3] for change in facts(exact.changes()) if change[0] == "delete"} == others


async def test_all_mistakes_at_once(desire: Desire) -> None:
    """Row by row, over all pages, and what stands twice is found as in a file."""
    users = list(islice(desire.plain(), 2))
    text = f"""
        SELECT {users[0]}::text AS user, 'email' AS type,
            CASE n WHEN 7 THEN '' WHEN {PAGE + 5} THEN 'no address' ELSE 'a' || n || '@x.example' END AS address
        FROM generate_series(1, {PAGE + 10}) n"""  # noqa: S608  (a test's own)
    said = (await refused(desire, text)).splitlines()
    assert said[0].endswith("wanted.sql has 2 problems:")
    assert said[1].startswith("query wanted.sql, row 7: address: the address is blank")
    assert said[2].startswith(f"query wanted.sql, row {PAGE + 5}: address: an e-mail address has no blanks")
    twice = "SELECT {0} AS user, 'email' AS type, unnest(ARRAY['a@x.example', 'b@x.example', 'A@X.example']) AS address"
    said = [await refused(desire, twice.format(users[0]))]
    assert "query wanted.sql, row 3: address: the same email address is already in query wanted.sql, row 1" in said[0]
    names = "SELECT 'S1' AS user, 'emial' AS type, now() AS address"
    assert [line.split(": ")[1] for line in (await refused(desire, names)).splitlines()[:1]] == ["address"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1 AS usr, 'email' AS type, 'a@x' AS address", "unknown column 'usr'. Did you mean user?"),
        ("SELECT id, login_id FROM mirror.users", "query wanted.sql: address: the column is missing"),
        (
            "SELECT *\nFROM mirror.channels",
            'query wanted.sql, line 2: PostgreSQL refuses it: relation "mirror.channels"',
        ),
        ("DELETE FROM mirror.users RETURNING id AS user, 'email' AS type, 'a@x' AS address", "may only look"),
        ("SELECT 1; DELETE FROM mirror.users", "cannot insert multiple commands"),
        ("", "the file holds no SQL"),
    ],
)
async def test_a_query_that_is_no_document(desire: Desire, text: str, said: str) -> None:
    """In the words of PostgreSQL, with the place."""
    assert said in await refused(desire, text)


async def test_a_file_that_is_not_there(desire: Desire, tmp_path: Path) -> None:
    """Said with its path."""
    with pytest.raises(DocumentError, match=r"none\.sql: the file cannot be read"):
        await desire.plan(QuerySpec(path=tmp_path / "none.sql"))


async def test_the_digest_follows_the_rows(desire: Desire, stage: Stage) -> None:
    """The same rows make the same plan; other rows another one, though the text is the same."""
    user, other = islice(desire.plain(), 2)
    document = query(desire, MOVE.format(users=f"{user}, {other}"))

    async def planned() -> Plan:
        return await desire.plan(document)

    first, again = await planned(), await planned()
    assert (first.source.digest, fingerprint(first)) == (again.source.digest, fingerprint(again))
    await stage.fetch(
        "UPDATE mirror.communication_channels SET address = 'x' || address WHERE user_id = $1 RETURNING 1", user
    )
    changed = await planned()
    assert changed.source.digest != first.source.digest
    query(desire, "-- " + document.path.read_text())
    assert (await planned()).source.digest != changed.source.digest


async def test_many_rows_and_nobody(desire: Desire) -> None:
    """More than a page, and none at all."""
    users = list(islice(desire.plain(), 30))
    each = PAGE // 20
    text = f"""
        SELECT u AS user, 'email' AS type, 'n' || n || '@x.example' AS address
        FROM unnest(ARRAY{users}) u, generate_series(1, {each}) n"""  # noqa: S608  (a test's own)
    plan = await desire.plan(query(desire, text))
    assert (totals(plan).creates, plan.source.users) == (30 * each, 30)
    empty = await desire.plan(query(desire, "SELECT 1 AS user, 'email' AS type, 'a@x.example' AS address WHERE false"))
    assert (empty.empty, empty.source.users) == (True, 0)
