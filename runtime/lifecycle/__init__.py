"""Lifecycles of outcomes, experiments and gates: pure tables, printable as diagrams."""

from runtime.lifecycle.experiment import EXPERIMENT
from runtime.lifecycle.gate import GATE
from runtime.lifecycle.machine import Actor, Approval, Machine, Step, Transition, mermaid
from runtime.lifecycle.outcome import OUTCOME

MACHINES: dict[str, Machine] = {"outcome": OUTCOME, "experiment": EXPERIMENT, "gate": GATE}

__all__ = ["EXPERIMENT", "GATE", "MACHINES", "OUTCOME", "Actor", "Approval", "Machine", "Step", "Transition", "mermaid"]
