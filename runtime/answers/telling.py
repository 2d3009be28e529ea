"""Answers about an experiment's numbers: each from stored rows, with its interval and its data cut-off. PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, isfinite
from typing import Any

from runtime.answers.questions import Asked
from runtime.answers.subject import Subject
from runtime.answers.turning import Turn, at_horizon
from runtime.db.engine import Row
from runtime.gates.wording import amount, days, percent, span
from runtime.statistics.look import Memory
from runtime.statistics.plain import number
from runtime.statistics.plan import Plan
from runtime.statistics.power import futility

_CERTAIN = 700.0
"""Beyond this power of e a number no longer fits a float."""


@dataclass(frozen=True, slots=True)
class Told:
    """Sentences, one a line, the parameters of the query, and a chart where one helps."""

    lines: Sequence[str]
    parameters: Sequence[str] = ()
    chart: Mapping[str, Any] | None = None


def certainty(subject: Subject, asked: Asked) -> Told:
    result = subject.result
    if not result:
        return unmeasured(subject)
    plan = _plan(subject)
    lines = [
        f"{result['headline']}.",
        _effect(subject),
        f"p = {_p(result)}, valid however often anybody looks; the plan calls a result at p = {plan.alpha:.3g} or less.",
    ]
    look = result.get("look") or {}
    if isinstance(look.get("fraction"), float):
        lines.append(f"{percent(look['fraction'])} of the planned information is in.")
    if result.get("shrunk_estimate") is not None:
        lines.append(
            f"Allowing for luck of the early looks, expect about {_signed(result['shrunk_estimate'], subject)}."
        )
    lines.append(_advice(result, subject))
    return Told(lines, chart=subject.chart)


def standing(subject: Subject, asked: Asked) -> Told:
    result = subject.result
    if not result:
        return unmeasured(subject)
    means = [
        f"{name} {amount(result.get(key), subject.unit)}"
        for name, key in (("control", "mean_control"), ("treatment", "mean_treatment"))
    ]
    lines = [f"{result['headline']}.", f"Means: {', '.join(means)}.", _effect(subject), _advice(result, subject)]
    return Told([*lines, _why()], chart=subject.chart)


def _why() -> str:
    return "The stored data say how large the difference is, not what causes it."


def looks(subject: Subject, asked: Asked) -> Told:
    """The confidence sequence as it stood at each look of the span, and how it moved."""
    count = asked.days or 1
    last = f"last {days(count)}"
    if not subject.result or subject.chart is None:
        return Told(unmeasured(subject).lines, (last,))
    through = datetime.fromisoformat(str(subject.result["data_through"]))
    since = through - timedelta(days=count)
    points = [point for point in subject.chart["points"] if datetime.fromisoformat(str(point["at"])) >= since]
    told = [point for point in points if point["estimate"] is not None]
    if not told:
        return Told([f"There was no look with data in both arms in the {last}.", _effect(subject)], (last,))
    lines = [
        f"{len(told)} looks in the {last} of data time, from {_day(told[0]['at'])} to {_day(told[-1]['at'])}.",
        f"First: {_point(told[0], subject)}.",
        f"Last: {_point(told[-1], subject)}.",
    ]
    return Told(lines, (last,), dict(subject.chart) | {"points": points})


def segments(subject: Subject, asked: Asked) -> Told:
    parameter = (f"segment {asked.segment}",) if asked.segment else ()
    if subject.segments:
        found = [
            f"{row['signal_name']}, {row['segment_key']}, {row['variant']}: {_mean(row, subject)} of {row['n'] or 0:,} units"
            for row in subject.segments
        ]
        return Told(
            ["Stored by segment (means without an interval; no error rate is kept over segments):", *found], parameter
        )
    part = f"for {asked.segment}" if asked.segment else "by segment"
    metric = subject.outcome["primary_signal"]["metric"] if subject.outcome else "the metric"
    lines = [
        f"I cannot say anything {part}: data by segment are not stored for this experiment, only sums by variant.",
        f"Needed would be sums of {metric} by variant and by segment from the source, and a plan that names the segments before they are looked at.",
    ]
    if subject.result:
        lines.append(f"Over all users: {_effect(subject)}")
    return Told(lines, parameter)


def turning(subject: Subject, asked: Asked) -> Told:
    """The effects at the horizon that make the advice ship, kill or iterate, and what has to come for that."""
    result = subject.result
    if not result:
        return unmeasured(subject)
    plan, memory, look = (
        _plan(subject),
        Memory.from_json(subject.experiment["memory"] if subject.experiment else None),
        result.get("look") or {},
    )
    lines = [_advice(result, subject), _effect(subject)]
    estimate, variance = number(look.get("estimate")), number(look.get("variance"))
    turn = at_horizon(
        plan,
        memory,
        estimate=estimate,
        variance=variance,
        elapsed=float(result["elapsed_days"]),
        horizon=_horizon(subject, plan),
    )
    lines += _turn(turn, subject, plan) if turn else [_over(subject, plan)]
    lines.append(
        f"Two things flip it at once: a guardrail that is violated (kill, without waiting for a gate), and arms that differ from the planned split "
        f"(evidence of {1 / plan.srm_alpha:.3g} to 1: no valid result)."
    )
    return Told(lines, (f"horizon day {_horizon(subject, plan):g}",), subject.chart)


def _turn(turn: Turn, subject: Subject, plan: Plan) -> list[str]:
    """Approximate, and said to be."""
    better, worse = ("or more", "or less") if plan.sign > 0 else ("or less", "or more")
    return [
        (
            f"At the horizon, day {_horizon(subject, plan):g}, approximately: an effect of {_signed(turn.ship_from, subject)} {better} means ship, "
            f"{_signed(turn.kill_to, subject)} {worse} means kill, and between the two iterate (p is then above {plan.alpha:.3g}; the boundary lies at "
            f"{turn.multiplier:.3g} standard errors)."
        ),
        (
            f"For ship the users yet to come ({percent(turn.share_to_come)} of all by then) have to show {_signed(turn.rest_ship, subject)} on average, "
            f"for kill {_signed(turn.rest_kill, subject)}."
        ),
        "Approximate, because traffic and spread are taken to stay as they were so far.",
    ]


def _over(subject: Subject, plan: Plan) -> str:
    if subject.result.get("horizon_reached"):
        return "The horizon is reached, so its call stands; only a longer run, decided by a person, could bring evidence that changes it."
    return f"There is too little data to work out the effect needed; nothing is called before p is {plan.alpha:.3g} or less."


def horizon(subject: Subject, asked: Asked) -> Told:
    experiment = subject.experiment
    if experiment is None or experiment["plan"] is None:
        return unmeasured(subject)
    plan = _plan(subject)
    length = _horizon(subject, plan)
    if experiment["data_from"] is None:
        return Told(
            [f"It is not launched. From launch it is measured for {days(length)} at most, and looked at all the time."]
        )
    end = experiment["data_from"] + timedelta(days=length)
    lines = [f"At the latest {_day(end.isoformat())} (day {length:g} of data time); looked at all the time until then."]
    result = subject.result
    if result:
        left = max(0.0, length - float(result["elapsed_days"]))
        lines.append(
            f"Now it is day {float(result['elapsed_days']):.3g}; {days(round(left, 1))} of data are left. {_effect(subject)}"
        )
        lines += _chance(subject, plan)
    hold = f"ship is advised from day {plan.minimum_days:g} on at the earliest, and once the evidence has stood for up to {days(plan.hold_days)}"
    return Told([*lines, f"A clear effect ends it sooner: {hold}; harm is called at once."])


def _chance(subject: Subject, plan: Plan) -> list[str]:
    look = subject.result.get("look") or {}
    estimate, variance = number(look.get("estimate")), number(look.get("variance"))
    ends = [plan.sign * number(look.get(name)) for name in ("ci_lower", "ci_upper")]
    if subject.result.get("horizon_reached") or not (isfinite(variance) and variance > 0.0):
        return []
    found = futility(plan, plan.sign * estimate, variance, max(ends))
    return [
        f"Chance of a significant result by then, if the registered expectation is right: about {percent(round(found.reach, 3))}."
    ]


def prediction(subject: Subject, asked: Asked) -> Told:
    experiment = subject.experiment
    if experiment is None:
        return unmeasured(subject)
    low, high = experiment["prediction"]["delta_range"]
    lines = [_predicted(experiment, subject)]
    if not subject.result:
        return Told([*lines, "Nothing is measured yet."])
    observed = number(subject.result.get("delta"))
    place = "inside" if low <= observed <= high else "outside"
    return Told(
        [*lines, f"Observed: {_effect(subject)}", f"The estimate lies {place} the predicted range."],
        chart=subject.chart,
    )


def balance(subject: Subject, asked: Asked) -> Told:
    srm = (subject.result.get("look") or {}).get("srm")
    if not srm:
        return unmeasured(subject)
    plan, evidence = _plan(subject), number(srm["log_e"])
    verdict = (
        "MISMATCH: the arms do not hold the planned shares, so the results are invalid until the cause is found."
        if srm["flagged"]
        else "As planned: no sign of a mismatch that would make the results invalid."
    )
    odds = f"{exp(evidence):.3g}" if evidence < _CERTAIN else "more than 10^300"
    lines = [
        verdict,
        (
            f"In treatment: {percent(srm['observed_share'])} of {srm['n']:,} units, planned {percent(srm['planned_share'])} "
            f"({subject.result['n_control']:,} control, {subject.result['n_treatment']:,} treatment)."
        ),
        f"Evidence of a mismatch: {odds} to 1; flagged from {1 / plan.srm_alpha:.3g} to 1 on, valid at every look.",
    ]
    return Told(lines)


def guardrails(subject: Subject, asked: Asked) -> Told:
    """By the share of its limit that is still free, the closest first."""
    found = subject.result.get("guardrails") or []
    if not subject.result:
        return unmeasured(subject)
    if not found:
        return Told(["No guardrail is set: outcome.yaml names no constraint with a limit."])
    ranked = sorted(found, key=_room)
    lines = [f"Closest: {_guardrail(ranked[0])}" if _room(ranked[0]) < float("inf") else "No guardrail has data yet."]
    return Told([*lines, *(f"Then: {_guardrail(item)}" for item in ranked[1:10])], chart=subject.chart)


def _room(item: Mapping[str, Any]) -> float:
    value, limit = item.get("value"), item.get("limit")
    if not isinstance(value, int | float) or not isinstance(limit, int | float):
        return float("inf")
    free = limit - value if item.get("side") == "max" else value - limit
    return free / abs(limit) if limit else free


def _guardrail(item: Mapping[str, Any]) -> str:
    unit = str(item.get("unit") or "")
    side = "at most" if item.get("side") == "max" else "at least"
    if _room(item) == float("inf"):
        return f"{item['name']} has no data yet (limit: {side} {amount(item.get('limit'), unit)})."
    bounds = f"between {amount(item.get('lower'), unit)} and {amount(item.get('upper'), unit)} at any look"
    return (
        f"{item['name']} is {amount(item['value'], unit)} ({bounds}), limit {side} {amount(item['limit'], unit)}: "
        f"{percent(_room(item))} of the limit is free; {str(item.get('state')).replace('_', ' ')}."
    )


def unmeasured(subject: Subject) -> Told:
    """Which numbers there will be, instead of none in particular."""
    if subject.experiment is None:
        if subject.others:
            return Told([*_each(subject), "To ask about one of them, name its flag."])
        return Told(
            [
                "No experiment is under way here, so nothing is measured yet. Name an experiment by its flag to ask about it."
            ]
        )
    state = str(subject.experiment["status"]).replace("_", " ")
    return Told(
        [
            f"“{subject.experiment['title']}” is {state}; nothing is measured yet, so there is no effect and no interval.",
            _predicted(subject.experiment, subject),
        ]
    )


def _each(subject: Subject) -> list[str]:
    """Every experiment that may be meant, as numbered where it was shown, with the only number there is before a launch."""
    return [
        f"{place}. “{row['title']}” ({row['feature_flag_key'] or str(row['id'])[:8]}): {_stand(row, subject)}"
        for place, row in enumerate(subject.others[:10], start=1)
    ]


def _stand(row: Row, subject: Subject) -> str:
    result = row["current_result"]
    return f"{result['headline']}." if result else f"not measured yet. {_predicted(row, subject)}"


def _predicted(row: Row, subject: Subject) -> str:
    expected = row["prediction"]
    low, high = expected["delta_range"]
    return (
        f"Predicted: {_signed(expected['expected_delta'], subject)} ({span(low, high, subject.unit)}), "
        f"confidence {percent(float(expected['confidence']))}."
    )


def cutoff(subject: Subject) -> str:
    through = subject.result.get("data_through")
    return f"Data through {_day(str(through))} (data time)." if through else "No data yet."


def _plan(subject: Subject) -> Plan:
    assert subject.experiment is not None  # whoever has a result has a plan
    return Plan.from_json(subject.experiment["plan"])


def _horizon(subject: Subject, plan: Plan) -> float:
    return plan.horizon_days + float(subject.experiment["extended_days"] if subject.experiment else 0.0)


def _effect(subject: Subject) -> str:
    result = subject.result
    interval = span(result.get("ci_lower"), result.get("ci_upper"), subject.unit)
    units = f"{result.get('n_control', 0):,} control and {result.get('n_treatment', 0):,} treatment units"
    return (
        f"Effect {_signed(result.get('delta'), subject)}, {result.get('confidence', '')} interval {interval}, {units}."
    )


def _advice(result: Mapping[str, Any], subject: Subject) -> str:
    """What to do next; of what has ended, what people made of it."""
    ended = subject.experiment["final_result"] if subject.experiment else None
    if ended and ended.get("conclusion"):
        who = f" by {ended['decided_by']}" if ended.get("decided_by") else ""
        return f"It is over: {ended['conclusion']}{who}; the advice at the last look was {result.get('advice', 'continue')}."
    reasons = "; ".join(str(reason) for reason in result.get("reasons") or ())
    return f"Advice now: {result.get('advice', 'continue')}{f' ({reasons})' if reasons else ''}."


def _signed(value: Any, subject: Subject) -> str:
    return amount(value, subject.unit, signed=True)


def _p(result: Mapping[str, Any]) -> str:
    value = result.get("p_value")
    return f"{value:.4g}" if isinstance(value, int | float) else str(value or "unknown")


def _point(point: Mapping[str, Any], subject: Subject) -> str:
    return f"{_signed(point['estimate'], subject)} ({span(point['lower'], point['upper'], subject.unit)}) on {_day(point['at'])}"


def _mean(row: Row, subject: Subject) -> str:
    return amount(row["total"] / row["n"], subject.unit) if row["n"] else "unknown"


def _day(at: object) -> str:
    return datetime.fromisoformat(str(at)).strftime("%Y-%m-%d %H:%M")
