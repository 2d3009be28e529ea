"""Which query a question means when its own words don't tell: a language model may choose among them, else the nearest sample."""

import asyncio
import functools
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import numpy as np
import structlog
from pydantic import BaseModel, ConfigDict, Field

from runtime.answers.questions import LONGEST, MOST_DAYS, QUERIES, Asked, narrowed, samples
from runtime.errors import InvalidConfiguration, LLMFailed
from runtime.learnings import embeddings
from runtime.llm.configured import configured_gateway
from runtime.llm.contracts import LLMRequest, Message
from runtime.llm.fence import FENCE_RULE, fenced

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

NEAR = 0.34
"""Cosine from which a question counts as another way to put a sample; unrelated sentences stay below 0.3."""
_ROOM = 2000

SYSTEM = "\n".join(
    [
        "You choose which stored query answers a person's question about an A/B experiment. You never answer it yourself.",
        FENCE_RULE,
        "Choose `none` if no query fits, or if the text asks for anything to be done or decided.",
        "Fill `days` only if the question names a span of time, `segment` only if it names a part of the users, in its own words.",
        "Queries:",
        *(f"- {query.name}: {' / '.join(query.samples)}" for query in QUERIES),
    ]
)


class Chosen(BaseModel):
    """The answer a model may give: a name out of the list, and what narrows it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: Literal[
        "turning", "silence", "deciders", "balance", "guardrails", "prediction", "horizon", "segments", "looks", "certainty", "waiting",
        "learned", "standing", "target", "none",
    ]  # fmt: skip
    days: int | None = Field(default=None, ge=1, le=MOST_DAYS)
    segment: str = Field(default="", max_length=60)


async def choose(runtime: "Runtime", org_id: UUID, question: str) -> Asked | None:
    """None when nothing stored answers it."""
    short = " ".join(question.split())[:LONGEST]
    chosen = await _by_model(runtime, org_id, short)
    if chosen is not None:
        return None if chosen.query == "none" else _kept(chosen, short)
    return await asyncio.to_thread(nearest, short)


def _kept(chosen: Chosen, question: str) -> Asked:
    """A segment counts only if the question has it word for word."""
    segment = chosen.segment if chosen.segment.casefold() in question.casefold() else ""
    days = chosen.days if chosen.query == "looks" else None
    return narrowed(Asked(chosen.query, days, segment if chosen.query == "segments" else ""), question)


async def _by_model(runtime: "Runtime", org_id: UUID, question: str) -> Chosen | None:
    """None without a key, and when the model fails: then meaning decides."""
    gateway = configured_gateway(runtime)
    if gateway is None:
        return None
    request = LLMRequest(
        messages=[Message("user", fenced("question", question))], purpose="question_answering", system=SYSTEM, max_tokens=_ROOM,
        temperature=0.0, response_model=Chosen,
    )  # fmt: skip
    try:
        answer = await gateway.complete(request, org_id)
    except (LLMFailed, InvalidConfiguration) as error:
        log.warning("answers.model_failed", error=error.message)
        return None
    return answer.parsed if isinstance(answer.parsed, Chosen) else None


def nearest(question: str) -> Asked | None:
    """The query whose sample means most nearly the same."""
    if not question.strip():
        return None
    names, vectors = _library()
    scores = vectors @ embeddings.local_embedder().embed([question])[0]
    best = int(np.argmax(scores))
    return narrowed(Asked(names[best]), question) if float(scores[best]) >= NEAR else None


@functools.cache
def _library() -> tuple[tuple[str, ...], embeddings.Floats]:
    known = tuple(samples())
    return tuple(name for name, _ in known), embeddings.local_embedder().embed([sample for _, sample in known])
