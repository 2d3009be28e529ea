"""Replies to digests and news, and letters out of the blue: a proven colleague is answered, nobody else hears anything."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, update

from bot.mail import contracts, unsubscribe
from bot.mail.channel_astray import astray
from bot.mail.channel_notes import At
from bot.mail.house import House
from bot.mail.letter_text import text_of
from runtime.db.mail import inbound_mail, letters
from tests.mail_story import MailStory, mail_settings

ANA, BEN, ARUN = "ana@example.com", "ben@example.com", "arun@example.com"


@pytest.fixture
def settings(settings):
    return mail_settings(settings)


@pytest.fixture
def mail(story):
    return MailStory(story)


async def news(mail, to, kind, subject_id, title):
    """A letter about no gate, as the channel keeps what it sent; a reply goes to the bare address."""
    values = {
        "org_id": mail.org_id, "kind": kind, "subject_kind": kind, "subject_id": subject_id, "gate_id": None, "recipient": to,
        "dedupe": f"{kind}:{to}", "message_id": f"<letter-{kind}-{to.partition('@')[0]}@outcome.test>", "title": title,
        "said": f"{title}\n\nSince yesterday: 1 running\n", "sent_at": mail.runtime.now(),
    }  # fmt: skip
    async with mail.runtime.transaction(mail.org_id) as tx:
        return await tx.first(insert(letters).values(values).returning(letters))


def reply(mail, letter, text, **headers):
    return mail.reply({**letter, "gate_id": mail.org_id}, text, **{"To": "outcomes@outcome.test", **headers})


async def read(mail, notice):
    """The letter that the notice becomes."""
    at_notice = SimpleNamespace(**{name: notice[name] for name in ("kind", "subject_id", "place", "payload")})
    async with mail.runtime.transaction(mail.org_id) as tx:
        at = At(mail.runtime, tx, House.of(mail.runtime.settings), at_notice, mail.runtime.now())
        [draft] = await astray(at)
    return draft, text_of(draft.page)


async def test_who_replies_to_a_digest_or_to_news_is_answered_and_told_what_waits(mail):
    gate = await mail.launch()
    digest = await news(mail, ARUN, "digest", mail.org_id, "Daily digest, 2026-11-23")
    row = await mail.arrives(reply(mail, digest, "Who decides the launch?"))
    [said] = await mail.said(contracts.ASTRAY)
    assert (row["action"], row["decision"], said["place"], row["gate_id"]) == ("answer", "question", ARUN, None)
    draft, text = await read(mail, said)
    assert "decide" in text
    assert (draft.answers, draft.title) == (row["message_id"], "Daily digest, 2026-11-23")

    experiment = await mail.story.experiment()
    told = await news(mail, BEN, "experiment", experiment["id"], experiment["title"])
    await mail.arrives(reply(mail, told, "how sure are we?"))
    asked = (await mail.said(contracts.ASTRAY))[-1]
    assert experiment["feature_flag_key"] in asked["payload"]["query"], "about the experiment of that letter"
    row = await mail.arrives(reply(mail, told, "APPROVE"))
    assert (row["action"], row["decision"], await mail.holds()) == ("ask_back", "none", [])
    draft, text = await read(mail, (await mail.said(contracts.ASTRAY))[-1])
    assert "Nothing was decided" in text
    assert "Waiting for you (1)" in text
    assert f"{mail.runtime.settings.public_url}/g/" in text, "with a link to what Ben is asked"
    assert (draft.subject_kind, draft.subject_id) == ("experiment", experiment["id"])
    assert (await mail.gate(gate["id"]))["status"] == "pending"

    out_of_the_blue = reply(mail, told, "ok, approved!", In_Reply_To="", References="", Subject="Launch")
    assert (await mail.arrives(out_of_the_blue))["action"] == "ask_back"
    _, text = await read(mail, (await mail.said(contracts.ASTRAY))[-1])
    assert "reply to its own letter" in text
    before = len(await mail.said(contracts.ASTRAY))
    read_along = reply(mail, told, "Who decides?", In_Reply_To="", References="", To=ANA, Cc="outcomes@outcome.test")
    assert (await mail.arrives(read_along))["action"] == "ignore"
    for number in range(4):
        await mail.arrives(reply(mail, told, f"ok then {number}"))
    assert len(await mail.said(contracts.ASTRAY)) == before + 2, "five an hour"


async def test_a_digest_is_left_by_a_word_and_nothing_else_is(mail):
    await mail.portfolio()
    digest = await news(mail, ARUN, "digest", mail.org_id, "Daily digest")
    told = await news(mail, ARUN, "experiment", mail.org_id, "Guest checkout")
    unverified = reply(mail, digest, "unsubscribe", verified=None)
    assert (await mail.arrives(unverified))["action"] == "quarantine"
    forged = reply(mail, digest, "unsubscribe", sender="eve@elsewhere.test")
    assert (await mail.arrives(forged))["action"] == "quarantine"
    robot = reply(mail, digest, "unsubscribe me", Auto_Submitted="auto-replied")
    assert (await mail.arrives(robot))["action"] == "ignore"
    assert await mail.said(contracts.ASTRAY) == [], "neither robots nor strangers hear anything"
    await mail.arrives(reply(mail, told, "stop"))
    async with mail.runtime.transaction(mail.org_id) as tx:
        assert not await unsubscribe.left(tx, ARUN), "it was no digest"
        await tx.run(update(inbound_mail).values(handled_at=mail.runtime.now() - timedelta(hours=2)))
    row = await mail.arrives(reply(mail, digest, "Stop the digest, please.\n\nArun"))
    assert (row["action"], row["decision"]) == ("answer", "none")
    async with mail.runtime.transaction(mail.org_id) as tx:
        assert await unsubscribe.left(tx, ARUN)
    _, text = await read(mail, (await mail.said(contracts.ASTRAY))[-1])
    assert "No more daily digests. Gates still come to you." in text
