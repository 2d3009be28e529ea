"""The experiment's lifecycle: the twelve states of the specification, and `paused`."""

from runtime.lifecycle.machine import Actor, Machine, Transition, machine

FINAL = frozenset({"killed", "shipped"})
LIVE = ("running", "measuring", "awaiting_analysis_gate", "scaling", "awaiting_scale_gate")
"""States in which users may be seeing the treatment."""

_HUMAN = frozenset({Actor.HUMAN})
_SYSTEM = frozenset({Actor.SYSTEM})
_BUILDER = frozenset({Actor.AGENT, Actor.HUMAN})
_BREAKER = frozenset({Actor.SYSTEM, Actor.HUMAN})

_PORTFOLIO = frozenset({"portfolio_review"})
_LAUNCH = frozenset({"launch_approval"})
_ANALYSIS = frozenset({"analysis_review"})
_RESUME = frozenset({"resume_review"})
_SCALE = frozenset({"scale_approval", "ship_approval"})

_OFF = ("flag.kill", "learning.store")
_SHIP = ("flag.finalise", "learning.store")
_ITERATE = ("flag.kill", "learning.store", "portfolio.propose")

_PLAN = (
    Transition("hypothesis", "propose", "awaiting_portfolio_gate", _SYSTEM),
    Transition("awaiting_portfolio_gate", "approve_portfolio", "building", _HUMAN, _PORTFOLIO, ("build.dispatch",)),
    Transition("awaiting_portfolio_gate", "reject_portfolio", "killed", _HUMAN, _PORTFOLIO),
)
_BUILD = (
    Transition("building", "report_built", "awaiting_launch_gate", _BUILDER, effects=("gate.open",)),
    Transition("building", "build_failed", "failed_build", frozenset(Actor)),
    Transition("failed_build", "rebuild", "building", _HUMAN, effects=("build.dispatch",)),
    # A build reported again while its gate is open: the gate's evidence changes, no second gate opens.
    Transition("awaiting_launch_gate", "report_built", "awaiting_launch_gate", _BUILDER),
    Transition("awaiting_launch_gate", "rework", "building", _HUMAN, _LAUNCH, ("build.dispatch",)),
)
_RUN = (
    Transition("awaiting_launch_gate", "approve_launch", "running", _HUMAN, _LAUNCH, ("flag.rollout",)),
    Transition("awaiting_launch_gate", "reject_launch", "killed", _HUMAN, _LAUNCH, _OFF),
    Transition("running", "first_data", "measuring", _SYSTEM),
    Transition("running", "conclude", "awaiting_analysis_gate", _SYSTEM, effects=("gate.open",)),
    Transition("measuring", "conclude", "awaiting_analysis_gate", _SYSTEM, effects=("gate.open",)),
    Transition("awaiting_analysis_gate", "run_on", "measuring", _HUMAN, _ANALYSIS),
)
_CONCLUDE = (
    Transition("awaiting_analysis_gate", "ship", "shipped", _HUMAN, _ANALYSIS, _SHIP),
    Transition("awaiting_analysis_gate", "scale", "scaling", _HUMAN, _ANALYSIS, ("flag.rollout",)),
    Transition("awaiting_analysis_gate", "iterate", "killed", _HUMAN, _ANALYSIS, _ITERATE),
    Transition("awaiting_analysis_gate", "decline", "killed", _HUMAN, _ANALYSIS, _OFF),
    Transition("scaling", "conclude", "awaiting_scale_gate", _SYSTEM, effects=("gate.open",)),
    Transition("awaiting_scale_gate", "scale", "scaling", _HUMAN, _SCALE, ("flag.rollout",)),
    Transition("awaiting_scale_gate", "ship", "shipped", _HUMAN, _SCALE, _SHIP),
    Transition("awaiting_scale_gate", "decline", "killed", _HUMAN, _SCALE, _OFF),
)
_HOLD = (
    *(Transition(state, "pause", "paused", _BREAKER, effects=("flag.pause",)) for state in LIVE),
    *(Transition(state, "violate", "killed", _SYSTEM, effects=_OFF) for state in (*LIVE, "paused")),
    Transition("paused", "resume", "running", _HUMAN, _RESUME, effects=("flag.rollout",)),
    Transition("paused", "resume_scaling", "scaling", _HUMAN, _RESUME, effects=("flag.rollout",)),
)
_STOP = tuple(
    Transition(state, "kill", "killed", _HUMAN, effects=_OFF)
    for state in (
        "hypothesis",
        "awaiting_portfolio_gate",
        "building",
        "failed_build",
        "awaiting_launch_gate",
        *LIVE,
        "paused",
    )
)

EXPERIMENT: Machine = machine("experiment", "hypothesis", FINAL, (*_PLAN, *_BUILD, *_RUN, *_CONCLUDE, *_HOLD, *_STOP))


def resume_event(paused_from: str) -> str:
    """Which `resume` leads back to where a paused experiment was: its rollout as launched, or as scaled."""
    return "resume_scaling" if paused_from in {"scaling", "awaiting_scale_gate"} else "resume"
