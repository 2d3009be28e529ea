"""The figures ahead of an experiment as sentences, each with what it assumes; every door says the same. PURE."""

from collections.abc import Iterator, Mapping
from math import exp, isfinite, log
from typing import Any

from runtime.gates.wording import amount, percent

_VERDICTS = {
    "success": "success: better than control, and the estimate reaches the success threshold",
    "harm": "harm: worse than control",
    "inconclusive": "not decided: neither better nor worse is shown",
    "invalid": "none: the data cannot be judged",
}
_READABLE = 13.0  # log of an e-value of some 400,000, above which its digits say nothing
_TRENDS = {"fading": "fading", "growing": "growing", "steady": "steady, as far as the data can tell"}


def lines(result: Mapping[str, Any], unit: str) -> list[tuple[str, str]]:
    """Name and sentence of everything known about a look; `result` is a stored one, so that text, chart and journal agree."""
    return [("Verdict", _verdict(result)), *ahead(result, unit)]


def ahead(result: Mapping[str, Any], unit: str) -> list[tuple[str, str]]:
    """What a look says of the time to come; empty for looks stored before this was kept."""
    found: Mapping[str, Any] = result.get("outlook") or {}
    return [*_stopping_early(result, unit), *(_ahead(found, unit) if found else ())]


def predicted(result: Mapping[str, Any], prediction: Mapping[str, Any], unit: str) -> str:
    """What was promised at gate 1 beside what came."""
    low, high = prediction["delta_range"]
    expected, observed = float(prediction["expected_delta"]), _finite(result["delta"])
    said = (
        f"{amount(expected, unit, signed=True)} ({amount(low, unit, signed=True)} to {amount(high, unit, signed=True)})"
    )
    if observed is None or result["status"] == "invalid":
        return said
    where = "inside" if low <= observed <= high else "below" if observed < low else "above"
    share = f", {observed / expected * 100:.0f} % of what was expected" if expected and observed / expected > 0 else ""
    return f"{said}; observed {amount(observed, unit, signed=True)}: {where} that range{share}"


def portfolio(found: Mapping[str, Any] | None) -> str | None:
    """Whether the call holds among all experiments of the outcome; None where it stands alone."""
    if not found:
        return None
    held = "holds" if found["survives"] else "does not hold by its e-value alone"
    return (
        f"a difference from control {held} among the {found['experiments']} experiments of this outcome that were measured "
        f"(e-BH at {percent(found['alpha'])}: its e-value {_odds(found['log_e'])} against {_odds(found['threshold'])} needed; "
        f"{found['rejected']} of them hold)"
    )


def _verdict(result: Mapping[str, Any]) -> str:
    reasons = "; ".join(result["reasons"])
    return _VERDICTS[result["status"]] + (f" ({reasons})" if reasons else "")


def _stopping_early(result: Mapping[str, Any], unit: str) -> Iterator[tuple[str, str]]:
    shrunk = _finite(result.get("shrunk_estimate"))
    if shrunk is not None and result["status"] != "invalid":
        drawn = f"drawn from {amount(result['delta'], unit, signed=True)} towards no effect, since stopping early picks extremes"
        yield "Expect after a ship", f"{amount(shrunk, unit, signed=True)}, {drawn}"


def _ahead(ahead: Mapping[str, Any], unit: str) -> Iterator[tuple[str, str]]:
    if ahead.get("early") and ahead.get("late"):
        yield "Over time", _over_time(ahead, unit)
    if ahead.get("chance") is not None:
        chance = f"{ahead['chance']:.0%} that it still becomes a success by the horizon"
        yield "Chance", f"{chance}; a forecast from the registered prior, not a test"
    if ahead.get("hold"):
        yield "Why not ship yet", _held(ahead["hold"])
    yield "Cost of waiting", _waiting(ahead["waiting"], unit) if ahead.get("waiting") else "not known yet"


def _over_time(ahead: Mapping[str, Any], unit: str) -> str:
    early, late = ahead["early"], ahead["late"]
    first, rest = (amount(piece["estimate"], unit, signed=True) for piece in (early, late))
    return f"the first {_days(early['to_day'])} said {first}, the time since {rest}: {_TRENDS.get(ahead['trend'], 'too early to tell')}"


def _held(hold: Mapping[str, Any]) -> str:
    return (
        f"the evidence has stood for {_days(hold['standing_days'])} of {_days(hold['needed_days'])}, and day {hold['first_day']:.2g} "
        f"is the first to advise on; {_days(hold['left_days'])} to go if it stands"
    )


def _waiting(waiting: Mapping[str, Any], unit: str) -> str:
    what = "conversions" if unit == "share" else unit or "of the metric"
    arm = "do without the change" if waiting["gain"] else "get the worse arm"
    return (
        f"about {_count(waiting['per_day'])} {what} a day: {_count(waiting['without'])} of {_count(waiting['units_per_day'])} units "
        f"a day {arm}, times {amount(waiting['effect'], unit, signed=True)} each; assumes traffic as so far and the estimate after shrinking"
    )


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10.0 else f"{number:.2g}"  # noqa: PLR2004  below ten a digit after the point matters


def _days(count: float) -> str:
    return f"{count:.2g} day{'' if count == 1 else 's'}"


def _odds(log_e: Any) -> str:
    """An e-value from its logarithm, also where no float holds it."""
    number = float(log_e)
    if not isfinite(number):
        return "beyond any number" if number > 0 else "0"
    return f"{exp(number):,.3g}" if number < _READABLE else f"more than 10^{int(number / log(10.0))}"


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None
