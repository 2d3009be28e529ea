"""Mail that no person wrote is known as such, and nothing that a person wrote is."""

# ruff: noqa: RUF001  words of other scripts look like Latin ones
from datetime import UTC, datetime
from uuid import UUID

import pytest

from bot.mail import message, robots, tokens
from bot.mail.absences import absent_until
from bot.mail.contracts import Robot

SENT = datetime(2026, 11, 23, 10, tzinfo=UTC)
OWN = "outcomes@example.org"
GATE = UUID("0c9a2a52-6f2b-4c8e-9a35-3b7a5a1d0f11")


def kind(
    *lines: str, body: str = "APPROVE", envelope: str | None = None, own: tuple[str, ...] = (OWN,)
) -> Robot | None:
    head = [*lines, "Date: Mon, 23 Nov 2026 10:00:00 +0000"]
    if not any(line.lower().startswith("from:") for line in head):
        head.append("From: Dana <dana@x.org>")
    raw = "\r\n".join([*head, "", body]).encode()
    return robots.kind(message.read(raw, envelope_from=envelope), own=own)


def named(*lines: str, body: str = "APPROVE", envelope: str | None = None) -> str:
    found = kind(*lines, body=body, envelope=envelope)
    return found.kind if found else ""


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["X-Auto-Response-Suppress: All"],
        ["X-Auto-Response-Suppress: DR, OOF, AutoReply"],
        ["Auto-Submitted: no"],
        ["Auto-Submitted: No (a person)"],
        ["Feedback-ID: 1.eu-west-1.x:AmazonSES"],
        ["X-MS-Exchange-Inbox-Rules-Loop: dana@x.org"],
        ["Precedence: normal"],
        ["Subject: Re: Automatic reply: Gate"],
        ["Subject: Re: Out of office: Gate"],
        ["List-Id: <outcomes.example.org>", "Precedence: list", "List-Post: <mailto:outcomes@example.org>"],
        ["Return-Path: <dana@x.org>"],
        ["X-Autoreply: no"],
    ],
)
def test_what_people_write_passes(lines: list[str]) -> None:
    assert kind(*lines) is None


@pytest.mark.parametrize(
    "body",
    [
        "APPROVE. I am out of office until Friday, ask Sam after that.",
        "REJECT I'm on vacation next week and nobody could watch it",
        "I am out of the office tomorrow, so approve it today please",
        "👍",
        "Please confirm your numbers first",
        "I liked the message",
    ],
)
def test_a_persons_words_about_absence_or_proof_are_not_lost(body: str) -> None:
    assert kind("Subject: Re: Gate", body=body) is None


@pytest.mark.parametrize(
    "lines",
    [
        ["Auto-Submitted: auto-replied"],
        ["Auto-Submitted: auto-generated"],
        ["Auto-Submitted: auto-notified; owner-email=x"],
        ["X-Autoreply: yes"],
        ["X-Autorespond: Re: Gate"],
        ["Precedence: auto_reply"],
        ["Precedence: junk"],
        ["Return-Path: <>"],
        ["X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent"],
        ["X-FC-MachineGenerated: true"],
        ["From: no-reply@x.org"],
    ],
)
def test_headers_that_alone_say_a_robot_wrote(lines: list[str]) -> None:
    assert named(*lines) == "auto_reply"


def test_an_empty_envelope_sender_is_a_robots() -> None:
    assert named(envelope="") == "auto_reply"
    assert named(envelope="dana@x.org") == ""


