"""The backtest as one self-contained page: what a head of product reads first, then pictures, then every number."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path

from charts import backtest as pictures
from charts.backtest import AlarmBar, AlarmsChart, Called, CallsChart, RuleBar, RulesChart
from runtime.analysis.backtest.replay import Replay
from runtime.analysis.backtest.rules import OURS, RULES, Options
from runtime.analysis.backtest.summary import Backtest, contradicted, headline

NAMES = {
    "peeking": "Classical test, read daily",
    "fixed": "Classical test at the end",
    "growthbook": "GrowthBook sequential",
    "msprt": "mSPRT, tuned",
    "hybrid": "Outcome Runtime: detected",
    "advised": "Outcome Runtime: advised",
}
_STYLE = """
:root{color-scheme:light}body{font:16px/1.55 system-ui,sans-serif;color:#161B22;margin:0 auto;max-width:860px;padding:24px}
h1{font-size:28px;line-height:1.25}h2{font-size:20px;margin-top:40px}.lead{font-size:20px;line-height:1.5}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:24px 0}
.facts div{border:1px solid #D9DEE5;border-radius:8px;padding:12px}.facts b{display:block;font-size:28px;color:#005EA8}
img{max-width:100%;height:auto;border:1px solid #D9DEE5;border-radius:8px;margin:8px 0}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:left;padding:6px 8px;border-bottom:1px solid #D9DEE5}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}small,.soft{color:#4A5361}details{margin-top:24px}
.wide{overflow-x:auto}tr.ours{background:#EEF5FB;font-weight:600}
"""


def write(found: Backtest, options: Options, place: Path) -> Path:
    """Into the file if `place` ends in .html, else into that folder as backtest.html."""
    path = place if place.suffix.lower() in {".html", ".htm"} else place / "backtest.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(found, options), encoding="utf-8")
    return path


def page(found: Backtest, options: Options) -> str:
    source = f"{found.recording.name}: {found.experiments} experiments, {len(found.valid)} effects"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Backtest of {escape(found.recording.name)}</title><style>{_STYLE}</style>",
        f"<h1>What earlier decisions would have been worth</h1><p class=lead>{escape(headline(found))}</p>",
        _facts(found),
        "<h2>Time saved, and what it costs</h2><p>An early call is contradicted when the effect is no longer significant at the last look.</p>",
        _picture(_rules(found, source)),
        *_examples(found),
        *_noise(found, source),
        "<h2>Every rule</h2>",
        _table(found),
        _method(found, options),
    ]
    return "\n".join(parts)


def _facts(found: Backtest) -> str:
    ours = found.tallies["advised"]
    facts = (
        (f"{ours.days_saved:.0f} days", "saved by half of the calls, or more"),
        (f"{ours.contradicted_share:.0%}", "of our calls contradicted later"),
        (f"{ours.reversed_sign}", "calls with the wrong sign"),
        (f"{ours.missed} of {ours.significant_at_end}", "effects significant at the end, never called"),
    )
    return "<div class=facts>" + "".join(f"<div><b>{value}</b>{words}</div>" for value, words in facts) + "</div>"


def _rules(found: Backtest, source: str) -> RulesChart:
    bars = (
        RuleBar(NAMES[rule], tally.time_saved, tally.contradicted_share, tally.calls, rule in OURS)
        for rule, tally in found.tallies.items()
    )
    return RulesChart("Time saved and calls contradicted, by rule", tuple(bars), source)


def _noise(found: Backtest, source: str) -> Iterator[str]:
    if not found.rates:
        return
    bars = tuple(AlarmBar(NAMES[rule], rate.rate, rate.se, rule in OURS) for rule, rate in found.rates.items())
    chart = AlarmsChart(
        "False alarms when nothing happens", bars, 0.05, f"{source}; {found.replicates} replicates each"
    )
    yield (
        "<h2>False alarms</h2><p>The same looks, counts and variances, filled with pure noise: how often would each rule "
        "have called something that is not there, at any look?</p>"
    )
    yield _picture(chart)


def _examples(found: Backtest) -> Iterator[str]:
    chosen = list(_chosen(found))
    if chosen:
        yield "<h2>Examples</h2><p>Each line is the measured effect, the band its always-valid interval, and the marks are the days on which the rules would have called.</p>"
    for words, replay in chosen:
        yield _picture(_calls(words, replay))


def _chosen(found: Backtest) -> Iterator[tuple[str, Replay]]:
    """One experiment for each story, the one with the most days in it."""
    used: set[str] = set()
    for words, fits in _STORIES.items():
        fitting = [replay for replay in found.valid if fits(replay) and replay.stream.key.experiment_id not in used]
        if fitting:
            best = max(fitting, key=lambda replay: replay.stream.horizon)
            used.add(best.stream.key.experiment_id)
            yield words, best


def _early(replay: Replay) -> bool:
    stop = replay.stops["advised"]
    return stop is not None and stop.time < 0.5 * replay.stream.horizon


_STORIES: dict[str, Callable[[Replay], bool]] = {
    "Called early, and right": lambda replay: _early(replay) and not contradicted(replay),
    "A false start that waiting avoided": lambda replay: (
        replay.stops["advised"] is None and replay.stops["hybrid"] is not None and contradicted(replay)
    ),
    "Called early, and contradicted later": lambda replay: _early(replay) and contradicted(replay),
    "Not significant in the end, but a daily reader had called it": lambda replay: (
        replay.stops["hybrid"] is None and replay.stops["peeking"] is not None and contradicted(replay)
    ),
}


def _calls(words: str, replay: Replay) -> CallsChart:
    stream = replay.stream
    calls = [Called(_short(rule), stop.time, rule in OURS) for rule, stop in replay.stops.items() if stop]
    experiment, variant, metric = stream.key
    return CallsChart(
        title=words,
        subtitle=f"experiment {experiment}, variant {variant}, metric {metric}: treatment minus control",
        days=tuple(stream.days()),
        estimates=tuple(stream.estimates()),
        lower=tuple(look.ci_lower for look in replay.looks),
        upper=tuple(look.ci_upper for look in replay.looks),
        calls=tuple(calls),
        source=f"{len(stream.readings)} looks to day {stream.horizon:g}",
    )


def _short(rule: str) -> str:
    return {"hybrid": "detected", "advised": "advised", "peeking": "daily z-test", "fixed": "at the end"}.get(
        rule, rule
    )


def _picture(chart: RulesChart | CallsChart | AlarmsChart) -> str:
    drawn = pictures.draw(chart)
    data = b64encode(drawn.png).decode("ascii")
    return f'<img width={drawn.width // 2} height={drawn.height // 2} alt="{escape(drawn.alt)}" src="data:image/png;base64,{data}">'


def _table(found: Backtest) -> str:
    heading = (
        "Rule",
        "Calls",
        "Early",
        "Contradicted",
        "Sign reversed",
        "Missed",
        "Time saved",
        "Median days saved",
        "A/A alarms",
    )
    rows = [_cells(heading, "th")]
    for rule, tally in found.tallies.items():
        rate = found.rates.get(rule)
        cells = (
            NAMES[rule], tally.calls, tally.early, f"{tally.contradicted} ({tally.contradicted_share:.0%})", tally.reversed_sign,
            f"{tally.missed} of {tally.significant_at_end}", f"{tally.time_saved:.0%}", f"{tally.days_saved:.1f}",
            f"{rate.rate:.1%} ± {rate.se:.1%}" if rate else "",
        )  # fmt: skip
        rows.append(_cells(cells, "td", ours=rule in OURS))
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _cells(cells: Iterable[object], tag: str, *, ours: bool = False) -> str:
    told = "".join(f"<{tag}{' class=n' if i else ''}>{escape(str(cell))}</{tag}>" for i, cell in enumerate(cells))
    return f"<tr{' class=ours' if ours else ''}>{told}</tr>"


def _method(found: Backtest, options: Options) -> str:
    left_out = len(found.replays) - len(found.valid)
    directions = ", ".join(f"{metric} should {way}" for metric, way in options.directions.items())
    kills = sum(1 for watched in found.watched if watched.kill)
    lines = [
        *(f"{NAMES[rule]}: {words}." for rule, words in RULES.items()),
        "Plans are made in hindsight: each experiment's last look is its horizon and its information the planned one.",
        (
            f"Advice waits until evidence has stood for up to {options.hold_days:g} days, less when the effect could fade and the "
            "result at the end would still be significant. At the horizon it does not wait."
        ),
        "Time saved is the share of the time between first usable look and last look that was left at the call.",
        f"{left_out} streams were left out for having fewer than {options.fewest_looks} usable looks or a broken split."
        if left_out
        else "No stream was left out.",
        f"Directions given: {directions}."
        if directions
        else "No directions were given: rises and falls both count as calls.",
        f"Guardrails: {kills} of {len(found.watched)} would have been killed."
        if found.watched
        else "No guardrails were named.",
        *(f"In the file: {note}." for note in found.recording.notes),
    ]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<details open><summary>How this was computed</summary><ul class=soft>{items}</ul></details>"
