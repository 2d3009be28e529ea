"""What an experiment proposal is, what an outcome tells its proposers, and which proposals break the outcome's own rules."""

import re
from collections.abc import Container, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

RiskLevel = Literal["low", "medium", "high"]
InterventionType = Literal["code_change", "config_change", "copy_change"]
Direction = Literal["increase", "decrease"]
GeneratedBy = Literal["ai", "playbook"]

CREDIBLE_GAPS = 3  # a single experiment that promises more than three times the whole gap has its unit wrong

_FALSIFIABLE = re.compile(r"^if\b.+\bthen\b.+\bbecause\b.+", re.IGNORECASE | re.DOTALL)
_LONGEST_FLAG = 64


def normal_path(path: str) -> str:
    """A path inside the repository, without `./` and trailing slash, `.` being all of it; one that leaves it is refused."""
    parts = PurePosixPath(path.replace("\\", "/")).parts or (path.strip() and ".",)
    if not all(parts) or parts[0] == "/" or ".." in parts or ":" in parts[0] or not path.isprintable():
        raise ValueError(f"{path!r} is not a path inside the repository; write it relative, without `..`")
    return "/".join(parts)


def within(path: str, folder: str) -> bool:
    """Both normal; a folder contains itself and what is below it, never a sibling with a longer name."""
    return path == folder or path.startswith(f"{folder}/") or folder == "."


def overlap(one: str, other: str) -> bool:
    return within(one, other) or within(other, one)


def unique_flag(wanted: str, taken: Container[str]) -> str:
    """The wanted flag key, numbered from 2 when it is taken: a flag key identifies one experiment at the data source."""
    key, number = wanted, 1
    while key in taken:
        number += 1
        key = f"{wanted[: _LONGEST_FLAG - len(f'-{number}')]}-{number}"
    return key


Line = Annotated[str, StringConstraints(min_length=1, max_length=160, pattern=r"^[^\x00-\x1f\x7f]+$")]
Prose = Annotated[str, StringConstraints(min_length=10, max_length=2000)]
RepoPath = Annotated[str, AfterValidator(normal_path)]
FlagKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class PastLearning(_Frozen):
    finding: str
    finding_type: str
    confidence: float = Field(ge=0, le=1)


class OutcomeContext(_Frozen):
    """All a proposer is told. `funnel_levels` are shares or counts by step; deltas are in the metric's own unit."""

    title: str
    metric: str
    direction: Direction
    target_value: float
    baseline: float | None = None
    description: str = ""
    unit: str = ""
    funnel_steps: tuple[str, ...] = ()
    funnel_levels: dict[str, float] = Field(default_factory=dict)
    segment: dict[str, str] = Field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    allowed_paths: tuple[RepoPath, ...] = ()
    forbidden_paths: tuple[RepoPath, ...] = ()
    max_concurrent: int = Field(default=3, ge=1, le=50)
    past_learnings: tuple[PastLearning, ...] = ()
    already_tried: tuple[str, ...] = ()  # titles or flag keys of this outcome's earlier experiments

    @property
    def sign(self) -> int:
        return 1 if self.direction == "increase" else -1

    @property
    def gap(self) -> float:
        """The distance from baseline to target, the unit in which impact is weighed; the target's size if there is none."""
        distance = abs(self.target_value - self.baseline) if self.baseline is not None else 0.0
        return distance or abs(self.target_value) or 1.0


class Prediction(_Frozen):
    """An absolute change of the signal, in its own unit, with the range in which it is expected to lie."""

    signal: Line
    expected_delta: float
    delta_range: tuple[float, float]
    confidence: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _range_contains_expectation(self) -> Self:
        low, high = self.delta_range
        if not low <= self.expected_delta <= high:
            raise ValueError(f"expected_delta {self.expected_delta:g} lies outside delta_range [{low:g}, {high:g}]")
        if self.expected_delta == 0:
            raise ValueError("expected_delta is 0: a hypothesis that expects nothing cannot be refuted")
        return self


class Intervention(_Frozen):
    type: InterventionType
    scope: tuple[RepoPath, ...] = Field(min_length=1, max_length=20)
    description: Prose
    feature_flag: FlagKey


class ExperimentDraft(_Frozen):
    """One falsifiable proposal, coherent in itself; `violations` says whether an outcome may have it."""

    title: Line
    hypothesis: Prose
    mechanism: Prose
    prediction: Prediction
    intervention: Intervention
    risk_level: RiskLevel
    effort_hours: float = Field(gt=0, le=1000)
    reversible: bool
    tags: tuple[Tag, ...] = Field(default=(), max_length=12)
    sub_problem: Line

    @model_validator(mode="after")
    def _can_be_refuted(self) -> Self:
        if not _FALSIFIABLE.match(self.hypothesis):
            raise ValueError("hypothesis must read: If <change>, then <metric> <rises or falls> because <reason>")
        return self


class Rejection(_Frozen):
    """A proposal that was not taken, and why, in words for the person at the gate."""

    title: str
    reason: str


def violations(draft: ExperimentDraft, context: OutcomeContext) -> tuple[str, ...]:
    """What forbids this draft for this outcome; nothing when it may be proposed."""
    return (*_wrong_prediction(draft, context), *_out_of_scope(draft.intervention.scope, context))


def _wrong_prediction(draft: ExperimentDraft, context: OutcomeContext) -> list[str]:
    prediction = draft.prediction
    faults = []
    if prediction.signal != context.metric:
        faults.append(f"it predicts {prediction.signal}, but the outcome is measured by {context.metric}")
    if _words(context.metric) not in _words(draft.hypothesis):
        faults.append(f"its hypothesis doesn't name the metric {context.metric}")
    if prediction.expected_delta * context.sign < 0:
        faults.append(f"it expects {prediction.expected_delta:+g}, but the outcome wants {context.direction}")
    if abs(prediction.expected_delta) > CREDIBLE_GAPS * context.gap:
        faults.append(
            f"it expects {prediction.expected_delta:+g}, more than {CREDIBLE_GAPS} times the whole gap of "
            f"{context.gap:g}; deltas are absolute, in the metric's own unit"
        )
    return faults


def _out_of_scope(scope: Sequence[str], context: OutcomeContext) -> list[str]:
    outside = [
        f"{path} is outside the allowed paths"
        for path in scope
        if context.allowed_paths and not any(within(path, allowed) for allowed in context.allowed_paths)
    ]
    forbidden = [
        f"{path} touches the forbidden path {closed}"
        for path in scope
        for closed in context.forbidden_paths
        if overlap(path, closed)
    ]
    return outside + forbidden


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))
