"""Mail that machines wrote: never answered, but an absence is believed, and an address that refuses letters is marked."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.mail import desk_say
from bot.mail.contracts import Robot
from bot.mail.desk_case import Case
from bot.mail.desk_say import Done
from runtime.db.engine import Row, Tx
from runtime.gates import unreachable
from runtime.identity import members

if TYPE_CHECKING:
    from runtime.core import Runtime

AWAY = timedelta(hours=24)
"""How long an out-of-office reply without a date is believed."""
LONGEST_AWAY = timedelta(days=90)


async def heed(runtime: "Runtime", tx: Tx, case: Case, robot: Robot) -> Done:
    """Only what came to a person's own token counts: anybody can write in the name of a machine."""
    if case.owner is None or case.gate is None or await members.by_email(tx, case.owner) is None:
        return Done(facts={"robot": robot.kind})
    if robot.kind == "out_of_office" and case.incoming.sender == case.owner:
        proven = case.verdict.sender_verified
        return await _away(tx, case, robot) if proven else Done(facts={"robot": robot.kind, "unproven": case.owner})
    if robot.kind == "bounce" and robot.permanent:
        return await _bounced(runtime, tx, case, robot)
    return Done(facts={"robot": robot.kind})


async def _away(tx: Tx, case: Case, robot: Robot) -> Done:
    assert case.owner is not None
    until = robot.until if robot.until and robot.until > case.now else case.now + AWAY
    until = min(until, case.now + LONGEST_AWAY)
    gone_on = await unreachable.is_away(tx, case.owner, until, case.now)
    return Done(facts={"robot": robot.kind, "away": case.owner, "until": until.isoformat(), "gates": _ids(gone_on)})


async def _bounced(runtime: "Runtime", tx: Tx, case: Case, robot: Robot) -> Done:
    """A letter forwarded to somebody else may bounce there; it is the token's owner whom we could not reach."""
    assert case.owner is not None
    assert case.gate is not None
    gone_on = await unreachable.refused(tx, case.owner, robot.why, case.now)
    text = (
        f"Letters to {case.owner} come back: {robot.why[:300]}. Gates that wait for them go on to the next person of the chain. "
        "Correct the address in outcome.yaml, or let them answer in Slack."
    )
    notices = await desk_say.to_owner(
        tx, runtime.settings, case.gate, text, once=f"refused:{case.owner}:{case.now:%Y-%m-%d}", past=case.owner
    )
    return Done(notices, {"robot": robot.kind, "refused": case.owner, "gates": _ids(gone_on)})


def _ids(gates: Sequence[Row]) -> list[str]:
    return [str(gate["id"]) for gate in gates]
