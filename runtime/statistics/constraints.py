"""Guardrails: an absolute limit or a margin against control, answered by a ladder from ok to kill, and a plain breaker."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import exp, inf, isfinite, log, sqrt
from typing import Any, Literal, Self

from runtime.statistics.moments import Moments, merge
from runtime.statistics.phases import Combined, MetricKind, PhaseArms, combine, units
from runtime.statistics.plain import number, plain
from runtime.statistics.rates import log_e_rate_above, log_e_rate_below, rate_lower, rate_upper
from runtime.statistics.ratio import Effect, lift, lift_interval
from runtime.statistics.sequential import critical_above, log_e_above, log_e_below

State = Literal["ok", "warn", "pause", "kill"]
Side = Literal["max", "min"]
GuardrailKind = Literal["rate", "mean", "relative"]

FEWEST_UNITS = 50
_COUNTED = 16.0  # log of odds of nine million; above it their digits say nothing
_NOTHING_YET = "no evidence either way yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """`limit` is absolute for rate and mean; for relative it is the tolerated worsening as a share of control, 0.02 = 2 %.

    `side` says where the limit lies: max = must not rise above, min = must not fall below. `tau` is the excess worth
    finding, in units of the limit. The breaker fires when k of the last m buckets are beyond the limit by `tolerance`.
    """

    name: str
    kind: GuardrailKind
    side: Side
    limit: float
    tau: float | None = None
    warn_e: float = 5.0
    alpha_pause: float = 0.10
    alpha_kill: float = 0.01
    alpha_safe: float = 0.05
    breaker_hits: int = 3
    breaker_buckets: int = 5
    breaker_tolerance: float = 0.10

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})


@dataclass(frozen=True, slots=True)
class ConstraintLook:
    """`log_e` speaks for a violation, `safe` is evidence of the contrary; neither means we do not know yet.

    Bounds are one-sided and always valid: past the limit exactly when the ladder says pause, or safe.
    """

    name: str
    state: State
    safe: bool
    log_e: float
    log_e_safe: float
    estimate: float
    limit: float
    side: Side
    lower: float
    upper: float
    n: int
    reason: str
    breaker: bool

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        numeric = {"log_e", "log_e_safe", "estimate", "limit", "lower", "upper"}
        known: dict[str, Any] = {field.name: values[field.name] for field in fields(cls)}
        known.update({name: number(known[name]) for name in numeric})
        return cls(**known)


@dataclass(frozen=True, slots=True)
class _Found:
    """Evidence with bad and good sorted out: above and below are tests of the limit from either side."""

    estimate: float
    limit: float
    log_e_above: float
    log_e_below: float
    lower: Callable[[float], float]
    upper: Callable[[float], float]
    n: int


def check(
    guardrail: Guardrail,
    phases: Sequence[PhaseArms],
    *,
    metric_kind: MetricKind = "mean",
    recent: Sequence[float] = (),
    guardrails: int = 1,
) -> ConstraintLook:
    """A guardrail on what the arms hold; a rate counts the units of treatment whose value is 1.

    `recent` are the latest bucket values, newest last: treatment's own level, or its lift for a relative guardrail.
    `guardrails` is how many are watched together; only the threshold for kill is divided by it.
    """
    if guardrail.kind == "relative":
        found = _relative(guardrail, phases, metric_kind)
    else:
        arm = merge(*(phase.treatment for phase in phases))
        found = _rate(guardrail, round(arm.total), arm.n) if guardrail.kind == "rate" else _mean(guardrail, arm)
    return _answer(guardrail, found, recent, guardrails)


def check_rate(
    guardrail: Guardrail, hits: int, n: int, *, recent: Sequence[float] = (), guardrails: int = 1
) -> ConstraintLook:
    """From counts: `hits` of `n` units, e.g. those slower than 800 ms for "p95 <= 800", a limit of 0.05."""
    return _answer(guardrail, _rate(guardrail, hits, n), recent, guardrails)


def ladder(log_e: float, guardrail: Guardrail, guardrails: int = 1) -> State:
    if log_e >= -log(guardrail.alpha_kill / max(1, guardrails)):
        return "kill"
    if log_e >= -log(guardrail.alpha_pause):
        return "pause"
    return "warn" if log_e >= log(guardrail.warn_e) else "ok"


def breaker(guardrail: Guardrail, recent: Sequence[float]) -> bool:
    """Not statistics, and always on: enough of the latest buckets lie clearly beyond the limit."""
    latest = [value for value in recent if isfinite(value)][-guardrail.breaker_buckets :]
    sign, limit = _sign(guardrail), _limit(guardrail)
    scale = min(abs(limit), abs(1.0 - limit)) if guardrail.kind == "rate" else abs(limit)
    beyond = sum(sign * (value - limit) > guardrail.breaker_tolerance * scale for value in latest)
    return beyond >= guardrail.breaker_hits


def _sign(guardrail: Guardrail) -> float:
    return 1.0 if guardrail.side == "max" else -1.0


def _limit(guardrail: Guardrail) -> float:
    """On the scale of the estimate: a relative guardrail registers its margin without a sign."""
    return _sign(guardrail) * guardrail.limit if guardrail.kind == "relative" else guardrail.limit


def _rate(guardrail: Guardrail, hits: int, n: int) -> _Found | None:
    if n == 0 or not 0 <= hits <= n:
        return None
    return _Found(
        estimate=hits / n,
        limit=guardrail.limit,
        log_e_above=log_e_rate_above(hits, n, guardrail.limit),
        log_e_below=log_e_rate_below(hits, n, guardrail.limit),
        lower=lambda alpha: rate_lower(hits, n, alpha),
        upper=lambda alpha: rate_upper(hits, n, alpha),
        n=n,
    )


def _mean(guardrail: Guardrail, arm: Moments) -> _Found | None:
    if arm.n < FEWEST_UNITS or not 0.0 < arm.variance < inf:
        return None
    variance = arm.variance / arm.n
    tau2 = (guardrail.tau or 0.1 * abs(guardrail.limit) or 0.1 * sqrt(arm.variance)) ** 2
    above = arm.mean - guardrail.limit
    return _Found(
        estimate=arm.mean,
        limit=guardrail.limit,
        log_e_above=log_e_above(above, variance, tau2),
        log_e_below=log_e_below(above, variance, tau2),
        lower=lambda alpha: arm.mean - critical_above(variance, tau2, alpha) * sqrt(variance),
        upper=lambda alpha: arm.mean + critical_above(variance, tau2, alpha) * sqrt(variance),
        n=arm.n,
    )


def _relative(guardrail: Guardrail, phases: Sequence[PhaseArms], metric_kind: MetricKind) -> _Found | None:
    """Tests treatment - (1 + margin) control against 0: linear, so a noisy baseline does no harm."""
    combined = combine(phases, metric_kind)
    control, treatment = units(phases)
    if combined is None or min(control, treatment) < FEWEST_UNITS or combined.mean_control <= 0.0:
        return None
    margin = _limit(guardrail)
    gap, variance = _contrast(combined, margin)
    tau2 = ((guardrail.tau or max(guardrail.limit, 0.05)) * combined.mean_control) ** 2
    return _Found(
        estimate=lift(combined.mean_control, combined.mean_treatment),
        limit=margin,
        log_e_above=log_e_above(gap, variance, tau2),
        log_e_below=log_e_below(gap, variance, tau2),
        lower=lambda alpha: _lift_ends(combined, critical_above(variance, tau2, alpha))[0],
        upper=lambda alpha: _lift_ends(combined, critical_above(variance, tau2, alpha))[1],
        n=treatment,
    )


def _contrast(combined: Combined, margin: float) -> tuple[float, float]:
    factor = 1.0 + margin
    gap = combined.estimate - margin * combined.mean_control
    return gap, combined.variance_treatment + factor * factor * combined.variance_control


def _lift_ends(combined: Combined, multiplier: float) -> tuple[float, float]:
    control = Effect(combined.mean_control, combined.variance_control)
    return lift_interval(control, Effect(combined.mean_treatment, combined.variance_treatment), multiplier)


def _answer(guardrail: Guardrail, found: _Found | None, recent: Sequence[float], guardrails: int) -> ConstraintLook:
    look = _silent(guardrail) if found is None else _spoken(guardrail, found, guardrails)
    if not breaker(guardrail, recent):
        return look
    reason = f"hard-limit breaker: {guardrail.breaker_hits} of the last {guardrail.breaker_buckets} buckets are clearly beyond the limit"
    state: State = look.state if look.state in ("pause", "kill") else "pause"
    return replace(look, state=state, safe=False, breaker=True, reason=reason)


def _silent(guardrail: Guardrail) -> ConstraintLook:
    return ConstraintLook(
        guardrail.name,
        "ok",
        safe=False,
        log_e=0.0,
        log_e_safe=0.0,
        estimate=0.0,
        limit=_limit(guardrail),
        side=guardrail.side,
        lower=-inf,
        upper=inf,
        n=0,
        reason="too few units to say anything",
        breaker=False,
    )


def _spoken(guardrail: Guardrail, found: _Found, guardrails: int) -> ConstraintLook:
    worse_up = guardrail.side == "max"
    bad, good = (found.log_e_above, found.log_e_below) if worse_up else (found.log_e_below, found.log_e_above)
    low_alpha, high_alpha = guardrail.alpha_pause, guardrail.alpha_safe
    state, safe = ladder(bad, guardrail, guardrails), good >= -log(guardrail.alpha_safe)
    return ConstraintLook(
        name=guardrail.name,
        state=state,
        safe=safe,
        log_e=bad,
        log_e_safe=good,
        estimate=found.estimate,
        limit=found.limit,
        side=guardrail.side,
        lower=found.lower(low_alpha if worse_up else high_alpha),
        upper=found.upper(high_alpha if worse_up else low_alpha),
        n=found.n,
        reason=_reason(state, bad, safe=safe),
        breaker=False,
    )


def _reason(state: State, log_e: float, *, safe: bool) -> str:
    if state == "ok":
        return "the limit is kept" if safe else _NOTHING_YET
    times = f"{exp(log_e):,.0f} times" if log_e <= _COUNTED else f"more than 10^{min(16, int(log_e / log(10.0)))} times"
    return f"evidence of a violation: the data are {times} likelier beyond the limit than at it"