@pytest.mark.parametrize(
    "lines",
    [["List-Id: <team.x.org>"], ["Precedence: list"], ["Precedence: bulk"], ["List-Unsubscribe: <mailto:u@x.org>"], ["X-BeenThere: team@x.org"], ["Mailing-list: list team@x.org"]],
)  # fmt: skip
def test_list_mail_is_list_mail(lines: list[str]) -> None:
    assert named(*lines) == "list"


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Gate", "Out of Office: Gate", "Out of the office", "OOO: Gate", "Automatische Antwort: Gate", "Abwesenheitsnotiz: Gate",
        "Réponse automatique : Gate", "Absence du bureau", "Respuesta automática: Gate", "Fuera de la oficina", "Risposta automatica: Gate", "Fuori sede: Gate",
        "Resposta automática: Gate", "Automatisch antwoord: Gate", "Afwezig: Gate", "Autosvar: Gate", "Automatiskt svar: Gate", "Frånvaro: Gate", "Automatisk svar: Gate",
        "Automaattinen vastaus: Gate", "Odpowiedź automatyczna: Gate", "Automatická odpověď: Gate", "Автоматический ответ: Gate", "Автоответ: Gate",
        "Otomatik yanıt: Gate", "自動応答: Gate", "自動返信: Gate", "自动答复: Gate", "자동 회신: Gate", "부재 중: Gate", "Automatikus válasz: Gate", "Răspuns automat: Gate",
    ],
)  # fmt: skip
def test_out_of_office_subjects_in_their_languages(subject: str) -> None:
    assert named(f"Subject: {subject}", body="Thank you for your message.") == "out_of_office"
    assert named(f"Subject: {subject}", "Auto-Submitted: auto-replied") == "out_of_office"


@pytest.mark.parametrize(
    ("body", "until"),
    [
        ("I am out of the office until 30 November 2026.", (2026, 12, 1)),
        ("I'm on vacation from November 20 to November 30, back on Dec 1st.", (2026, 12, 1)),
        ("Hello,\n\nI am currently out of office through 2026-11-30.", (2026, 12, 1)),
        ("I will be out of the office and will return on Monday, 30 November.", (2026, 11, 30)),
        ("Ich bin vom 20.11. bis 30.11.2026 nicht im Büro.", (2026, 12, 1)),
        ("Ich bin derzeit abwesend und ab dem 1. Dezember wieder erreichbar.", (2026, 12, 1)),
        ("Je suis absente du bureau jusqu'au 30 novembre 2026.", (2026, 12, 1)),
        ("Estoy fuera de la oficina hasta el 30 de noviembre de 2026.", (2026, 12, 1)),
        ("Sono assente fino al 30/11/2026.", (2026, 12, 1)),
        ("Estou ausente até 30/11/2026.", (2026, 12, 1)),
        ("Ik ben afwezig t/m 30 november.", (2026, 12, 1)),
        ("Jag är på semester till och med 30 november.", (2026, 12, 1)),
        ("Jestem nieobecny do 30 listopada 2026.", (2026, 12, 1)),
        ("Я в отпуске до 30 ноября 2026.", (2026, 12, 1)),
        ("11月30日まで不在にしております。", (2026, 12, 1)),
        ("我目前正在休假，11月30日回来。", (2026, 12, 1)),
        ("I am out of the office until 3 January.", (2027, 1, 4)),
        ("I am out of the office until 03/04/2027.", None),
        ("I am out of the office until further notice.", None),
        ("I am out of the office until Monday.", None),
        ("I am out of the office until 30 November 2019.", None),
    ],
)
def test_absence_is_known_by_its_words_and_its_end_by_a_plain_date(
    body: str, until: tuple[int, int, int] | None
) -> None:
    found = kind("Subject: Re: Gate", "Auto-Submitted: auto-replied", body=body)
    assert found is not None
    assert (found.kind, found.until) == ("out_of_office", datetime(*until, tzinfo=UTC) if until else None)
    assert named("Subject: Re: Gate", body=body) == "out_of_office"


def test_without_a_date_of_sending_only_whole_dates_count() -> None:
    assert absent_until("until 30 November", None) is None
    assert absent_until("until 30 November 2026", None) == datetime(2026, 12, 1, tzinfo=UTC)


