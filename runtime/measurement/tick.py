"""One batch of measurements: read the sources, write and judge in one transaction, then take the steps the evidence asks for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.errors import OutcomeRuntimeError, SignalUnavailable
from runtime.measurement import cases as loading
from runtime.measurement import reads, steps, store
from runtime.measurement.append import append
from runtime.measurement.cases import GUARDED, Case
from runtime.measurement.claims import Held, held
from runtime.measurement.evaluate import RECENT, Judged, evaluate
from runtime.measurement.guardrails import limits
from runtime.measurement.read import Answers, Heard, hear
from runtime.measurement.steps import Step
from runtime.measurement.store import ByPhase, Key, Taken

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger()

_SIDE_BY_SIDE = 3
_FOLLOWING_SECONDS = 5.0
Act: TypeAlias = Callable[[UUID, UUID], Awaitable[None]]
"""What turns flags off at once, given an organisation and a committed batch of the outbox."""


async def fire(runtime: "Runtime", org_id: UUID, timer_id: int) -> None:
    """One measurement is due."""
    async with runtime.transaction(org_id) as tx:
        timer = await timers.take(tx, timer_id)
    if timer is not None:
        await measure(runtime, org_id, [timer["subject_id"]])


async def measure(runtime: "Runtime", org_id: UUID, experiment_ids: Sequence[UUID], act: Act | None = None) -> None:
    """Measure these experiments and arm their next looks. Safe to repeat: a bucket replaces itself, a look is unique by its cut-off.

    Experiments that read the same sources go together, so that a slow source keeps nobody waiting who does not need it. `act` is handed
    each committed batch that turns a flag off, at once; without it, or when it fails, the outbox's own clock finds the batch.
    """
    async with held(runtime.engine, experiment_ids) as mine:
        ids = sorted(mine.ids)
        async with runtime.transaction(org_id) as tx:
            seen = await timers.dues(tx, "measure", ids)
            cases = await loading.load(tx, ids)
            await timers.disarm_claimed(tx, "measure", sorted(mine.ids - {case.id for case in cases}))
            await timers.rest(tx, "measure", sorted(set(experiment_ids) - mine.ids), steps.SOON)
        groups: dict[frozenset[str], list[Case]] = {}
        for case in cases:
            groups.setdefault(case.sources, []).append(case)
        room = asyncio.Semaphore(_SIDE_BY_SIDE)
        work = _Work(runtime, org_id, seen, mine, act)
        await asyncio.gather(*(_group(work, group, room) for group in groups.values()))


@dataclass(frozen=True, slots=True)
class _Work:
    """What the groups of one batch share. `seen` is when their timers were due before anything was read."""

    runtime: "Runtime"
    org_id: UUID
    seen: Mapping[UUID, datetime]
    mine: Held
    act: Act | None


async def _group(work: _Work, cases: Sequence[Case], room: asyncio.Semaphore) -> None:
    """A group that fails as a whole stops no other; its experiments are looked at again when their lease ends."""
    try:
        async with room:
            answers = await hear(work.runtime, work.org_id, cases)
            found = await _written(work, cases, answers)
            urgent = [step for step in steps.in_order(found) if step.kind in steps.PROTECTING]
            await work.mine.free({case.id for case in cases} - {step.case.id for step in urgent})
            await _protected(work, urgent)
            await _followed(work, [step for step in found if step.kind not in steps.PROTECTING])
    except Exception as error:  # noqa: BLE001  the other groups of the batch must still be measured
        log.warning("measure.failed", experiments=len(cases), error=f"{type(error).__name__}: {error}"[:300])
    finally:
        await work.mine.free({case.id for case in cases})


async def _protected(work: _Work, found: Sequence[Step]) -> None:
    """Flags go off while the steps after them are still being taken."""
    acting: list[asyncio.Task[None]] = []
    for step in found:
        batch = await steps.take(work.runtime, work.org_id, step)
        await work.mine.free([step.case.id])
        if work.act is not None and batch is not None:
            acting.append(asyncio.create_task(_acted(work.act, work.org_id, batch)))
    if acting:
        await asyncio.wait(acting)


async def _followed(work: _Work, found: Sequence[Step]) -> None:
    """Steps that only tell or ask people something, while there is time; what is left is taken after the experiment's next look.

    Nobody is kept from measuring these experiments meanwhile: by now there may be worse to act on.
    """
    until = time.monotonic() + _FOLLOWING_SECONDS
    for step in found:
        await steps.take(work.runtime, work.org_id, step)
        if time.monotonic() >= until:
            return


async def _acted(act: Act, org_id: UUID, batch: UUID) -> None:
    try:
        await act(org_id, batch)
    except Exception as error:  # noqa: BLE001  the row in the outbox is still due, and is found there
        log.warning("measure.not_acted", batch=str(batch), error=f"{type(error).__name__}: {error}"[:300])


async def _written(work: _Work, cases: Sequence[Case], answers: Answers) -> list[Step]:
    """In one transaction; where the database refuses something in it, one by one, so that it stops only the one it belongs to."""
    try:
        return await _write(work, cases, answers)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        log.warning("measure.refused", experiments=len(cases), error=str(error)[:300])
        if len(cases) == 1:
            return await _write(work, cases, _refused(cases[0], error))
    return [step for case in cases for step in await _written(work, [case], answers)]


def _refused(case: Case, error: DBAPIError) -> Answers:
    failed = SignalUnavailable(
        f"The database refused what was read of this experiment ({type(error.orig).__name__}); see the worker's log."
    )
    return {(case.id, signal): failed for signal in case.asks}


async def _write(work: _Work, cases: Sequence[Case], answers: Answers) -> list[Step]:
    runtime = work.runtime
    now = runtime.now()
    async with runtime.transaction(work.org_id) as tx:
        rows = await loading.fresh(tx, [case.id for case in cases])
        live = [case for case in cases if case.id in rows and rows[case.id]["status"] in GUARDED]
        fresh = await _stored(tx, live, rows, answers, now)
        judged = await _judged(tx, live, rows, answers)
        found = [steps.consider(runtime, case, rows[case.id], judged[case.id], answers, fresh, now) for case in live]
        await _kept(tx, found)
        due = {step.case.id: (work.seen.get(step.case.id), step.due if step.idle else step.retry) for step in found}
        await timers.rearm(tx, "measure", due, rest=steps.SOON)
    return [step for step in found if not step.idle]


async def _stored(
    tx: Tx, cases: Sequence[Case], rows: Mapping[UUID, Row], answers: Answers, now: datetime
) -> dict[Key, reads.Fresh]:
    heard = [
        (case, signal, answer)
        for case in cases
        for signal in case.asks
        for answer in (answers[case.id, signal],)
        if isinstance(answer, Heard)
    ]
    await append(tx, [(rows[case.id], signal, answer.readings) for case, signal, answer in heard])
    return await reads.remember(tx, heard, now)


async def _judged(
    tx: Tx, cases: Sequence[Case], rows: Mapping[UUID, Row], answers: Answers
) -> dict[UUID, Judged | OutcomeRuntimeError | None]:
    sums = await store.sums(tx, [case.id for case in cases])
    guarded = [(case.id, item["signal"]) for case in cases for item, _, _ in limits(case.outcome["constraints"])]
    recent = await store.recent(tx, sorted(set(guarded)), last=RECENT)
    return {case.id: _look(case, rows[case.id], answers, sums, recent) for case in cases}


def _look(
    case: Case,
    row: Row,
    answers: Answers,
    sums: Mapping[Key, ByPhase],
    recent: Mapping[Key, Sequence[tuple[int, float]]],
) -> Judged | OutcomeRuntimeError | None:
    """None before the primary signal was ever read. While it is silent its stored sums keep the guardrails working."""
    answer, read = answers[case.id, case.primary], case.reads.get(case.primary)
    through = answer.through if isinstance(answer, Heard) else read["data_through"] if read else None
    if through is None:
        return None
    try:
        return evaluate(case, row, through, sums, recent)
    except Exception as error:  # noqa: BLE001  one experiment's odd numbers must not stop the others
        log.warning("measure.broken", experiment=str(case.id), error=f"{type(error).__name__}: {error}"[:300])
        return (
            error
            if isinstance(error, OutcomeRuntimeError)
            else SignalUnavailable(f"Its numbers cannot be judged: {error}")
        )


async def _kept(tx: Tx, found: Sequence[Step]) -> None:
    await store.write_looks(
        tx,
        [
            Taken(step.case.id, step.case.primary, step.judged.through, step.judged.result)
            for step in found
            if step.judged and step.looked
        ],
    )
    await store.write_memories(
        tx, [(step.case.id, step.memory, step.judged.result if step.judged and step.looked else None) for step in found]
    )
