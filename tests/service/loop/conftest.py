"""A signal source that a test fills, breaks and reads over the shoulder of; it is opened through the catalogue like any other."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from runtime.core import Runtime
from runtime.errors import SignalUnavailable
from runtime.integrations import catalogue
from runtime.integrations.contracts import Bucket, Level, MetricQuery, Probe, Reading, VariantSums, Window
from runtime.integrations.http import Http
from runtime.measurement import tick
from tests.story import FILE, START, Story

DAY = timedelta(days=1)
STANDS_FOR = "amplitude"
"""Names of connectors are a closed list; in these tests the diary answers to one of them."""
DIARY_FILE = FILE.replace("type: webhook, config: {clock: data}", f"type: {STANDS_FOR}, config: {{}}")


@dataclass
class Diary:
    """What the source knows: sums by metric and day, its clock, and what it was asked for."""

    at: datetime = START
    pages: dict[tuple[str, datetime], tuple[VariantSums, ...]] = field(default_factory=dict)
    asked: list[tuple[str, str, Window]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    unsplittable: bool = False
    reread: timedelta | None = None
    meanwhile: Callable[[], Awaitable[None]] | None = None

    def write(self, metric: str, day: int, control: tuple[int, int], treatment: tuple[int, int]) -> None:
        sums = ((n, Decimal(hits)) for n, hits in (control, treatment))
        arms = zip(("control", "treatment"), sums, strict=True)
        self.pages[metric, START + day * DAY] = tuple(VariantSums(name, n, hits, hits) for name, (n, hits) in arms)
        self.at = max(self.at, START + (day + 1) * DAY)

    def days(self, count: int, *, start: int = 0, slow: int = 40) -> None:
        for day in range(start, start + count):
            self.write("checkout_completed", day, (2000, 640 + day % 3), (2000, 640 + day % 2))
            self.write("slow_share", day, (2000, 40), (2000, slow))

    def starts(self, metric: str) -> list[datetime]:
        """From where it was asked, oldest question first."""
        return [window.start for _, name, window in self.asked if name == metric]


class DiarySource:
    """The connector in front of the diary that is open now."""

    slug = "diary"
    capability = "unit_moments"
    diary = Diary()

    def __init__(self, config: Mapping[str, Any], http: Http) -> None:
        self.about = type(self).diary
        self.reread = self.about.reread

    async def now(self) -> datetime:
        return self.about.at

    async def fetch_variant_metric(self, query: MetricQuery, window: Window) -> Reading:
        about = self.about
        about.asked.append((query.experiment or "", query.metric, window))
        if about.meanwhile:
            await about.meanwhile()
        if about.broken & {query.metric, query.experiment}:
            raise SignalUnavailable(f"{query.metric} is away")
        if about.unsplittable and window.start > START:
            raise SignalUnavailable("these sums cannot be split there")
        inside = [at for name, at in sorted(about.pages) if name == query.metric and window.start <= at < window.end]
        buckets = tuple(Bucket(at, at + DAY, about.pages[query.metric, at]) for at in inside)
        return Reading(buckets, about.at, self.slug, "unit_moments")

    async def fetch_metric(self, query: MetricQuery, window: Window) -> Level:
        raise SignalUnavailable("a diary knows no levels")

    async def list_metrics(self) -> Sequence[Any]:
        return []

    async def test_connection(self) -> Probe:
        return Probe(ok=True, detail="open")

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass
class Lab(Story):
    """A story whose signals come from the diary."""

    diary: Diary = field(default_factory=Diary)

    async def apply(self, text_: str = DIARY_FILE) -> Any:
        return await super().apply(text_)

    async def tell(self, signal: str, day: int, control: tuple[int, int], treatment: tuple[int, int]) -> None:
        if day:
            self.diary.write(signal, day, control, treatment)

    async def look(self) -> None:
        """One measurement of everything that runs, due or not."""
        await tick.measure(self.runtime, self.org_id, [row["id"] for row in await self.experiments()])

    async def twin(self, name: str) -> UUID:
        """A second running experiment like the first, under another flag."""
        async with self.runtime.transaction(self.org_id) as tx:
            first = await tx.value(text("select id from experiments where status in ('running', 'measuring') limit 1"))
            copied = await tx.value(text(_TWIN), {"first": first, "name": name})
            await tx.run(text(_PHASES), {"first": first, "copied": copied})
        return UUID(str(copied))


_TWIN = """
insert into experiments (org_id, outcome_id, title, hypothesis, mechanism, prediction, intervention, measurement_plan, rollout_plan,
  generated_by, feature_flag_key, status, plan, data_from, rollout_percent)
select org_id, outcome_id, title, hypothesis, mechanism, prediction, intervention, measurement_plan, rollout_plan, generated_by, :name,
  'running', plan, data_from, rollout_percent from experiments where id = :first returning id
"""
_PHASES = """
insert into experiment_phases (org_id, experiment_id, position, share_treatment, started_at, reason)
select org_id, :copied, position, share_treatment, started_at, reason from experiment_phases where experiment_id = :first
"""


@pytest.fixture
def lab(runtime: Runtime, org_id: UUID, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setitem(catalogue.CATALOGUE["signals"], STANDS_FOR, f"{__name__}:DiarySource")
    made = Lab(runtime, org_id)
    DiarySource.diary = made.diary
    yield made
    DiarySource.diary = Diary()
