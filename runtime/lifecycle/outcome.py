"""The outcome's lifecycle: draft, active, and three ways to end."""

from runtime.lifecycle.machine import Actor, Machine, Transition, machine

FINAL = frozenset({"achieved", "abandoned", "expired"})
_HUMAN = frozenset({Actor.HUMAN})
_SYSTEM = frozenset({Actor.SYSTEM})

OUTCOME: Machine = machine(
    "outcome",
    "draft",
    FINAL,
    (
        Transition("draft", "activate", "active", _HUMAN, effects=("portfolio.propose",)),
        Transition("draft", "abandon", "abandoned", _HUMAN),
        Transition("active", "abandon", "abandoned", _HUMAN),
        Transition("active", "achieve", "achieved", _SYSTEM),
        Transition("active", "expire", "expired", _SYSTEM),
    ),
)
