"""`status`, `learnings`, `lifecycle`, `journal`: reading what is there."""

import sys
from collections.abc import Sequence
from uuid import UUID

import click

from runtime.lifecycle import MACHINES, mermaid


@click.command()
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print the diagrams in Mermaid's language.")
@click.argument("which", type=click.Choice(["all", *MACHINES]), default="all")
def lifecycle(which: str, as_mermaid: bool) -> None:  # noqa: FBT001  click hands flags over so
    """Print the lifecycle tables; steps in brackets need a person's answer at that gate."""
    for name, machine in MACHINES.items():
        if which not in {"all", name}:
            continue
        if as_mermaid:
            click.echo(f"%% {name}\n{mermaid(machine)}\n")
            continue
        click.echo(f"{name}: starts {machine.initial}, ends {', '.join(sorted(machine.final))}")
        for row in machine.table.values():
            guard = f"  [{' | '.join(sorted(row.guard))}]" if row.guard else ""
            click.echo(f"  {row.source:24} {row.event:20} -> {row.target}{guard}")


@click.command()
def status() -> None:
    """Outcomes with their experiments, and the gates that wait for somebody."""
    from bot.cli.environment import with_runtime  # noqa: PLC0415  `lifecycle` needs no database
    from runtime.core import Runtime  # noqa: PLC0415  as above
    from runtime.experiments import service  # noqa: PLC0415  as above
    from runtime.gates import rows as gates  # noqa: PLC0415  as above
    from runtime.outcomes import rows as outcomes  # noqa: PLC0415  as above

    async def work(runtime: Runtime, org_id: UUID) -> Sequence[str]:
        lines = []
        async with runtime.transaction(org_id) as tx:
            for outcome in await outcomes.listed(tx):
                lines.append(f"{outcome['slug']}  {outcome['status']}  {outcome['title']}")
                lines += [
                    f"  {row['status']:24} {row['title']}  ({row['id']})"
                    for row in await service.of_outcome(tx, outcome["id"])
                ]
            waiting = await gates.listed(tx)
            lines += [
                f"gate: {row['question']}  asked: {gates.seat(row).asked}, until {row['due_at']:%Y-%m-%d %H:%M UTC}"
                for row in waiting
            ]
        return lines

    click.echo("\n".join(with_runtime(work)) or "Nothing yet; apply an outcome.yaml with `outcome-runtime apply`.")


@click.command()
@click.argument("question", nargs=-1)
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 50))
def learnings(question: Sequence[str], limit: int) -> None:
    """Ask in plain words what past experiments taught; without a question the newest are listed."""
    from bot.cli.environment import with_runtime  # noqa: PLC0415  `lifecycle` needs no database
    from runtime.core import Runtime  # noqa: PLC0415  as above
    from runtime.learnings.service import Found, search  # noqa: PLC0415  as above

    async def work(runtime: Runtime, org_id: UUID) -> list[Found]:
        return await search(runtime, org_id, " ".join(question), limit=limit)

    for found in with_runtime(work):
        click.echo(
            f"- {found.finding}\n  ({found.finding_type.replace('_', ' ')}, confidence {found.confidence:.0%}, {found.created_at:%Y-%m-%d})"
        )


@click.command()
@click.option("--last", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many entries.")
def journal(last: int) -> None:
    """Print the newest entries of the audit journal, oldest first, and say whether its chain of hashes holds."""
    from sqlalchemy import select, text  # noqa: PLC0415  `lifecycle` needs no database

    from bot.cli.environment import with_runtime  # noqa: PLC0415  as above
    from runtime.core import Runtime  # noqa: PLC0415  as above
    from runtime.db.tables import journal as table  # noqa: PLC0415  as above

    async def work(runtime: Runtime, org_id: UUID) -> tuple[list[str], int | None]:
        async with runtime.transaction(org_id) as tx:
            rows = await tx.all(select(table).order_by(table.c.seq.desc()).limit(last))
            broken = await tx.value(text("select journal_broken_at()"))
        return [
            f"{row['seq']:5} {row['at']:%Y-%m-%d %H:%M:%S} {row['event']:28} {row['actor']}  {row['hash'][:12]}"
            for row in reversed(rows)
        ], broken

    lines, broken = with_runtime(work)
    click.echo("\n".join(lines))
    if broken is not None:
        sys.exit(f"The chain is broken at entry {broken}: history was changed. Restore from a backup and investigate.")
    click.echo("The chain of hashes holds.")
