"""The ingestion door's work: check what was posted, store the good once, name the bad by its place."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Tx
from runtime.db.tables import inbound_events
from runtime.errors import InvalidRequest, NotFound
from runtime.ingestion import parse, points
from runtime.ingestion.keys import Names
from runtime.ingestion.limits import MOST_ERRORS, TooBusy
from runtime.ingestion.parse import Chunk, Message
from runtime.ingestion.rows import Fault, Sums, Unit, plain
from runtime.ingestion.staging import Copied, Doubtful, Staged

if TYPE_CHECKING:
    from runtime.core import Runtime


@dataclass(slots=True)
class Taken:
    """What became of a message's rows so far."""

    place: str
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    crossed: int = 0
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, faults: Sequence[Fault], more: int = 0) -> None:
        """Count all, name the first ones."""
        self.rejected += len(faults) + more
        self.faults = sorted([*self.faults, *faults])[:MOST_ERRORS]

    def answer(self, *, batch: bool) -> dict[str, Any]:
        errors = [{self.place: fault.place, "field": fault.field, "problem": fault.problem} for fault in self.faults]
        told: dict[str, Any] = {"accepted": self.accepted, "rejected": self.rejected, "errors": errors}
        return told if batch else told | {"repeated": self.repeated, "crossed": self.crossed}


async def take(
    runtime: "Runtime", org_id: UUID, body: bytes, *, message_id: str | None, key_id: UUID, ndjson: bool = False
) -> dict[str, Any]:
    """Store a message's rows. The same id again gives the first answer; the same id with another body is refused.

    Nearly always every id is new and every row beyond doubt, so that is tried first; if not, nothing of it was kept.
    """
    digest = sha256(body).hexdigest()
    for careful in (False, True):
        message = parse.message(body, ndjson=ndjson, careful=careful)
        with suppress(Doubtful):
            async with runtime.transaction(org_id) as tx:
                if message_id and (earlier := await _seen(tx, message_id, digest)) is not None:
                    return earlier
                answer = await _answer(runtime, tx, message, key_id, careful=careful)
                if message_id:
                    await _remember(tx, message_id, digest, answer)
            return answer
    raise TooBusy("Another message with some of these ids is being stored; send the same message again.")


async def _answer(runtime: "Runtime", tx: Tx, message: Message, key_id: UUID, *, careful: bool) -> dict[str, Any]:
    taken = Taken(message.place)
    await _store(runtime, tx, message, taken, Staged(runtime, tx) if careful else Copied(runtime, tx), key_id)
    return taken.answer(batch=message.batch is not None)


async def _remember(tx: Tx, message_id: str, digest: str, answer: Mapping[str, Any]) -> None:
    values = {"org_id": tx.org_id, "source": "ingest", "external_id": message_id, "digest": digest, "answer": answer}
    await tx.run(insert(inbound_events).values(values))


async def _seen(tx: Tx, message_id: str, digest: str) -> dict[str, Any] | None:
    """The lock makes a message that comes twice at once wait for itself, so that the second finds the first."""
    await tx.run(text("select pg_advisory_xact_lock(hashtextextended(:name, 1))"), {"name": f"{tx.org_id}{message_id}"})
    row = await tx.first(
        select(inbound_events).where(inbound_events.c.source == "ingest", inbound_events.c.external_id == message_id)
    )
    if row is None:
        return None
    if row["digest"] != digest:
        raise InvalidRequest(
            "This webhook-id was used for another body; use a new id for new data.", webhook_id=message_id
        )
    return _again(dict(row["answer"]))


def _again(answer: dict[str, Any]) -> dict[str, Any]:
    """A message that came before has no effect: what it brought is counted as repeated."""
    if "repeated" not in answer:
        return answer | {"repeated": True}
    return answer | {"accepted": 0, "repeated": answer["accepted"] + answer["repeated"]}


async def _store(
    runtime: "Runtime", tx: Tx, message: Message, taken: Taken, kept: Staged | Copied, key_id: UUID
) -> None:
    names, most = Names(tx), runtime.settings.ingest_backlog_rows
    sums: list[Sums] = []
    for chunk in message.chunks:
        await _name(chunk, names, whole=message.batch is not None)
        taken.refuse(chunk.faults)
        sums += chunk.points
        if chunk.units or chunk.plain:
            await kept.add(chunk, most)
        await asyncio.sleep(0)
    if kept.rows:
        await kept.settle(taken, key_id)
    if sums:
        taken.accepted += len(sums)
        await points.store(runtime, tx, sums, key_id)


async def _name(chunk: Chunk, names: Names, *, whole: bool) -> None:
    """Put the flag key where a row names its experiment by id; an id that nobody has is the row's fault, or the batch's."""
    plain = chunk.plain.experiments if chunk.plain else set()
    others = {row.experiment for row in chunk.units} | {row.experiment for row in chunk.points}
    unknown = await names.learn(others | plain)
    if unknown and whole:
        raise NotFound(f"There is no experiment {min(unknown)}; `outcome-runtime status` lists them.")
    if unknown & plain:
        raise Doubtful
    if unknown:
        rows: list[Unit | Sums] = [*chunk.units, *chunk.points]
        problem = "there is no experiment with this id"
        chunk.faults += [Fault(row.place, "experiment", problem) for row in rows if row.experiment in unknown]
        chunk.units = [row for row in chunk.units if row.experiment not in unknown]
        chunk.points = [row for row in chunk.points if row.experiment not in unknown]
    if names.renamed:
        _rename(chunk, names)


def _rename(chunk: Chunk, names: Names) -> None:
    chunk.units = [row._replace(experiment=names.key(row.experiment)) for row in chunk.units]
    chunk.points = [row._replace(experiment=names.key(row.experiment)) for row in chunk.points]
    if chunk.plain:
        chunk.plain = plain([{**row, "experiment": names.key(row["experiment"])} for row in chunk.plain.rows])
        if chunk.plain is None:
            raise Doubtful
