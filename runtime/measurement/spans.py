"""Which span of data time a look asks its source for: from a stored bucket a little behind, seldom everything. PURE."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.db.engine import Row
from runtime.integrations.contracts import Reading, Window

WHOLE_EVERY = timedelta(days=1)
"""Wall time between two looks that read everything, whatever was reported late."""


@dataclass(frozen=True, slots=True)
class Span:
    """One phase's share of a look. What is stored in it from `since` on (None: ever) and no longer comes is gone at the source."""

    phase: int
    since: datetime | None
    window: Window


def whole_due(read: Row | None, now: datetime) -> bool:
    """Nothing read yet, a change reported from before the span that is read again anyway, or a day since everything was read."""
    if read is None or read["resume_from"] is None or read["whole_at"] is None:
        return True
    late = read["dirty_from"] is not None and read["dirty_from"] < read["resume_from"]
    return bool(late or now - read["whole_at"] >= WHOLE_EVERY)


def spans(phases: Sequence[Row], read: Row | None, until: datetime, *, whole: bool) -> Iterator[Span]:
    """Phases that ended before the span are left out; a phase that was never read is read from its start."""
    for phase in phases:
        again = None if whole or read is None or phase["position"] >= read["phases"] else read["resume_from"]
        start = phase["started_at"] if again is None else max(phase["started_at"], again)
        end = phase["ended_at"] or until
        if start < end:
            yield Span(phase["position"], again, Window(start, end))


def torn(span: Span, reading: Reading) -> bool:
    """Whether a narrowed reading holds a bucket in part: it began earlier, or its sums could not be split exactly."""
    if span.since is None:
        return False
    return not reading.exact or (
        span.since == span.window.start and any(bucket.start < span.since for bucket in reading.buckets)
    )


def resume_from(
    readings: Iterable[Reading], through: datetime, reread: timedelta, before: datetime | None
) -> datetime | None:
    """The start of the newest bucket that lies wholly or partly `reread` behind; never further back than before."""
    starts = (bucket.start for reading in readings for bucket in reading.buckets)
    known = [start for start in starts if start <= through - reread]
    return max([*known, *([before] if before else [])], default=None)
