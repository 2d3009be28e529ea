"""The lifecycle tables keep their promises, whatever happens in whatever order."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ApprovalMissing, IllegalTransition, NotAllowed
from runtime.lifecycle import EXPERIMENT, GATE, MACHINES, OUTCOME, Actor, Approval, Machine, mermaid
from runtime.lifecycle.experiment import LIVE, resume_event

GATE_TYPES = (
    "portfolio_review",
    "launch_approval",
    "analysis_review",
    "scale_approval",
    "ship_approval",
    "resume_review",
    "agent_question",
)
SPECIFIED = {
    "hypothesis", "awaiting_portfolio_gate", "building", "awaiting_launch_gate", "running", "measuring",
    "awaiting_analysis_gate", "scaling", "awaiting_scale_gate", "killed", "shipped", "failed_build",
}  # fmt: skip


def reachable(machine: Machine, start: str) -> set[str]:
    seen, queue = {start}, deque([start])
    while queue:
        state = queue.popleft()
        for (source, _), row in machine.table.items():
            if source == state and row.target not in seen:
                seen.add(row.target)
                queue.append(row.target)
    return seen


def test_the_states_are_those_of_the_specification_and_paused() -> None:
    assert EXPERIMENT.states == SPECIFIED | {"paused"}
    assert OUTCOME.states == {"draft", "active", "achieved", "abandoned", "expired"}
    assert GATE.states == {"pending", "approved", "rejected", "approved_with_conditions", "delegated", "timed_out"}


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_no_state_is_unreachable_and_none_is_a_trap(machine: Machine) -> None:
    assert reachable(machine, machine.initial) == machine.states
    for state in machine.states - machine.final:
        assert reachable(machine, state) & machine.final, f"{state} is a trap"
    for state in machine.final:
        assert machine.events_from(state) == (), f"{state} is final and yet goes on"


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_the_diagram_names_every_step_and_its_guard(machine: Machine) -> None:
    text = mermaid(machine)
    for row in machine.table.values():
        assert f"{row.source} --> {row.target}: {row.event}" in text
        assert all(guard in text for guard in row.guard)


def test_a_person_can_stop_an_experiment_from_every_state_that_is_not_final() -> None:
    for state in EXPERIMENT.states - EXPERIMENT.final:
        assert (
            EXPERIMENT.step(state, "kill", by=Actor.HUMAN, approval=Approval("resume_review", "ana@example.com")).to
            == "killed"
        )


def test_a_violated_constraint_turns_the_flag_off_before_anything_else() -> None:
    for state in (*LIVE, "paused"):
        step = EXPERIMENT.step(state, "violate", by=Actor.SYSTEM)
        assert (step.to, step.effects[0]) == ("killed", "flag.kill")


def test_silence_never_approves() -> None:
    for state in ("pending", "delegated"):
        assert GATE.step(state, "time_out", by=Actor.SYSTEM).to == "timed_out"
        for event in ("approve", "approve_with_conditions", "reject", "delegate"):
            for actor in (Actor.SYSTEM, Actor.AGENT):
                with pytest.raises(NotAllowed):
                    GATE.step(state, event, by=actor)


def test_an_unknown_event_names_what_is_possible() -> None:
    with pytest.raises(IllegalTransition, match=r"possible now: .*approve_portfolio"):
        EXPERIMENT.step("awaiting_portfolio_gate", "ship", by=Actor.HUMAN)


def test_an_approval_of_the_wrong_gate_does_not_launch() -> None:
    wrong = Approval("portfolio_review", "ana")
    with pytest.raises(ApprovalMissing, match="launch_approval"):
        EXPERIMENT.step("awaiting_launch_gate", "approve_launch", by=Actor.HUMAN, approval=wrong)


def test_resuming_leads_back_to_the_rollout_that_was_approved() -> None:
    asked = Approval("resume_review", "ana")
    for state in LIVE:
        with pytest.raises(ApprovalMissing, match="resume_review"):
            EXPERIMENT.step("paused", resume_event(state), by=Actor.HUMAN)
        target = EXPERIMENT.step("paused", resume_event(state), by=Actor.HUMAN, approval=asked).to
        assert target == ("scaling" if "scal" in state else "running")


approvals = st.none() | st.builds(Approval, st.sampled_from(GATE_TYPES), st.sampled_from(["", "ana"]))
events = st.sampled_from(sorted({event for _, event in EXPERIMENT.table}))
happenings = st.lists(st.tuples(events, st.sampled_from(list(Actor)), approvals), max_size=60)

GUARDED = {"building": {"portfolio_review"}, "running": {"launch_approval"}, "scaling": {"analysis_review", "scale_approval", "ship_approval"},
           "shipped": {"analysis_review", "scale_approval", "ship_approval"}}  # fmt: skip


@given(happenings)
def test_nothing_is_built_launched_scaled_or_shipped_without_the_approval_that_guards_it(
    happened: list[tuple[str, Actor, Approval | None]],
) -> None:
    state, granted = EXPERIMENT.initial, set[str]()
    for event, actor, approval in happened:
        try:
            step = EXPERIMENT.step(state, event, by=actor, approval=approval)
        except (IllegalTransition, NotAllowed):
            continue
        if approval and approval.decided_by and actor is Actor.HUMAN:
            granted.add(approval.gate_type)
        if step.to in GUARDED and step.to != state:
            assert granted & GUARDED[step.to], f"{step.to} reached by {event} with {granted}"
        if state == "paused" and step.to != "killed":
            assert approval is not None
            assert approval.gate_type == "resume_review"
        if "flag.rollout" in step.effects:
            assert "launch_approval" in granted
        if "flag.finalise" in step.effects:
            assert granted & GUARDED["shipped"]
        state = step.to


@given(happenings)
def test_agents_and_the_system_alone_never_get_past_the_first_gate(
    happened: list[tuple[str, Actor, Approval | None]],
) -> None:
    state = EXPERIMENT.initial
    for event, actor, approval in happened:
        if actor is Actor.HUMAN:
            continue
        try:
            state = EXPERIMENT.step(state, event, by=actor, approval=approval).to
        except (IllegalTransition, NotAllowed):
            continue
    assert state in {"hypothesis", "awaiting_portfolio_gate"}
