"""The shop's page: what is live and how the simulated day goes; a picture of the shop for people, no buttons."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from demo.changes import Change
from demo.flags import Flag

STYLE = """
:root{color-scheme:light dark;--ink:#1d2433;--soft:#667085;--line:#e4e7ec;--card:#fff;--back:#f6f7f9;--on:#087443;--off:#98a2b3}
@media(prefers-color-scheme:dark){:root{--ink:#eef1f6;--soft:#98a2b3;--line:#2c3444;--card:#1a2130;--back:#11161f;--on:#47cd89}}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
.banner{background:#b54708;color:#fff;text-align:center;padding:.4rem;font-weight:600}
main{max-width:56rem;margin:auto;padding:1.5rem 1rem}
h1{margin:0;font-size:1.6rem}h2{font-size:1.05rem;margin:2rem 0 .6rem}
p{margin:.3rem 0;color:var(--soft)}
.facts{display:flex;flex-wrap:wrap;gap:.8rem;margin-top:1.2rem}
.fact,.flag{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:.8rem 1rem}
.fact{flex:1 1 10rem}.fact b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.flag{margin-bottom:.7rem}.flag code{font-size:.85rem;color:var(--soft)}
.pill{float:right;border-radius:1rem;padding:.05rem .7rem;color:#fff;font-size:.82rem;background:var(--off)}
.pill.on{background:var(--on)}svg{width:100%;height:6rem;display:block}
polyline{fill:none;stroke:var(--on);stroke-width:2;vector-effect:non-scaling-stroke}
"""


def _flag_card(flag: Flag, change: Change | None) -> str:
    words = (
        escape(change.when_on)
        if change
        else "Nothing in the shop's code uses this flag yet: shoppers see no difference."
    )
    title = escape(change.title if change else flag.description or flag.key)
    who = f"{flag.percentage} % of shoppers"
    if flag.segment:
        who += " with " + escape(", ".join(f"{name} = {value}" for name, value in flag.segment.items()))
    state = f'<span class="pill on">on for {who}</span>' if flag.enabled else '<span class="pill">off</span>'
    return f'<div class="flag">{state}<strong>{title}</strong><br><code>{escape(flag.key)}</code><p>{words}</p></div>'


def _fact(name: str, value: str) -> str:
    return f'<div class="fact">{escape(name)}<b>{escape(value)}</b></div>'


def _rates(days: Sequence[tuple[str, int, int]], platform: str) -> list[float]:
    return [orders / carts for name, carts, orders in days if name.endswith(platform) and carts]


def _line(rates: Sequence[float]) -> str:
    """Conversion by day from 20 % to 50 %, drawn without script."""
    if len(rates) < 2:  # noqa: PLR2004  a line needs two points
        return "<p>The first days are being lived.</p>"
    step = 100 / (len(rates) - 1)
    points = " ".join(f"{index * step:.2f},{(0.5 - rate) / 0.3 * 100:.2f}" for index, rate in enumerate(rates))
    label = f"Mobile conversion by simulated day, last {rates[-1]:.1%}; scale 20 % to 50 %"
    return f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{label}"><polyline points="{points}"/></svg>'


def render(
    now: datetime | None, days: Sequence[tuple[str, int, int]], flags: Sequence[Flag], changes: dict[str, Change]
) -> str:
    mobile = _rates(days[:-2] if len(days) > 2 else days, "mobile")  # noqa: PLR2004  today, on two platforms, is unfinished
    today = sum(orders for _, _, orders in days[-2:])
    facts = (
        _fact("Simulated date", f"{now:%d %b %Y, %H:%M}" if now else "no calendar")
        + _fact("Orders today", f"{today:,}")
        + _fact("Mobile conversion, last full day", f"{mobile[-1]:.1%}" if mobile else "not yet")
    )
    cards = "".join(_flag_card(flag, changes.get(flag.key)) for flag in flags)
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>Simulated shop</title><style>{STYLE}</style></head><body>
<div class="banner">Simulated shop: no real shoppers, no real money, a calendar that runs fast.</div><main>
<h1>The demo shop</h1><p>Each shopper decides for themselves; the flags below decide what they see.</p>
<div class="facts">{facts}</div><h2>Mobile conversion by simulated day (20 % to 50 %)</h2>{_line(mobile)}
<h2>Flags</h2>{cards or "<p>No flag yet. The first one appears when an experiment is approved and built.</p>"}
</main></body></html>"""
