"""When would the product have called? The rule of `judge` over many simulated experiments at once.

Rows are experiments, columns are looks, the last look stands at the horizon. Same boundaries as the scalar rule: every
experiment spends by its own estimated information, so its boundaries are its own too. Units are taken as assigned in
the planned shares; the check for sample-ratio mismatch has simulations of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from runtime.statistics.evidence import FEWEST_DEGREES, null_effect
from runtime.statistics.ladder import EMPTY_BEYOND, ROOT_2_PI, gauss_legendre, node_count
from runtime.statistics.phases import MetricKind
from runtime.statistics.plan import Plan
from runtime.statistics.sequential import critical_many
from runtime.statistics.spending import FAR, FORCED_STEP, SMALLEST_STEP, clock
from runtime.statistics.verdict import FEWEST_CONVERSIONS

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]

TOGETHER = 256  # experiments carried at once: their kernels stay in the processor's cache
_SAFE_EXPONENT = 600.0
_NEAR_ENOUGH = 1e-6  # Newton doubles the digits, so the last step brings the rest


@dataclass(frozen=True, slots=True)
class ArmPath:
    """One arm, cumulative: units by look, and mean and sum of squared distances by experiment and look."""

    n: Floats
    mean: Floats
    m2: Floats

    def rows(self, which: slice) -> "ArmPath":
        return ArmPath(self.n, self.mean[which], self.m2[which])


@dataclass(frozen=True, slots=True)
class PhasePath:
    control: ArmPath
    treatment: ArmPath

    def rows(self, which: slice) -> "PhasePath":
        return PhasePath(self.control.rows(which), self.treatment.rows(which))


@dataclass(frozen=True, slots=True)
class Estimates:
    """All phases together; variance is infinite where nothing can be said."""

    estimate: Floats
    variance: Floats
    degrees: Floats
    effective_n: Floats
    speaks: Mask


@dataclass(frozen=True, slots=True)
class Calls:
    """`look` is the 0-based look of the first call, -1 where there was none; the estimate is the one at the stop."""

    look: Whole
    improvement: Mask
    estimate: Floats
    variance: Floats

    @property
    def called(self) -> Mask:
        return self.look >= 0

    @classmethod
    def joined(cls, parts: Sequence["Calls"]) -> "Calls":
        columns = ((part.look, part.improvement, part.estimate, part.variance) for part in parts)
        look, improvement, estimate, variance = (np.concatenate(column) for column in zip(*columns, strict=True))
        return cls(look, improvement, estimate, variance)


def first_calls(plan: Plan, phases: Sequence[PhasePath], progress: Callable[[int], None] | None = None) -> Calls:
    """The first look at which each experiment is called; `progress` hears how many experiments are done."""
    runs = phases[0].control.mean.shape[0]
    parts = []
    for start in range(0, runs, TOGETHER):
        chunk = slice(start, min(start + TOGETHER, runs))
        parts.append(_chunk_calls(plan, [phase.rows(chunk) for phase in phases]))
        if progress is not None:
            progress(chunk.stop)
    return Calls.joined(parts)


def _chunk_calls(plan: Plan, phases: Sequence[PhasePath]) -> Calls:
    seen = combined(phases, plan.metric_kind)
    runs, looks = seen.estimate.shape
    deviation = np.abs(seen.estimate - null_effect(plan)) / np.sqrt(seen.variance)
    crossed = (deviation > anytime_multipliers(plan, seen)) & seen.speaks
    spending = Spending(plan, runs)
    called = np.full(runs, -1, dtype=np.int64)
    for k in range(looks):
        last = k == looks - 1
        open_rows = np.flatnonzero((called < 0) & seen.speaks[:, k])
        fractions = _clock(plan, seen.variance[open_rows, k], seen.effective_n[open_rows, k])
        known = last | (seen.degrees[open_rows, k] >= FEWEST_DEGREES)
        edges = np.full(len(open_rows), np.inf)
        edges[known] = spending.criticals(open_rows[known], fractions[known], last=last)
        reach = _to_student(edges, seen.degrees[open_rows, k])
        hit = crossed[open_rows, k] | (deviation[open_rows, k] > reach)
        called[open_rows[hit]] = k
    at = np.where(called >= 0, called, looks - 1)
    rows = np.arange(runs)
    estimate = seen.estimate[rows, at]
    return Calls(called, plan.sign * estimate > plan.floor, estimate, seen.variance[rows, at])


def _clock(plan: Plan, variance: Floats, effective_n: Floats) -> Floats:
    information = 1.0 / variance / plan.planned_information
    if plan.sigma2 is None:
        return information
    return np.minimum(information, effective_n / (plan.sigma2 * plan.planned_information))


def combined(phases: Sequence[PhasePath], kind: MetricKind) -> Estimates:
    """`phases.combine` over arrays: information-weighted, with Welch's degrees of freedom for means."""
    parts = [_part(phase, kind) for phase in phases]
    information = sum((1.0 / part.variance for part in parts), np.zeros_like(parts[0].variance))
    some = information > 0.0
    whole = np.where(some, information, 1.0)
    weights = [np.where(some, 1.0 / part.variance / whole, 0.0) for part in parts]
    estimate = sum((w * p.estimate for w, p in zip(weights, parts, strict=True)), np.zeros_like(whole))
    spent = sum((w * w / p.degrees for w, p in zip(weights, parts, strict=True)), np.zeros_like(whole))
    return Estimates(
        estimate,
        np.where(some, 1.0 / whole, np.inf),
        np.where(spent > 0.0, 1.0 / np.where(spent > 0.0, spent, 1.0), np.inf),
        sum((np.where(np.isfinite(p.variance), p.effective_n, 0.0) for p in parts), np.zeros_like(whole)),
        some & _enough(phases, kind),
    )


