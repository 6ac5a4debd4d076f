"""The named reports against a school that is known: what they say is what the school says."""

import csv
import io
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_worker.desired.diff import Kind
from sync_worker.errors import UsageError
from sync_worker.flows.look.reporting import Question, Told, tell
from sync_worker.flows.push.saving import note_comparison
from sync_worker.logs import mask_address
from sync_worker.reports.catalogue import find, names
from sync_worker.sandbox import Fault, Role
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Row, Stage, quick, staged
from tests.integration.flows.seeds import Seeds

USUAL = {"user": "1", "time": "2026-11-01T06:00Z"}
"""Values of parameters that have no default."""


async def written(stage: Stage, name: str, *, form: str = "json", **given: Any) -> tuple[str, Told]:
    """A report as the command writes it."""
    report = find(name)
    how = {
        key: given.pop(key, usual) for key, usual in (("addresses", True), ("limit", None), ("instances", ("main",)))
    }
    out = io.StringIO()
    async with stage.rooms() as rooms:
        question = Question(report=report, given={key: str(value) for key, value in given.items()}, form=form, **how)
        told = await tell(rooms.database, question, rooms.clock.now(), out)
    return out.getvalue(), told


async def ask(stage: Stage, name: str, **given: Any) -> list[Row]:
    """Its rows."""
    text, told = await written(stage, name, **given)
    rows: list[Row] = json.loads(text)["rows"]
    assert told.rows == len(rows)
    return rows


def pick(rows: list[Row], *columns: str) -> list[tuple[Any, ...]]:
    """Some columns."""
    return [tuple(row[column] for column in columns) for row in rows]


def truth(stage: Stage) -> list[Row]:
    """The school's live channels."""
    return list(stage.school.live_channels())


def bounces(channel: Row) -> bool:
    """Whether it ever bounced hard."""
    return channel["last_bounce_at"] is not None or channel["bounce_count"] > 0


def instant(text: str) -> datetime:
    """A time as reports write it."""
    return datetime.fromisoformat(text)


@pytest.fixture
async def mirrored(applying: Applying) -> Stage:
    """A hundred users, read."""
    applying.stage.instance["guards"] = GENEROUS
    return applying.stage


# --- what Canvas has ------------------------------------------------------------------------------------


async def test_channels(mirrored: Stage) -> None:
    """Channels, users and bounces by type and state."""
    rows = await ask(mirrored, "channels")
    channels = truth(mirrored)
    counted = Counter((each["type"], each["workflow_state"]) for each in channels)
    users = defaultdict(set)
    for each in channels:
        users[each["type"], each["workflow_state"]].add(each["user_id"])
    bouncing = Counter((each["type"], each["workflow_state"]) for each in channels if bounces(each))
    assert sum(bouncing.values()) > 0
    assert pick(rows, "type", "workflow_state", "channels", "users", "bouncing", "bounce_unknown") == [
        (*key, counted[key], len(users[key]), bouncing[key], 0) for key in sorted(counted)
    ]


async def test_unreachable(mirrored: Stage) -> None:
    """Everybody without an active e-mail address that does not bounce, and why."""
    by_user: dict[int, list[Row]] = {user: [] for user in mirrored.ids}
    for channel in truth(mirrored):
        by_user[channel["user_id"]].append(channel)
    expected = {}
    for user, channels in by_user.items():
        mails = [channel for channel in channels if channel["type"] == "email"]
        active = [channel for channel in mails if channel["workflow_state"] == "active"]
        if all(map(bounces, active)):
            reason = "bouncing" if active else "unconfirmed" if mails else "no e-mail" if channels else "no channels"
            expected[user] = (reason, len(mails), len(active))
    rows = await ask(mirrored, "unreachable")
    assert {row["user_id"]: (row["reason"], row["emails"], row["active_emails"]) for row in rows} == expected
    assert len({reason for reason, *_ in expected.values()}) > 1
    assert all(row["read_at"] for row in rows)


