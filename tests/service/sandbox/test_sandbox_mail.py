"""Letters from the bot, read in a frame that can do nothing, and replies as a mail client writes them."""

from base64 import b64decode
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from bot.slack.sandbox.visitor import Refused


def gate_letter(to="dana@shop.test", **headers):
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "Outcome <bot@shop.test>", to, "Launch gate: express checkout"
    letter["Message-ID"], letter["Reply-To"], letter["Date"] = (
        "<gate-7@shop.test>",
        "outcomes+7.abc@shop.test",
        "Mon, 23 Nov 2026 10:00:00 +0000",
    )
    for name, value in headers.items():
        letter[name.replace("_", "-")] = value
    letter.set_content("Reply APPROVE or REJECT.\n")
    letter.add_alternative(
        '<p style="color:teal">Reply <b>APPROVE</b></p><img src="cid:chart"><script>alert(1)</script>', subtype="html"
    )
    letter.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<chart>")
    return letter


async def deliver(office, letter, **query):
    headers = {"Authorization": f"Bearer {office.config.bot_token.get_secret_value()}"}
    async with office.http.post(
        f"{office.url}/sandbox/mail", data=letter.as_bytes(), headers=headers, params=query
    ) as reply:
        return await reply.json()


async def fetched(office, after=0):
    headers = {"Authorization": f"Bearer {office.config.bot_token.get_secret_value()}"}
    async with office.http.get(
        f"{office.url}/sandbox/mail/outgoing", params={"after": after}, headers=headers
    ) as reply:
        return await reply.json()


async def test_a_letter_is_read_and_answered_and_the_bot_fetches_the_answer_once(office):
    dana, ben = await office.come_in("dana"), await office.come_in("ben")
    kept = await deliver(office, gate_letter())
    [letter] = (await dana.look())["mail"]
    assert (letter["subject"], letter["read"], letter["text"]) == (
        "Launch gate: express checkout",
        False,
        "Reply APPROVE or REJECT.\n",
    )
    assert (await ben.look())["mail"] == []

    await dana.do("mail", mail_id=kept["id"])
    await dana.reply_to_letter(kept["id"], "APPROVE\nlooks good")
    assert [(one["direction"], one["read"]) for one in (await dana.look())["mail"]] == [("out", False), ("in", True)]

    first = await fetched(office)
    [sent] = first["messages"]
    assert (await fetched(office, after=first["last"]))["messages"] == []
    reply = message_from_bytes(b64decode(sent["rfc822"]), policy=default)
    assert (sent["envelope_from"], sent["envelope_to"]) == ("dana@shop.test", ["outcomes+7.abc@shop.test"])
    assert (reply["Subject"], reply["In-Reply-To"], reply["References"]) == (
        "Re: Launch gate: express checkout",
        "<gate-7@shop.test>",
        "<gate-7@shop.test>",
    )
    assert reply["Authentication-Results"] == "sandbox.outcome.invalid; dmarc=pass header.from=shop.test"
    lines = reply.get_content().splitlines()
    assert lines[:2] == ["APPROVE", "looks good"]
    assert "> Reply APPROVE or REJECT." in lines
    with pytest.raises(Refused, match="no such letter"):
        await ben.reply_to_letter(kept["id"], "APPROVE")


async def test_html_is_shown_in_a_frame_that_can_run_load_and_send_nothing(office):
    dana, ben = await office.come_in("dana"), await office.come_in("ben")
    kept = await deliver(office, gate_letter())
    async with office.http.get(f"{office.url}/sandbox/mail/{kept['id']}/html", params={"as": dana.id}) as reply:
        policy, shown = reply.headers["Content-Security-Policy"], await reply.text()
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script" not in policy
    assert 'src="data:image/png;base64,' in shown
    async with office.http.get(f"{office.url}/sandbox/mail/{kept['id']}/html", params={"as": ben.id}) as reply:
        assert reply.status == 404


async def test_the_envelope_decides_and_letters_to_strangers_are_shown_to_all(office):
    dana, ben = await office.come_in("dana"), await office.come_in("ben")
    await deliver(office, gate_letter(to="team@shop.test"), to="ben@shop.test")
    await deliver(office, gate_letter(to="nobody@elsewhere.test"))
    assert [one["to"] for one in (await ben.look())["mail"]] == ["nobody@elsewhere.test", "team@shop.test"]
    assert [one["to"] for one in (await dana.look())["mail"]] == ["nobody@elsewhere.test"]


async def test_mail_needs_the_bots_token_and_must_be_a_letter(office):
    async with office.http.post(f"{office.url}/sandbox/mail", data=gate_letter().as_bytes()) as reply:
        assert reply.status == 401
    async with office.http.get(f"{office.url}/sandbox/mail/outgoing") as reply:
        assert reply.status == 401
    assert (await deliver(office, EmailMessage()))["error"] == "INVALID_REQUEST"