def _part(phase: PhasePath, kind: MetricKind) -> Estimates:
    control, treatment = phase.control, phase.treatment
    some = np.broadcast_to((control.n > 1.0) & (treatment.n > 1.0), control.mean.shape)
    n_c, n_t = np.maximum(control.n, 2.0), np.maximum(treatment.n, 2.0)
    less = 0.0 if kind == "conversion" else 1.0
    v_c, v_t = control.m2 / (n_c - less) / n_c, treatment.m2 / (n_t - less) / n_t
    variance = v_c + v_t
    good = some & (variance > 0.0)
    v = np.where(good, variance, 1.0)
    welch = np.full_like(v, np.inf)
    if kind == "mean":
        welch = 1.0 / np.maximum((v_c / v) ** 2 / (n_c - 1.0) + (v_t / v) ** 2 / (n_t - 1.0), 1e-300)
    return Estimates(
        np.where(good, treatment.mean - control.mean, 0.0),
        np.where(good, v, np.inf),
        np.where(good, welch, np.inf),
        np.broadcast_to(n_c * n_t / (n_c + n_t), v.shape),
        good,
    )


def _enough(phases: Sequence[PhasePath], kind: MetricKind) -> Mask:
    """Conversions wait for a few of each kind in each arm."""
    enough = np.ones(phases[0].control.mean.shape, dtype=np.bool_)
    if kind != "conversion":
        return enough
    for arms in ([phase.control for phase in phases], [phase.treatment for phase in phases]):
        n = sum((arm.n for arm in arms), np.zeros_like(arms[0].n))
        hits = sum((np.rint(arm.n * arm.mean) for arm in arms), np.zeros_like(arms[0].mean))
        enough &= np.minimum(hits, n - hits) >= FEWEST_CONVERSIONS
    return enough


def anytime_multipliers(plan: Plan, seen: Estimates) -> Floats:
    """Half widths of the anytime interval in standard errors: `critical` and `critical_t` over arrays."""
    if plan.alpha_any <= 0.0:
        return np.full_like(seen.variance, np.inf)
    log_alpha = 2.0 * log(plan.alpha_any)
    variance = np.where(seen.speaks, seen.variance, 1.0)
    if plan.metric_kind == "conversion":
        return critical_many(variance, plan.tau2, plan.alpha_any)
    weight = seen.effective_n * plan.tau2 / plan.sigma2 if plan.sigma2 else plan.tau2 / variance
    weight = np.where(seen.speaks, weight, 1.0)
    degrees = np.where(seen.speaks, seen.degrees, 1.0)
    log_q = (log_alpha - np.log1p(weight)) / (degrees + 1.0)
    room = weight / (1.0 + weight) + np.expm1(log_q)
    inside = -degrees * np.expm1(log_q) / np.where(room > 0.0, room, 1.0)
    return np.where(room > 0.0, np.sqrt(inside), np.inf)


def _to_student(z: Floats, degrees: Floats) -> Floats:
    """`normal_to_student` over arrays."""
    finite = np.isfinite(degrees) & np.isfinite(z)
    nu = np.where(finite, degrees, 1.0)
    scaled = (np.where(finite, z, 0.0) * (8.0 * nu + 3.0) / (8.0 * nu + 1.0)) ** 2 / nu
    return np.where(finite, np.sqrt(nu * np.expm1(np.minimum(scaled, 700.0))), z)


