"""One message a second in each channel, as Slack wants it: whoever comes too soon is given a turn of its own and comes back then."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Float, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.slack.deliveries import CHANNEL, Key
from runtime.db.engine import Row, Tx
from runtime.db.tables import deliveries
from runtime.errors import ChannelFailed

KIND = "pace"
SPACING = 1.0
"""Seconds between two messages in a channel."""
BURST = 3.0
"""Seconds by which a channel may be ahead of its spacing: Slack takes short bursts."""
TURN = "turn"
_AGAIN = 0.25
_PATIENCE = 10.0
"""Seconds for which a later message waits for an earlier one that does not come."""
_NEXT = "next"
_d = deliveries.c


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds until a message may be posted, and whether nobody can have posted it before."""

    wait: float
    fresh: bool


async def take_turn(tx: Tx, key: Key, row: Row, *, fresh: bool) -> Turn:
    """The turn of a message that must wait is kept with it, over restarts and between processes."""
    now, kept = time.time(), row["details"].get(TURN)
    if kept is None:
        at = await _next(tx, key.place, now) - BURST
        if at > now:
            await _write(tx, key, {**row["details"], TURN: {"at": at, "fresh": fresh}})
        return Turn(max(0.0, at - now), fresh)
    if kept["at"] <= now and await _overtakes(tx, key, kept["at"]):
        return Turn(_AGAIN, kept["fresh"])
    if kept["at"] <= now:
        # Kept until it stands there, for those that come after it; but from now on somebody may have posted it.
        await _write(tx, key, {**row["details"], TURN: {"at": kept["at"], "fresh": False}})
    return Turn(max(0.0, kept["at"] - now), kept["fresh"])


async def _overtakes(tx: Tx, key: Key, at: float) -> bool:
    """Whether a message whose turn came before this one's is still on its way to the same place, perhaps in another process."""
    turn = cast(_d.details[TURN]["at"].astext, Float)
    before = (_d.channel == CHANNEL) & (_d.place == key.place) & _d.external_place.is_(None) & _d.external_id.is_(None)
    earlier = select(_d.subject_id).where(before, turn < at, turn > at - _PATIENCE)
    return await tx.first(earlier.limit(1)) is not None


def refusal(place: str, wait: float) -> ChannelFailed:
    """`retry_after` hands the message back to the outbox: nobody sleeps."""
    return ChannelFailed(f"{place} takes one message a second; this one's turn is in {wait:.1f} s.", retry_after=wait)


async def _write(tx: Tx, key: Key, details: Mapping[str, Any]) -> None:
    mine = (_d.subject_kind == key.kind) & (_d.subject_id == key.subject) & (_d.place == key.place)
    await tx.run(update(deliveries).where(mine, _d.channel == CHANNEL).values(details=dict(details)))


async def _next(tx: Tx, place: str, now: float) -> float:
    """The channel's next free second, taken in one statement so that two processes never share it."""
    kept = cast(_d.details[_NEXT].astext, Float)
    values = {"org_id": tx.org_id, "subject_kind": KIND, "subject_id": tx.org_id, "channel": CHANNEL, "place": place}
    fresh = func.jsonb_build_object(_NEXT, func.greatest(func.coalesce(kept, 0.0), now) + SPACING)
    statement = (
        insert(deliveries)
        .values(**values, details={_NEXT: now + SPACING})
        .on_conflict_do_update(index_elements=list(values), set_={"details": fresh})
        .returning(cast(_d.details[_NEXT].astext, Float).label("next"))
    )
    return float(await tx.value(statement)) - SPACING
