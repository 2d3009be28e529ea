"""The keyless source of proposals: a catalogue of known tactics, fitted to the outcome, honest about where they come from."""

import functools
import importlib
import importlib.resources
import itertools
import re
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from runtime.gates.wording import amount
from runtime.hypotheses.models import (
    ExperimentDraft,
    FlagKey,
    Intervention,
    InterventionType,
    OutcomeContext,
    PastLearning,
    Prediction,
    Rejection,
    RiskLevel,
    overlap,
    violations,
)

Kind = Literal["checkout", "activation", "retention", "latency", "support", "pricing", "generic"]

NOTICE = "Commonly reported elsewhere; not specific to you, and nobody has looked at your code or data."

_BELIEVED = 0.5  # learnings held with less confidence than this neither stop nor support a tactic
_SUPPORT = 0.1  # what a confirmed learning, or being aimed at the leakiest step, adds to a tactic's confidence
_MOST_CONFIDENT = 0.9

_SIGNS: dict[Kind, str] = {
    "latency": r"latency|p9\d|p50|response time|load time|speed|duration|lcp|ttfb|slow",
    "checkout": r"checkout|cart|basket|purchas\w*|orders?|payment|conversion",
    "activation": r"activat\w*|onboarding|sign ?ups?|registration\w*|register\w*|trials?",
    "retention": r"retention|retain\w*|churn\w*|renew\w*|cancel\w*|returning|repeat",
    "support": r"support|tickets?|contact|complaints?|resolution",
    "pricing": r"pricing|prices?|plans?|upgrades?|subscri\w*|revenue|arpu",
}
_STAGES = {
    "cart": r"cart|basket|product",
    "payment": r"payment|pay|card",
    "form": r"checkout|address|shipping|form|details",
    "signup": r"sign ?up|register\w*|registration",
    "start": r"start|visit|landing|welcome|onboarding",
    "pricing": r"pricing|plans?",
}


class Effect(BaseModel):
    """Relative changes of the metric in the wanted direction; below zero: it is known to backfire."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(ge=-0.5, le=1)
    expected: float = Field(gt=0, le=1)
    high: float = Field(gt=0, le=1)


class Tactic(BaseModel):
    """One entry of playbook.yaml, whose head explains the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: FlagKey
    title: str
    kinds: tuple[Kind, ...] = Field(min_length=1)
    stage: str | None = None
    sub_problem: str
    condition: str = Field(alias="if")
    because: str
    change: str
    type: InterventionType
    effect: Effect
    confidence: float = Field(gt=0, lt=1)
    evidence: str
    risk: RiskLevel
    effort_hours: float = Field(gt=0)
    reversible: bool = True
    tags: tuple[str, ...]
    path_hints: tuple[str, ...]
    area: str
    keywords: tuple[str, ...] = Field(min_length=1)
    touches: tuple[str, ...]


class Considered(NamedTuple):
    """What the playbook has for an outcome: drafts in the order of the catalogue, and what it left out, with reasons."""

    drafts: tuple[ExperimentDraft, ...]
    rejected: tuple[Rejection, ...]


@functools.cache
def tactics() -> tuple[Tactic, ...]:
    """The catalogue, read once."""
    text = importlib.resources.files("runtime.hypotheses").joinpath("playbook.yaml").read_text(encoding="utf-8")
    rows = importlib.import_module("ruamel.yaml").YAML(typ="safe", pure=True).load(text)
    return TypeAdapter(tuple[Tactic, ...]).validate_python(rows)


def propose(context: OutcomeContext) -> list[ExperimentDraft]:
    """Every tactic that fits the outcome, as a draft; the same outcome always gets the same drafts."""
    return list(consider(context).drafts)


def consider(context: OutcomeContext) -> Considered:
    drafts, rejected = list[ExperimentDraft](), list[Rejection]()
    wanted = kinds(context)
    for tactic in tactics():
        if not wanted & set(tactic.kinds):
            continue
        reason = _reason_against(tactic, context)
        if reason is None:
            draft = _draft(tactic, context)
            reason = "; ".join(violations(draft, context))
            drafts += [] if reason else [draft]
        if reason:
            rejected.append(Rejection(title=tactic.title, reason=reason))
    return Considered(tuple(drafts), tuple(rejected))


def kinds(context: OutcomeContext) -> frozenset[Kind]:
    """What sort of outcome this is, by the words of its metric and title; a latency is nothing else besides.

    Generic tactics are for outcomes that no sign tells.
    """
    if re.search(rf"\b({_SIGNS['latency']})\b", _plain(context.metric)):
        return frozenset({"latency"})
    for text in (" ".join((context.metric, context.title, *context.funnel_steps)), context.description):
        found: set[Kind] = {kind for kind, signs in _SIGNS.items() if re.search(rf"\b({signs})\b", _plain(text))}
        if found:
            return frozenset(found)
    return frozenset({"generic"})


