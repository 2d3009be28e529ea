"""Sample-ratio mismatch: did units arrive in the planned shares? Sequential Dirichlet-multinomial test (Lindon & Malek 2022)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from runtime.statistics.gamma import log_dirichlet
from runtime.statistics.phases import PhaseArms

CONCENTRATION = 100.0


@dataclass(frozen=True, slots=True)
class Srm:
    """`deviation` is the observed minus the planned share of treatment, because at huge n a harmless one is significant."""

    log_e: float
    flagged: bool
    planned_share: float
    observed_share: float
    deviation: float
    n: int


def log_bayes_factor(counts: Sequence[int], shares: Sequence[float], concentration: float = CONCENTRATION) -> float:
    """Log e against "units fall into the arms by these shares"; also an exact test for events of known exposure."""
    total, units = sum(shares), sum(counts)
    wanted = [share / total for share in shares]
    prior = [concentration * share for share in wanted]
    excess = [count - units * share for count, share in zip(counts, wanted, strict=True)]
    seen = [a + count for a, count in zip(prior, counts, strict=True)]
    return log_dirichlet(seen, excess) - log_dirichlet(prior, [0.0] * len(prior))


def check_balance(counts: tuple[int, int], share_treatment: float, alpha: float = 0.01) -> Srm:
    """One phase; counts are (control, treatment) of *assigned* units, first exposure only."""
    return _srm([(counts, share_treatment)], alpha)


def check_phases(phases: Sequence[PhaseArms], alpha: float = 0.01) -> Srm:
    """Every phase against its own shares; phases hold disjoint units, so their e-values multiply."""
    return _srm([(phase.counts, phase.share_treatment) for phase in phases], alpha)


def _srm(phases: Sequence[tuple[tuple[int, int], float]], alpha: float) -> Srm:
    log_e = sum(_phase_log_e(counts, share) for counts, share in phases)
    n = sum(sum(counts) for counts, _ in phases)
    planned = sum(sum(counts) * share for counts, share in phases) / n if n else 0.0
    observed = sum(counts[1] for counts, _ in phases) / n if n else 0.0
    return Srm(log_e, log_e >= -log(alpha), planned, observed, observed - planned, n)


def _phase_log_e(counts: tuple[int, int], share: float) -> float:
    if not 0.0 < share < 1.0:  # everybody on one side: there is no ratio to miss
        return 0.0
    return log_bayes_factor(counts, (1.0 - share, share))