def report(kind_: str, status: str, *lines: str) -> tuple[str, ...]:
    return (
        "From: MAILER-DAEMON@mx.x.org", "MIME-Version: 1.0", f"Content-Type: multipart/report; report-type={kind_}; boundary=b", *lines, "",
        "--b", "Content-Type: text/plain", "", "It could not be delivered.", "--b", f"Content-Type: message/{kind_}", "", status, "--b--", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        ("Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; Dana@x.org\r\nAction: failed\r\nStatus: 5.1.1", True),
        (
            "Reporting-MTA: dns; mx\r\n\r\nOriginal-Recipient: rfc822;dana@x.org\r\nAction: failed\r\nStatus: 5.0.0",
            True,
        ),
        ("Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822;dana@x.org\r\nAction: delayed\r\nStatus: 4.4.1", False),
        ("Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822;dana@x.org\r\nAction: failed\r\nStatus: 4.2.2", False),
    ],
)
def test_bounces_by_report(status: str, permanent: bool) -> None:  # noqa: FBT001
    found = kind(*report("delivery-status", status, "Subject: Undelivered Mail Returned to Sender"), body="")
    assert found is not None
    assert (found.kind, found.recipient, found.permanent) == ("bounce", "dana@x.org", permanent)


@pytest.mark.parametrize(
    ("lines", "body", "permanent"),
    [
        (["From: MAILER-DAEMON@x.org", "Subject: failure notice"], "Hi. This is the qmail-send program at x.org.\n<dana@x.org>:\nno mailbox here by that name (#5.1.1)", True),
        (["From: Mail Delivery System <Mailer-Daemon@x.org>", "X-Failed-Recipients: dana@x.org", "Subject: Mail delivery failed: returning message to sender"], "dana@x.org\n550 no such user", True),
        (["From: postmaster@x.org", "Subject: Unzustellbar: Gate"], "Fehler bei der Nachrichtenzustellung an dana@x.org\n#550 5.1.10", True),
        (["From: postmaster@x.org", "Subject: Delivery delayed"], "Your message to dana@x.org is still being retried. 451 4.4.1", False),
        (["From: MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@x.org", "Subject: Undeliverable: Gate"], "Delivery has failed to these recipients:\ndana@x.org (dana@x.org)", True),
    ],
)  # fmt: skip
def test_bounces_of_servers_that_know_no_report(lines: list[str], body: str, permanent: bool) -> None:  # noqa: FBT001
    found = kind(*lines, body=body)
    assert found is not None
    assert (found.kind, found.recipient, found.permanent) == ("bounce", "dana@x.org", permanent)


def test_receipts_calendars_reactions_and_challenges() -> None:
    assert (
        named(*report("disposition-notification", "Disposition: manual-action/MDN-sent-manually; displayed"), body="")
        == "receipt"
    )
    assert named("Subject: Gelesen: Gate", body="Ihre Nachricht wurde am Montag gelesen.") == "receipt"
    assert named("Content-Type: text/calendar; method=REPLY", body="BEGIN:VCALENDAR") == "calendar"
    assert named("Content-Type: text/vnd.google.email-reaction+json", body='{"version":1,"emoji":"+1"}') == "reaction"
    assert named("Subject: Re: Gate", body="Dana Scully reacted to your message:\n👍") == "reaction"
    assert named("Subject: Re: Gate", body="👍\n\nDana reacted via Gmail") == "reaction"
    assert (
        named("Subject: Re: Gate", body="Dana reacted to your message:\n____\n👍\n\nAPPROVE\nREJECT why") == "reaction"
    )
    assert named("Subject: Re: Gate", body="APPROVE\n\nDana reacted to your message") == ""
    assert (
        named("Subject: Please verify your email", body="I use a spam filter. Click the link to deliver your message.")
        == "challenge"
    )
    assert (
        named("X-Boxbe-Challenge: yes", "Subject: Re: Gate", body="Your message is awaiting verification")
        == "challenge"
    )


def test_our_own_letters_are_known_by_address_and_by_message_id() -> None:
    address = tokens.reply_address(OWN, GATE, "dana@x.org", "secret")
    assert named(f"From: {address}") == "own"
    assert named(f"From: {OWN}") == "own"
    own = tokens.message_id("x", GATE, "dana@x.org", "secret", "example.org")
    assert named(f"Message-ID: {own}") == "own"
    assert named(f"In-Reply-To: {own}") == ""
