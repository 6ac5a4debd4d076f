"""`channels`: the endpoints by hand."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sync_worker.cli.apply import AllowDefaultChange, AllowUnusable, Reason, Yes
from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import as_json, console
from sync_worker.errors import UsageError

if TYPE_CHECKING:
    from sync_worker.channels import Channel


User = Annotated[str, typer.Argument(metavar="USER", help="1042, sis:ID, login:NAME, integration:ID.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="A user's channels by hand.",
        epilog=examples("sync-worker channels list sis:S1001"),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )
    epilog = examples(
        "sync-worker channels list 1042",
        "sync-worker channels list sis:S1001 --mirror --format json",
        "sync-worker channels list --mirror > channels.ndjson",
    )
    group.command("list", epilog=epilog)(list_channels)
    epilog = examples(
        "sync-worker channels create sis:S1001 sheldon@school.example",
        "sync-worker channels create 1042 '+1 555 0100' --type sms --send-confirmation",
    )
    group.command("create", epilog=epilog)(create)
    epilog = examples(
        "sync-worker channels delete 1042 20842", "sync-worker channels delete sis:S1001 old@school.example"
    )
    group.command("delete", epilog=epilog)(delete)
    group.command("delete-push", epilog=examples("sync-worker channels delete-push self DEVICE"))(delete_push)
    app.add_typer(group, name="channels")


def list_channels(
    ctx: typer.Context,
    user: Annotated[
        str | None,
        typer.Argument(
            metavar="[USER]",
            help="1042, sis:ID, login:NAME, integration:ID or self. Without it, with --mirror: everybody, one JSON "
            "object a line.",
        ),
    ] = None,
    from_mirror: Annotated[  # noqa: FBT002  (an option's default)
        bool, typer.Option("--mirror", help="What the mirror has, instead of asking Canvas.")
    ] = False,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")] = "table",
) -> None:
    """List a user's channels as Canvas has them now, or as the mirror has them."""
    context = CliContext.of(ctx)
    if user is None:
        if not from_mirror:
            raise UsageError(
                "whose channels?", hint="Name a USER, or add --mirror for everybody's as the mirror has them"
            )
        async_main(lambda: _everybody(context))
        return
    rows = async_main(lambda: _mirror(context, user) if from_mirror else _live(context, user))
    if form == "json":
        typer.echo(as_json(rows, indent=2))
        return
    _table(rows)


def create(
    ctx: typer.Context,
    user: User,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address to give the user.")],
    type: Annotated[Literal["email", "sms"], typer.Option(help="What kind of address it is.")] = "email",  # noqa: A002
    send_confirmation: Annotated[  # noqa: FBT002
        bool, typer.Option("--send-confirmation", help="Let Canvas mail or text the person to confirm it.")
    ] = False,
    yes: Yes = False,  # noqa: FBT002
    reason: Reason = None,
) -> None:
    """Give a user an address; one that was deleted comes back under its old number. Guarded and journalled."""
    from sync_worker.cli.byhand import create_by_hand
    from sync_worker.flows.push.byhand import Wanted

    wanted = Wanted(type=type, address=address, skip_confirmation=not send_confirmation)
    context = CliContext.of(ctx)
    raise typer.Exit(async_main(lambda: create_by_hand(context, user, wanted, yes=yes, reason=reason)))


def delete(
    ctx: typer.Context,
    user: User,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Its number or its address.")],
    yes: Yes = False,  # noqa: FBT002
    reason: Reason = None,
    allow_default_change: AllowDefaultChange = False,  # noqa: FBT002
    allow_unusable_replacement: AllowUnusable = False,  # noqa: FBT002
) -> None:
    """Delete one address of a user. Guarded and journalled; undo brings it back."""
    from sync_worker.cli.applying import ApplyOptions
    from sync_worker.cli.byhand import delete_by_hand
    from sync_worker.desired.guards import Allowances

    allowances = Allowances(default_change=allow_default_change, unusable_replacement=allow_unusable_replacement)
    options = ApplyOptions(yes=yes, reason=reason, allowances=allowances)
    context = CliContext.of(ctx)
    raise typer.Exit(async_main(lambda: delete_by_hand(context, user, channel, options)))


def delete_push(
    ctx: typer.Context,
    _user: Annotated[Literal["self"], typer.Argument(metavar="self", help="The only user whom Canvas does it for.")],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The push token of the device.")],
    yes: Yes = False,  # noqa: FBT002
    reason: Reason = None,
) -> None:
    """Remove a device of the token's own user from push; it registers itself again when it is used. Journalled."""
    from sync_worker.cli.byhand import delete_push_by_hand

    context = CliContext.of(ctx)
    raise typer.Exit(async_main(lambda: delete_push_by_hand(context, device, yes=yes, reason=reason)))


async def _live(context: CliContext, user: str) -> list[dict[str, object]]:
    from sync_worker.channels import RefKind, UserRef
    from sync_worker.clock import Clock
    from sync_worker.errors import NotFound, Trouble
    from sync_worker.flows.rooms import open_canvas
    from sync_worker.flows.waiting.outage import unreachable
    from sync_worker.users.refs import parse_ref

    instance = context.only_instance(context.load_settings())
    ref = UserRef(kind=RefKind.SELF) if user == "self" else parse_ref(user)
    async with open_canvas(instance, Clock()) as (client, _):
        try:
            channels = await client.list_channels(ref)
        except Trouble as error:
            raise unreachable(error, instance.origin) from error
        except NotFound as error:
            raise UsageError(f"Canvas knows no user {user}", where=instance.origin) from error
    return [_row(channel) for channel in channels]


def _row(channel: "Channel") -> dict[str, object]:
    return channel.model_dump(exclude_unset=True)


async def _mirror(context: CliContext, user: str) -> list[dict[str, object]]:
    from sync_worker.cli.opening import opening
    from sync_worker.mirror.readback import channels_of_user, find_users
    from sync_worker.users.refs import parse_ref

    if user == "self":
        raise UsageError("only Canvas knows who `self` is", hint="Name the user by number, or leave --mirror out")
    async with opening(context, single=True) as opened:
        found = await find_users(opened.database, opened.names[0], parse_ref(user))
        if len(found) != 1:
            what = "no user" if not found else f"{len(found)} users (an identifier that changed hands)"
            raise UsageError(
                f"the mirror has {what} for {user}", hint="Name the user by the number that Canvas gives it"
            )
        return await channels_of_user(opened.database, opened.names[0], found[0]["id"])


async def _everybody(context: CliContext) -> None:
    """Everybody's channels in order of user, while memory stays flat."""
    from sync_worker.cli.opening import opening
    from sync_worker.mirror.readback import all_channels

    async with opening(context) as opened:
        for name in opened.names:
            async for row in all_channels(opened.database, name):
                typer.echo(as_json(row))


def _table(rows: list[dict[str, object]]) -> None:
    """The columns that people look for; JSON has all."""
    if not rows:
        typer.echo("no channels")
        return
    from rich.table import Table

    names = ("id", "type", "address", "position", "workflow_state", "last_bounce_at")
    table = Table(box=None, header_style="dim")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(name) is None else str(row[name]) for name in names))
    console().print(table)
