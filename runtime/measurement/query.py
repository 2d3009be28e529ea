"""From what outcome.yaml says about a signal to what a source is asked. PURE."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from runtime.integrations.contracts import MetricQuery, Window

_SPANS = {"7d_rolling": timedelta(days=7), "30d_rolling": timedelta(days=30)}
_POINT = timedelta(days=1)


def metric_query(
    signal: Mapping[str, Any], *, experiment: str | None = None, limit: Decimal | None = None
) -> MetricQuery:
    """A constraint has no method: its limit is about how much, not about whether."""
    return MetricQuery(
        metric=signal.get("metric") or signal["signal"],
        method=signal.get("method") or ("custom" if "signal" in signal else "event"),
        funnel_steps=tuple(signal.get("funnel_steps") or ()),
        segment=dict(signal.get("segment") or {}),
        experiment=experiment,
        limit=limit,
    )


def level_window(signal: Mapping[str, Any], now: datetime) -> Window:
    """The span a level is taken over. Rolling spans are for display and progress; tests always use un-overlapped buckets."""
    return Window(now - _SPANS.get(str(signal.get("aggregation")), _POINT), now)


def is_share(signal: Mapping[str, Any]) -> bool:
    """Whether a unit's value is 0 or 1, so that its mean is a share."""
    return signal.get("method") == "funnel" or signal.get("unit") == "share"