async def test_bouncing(mirrored: Stage) -> None:
    """Each channel that bounced, with what the mail server said; the latest first."""
    rows = await ask(mirrored, "bouncing")
    expected = {
        (c["user_id"], c["address"], c["bounce_count"], c["last_bounce_summary"]) for c in truth(mirrored) if bounces(c)
    }
    assert set(pick(rows, "user_id", "address", "bounce_count", "last_bounce_summary")) == expected
    assert len(rows) == len(expected) > 1
    times = [row["last_bounce_at"] for row in rows]
    assert times == sorted(times, key=instant, reverse=True)


async def test_unconfirmed(mirrored: Stage) -> None:
    """For so many days since Canvas created them; 0 days: all."""
    mirrored.school.create(mirrored.ids[30], "email", "young@x.example", confirmed=False)
    await mirrored.run()
    now = datetime.now(UTC)  # noqa: TID251  (the school has real times)
    for days in (0, 200):
        expected = {
            c["id"]
            for c in truth(mirrored)
            if c["workflow_state"] == "unconfirmed" and (now - instant(c["created_at"])).days >= days
        }
        rows = await ask(mirrored, "unconfirmed", days=days)
        ids = {(c["user_id"], c["type"], c["address"]) for c in truth(mirrored) if c["id"] in expected}
        assert set(pick(rows, "user_id", "type", "address")) == ids
        assert len(rows) == len(expected)
    assert len(await ask(mirrored, "unconfirmed", days=0)) > len(await ask(mirrored, "unconfirmed", days=200)) > 0


async def test_shared_addresses(mirrored: Stage) -> None:
    """Who has the same address, case aside."""
    before = await ask(mirrored, "shared-addresses")
    first, second, third = mirrored.ids[40:43]
    for user, address in ((first, "Team@x.example"), (second, "team@X.example"), (third, "lone@x.example")):
        mirrored.school.create(user, "email", address)
    await mirrored.run()
    rows = await ask(mirrored, "shared-addresses")
    added = [row for row in rows if row not in before]
    assert pick(added, "type", "address", "users", "channels", "active_channels", "user_ids") == [
        ("email", "team@x.example", 2, 2, 2, [first, second])
    ]


async def test_domains(mirrored: Stage) -> None:
    """Channels and people by domain; none is lost."""
    mails = [channel for channel in truth(mirrored) if channel["type"] == "email"]
    rows = await ask(mirrored, "domains")

    def domain(channel: Row) -> str | None:
        return channel["address"].rpartition("@")[2].lower() if "@" in channel["address"] else None

    assert {row["domain"]: row["channels"] for row in rows} == Counter(map(domain, mails))
    assert {row["domain"]: row["users"] for row in rows} == Counter(
        name for name, _ in {(domain(c), c["user_id"]) for c in mails}
    )
    assert sum(row["bouncing_channels"] for row in rows) == sum(map(bounces, mails))


# --- what changed ---------------------------------------------------------------------------------------


async def changed(applying: Applying) -> dict[str, Any]:
    """One change of each kind at Canvas, one of ours; who and what."""
    stage, desire = applying.stage, applying.desire
    user, other, third, fourth = itertools.islice(desire.plain(), 4)
    mail, bounced = desire.email(user), desire.email(other)
    old = mail.address
    gone = next(c for c in stage.school.users[third].live_channels())
    unconfirmed = next(c for u in stage.school.users.values() for c in u.live_channels() if c.state == "unconfirmed")
    stage.school.readdress(mail.id, "new@x.example")
    stage.school.bounce(bounced.id)
    stage.school.retire(gone.id)
    stage.school.confirm(unconfirmed.id)
    stage.school.create(third, "email", "fresh@x.example")
    await stage.run()
    stage.school.revive(gone.id)
    await stage.run()
    plan = await applying.planned(f"{fourth},email,ours@x.example,present")
    report = await applying.apply(plan, reason="new domain")
    return {
        "user": user, "other": other, "third": third, "fourth": fourth, "mail": mail.id, "old": old,
        "bounced": bounced.id, "gone": gone.id, "unconfirmed": unconfirmed.id, "plan": plan, "run": report.run_id,
    }  # fmt: skip


