"""What a person can answer at each kind of gate, and what the answer does: one table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Style = Literal["primary", "danger", "default"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One button. `gate_event` moves the gate, `experiment_event` the experiment; `percent` is the rollout it asks for."""

    id: str
    label: str
    gate_event: Literal["approve", "approve_with_conditions", "reject"]
    experiment_event: str | None = None
    style: Style = "default"
    needs_reason: bool = False
    confirm: str = ""
    percent: int | None = None
    needs_percent: bool = False
    recommended: bool = False
    terms: Sequence[str] = ()
    """The kinds of conditions it may be given with."""
    drawn: bool = True
    """False for a short form of another answer: words and programs may give it, no button stands for it."""


_NOTE = ("note",)
_RUNNING = ("cap", "deadline", "constraint", "note")
_LAUNCH = ("cap", "deadline", "segment", "constraint", "note")
_SHIP = Choice(
    "ship", "Ship", "approve", "ship", "primary", confirm="Everybody will get this change, and its flag is finalised.", terms=_NOTE,
)  # fmt: skip
_KILL = Choice("kill", "Kill", "reject", "decline", "danger", confirm="The flag is turned off for everybody.")

CHOICES: dict[str, tuple[Choice, ...]] = {
    "portfolio_review": (
        Choice("approve", "Approve", "approve", "approve_portfolio", "primary", terms=_LAUNCH),
        Choice("reject", "Reject", "reject", "reject_portfolio", "danger", needs_reason=True),
    ),
    "launch_approval": (
        Choice("approve", "Approve launch", "approve", "approve_launch", "primary", terms=_LAUNCH),
        Choice(
            "approve_capped",
            "Approve with a cap",
            "approve_with_conditions",
            "approve_launch",
            needs_percent=True,
            terms=_LAUNCH,
            drawn=False,
        ),
        Choice("rework", "Send back", "reject", "rework", needs_reason=True),
        Choice("reject", "Reject", "reject", "reject_launch", "danger", needs_reason=True),
    ),
    "analysis_review": (
        _SHIP,
        Choice("scale", "Scale up", "approve_with_conditions", "scale", needs_percent=True, terms=_RUNNING),
        Choice("run_on", "Run on", "approve_with_conditions", "run_on", terms=_RUNNING),
        Choice("iterate", "Iterate", "reject", "iterate"),
        _KILL,
    ),
    "scale_approval": (
        _SHIP,
        Choice("scale", "Scale further", "approve_with_conditions", "scale", needs_percent=True, terms=_RUNNING),
        _KILL,
    ),
    "ship_approval": (
        _SHIP,
        _KILL,
    ),
    "change_review": (
        Choice("approve", "Approve change", "approve", None, "primary", terms=_NOTE),
        Choice("reject", "Keep as it is", "reject", None),
    ),
    "resume_review": (
        Choice("resume", "Resume", "approve", "resume", needs_reason=True, terms=_RUNNING),
        Choice("kill", "Kill", "reject", "kill", "danger"),
    ),
    "agent_question": (
        Choice("approve", "Yes, go ahead", "approve", None, "primary", terms=_NOTE),
        Choice("reject", "No", "reject", None, "danger"),
    ),
}


def offered(gate_type: str, *, without: Sequence[str] = (), recommend: str | None = None) -> list[dict[str, Any]]:
    """The choices of a gate as they are stored with it: frozen when it opens, so later code can't change what was offered.

    With a recommendation only the recommended choice stands out: the eye must not be drawn to another one.
    """
    return [_offer(choice, recommend) for choice in CHOICES[gate_type] if choice.id not in without]


def _offer(choice: Choice, recommend: str | None) -> dict[str, Any]:
    plain = asdict(choice) | {"terms": list(choice.terms)}
    if recommend is None:
        return plain
    quiet = "default" if choice.style == "primary" else choice.style
    return plain | {
        "recommended": choice.id == recommend,
        "style": _LOUD.get(choice.style, quiet) if choice.id == recommend else quiet,
    }


_LOUD: dict[str, Style] = {"default": "primary", "primary": "primary"}


def find(options: Sequence[dict[str, Any]], choice_id: str) -> Choice | None:
    """The stored choice with this id."""
    return next((Choice(**option) for option in options if option["id"] == choice_id), None)
