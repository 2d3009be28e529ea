"""`validate`, `plan`, `apply`, `export`: outcome.yaml at the command line."""

import os
import sys
from pathlib import Path
from uuid import UUID

import click

from bot.cli.environment import operator, with_runtime
from runtime.core import Runtime
from runtime.outcomes import service
from runtime.outcomes.connections import environment
from runtime.spec.advice import warnings
from runtime.spec.export import dump
from runtime.spec.load import load
from runtime.spec.models import OutcomeFile
from runtime.spec.plan import Plan, render

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default="outcome.yaml")


def _read(path: Path) -> OutcomeFile:
    """The file, checked; warnings go to standard error. Raises InvalidOutcomeFile with every problem."""
    file = load(path.read_bytes(), name=path.name)
    for warning in warnings(file):
        click.echo(f"Warning: {warning}", err=True)
    return file


@click.command()
@FILE
def validate(file: Path) -> None:
    """Check FILE and name every error with its line, column, key, reason and mend."""
    found = _read(file)
    click.echo(f"{file.name} is valid: {len(found.outcomes)} outcome{'s' if len(found.outcomes) != 1 else ''}.")


@click.command()
@FILE
def plan(file: Path) -> None:
    """Show the field diff between what runs and FILE; `!` marks what a running outcome needs a gate for."""
    wanted = _read(file)

    async def work(runtime: Runtime, org_id: UUID) -> Plan:
        return await service.plan(runtime, org_id, wanted)

    click.echo(render(with_runtime(work)))


@click.command()
@FILE
@click.option("--yes", is_flag=True, help="Apply without asking.")
@click.option("--draft", is_flag=True, help="Leave new outcomes as drafts; start them later with `/outcome activate`.")
def apply(file: Path, yes: bool, draft: bool) -> None:  # noqa: FBT001  click hands flags over so
    """Bring the runtime to FILE. Changes of a running outcome's target, constraints or gates wait at a gate."""
    wanted, text = _read(file), file.read_bytes()

    async def work(runtime: Runtime, org_id: UUID) -> service.Applied | None:
        async with runtime.transaction(org_id) as tx:
            load(text, name=file.name, env=await environment(runtime, tx))
        changes = await service.plan(runtime, org_id, wanted)
        click.echo(render(changes))
        if not changes.changes or not (yes or click.confirm("Apply?", default=False)):
            return None
        by = await operator(runtime, org_id)
        return await service.apply(
            runtime, org_id, wanted, by=by, now=runtime.now(), env=os.environ, activate=not draft
        )

    applied = with_runtime(work)
    click.echo(_told(applied) if applied else "Nothing was changed.")


def _told(applied: service.Applied) -> str:
    parts = (
        ("made", applied.created),
        ("changed", applied.changed),
        ("waiting at a gate", applied.gated),
        ("started", applied.activated),
    )
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names) + "."


@click.command()
def export() -> None:
    """Write the outcome.yaml that runs now to standard output."""

    async def work(runtime: Runtime, org_id: UUID) -> OutcomeFile | None:
        async with runtime.transaction(org_id) as tx:
            return await service.applied_file(tx)

    found = with_runtime(work)
    if found is None:
        sys.exit(
            "Nothing has been applied yet; write an outcome.yaml (see outcome.yaml.example) and run `outcome-runtime apply`."
        )
    click.echo(dump(found), nl=False)
