"""Recorded real experiments: reads the ASOS file and turns each cumulative look into the exact sums the ingestion door takes."""

import csv
import gzip
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import IO, Any

from demo.errors import DemoFailed

COLUMNS = (
    "experiment_id", "variant_id", "metric_id", "time_since_start",
    "count_c", "count_t", "mean_c", "mean_t", "variance_c", "variance_t",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arm:
    """Cumulative since the start: units, and the exact sum and sum of squares of their values."""

    n: int
    total: Decimal
    total_sq: Decimal

    @property
    def mean(self) -> float:
        return float(self.total / self.n) if self.n else 0.0


@dataclass(frozen=True, slots=True)
class RecordedLook:
    """One row of the file; `days` counts from the experiment's start."""

    days: float
    control: Arm
    treatment: Arm


@dataclass(frozen=True, slots=True)
class Recording:
    """All usable looks at one metric and variant of one experiment, in order, and why others were left out."""

    experiment: str
    metric: str
    variant: str
    looks: tuple[RecordedLook, ...]
    left_out: tuple[str, ...]

    @property
    def signal(self) -> str:
        return f"recorded_metric_{self.metric}"

    @property
    def is_share(self) -> bool:
        """Whether every value is 0 or 1, so that squares add up to what the values add up to."""
        arms = [arm for look in self.looks for arm in (look.control, look.treatment)]
        return all(0 <= arm.mean <= 1 and arm.total == arm.total_sq for arm in arms)


def exact_arm(count: str, mean: str, variance: str) -> Arm:
    """`n·mean` and `n·variance + n·mean²`, unrounded; where both tell the same count of yes and no, that whole count.

    The recorded variances divide by n, as `p·(1-p)` of the yes-or-no metrics in the file shows.
    """
    with localcontext() as context:
        context.prec = 80
        n, m, v = int(Decimal(count)), Decimal(mean), Decimal(variance)
        total, total_sq = n * m, n * v + n * m * m
        whole = total.to_integral_value()
        near = Decimal("1e-9") * max(whole, Decimal(1))
        if max(abs(total - whole), abs(total_sq - whole)) <= near:
            return Arm(n, whole, whole)
        return Arm(n, total, total_sq)


def _opened(path: Path) -> IO[str]:
    if not path.is_file():
        raise DemoFailed(f"There is no file {path}; --data names the csv or csv.gz of recorded experiments.")
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    try:
        with _opened(path) as lines:
            reader = csv.DictReader(lines)
            missing = set(COLUMNS) - set(reader.fieldnames or ())
            if missing:
                raise DemoFailed(f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
            yield from reader
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DemoFailed(f"{path.name} cannot be read: {error}.") from error


def _complaint(row: Mapping[str, str]) -> str | None:
    day = row["time_since_start"]
    for name in COLUMNS[3:]:
        try:
            value = float(row[name] or "nan")
        except (TypeError, ValueError):
            return f"day {day}: {name} is not a number"
        if math.isnan(value):
            return f"day {day}: {name} is missing"
        if math.isinf(value) or (value < 0 and not name.startswith("mean")):
            return f"day {day}: {name} is impossible"
    return None


def _look(row: Mapping[str, str]) -> RecordedLook:
    control, treatment = (exact_arm(row[f"count_{arm}"], row[f"mean_{arm}"], row[f"variance_{arm}"]) for arm in "ct")
    return RecordedLook(float(row["time_since_start"]), control, treatment)


def read(path: Path, experiment: str, *, metric: str = "1", variant: str | None = None) -> Recording:
    """The recording of one experiment; an id that is not in the file is answered with those that are."""
    rows = list(rows_of(path))
    mine = [row for row in rows if row["experiment_id"] == experiment]
    if not mine:
        known = ", ".join(sorted({row["experiment_id"] for row in rows}))
        raise DemoFailed(f"No experiment {experiment!r} in {path.name}. It holds: {known}.")
    variant = variant or min((row["variant_id"] for row in mine), key=_order)
    chosen = [row for row in mine if row["metric_id"] == metric and row["variant_id"] == variant]
    if not chosen:
        offered = sorted({(row["metric_id"], row["variant_id"]) for row in mine})
        pairs = ", ".join(f"{m}/{v}" for m, v in offered)
        raise DemoFailed(
            f"Experiment {experiment} has no metric {metric} of variant {variant}; it has (metric/variant) {pairs}."
        )
    complaints = [(row, _complaint(row)) for row in chosen]
    looks = sorted((_look(row) for row, complaint in complaints if complaint is None), key=lambda look: look.days)
    if not looks:
        raise DemoFailed(
            f"No look of experiment {experiment}, metric {metric}, has all its numbers; try another --metric."
        )
    return Recording(experiment, metric, variant, tuple(looks), tuple(said for _, said in complaints if said))


def _order(variant: str) -> tuple[int, str]:
    return (int(variant), "") if variant.isdigit() else (10**9, variant)


def decimal_text(value: Decimal) -> str:
    """Plain digits, never an exponent."""
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def points(look: RecordedLook, start: datetime) -> list[dict[str, Any]]:
    """The look as the ingestion door takes it: cumulative from `start`, sums as decimal strings."""
    end = start + timedelta(days=look.days)
    return [
        {
            "variant": name,
            "n": arm.n,
            "sum": decimal_text(arm.total),
            "sum_sq": decimal_text(arm.total_sq),
            "from": start.isoformat(),
            "to": end.isoformat(),
            "kind": "cumulative",
        }
        for name, arm in (("control", look.control), ("treatment", look.treatment))
    ]
