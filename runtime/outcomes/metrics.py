"""Which metrics there are to choose from, and where one stands now: the connectors' own catalogues and levels."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from runtime.errors import OutcomeRuntimeError, SignalUnavailable
from runtime.integrations.contracts import Level, MetricDefinition
from runtime.measurement.query import level_window, metric_query
from runtime.outcomes.connections import connector
from runtime.spec.models import OutcomeFile
from runtime.spec.rules import ALWAYS_THERE

if TYPE_CHECKING:
    from runtime.core import Runtime

_PATIENCE = 4.0
"""Seconds a source has to answer; who fills a form does not wait longer."""


@dataclass(frozen=True, slots=True)
class Known:
    """Metrics by source; `silent` are the sources that could not say, each with its reason."""

    by_source: Mapping[str, Sequence[MetricDefinition]]
    silent: Mapping[str, str]


async def known(runtime: "Runtime", org_id: UUID, file: OutcomeFile | None) -> Known:
    """What the connectors list, and what outcomes read already; one silent source hides no other."""
    sources = (
        list(dict.fromkeys([*(item.name for item in file.signal_connectors), ALWAYS_THERE])) if file else [ALWAYS_THERE]
    )
    answers = await asyncio.gather(*(_listed(runtime, org_id, source) for source in sources))
    found = {
        source: [] if isinstance(answer, str) else list(answer) for source, answer in zip(sources, answers, strict=True)
    }
    for spec in file.outcomes if file else ():
        for signal in (spec.signal, *spec.secondary_signals):
            listed = found.setdefault(signal.source, [])
            if all(each.name != signal.metric for each in listed):
                listed.insert(0, MetricDefinition(signal.metric, unit=signal.unit or ""))
    silent = {source: answer for source, answer in zip(sources, answers, strict=True) if isinstance(answer, str)}
    return Known({source: metrics for source, metrics in found.items() if metrics}, silent)


async def _listed(runtime: "Runtime", org_id: UUID, source: str) -> Sequence[MetricDefinition] | str:
    try:
        async with asyncio.timeout(_PATIENCE):
            opened = await connector(runtime, org_id, source)
            try:
                return await opened.list_metrics()
            finally:
                await opened.close()
    except TimeoutError:
        return f"no answer within {_PATIENCE:g} seconds"
    except OutcomeRuntimeError as error:
        return error.message


async def current(runtime: "Runtime", org_id: UUID, signal: Mapping[str, Any]) -> Level:
    """The level of a signal now, before any outcome reads it; raises SignalUnavailable."""
    try:
        async with asyncio.timeout(_PATIENCE):
            source = await connector(runtime, org_id, signal["source"])
            try:
                return await source.fetch_metric(metric_query(signal), level_window(signal, await source.now()))
            finally:
                await source.close()
    except TimeoutError as error:
        raise SignalUnavailable(
            f"{signal['source']} did not answer within {_PATIENCE:g} seconds; try again, or write the value yourself.",
            source=signal["source"],
        ) from error
