"""Outcomes on their way, made up: what Home and the digest show of them in previews and tests. PURE."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from bot.slack import sample_rows as rows
from bot.slack.sample_rows import AT, Say
from runtime.db.engine import Row
from runtime.outcomes import standing
from runtime.outcomes.standing import Standings

_KINDS: tuple[tuple[str, str, str, str, float, float, float], ...] = (
    ("checkout", "Finish the checkout", "checkout_completed", "share", 0.32, 0.45, 0.0029),
    ("speed", "Pages that open at once", "page_p95", "ms", 1240.0, 900.0, -12.0),
    ("refunds", "Fewer customers who ask for their money back within a month", "refund_rate", "share", 0.031, 0.02, 0.00006),
    ("orders", "Orders a day", "orders_per_day", "orders", 5200.0, 8000.0, 0.0),
)  # fmt: skip
_WOBBLE = (0.0, 0.9, -0.6, 0.4, -1.1, 0.7, -0.2)
_DAYS = 30


def several(say: Say, count: int) -> Standings:
    """Each fourth has no reading yet; the first is the outcome that all other samples are about."""
    made = [_outcome(say, number) for number in range(count)]
    levels = {row["id"]: _levels(row["id"], *_KINDS[n % 4][4:]) for n, row in enumerate(made) if n % 4 < 3}  # noqa: PLR2004  each fourth
    simulated = {row["id"] for row in made}
    return Standings(made, standing.numbers(levels), standing.chart(made, levels, simulated) if made else None)


def _outcome(say: Say, number: int) -> Row:
    slug, title, metric, unit, start, target, _ = _KINDS[number % 4]
    again = "" if number < len(_KINDS) else f" ({number})"
    goal = {
        "direction": "increase" if target > start else "decrease",
        "from": start,
        "to": target,
        "confidence_required": 0.95,
    }
    signal = {"source": "shop", "metric": say(metric), "method": "funnel", "unit": unit}
    changes: dict[str, Any] = {
        "slug": f"{slug}{number or ''}",
        "title": say(f"{title}{again}"),
        "target": goal,
        "primary_signal": signal,
    }
    return rows.outcome(say, **(changes | {"id": UUID(int=3 + 1000 * number)}))


def _levels(outcome: UUID, start: float, target: float, step: float) -> list[Row]:
    """A reading a day, that wobbles as readings do."""
    size = abs(target - start) / 40
    return [
        {
            "outcome_id": outcome, "time": AT - timedelta(days=_DAYS - 1 - day), "sample_size": 1200,
            "value": start + step * day + size * _WOBBLE[day % 7],
        }
        for day in range(_DAYS)
    ]  # fmt: skip
