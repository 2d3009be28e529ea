"""The letter to somebody who wrote to no gate: their answer, and what does wait for them."""

import re

from bot.mail import letter_notes
from bot.mail.channel_notes import At, inbound_id, waiting
from bot.mail.channel_words import picture_words
from bot.mail.outgoing import Draft, people

_REPLIED = re.compile(r"^(?:(?:re|aw|sv|antw|r|odp)\s*:\s*)+", re.IGNORECASE)


async def astray(at: At) -> list[Draft]:
    """Drawn from the gates as they are now; its links decide nothing."""
    said, chart = at.payload, at.payload.get("chart")
    if at.to not in await people(at.tx):
        return []
    title = _REPLIED.sub("", str(said.get("title") or "")) or "Your letter"
    words = letter_notes.Astray(
        str(said.get("question") or ""), str(said.get("text") or ""), nothing=bool(said.get("nothing"))
    )
    page = letter_notes.astray(title, words, await waiting(at), picture_words(chart))
    once, kind = f"{at.notice.kind}:{said.get('inbound')}", str(said.get("subject_kind") or "org")
    answers = await inbound_id(at)
    return [Draft(at.notice.kind, kind, at.notice.subject_id, at.to, once, page, title, chart=chart, answers=answers)]
