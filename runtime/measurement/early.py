"""Whether it is too early to speak of a result: a grace period in data time and a least number of units in each variant. PURE."""

from collections.abc import Mapping
from typing import Any

from runtime.settings import Settings

_HOURS = 24.0


def early(result: Mapping[str, Any], settings: Settings) -> str | None:
    """What is still missing, in words; None once a result may be called better, worse or undecided."""
    hours = float(result.get("elapsed_days") or 0.0) * _HOURS
    units = min(int(result.get("n_control") or 0), int(result.get("n_treatment") or 0))
    missing = []
    if hours < settings.notice_grace_hours:
        missing.append(f"{_brief(hours)} of {_brief(settings.notice_grace_hours)} hours of data")
    if units < settings.notice_minimum_units:
        missing.append(f"{units:,} of {settings.notice_minimum_units:,} units in the smaller group")
    return f"Too early to tell: {' and '.join(missing)}" if missing else None


def _brief(hours: float) -> str:
    return f"{hours:.3g}"