async def test_changes(applying: Applying, mirrored: Stage) -> None:
    """Everything that happened at the school since the first run, and what we did, with who had what before."""
    assert len(await ask(mirrored, "changes")) == len(truth(mirrored))
    what = await changed(applying)
    rows = [row for row in await ask(mirrored, "changes") if row["run_id"] or row["address"].endswith("@x.example")]
    assert set(pick(rows, "kind", "channel_id", "origin", "old_address")) >= {
        ("readdressed", what["mail"], "canvas", what["old"]),
        (
            "confirmed",
            what["unconfirmed"],
            "canvas",
            next(c["address"] for c in truth(mirrored) if c["id"] == what["unconfirmed"]),
        ),
    }
    kinds = [(row["kind"], row["channel_id"]) for row in rows]
    made = {row["address"]: (row["channel_id"], row["origin"]) for row in rows if row["kind"] == "created"}
    assert made["ours@x.example"][1] == "us"
    assert made["fresh@x.example"][1] == "canvas"
    assert sorted(kinds) == sorted(
        [
            ("readdressed", what["mail"]), ("bounced", what["bounced"]), ("retired", what["gone"]),
            ("revived", what["gone"]), ("confirmed", what["unconfirmed"]), ("created", made["ours@x.example"][0]),
            ("created", made["fresh@x.example"][0]),
        ]
    )  # fmt: skip


async def test_changes_by_day(applying: Applying, mirrored: Stage) -> None:
    """The same, counted; all of it is of today, or was it yesterday at midnight."""
    await changed(applying)
    counted: Counter[tuple[str, str]] = Counter()
    for row in await ask(mirrored, "changes-by-day", days=2):
        counted[row["kind"], row["origin"]] += row["changes"]
    listed = await ask(mirrored, "changes", days=2)
    assert counted == Counter((row["kind"], row["origin"]) for row in listed)
    assert counted["created", "us"] == counted["retired", "canvas"] == 1


async def test_history(applying: Applying, mirrored: Stage) -> None:
    """One user's channels, those that went too, and identifiers; nobody else's."""
    what = await changed(applying)
    user = what["user"]
    mirrored.school.change_sis_id(user, "CHANGED")
    await mirrored.run()
    rows = await ask(mirrored, "history", user=user)
    found = pick(rows, "kind", "channel_id", "address", "old_address")
    assert ("readdressed", what["mail"], "new@x.example", what["old"]) in found
    assert ("created", what["mail"], what["old"], None) in found
    assert {row["channel_id"] for row in rows} == {None, *mirrored.channels_of(user)}
    latest = rows[0]
    assert (latest["kind"], latest["detail"].split(",")[0]) == ("user present", "sis CHANGED")
    assert await ask(mirrored, "history", user="sis:CHANGED") == rows
    third = pick(await ask(mirrored, "history", user=what["third"]), "kind", "channel_id")
    assert {("retired", what["gone"]), ("revived", what["gone"])} <= set(third)


async def test_as_of(applying: Applying, mirrored: Stage) -> None:
    """The counts of a time, from before and after the changes; nothing before the first run."""
    began = (await mirrored.last_run())["started_at"]
    between = datetime.now(UTC)  # noqa: TID251  (the runs have real times)
    before = await ask(mirrored, "channels")
    await changed(applying)
    shape = ("type", "workflow_state", "channels", "users", "bouncing", "bounce_unknown")
    assert pick(await ask(mirrored, "as-of", time=between.isoformat()), *shape) == pick(before, *shape)
    assert pick(await ask(mirrored, "as-of", time="2100-01-01"), *shape) == pick(
        await ask(mirrored, "channels"), *shape
    )
    assert pick(before, *shape) != pick(await ask(mirrored, "channels"), *shape)
    assert await ask(mirrored, "as-of", time=began.isoformat()) == []


