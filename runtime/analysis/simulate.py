"""Trying a plan before it is launched: how often it errs, what it finds, when it stops, and by how much it overstates."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import ceil, isfinite, sqrt
from typing import Any

import numpy as np

from runtime.analysis.crossing import Calls, Whole, first_calls
from runtime.analysis.worlds import BUYERS, REVENUE_SPREAD, WORLDS, Setting, arrivals
from runtime.errors import OutcomeRuntimeError
from runtime.statistics.normal import quantile, upper_tail
from runtime.statistics.phases import MetricKind
from runtime.statistics.plan import Plan, PlanKind
from runtime.statistics.power import fixed_units_per_arm, information_per_unit, make_plan

BATCH = 2000
_MOST_PURCHASES = 5_000_000  # held in memory at once in the revenue world

Progress = Callable[[int, int], None]


class InvalidStudy(OutcomeRuntimeError):
    """These figures do not describe an experiment; change the option the message names."""

    code = "INVALID_STUDY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is to be tried. `sd` or `rate` says how users vary; a negative `mde` means the metric should fall.

    `mde` is in metric units, or "2%" of the baseline; an effect may also be "0.5x", half of `mde`.
    """

    mde: str
    baseline: float = 0.0
    sd: float | None = None
    rate: float | None = None
    effects: tuple[str, ...] = ("0x", "0.5x", "1x", "2x")
    alpha: float = 0.05
    power: float = 0.8
    traffic_per_day: float | None = None
    days: float | None = None
    allocation: float = 0.5
    kind: PlanKind = "hybrid"
    looks: int = 100
    runs: int = 4000
    seed: int = 1
    world: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One effect: shares of all runs, stops counted in users of both arms; runs never called stop at the horizon.

    Exaggeration is the mean estimate at the stop over the true effect, among runs called in its direction.
    """

    effect: float
    multiple: float
    called: float
    called_se: float
    success: float
    harm: float
    units_mean: float
    units_median: float
    days_mean: float | None
    days_median: float | None
    exaggeration: float | None
    exaggeration_shrunk: float | None
    fixed_power: float


@dataclass(frozen=True, slots=True)
class Report:
    """`fixed_*` is the classical test with one look: what it would need, and at the plan's own size would find."""

    world: str
    looks: int
    runs: int
    seed: int
    plan: Plan
    units: int
    n_control: int
    n_treatment: int
    days: float | None
    fixed_units: int
    fixed_days: float | None
    type_one: float
    type_one_se: float
    effects: tuple[Found, ...]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "plan": self.plan.to_json(), "effects": [asdict(found) for found in self.effects]}


def simulate(study: Study, progress: Progress | None = None) -> Report:
    """The same study and seed give the same report; `progress` hears how many of all runs are done."""
    plan, units = plan_of(checked(study)), _units(study)
    sizes = arrivals(units, study.allocation, study.looks)
    effects = _effects(study)
    found = []
    for index, effect in enumerate(effects):
        calls = _run(study, plan, effect, sizes, _Told(progress, index * study.runs, len(effects) * study.runs))
        found.append(_summary(study, plan, effect, sizes, calls))
    n_control, n_treatment = (int(size.sum()) for size in sizes)
    nothing = next(each for each in found if each.effect == 0.0)
    fixed = _fixed_units(study, plan)
    return Report(
        world=_world(study),
        looks=study.looks,
        runs=study.runs,
        seed=study.seed,
        plan=plan,
        units=n_control + n_treatment,
        n_control=n_control,
        n_treatment=n_treatment,
        days=plan.horizon_days if study.traffic_per_day else None,
        fixed_units=fixed,
        fixed_days=fixed / study.traffic_per_day if study.traffic_per_day else None,
        type_one=nothing.called,
        type_one_se=nothing.called_se,
        effects=tuple(found),
    )


def plan_of(study: Study) -> Plan:
    """The plan the product would register for this study."""
    return make_plan(
        minimum_effect=smallest_effect(study),
        metric_kind=_metric_kind(study),
        direction="decrease" if smallest_effect(study) < 0.0 else "increase",
        kind=study.kind,
        alpha=study.alpha,
        power=study.power,
        baseline=_baseline(study),
        sigma2=_sd(study) ** 2,
        units_per_day=study.traffic_per_day,
        horizon_days=study.days,
        allocation=study.allocation,
    )


