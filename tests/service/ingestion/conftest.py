"""A sender of rows of units, and what their sums must be by the rules of docs/ingestion.md, worked out the plain way."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from runtime.core import Runtime
from runtime.ingestion import door
from runtime.ingestion.fold import fold
from runtime.ingestion.stored import Stored
from runtime.integrations.contracts import MetricQuery, Reading, Window
from runtime.integrations.signals.webhook import WebhookSignals

KEY = "guest-checkout"
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def row(event: str, unit: str, variant: str = "control", minutes: float = 0, **more: Any) -> dict[str, Any]:
    at = START + timedelta(minutes=minutes)
    return {"id": event, "experiment": KEY, "unit": unit, "variant": variant, "at": at.isoformat()} | more


@dataclass
class Sender:
    """Posts rows as the door's service call takes them, folds, and reads as a measurement does."""

    runtime: Runtime
    org_id: UUID
    key_id: UUID = field(default_factory=uuid4)

    async def post(self, *rows: Mapping[str, Any], message_id: str | None = None) -> dict[str, Any]:
        body = b"\n".join(json.dumps(row).encode() for row in rows)
        return await door.take(self.runtime, self.org_id, body, message_id=message_id, key_id=self.key_id, ndjson=True)

    async def fold(self) -> int:
        return await fold(self.runtime, self.org_id)

    async def read(self, metric: str, *, method: Any = "custom", window: Window | None = None) -> Reading:
        signals = WebhookSignals({}, self.runtime.http, stored=Stored(self.runtime, self.org_id))
        whole = Window(START - timedelta(days=40), START + timedelta(days=40))
        return await signals.fetch_variant_metric(MetricQuery(metric, method, experiment=KEY), window or whole)

    async def arms(self, metric: str, **more: Any) -> dict[str, tuple[int, Decimal, Decimal]]:
        return arms(await self.read(metric, **more))

    async def all(self, statement: str) -> list[Any]:
        async with self.runtime.transaction(self.org_id) as tx:
            return [tuple(found.values()) for found in await tx.all(text(statement))]


def arms(reading: Reading) -> dict[str, tuple[int, Decimal, Decimal]]:
    found: dict[str, tuple[int, Decimal, Decimal]] = {}
    for bucket in reading.buckets:
        for sums in bucket.variants:
            n, total, total_sq = found.get(sums.variant, (0, Decimal(0), Decimal(0)))
            found[sums.variant] = (n + sums.n, total + sums.total, total_sq + sums.total_sq)
    return {variant: sums for variant, sums in found.items() if sums[0]}


def worked_out(rows: Iterable[Mapping[str, Any]], metric: str) -> dict[str, tuple[int, Decimal, Decimal]]:
    """By the rules, from the rows themselves: no increments, no buckets."""
    known = list({row["id"]: row for row in reversed(list(rows))}.values())
    variants: dict[str, set[str]] = {}
    values: dict[str, Decimal] = {}
    exposed = {row["unit"] for row in known if "signal" not in row}
    for one in known:
        variants.setdefault(one["unit"], set()).add(one["variant"])
        if one.get("signal") == metric:
            values[one["unit"]] = values.get(one["unit"], Decimal(0)) + Decimal(str(one["value"]))
    found: dict[str, tuple[int, Decimal, Decimal]] = {}
    for unit in exposed or values:
        if len(variants[unit]) == 1:
            value, variant = values.get(unit, Decimal(0)), min(variants[unit])
            n, total, total_sq = found.get(variant, (0, Decimal(0), Decimal(0)))
            found[variant] = (n + 1, total + value, total_sq + value * value)
    return found


@pytest.fixture
def sender(runtime: Runtime, org_id: UUID) -> Sender:
    return Sender(runtime, org_id)
