"""Always-valid statistics: pure functions from centred moments to a verdict people may look at as often as they like."""

from runtime.statistics.look import Look, Memory, Stability
from runtime.statistics.moments import Moments, from_sums, merge
from runtime.statistics.phases import PhaseArms
from runtime.statistics.plan import Plan
from runtime.statistics.power import make_plan
from runtime.statistics.verdict import judge

__all__ = ["Look", "Memory", "Moments", "PhaseArms", "Plan", "Stability", "from_sums", "judge", "make_plan", "merge"]
