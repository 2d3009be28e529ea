"""Reading the sources of a batch: each is opened once, asked in bulk where it can be, and fails alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

import structlog

from runtime.errors import OutcomeRuntimeError, SignalUnavailable
from runtime.integrations.contracts import MetricQuery, Reading, ReadsMany, SignalConnector, Window
from runtime.measurement.cases import Ask, Case
from runtime.measurement.spans import Span, resume_from, spans, torn, whole_due
from runtime.outcomes.connections import connector

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger()

_AT_ONCE = 4
"""Readings under way at one source that cannot be read in bulk."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a source said of one signal of one experiment; `whole` when it was asked for everything."""

    through: datetime
    resume_from: datetime | None
    whole: bool
    readings: Sequence[tuple[Span, Reading]]


Answer: TypeAlias = Heard | OutcomeRuntimeError
Key: TypeAlias = tuple[UUID, str]
Answers: TypeAlias = dict[Key, Answer]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One signal of one case, and the spans that are asked for."""

    case: Case
    ask: Ask
    whole: bool
    spans: Sequence[Span]

    @property
    def key(self) -> Key:
        return self.case.id, self.ask.signal


async def hear(runtime: "Runtime", org_id: UUID, cases: Sequence[Case]) -> Answers:
    """Every signal of every case. A source that fails, or one reading of it, is an error in its place and no more."""
    by_source: dict[str, list[tuple[Case, Ask]]] = {}
    for case in cases:
        for ask in case.asks.values():
            by_source.setdefault(ask.source, []).append((case, ask))
    answers = await asyncio.gather(*(_source(runtime, org_id, *item) for item in by_source.items()))
    return {key: answer for part in answers for key, answer in part.items()}


async def _source(runtime: "Runtime", org_id: UUID, source: str, asked: Sequence[tuple[Case, Ask]]) -> Answers:
    try:
        reader = await connector(runtime, org_id, source)
        try:
            return await _answers(runtime, reader, asked)
        finally:
            await reader.close()
    except Exception as error:  # noqa: BLE001  a connector may be anybody's plug-in; it must not stop the other sources
        failed = _explained(error, source)
        return {(case.id, ask.signal): failed for case, ask in asked}


async def _answers(runtime: "Runtime", reader: SignalConnector, asked: Sequence[tuple[Case, Ask]]) -> Answers:
    """Narrow first; what cannot be had narrowed, for its sums cannot be split there, is read whole."""
    until, now = await reader.now(), runtime.now()
    wanted = [_wanted(case, ask, until, whole=whole_due(case.reads.get(ask.signal), now)) for case, ask in asked]
    found = await _fetched(reader, wanted)
    again = [
        _wanted(item.case, item.ask, until, whole=True)
        for item in wanted
        if not item.whole and _needs_everything(item, found[item.key])
    ]
    found |= await _fetched(reader, again)
    reread = getattr(reader, "reread", None) or timedelta(days=runtime.settings.reread_days)
    return {item.key: _heard(item, found[item.key], reread) for item in _latest([*wanted, *again])}


def _latest(wanted: Sequence[_Wanted]) -> Sequence[_Wanted]:
    return list({item.key: item for item in wanted}.values())


def _wanted(case: Case, ask: Ask, until: datetime, *, whole: bool) -> _Wanted:
    return _Wanted(case, ask, whole, list(spans(case.phases, case.reads.get(ask.signal), until, whole=whole)))


def _needs_everything(item: _Wanted, readings: "Sequence[_Fetched]") -> bool:
    return any(
        isinstance(reading, SignalUnavailable) or (isinstance(reading, Reading) and torn(span, reading))
        for span, reading in zip(item.spans, readings, strict=True)
    )


def _heard(item: _Wanted, readings: "Sequence[_Fetched]", reread: timedelta) -> Answer:
    """The signal's own error if any of its spans failed: half a signal is none."""
    good = [reading for reading in readings if isinstance(reading, Reading)]
    if len(good) < len(readings):
        return next(reading for reading in readings if isinstance(reading, OutcomeRuntimeError))
    read = item.case.reads.get(item.ask.signal)
    known = item.case.phases[0]["started_at"] if read is None else read["data_through"]
    through = max([known or item.case.phases[0]["started_at"], *(reading.complete_through for reading in good)])
    before = None if item.whole or read is None else read["resume_from"]
    resume = resume_from(good, through, reread, before)
    return Heard(through, resume, item.whole, list(zip(item.spans, good, strict=True)))


_Fetched: TypeAlias = Reading | OutcomeRuntimeError


async def _fetched(reader: SignalConnector, wanted: Sequence[_Wanted]) -> dict[Key, Sequence[_Fetched]]:
    asked = [(item.ask.query, span.window) for item in wanted for span in item.spans]
    answers = iter(await _many(reader, asked))
    return {item.key: [next(answers) for _ in item.spans] for item in wanted}


async def _many(reader: SignalConnector, asked: Sequence[tuple[MetricQuery, Window]]) -> Sequence[_Fetched]:
    if asked and isinstance(reader, ReadsMany):
        return await reader.fetch_many(asked)
    room = asyncio.Semaphore(_AT_ONCE)
    return await asyncio.gather(*(_one(reader, query, window, room) for query, window in asked))


async def _one(reader: SignalConnector, query: MetricQuery, window: Window, room: asyncio.Semaphore) -> _Fetched:
    async with room:
        try:
            return await reader.fetch_variant_metric(query, window)
        except Exception as error:  # noqa: BLE001  as above: one reading's failure is its own
            return _explained(error, query.metric)


def _explained(error: Exception, place: str) -> OutcomeRuntimeError:
    if isinstance(error, OutcomeRuntimeError):
        return error
    log.warning("signal.broken", place=place, error=f"{type(error).__name__}: {error}"[:300])
    return SignalUnavailable(
        f"The connector for '{place}' broke with {type(error).__name__}; see the worker's log, and mend or replace it.",
        place=place,
    )
