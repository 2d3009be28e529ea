"""Questions about many experiments at once, answered from their e-values."""

from math import exp, inf, log
from typing import Any, Literal

from runtime.analysis.arms import Strict
from runtime.analysis.fields import LogEvidence, Share
from runtime.statistics.portfolio import any_segment, e_bh, e_lond

_OVERFLOW = 709.0


class EBh(Strict):
    test: Literal["e_bh"]
    e_values: list[LogEvidence]
    alpha: Share

    def answer(self) -> dict[str, Any]:
        """With nothing rejected no e-value is a threshold, so it is infinite."""
        rejected = _where(e_bh(self.e_values, self.alpha))
        mean = any_segment(self.e_values)
        k = len(rejected)
        return {
            "k": k,
            "threshold": len(self.e_values) / (k * self.alpha) if k else inf,
            "rejected_indices": rejected,
            "mean_e": exp(mean) if mean < _OVERFLOW else inf,
            "global_null_rejected": mean >= -log(self.alpha),
        }


class ELond(Strict):
    test: Literal["e_lond"]
    e_values_in_order: list[LogEvidence]
    alpha: Share

    def answer(self) -> dict[str, Any]:
        return {"rejected_indices": _where(e_lond(self.e_values_in_order, self.alpha))}


def _where(flags: tuple[bool, ...]) -> list[int]:
    return [index for index, flag in enumerate(flags) if flag]
