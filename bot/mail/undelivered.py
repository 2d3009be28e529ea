"""What a provider says became of a letter after it had taken it: the address is marked and its gates go on, as after a bounce by mail."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import select

from bot.mail import desk_say, outgoing
from bot.mail.addresses import storable
from runtime.db.engine import Row, Tx
from runtime.db.mail import letters
from runtime.gates import unreachable
from runtime.identity import members
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A letter that never arrived, or that its reader called spam: the provider sends nothing more to that address."""

    recipient: str
    why: str
    message_id: str = ""
    """Ours, where the provider tells it."""


async def heed(runtime: "Runtime", way: str, found: Undelivered) -> bool:
    """Act on one event; False when it is about no letter of ours, or was told before. Posted twice it does the same once."""
    to = storable(found.recipient.strip().lower())
    done = False
    for org_id in await runtime.org_ids() if to else []:
        async with runtime.transaction(org_id) as tx:
            letter = await _letter(tx, to, found.message_id)
            if letter is None or await members.by_email(tx, to) is None:
                continue
            await _marked(runtime, tx, letter, f"{way.capitalize()}: {storable(found.why, 400)}", runtime.now())
            done = True
    log.info("mail.undelivered", way=way, known=done)
    return done


async def _letter(tx: Tx, to: str, message_id: str) -> Row | None:
    """The letter that is named, else the newest one that went to this address; None if that was refused already."""
    mine = select(letters).where(letters.c.recipient == to, letters.c.sent_at.is_not(None)).with_for_update()
    newest = mine.order_by(letters.c.sent_at.desc()).limit(1)
    wanted = f"<{storable(message_id).strip().strip('<>')}>"
    named = await tx.first(mine.where(letters.c.message_id == wanted)) if message_id else None
    found = named or await tx.first(newest)
    return found if found is not None and found["refused_at"] is None else None


async def _marked(runtime: "Runtime", tx: Tx, letter: Row, why: str, now: datetime) -> None:
    to = letter["recipient"]
    gone_on = await unreachable.refused(tx, to, why, now)
    await outgoing.refused(tx, letter, why, now)
    text = (
        f"Letters to {to} do not arrive ({why[:300]}). Gates that wait for them go on to the next person of the chain. "
        "Correct the address in outcome.yaml, or lift the block at the provider, or let them answer in Slack."
    )
    about: UUID = letter["gate_id"] or tx.org_id
    once = f"refused:{to}:{now:%Y-%m-%d}"
    told = await desk_say.to_owner(tx, runtime.settings, {"id": about}, text, once=once, past=to)
    facts = {"to": to, "why": why[:300], "letter": str(letter["id"]), "gates": [str(gate["id"]) for gate in gone_on]}
    kind = "gate" if letter["gate_id"] else "mail"
    await record(tx, Event("letter.refused", kind, letter["gate_id"] or letter["id"], facts), by=SYSTEM, notices=told)