def smallest_effect(study: Study) -> float:
    if study.mde.endswith("x"):
        raise InvalidStudy(f"--mde {study.mde} would be a multiple of itself; write 0.01 or 2%")
    return effect_of(study.mde, study)


def effect_of(text: str, study: Study) -> float:
    """Read 0.5x as half the smallest effect worth detecting, 2% as a share of the baseline, 0.01 as metric units."""
    number, scale = text, 1.0
    if text.endswith(("x", "%")):
        number, scale = text[:-1], smallest_effect(study) if text.endswith("x") else _baseline(study) / 100.0
    try:
        effect = float(number) * scale
    except ValueError as error:
        raise InvalidStudy(f"the effect {text!r} is not a number; write 0.01, 0.5x or 2%") from error
    if not isfinite(effect):
        raise InvalidStudy(f"the effect {text!r} is not finite; write 0.01, 0.5x or 2%")
    return effect


@dataclass(frozen=True, slots=True)
class _Told:
    progress: Progress | None
    done: int
    total: int

    def __call__(self, more: int) -> None:
        if self.progress is not None:
            self.progress(self.done + more, self.total)


def checked(study: Study) -> Study:
    """The study itself, if it describes an experiment."""
    problems = {
        "give --sd or --rate, not both": study.sd is not None and study.rate is not None,
        "give --sd or --rate, so that it is known how much users vary": study.sd is None
        and study.rate is None
        and study.world != "revenue",
        "--rate must lie between 0 and 1": study.rate is not None and not 0.0 < study.rate < 1.0,
        "--sd must be positive": study.sd is not None and not 0.0 < study.sd < float("inf"),
        "the conversion world needs --rate": study.world == "conversion" and study.rate is None,
        "the revenue world needs a positive --baseline, the mean per user": study.world == "revenue"
        and not study.baseline > 0.0,
        f"--world must be one of {', '.join(WORLDS)}": study.world is not None and study.world not in WORLDS,
        "--allocation must lie between 0 and 1": not 0.0 < study.allocation < 1.0,
        "--looks and --runs must be 1 or more": study.looks < 1 or study.runs < 1,
    }
    for problem, holds in problems.items():
        if holds:
            raise InvalidStudy(problem)
    _effects(study)
    _units(study)
    return study


def _world(study: Study) -> str:
    return study.world or ("normal" if study.rate is None else "conversion")


def _metric_kind(study: Study) -> MetricKind:
    return "conversion" if _world(study) == "conversion" else "mean"


def _baseline(study: Study) -> float:
    return study.baseline if study.rate is None else study.rate


def _sd(study: Study) -> float:
    if study.rate is not None:
        return sqrt(study.rate * (1.0 - study.rate))
    return study.sd if study.sd is not None else study.baseline * REVENUE_SPREAD


def _units(study: Study) -> int:
    plan = plan_of(study)
    units = plan.planned_information / information_per_unit(_sd(study) ** 2, study.allocation)
    if units < 2.0 * study.looks:
        raise InvalidStudy(f"the plan ends after {units:.0f} users, fewer than two a look; ask for fewer --looks")
    return ceil(units - 1e-6)


def _effects(study: Study) -> tuple[float, ...]:
    """In the order asked, with "nothing" always among them: it is what the error rate is about."""
    asked = [effect_of(text, study) for text in study.effects]
    return tuple(dict.fromkeys(asked if 0.0 in asked else [0.0, *asked]))


def _run(study: Study, plan: Plan, effect: float, sizes: tuple[Whole, Whole], told: _Told) -> Calls:
    """In batches of a size that depends on the study alone, so that the seed decides everything."""
    rng = np.random.default_rng([study.seed, *effect.hex().encode()])
    setting = Setting(*sizes, _baseline(study), _sd(study), effect)
    parts: list[Calls] = []
    for start in range(0, study.runs, _batch(study, sizes)):
        size = min(_batch(study, sizes), study.runs - start)
        phases = WORLDS[_world(study)](rng, size, setting)
        parts.append(first_calls(plan, phases, _Told(told.progress, told.done + start, told.total)))
    return Calls.joined(parts)