def leakiest(context: OutcomeContext) -> tuple[str, str] | None:
    """The two neighbouring steps of the funnel between which the largest share is lost, where levels are known."""
    levels = context.funnel_levels
    pairs = [
        (levels[after] / levels[before], before, after)
        for before, after in itertools.pairwise(context.funnel_steps)
        if levels.get(before, 0) > 0 and after in levels
    ]
    return min(pairs)[1:] if pairs else None


def _reason_against(tactic: Tactic, context: OutcomeContext) -> str | None:
    """Refuted, tried or forbidden tactics are left out, and the person at the gate is told why."""
    refuted = _learned(tactic, context, "refuted_hypothesis")
    if refuted:
        return f"a past experiment refuted it: {refuted.finding[:200]}"
    tried = {_plain(one) for one in context.already_tried}
    if _plain(tactic.title) in tried or any(re.fullmatch(rf"{_plain(_flag(tactic))}( \d+)?", one) for one in tried):
        return "it was already tried for this outcome"
    for rule in context.rules:
        if any(_plain(thing) in _plain(rule) for thing in tactic.touches):
            return f"it would touch what a rule protects: {rule[:200]}"
    return None


def _learned(tactic: Tactic, context: OutcomeContext, finding_type: str) -> PastLearning | None:
    for learning in context.past_learnings:
        if learning.finding_type == finding_type and learning.confidence >= _BELIEVED:
            finding = _plain(learning.finding)
            if any(f" {_plain(keyword)} " in f" {finding} " for keyword in (*tactic.keywords, tactic.title)):
                return learning
    return None


def _draft(tactic: Tactic, context: OutcomeContext) -> ExperimentDraft:
    prediction = _prediction(tactic, context)
    return ExperimentDraft(
        title=tactic.title,
        hypothesis=_hypothesis(tactic, context, prediction),
        mechanism=f"{tactic.because[0].upper()}{tactic.because[1:]}.{_leak_note(tactic, context)} {tactic.evidence} {NOTICE}",
        prediction=prediction,
        intervention=Intervention(
            type=tactic.type,
            scope=(_place(tactic, context),),
            description=tactic.change,
            feature_flag=_flag(tactic),
        ),
        risk_level=tactic.risk,
        effort_hours=tactic.effort_hours,
        reversible=tactic.reversible,
        tags=tactic.tags,
        sub_problem=tactic.sub_problem,
    )


def _prediction(tactic: Tactic, context: OutcomeContext) -> Prediction:
    """The catalogue's relative effect on today's level, in the wanted direction, and never beyond the target."""
    level = abs(context.baseline) if context.baseline else context.gap
    low, expected = (min(level * share, context.gap) for share in (tactic.effect.low, tactic.effect.expected))
    high = max(level * tactic.effect.high, expected)
    ends = sorted(_round(context.sign * end) for end in (low, high))
    return Prediction(
        signal=context.metric,
        expected_delta=_round(context.sign * expected),
        delta_range=(ends[0], ends[1]),
        confidence=_confidence(tactic, context),
    )


def _confidence(tactic: Tactic, context: OutcomeContext) -> float:
    confirmed = _learned(tactic, context, "confirmed_hypothesis") is not None
    support = _SUPPORT * (confirmed + _aims_at_leak(tactic, context))
    return min(_MOST_CONFIDENT, round(tactic.confidence + support, 2))


def _aims_at_leak(tactic: Tactic, context: OutcomeContext) -> bool:
    leak = leakiest(context)
    return leak is not None and tactic.stage is not None and tactic.stage == _stage(leak[0])


def _leak_note(tactic: Tactic, context: OutcomeContext) -> str:
    leak = leakiest(context)
    if leak is None or not _aims_at_leak(tactic, context):
        return ""
    kept = context.funnel_levels[leak[1]] / context.funnel_levels[leak[0]]
    return f" The largest loss here lies between {leak[0]} and {leak[1]}: {1 - kept:.0%} don't go on."


def _stage(step: str) -> str | None:
    return next((stage for stage, signs in _STAGES.items() if re.search(rf"\b({signs})\b", _plain(step))), None)


def _hypothesis(tactic: Tactic, context: OutcomeContext, prediction: Prediction) -> str:
    verb = "rises" if context.direction == "increase" else "falls"
    start = "" if context.baseline is None else f" from {amount(context.baseline, context.unit)}"
    size = amount(abs(prediction.expected_delta), context.unit, signed=True).lstrip("+")
    return f"If {tactic.condition}, then {context.metric} {verb}{start} by about {size} because {tactic.because}."


def _place(tactic: Tactic, context: OutcomeContext) -> str:
    """A folder of the tactic's own below the allowed path whose name fits best and that keeps off forbidden ones."""
    if not context.allowed_paths:
        return f"experiments/{tactic.area}"
    places = [f"{path}/{tactic.area}" if path != "." else tactic.area for path in context.allowed_paths]
    free = [place for place in places if not any(overlap(place, closed) for closed in context.forbidden_paths)]
    return max(free or places, key=lambda place: sum(hint in place.lower() for hint in tactic.path_hints))


def _flag(tactic: Tactic) -> str:
    return f"exp-{tactic.slug}"


def _round(number: float) -> float:
    return float(f"{number:.4g}")


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9+]+", text.lower()))
