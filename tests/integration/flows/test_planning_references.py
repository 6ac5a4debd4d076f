"""How a document names users, and what is wrong with names."""

from itertools import islice

import pytest

from sync_worker.channels import SHARD
from sync_worker.desired.plan import totals
from sync_worker.errors import CanvasUnreachable, DocumentError, TokenRefused, WrongCanvas
from sync_worker.flows.progress import Progress
from sync_worker.sandbox import Fault
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage


async def test_every_kind_of_reference(desire: Desire, stage: Stage) -> None:
    """Number, SIS id, login, integration id, global id; what the mirror knows costs no request."""
    users = [stage.school.users[user] for user in desire.plain()]
    number, sis, login = users[:3]
    integration = next(user for user in users[4:] if user.integration_id and user.sis_user_id)
    world = users[3]
    names = [str(number.id), f"sis:{sis.sis_user_id}", f"login:{login.login_id}", f"1~{world.id}"]
    names.append(f"integration:{integration.integration_id}")
    document = desire.csv(*[f"{name},email,new@x.example,present" for name in names])
    plan = await desire.plan(document)
    assert [user.diff.desired.user_id for user in plan.users] == sorted(
        [number.id, sis.id, login.id, world.id, integration.id]
    )
    looked_up = desire.routes()["get_user"]
    assert looked_up <= 2  # the global id, and what a listing does not tell
    assert max(user.diff.desired.user_id for user in plan.users) < SHARD


async def test_a_name_that_the_mirror_does_not_know(desire: Desire, stage: Stage) -> None:
    """Canvas is asked, once for each name; an unknown one is told with its place and stops nobody else."""
    stage.school.add_user("New", sis_user_id="S-NEW")
    fine = next(desire.plain())
    rows = ("sis:S-NEW,email,new@x.example,present", "sis:NOBODY,email,a@x.example,present")
    again = ("sis:S-NEW,email,other@x.example,present", f"{fine},email,b@x.example,present")
    progress = Progress()
    plan = await desire.plan(desire.csv(*rows, *again), progress=progress)
    assert totals(plan).creates == 3
    (lost,) = plan.source.unresolved
    assert lost.startswith("desired.csv:3: sis_user_id:NOBODY: ")
    assert "http" not in lost
    assert progress.failed == 0
    assert desire.routes()["get_user"] == 2


async def test_two_names_for_one_user(desire: Desire, stage: Stage) -> None:
    """Both places are told, before anything is compared."""
    user = stage.school.users[next(desire.plain())]
    document = desire.csv(
        f"{user.id},email,a@x.example,present", "", f"sis:{user.sis_user_id},email,b@x.example,present"
    )
    with pytest.raises(DocumentError) as caught:
        await desire.plan(document)
    assert "desired.csv:2: user: " in str(caught.value)
    assert f"are the same Canvas user {user.id} (also in desired.csv:4)" in str(caught.value)
    assert desire.routes() == {}


@pytest.mark.parametrize(("one", "other"), [("a@x.example", "A@X.example"), ("é@x.example", "É@x.example")])
async def test_an_address_twice(desire: Desire, one: str, other: str) -> None:
    """Far apart and in another case it is still the same one."""
    first, *others = islice(desire.plain(), 20)
    between = [f"{user},email,{one},present" for user in others]
    with pytest.raises(DocumentError, match=r"desired\.csv:22: address: the same email address .*desired\.csv:2"):
        await desire.plan(desire.csv(f"{first},email,{one},present", *between, f"{first},email,{other},present"))


async def test_all_mistakes_at_once(desire: Desire) -> None:
    """Line by line, and nobody is read."""
    user = next(desire.plain())
    rows = (f"{user},email,,present", f"{user},emial,a@x.example,present", f"{user},email,b@x.example,maybe")
    with pytest.raises(DocumentError) as caught:
        await desire.plan(desire.csv(*rows))
    assert [line.split(":")[1] for line in str(caught.value).splitlines()[1:]] == ["2", "3", "4"]
    assert desire.routes() == {}


async def test_a_name_that_gets_no_answer(desire: Desire, stage: Stage) -> None:
    """It is not taken for a wrong name; where nobody else is named either, Canvas is what is wrong."""
    stage.sandbox.add_fault(Fault(route="get_user", status=500, times=2))
    progress, nobody = Progress(), "sis:NOBODY,email,a@x.example,present"
    plan = await desire.plan(desire.csv(nobody, f"{next(desire.plain())},email,a@x.example,present"), progress=progress)
    assert (len(plan.source.unresolved), progress.failed, plan.source.users) == (1, 1, 1)
    stage.sandbox.add_fault(Fault(route="get_user", status=500, times=2))
    with pytest.raises(CanvasUnreachable, match=r"no usable answer about anybody whom .* names"):
        await desire.plan(desire.csv(nobody))


async def test_an_outage_stops_it(desire: Desire, stage: Stage) -> None:
    """Trouble for everybody says nothing about anybody."""
    stage.sandbox.add_fault(Fault(status=500))
    rows = [f"{name},email,a@x.example,present" for name in desire.plain()]
    with pytest.raises(CanvasUnreachable):
        await desire.plan(desire.csv(*rows))
    with pytest.raises(CanvasUnreachable):
        await desire.plan(desire.csv(*[f"sis:X{number},email,a@x.example,present" for number in range(40)]))


async def test_a_refused_token_is_one_error(desire: Desire, stage: Stage) -> None:
    """However many users are being read."""
    stage.sandbox.tokens.revoke(stage.sandbox.token)
    rows = [f"{user},email,a@x.example,present" for user in desire.plain()]
    with pytest.raises(TokenRefused):
        await desire.plan(desire.csv(*rows))
    with pytest.raises(TokenRefused):
        await desire.plan(desire.csv("sis:X,email,a@x.example,present", "sis:Y,email,a@x.example,present"))


async def test_another_canvas(desire: Desire, stage: Stage) -> None:
    """The mirror of one Canvas is no filter for another one."""
    stage.base_url = "http://127.0.0.1:1"
    with pytest.raises(WrongCanvas):
        await desire.plan(desire.csv(f"{next(desire.plain())},email,a@x.example,present"))
