"""Six digits for a gate's page, as a direct message to whoever the page belongs to."""

from uuid import UUID

import structlog

from bot.slack import kit
from bot.slack.deliveries import Key
from bot.slack.post import Desk, Letter
from bot.slack.words import fit
from runtime.gates import rows
from runtime.identity.codes import KIND, words
from runtime.integrations.contracts import Notice

log = structlog.get_logger(__name__)

__all__ = ["KIND", "deliver"]


async def deliver(desk: Desk, notice: Notice) -> None:
    """To nobody but that person: where no direct conversation is possible, the letter with the same digits has to do."""
    code_id = UUID(str(notice.payload["code"]))
    async with desk.runtime.transaction(desk.org_id) as tx:
        gate = await rows.get(tx, notice.subject_id)
    if await desk.places.find(notice.place) is None:
        log.info("slack.code_went_by_letter_only", place=notice.place)
        return
    text = fit(words(desk.runtime.settings, code_id, gate["question"]), kit.SECTION)
    await desk.put(Letter(Key(KIND, code_id, notice.place), lambda _: (text, [kit.section(text)])))
