"""What a look leads to besides itself: which step an experiment takes, and in which order; each step is a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.errors import OutcomeRuntimeError, SignalUnavailable
from runtime.experiments import service
from runtime.experiments.registration import measured_by
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.measurement import conclusion
from runtime.measurement.cases import GUARDED, MEASURED, Case
from runtime.measurement.evaluate import Judged
from runtime.measurement.read import Answers, Heard
from runtime.measurement.reads import Fresh
from runtime.measurement.result import violated
from runtime.measurement.store import Key
from runtime.spec.durations import parse_duration

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger()

RETRY = timedelta(seconds=5)
"""When a step is taken up again if its worker dies between the look and the step."""
LATER = timedelta(seconds=30)
"""The same of a step that protects nobody."""
SOON = timedelta(seconds=1)
"""Until the next look at an experiment whose data changed while it was being measured."""


class Kind(IntEnum):
    """In the order in which a batch takes them: whatever protects people comes first."""

    KILL = 0
    PAUSE = 1
    SILENT = 2
    FOLLOW = 3
    IDLE = 4


PROTECTING = frozenset({Kind.KILL, Kind.PAUSE, Kind.SILENT})
"""Steps that may turn a flag off."""


@dataclass(frozen=True, slots=True)
class Step:
    """One experiment after a look. `looked` is False when its primary signal was not read, or a gate waits: only guardrails act."""

    kind: Kind
    case: Case
    version: int
    judged: Judged | None
    looked: bool
    memory: Mapping[str, Any]
    retry: datetime
    due: datetime
    silence: str | None
    error: OutcomeRuntimeError | None

    @property
    def idle(self) -> bool:
        return self.kind is Kind.IDLE


def consider(
    runtime: "Runtime",
    case: Case,
    row: Row,
    judged: Judged | OutcomeRuntimeError | None,
    answers: Answers,
    fresh: Mapping[Key, Fresh],
    now: datetime,
) -> Step:
    """The step of one experiment. `row` is locked, so nobody else changes it between this and the commit."""
    failed = [judged, *(answers[case.id, signal] for signal in case.asks)]
    error = next((item for item in failed if isinstance(item, OutcomeRuntimeError)), None)
    good = judged if isinstance(judged, Judged) else None
    looked = good is not None and row["status"] in MEASURED and isinstance(answers[case.id, case.primary], Heard)
    states = {signal: fresh[case.id, signal] for signal in case.asks if (case.id, signal) in fresh}
    patience = _patience(runtime, case.outcome)
    changed = any(state.changed for state in states.values())
    silence = _broken(row, error, patience, now) if error else _stale(states, patience, now)
    kind = _kind(runtime, row, good, silence, error, now)
    return Step(
        kind=kind,
        case=case,
        version=row["version"],
        judged=good,
        looked=looked,
        memory=_memory(row, good if looked else None, error, now),
        retry=now + (RETRY if kind in PROTECTING else LATER),
        due=now + (SOON if changed else _pause_until_next(runtime, row, error, now)),
        silence=silence,
        error=error,
    )


def _pause_until_next(runtime: "Runtime", row: Row, error: OutcomeRuntimeError | None, now: datetime) -> timedelta:
    """A signal that has just fallen silent is asked again soon, and then less and less often: its guardrails are blind meanwhile."""
    every = timedelta(seconds=runtime.settings.measure_every_seconds)
    if not isinstance(error, SignalUnavailable):
        return every
    since = (row["memory"] or {}).get("silent_since")
    lasted = now - datetime.fromisoformat(since) if since else timedelta()
    return min(every, max(RETRY, lasted))


def _kind(
    runtime: "Runtime",
    row: Row,
    judged: Judged | None,
    silence: str | None,
    error: OutcomeRuntimeError | None,
    now: datetime,
) -> Kind:
    """Nothing is concluded while a signal is silent or a gate waits, but guardrails keep acting on what is known."""
    if judged and violated(judged.watched, "kill"):
        return Kind.KILL
    if judged and violated(judged.watched, "pause"):
        return Kind.PAUSE
    if row["status"] not in MEASURED:
        return Kind.IDLE
    if silence or (error and "silent_since" not in (row["memory"] or {})):
        return Kind.SILENT
    if judged and not error and conclusion.due(runtime.settings, row, judged.look, judged.result, now):
        return Kind.FOLLOW
    return Kind.IDLE


def _memory(row: Row, judged: Judged | None, error: OutcomeRuntimeError | None, now: datetime) -> Mapping[str, Any]:
    before = row["memory"] or {}
    memory = judged.memory if judged else before
    silent = {"silent_since": before.get("silent_since") or now.isoformat()} if error else {}
    return {name: value for name, value in memory.items() if name != "silent_since"} | silent


def _broken(row: Row, error: OutcomeRuntimeError, patience: timedelta, now: datetime) -> str | None:
    """Why to pause for an error: it is none that waiting mends, or it has lasted for as long as the settings allow."""
    since = (row["memory"] or {}).get("silent_since")
    lasted = now - datetime.fromisoformat(since) if since else timedelta()
    if isinstance(error, SignalUnavailable) and lasted < patience:
        return None
    return f"its signal cannot be read: {error.message}"


def _stale(states: Mapping[str, Fresh], patience: timedelta, now: datetime) -> str | None:
    """A source may answer happily and still have nothing new to say."""
    for signal, state in states.items():
        if now - state.advanced_at >= patience:
            return f"its signal {signal} has had nothing new since {state.data_through:%d %b %Y %H:%M UTC}"
    return None


def _patience(runtime: "Runtime", outcome: Row) -> timedelta:
    """The outcome's own `freshness`, or the setting."""
    own = (outcome["spec"].get("measurement") or {}).get("freshness")
    return parse_duration(own) if own else timedelta(hours=runtime.settings.signal_silence_hours)


