"""Answering a question: which query it asks for, the rows it needs, and the sentences made of them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from runtime.answers import deciding, telling
from runtime.answers.chooser import choose
from runtime.answers.questions import LONGEST, Asked, by_words, examples
from runtime.answers.subject import About, Subject, gather
from runtime.answers.telling import Told
from runtime.gates.pictures import in_zone
from runtime.gates.wording import sure
from runtime.identity.people import Member
from runtime.learnings.service import search

if TYPE_CHECKING:
    from runtime.core import Runtime

Teller = Callable[[Subject, Asked], Told]

TELLERS: Mapping[str, Teller] = {
    "turning": telling.turning,
    "silence": deciding.silence,
    "deciders": deciding.deciders,
    "balance": telling.balance,
    "guardrails": telling.guardrails,
    "prediction": telling.prediction,
    "horizon": telling.horizon,
    "segments": telling.segments,
    "looks": telling.looks,
    "certainty": telling.certainty,
    "waiting": deciding.waiting,
    "standing": telling.standing,
    "target": deciding.target,
}
_WITHOUT_CUTOFF = frozenset({"silence", "deciders", "waiting"})


@dataclass(frozen=True, slots=True)
class Answer:
    """Plain words (escape them where they are shown), the query behind them, and a chart as plain values where one helps.

    `understood` is false when nothing stored answers the question; the words then say what does.
    """

    text: str
    query: str
    chart: Mapping[str, Any] | None = None
    understood: bool = True


async def answer(
    runtime: "Runtime",
    org_id: UUID,
    question: str,
    *,
    member: Member,
    outcome_id: UUID | None = None,
    experiment_id: UUID | None = None,
    gate_id: UUID | None = None,
) -> Answer:
    """From stored data only, for a member who has asked; where it was asked says what about, else the question's own words."""
    asked = by_words(question) or await choose(runtime, org_id, question)
    if asked is None:
        return Answer(not_understood(), "", understood=False)
    if asked.query == "learned":
        return await _learned(runtime, org_id, question)
    async with runtime.transaction(org_id) as tx:
        about = About(outcome_id, experiment_id, gate_id)
        subject = await gather(tx, question, about, member, runtime.now())
    # Boundaries of a plan are worked out on the CPU, away from everybody else's answers.
    told = await asyncio.to_thread(TELLERS[asked.query], subject, asked)
    return put(asked, subject, told)


def put(asked: Asked, subject: Subject, told: Told) -> Answer:
    """The sentences, up to when the data go, and the query by name."""
    about = subject.member.email if asked.query == "waiting" else subject.name
    parameters = [about, *(item for item in told.parameters if item != about)]
    query = f"{asked.query}({', '.join(parameters)})"
    end = [] if asked.query in _WITHOUT_CUTOFF else [telling.cutoff(subject)]
    chart = in_zone(told.chart, subject.member.timezone)
    return Answer("\n".join([*told.lines, *end, f"From: {query}"]), query, chart)


async def _learned(runtime: "Runtime", org_id: UUID, question: str) -> Answer:
    found = await search(runtime, org_id, question[:LONGEST], limit=5)
    lines = [
        f"• {item.finding}{sure(item.confidence)}, learned on {item.created_at.strftime('%Y-%m-%d')}" for item in found
    ]
    query = f"learnings({' '.join(question.split())[:80]})"
    return Answer("\n".join([*(lines or ["Nothing was learned yet."]), f"From: {query}"]), query)


def not_understood() -> str:
    return "I answer from stored data only, and found nothing that answers this. Ask for instance: " + " · ".join(
        examples()
    )
