"""`mail preview`: a letter of each kind as files, to be looked at, sent and replied to before anybody gets one."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from bot.mail.house import House
from bot.mail.letter_parts import Chart
from bot.mail.samples import ALIASES, OUTCOMES, SAMPLES, Scene, letter, reader
from bot.pictures import picture
from bot.slack.sample_standings import several
from runtime.errors import InvalidRequest

if TYPE_CHECKING:
    import charts

WIDTHS = {720: "", 360: "-360"}
"""Pixels, and what stands behind the kind in the picture's file name."""
_READY = "document.readyState === 'complete' && [...document.images].every(i => i.complete) && Math.ceil(document.body.scrollHeight)"


@dataclass(frozen=True, slots=True)
class Written:
    """Where a preview stands; `pictured` is false where there is no Chromium."""

    files: tuple[Path, ...]
    pictured: bool


def kind_named(said: str) -> str:
    """A kind by its name, its gate's type or a plain word; InvalidRequest with suggestions for anything else."""
    wanted = said.strip().lower().replace(" ", "-")
    found = wanted if wanted in SAMPLES else ALIASES.get(wanted.replace("-", "_")) or ALIASES.get(wanted)
    if found is None:
        near = get_close_matches(wanted, [*SAMPLES, *ALIASES], n=2)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise InvalidRequest(f"There is no letter of kind “{said}”.{meant} `mail preview list` shows all.")
    return found


def made(kind: str, house: House, to: str, now: datetime, *, name: str = "") -> EmailMessage:
    """The letter itself; its chart is one of the gallery's."""
    chart = SAMPLES[kind].chart
    words, png = _chart(chart) if chart else (None, None)
    return letter(kind, house, Scene(reader(house, to, now, name=name), now, chart=words), png).message


def _chart(name: str) -> tuple[Chart, bytes]:
    import charts  # noqa: PLC0415  imports matplotlib, and most kinds have no picture
    from charts.compact import compact  # noqa: PLC0415  as above

    shape = _shape(name)
    return Chart(charts.alt_text(shape), charts.sparkline(shape)), compact(charts.draw(shape).png)


def _shape(name: str) -> "charts.Chart":
    """One of the gallery's, under the title of the sample experiment and with guardrails that let it be shipped."""
    from charts import EffectChart, LaunchChart, samples  # noqa: PLC0415  as above

    if name == OUTCOMES:
        return picture(several(str, 3).chart or {})
    shape: charts.Chart = getattr(samples, name)()
    if isinstance(shape, EffectChart):
        calm = tuple(
            replace(strip, value=742.0, state="safe") if strip.state == "violated" else strip
            for strip in shape.guardrails
        )
        return replace(shape, title="Guest checkout", guardrails=calm)
    return (
        replace(shape, title="Guest checkout", flag_key="guest-checkout") if isinstance(shape, LaunchChart) else shape
    )


def html_of(message: EmailMessage) -> str:
    """The HTML part as one file: its picture is inside."""
    body = message.get_body(preferencelist=("html",))
    shown = str(body.get_content()) if isinstance(body, EmailMessage) else ""
    for part in message.walk():
        if part.get_content_maintype() == "image":
            content = base64.b64encode(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]
            shown = shown.replace(f"cid:{part['Content-ID'].strip('<> ')}", f"data:image/png;base64,{content}")
    return shown


async def write(kind: str, message: EmailMessage, out: Path) -> Written:
    """KIND.eml, KIND.html and, with Chromium, KIND.png and KIND-360.png."""
    from bot.slack.rendering.browser import chromium  # noqa: PLC0415  only here is a browser wanted

    eml, page = out / f"{kind}.eml", out / f"{kind}.html"
    address = await asyncio.to_thread(_saved, out, {eml: message.as_bytes(), page: html_of(message).encode()})
    program = chromium()
    pictures = await _pictures(kind, page, address, program) if program else []
    return Written((eml, page, *pictures), pictured=program is not None)


def _saved(out: Path, files: dict[Path, bytes]) -> str:
    """Returns the last one's address for a browser."""
    out.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        path.write_bytes(content)
    return list(files)[-1].absolute().as_uri()


async def _pictures(kind: str, page: Path, address: str, program: str) -> Sequence[Path]:
    from bot.slack.rendering.browser import browsing  # noqa: PLC0415  as above

    found = []
    async with browsing(program) as browser:
        for width, suffix in WIDTHS.items():
            found.append(page.with_name(f"{kind}{suffix}.png"))
            shot = await browser.picture(address, width, ready=_READY)
            await asyncio.to_thread(found[-1].write_bytes, shot)
    return found
