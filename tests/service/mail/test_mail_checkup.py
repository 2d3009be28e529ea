"""What `doctor` says of the ways in: whether the server that is believed really writes its verdict."""

import pytest

from bot.mail import checkup
from tests.mail_story import BORDER, MailStory, mail_settings, verdict

ANA = "ana@example.com"


@pytest.fixture
def settings(settings):
    return mail_settings(settings, mail_listen="127.0.0.1:2525")


@pytest.fixture
def mail(story):
    return MailStory(story)


async def test_a_server_that_leaves_its_verdict_out_is_named(mail):
    async def said():
        found = await checkup.lines(mail.runtime, mail.org_id)
        return {name: (state, detail) for state, name, detail in found}

    assert (await said())["mail listener"] == (
        "ok",
        "without TLS; set MAIL_TLS_CERT and MAIL_TLS_KEY where letters cross a network",
    )
    assert (await said())["mail senders"][0] == "--"
    letter = {"gate_id": mail.org_id, "recipient": ANA, "message_id": "<x@y>", "title": "x", "said": "x"}
    await mail.arrives(mail.reply(letter, "one", Message_ID="<1@example.com>"))
    own = mail.reply(letter, "own", sender="team@outcome.test", verified=None)
    await mail.arrives(own)
    assert (await said())["mail senders"] == ("ok", f"{BORDER} wrote its verdict into each of the last 1 letters")
    await mail.arrives(mail.reply(letter, "two", verified=None))
    await mail.arrives(mail.reply(letter, "three", verified=verdict(ANA, "mx.evil.test")))
    state, detail = (await said())["mail senders"]
    assert (state, detail.startswith("2 of the last 3 letters")) == ("!!", True)
    mail.runtime.settings = mail.runtime.settings.model_copy(update={"mail_authserv_id": "", "mail_listen": ""})
    assert await said() == {}
    mail.runtime.settings = mail.runtime.settings.model_copy(update={"mail_listen": "127.0.0.1:2525"})
    assert "DKIM" in (await said())["mail senders"][1]
