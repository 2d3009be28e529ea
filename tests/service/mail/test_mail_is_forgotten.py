"""The text of old mail goes; who said what, when, and what came of it stays."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from runtime import forgetting
from runtime.db.mail import inbound_mail, letters
from tests.mail_story import MailStory, mail_settings
from workers import tidying

BEN, ANA = "ben@example.com", "ana@example.com"


@pytest.fixture
def settings(settings):
    return mail_settings(settings, mail_undo_seconds=0)


@pytest.fixture
def mail(story):
    return MailStory(story)


async def aged(mail, table, moment, **which):
    async with mail.runtime.transaction(mail.org_id) as tx:
        column = table.c.received_at if table is inbound_mail else table.c.created_at
        await tx.run(
            update(table).values({column: moment}).where(*(table.c[name] == is_ for name, is_ in which.items()))
        )


async def test_old_letters_lose_their_text_and_keep_what_proves_them(mail):
    gate = await mail.portfolio()
    letter = await mail.letter(gate, ANA)
    decided = await mail.arrives(mail.reply(letter, "APPROVE\nFine by me."))
    waiting = await mail.receive(mail.reply(letter, "still unread"))
    fresh = await mail.arrives(mail.reply(letter, "too late?"))
    other = await mail.letter(gate, BEN)
    old = mail.runtime.now() - timedelta(days=91)
    for row in (decided["id"], waiting):
        await aged(mail, inbound_mail, old, id=row)
    await aged(mail, letters, old, id=letter["id"])

    mail.runtime.settings = mail.runtime.settings.model_copy(update={"mail_days": 0})
    assert await forgetting.mail(mail.runtime, mail.org_id, mail.runtime.now()) == 0, "0 is for ever"
    mail.runtime.settings = mail.runtime.settings.model_copy(update={"mail_days": 90})
    await tidying.tidy(mail.runtime)

    kept = {row["id"]: row for row in await mail.rows(inbound_mail)}
    assert kept[decided["id"]]["raw"] is None
    for name in ("message_id", "content_hash", "sender", "action", "decision", "reasons", "letter_id", "handled_at"):
        assert kept[decided["id"]][name] == decided[name], name
    assert kept[waiting]["raw"] is not None, "nobody has read it yet"
    assert kept[fresh["id"]]["raw"] is not None
    said = {row["id"]: row["said"] for row in await mail.rows(letters)}
    assert said[letter["id"]] == ""
    assert said[other["id"]] != ""
    [event] = await mail.events("mail.forgotten")
    assert (event["payload"]["received"], event["payload"]["sent"]) == (1, 1)
    await aged(mail, letters, old, id=other["id"])
    await aged(mail, inbound_mail, old, id=fresh["id"])
    one_by_one = await forgetting.mail(mail.runtime, mail.org_id, mail.runtime.now(), batch=1)
    assert one_by_one == 2
    assert await forgetting.mail(mail.runtime, mail.org_id, mail.runtime.now()) == 0


async def test_letters_of_an_open_gate_are_kept_however_old(mail):
    letter = await mail.letter(await mail.portfolio(), ANA)
    await aged(mail, letters, mail.runtime.now() - timedelta(days=400), id=letter["id"])
    await tidying.tidy(mail.runtime)
    assert [row["said"] for row in await mail.rows(letters)] == [letter["said"]]
    answered = await mail.arrives(mail.reply(letter, "APPROVE"))
    assert (answered["action"], answered["decision"]) == ("decide", "approve")
