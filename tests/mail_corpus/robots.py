"""Mail that nobody wrote: absences, bounces, receipts, challenges, reactions, lists, calendars, our own letters."""

# ruff: noqa: RUF001  words and names of other languages, and forged ones

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.mail_corpus.compose import Envelope, Headers, Part, alternative, message, multipart, passed
from tests.mail_corpus.expected import APPROVE, Case, Letters
from tests.mail_corpus.letter import ANA, Sent

SENT = ("ignore",)
AUTO: Headers = (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"), ("Precedence", "bulk"))

ABSENCES = (
    ("en", "Automatic reply: {subject}", "I am out of the office until December 1, 2026 and will reply when I am back. For approvals please contact ben@example.com."),
    ("de", "Automatische Antwort: {subject}", "Ich bin bis zum 01.12.2026 nicht im Büro. Ihre Nachricht wird nicht weitergeleitet. Freigegeben wird alles durch Ben Okri."),
    ("fr", "Réponse automatique : {subject}", "Je suis absent du bureau jusqu'au 1er décembre 2026. Pour toute urgence : ben@example.com."),
    ("es", "Respuesta automática: {subject}", "Estoy fuera de la oficina hasta el 1 de diciembre de 2026."),
    ("it", "Risposta automatica: {subject}", "Sono fuori ufficio fino al 1 dicembre 2026."),
    ("pt", "Resposta automática: {subject}", "Estou de férias até 1 de dezembro de 2026."),
    ("nl", "Automatisch antwoord: {subject}", "Ik ben tot 1 december 2026 afwezig."),
    ("sv", "Autosvar: {subject}", "Jag är på semester till den 1 december 2026. Ja, jag läser mejl ibland."),
    ("da", "Automatisk svar: {subject}", "Jeg er på ferie til den 1. december 2026."),
    ("pl", "Odpowiedź automatyczna: {subject}", "Jestem poza biurem do 1 grudnia 2026."),
    ("cs", "Automatická odpověď: {subject}", "Do 1. 12. 2026 nejsem v kanceláři."),
    ("fi", "Automaattinen vastaus: {subject}", "Olen lomalla 1.12.2026 asti."),
    ("tr", "Otomatik Yanıt: {subject}", "1 Aralık 2026 tarihine kadar ofis dışındayım."),
    ("ru", "Автоматический ответ: {subject}", "Я в отпуске до 1 декабря 2026 г."),
    ("ja", "自動応答: {subject}", "2026年12月1日まで休暇をいただいております。承認が必要な場合はベンにご連絡ください。"),
    ("zh", "自动答复: {subject}", "我将休假至2026年12月1日。"),
    ("ko", "자동 회신: {subject}", "2026년 12월 1일까지 휴가입니다."),
)  # fmt: skip


def _said(letter: Sent, text: str, headers: Headers = (), **more: object) -> bytes:
    env = replace(Envelope(extra=headers), **more)  # type: ignore[arg-type]
    return message(letter, Part(f"{text}\n").lines(), env)


def _report(letter: Sent, kind: str, words: str, status: str, **more: object) -> bytes:
    original = b"Content-Type: message/rfc822\r\n\r\n" + letter.raw
    subtype = "delivery-status" if kind == "delivery-status" else "disposition-notification"
    content = multipart(
        "report",
        Part(words).lines(),
        f"Content-Type: message/{subtype}\r\n\r\n{status}\r\n".encode(),
        original,
        extra=f"; report-type={kind}",
    )
    env = replace(Envelope(results=(), in_reply_to=""), **more)  # type: ignore[arg-type]
    return message(letter, content, env)


def _status(action: str = "failed", status: str = "5.1.1", why: str = "550 5.1.1 User unknown") -> str:
    return (
        "Reporting-MTA: dns; mail.example.com\r\nArrival-Date: Mon, 23 Nov 2026 10:31:05 +0000\r\n\r\n"
        f"Final-Recipient: rfc822; ana@example.com\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {why}\r\n"
    )


def _daemon(address: str, name: str = "Mail Delivery System") -> dict[str, object]:
    return {"from_": [f"{name} <{address}>"], "return_path": ""}


def absences() -> Iterator[Case]:
    for language, subject, text in ABSENCES:

        def exchange(letters: Letters, subject: str = subject, text: str = text) -> bytes:
            return _said(
                letters.launch, text, AUTO, subject=subject.format(subject=letters.launch.subject), return_path=""
            )

        def bare(letters: Letters, subject: str = subject, text: str = text) -> bytes:
            """A server that marks nothing: only the subject tells."""
            return _said(letters.launch, text, subject=subject.format(subject=letters.launch.subject))

        yield _silent(f"absence {language}", exchange)
        yield _silent(f"absence {language}, by its subject alone", bare)
    marks: tuple[tuple[str, Headers], ...] = (
        ("gmail vacation", (("X-Autoreply", "yes"), ("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"))),
        ("sieve vacation", (("Auto-Submitted", "auto-replied (vacation)"),)),
        ("old vacation program", (("Precedence", "auto_reply"), ("X-Autorespond", "yes"))),
        ("cpanel", (("X-Autorespond", "Re: gate"), ("Auto-Submitted", "auto-replied"), ("X-Loop", "ana@example.com"))),
        ("auto-notified", (("Auto-Submitted", "auto-notified"),)),
        ("junk precedence", (("Precedence", "junk"), ("Auto-Submitted", "auto-generated"))),
    )
    for name, headers in marks:
        yield _silent(
            f"robot saying APPROVE, {name}", lambda letters, headers=headers: _said(letters.launch, "APPROVE", headers)
        )
        yield _silent(f"absence marked by {name}", lambda letters, headers=headers: _said(letters.launch, "I'm away until Monday. Yes, really.", headers, return_path=""))  # fmt: skip
    yield _silent("out of office in the subject", lambda letters: _said(letters.launch, "Back on 30 November 2026.", subject=f"Out of Office: {letters.launch.subject}"))  # fmt: skip
    yield _silent(
        "Abwesenheitsnotiz",
        lambda letters: _said(letters.launch, "Ich bin im Urlaub. OK?", subject="Abwesenheitsnotiz: Re: Freigabe"),
    )


def bounces() -> Iterator[Case]:
    kinds: tuple[tuple[str, str, dict[str, object], str], ...] = (
        ("postfix", "This is the mail system at host mail.example.com.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n<ana@example.com>: host mx[192.0.2.7] said: 550 5.1.1 User unknown", {**_daemon("MAILER-DAEMON@mail.example.com"), "subject": "Undelivered Mail Returned to Sender"}, _status()),
        ("exchange", "Delivery has failed to these recipients or groups:\n\nana@example.com\nThe email address you entered couldn't be found.", {**_daemon("postmaster@example.com", "Microsoft Outlook"), "subject": "Undeliverable: Approve launch", "extra": (("Auto-Submitted", "auto-replied"),)}, _status(why="550 5.1.10 RESOLVER.ADR.RecipientNotFound")),
        ("gmail", "** Address not found **\n\nYour message wasn't delivered to ana@example.com because the address couldn't be found.", {**_daemon("mailer-daemon@googlemail.com", "Mail Delivery Subsystem"), "subject": "Delivery Status Notification (Failure)", "extra": (("X-Failed-Recipients", "ana@example.com"), ("Auto-Submitted", "auto-replied"))}, _status(why="550-5.1.1 The email account that you tried to reach does not exist.")),
        ("full mailbox", "The recipient's mailbox is full.", {**_daemon("MAILER-DAEMON@mail.example.com"), "subject": "Undelivered Mail Returned to Sender"}, _status(status="5.2.2", why="552 5.2.2 Mailbox full")),
        ("german exchange", "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\nana@example.com", {**_daemon("postmaster@example.com"), "subject": "Unzustellbar: Freigabe"}, _status()),
    )  # fmt: skip
    for name, words, more, status in kinds:
        yield Case(
            f"bounce, {name}",
            lambda letters, words=words, more=more, status=status: _report(letters.launch, "delivery-status", words, status, **more),
            ("bounce",), silent=True,
        )  # fmt: skip
    yield Case(
        "bounce, delayed only",
        lambda letters: _report(letters.launch, "delivery-status", "Your message was delayed; no need to resend it.", _status("delayed", "4.4.1", "connect timed out"), **_daemon("MAILER-DAEMON@mail.example.com"), subject="Delayed Mail (still being retried)"),
        ("bounce", "ignore"), silent=True,
    )  # fmt: skip
    texts = (
        ("qmail", "Hi. This is the qmail-send program at mail.example.com.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ana@example.com>:\nuser does not exist, but will deliver to APPROVE\n\n--- Below this line is a copy of the message.\n\n", "failure notice", ()),
        ("exim", "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  ana@example.com\n    host mx: 550 unknown user\n", "Mail delivery failed: returning message to sender", (("X-Failed-Recipients", "ana@example.com"), ("Auto-Submitted", "auto-replied"))),
    )  # fmt: skip
    for name, words, subject, headers in texts:
        yield Case(
            f"bounce, {name}",
            lambda letters, words=words, subject=subject, headers=headers: _said(letters.launch, words + letters.launch.text, headers, subject=subject, results=(), **_daemon("MAILER-DAEMON@mail.example.com")),
            ("bounce",), silent=True,
        )  # fmt: skip


def receipts() -> Iterator[Case]:
    notice = "Reporting-UA: example.com; Outlook\r\nFinal-Recipient: rfc822;ana@example.com\r\nDisposition: {}\r\n"
    for name, disposition in (
        ("read", "manual-action/MDN-sent-manually; displayed"),
        ("deleted unread", "automatic-action/MDN-sent-automatically; deleted"),
    ):
        yield _silent(
            f"receipt, {name}",
            lambda letters, disposition=disposition: _report(
                letters.launch, "disposition-notification", "Your message was read. OK.", notice.format(disposition),
                results=(passed(ANA),), subject=f"Read: {letters.launch.subject}",
            ),
        )  # fmt: skip
    yield _silent("receipt, Notes", lambda letters: _said(letters.launch, "Return Receipt\n\nYour document: Approve launch\nwas received by: Ana Diaz/EXAMPLE", (("Auto-Submitted", "auto-generated"),), subject="Return Receipt"))  # fmt: skip


def _reaction(letters: Letters) -> bytes:
    content = multipart(
        "alternative",
        Part("👍\n\nAna Diaz reacted via Gmail\n").lines(),
        Part('{"emoji":"👍","version":1}', "text/vnd.google.email-reaction+json").lines(),
        Part(
            "<p>👍</p><p>Ana Diaz reacted via <a href='https://www.google.com/gmail/about/'>Gmail</a></p>", "text/html"
        ).lines(),
    )
    return message(letters.launch, content)


def _outlook_reaction(letters: Letters) -> bytes:
    words = f"Ana Diaz reacted to your message:\n{'_' * 32}\n👍\n\n{letters.launch.text}"
    html = "<div>Ana Diaz reacted to your message:</div><img alt='like' src='cid:like'>"
    return message(letters.launch, alternative(words, html), Envelope(extra=(("x-ms-reactions", "allow"),)))


def _accepted(letters: Letters) -> bytes:
    ics = "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ana@example.com\nUID:1\nSUMMARY:Approve launch\nEND:VEVENT\nEND:VCALENDAR"
    content = multipart("alternative", Part("Yes").lines(), Part(ics, "text/calendar; method=REPLY").lines())
    return message(letters.launch, content, Envelope(subject="Accepted: Launch review"))


def _own(letters: Letters) -> bytes:
    return letters.launch.raw


def others() -> Iterator[Case]:
    yield _silent("reaction, Gmail", _reaction)
    yield _silent("reaction, Outlook", _outlook_reaction)
    yield _silent("calendar, accepted", _accepted)
    yield _silent("our own letter comes back", _own)
    challenges = (
        ("spamarrest", "Re: Approve launch (verify)", "Ana Diaz is protecting herself from receiving junk mail.\nJust this once, click the link below so I can receive your emails.\nYou won't have to do this again.\nhttps://www.spamarrest.com/a2?AQ", (("X-Spamarrest-noauth", "1"), ("Precedence", "bulk"))),
        ("boxbe", "Boxbe Waiting List: Action Required", 'Your message to ana@example.com about "Approve launch" was waitlisted.\nPlease add yourself to my Guest List.', (("Auto-Submitted", "auto-replied"),)),
        ("tmda", "Please confirm your message", "This message was created automatically by mail delivery software (TMDA).\nYour message attached below is being held because the address has not been verified.", (("Auto-Submitted", "auto-replied"), ("X-Delivery-Agent", "TMDA/1.1"))),
    )  # fmt: skip
    for name, subject, text, headers in challenges:
        yield _silent(f"challenge, {name}", lambda letters, subject=subject, text=text, headers=headers: _said(letters.launch, text, headers, subject=subject))  # fmt: skip
    listed: Headers = (
        ("List-Id", "Product <product.example.com>"),
        ("List-Unsubscribe", "<mailto:leave@example.com>"),
        ("Precedence", "list"),
    )
    yield _silent(
        "list mail", lambda letters: _said(letters.launch, "APPROVE", listed, subject="[product] Re: weekly notes")
    )
    yield _silent("newsletter", lambda letters: _said(letters.launch, "Approved deals only today! Yes, only today.", (("List-Unsubscribe", "<https://shop.test/u>"), ("Precedence", "bulk"), ("Feedback-ID", "c1:shop")), from_=["Shop <news@shop.test>"], in_reply_to="", references=""))  # fmt: skip
    yield _silent("ticket system", lambda letters: _said(letters.launch, "We received your request and opened ticket #4711. OK.", (("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")), subject="[Ticket#4711] Approve launch"))  # fmt: skip
    yield _silent("DMARC report", lambda letters: message(letters.launch, Part(b"UEsDBA==", "application/zip", "", "base64", 'attachment; filename="r.zip"').lines(), Envelope(from_=["noreply-dmarc-support@google.com"], subject="Report domain: outcome.test", in_reply_to="", results=())), want=("ignore", "quarantine"))  # fmt: skip
    yield _silent("empty envelope sender, saying yes", lambda letters: _said(letters.launch, "yes", return_path=""))


def people_who_look_like_robots() -> Iterator[Case]:
    """Headers that ordinary human mail carries too."""
    marks: tuple[tuple[str, Headers], ...] = (
        ("X-Auto-Response-Suppress", (("X-Auto-Response-Suppress", "DR, OOF, AutoReply"),)),
        ("Auto-Submitted: no", (("Auto-Submitted", "no"),)),
        (
            "asking for a receipt",
            (("Disposition-Notification-To", "ana@example.com"), ("Return-Receipt-To", "ana@example.com")),
        ),
        ("high importance", (("Importance", "high"), ("X-Priority", "1"), ("Precedence", "first-class"))),
        (
            "a spam score",
            (
                ("X-Spam-Status", "No, score=-0.1"),
                ("X-Mailer", "Microsoft Outlook 16.0"),
                ("X-Originating-IP", "[192.0.2.1]"),
            ),
        ),
    )
    for name, headers in marks:
        yield Case(
            f"person, {name}",
            lambda letters, headers=headers: _said(letters.launch, "APPROVE", headers),
            (APPROVE,),
            human="APPROVE",
        )


def _silent(name: str, build: Callable[[Letters], bytes], want: tuple[str, ...] = SENT) -> Case:
    return Case(name, build, want, silent=True)


def cases() -> Iterator[Case]:
    yield from absences()
    yield from bounces()
    yield from receipts()
    yield from others()
    yield from people_who_look_like_robots()
