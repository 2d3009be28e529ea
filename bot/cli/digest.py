"""`digest`: what runs, what waits, what was decided and learned, as plain text for anybody, with an account or without."""

from uuid import UUID

import click


@click.command()
@click.argument("outcome", required=False)
@click.option("--hours", default=24.0, show_default=True, type=click.FloatRange(0.1, 24 * 366), help="How far back.")
def digest(outcome: str | None, hours: float) -> None:
    """Print the digest of one outcome, or of all of them."""
    from datetime import timedelta  # noqa: PLC0415  `--help` needs none of this

    from bot.cli.environment import with_runtime  # noqa: PLC0415  as above
    from runtime import digests  # noqa: PLC0415  as above
    from runtime.core import Runtime  # noqa: PLC0415  as above
    from runtime.errors import NotFound  # noqa: PLC0415  as above
    from runtime.outcomes import rows  # noqa: PLC0415  as above

    async def work(runtime: Runtime, org_id: UUID) -> str:
        now = runtime.now()
        async with runtime.transaction(org_id) as tx:
            named = [row["id"] for row in await rows.listed(tx) if outcome in (None, row["slug"])]
            if outcome and not named:
                raise NotFound(f"There is no outcome '{outcome}'; `outcome-runtime status` lists them.", slug=outcome)
            return digests.plain(await digests.collect(tx, runtime.settings, named, now - timedelta(hours=hours), now))

    click.echo(with_runtime(work))
