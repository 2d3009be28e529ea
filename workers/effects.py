"""Which call performs which effect: one table."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from runtime.core import Runtime
from runtime.experiments import build, rollout
from runtime.gates import presence
from runtime.hypotheses import service as hypotheses
from runtime.learnings import service as learnings

Perform = Callable[[Runtime, UUID, UUID], Awaitable[None]]


async def propose(runtime: Runtime, org_id: UUID, subject_id: UUID) -> None:
    """The subject is an outcome that was activated, or an experiment that ended with `iterate`."""
    if await hypotheses.is_outcome(runtime, org_id, subject_id):
        await hypotheses.for_outcome(runtime, org_id, subject_id)
    else:
        await hypotheses.after_experiment(runtime, org_id, subject_id)


EFFECTS: dict[str, Perform] = {
    "build.dispatch": build.dispatch,
    "flag.rollout": rollout.apply,
    "flag.kill": rollout.apply,
    "flag.pause": rollout.pause,
    "flag.finalise": rollout.apply,
    "gate.people": presence.look,
    "learning.store": learnings.store,
    "portfolio.propose": propose,
    "portfolio.playbook": hypotheses.from_playbook,
}
