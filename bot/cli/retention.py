"""`retention`: how long raw rows of finished experiments are kept for this organisation."""

from uuid import UUID

import click

from bot.cli.environment import operator, with_runtime
from runtime.core import Runtime
from runtime.ingestion import retention as kept


@click.command()
@click.option(
    "--days", type=click.IntRange(min=1, max=kept.MOST_DAYS), help="Keep them for so many days in this organisation."
)
@click.option(
    "--default", "default", is_flag=True, help="Forget the organisation's own number and follow RAW_ROWS_DAYS."
)
def retention(days: int | None, default: bool) -> None:  # noqa: FBT001  how click passes a flag
    """Show, or set, for how many days raw rows of finished experiments are kept."""
    if default and days is not None:
        raise click.UsageError("Give either --days or --default.")

    async def work(runtime: Runtime, org_id: UUID) -> tuple[int | None, int]:
        if default or days is not None:
            by = await operator(runtime, org_id)
            async with runtime.transaction(org_id) as tx:
                await kept.choose(tx, days, by=by)
        async with runtime.transaction(org_id) as tx:
            return await kept.own(tx), runtime.settings.raw_rows_days

    click.echo(said(*with_runtime(work)))


def said(own: int | None, default: int) -> str:
    source = "RAW_ROWS_DAYS" if own is None else f"this organisation's own number; RAW_ROWS_DAYS is {default}"
    return (
        f"Raw rows of finished experiments are kept for {default if own is None else own} days ({source}).\n"
        "Those of running experiments, and all rollups, are kept."
    )
