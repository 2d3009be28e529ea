"""Which proposals may run side by side: the best ones that differ and don't get in each other's way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.hypotheses.models import ExperimentDraft, Rejection, overlap
from runtime.hypotheses.scoring import Scored

DIVERSITY = 0.15  # what complete likeness to a chosen draft costs, on the scale of the score
_SAME_MECHANISM = 0.8


@dataclass(frozen=True, slots=True)
class Portfolio:
    chosen: tuple[Scored, ...]
    rejected: tuple[Rejection, ...]


def select(candidates: Sequence[Scored], max_concurrent: int) -> Portfolio:
    """Greedily take the best remaining draft, marked down for likeness to those taken, and drop what conflicts with it.

    Candidates come ranked; among equals the earlier one is taken.
    """
    chosen: list[Scored] = []
    rejected: list[Rejection] = []
    remaining = list(candidates)
    while remaining and len(chosen) < max_concurrent:
        best = max(remaining, key=lambda one: one.score - DIVERSITY * _likeness(one, chosen))
        remaining.remove(best)
        chosen.append(best)
        clashes = [(one, conflict(one.draft, best.draft)) for one in remaining]
        rejected += [Rejection(title=one.draft.title, reason=why) for one, why in clashes if why]
        remaining = [one for one, why in clashes if not why]
    rejected += [_no_room(one, max_concurrent) for one in remaining]
    return Portfolio(tuple(chosen), tuple(rejected))


def conflict(one: ExperimentDraft, other: ExperimentDraft) -> str | None:
    """Why the two can't run at once, if they can't."""
    if one.intervention.feature_flag == other.intervention.feature_flag:
        return f"it uses the same feature flag as “{other.title}”"
    for path in one.intervention.scope:
        if any(overlap(path, place) for place in other.intervention.scope):
            return f"it changes the same place as “{other.title}” ({path})"
    if _alike(_words(one.mechanism), _words(other.mechanism)) >= _SAME_MECHANISM:
        return f"it rests on the same mechanism as “{other.title}”"
    if _words(one.sub_problem) == _words(other.sub_problem):
        return f"it works on the same sub-problem as “{other.title}” ({other.sub_problem})"
    return None


def _no_room(one: Scored, max_concurrent: int) -> Rejection:
    reason = f"at most {max_concurrent} may run at once, and others came before it (its score: {one.score:.2f})"
    return Rejection(title=one.draft.title, reason=reason)


def _likeness(one: Scored, chosen: Sequence[Scored]) -> float:
    return max((_alike(set(one.draft.tags), set(other.draft.tags)) for other in chosen), default=0.0)


def _alike(one: set[str], other: set[str]) -> float:
    """Jaccard's index: shared words out of all words."""
    return len(one & other) / len(one | other) if one or other else 0.0


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))
