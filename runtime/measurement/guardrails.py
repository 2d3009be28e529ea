"""From the constraints of outcome.yaml to guardrails and their looks. PURE."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from runtime.measurement.store import Sums
from runtime.statistics.constraints import ConstraintLook, Guardrail, Side, check, check_rate
from runtime.statistics.moments import Moments, from_sums
from runtime.statistics.phases import PhaseArms

_STOPS = ("pause", "kill")
_ELSEWHERE = "control is beyond the limit as well, so the cause may lie outside this experiment"
_QUANTILE = re.compile(r"p(\d\d)(?:_\w+)?$")


@dataclass(frozen=True, slots=True)
class Watched:
    """One constraint and what its data say now."""

    name: str
    unit: str
    look: ConstraintLook

    def to_json(self) -> dict[str, Any]:
        """A signal that has not spoken yet has no value, and its limit is not said to be kept."""
        look = self.look.to_json()
        silent = {"state": "no_data", "value": None} if self.look.n == 0 and self.look.state == "ok" else {}
        return look | {"name": self.name, "unit": self.unit, "value": look["estimate"], **silent}


def limits(constraints: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Side, float]]:
    """Every limit of every constraint; a constraint with min and max is two."""
    for constraint in constraints:
        if constraint.get("max") is not None:
            yield constraint, "max", float(constraint["max"])
        if constraint.get("min") is not None:
            yield constraint, "min", float(constraint["min"])


def quantile_share(constraint: Mapping[str, Any]) -> float | None:
    """For "p95 at most 800": the share of units that may lie beyond, 0.05. An average of percentiles is not a percentile."""
    found = _QUANTILE.search(str(constraint.get("metric", "")))
    return None if found is None else 1.0 - int(found.group(1)) / 100


def resumed_in(phases: Sequence[Mapping[str, Any]]) -> int:
    """The phase in which people saw the treatment again after the last pause; 0 when there was none. A pause leaves a gap."""
    found = 0
    for before, after in pairwise(phases):
        ended = before["ended_at"]
        if ended is not None and ended < after["started_at"]:
            found = after["position"]
    return found


def watch(
    constraint: Mapping[str, Any],
    side: Side,
    limit: float,
    sums: Mapping[int, Mapping[str, Sums]],
    recent: Sequence[tuple[int, float]],
    watched: int,
    resumed: int,
) -> Watched:
    """A limit that was chosen while data came in is judged by the phases after it (docs/adr/0031-plan-registry.md).

    Who resumes has seen the harm there was, so that another pause takes harm since then. What is sure enough to kill, kills.
    """
    chosen = constraint.get("since_phase", 0)
    lately = [mean for phase, mean in recent if phase >= max(chosen, resumed)]
    found = look_at(constraint, side, limit, _from(chosen, sums), lately, watched)
    if found.look.state != "pause" or resumed <= chosen:
        return found
    again = look_at(constraint, side, limit, _from(resumed, sums), lately, watched)
    return found if again.look.state in _STOPS else replace(found, look=replace(found.look, state="warn"))


def _from(first: int, sums: Mapping[int, Mapping[str, Sums]]) -> Mapping[int, Mapping[str, Sums]]:
    return {phase: arms for phase, arms in sums.items() if phase >= first}


def look_at(
    constraint: Mapping[str, Any],
    side: Side,
    limit: float,
    sums: Mapping[int, Mapping[str, Sums]],
    recent: Sequence[float],
    watched: int,
) -> Watched:
    """Test one limit on the treated arm. Values that are all 0 or 1 are a rate and get the exact test.

    A limit is the product's, so what breaks it ends here whoever caused it; that control breaks it as well is said.
    """
    found = _tested(constraint, side, limit, sums, "treatment", recent, watched)
    if found.look.state not in _STOPS:
        return found
    control = _tested(constraint, side, limit, sums, "control", (), watched)
    if control.look.state not in _STOPS:
        return found
    return replace(found, look=replace(found.look, reason=f"{found.look.reason}; {_ELSEWHERE}"))


def _tested(
    constraint: Mapping[str, Any],
    side: Side,
    limit: float,
    sums: Mapping[int, Mapping[str, Sums]],
    variant: str,
    recent: Sequence[float],
    watched: int,
) -> Watched:
    name = str(constraint["signal"])
    arm = [arms[variant] for arms in sums.values() if variant in arms]
    share, counted = quantile_share(constraint), sum(phase.counted for phase in arm)
    if share is not None and side == "max" and counted:
        guardrail = Guardrail(name=name, kind="rate", side="max", limit=share)
        return Watched(name, "share", check_rate(guardrail, _beyond(arm), counted, guardrails=watched))
    rate = all(phase.total == phase.total_sq for phase in arm) and 0.0 < limit < 1.0
    guardrail = Guardrail(name=name, kind="rate" if rate else "mean", side=side, limit=limit)
    phases = [PhaseArms(Moments(0, 0.0, 0.0), from_sums(phase.n, phase.total, phase.total_sq)) for phase in arm]
    return Watched(name, "share" if rate else "", check(guardrail, phases, recent=recent, guardrails=watched))


def _beyond(arm: Sequence[Sums]) -> int:
    """Of the units that the source compared with the limit; buckets without such a count say nothing of it."""
    return sum(phase.beyond_limit or 0 for phase in arm)
