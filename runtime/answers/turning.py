"""What would flip the advice at the horizon: the effects from which the registered plan says ship, or kill. PURE."""

from dataclasses import dataclass
from math import inf, isfinite, sqrt

from runtime.statistics.look import Memory
from runtime.statistics.plan import Plan
from runtime.statistics.sequential import critical
from runtime.statistics.spending import extend


@dataclass(frozen=True, slots=True)
class Turn:
    """Effects are treatment - control at the horizon; `rest_*` is what users yet to come must show on average for it.

    Approximate: traffic is taken to go on at its pace so far, with the spread seen so far.
    """

    ship_from: float
    kill_to: float
    rest_ship: float | None
    rest_kill: float | None
    multiplier: float
    share_to_come: float


def at_horizon(
    plan: Plan, memory: Memory, *, estimate: float, variance: float, elapsed: float, horizon: float
) -> Turn | None:
    """None where there is no variance to go by yet, or nothing is left until the horizon."""
    if not (0.0 < variance < inf and isfinite(estimate) and 0.0 < elapsed < horizon) or memory.horizon is not None:
        return None
    now = 1.0 / variance
    then = now * horizon / elapsed
    multiplier = _multiplier(plan, memory, then)
    if not isfinite(multiplier):
        return None
    half = multiplier / sqrt(then)
    ship, kill = max(plan.floor + half, plan.success_threshold), plan.floor - half
    improvement = plan.sign * estimate
    rest_ship, rest_kill = ((wanted * then - improvement * now) / (then - now) for wanted in (ship, kill))
    return Turn(
        plan.sign * ship, plan.sign * kill, plan.sign * rest_ship, plan.sign * rest_kill, multiplier, 1.0 - now / then
    )


def _multiplier(plan: Plan, memory: Memory, information: float) -> float:
    """Standard errors from which either part of the plan rejects at the horizon's look."""
    anytime = critical(1.0 / information, plan.tau2, plan.alpha_any)
    if plan.alpha_spend <= 0.0 or memory.looks.closed:
        return anytime
    last = extend(memory.looks, information / plan.planned_information, 1.0, plan.alpha_spend, plan.rho)
    return min(anytime, last.critical)
