"""`run` and `backfill`: Canvas to the mirror, for every instance asked for."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sync_worker.cli import unavailable
from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples

if TYPE_CHECKING:
    from sync_worker.flows.pull.overrides import Overrides
    from sync_worker.flows.push.reconcile import Wishes

Users = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SPEC",
        help="Whom to read instead of the configured users: account:ID, account:self, file:PATH, id:N,N, "
        "sis:ID,ID, query:FILE.sql, self; repeatable.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Do not go on with an unfinished run.")]
MaxTombstones = Annotated[int | None, typer.Option(min=0, metavar="N", help="brake.max_tombstones for this run.")]
MaxTombstonePercent = Annotated[
    float | None, typer.Option(min=0, max=100, metavar="P", help="brake.max_tombstone_percent for this run.")
]
MinCoverage = Annotated[
    float | None, typer.Option(min=0, max=100, metavar="PCT", help="brake.min_coverage_percent for this run.")
]

MinListing = Annotated[
    float | None, typer.Option(min=0, max=100, metavar="PCT", help="brake.min_listing_percent for this run.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    run_examples = examples("sync-worker run", "sync-worker --instance main run --users file:users.csv")
    app.command("run", epilog=run_examples)(run)
    backfill_examples = examples("sync-worker backfill", "sync-worker backfill --users id:1042,1043 --fresh")
    app.command("backfill", epilog=backfill_examples)(backfill)


def run(
    ctx: typer.Context,
    users: Users = None,
    fresh: Fresh = False,  # noqa: FBT002  (an option's default)
    max_tombstones: MaxTombstones = None,
    max_tombstone_percent: MaxTombstonePercent = None,
    min_coverage: MinCoverage = None,
    min_listing: MinListing = None,
    desired: Annotated[
        str | None, typer.Option(metavar="FILE", help="The desired state; else desired.file of the configuration.")
    ] = None,
    apply: Annotated[
        Literal["off", "plan", "auto"] | None,
        typer.Option(help="How far to go towards it, instead of desired.apply; auto asks nobody."),
    ] = None,
    _distributed: Annotated[bool, unavailable.option("run --distributed")] = False,  # noqa: FBT002
) -> None:
    """The scheduled job: bring the mirror up to date with Canvas, then plan towards the desired state.

    Goes on with an interrupted run where it stopped. Reads every user, writes what changed, and deletes only what two
    reads did not see and the brake allows. Where a desired state is configured it is planned; with `auto` the plan is
    carried out under the guards.
    """
    overrides = _overrides(max_tombstones, max_tombstone_percent, min_coverage, min_listing)
    from sync_worker.flows.push.reconcile import Wishes

    _pull(ctx, "run", users, fresh, overrides, Wishes(desired=desired, apply=apply))


def backfill(
    ctx: typer.Context,
    users: Users = None,
    fresh: Fresh = False,  # noqa: FBT002  (an option's default)
    max_tombstones: MaxTombstones = None,
    max_tombstone_percent: MaxTombstonePercent = None,
    min_coverage: MinCoverage = None,
    min_listing: MinListing = None,
    _distributed: Annotated[bool, unavailable.option("backfill --distributed")] = False,  # noqa: FBT002
) -> None:
    """The first load, or a repair: as `run`, but it never plans or applies anything."""
    _pull(ctx, "backfill", users, fresh, _overrides(max_tombstones, max_tombstone_percent, min_coverage, min_listing))


def _overrides(
    max_tombstones: int | None, percent: float | None, coverage: float | None, listing: float | None
) -> "Overrides":
    from sync_worker.flows.pull.overrides import Overrides

    return Overrides(
        max_tombstones=max_tombstones,
        max_tombstone_percent=percent,
        min_coverage_percent=coverage,
        min_listing_percent=listing,
    )


def _pull(
    ctx: typer.Context,
    kind: str,
    users: list[str] | None,
    fresh: bool,  # noqa: FBT001
    overrides: "Overrides",
    wishes: "Wishes | None" = None,
) -> None:
    from sync_worker.cli.pulling import on_instances
    from sync_worker.flows.job import Job, pulling
    from sync_worker.service.aftermath import after_command

    context, specs = CliContext.of(ctx), tuple(users or ())
    job = Job(kind=kind, flow=pulling(kind, specs, fresh=fresh, overrides=overrides), wishes=wishes, users=specs)
    aftermath = None if specs else after_command  # a choice of one's own says nothing about the nightly job
    raise typer.Exit(async_main(lambda: on_instances(context, job, aftermath=aftermath)))