class Spending:
    """The error-spending part of many experiments: where each stands before its latest official look, and that look."""

    def __init__(self, plan: Plan, runs: int) -> None:
        self.plan = plan
        self.before = np.zeros(runs)
        self.nodes: Floats = np.zeros((runs, 1))
        self.mass: Floats = np.full((runs, 1), 0.5)
        self.information = np.zeros(runs)
        self.spent = np.zeros(runs)
        self.edge = np.zeros(runs)

    def criticals(self, rows: Whole, fractions: Floats, *, last: bool) -> Floats:
        """|z| from which each of these rows rejects at this look; infinite where the look is not an official one."""
        found = np.full(len(rows), np.inf)
        waits = self.plan.kind == "horizon_only" and not last
        if waits or self.plan.alpha_spend <= 0.0 or len(rows) == 0:
            return found
        shares = np.array([clock(float(fraction), last=last) for fraction in fractions])
        due = self._due(rows, fractions, shares)
        if due.any():
            found[due] = self._extend(rows[due], fractions[due], shares[due])
        return found

    def _due(self, rows: Whole, fractions: Floats, shares: Floats) -> Mask:
        started = self.information[rows] > 0.0
        further = fractions - self.information[rows] >= SMALLEST_STEP
        due: Mask = (fractions > 0.0) & ((shares >= 1.0) | (further & (~started | (shares > self.spent[rows]))))
        return due

    def _extend(self, rows: Whole, fractions: Floats, shares: Floats) -> Floats:
        started = self.information[rows] > 0.0
        time = np.where(started, np.maximum(fractions, self.information[rows] + FORCED_STEP), fractions)
        self._advance(rows[started], time[started])
        shares = np.maximum(shares, self.spent[rows])
        spend = self.plan.alpha_spend * (shares**self.plan.rho - self.spent[rows] ** self.plan.rho)
        near = np.where(started, self.edge[rows] / np.sqrt(np.where(started, self.information[rows], 1.0)), 4.0)
        edge = _boundary(self, rows, time, spend, np.sqrt(time) * np.minimum(near, 4.0))
        self.information[rows], self.spent[rows], self.edge[rows] = time, shares, edge
        return edge / np.sqrt(time)

    def _advance(self, rows: Whole, until: Floats) -> None:
        """Bring rows to their latest official look, on nodes fine enough for the next."""
        if len(rows) == 0:
            return
        time, scale = self.information[rows], np.sqrt(self.information[rows] - self.before[rows])
        reach = np.minimum(self.edge[rows], EMPTY_BEYOND * np.sqrt(time))
        count = max(node_count(*pair) for pair in zip(reach.tolist(), (until - time).tolist(), strict=True))
        unit, weights = gauss_legendre(count)
        half = 0.5 * reach[:, None]
        nodes = half * (unit + 1.0)
        mass = half * weights * _density(nodes, self.nodes[rows], self.mass[rows], scale[:, None])
        self._widen(count)
        self.nodes[rows], self.mass[rows] = 0.0, 0.0
        self.nodes[rows, :count], self.mass[rows, :count], self.before[rows] = nodes, mass, time

    def _widen(self, count: int) -> None:
        short = count - self.nodes.shape[1]
        if short > 0:
            self.nodes, self.mass = (np.pad(each, ((0, 0), (0, short))) for each in (self.nodes, self.mass))


def _density(x: Floats, nodes: Floats, mass: Floats, scale: Floats) -> Floats:
    """Density at x a step later; one exponential serves both sides as long as it cannot overflow."""
    at, start = x / scale, nodes / scale
    if float(np.max(at) * np.max(start)) < _SAFE_EXPONENT:
        kernel = np.exp(at[:, :, None] * start[:, None, :])
        kernel += 1.0 / kernel
        weighted = mass * np.exp(-0.5 * np.square(start))
        density = np.exp(-0.5 * np.square(at)) * np.matmul(kernel, weighted[:, :, None])[:, :, 0]
    else:
        kernel = np.exp(-0.5 * np.square(at[:, :, None] - start[:, None, :]))
        kernel += np.exp(-0.5 * np.square(at[:, :, None] + start[:, None, :]))
        density = np.matmul(kernel, mass[:, :, None])[:, :, 0]
    result: Floats = density / (scale * ROOT_2_PI)
    return result


def _boundary(state: Spending, rows: Whole, time: Floats, spend: Floats, guess: Floats) -> Floats:
    """Newton on the logarithm of what leaves, a concave curve, so it comes in from above and cannot stray."""
    nodes, mass = state.nodes[rows], state.mass[rows]
    scale = np.sqrt(time - state.before[rows])[:, None]
    edge, target = guess, np.log(spend)
    for _ in range(60):
        above, below = (edge[:, None] - nodes) / scale, (edge[:, None] + nodes) / scale
        root = np.sqrt(2.0)
        leaving = np.maximum((mass * (erfc(above / root) + erfc(below / root))).sum(axis=1), 1e-300)
        bell = np.exp(-0.5 * np.square(above)) + np.exp(-0.5 * np.square(below))
        slope = np.maximum(2.0 * (mass * bell).sum(axis=1) / (scale[:, 0] * ROOT_2_PI), 1e-300)
        step = leaving * (np.log(leaving) - target) / slope
        edge = np.clip(edge + step, 0.0, FAR * np.sqrt(time))
        if float(np.max(np.abs(step) / np.maximum(edge, 1e-9))) <= _NEAR_ENOUGH:
            break
    return edge
