"""Planning: how much traffic a plan needs, what it can see by which day, and whether the target is still in reach."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, isfinite, sqrt

from runtime.statistics.normal import quantile, upper_tail
from runtime.statistics.phases import MetricKind
from runtime.statistics.plan import RHO, Direction, InvalidPlan, Plan, PlanKind, shares_of_alpha
from runtime.statistics.sequential import critical
from runtime.statistics.spending import boundaries, planned_looks, survival
from runtime.statistics.tuning import registered_tau2

LONGEST_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Chance of having detected `effect` (an improvement in metric units) by each day, harm and luck counted alike."""

    effect: float
    days: tuple[float, ...]
    power: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Futility:
    """An aid for people, not a test: `reach` is the chance of ending significant if the registered prior is right."""

    possible: bool
    reach: float
    reason: str


def unit_variance(metric_kind: MetricKind, baseline: float | None, sigma2: float | None) -> float | None:
    """Planned variance between units: given, or p(1-p) of a conversion's baseline; None if it cannot be known yet."""
    if sigma2 is not None and sigma2 > 0.0 and isfinite(sigma2):
        return sigma2
    if metric_kind == "conversion" and baseline is not None and 0.0 < baseline < 1.0:
        return baseline * (1.0 - baseline)
    return None


def information_per_unit(sigma2: float, allocation: float) -> float:
    return allocation * (1.0 - allocation) / sigma2