def in_order(steps: Sequence[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: step.kind)


async def take(runtime: "Runtime", org_id: UUID, step: Step) -> UUID | None:
    """Only if nobody changed the experiment since its look. What fails here is tried again by the experiment's own timer.

    Returns the batch of the outbox it committed. Data that came in since the look have moved the timer, and it stays moved: to set it
    to the next regular look would leave them unread, and a flag on, until then.
    """
    now = runtime.now()
    try:
        async with runtime.transaction(org_id) as tx:
            row = await service.get(tx, step.case.id, lock=True)
            if row["version"] != step.version or row["status"] not in GUARDED:
                return None
            if step.kind in PROTECTING or not await _moved(tx, step):
                await _taken(runtime, tx, row, step, now)
                await timers.rearm(tx, "measure", {step.case.id: (step.retry, step.due)}, rest=SOON)
    except Exception as error:  # noqa: BLE001  one experiment's step must not keep the others from theirs
        log.warning("step.failed", experiment=str(step.case.id), error=f"{type(error).__name__}: {error}"[:300])
        return None
    return tx.batch


async def _moved(tx: Tx, step: Step) -> bool:
    """Whether news came or somebody looked again since: then the next look knows better what to tell and to ask."""
    return (await timers.dues(tx, "measure", [step.case.id])).get(step.case.id) != step.retry


async def _taken(runtime: "Runtime", tx: Tx, row: Row, step: Step, now: datetime) -> None:
    outcome = measured_by(row, await service.outcome_of(tx, row))
    if step.kind is Kind.SILENT:
        await _silent(runtime, tx, row, outcome, step, now)
    elif step.judged is not None:
        found = step.judged
        await conclusion.follow(
            runtime, tx, row, outcome, found.look, found.watched, found.result, step.case.phases, now
        )


async def _silent(runtime: "Runtime", tx: Tx, row: Row, outcome: Row, step: Step, now: datetime) -> None:
    """The beginning of a silence is written down; its end by patience is a pause and a question."""
    if step.error is not None:
        facts = {"error": step.error.message, "code": step.error.code}
        await record(tx, Event("signal.failed", "experiment", row["id"], facts), by=SYSTEM)
    if step.silence is not None:
        await conclusion.pause(runtime, tx, row, outcome, step.silence, now)
