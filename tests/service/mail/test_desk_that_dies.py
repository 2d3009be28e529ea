"""The desk's process may die at any line: nothing is lost, nothing is done twice."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from bot.mail import contracts, desk
from runtime.db.conversed import gate_readings
from runtime.db.mail import inbound_mail
from tests.mail_story import MailStory, mail_settings

BEN, ANA = "ben@example.com", "ana@example.com"


@pytest.fixture
def settings(settings):
    return mail_settings(settings)


@pytest.fixture
def mail(story):
    return MailStory(story)


class Died(BaseException):
    """No handler of ours catches it, as none would run in a process that is gone."""


class Death:
    """Ends the process, as far as the database can tell, before its n-th statement."""

    def __init__(self, engine):
        self.left = None
        event.listen(engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, *_):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Died


async def dying(mail, raw, step=1):
    """Handle one letter in a process that dies one statement later each time; returns how often it died."""
    death, mail_id, deaths = Death(mail.runtime.engine), await mail.receive(raw), 0
    while True:
        death.left = deaths * step
        try:
            assert await desk.handle(mail.runtime, mail.org_id, mail_id)
        except Died:
            deaths += 1
            async with mail.runtime.transaction(mail.org_id) as tx:
                # Time passes until its lease is over; and it is not put aside, since this test means to kill it more often.
                await tx.run(update(inbound_mail).values(lease_until=None, attempts=0))
        else:
            death.left = None
            assert not await desk.handle(mail.runtime, mail.org_id, mail_id), "done is done"
            return deaths


async def once(mail, *kinds):
    """What was said and recorded, each exactly once."""
    said = [row["name"] for row in await mail.said(*kinds)]
    [handled] = [row for row in await mail.rows(inbound_mail) if row["handled_at"]][-1:]
    assert len(await mail.events("mail.handled")) == len(
        [row for row in await mail.rows(inbound_mail) if row["handled_at"]]
    )
    return handled["decision"], said


async def test_a_decision_is_recorded_once_wherever_its_process_dies(mail):
    gate = await mail.portfolio()
    letter = await mail.letter(gate, ANA)
    assert await dying(mail, mail.reply(letter, "APPROVE\nall good"), step=3) > 10
    assert await once(mail, contracts.RECEIPT) == ("approve", [contracts.RECEIPT])
    assert len(await mail.holds()) == 1
    assert len(await mail.events("gate.decision_held")) == 1


async def test_every_other_effect_happens_once_as_well(mail):
    gate = await mail.launch()
    letter = await mail.letter(gate, BEN)
    await dying(mail, mail.reply(letter, "launch this, limited to 20% of users, thanks team"), step=11)
    [proposed] = await mail.said(contracts.PROPOSAL)
    assert len(await mail.rows(gate_readings)) == 1
    shown = await mail.letter(gate, BEN, contracts.PROPOSAL, reading=proposed["payload"]["reading"])
    await dying(mail, mail.reply(shown, "YES"), step=11)
    await dying(mail, mail.reply(letter, "UNDO"), step=11)
    assert [hold["ended"] for hold in await mail.holds()] == ["undone"]
    await dying(mail, mail.reply(letter, f"DELEGATE {ANA}"), step=11)
    assert len(await mail.events("gate.delegated")) == 1
    await dying(mail, mail.reply(letter, "APPROVE", verified=None), step=11)
    await dying(mail, mail.reply(letter, "Who decides this?"), step=11)
    said = [row["name"] for row in await mail.said() if row["name"] != "gate"]
    assert sorted(said) == sorted([
        contracts.PROPOSAL, contracts.RECEIPT, contracts.UNDONE, contracts.RECEIPT, contracts.WAS_IT_YOU, contracts.ANSWER,
    ])  # fmt: skip


async def test_two_desks_at_once_do_it_once_and_what_was_left_behind_is_found(mail):
    gate = await mail.portfolio()
    letter = await mail.letter(gate, ANA)
    mail_id = await mail.receive(mail.reply(letter, "APPROVE"))
    assert sum(await asyncio.gather(*(desk.handle_waiting(mail.runtime) for _ in range(3)))) == 1
    assert len(await mail.holds()) == 1

    await mail.receive(mail.reply(letter, "UNDO"))
    async with mail.runtime.transaction(mail.org_id) as tx:
        left = update(inbound_mail).where(inbound_mail.c.id != mail_id)
        await tx.run(left.values(attempts=1, lease_until=mail.runtime.now() + timedelta(minutes=3)))
    assert await desk.handle_waiting(mail.runtime) == 0, "its process may still be at it"
    async with mail.runtime.transaction(mail.org_id) as tx:
        await tx.run(left.values(lease_until=mail.runtime.now() - timedelta(seconds=1)))
    assert await desk.handle_waiting(mail.runtime) == 1
    assert [hold["ended"] for hold in await mail.holds()] == ["undone"]


async def test_a_letter_that_fails_again_and_again_is_put_aside_with_its_error_and_stops_nobody(mail):
    gate = await mail.portfolio()
    letter = await mail.letter(gate, ANA)
    poison = await mail.receive(mail.reply(letter, "APPROVE"))
    async with mail.runtime.transaction(mail.org_id) as tx:
        # No way in writes such a row; whatever it is that cannot be read, it must not be tried for ever.
        await tx.run(update(inbound_mail).values(envelope_from="x", raw=None))
    mail.runtime.settings = mail.runtime.settings.model_copy(update={"api_secret": None})
    for _ in range(desk.MOST_ATTEMPTS + 1):
        assert await desk.handle_waiting(mail.runtime) == 0
        async with mail.runtime.transaction(mail.org_id) as tx:
            await tx.run(update(inbound_mail).values(lease_until=None))
    [row] = await mail.rows(inbound_mail)
    assert (row["id"], row["action"], row["attempts"]) == (poison, "quarantine", 5)
    assert "API_SECRET" in row["reasons"][0]
    assert len(await mail.events("mail.put_aside")) == 1