def fixed_units_per_arm(sigma2: float, minimum_effect: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """The classical fixed-horizon number, for comparison: 2 sigma^2 (z_alpha/2 + z_power)^2 / MDE^2."""
    reach = quantile(1.0 - alpha / 2.0) + quantile(power)
    return ceil(2.0 * sigma2 * (reach / minimum_effect) ** 2)


def make_plan(
    *,
    minimum_effect: float,
    metric_kind: MetricKind = "conversion",
    direction: Direction = "increase",
    kind: PlanKind = "hybrid",
    alpha: float = 0.05,
    power: float = 0.8,
    baseline: float | None = None,
    sigma2: float | None = None,
    units_per_day: float | None = None,
    horizon_days: float | None = None,
    allocation: float = 0.5,
    expected_effect: float | None = None,
    success_threshold: float = 0.0,
    hold_days: float = 3.0,
    minimum_days: float = 7.0,
) -> Plan:
    """Signs of the effects given do not matter; what is missing is worked out so that `power` is reached at the horizon.

    With traffic and horizon both known the plan takes what they give. With neither, the horizon is 14 days.
    """
    effect = abs(minimum_effect)
    if not 0.0 < effect < inf:
        raise InvalidPlan(
            f"the minimum effect must be a number other than zero, not {minimum_effect}; set minimum_effect"
        )
    variance = unit_variance(metric_kind, baseline, sigma2)
    daily = information_per_unit(variance, allocation) * units_per_day if variance and units_per_day else None
    needed = required_information(effect, kind, alpha, power)
    days = horizon_days or (min(LONGEST_DAYS, float(ceil(max(needed / daily, minimum_days)))) if daily else 14.0)
    alpha_spend, alpha_any = shares_of_alpha(kind, alpha)
    return Plan(
        kind=kind,
        metric_kind=metric_kind,
        direction=direction,
        alpha_spend=alpha_spend,
        alpha_any=alpha_any,
        tau2=registered_tau2(effect, expected_effect),
        sigma2=variance,
        planned_information=daily * days if daily else needed,
        horizon_days=float(days),
        hold_days=hold_days,
        minimum_days=min(minimum_days, float(days)),
        success_threshold=success_threshold,
        minimum_effect=effect,
        allocation=allocation,
        baseline=baseline,
        units_per_day=units_per_day,
    )


def required_information(
    minimum_effect: float, kind: PlanKind = "hybrid", alpha: float = 0.05, power: float = 0.8
) -> float:
    """1 / variance at the horizon with which the plan, looked at daily for four weeks, reaches `power`."""
    return (_required_drift(kind, alpha, power) / abs(minimum_effect)) ** 2


def days_needed(plan: Plan, power: float = 0.8) -> float | None:
    """Days until the plan's minimum effect is seen with `power`; None without planned traffic."""
    if plan.sigma2 is None or not plan.units_per_day:
        return None
    daily = information_per_unit(plan.sigma2, plan.allocation) * plan.units_per_day
    return required_information(plan.minimum_effect, plan.kind, plan.alpha, power) / daily


def power_curve(plan: Plan, effect: float | None = None, looks: int = 28) -> PowerCurve:
    """Power by day, at evenly spaced looks up to the horizon with traffic arriving as planned."""
    size = plan.minimum_effect if effect is None else abs(effect)
    drift = size * sqrt(plan.planned_information)
    scaled = plan.tau2 * plan.planned_information
    alive = _alive(plan.kind, (plan.alpha_spend, plan.alpha_any), plan.rho, tau2=scaled, drift=drift, looks=looks)
    days = tuple(plan.horizon_days * (index + 1) / looks for index in range(looks))
    return PowerCurve(size, (0.0, *days), (0.0, *(min(1.0, max(0.0, 1.0 - share)) for share in alive)))


def power_at_horizon(plan: Plan, effect: float | None = None) -> float:
    return power_curve(plan, effect).power[-1]


def futility(plan: Plan, estimate: float, variance: float, upper: float) -> Futility:
    """`estimate` and `upper` as improvements; the prediction is normal, under the plan's prior N(0, tau2)."""
    target = plan.success_threshold
    if upper < target:
        return Futility(possible=False, reach=0.0, reason="even the best value inside the interval misses the target")
    ahead = plan.planned_information - (1.0 / variance if variance > 0.0 else 0.0)
    if not 0.0 < variance < inf or ahead <= 0.0:
        return Futility(possible=True, reach=1.0 if estimate > target else 0.0, reason="nothing is left to predict")
    chance = _chance_of_reaching(plan, estimate, variance, ahead)
    return Futility(possible=True, reach=chance, reason=f"{chance:.0%} chance of a significant result at the horizon")


def _chance_of_reaching(plan: Plan, estimate: float, variance: float, ahead: float) -> float:
    shrunk = estimate / (1.0 + variance / plan.tau2)
    posterior = variance / (1.0 + variance / plan.tau2)
    total = ahead + 1.0 / variance
    needed = plan.floor + quantile(1.0 - plan.alpha / 2.0) / sqrt(total)
    share = ahead / total
    mean, spread = (1.0 - share) * estimate + share * shrunk, share * sqrt(posterior + 1.0 / ahead)
    return upper_tail((max(needed, plan.success_threshold) - mean) / spread)


@lru_cache(maxsize=128)
def _required_drift(kind: PlanKind, alpha: float, power: float) -> float:
    """Effect in standard errors at the horizon that the plan sees with `power`; tau is taken as that effect."""
    if not 0.0 < alpha < 1.0 or not 0.0 < power < 1.0:
        raise InvalidPlan(f"alpha {alpha} and power {power} must lie between 0 and 1; the usual ones are 0.05 and 0.8")
    shares = shares_of_alpha(kind, alpha)
    low, high = 0.0, 40.0
    while high - low > 1e-4:
        middle = 0.5 * (low + high)
        reached = 1.0 - _alive(kind, shares, RHO, tau2=middle**2, drift=middle, looks=28)[-1]
        low, high = (middle, high) if reached < power else (low, middle)
    return high


@lru_cache(maxsize=256)
def _alive(
    kind: PlanKind, shares: tuple[float, float], rho: float, *, tau2: float, drift: float, looks: int
) -> tuple[float, ...]:
    """P(nothing detected by each of evenly spaced looks); tau2 and drift on the scale where the horizon's variance is 1."""
    times = tuple((index + 1) / looks for index in range(looks))
    official = _official(kind, shares[0], rho, times)
    edges = tuple(
        min(edge, critical(1.0 / time, tau2, shares[1]) * sqrt(time))
        for time, edge in zip(times, official, strict=True)
    )
    return survival(times, edges, drift)


@lru_cache(maxsize=64)
def _official(kind: PlanKind, alpha_spend: float, rho: float, times: tuple[float, ...]) -> tuple[float, ...]:
    if kind == "hybrid":
        looks = planned_looks(times)
        found = boundaries([times[index] for index, _ in looks], alpha_spend, rho, [share for _, share in looks])
        edges = dict(zip((index for index, _ in looks), found.boundary, strict=True))
        return tuple(edges.get(index, inf) for index in range(len(times)))
    last = quantile(1.0 - alpha_spend / 2.0) if kind == "horizon_only" else inf
    return (*(inf for _ in times[1:]), last)
