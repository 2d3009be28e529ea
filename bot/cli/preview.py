"""`slack preview`: every message, form and Home tab as a picture, to be looked at before anybody gets one."""

import asyncio
import json
from pathlib import Path

import click

WIDTHS = ("360", "1280")


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("slack-preview"), show_default=True,
              help="Where the files go; made if it isn't there.")  # fmt: skip
@click.option("--width", type=click.Choice(WIDTHS), help="Pixels; both widths if it is left out.")
@click.option("--only", default="", help="Only samples whose name holds these words.")
@click.option("--json", "as_json", is_flag=True, help="Write each as JSON too, as Slack's Block Kit Builder takes it.")
def preview(out: Path, width: str | None, only: str, *, as_json: bool) -> None:
    """Draw every kind of message, form and Home tab from made-up rows: PNG with Chromium, HTML without it."""
    from bot.slack.rendering.browser import chromium  # noqa: PLC0415  the other commands need neither page nor browser

    program, widths = chromium(), [width] if width else list(WIDTHS)
    names = _pages(out, only)
    if as_json:
        _sources(out, only)
    found = {name: [f"{name}.html"] for name in names}
    if program is None:
        click.echo("There is no Chromium here: set CHROMIUM to its path, or look at the HTML files in any browser.")
    else:
        found = asyncio.run(_pictures(out, names, widths, program))
        for name in names:
            (out / f"{name}.html").unlink()
    _index(out, found)
    click.echo(f"{sum(map(len, found.values()))} files in {out}; open {out / 'index.html'}.")


def _pages(out: Path, only: str) -> list[str]:
    import charts  # noqa: PLC0415  as above
    from bot.pictures import picture  # noqa: PLC0415  as above
    from bot.slack.rendering.pages import page  # noqa: PLC0415  as above
    from bot.slack.samples import DRAWN, FILE, OUTCOMES, samples, standing_chart  # noqa: PLC0415  as above
    from charts.samples import effect, effect_violated, launch, portfolio  # noqa: PLC0415  as above

    drawn: dict[str, charts.Chart] = dict(zip(DRAWN.values(), (portfolio(), launch(), effect_violated()), strict=True))
    drawn |= {FILE: effect(), OUTCOMES: picture(standing_chart())}
    pictures = {file: charts.draw(chart).png for file, chart in drawn.items()}
    wanted = [sample for sample in samples() if only in sample.name]
    out.mkdir(parents=True, exist_ok=True)
    for sample in wanted:
        (out / f"{sample.name}.html").write_text(page(sample, pictures))
    return [sample.name for sample in wanted]


def _sources(out: Path, only: str) -> None:
    from bot.slack.samples import samples  # noqa: PLC0415  as above

    for sample in samples():
        if only in sample.name:
            source = sample.view or {"text": sample.text, **({"blocks": sample.blocks} if sample.blocks else {})}
            (out / f"{sample.name}.json").write_text(json.dumps(source, ensure_ascii=False, indent=1) + "\n")


def _index(out: Path, found: dict[str, list[str]]) -> None:
    from bot.slack.rendering.pages import index  # noqa: PLC0415  as above

    (out / "index.html").write_text(index(found))


async def _pictures(out: Path, names: list[str], widths: list[str], program: str) -> dict[str, list[str]]:
    from bot.slack.rendering.browser import browsing  # noqa: PLC0415  as above
    from bot.slack.rendering.pages import READY  # noqa: PLC0415  as above

    found: dict[str, list[str]] = {name: [] for name in names}
    async with browsing(program) as browser:
        for name in names:
            address = (out / f"{name}.html").absolute().as_uri()
            for width in widths:
                picture = await browser.picture(address, int(width), ready=READY)
                found[name].append(f"{name}-{width}.png")
                await asyncio.to_thread((out / found[name][-1]).write_bytes, picture)
    return found
