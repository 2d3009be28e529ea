"""Signals that are posted to us: answers from what the ingestion door has stored, never from the network."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from runtime.errors import InvalidConfiguration, OutcomeRuntimeError, SignalUnavailable
from runtime.integrations.config import SignalConfig, read_config
from runtime.integrations.contracts import (
    Bucket,
    Capability,
    Level,
    MetricDefinition,
    MetricQuery,
    Probe,
    Reading,
    Variant,
    VariantSums,
    Window,
)
from runtime.integrations.http import Http
from runtime.integrations.signals.sums import checked_sums

ZERO = Decimal(0)
_WHETHER = frozenset({"funnel", "event"})


@dataclass(frozen=True, slots=True)
class StoredBucket:
    """One posted point. `cumulative` holds everything since the experiment's start up to `end`, `delta` only its own span.

    `remainder` is never stored: it is what a point adds within a window that starts after it.
    `variant` None is a point about everybody, for levels. `positive` counts the units with a value above 0 where units were posted
    one by one: a conversion is read from it, whatever the values add up to.
    """

    start: datetime
    end: datetime
    variant: Variant | None
    n: int
    total: Decimal
    total_sq: Decimal
    kind: Literal["delta", "cumulative", "remainder"] = "delta"
    beyond_limit: int | None = None
    positive: int | None = None


Asked: TypeAlias = tuple[MetricQuery, Window]
Current: TypeAlias = list[StoredBucket] | SignalUnavailable
Wanted: TypeAlias = tuple[str | None, str, Window]
"""Points of which experiment (None: of everybody), metric and window."""


class StoredSignals(Protocol):
    """What the ingestion door keeps; many questions cost about as much as one."""

    async def rows_many(self, wanted: Sequence[Wanted]) -> Sequence[Sequence[StoredBucket]]:
        """For each, all points that overlap its window, in the order they were received."""
        ...

    async def latest_ends(self, metrics: Collection[str | None]) -> Mapping[str | None, datetime]:
        """End of the newest point of each metric, and for None of any; nothing for those of which there is none."""
        ...

    async def metrics(self) -> Sequence[str]:
        """Names that have been posted."""
        ...


class WebhookConfig(SignalConfig):
    """`clock: data` lets time pass only as points arrive (replays of recorded data); `wall` is for live senders."""

    clock: Literal["wall", "data"] = "wall"


class WebhookSignals:
    """`stored` is handed in by the composition root, since only it knows the organisation whose points these are."""

    slug: str = "webhook"
    capability: Capability = "unit_moments"
    reads_store: ClassVar[bool] = True
    Config: ClassVar[type[WebhookConfig]] = WebhookConfig

    def __init__(
        self,
        config: Mapping[str, Any],
        http: Http,
        stored: StoredSignals | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = read_config(WebhookConfig, config, self.slug)
        if stored is None:
            raise InvalidConfiguration("The webhook connector reads stored points; open it through the runtime.")
        self._stored, self._clock = stored, clock
        self.reread = self._config.reread

    async def test_connection(self) -> Probe:
        latest = await self._newest()
        if latest is None:
            detail = "nothing has been posted yet; send a first point to POST /api/v1/signals/ingest"
            return Probe(ok=True, detail=detail)
        return Probe(ok=True, detail=f"the newest point ends {latest:%Y-%m-%d %H:%M %Z}")

    async def fetch_metric(self, query: MetricQuery, window: Window) -> Level:
        """The mean over all points in the window, whatever their variant."""
        (found,) = await self._current([(query, window)])
        if isinstance(found, SignalUnavailable):
            raise found
        current = [row for row in found if row.n]
        n = sum(row.n for row in current)
        if n == 0:
            raise SignalUnavailable(
                f"No point of '{query.metric}' was posted for this window; send it to POST /api/v1/signals/ingest.",
                metric=query.metric,
            )
        return Level(sum((row.total for row in current), ZERO) / n, n, max(row.end for row in current), self.slug)

    async def fetch_variant_metric(self, query: MetricQuery, window: Window) -> Reading:
        """Not `exact` where a point had to be split at the window's start and its values are no yes or no.

        Without a point since the window's start nothing is known yet: no buckets, complete up to where the window starts.
        """
        (found,) = await self.fetch_many([(query, window)])
        if isinstance(found, OutcomeRuntimeError):
            raise found
        return found

    async def fetch_many(self, asked: Sequence[tuple[MetricQuery, Window]]) -> Sequence[Reading | OutcomeRuntimeError]:
        """As one by one, in as many statements as for one."""
        latest = await self._stored.latest_ends({query.metric for query, _ in asked}) if asked else {}
        return [
            current
            if isinstance(current, SignalUnavailable)
            else self._reading(current, window, latest.get(query.metric))
            for (query, window), current in zip(asked, await self._current(asked), strict=True)
        ]

    def _reading(self, current: Sequence[StoredBucket], window: Window, latest: datetime | None) -> Reading:
        return Reading(
            _buckets(current),
            window.start if latest is None else max(latest, window.start),
            self.slug,
            self.capability,
            exact=not any(row.kind == "remainder" and row.total != row.total_sq for row in current),
        )

    async def list_metrics(self) -> Sequence[MetricDefinition]:
        return [MetricDefinition(name) for name in sorted(await self._stored.metrics())]

    async def now(self) -> datetime:
        """Never behind the newest point, so that data which run ahead of the wall clock can be measured."""
        latest, wall = await self._newest(), self._clock()
        if latest is None:
            return wall
        return latest if self._config.clock == "data" else max(latest, wall)

    async def _newest(self) -> datetime | None:
        return (await self._stored.latest_ends({None})).get(None)

    async def _current(self, asked: Sequence[Asked]) -> list[Current]:
        """A point that began before the window counts only by what it adds to what was there at the window's start."""
        found = await self._rows(asked)
        before = {
            place: (query, Window(min(older), window.start))
            for place, ((query, window), rows) in enumerate(zip(asked, found, strict=True))
            if isinstance(rows, list) and (older := [row.start for row in rows if row.start < window.start])
        }
        earlier = dict(zip(before, await self._rows(list(before.values())), strict=True))
        return [
            rows if place not in before else _split(window.start, rows, earlier[place])
            for place, ((_, window), rows) in enumerate(zip(asked, found, strict=True))
        ]

    async def _rows(self, asked: Sequence[Asked]) -> list[Current]:
        forward = [(query, window) for query, window in asked if window.start < window.end]
        wanted = [(query.experiment, query.metric, window) for query, window in forward]
        stored = iter(await self._stored.rows_many(wanted) if wanted else [])
        return [
            _answered([_asked(row, query) for row in next(stored)], window) if window.start < window.end else []
            for query, window in asked
        ]

    async def close(self) -> None:
        """There is nothing to close; the store is its owner's."""


