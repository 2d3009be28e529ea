"""The daily digest as a letter: once a day, with a way out of it that is no way out of gates."""

from datetime import datetime

from sqlalchemy import select

from bot.mail import unsubscribe
from bot.mail.channel_notes import At
from bot.mail.channel_words import picture_words
from bot.mail.letter_notes import digest as digest_page
from bot.mail.letter_parts import Reader
from bot.mail.outgoing import Draft, people
from runtime import digests
from runtime.db.tables import human_gates
from runtime.outcomes import standing
from runtime.settings import Settings, secret


async def digest(at: At) -> list[Draft]:
    """Nothing for whoever has it in Slack, left it, or where nothing happened."""
    settings, given = at.runtime.settings, at.payload
    since, until = (datetime.fromisoformat(given[name]) for name in ("since", "until"))
    reader = await digests.by_id(at.tx, settings, at.notice.subject_id)
    member = (await people(at.tx)).get(at.to)
    if reader is None or member is None or (member.slack_user_id and not only_mail(settings)):
        return []
    if await unsubscribe.left(at.tx, at.to):
        return []
    found = await digests.collect(at.tx, settings, reader.outcomes, since, until)
    if found.empty:
        return []
    due = {line.gate: line.due for line in found.waiting if line.gate and line.due}
    mine = await at.tx.all(select(human_gates.c.id, human_gates.c.due_at).where(human_gates.c.id.in_(list(due))))
    links = {row["id"]: at.house.link(row["id"], at.to, row["due_at"]) for row in mine}
    stand = await standing.of(at.tx, reader.outcomes, member.timezone)
    page = digest_page(found, Reader(at.to, member.name, member.timezone), links, stand, picture_words(stand.chart))
    title = f"Daily digest, {until.date().isoformat()}"
    out = unsubscribe.url(at.house, at.notice.org_id, at.to)
    return [
        Draft(
            "digest",
            "digest",
            at.notice.subject_id,
            at.to,
            f"digest:{given['day']}:{at.to}",
            page,
            title,
            chart=stand.chart,
            unsubscribe=out,
        )
    ]


def only_mail(settings: Settings) -> bool:
    """Real mail is configured and Slack is the sandbox at most: nobody looks there every day."""
    return bool(secret(settings.smtp_url)) and not settings.slack_base_url.startswith("https://")
