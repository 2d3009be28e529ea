"""Follows the experiments along over REST: one line a step, and at the end a table with the hidden truth beside what was measured."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.doors import FINAL, Experiment, FlagState, Gate, Learning, Rest, Result
from demo.truth import family_of

GATES = {
    "portfolio_review": "Gate 1, portfolio",
    "launch_approval": "Gate 2, launch",
    "analysis_review": "Gate 3, analysis",
    "scale_approval": "Gate 4, scale",
    "ship_approval": "Gate 5, ship",
}
# Asked of the learning library in other words than the experiment's own, so that only meaning can find it.
QUESTIONS = {
    "urgency": "does pressing people to hurry make them buy?",
    "media": "is richer content on the page worth its weight?",
    "wallet": "do quicker ways to pay bring more purchases?",
    "guest": "must people register before they can buy?",
    "form": "does typing less help people finish?",
    "speed": "do quicker pages sell more?",
    "trust": "does reassurance about safety help people to pay?",
    "clarity": "does showing clearly what it costs and what comes next help?",
    "other": "what changed how many people complete their purchase?",
}
DECIDED = frozenset({"approved", "rejected", "approved_with_conditions"})
ENDING_CHOICES = frozenset({"ship", "kill", "iterate"})


@dataclass
class Story:
    """What was seen so far; each step is told once."""

    say: Callable[[str], None]
    gates: dict[str, Gate] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)

    async def look(self, rest: Rest) -> None:
        gates = await rest.gates()
        for gate in gates:
            self._tell_gate(gate)
        known = dict.fromkeys(item for gate in gates for item in gate.experiments)
        for experiment_id in known:
            self._tell_experiment(await rest.experiment(experiment_id))

    def _tell_gate(self, gate: Gate) -> None:
        before = self.gates.get(gate.id)
        self.gates[gate.id] = gate
        name = GATES.get(gate.gate_type, gate.gate_type.replace("_", " ").capitalize())
        if before is None:
            self.say(f"{name}: {gate.question} (asked: {gate.assigned_to})")
        if gate.status in DECIDED and (before is None or before.status != gate.status):
            self.say(f"{name}: {gate.choice or gate.status} by {gate.decided_by or 'nobody'}")

    def _tell_experiment(self, experiment: Experiment) -> None:
        before = self.experiments.get(experiment.id)
        self.experiments[experiment.id] = experiment
        if before is None or before.status != experiment.status:
            self.say(f"“{experiment.title}” is {experiment.status.replace('_', ' ')}")

    def running(self) -> list[Experiment]:
        return [one for one in self.experiments.values() if one.status in {"running", "measuring", "scaling"}]

    def all_ended(self) -> bool:
        return bool(self.experiments) and all(one.status in FINAL for one in self.experiments.values())

    def decided(self) -> list[Experiment]:
        """Experiments that a person ended at a gate: shipped, killed, or killed to try something else."""
        by_people = {
            item
            for gate in self.gates.values()
            if gate.status in DECIDED and gate.decided_by and gate.choice in ENDING_CHOICES
            for item in gate.experiments
        }
        return [one for one in self.experiments.values() if one.id in by_people and one.status in {"shipped", "killed"}]


def flag_is_where_it_should_be(experiment: Experiment, flag: FlagState | None) -> bool:
    """Shipped: on for everybody. Killed: off, or no flag any more."""
    if experiment.status == "shipped":
        return flag is not None and flag.enabled and flag.percentage == 100  # noqa: PLR2004  per cent
    return flag is None or not flag.enabled


def question_about(experiment: Experiment) -> str:
    return QUESTIONS[family_of(experiment.title)]


def is_found(experiment: Experiment, learnings: Iterable[Learning]) -> bool:
    return any(learning.experiment_id == experiment.id for learning in learnings)


def _pp(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(result: Result) -> str:
    return (
        ""
        if result.ci_lower is None or result.ci_upper is None
        else f"{_pp(result.ci_lower)} to {_pp(result.ci_upper)}"
    )


HEADINGS = ("gate", "who", "decision", "evidence", "p-value", "interval", "predicted", "observed", "seconds")


def gate_row(gate: Gate, experiment: Experiment | None) -> tuple[str, ...]:
    """One line of the closing table; the numbers are those the gate froze, where it froze any."""
    shown = gate.signal_snapshot or Result()
    seconds = (gate.responded_at - gate.created_at).total_seconds() if gate.responded_at and gate.created_at else None
    return (
        GATES.get(gate.gate_type, gate.gate_type),
        gate.decided_by or "",
        gate.choice or gate.status,
        (gate.evidence_hash or "")[:12],
        _p(shown.p_value),
        _interval(shown),
        _pp(experiment.prediction.expected_delta) if experiment else "",
        _pp(shown.delta),
        "" if seconds is None else f"{seconds:.1f}",
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; names from outside lose whatever is not printable."""
    clean = [[("".join(c if c.isprintable() else " " for c in cell)) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in clean) for column in range(len(headings))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in clean]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def gate_table(story: Story) -> str:
    ordered = sorted(story.gates.values(), key=lambda gate: str(gate.created_at))
    rows = [gate_row(gate, next((story.experiments.get(item) for item in gate.experiments), None)) for gate in ordered]
    return table(HEADINGS, rows)


def truth_table(story: Story, truths: Mapping[str, Mapping[str, Any]]) -> str:
    """What each change really did, drawn from the seed before anybody measured, beside what was measured."""
    rows = [
        (
            one.title,
            one.status,
            str(truth["kind"]),
            _pp(float(truth["conversion"])),
            f"x{float(truth['latency_factor']):.2f}",
            _pp(one.result.delta),
            _interval(one.result),
        )
        for one in story.experiments.values()
        if (truth := truths.get(one.feature_flag_key or "")) is not None
    ]
    return table(("experiment", "became", "truth", "true effect", "true latency", "measured", "interval"), rows)
