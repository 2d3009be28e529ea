"""`chart`: any picture to a file, from the database or from a snapshot in JSON."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from runtime.errors import InvalidRequest

_KINDS = ("effect", "guardrails", "split", "launch", "progress", "portfolio", "timeline", "calibration")


@click.command()
@click.argument("subject")
@click.option("--kind", type=click.Choice(_KINDS), help="Which picture of it; unset: the most telling one.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="FILE.png or FILE.svg; unset: named after what it shows.",
)
@click.option(
    "--theme", type=click.Choice(["light", "dark", "print"]), default="light", show_default=True, help="Its colours."
)
def chart(subject: str, kind: str | None, out: Path | None, theme: str) -> None:
    """Draw a picture of SUBJECT to a file, and print what it says in words.

    SUBJECT is an outcome's id, all (the running outcomes in one picture), an experiment's id or flag, a JSON file with a stored chart, or - for standard input.
    """
    import charts  # noqa: PLC0415  only this command draws
    from bot.pictures import picture  # noqa: PLC0415  as above

    stored = _read(subject) if subject == "-" or subject.endswith(".json") else _look_up(subject, kind)
    found = picture(stored)
    place = out or Path(f"{Path(subject).stem if subject != '-' else 'chart'}-{stored['kind']}.png")
    if place.suffix not in {".png", ".svg"}:
        raise InvalidRequest(
            f"{place} is neither a .png nor a .svg; name the file --out NAME.png or NAME.svg.", out=str(place)
        )
    drawn = charts.svg(found, theme=theme) if place.suffix == ".svg" else charts.draw(found, theme=theme).png  # type: ignore[arg-type]  # click checked it
    try:
        place.write_bytes(drawn)
    except OSError as error:
        raise InvalidRequest(
            f"{place} cannot be written: {error.strerror}; choose another place with --out."
        ) from error
    click.echo(f"{place}\n{charts.alt_text(found)}")


def _read(subject: str) -> dict[str, Any]:
    """A chart as it is stored with a gate: `kind` and its fields."""
    try:
        text = sys.stdin.read() if subject == "-" else Path(subject).read_text(encoding="utf-8")
        stored = json.loads(text)
    except OSError as error:
        raise InvalidRequest(f"{subject} cannot be read: {error.strerror}.", file=subject) from error
    except ValueError as error:
        raise InvalidRequest(f"{subject} is not JSON: {error}.", file=subject) from error
    if not isinstance(stored, dict) or "kind" not in stored:
        raise InvalidRequest(f"{subject} holds no chart: it needs a `kind` (docs/charts.md).", file=subject)
    return stored


def _look_up(subject: str, kind: str | None) -> dict[str, Any]:
    from bot.cli.environment import with_runtime  # noqa: PLC0415  a JSON file needs no database
    from runtime.core import Runtime  # noqa: PLC0415  as above
    from runtime.outcomes.pictures import chart_of  # noqa: PLC0415  as above

    async def work(runtime: Runtime, org_id: UUID) -> dict[str, Any]:
        async with runtime.transaction(org_id) as tx:
            return await chart_of(tx, subject, kind)

    return with_runtime(work)