async def test_as_of_before_all(mirrored: Stage, stage: Stage) -> None:
    """Of a time before the first read nothing is known, which is something else than that there was nothing."""
    begins = await mirrored.value("SELECT min(changed_at) FROM mirror.communication_channels")
    note = f"the mirror of main begins at {begins:%Y-%m-%d %H:%M:%S} UTC: nothing is known of before"
    text, told = await written(stage, "as-of", time=(begins - timedelta(microseconds=1)).isoformat())
    assert (told.rows, told.notes) == (0, (note,))
    assert json.loads(text)["notes"] == [note]
    _, told = await written(stage, "as-of", time=begins.isoformat())
    assert told.notes == ()
    assert told.rows
    _, told = await written(stage, "as-of", time="2026-11-01", instances=("main", "other"))
    assert told.notes == (note,)


async def test_as_of_before_what_is_kept(applying: Applying, mirrored: Stage) -> None:
    """Of a time from which history was pruned it is said that some may be missing; not where it had not begun then."""
    await changed(applying)
    begins = await mirrored.value("SELECT min(valid_from) FROM mirror.channel_history")
    prune = "INSERT INTO worker.pruned VALUES ('main', 'history', $1, now())"
    await mirrored.fetch(prune, begins + timedelta(microseconds=2))
    for time in (begins - timedelta(days=1), begins + timedelta(microseconds=1)):
        (note,) = (await written(mirrored, "as-of", time=time.isoformat()))[1].notes
        assert note.startswith("what changed before is missing: the history of main was pruned on ")
        assert " and reaches back to " in note
    kept = begins + timedelta(microseconds=2)
    assert (await written(mirrored, "as-of", time=kept.isoformat()))[1].notes == ()
    await mirrored.fetch("UPDATE worker.pruned SET reaches_back_to = $1", begins - timedelta(days=300))
    (note,) = (await written(mirrored, "as-of", time=(begins - timedelta(days=400)).isoformat()))[1].notes
    assert note.startswith("the mirror of main begins at ")


async def test_identities(mirrored: Stage) -> None:
    """A SIS id that leads to somebody else than before."""
    assert await ask(mirrored, "identities") == []
    former, new = [user for user in mirrored.ids if mirrored.school.users[user].sis_user_id][5:7]
    value = mirrored.school.users[former].sis_user_id
    mirrored.school.change_sis_id(former, "ELSEWHERE")
    mirrored.school.change_sis_id(new, value)
    await mirrored.run()
    (row,) = await ask(mirrored, "identities")
    assert (row["identifier"], row["value"], row["former_user_id"], row["former_state"], row["new_user_id"]) == (
        "sis_user_id", value, former, "present", new,
    )  # fmt: skip


# --- what the worker did --------------------------------------------------------------------------------


async def test_freshness_and_failures(mirrored: Stage) -> None:
    """Who was not read stays as old as before, and is named; then it is resolved."""
    (first,) = await ask(mirrored, "freshness")
    assert (first["users_present"], first["read_within_day"], first["users_never_read"]) == (100, 100, 0)
    failing = mirrored.ids[30]
    mirrored.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset({failing}), status=500))
    report = await mirrored.run()
    (row,) = await ask(mirrored, "freshness")
    mails = [channel for channel in truth(mirrored) if channel["type"] == "email"]
    assert (row["channels_live"], row["channels_bouncing"]) == (len(truth(mirrored)), sum(map(bounces, mails)))
    assert (row["open_failures"], row["last_good_run_id"], row["last_coverage_percent"]) == (1, report.run_id, 99)
    assert instant(first["oldest_read_at"]) <= instant(row["oldest_read_at"]) < instant(row["median_read_at"])
    assert instant(first["newest_read_at"]) >= instant(row["oldest_read_at"])
    (failure,) = await ask(mirrored, "failures")
    assert (failure["reference"], failure["kind"], failure["status"], failure["run_id"], failure["resolved_at"]) == (
        f"id:{failing}", "trouble", 500, report.run_id, None,
    )  # fmt: skip
    mirrored.sandbox.clear_faults()
    await mirrored.run()
    (failure,) = await ask(mirrored, "failures")
    assert failure["resolved_at"] is not None
    assert await ask(mirrored, "failures", days=0) == []