def _batch(study: Study, sizes: tuple[Whole, Whole]) -> int:
    if _world(study) != "revenue":
        return BATCH
    purchases = BUYERS * float(max(size.sum() for size in sizes))
    return max(1, min(BATCH, int(_MOST_PURCHASES / max(purchases, 1.0))))


def _summary(study: Study, plan: Plan, effect: float, sizes: tuple[Whole, Whole], calls: Calls) -> Found:
    called = calls.called
    share = float(called.mean())
    at = np.where(called, calls.look, study.looks - 1)
    units = np.cumsum(sizes[0] + sizes[1])[at]
    days = (at + 1) / study.looks * plan.horizon_days
    timed = bool(study.traffic_per_day)
    return Found(
        effect=effect,
        multiple=effect / smallest_effect(study) + 0.0,  # no minus zero
        called=share,
        called_se=sqrt(share * (1.0 - share) / study.runs),
        success=float((called & calls.improvement).mean()),
        harm=float((called & ~calls.improvement).mean()),
        units_mean=float(units.mean()),
        units_median=float(np.median(units)),
        days_mean=float(days.mean()) if timed else None,
        days_median=float(np.median(days)) if timed else None,
        exaggeration=_exaggeration(effect, calls, None),
        exaggeration_shrunk=_exaggeration(effect, calls, plan.tau2),
        fixed_power=fixed_power(plan, effect),
    )


def _exaggeration(effect: float, calls: Calls, tau2: float | None) -> float | None:
    right = calls.called & (calls.estimate * effect > 0.0)
    if not right.any():
        return None
    kept = 1.0 if tau2 is None else 1.0 / (1.0 + calls.variance[right] / tau2)
    return float(np.mean(calls.estimate[right] * kept) / effect)


def fixed_power(plan: Plan, effect: float) -> float:
    """What one classical look at the plan's horizon would find."""
    edge, drift = quantile(1.0 - plan.alpha / 2.0), abs(effect) * sqrt(plan.planned_information)
    return upper_tail(edge - drift) + upper_tail(edge + drift)


def _fixed_units(study: Study, plan: Plan) -> int:
    even = 2 * fixed_units_per_arm(_sd(study) ** 2, plan.minimum_effect, study.alpha, study.power)
    return ceil(even * 0.25 / (study.allocation * (1.0 - study.allocation)) - 1e-9)


def table(report: Report) -> Sequence[str]:
    """Lines for people."""
    fixed_days = "" if report.fixed_days is None else f" in {report.fixed_days:.1f} days"
    head = (
        f"{'effect':>20} {'called':>8} {'+-':>6} {'success':>8} {'harm':>7} {'users: mean':>11} {'median':>11} "
        f"{'days':>7} {'median':>7} {'at stop':>8} {'shrunk':>8} {'1 look':>8}"
    )
    error = f"{report.type_one:.2%} +- {2 * report.type_one_se:.2%} (allowed: {report.plan.alpha:.2%})"
    return [
        _plan_line(report),
        f"One fixed look without any peeking: {report.fixed_units:,} users{fixed_days}",
        f"World: {report.world}, {report.runs:,} runs x {report.looks} looks, seed {report.seed}",
        "",
        head,
        *(_row(found) for found in report.effects),
        "",
        f"False calls at any of the looks: {error}",
        "at stop, shrunk: estimate over true effect, among runs called in its direction; 1 look: power of one fixed look",
    ]


def _plan_line(report: Report) -> str:
    plan, days = report.plan, "" if report.days is None else f" in {report.days:g} days"
    return (
        f"{plan.kind} plan: {report.n_control:,} + {report.n_treatment:,} users{days}, error {plan.alpha:g}, "
        f"of which {plan.alpha_spend:g} up to the horizon and {plan.alpha_any:g} for ever"
    )


def _row(found: Found) -> str:
    return (
        f"{found.multiple:>7.2f}x {found.effect:>11.5g} {found.called:>8.1%} {2 * found.called_se:>6.1%} "
        f"{found.success:>8.1%} {found.harm:>7.1%} {found.units_mean:>11,.0f} {found.units_median:>11,.0f} "
        f"{_number(found.days_mean):>7} {_number(found.days_median):>7} {_times(found.exaggeration):>8} "
        f"{_times(found.exaggeration_shrunk):>8} {found.fixed_power:>8.1%}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"
