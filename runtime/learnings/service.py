"""What experiments taught: stored once a conclusion is final, found by meaning and by word."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Float, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments as experiments_table
from runtime.db.tables import learnings
from runtime.experiments import service as experiments
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.learnings import embeddings
from runtime.learnings.finding import Finding, finding_of

if TYPE_CHECKING:
    from runtime.core import Runtime

_RRF = 60.0
"""Constant of reciprocal rank fusion (Cormack, Clarke, Buettcher, SIGIR 2009)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One learning and how well it answers: `score` is a fused rank, comparable within one search only."""

    id: UUID
    finding: str
    finding_type: str
    confidence: float
    applies_to: tuple[str, ...]
    experiment_id: UUID | None
    outcome_id: UUID | None
    evidence: dict[str, Any]
    created_at: datetime
    score: float


async def store(runtime: "Runtime", org_id: UUID, experiment_id: UUID) -> None:
    """Effect `learning.store`: put the experiment's finding and its meaning into the library, once."""
    async with runtime.transaction(org_id) as tx:
        row = await experiments.get(tx, experiment_id)
        outcome = await experiments.outcome_of(tx, row)
    finding = finding_of(row, outcome)
    if finding is None:
        return
    vector = await _meaning(finding.text)
    async with runtime.transaction(org_id) as tx:
        await _write(tx, row, finding, vector)


async def _meaning(words: str) -> list[float]:
    """The vector of a text; computed in a thread, since it takes tens of milliseconds of CPU."""
    vectors = await asyncio.to_thread(embeddings.local_embedder().embed, [words])
    return [float(value) for value in vectors[0]]


async def _write(tx: Tx, row: Row, finding: Finding, vector: Sequence[float]) -> None:
    statement = insert(learnings).values(
        org_id=tx.org_id, experiment_id=row["id"], outcome_id=row["outcome_id"], finding=finding.text, finding_type=finding.kind,
        signal_evidence=finding.evidence, confidence=finding.confidence, applies_to=list(finding.tags),
        embedding=vector, embedding_model=embeddings.MODEL,
    )  # fmt: skip
    made = await tx.value(statement.on_conflict_do_nothing(index_elements=["experiment_id"]).returning(learnings.c.id))
    if made is not None:
        await tx.run(
            update(experiments_table).where(experiments_table.c.id == row["id"]).values(learnings=finding.text)
        )
        await record(
            tx,
            Event("learning.stored", "learning", made, {"experiment": str(row["id"]), "type": finding.kind}),
            by=SYSTEM,
        )


async def search(runtime: "Runtime", org_id: UUID, question: str, *, limit: int = 5) -> list[Found]:
    """Learnings by meaning (cosine) and by word (full text), fused by rank; an empty question lists the newest."""
    if not question.strip():
        async with runtime.transaction(org_id) as tx:
            return [
                _found(row, 0.0)
                for row in await tx.all(select(learnings).order_by(learnings.c.created_at.desc()).limit(limit))
            ]
    vector = await _meaning(question)
    async with runtime.transaction(org_id) as tx:
        return [_found(row, float(row["score"])) for row in await tx.all(_fused(question, vector, limit))]


def _fused(question: str, vector: Sequence[float], limit: int) -> Select[Any]:
    near = (
        select(
            learnings.c.id, func.row_number().over(order_by=learnings.c.embedding.cosine_distance(vector)).label("rank")
        )
        .where(learnings.c.embedding_model == embeddings.MODEL)
        .limit(50)
        .cte("near")
    )
    words = func.websearch_to_tsquery("english", question)
    said = (
        select(
            learnings.c.id, func.row_number().over(order_by=func.ts_rank(learnings.c.words, words).desc()).label("rank")
        )
        .where(learnings.c.words.op("@@")(words))
        .limit(50)
        .cte("said")
    )
    score = func.coalesce(1.0 / (_RRF + near.c.rank), 0.0) + func.coalesce(1.0 / (_RRF + said.c.rank), 0.0)
    return (
        select(learnings, score.cast(Float).label("score"))
        .outerjoin(near, near.c.id == learnings.c.id)
        .outerjoin(said, said.c.id == learnings.c.id)
        .where((near.c.id.is_not(None)) | (said.c.id.is_not(None)))
        .order_by(score.desc())
        .limit(limit)
    )


def _found(row: Row, score: float) -> Found:
    return Found(
        row["id"], row["finding"], row["finding_type"], float(row["confidence"] or 0), tuple(row["applies_to"]), row["experiment_id"],
        row["outcome_id"], dict(row["signal_evidence"] or {}), row["created_at"], score,
    )  # fmt: skip