async def test_runs(mirrored: Stage) -> None:
    """Each run with its throughput and what was refused; the latest first."""
    report = await mirrored.run()
    last, first = await ask(mirrored, "runs")
    ledger = await mirrored.last_run()
    assert last["id"] == report.run_id > first["id"]
    assert (last["users_total"], last["coverage_percent"], last["throttled"], last["throttled_percent"]) == (
        100,
        100,
        0,
        0,
    )
    assert last["requests"] == ledger["requests"] == report.requests
    assert last["requests_per_second"] == pytest.approx(ledger["requests"] / ledger["seconds"], abs=0.06)
    assert last["users_per_second"] == pytest.approx(100 / ledger["seconds"], abs=0.06)
    assert (first["channels_created"], last["channels_created"]) == (len(truth(mirrored)), 0)


async def test_plans_and_actions(applying: Applying, mirrored: Stage) -> None:
    """What was done with whose word, and what still waits."""
    what = await changed(applying)
    waiting = await applying.planned(f"{what['user']},email,later@x.example,present")
    plans = await ask(mirrored, "plans")
    assert pick(plans, "id", "status", "creates", "deletes", "actions_done", "actions_not_done") == [
        (waiting, "open", 1, 0, 0, 0), (what["plan"], "applied", 1, 0, 1, 0),
    ]  # fmt: skip
    (action,) = await ask(mirrored, "actions")
    ledger = (await applying.actions())[0]
    assert (action["kind"], action["status"], action["user_id"], action["address"], action["reason"]) == (
        "create", "done", what["fourth"], "ours@x.example", "new domain",
    )  # fmt: skip
    assert (action["os_user"], action["database_role"], action["plan_id"], action["run_id"]) == (
        ledger["os_user"], ledger["database_role"], what["plan"], what["run"],
    )  # fmt: skip
    assert action["document"] == plans[1]["document"]
    assert plans[1]["document"].endswith("desired.csv")


async def test_drift(applying: Applying, mirrored: Stage) -> None:
    """What the last comparison found, and what is left after what its plan has done; nothing is said as nothing."""
    assert await ask(mirrored, "drift") == []
    what = await changed(applying)
    loser, user = itertools.islice(applying.desire.plain(), 4, 6)
    gone = "surplus@x.example"
    mirrored.school.create(loser, "email", gone)
    rows = (f"{loser},email,{gone},absent", f"{user},email,wanted@x.example,present")
    number = await applying.planned(*rows)
    (drift,) = await ask(mirrored, "drift")
    columns = ("users", "users_differing", "creates", "deletes", "creates_left", "deletes_left", "plan_id")
    assert pick([drift], *columns) == [(2, 2, 1, 1, 1, 1, number)]
    assert await items(mirrored) == {(loser, "delete", gone), (user, "create", "wanted@x.example")}
    await applying.apply(number, only=Kind.CREATE)
    (drift,) = await ask(mirrored, "drift")
    assert pick([drift], *columns, "plan_status") == [(2, 2, 1, 1, 0, 1, number, "applying")]
    assert await items(mirrored) == {(loser, "delete", gone)}
    await applying.apply(number)
    assert pick(await ask(mirrored, "drift"), "creates_left", "deletes_left", "plan_status") == [(0, 0, "applied")]
    assert await items(mirrored) == set()
    plan = await applying.desire.plan(applying.desire.csv(*rows), max_age=None)
    async with mirrored.rooms() as rooms:
        await note_comparison(rooms.database, plan, None)
    assert pick(await ask(mirrored, "drift"), *columns) == [(2, 0, 0, 0, 0, 0, None)]
    found = await ask(mirrored, "comparisons")
    assert pick(found, "changes", "plan_id") == [(0, None), (2, number), (1, what["plan"])]
    assert {row["document"] for row in found} == {drift["document"]}


async def items(stage: Stage) -> set[tuple[Any, ...]]:
    """Who still drifts, and how."""
    return set(pick(await ask(stage, "drift-changes"), "user_id", "kind", "address"))


