"""`apply` and `undo`: carry out a saved plan, and take back what that did."""

from typing import Annotated, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask. Switches off no guard.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the journal.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N users; the plan goes on later.")]
Only = Annotated[Literal["creates", "deletes"] | None, typer.Option(help="Leave the other kind for later.")]
ExpectCreates = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="There are exactly N creates: their limit may be passed.")
]
ExpectDeletes = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="There are exactly N deletes: their limits may be passed."),
]
MaxMessages = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="guards.max_messages for this apply: confirmations to people.")
]
AllowDefaultChange = Annotated[
    bool, typer.Option("--allow-default-change", help="Deletes may change where a user's mail goes.")
]
AllowUnusable = Annotated[
    bool,
    typer.Option(
        "--allow-unusable-replacement",
        help="Deletes may leave a user with what does not look like an address.",
    ),
]
AllowEmpty = Annotated[
    bool, typer.Option("--allow-empty", help="The document may be empty, or much smaller than the last one applied.")
]

Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait until the outcome of every action of RUN is known, then take back all of it."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    epilog = examples(
        "sync-worker apply 7",
        'sync-worker apply 7 --limit 25 --reason "new mail domain"',
        "sync-worker apply plan.json --yes --expect-deletes 120",
    )
    app.command("apply", epilog=epilog)(apply)
    app.command("undo", epilog=examples("sync-worker undo 42"))(undo)


def apply(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The number of a saved plan, or a file of plan --out.")],
    yes: Yes = False,  # noqa: FBT002
    reason: Reason = None,
    limit: Limit = None,
    only: Only = None,
    expect_creates: ExpectCreates = None,
    expect_deletes: ExpectDeletes = None,
    max_messages: MaxMessages = None,
    allow_default_change: AllowDefaultChange = False,  # noqa: FBT002
    allow_unusable_replacement: AllowUnusable = False,  # noqa: FBT002
    allow_empty: AllowEmpty = False,  # noqa: FBT002
) -> None:
    """Carry out a saved plan at Canvas: never more than it says, and only what the guards allow.

    Every user is read again first; what is stale is skipped and said. May be called again to go on.
    """
    from sync_worker.cli.applying import ApplyOptions, apply_saved
    from sync_worker.desired.diff import Kind
    from sync_worker.desired.guards import Allowances

    allowances = Allowances(
        expect_creates=expect_creates,
        expect_deletes=expect_deletes,
        max_messages=max_messages,
        default_change=allow_default_change,
        unusable_replacement=allow_unusable_replacement,
        empty=allow_empty,
    )
    kinds = {None: None, "creates": Kind.CREATE, "deletes": Kind.DELETE}
    options = ApplyOptions(yes=yes, reason=reason, limit=limit, only=kinds[only], allowances=allowances)
    context = CliContext.of(ctx)
    raise typer.Exit(async_main(lambda: apply_saved(context, plan, options)))


def undo(
    ctx: typer.Context,
    run: Annotated[int, typer.Argument(metavar="RUN", min=1, help="The run of an apply, an undo or a change by hand.")],
    yes: Yes = False,  # noqa: FBT002
    reason: Reason = None,
    expect_creates: ExpectCreates = None,
    expect_deletes: ExpectDeletes = None,
    max_messages: MaxMessages = None,
    allow_default_change: AllowDefaultChange = False,  # noqa: FBT002
    allow_unusable_replacement: AllowUnusable = False,  # noqa: FBT002
    wait: Wait = False,  # noqa: FBT002
) -> None:
    """Take back what RUN did: plan the opposite, show it, ask, carry it out under the same guards.

    What was deleted comes back under its old number; what somebody else had created is left alone.
    """
    from sync_worker.cli.applying import ApplyOptions
    from sync_worker.cli.undoing import undo_run
    from sync_worker.desired.guards import Allowances

    allowances = Allowances(
        expect_creates=expect_creates,
        expect_deletes=expect_deletes,
        max_messages=max_messages,
        default_change=allow_default_change,
        unusable_replacement=allow_unusable_replacement,
    )
    options = ApplyOptions(yes=yes, reason=reason, allowances=allowances)
    context = CliContext.of(ctx)
    raise typer.Exit(async_main(lambda: undo_run(context, run, options, wait=wait)))