def _answered(rows: Sequence[StoredBucket], window: Window) -> Current:
    try:
        return _current(rows, window)
    except SignalUnavailable as error:
        return error


def _split(start: datetime, rows: Current, earlier: Current) -> Current:
    if isinstance(rows, SignalUnavailable) or isinstance(earlier, SignalUnavailable):
        return rows if isinstance(rows, SignalUnavailable) else earlier
    try:
        return [_since(start, row, earlier) for row in rows]
    except SignalUnavailable as error:
        return error


def _asked(row: StoredBucket, query: MetricQuery) -> StoredBucket:
    """Of units that were posted one by one, a funnel or an event asks whether, any other method how much."""
    if row.positive is None or query.method not in _WHETHER:
        return row
    return replace(row, total=Decimal(row.positive), total_sq=Decimal(row.positive))


def _current(rows: Sequence[StoredBucket], window: Window) -> list[StoredBucket]:
    """What holds now, variant by variant: the last one received of a span, and nothing that a cumulative point covers.

    A point belongs to the window in which it ends, so that windows which follow each other share no point.

    Whatever was superseded comes back as zero, so that a store which replaces by start and variant forgets it.
    """
    inside = [row for row in rows if row.end <= window.end and row.end > window.start]
    ordered = sorted(inside, key=lambda row: str(row.variant))
    return [row for _, group in groupby(ordered, key=attrgetter("variant")) for row in _current_of_variant(list(group))]


def _current_of_variant(rows: Sequence[StoredBucket]) -> list[StoredBucket]:
    newest = max((row.end for row in rows if row.kind == "cumulative"), default=None)
    whole = [row for row in rows if row.kind == "cumulative" and row.end == newest][-1:]
    later = {row.start: row for row in rows if row.kind == "delta" and (newest is None or row.end > newest)}
    kept = sorted((*later.values(), *whole), key=attrgetter("start"))
    _refuse_overlap(kept)
    held = {row.start for row in kept}
    gone = {row.start: _emptied(row) for row in rows if row.start not in held}
    return sorted((*kept, *gone.values()), key=attrgetter("start"))


def _since(start: datetime, row: StoredBucket, earlier: Sequence[StoredBucket]) -> StoredBucket:
    """A cumulative point, or a delta that grew across `start`, without what was posted by then.

    Without anything earlier the point is this window's own: the sender's span merely began a little before it.
    """
    if row.start >= start or row.n == 0:
        return row
    known = [other for other in earlier if other.variant == row.variant and other.start >= row.start]
    if not known:
        return row
    beyond = None
    if row.beyond_limit is not None:
        beyond = row.beyond_limit - sum(other.beyond_limit or 0 for other in known)
    rest = StoredBucket(
        start,
        row.end,
        row.variant,
        row.n - sum(other.n for other in known),
        row.total - sum(other.total for other in known),
        row.total_sq - sum(other.total_sq for other in known),
        "remainder",
        beyond,
    )
    return _possible(rest)


def _possible(rest: StoredBucket) -> StoredBucket:
    try:
        checked_sums(rest.variant or "control", rest.n, rest.total, rest.total_sq, rest.beyond_limit)
    except SignalUnavailable as error:
        raise SignalUnavailable(
            f"The points cannot be split at {rest.start.isoformat()}, where the rollout changed: "
            f"{error.message} Post deltas instead, that end there.",
            variant=rest.variant,
        ) from error
    return rest


def _refuse_overlap(rows: Sequence[StoredBucket]) -> None:
    for first, second in pairwise(rows):
        if second.start < first.end:
            raise SignalUnavailable(
                f"Two points of {first.variant} overlap: one ends {first.end.isoformat()}, the next starts "
                f"{second.start.isoformat()}. Post deltas that do not overlap, or one cumulative point for all of it.",
                variant=first.variant,
            )


def _emptied(row: StoredBucket) -> StoredBucket:
    return StoredBucket(row.start, row.end, row.variant, 0, ZERO, ZERO, beyond_limit=None)


def _buckets(rows: Sequence[StoredBucket]) -> tuple[Bucket, ...]:
    """Points of the same span become one bucket."""
    spans: dict[tuple[datetime, datetime], list[VariantSums]] = {}
    for row in rows:
        if row.variant is not None:
            sums = VariantSums(row.variant, row.n, row.total, row.total_sq, row.beyond_limit)
            spans.setdefault((row.start, row.end), []).append(sums)
    return tuple(
        Bucket(start, end, tuple(sums)) for (start, end), sums in sorted(spans.items(), key=lambda item: item[0])
    )