async def test_pending(mirrored: Stage) -> None:
    """What the brake holds back, with the number that accepts it."""
    assert await ask(mirrored, "pending") == []
    doomed = truth(mirrored)[50]
    mirrored.school.retire(doomed["id"])
    report = await mirrored.run(max_tombstones=0)
    (row,) = await ask(mirrored, "pending")
    assert (row["held_run_id"], row["waits_for"], row["reason"], row["channel_id"], row["address"]) == (
        report.run_id, "person", "absent", doomed["id"], doomed["address"],
    )  # fmt: skip


# --- all of them ----------------------------------------------------------------------------------------


def usual(name: str, user: int) -> dict[str, Any]:
    """Parameters without which a report does not go."""
    values = {**USUAL, "user": str(user), "time": "2100-01-01"}
    return {each.name: values[each.name] for each in find(name).parameters if each.default is None}


async def full_of_addresses(applying: Applying) -> dict[str, Any]:
    """They are in every place that may hold one."""
    stage, school = applying.stage, applying.stage.school
    what = await changed(applying)
    for user in (what["user"], what["other"]):
        school.bounce(applying.desire.email(user).id, summary=f"550 <{applying.desire.email(user).address}> unknown")
    school.create(what["user"], "sms", "+1 555 010 4477", confirmed=False)
    school.create(what["other"], "sms", "+1 555 010 4477")
    school.retire(min(stage.channels_of(what["fourth"])))
    school.change_sis_id(what["user"], "mail@sis.example")
    await stage.run(max_tombstones=0)
    school.change_sis_id(what["other"], "mail@sis.example")
    await stage.run("account:self", max_tombstones=0)
    await stage.run("sis:nobody@sis.example", min_coverage_percent=0)
    await applying.planned(f"{what['fourth']},email,drifting@x.example,present")
    return what


@pytest.fixture
async def addressed(
    seeds: Seeds, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stage, dict[str, Any]]]:
    """A mirror that is full of them, and who is in it."""

    async def build(stage: Stage) -> dict[str, Any]:
        await stage.run()
        stage.instance["guards"] = GENEROUS
        desire = Desire(stage=stage, folder=tmp_path_factory.mktemp("addresses"))
        return await full_of_addresses(Applying(stage=stage, desire=desire))

    async with seeds.grown("addresses", build) as grown:
        yield grown


@pytest.mark.parametrize("name", names())
async def test_no_address_unless_asked_for(addressed: tuple[Stage, dict[str, Any]], name: str) -> None:
    """Neither addresses nor logins that are addresses, in no form; a mail from cron tells nobody."""
    mirrored, what = addressed
    given = usual(name, what["user"])
    everywhere = await mirrored.fetch(
        "SELECT address FROM mirror.communication_channels WHERE type <> 'push' UNION "
        "SELECT address FROM mirror.channel_history WHERE type <> 'push' UNION SELECT address FROM worker.actions"
    )
    secrets = {row["address"] for row in everywhere if len(row["address"]) > 3} | {
        "mail@sis.example",
        "nobody@sis.example",
        "drifting@x.example",
    }
    for form in ("table", "csv", "json"):
        text, told = await written(mirrored, name, form=form, addresses=False, **given)
        assert told.rows > 0
        told_plainly, _ = await written(mirrored, name, form=form, addresses=True, **given)
        assert [secret for secret in secrets if secret in text or secret.lower() in text] == []
        assert not re.search(r"\w@\w+\.\w", text)
        if find(name).addresses:
            assert any(secret in told_plainly or secret.lower() in told_plainly for secret in secrets)


@pytest.mark.parametrize("name", names())
async def test_an_empty_database(stage: Stage, name: str) -> None:
    """Nothing yet is no error, in any form; and every column that may hold an address is declared as such."""
    for form in ("table", "csv", "json"):
        given = usual(name, 1)
        text, told = await written(stage, name, form=form, **given)
        assert told == Told(rows=0)
        if form == "json":
            assert json.loads(text)["rows"] == []
            columns = set(json.loads(text)["columns"])
            assert columns & {"address", "old_address"} == find(name).addresses
            assert columns & {"sis_user_id", "login_id", "reference", "value", "detail"} == find(name).identifiers
        if form == "csv":
            assert text.strip().split(",") == json.loads((await written(stage, name, **given))[0])["columns"]
        if form == "table":
            assert text.endswith("nothing\n")


