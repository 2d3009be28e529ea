"""The two questions a language model is asked about an outcome, and the shapes its answers must have."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from runtime.hypotheses.models import ExperimentDraft, OutcomeContext, Rejection, violations
from runtime.llm.fence import FENCE_RULE, fenced
from runtime.llm.schema import complaints

MOST_SUB_PROBLEMS = 5
MOST_CANDIDATES = 4
_TITLE, _REASON = 160, 1000  # how much of a rejected candidate's words is kept

DECOMPOSITION_SYSTEM = f"""\
You help a product team to move one metric. Break the distance between its present value and its target into separate
sub-problems: places or moments where people are lost, or causes that hold the metric where it is.

- Name two to {MOST_SUB_PROBLEMS} sub-problems, the one with the largest expected share of the gap first.
- They must not overlap: work on one must not be work on another.
- For each, say what in the material below speaks for it; when nothing does, say that it is a guess.
- Past learnings outrank general knowledge. Do not return to what was refuted or has been tried.

{FENCE_RULE}"""

CANDIDATE_SYSTEM = f"""\
You help a product team to move one metric by controlled experiments. Propose experiments for one sub-problem. People
decide which of them are built; a coding agent then builds each behind a feature flag, and it is measured against control.

- Propose one to {MOST_CANDIDATES} experiments that differ in mechanism and change different places in the code.
- hypothesis reads: "If <change>, then <metric> <rises or falls> because <reason>", with the metric's name as given.
- signal is the metric's name as given. expected_delta, delta_low and delta_high are absolute changes in the metric's own
  unit (for a share, 0.02 means two percentage points), signed, with delta_low <= expected_delta <= delta_high. Be
  sober: most experiments move a metric by a few per cent of its level or not at all. confidence is your probability that the
  true effect goes the wanted way.
- scope lists the files or folders to change, relative to the repository, inside the allowed paths and outside the
  forbidden ones, as narrow as can be.
- feature_flag is a new key of lower-case letters, digits and dashes.
- effort_hours is the work of one engineer. reversible means that switching the flag off undoes everything.
- tags are a few lower-case-with-dashes words. Obey every rule and constraint; do not repeat what was refuted or tried.

{FENCE_RULE}"""


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


def _one_line(text: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if not line:
        raise ValueError("name the sub-problem in a few words")
    return line


class SubProblem(_Wire):
    name: Annotated[str, AfterValidator(_one_line)] = Field(max_length=120, description="a few words, on one line")
    description: str = Field(min_length=10, max_length=1000)
    evidence: str = Field(max_length=1000, description="what in the material speaks for it, or that it is a guess")


class Decomposition(_Wire):
    """The answer to the first question."""

    sub_problems: list[SubProblem] = Field(min_length=1, max_length=MOST_SUB_PROBLEMS)


class Candidate(_Wire):
    """One proposal as it comes over the wire: flat and lenient; `draft` makes it strict."""

    title: str
    hypothesis: str
    mechanism: str
    signal: str
    expected_delta: float
    delta_low: float
    delta_high: float
    confidence: float
    intervention_type: Literal["code_change", "config_change", "copy_change"]
    scope: list[str]
    description: str = Field(description="what to build, precise enough for a coding agent")
    feature_flag: str
    risk_level: Literal["low", "medium", "high"]
    effort_hours: float
    reversible: bool
    tags: list[str]


class CandidateList(_Wire):
    """The answer to the second question; with the outcome in the validation context, at least one candidate must be usable."""

    candidates: list[Candidate] = Field(min_length=1, max_length=MOST_CANDIDATES)

    @model_validator(mode="after")
    def _one_is_usable(self, info: ValidationInfo) -> Self:
        outcome = (info.context or {}).get("outcome")
        if isinstance(outcome, OutcomeContext):
            judged = [draft(candidate, "any", outcome) for candidate in self.candidates]
            faults = [f"“{one.title}”: {one.reason}" for one in judged if isinstance(one, Rejection)]
            if len(faults) == len(judged):
                raise ValueError("no candidate can be used: " + " | ".join(faults))
        return self


def draft(candidate: Candidate, sub_problem: str, context: OutcomeContext) -> ExperimentDraft | Rejection:
    """The candidate as a draft, or why it cannot be one."""
    try:
        made = ExperimentDraft.model_validate(_fields(candidate, sub_problem))
    except ValidationError as error:
        return _rejection(candidate, complaints(error))
    forbidden = violations(made, context)
    return _rejection(candidate, forbidden) if forbidden else made


def _rejection(candidate: Candidate, reasons: Sequence[str]) -> Rejection:
    return Rejection(title=candidate.title[:_TITLE] or "(untitled)", reason="; ".join(reasons)[:_REASON])


def decomposition_prompt(context: OutcomeContext) -> str:
    return f"{_outcome(context)}\n\nWhich separate sub-problems keep {context.metric} from its target?"


def candidates_prompt(context: OutcomeContext, sub_problem: SubProblem, others: Sequence[str]) -> str:
    elsewhere = fenced("other sub-problems, worked on elsewhere", "\n".join(others) or "none")
    focus = fenced("sub-problem", f"{sub_problem.name}\n{sub_problem.description}\nEvidence: {sub_problem.evidence}")
    return f"{_outcome(context)}\n\n{focus}\n\n{elsewhere}\n\nPropose experiments for this sub-problem only."


def _fields(candidate: Candidate, sub_problem: str) -> dict[str, object]:
    return {
        **candidate.model_dump(
            include={"title", "hypothesis", "mechanism", "risk_level", "effort_hours", "reversible", "tags"}
        ),
        "sub_problem": sub_problem,
        "prediction": {
            "signal": candidate.signal,
            "expected_delta": candidate.expected_delta,
            "delta_range": (candidate.delta_low, candidate.delta_high),
            "confidence": candidate.confidence,
        },
        "intervention": {
            "type": candidate.intervention_type,
            "scope": candidate.scope,
            "description": candidate.description,
            "feature_flag": candidate.feature_flag,
        },
    }


def _outcome(context: OutcomeContext) -> str:
    """Everything known, part by part, each part fenced: titles, rules and learnings were all written by somebody."""
    learnings = [f"[{one.finding_type}, confidence {one.confidence:g}] {one.finding}" for one in context.past_learnings]
    parts = {
        "outcome": f"{context.title}\n{context.description}",
        "metric": _metric(context),
        "funnel": _funnel(context),
        "constraints (an experiment that breaks one is killed)": "\n".join(context.constraints),
        "rules": "\n".join(context.rules),
        "allowed paths": "\n".join(context.allowed_paths),
        "forbidden paths": "\n".join(context.forbidden_paths),
        "past learnings": "\n".join(learnings),
        "already tried": "\n".join(context.already_tried),
    }
    return "\n\n".join(fenced(name, text) for name, text in parts.items() if text.strip())


def _metric(context: OutcomeContext) -> str:
    lines = [
        f"name: {context.metric}",
        f"wanted direction: {context.direction}",
        f"present value: {'unknown' if context.baseline is None else f'{context.baseline:g}'}",
        f"target: {context.target_value:g}",
        f"unit: {context.unit or 'not named'}",
        *(f"measured only where {key} = {value}" for key, value in context.segment.items()),
    ]
    return "\n".join(lines)


def _funnel(context: OutcomeContext) -> str:
    levels = context.funnel_levels
    return "\n".join(f"{step}: {levels[step]:g}" if step in levels else step for step in context.funnel_steps)
