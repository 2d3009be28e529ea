"""The gate's lifecycle: six statuses, and no way for silence or a machine to approve."""

from runtime.lifecycle.machine import Actor, Machine, Transition, machine

OPEN = ("pending", "delegated")
FINAL = frozenset({"approved", "approved_with_conditions", "rejected", "timed_out"})
_HUMAN = frozenset({Actor.HUMAN})
_SYSTEM = frozenset({Actor.SYSTEM})


def _from_open(state: str) -> tuple[Transition, ...]:
    return (
        Transition(state, "approve", "approved", _HUMAN),
        Transition(state, "approve_with_conditions", "approved_with_conditions", _HUMAN),
        Transition(state, "reject", "rejected", _HUMAN),
        Transition(state, "delegate", "delegated", _HUMAN),
        Transition(state, "time_out", "timed_out", _SYSTEM),
        # Withdrawn because what it asks about is over (killed, paused, replaced): closed without an approval.
        Transition(state, "withdraw", "timed_out", frozenset({Actor.SYSTEM, Actor.HUMAN})),
        Transition(state, "remind", state, _SYSTEM),
        Transition(state, "escalate", state, _SYSTEM),
        Transition(state, "renew_evidence", state, frozenset(Actor)),
    )


GATE: Machine = machine("gate", "pending", FINAL, (*_from_open("pending"), *_from_open("delegated")))
