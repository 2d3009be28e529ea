"""Empty one batch of the outbox: effects first, then notices; each row is marked on its own, and a failed one comes back later."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import bindparam, func, select, update

from runtime.core import Runtime
from runtime.db.engine import Row, exclusive
from runtime.db.tables import outbox
from runtime.errors import OutcomeRuntimeError
from runtime.integrations import catalogue
from runtime.integrations.contracts import Channel, Notice
from workers.effects import EFFECTS

log = structlog.get_logger()

MOST_ATTEMPTS = 12
"""Doubling from one second to ten minutes, this is more than an hour of trying; after it a person must look."""
_LONGEST = 600
_PATIENCE = 20.0
"""Seconds to wait for an earlier effect or message of the same subject before leaving the row to the next claim."""

_FLAG_PATIENCE = 2.0
"""Shorter, since whoever is before this one is mostly setting the same flag."""
_FLAG_LONGEST = 5
"""Seconds between two attempts to set a flag: it may be hurting people for as long as its service cannot be reached."""

_FRESH = 5.0
"""Seconds for which what was read of the outbox holds: nothing that is claimed is claimed again before its lease of thirty ends."""
_PLACES_AT_ONCE = 4
"""Of one call. Each holds one connection and needs no second: who finds none in the pool waits for it, and keeps nobody else waiting."""

_channels: dict[str, Channel] = {}


def is_effect(row: Row) -> bool:
    return bool(row["kind"] == "effect")


def is_notice(row: Row) -> bool:
    return bool(row["kind"] == "notice")


def is_flag(row: Row) -> bool:
    """Effects that decide what users see; they wait for nothing else."""
    return is_effect(row) and str(row["name"]).startswith("flag.")


async def deliver(
    runtime: Runtime,
    org_id: UUID,
    batch: UUID,
    *,
    wanted: Callable[[Row], bool] = bool,
    patience: float = _PATIENCE,
) -> Sequence[Row]:
    """Perform what is due and wanted in a batch; returns all that was due.

    A process may die at any line: what is not marked done is claimed again.
    """
    due, read_at = await _due(runtime, org_id, [batch]), time.monotonic()
    for row in filter(wanted, due):
        await _alone(runtime, row, patience, read_at)
    return due


async def deliver_notices(runtime: Runtime, org_id: UUID, batches: Sequence[UUID]) -> None:
    """The messages of several batches: those to one place in their order, while another place need not wait for it."""
    places: dict[tuple[str, str], list[Row]] = {}
    due, read_at = await _due(runtime, org_id, batches), time.monotonic()
    for row in filter(is_notice, due):
        places.setdefault((row["channel"], row["place"]), []).append(row)
    room = asyncio.Semaphore(_PLACES_AT_ONCE)

    async def one(rows: Sequence[Row]) -> None:
        async with room:
            for row in rows:
                await _alone(runtime, row, _PATIENCE, read_at)

    await asyncio.gather(*map(one, places.values()))


async def _alone(runtime: Runtime, row: Row, patience: float, read_at: float) -> None:
    """A message said twice only looks the same twice: one nobody was busy with is not looked up once more, and an effect is."""
    key, fresh = _one_at_a_time(row), time.monotonic() - read_at < _FRESH
    async with exclusive(runtime.engine, key) as mine:
        if mine:
            if (fresh and is_notice(row)) or await _still_due(runtime, row):
                await _attempt(runtime, row)
            return
    async with exclusive(runtime.engine, key, wait_seconds=patience) as mine:
        if mine and await _still_due(runtime, row):
            await _attempt(runtime, row)


async def deliver_flags(runtime: Runtime, org_id: UUID, batch: UUID) -> bool:
    """Set the flags a batch asks for; says whether it asks for other effects besides."""
    due = await deliver(runtime, org_id, batch, wanted=is_flag, patience=_FLAG_PATIENCE)
    return any(is_effect(row) and not is_flag(row) for row in due)


def _one_at_a_time(row: Row) -> str:
    """Effects on one subject never overtake each other, nor do messages to one place about it."""
    return f"outbox:{row['kind']}:{row['subject_id']}:{row['channel'] or ''}:{row['place'] or ''}"


async def _still_due(runtime: Runtime, row: Row) -> bool:
    async with runtime.transaction(row["org_id"]) as tx:
        return bool(await tx.value(select(outbox.c.status == "due").where(outbox.c.id == row["id"])))


async def _attempt(runtime: Runtime, row: Row) -> None:
    try:
        await _perform(runtime, row)
    except Exception as error:  # noqa: BLE001  whatever one row does, the others must still go out
        await _failed(runtime, row, error)
    else:
        # What is done twice for want of this mark does no harm; an effect's is kept all the same, since it takes long.
        async with runtime.transaction(row["org_id"], lasting=is_effect(row)) as tx:
            await tx.run(_DONE, {"row": row["id"], "tries": row["attempts"] + 1})


_DONE = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(
        {
            outbox.c.lease_until: None,
            outbox.c.attempts: bindparam("tries"),
            outbox.c.status: "done",
            outbox.c.done_at: func.clock_timestamp(),
            outbox.c.last_error: None,
        }
    )
)


async def _due(runtime: Runtime, org_id: UUID, batches: Sequence[UUID]) -> list[Row]:
    async with runtime.transaction(org_id) as tx:
        return list(await tx.all(_DUE, {"batches": list(batches)}))


_DUE = (
    select(outbox)
    .where(
        outbox.c.batch.in_(bindparam("batches", expanding=True)),
        outbox.c.status == "due",
        outbox.c.available_at <= func.clock_timestamp(),
    )
    .order_by(outbox.c.id)
)


async def _perform(runtime: Runtime, row: Row) -> None:
    if row["kind"] == "effect":
        await EFFECTS[row["name"]](runtime, row["org_id"], row["subject_id"])
        return
    notice = Notice(
        row["org_id"], row["name"], row["subject_id"], row["payload"].get("event", ""), row["place"], row["payload"]
    )
    await _channel(runtime, row["channel"]).deliver(notice)


def _channel(runtime: Runtime, name: str) -> Channel:
    if name not in _channels:
        _channels[name] = catalogue.channel(name)(runtime)
    return _channels[name]


async def _failed(runtime: Runtime, row: Row, error: Exception) -> None:
    context = error.context if isinstance(error, OutcomeRuntimeError) else {}
    attempts = row["attempts"] + (0 if context.get("retry_after") else 1)
    longest = _FLAG_LONGEST if is_flag(row) else _LONGEST
    wait = float(context.get("retry_after") or min(longest, 2 ** min(attempts - 1, 30)))
    message = f"{type(error).__name__}: {error}"[:2000]
    log.warning(
        "outbox.retry",
        name=row["name"],
        kind=row["kind"],
        subject=str(row["subject_id"]),
        attempts=attempts,
        wait=wait,
        error=message,
    )
    available_at = func.clock_timestamp() + timedelta(seconds=wait)
    status = "dead" if attempts >= MOST_ATTEMPTS and _may_die(row) else "due"
    await _mark(runtime, row, attempts=attempts, status=status, last_error=message, available_at=available_at)


def _may_die(row: Row) -> bool:
    """A gate is never lost: its message is tried until it stands somewhere, and `/outcome doctor` says why it doesn't yet."""
    return bool(row["kind"] == "notice" and row["name"] != "gate")


async def _mark(runtime: Runtime, row: Row, **values: object) -> None:
    async with runtime.transaction(row["org_id"]) as tx:
        await tx.run(update(outbox).where(outbox.c.id == row["id"]).values(lease_until=None, **values))