async def test_every_instance_by_itself(mirrored: Stage) -> None:
    """A report shows the instances that were asked for."""
    assert await ask(mirrored, "channels", instances=("other",)) == []
    assert len(await ask(mirrored, "channels", instances=("other", "main"))) == len(await ask(mirrored, "channels"))


async def test_the_forms_say_the_same(mirrored: Stage) -> None:
    """CSV and JSON have the same rows; a limit holds rows back, and that is said."""
    rows = await ask(mirrored, "bouncing")
    text, _ = await written(mirrored, "bouncing", form="csv")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["user_id"], line["last_bounce_at"]) for line in lines] == [
        (str(row["user_id"]), row["last_bounce_at"]) for row in rows
    ]
    assert {row["is_default"] for row in rows} <= {True, False}
    assert {line["is_default"] for line in lines} <= {"true", "false"}
    table, told = await written(mirrored, "bouncing", form="table", limit=2)
    assert (told.rows, told.more) == (2, True)
    assert len(table.splitlines()) == 5
    _, told = await written(mirrored, "bouncing", limit=len(rows))
    assert (told.rows, told.more) == (len(rows), False)


async def test_formulas_do_not_run(mirrored: Stage) -> None:
    """An address that a spreadsheet would run begins with an apostrophe in CSV; in JSON it is as it is."""
    evil = "=cmd|calc@x.example"
    user = mirrored.ids[30]
    mirrored.school.create(user, "email", evil, confirmed=False)
    await mirrored.run()
    text, _ = await written(mirrored, "unconfirmed", form="csv", days=0)
    assert f"'{evil}" in {line["address"] for line in csv.DictReader(io.StringIO(text))}
    assert evil in {row["address"] for row in await ask(mirrored, "unconfirmed", days=0)}


async def test_bounces_that_nobody_sees(database_url: str) -> None:
    """With a token that may not see them no report says zero; those that depend on them say so."""
    async with staged(database_url, options=quick(token_role=Role.ACCOUNT_ADMIN)) as stage:
        await stage.run()
        active = sum(c["type"] == "email" and c["workflow_state"] == "active" for c in truth(stage))
        for name in ("unreachable", "bouncing", "domains"):
            text, told = await written(stage, name)
            assert told.notes == tuple(json.loads(text)["notes"])
            assert told.notes[0].startswith(f"{active:,} active e-mail channels")
        assert {row["bouncing"] for row in await ask(stage, "channels")} == {None}
        assert {row["reason"] for row in await ask(stage, "unreachable")} <= {"no channels", "no e-mail", "unconfirmed"}
        (row,) = await ask(stage, "freshness")
        assert (row["channels_bouncing"], row["channels_bounce_unknown"]) == (
            None, sum(c["type"] == "email" for c in truth(stage)),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("nothing", {}, "there is no report nothing.*There are: actions, as-of"),
        ("history", {}, "report history needs --user"),
        ("history", {"user": "sis:NOBODY"}, "the mirror has no user for"),
        ("runs", {"days": "many"}, "--days is a whole number"),
        ("runs", {"days": "-1"}, "--days is a whole number"),
        ("runs", {"days": "999999999"}, "--days is a whole number"),
        ("as-of", {"time": "yesterday"}, "--time is a time such as"),
    ],
)
async def test_mistakes(stage: Stage, name: str, given: dict[str, str], problem: str) -> None:
    """Each says what is wrong, and nothing is written."""
    with pytest.raises(UsageError, match=problem):
        await written(stage, name, **given)


def test_masks_are_those_of_the_logs() -> None:
    """The same function."""
    assert mask_address("+1 555 010 4477") == "***77"
