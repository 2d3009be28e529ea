"""A second corpus, written after the first one was passed: other words, other clients' habits, other tricks, to see what was only learned by heart."""

# ruff: noqa: RUF001  words and names of other languages

from collections.abc import Iterator
from itertools import cycle

from tests.mail_corpus.clients import CLIENTS, send
from tests.mail_corpus.compose import Envelope, Part, alternative, bare, html_only, message, multipart, passed, plain
from tests.mail_corpus.expected import APPROVE, ASK, CONDITIONS, DELEGATE, QUESTION, REJECT, Case
from tests.mail_corpus.humans import Human, _all
from tests.mail_corpus.letter import ANA, AUTHSERV, MALLORY

WORDS: tuple[Human, ...] = (
    *_all(
        (APPROVE,),
        "Approved!!", "APPROVED", "I approve", "I approve this.", "Yes, I approve.", "Ok go", "okay, ship it", "LGTM 👍", "Looks good!", "All good, go ahead",
        "Approved - thanks for the detailed summary", "Hey,\n\nok from my side.\n\nCheers", "Yes.\n\nAna", "Genehmigt.\n\nMfG\nA. Diaz", "einverstanden",
        "Ja, bitte", "Oui, allez-y", "Validé", "De acuerdo", "Adelante", "Autorizado", "Pode seguir", "Va bene", "Prima, akkoord", "Okej", "Kyllä",
        "Schvaluji", "Утверждаю", "Согласен", "了解しました。承認します。", "通过", "네, 승인합니다", "أوافق", "Approved\n\nSent from my mobile",
        "Dear team,\n\nthank you for preparing this. Approved.\n\nBest regards\nAna",
    ),
    *_all(
        (REJECT,),
        "I reject this", "Rejected: the guardrail is too loose", "No. The risk is too high.", "No, thanks", "Denied", "Ablehnung", "Nein, zu riskant",
        "Non, trop risqué", "No, demasiado arriesgado", "Отказано", "不批准。", "REJECT, because finance has a freeze until January",
        "Hi,\n\nREJECT - we changed the pricing last week, the baseline is wrong.\n\nBest\nAna", "reject\nreason: duplicate of last month's test",
    ),
    Human("Approved, max 30 % of users", (CONDITIONS, ASK), conditions=("30",)),
    Human("APPROVE IF cap 5%;", (CONDITIONS,), conditions=("5",)),
    Human("Approve if: cap 25%; checkout_p95_latency <= 2.5", (CONDITIONS, ASK), conditions=("25", "latency")),
    Human("APPROVE IF finance agrees to the discount", (CONDITIONS,), conditions=("finance agrees",)),
    Human("APPROVE IF until 2031-02-01; segment country=de", (CONDITIONS,), conditions=("2031-02-01", "de")),
    Human("Hello,\n\nAPPROVE IF cap 20%; until 2030-01-15\n\nThanks,\nAna Diaz\nHead of Product", (CONDITIONS,), conditions=("20", "2030")),
    Human("APPROVE with a cap of 20%", (CONDITIONS, ASK), conditions=("20",)),
    Human("DELEGATE: ben@example.com", (DELEGATE,), to="ben@example.com"),
    Human("Delegate ben@example.com, he knows the details", (DELEGATE, ASK), to="ben@example.com"),
    Human("Please delegate to ben@example.com", (DELEGATE, ASK), to="ben@example.com"),
    Human("DELEGATE <ben@example.com>", (DELEGATE, ASK), to="ben@example.com"),
    Human("DELEGATE mailto:ben@example.com", (DELEGATE, ASK), to="ben@example.com"),
    *_all(
        (ASK, REJECT, QUESTION),
        "Approving this would be a mistake.", "Approved by nobody.", "Approve... not", "yes if only it were true", "I was going to approve, but the data is stale",
        "Not yet", "Noch nicht", "Pas encore", "Todavía no", "No go", "Hold", "Stop", "Wait", "Please wait with this", "Veto", "I do not approve this",
        "I haven't approved anything", "unapproved", "disapproved", "non-approved", "LGTM? Definitely not.", "ok, no", "yes... no... reject", "keinesfalls",
        "nicht freigegeben", "pas d'accord", "pas approuvé", "no estoy de acuerdo", "não aprovado", "non approvato", "niet akkoord", "inte godkänd",
        "не согласен", "まだ承認できません", "还不能批准", "아직 승인 못 합니다", "غير موافق", "kabul etmiyorum",
    ),
    *_all(
        (ASK, QUESTION),
        "ok I'll read it", "ok, will do", "Ok, let me see the numbers first", "OK to discuss tomorrow?", "yes I saw it", "Yes, I have a question", "Sure, when I'm back",
        "Ok thanks, and what about mobile?", "Sounds good to whom?", "Approve, provided that I understood it correctly", "I'd approve at 5%",
        "Approved subject to sign-off by security", "Approved from a product perspective", "Approved (pending)", "Approved once tests are green",
        "go ahead with the meeting", "yes to the first, no to the second", "ok / not ok?", "vermutlich ja", "wenn es sein muss", "mal sehen",
        "à voir", "ça dépend", "quizás", "talvez", "forse", "misschien", "возможно", "多分", "也许", "My approval depends on the refund numbers",
        "Whatever you think is best", "You decide", "I trust your judgement", "As you like", "fine, if you insist", "Ugh, ok I suppose",
        "yes, assuming the numbers are right", "lgtm w/ nits", "LGTM, one nit: the copy says 'free'", "thumbs up from Ben", "Do what you want",
        "+1 to Ben's concerns", "-1 day until launch", "OK, but", "Yes, although", "ship it back to the vendor", "no problem", "no worries", "No comment",
        "No idea", "no time today", "nothing to add", "None", "n/a", "Not my decision", "Yes!!! 🎉 just kidding", "sí, pero no", "oui mais non", "jein",
    ),
    *_all(
        (QUESTION,),
        "Could you show me the segments?", "Who built this?", "what's the risk", "Is the sample large enough?", "Hi,\nwhat happens to users in treatment when we stop?\nAna",
        "Warum nur 10 %?", "Combien de temps ?", "¿Quién más decide?", "Quanto durerà?", "いつ終わりますか？", "谁来决定？", "What does it cost to wait two more weeks?",
    ),
)  # fmt: skip


def words() -> Iterator[Case]:
    turn = cycle(list(CLIENTS.items())[7:] + list(CLIENTS.items())[:7])
    for human in WORDS:
        name, client = next(turn)
        want = (QUESTION, ASK) if human.text in {"what's the risk", "Is the sample large enough?"} else human.want
        yield Case(
            f"fresh: {human.text[:60]!r} in {name}",
            lambda letters, client=client, human=human: send(client, letters.launch, human.text),
            want, human.note, human.conditions, human.to, True, human.text.split("\n")[0].strip(),
        )  # fmt: skip


def robots() -> Iterator[Case]:
    def auto(
        name: str,
        text: str,
        subject: str,
        *headers: tuple[str, str],
        want: tuple[str, ...] = ("ignore",),
        **more: object,
    ) -> Case:
        return Case(
            f"fresh robot: {name}",
            lambda letters: bare(letters.launch, text, Envelope(subject=subject, extra=headers, **more)),  # type: ignore[arg-type]
            want, silent=True,
        )  # fmt: skip

    yield auto("zendesk", "Your request (123) has been received. Yes, we are on it.", "[Request received] Launch", ("X-Auto-Response-Suppress", "All"), ("Auto-Submitted", "auto-generated"))  # fmt: skip
    yield auto("jira", "Ana approved LAUNCH-12\n\nOK", "[JIRA] (LAUNCH-12) approved", ("Auto-Submitted", "auto-generated"), ("Precedence", "bulk"), ("X-JIRA-FingerPrint", "1"))  # fmt: skip
    yield auto("maternity leave", "Hello, I am on maternity leave until 1 June 2027. Please contact Ben Okri.", "Automatic reply: Approve launch", ("X-MS-Exchange-Inbox-Rules-Loop", "ana@example.com"), ("Auto-Submitted", "auto-generated"), return_path="")  # fmt: skip
    yield auto("left the company", "Ana Diaz no longer works at Example GmbH. This mailbox is not monitored.", "Auto-Reply: Approve launch", ("Auto-Submitted", "auto-replied"))  # fmt: skip
    yield auto("norwegian absence", "Jeg er på ferie til 1. desember.", "Automatisk svar: Lansering")
    yield auto("hungarian absence", "2026. december 1-ig szabadságon vagyok.", "Automatikus válasz: Indítás")
    yield auto("greek absence", "Θα απουσιάζω μέχρι 1/12/2026.", "Αυτόματη απάντηση: Launch")
    yield auto("hebrew absence", "אני בחופשה עד 1 בדצמבר 2026.", "מענה אוטומטי: השקה")
    yield auto("romanian absence", "Sunt în concediu până la 1 decembrie 2026.", "Răspuns automat: Lansare")
    yield auto("facebook-like notice", "Ana liked your message. OK!", "Ana liked your message", ("X-Auto-Response-Suppress", "All"), ("List-Unsubscribe", "<https://x.test>"), ("Precedence", "bulk"))  # fmt: skip
    yield auto("calendar tentative", "Maybe", "Tentative: Launch review", ("Content-Class", "urn:content-classes:calendarmessage"), want=("ignore", "ask_back"))  # fmt: skip
    yield auto("quarantine digest", "You have 3 messages in quarantine. Approve | Release", "Spam quarantine summary", ("Auto-Submitted", "auto-generated"), from_=["quarantine@example.com"], in_reply_to="", want=("ignore", "quarantine"))  # fmt: skip
    yield auto("mailer-daemon in plain words", "Your message to ana@example.com could not be delivered: 550 5.1.1 no such user", "Undeliverable: Approve launch", from_=["Mail Delivery Subsystem <mailer-daemon@example.com>"], return_path="", want=("bounce", "ignore"))  # fmt: skip
    yield auto("verizon gateway", "Error: Message content rejected", "Undelivered Mail Returned to Sender", from_=["MAILER-DAEMON@vtext.test"], return_path="", results=(), want=("bounce", "ignore"))  # fmt: skip


def spoofs() -> Iterator[Case]:
    evil, good = passed(MALLORY), passed(ANA)

    def bad(name: str, envelope: Envelope) -> Case:
        return Case(f"fresh spoof: {name}", lambda letters: plain(letters.launch, "APPROVE", envelope), ("quarantine",))

    def results(*values: str) -> Envelope:
        return Envelope(results=tuple(("Authentication-Results", value) for value in values))

    yield bad(
        "semicolon in a quoted display name",
        Envelope(from_=[f'"Ana; <{ANA.address}>" <{MALLORY.address}>'], results=(evil,)),
    )
    yield bad("From in lower case besides From", Envelope(extra=(("from", MALLORY.full),)))
    yield bad("From with a blank before the colon", Envelope(extra=(("From ", MALLORY.full),)))
    yield bad("a tab folds a second author", Envelope(from_=[f"{ANA.address},\r\n\t{MALLORY.address}"]))
    yield bad("unicode at sign", Envelope(from_=["ana\uff20example.com <mallory@evil.test>"], results=(evil,)))
    yield bad("trailing dot domain", Envelope(from_=["Ana <ana@example.com.evil.test>"], results=(evil,)))
    yield bad("percent hack", Envelope(from_=["<ana%example.com@evil.test>"], results=(evil,)))
    yield bad("bang path", Envelope(from_=["<evil.test!ana@example.com@evil.test>"], results=(evil,)))
    yield bad("dmarc=pass policy only in comment", results(f"{AUTHSERV}; (dmarc=pass header.from=example.com)"))
    yield bad("pass spelled passed", results(f"{AUTHSERV}; dmarc=passed header.from=example.com"))
    yield bad("dmarc=pass for a sub-string", results(f"{AUTHSERV}; dmarc=pass header.from=ple.com"))
    yield bad("x-dmarc=pass", results(f"{AUTHSERV}; x-dmarc=pass header.from=example.com"))
    yield bad("dkim with a bad selector domain", results(f"{AUTHSERV}; dkim=pass header.d=example.co"))
    yield bad(
        "authserv-id quoted of another", results(f'"mx.evil.test"; dmarc=pass header.from=example.com; x="{AUTHSERV}"')
    )
    yield bad("newline in the id", results(f"mx.evil.test\r\n {AUTHSERV}; dmarc=pass header.from=example.com"))
    yield bad(
        "dmarc=quarantine",
        results(
            f"{AUTHSERV}; dmarc=fail (p=QUARANTINE) header.from=example.com; spf=pass smtp.mailfrom=ana@example.com"
        ),
    )
    yield bad(
        "arc=pass only", results(f"{AUTHSERV}; arc=pass (as.1.evil.test=pass); dmarc=fail header.from=example.com")
    )
    yield bad("Mallory's list post in her name", Envelope(from_=["'Ana Diaz' via Team <team@lists.example.com>"], results=(("Authentication-Results", f"{AUTHSERV}; dmarc=pass header.from=lists.example.com"),)))  # fmt: skip
    yield Case("fresh honest: verdicts of two hosts of ours", lambda letters: plain(letters.launch, "APPROVE", Envelope(results=(("Authentication-Results", f"{AUTHSERV}; iprev=pass"), good))), (APPROVE, "quarantine"))  # fmt: skip


def shapes() -> Iterator[Case]:
    def html(words: str) -> str:
        return f"<html><body>{words}</body></html>"

    yield Case(
        "fresh: table layout",
        lambda letters: html_only(letters.launch, html("<table><tr><td>APPROVE</td></tr></table>")),
        (APPROVE,),
        human="APPROVE",
    )
    yield Case("fresh: nested divs and nbsp", lambda letters: html_only(letters.launch, html("<div><div>&nbsp;</div><div><span>AP</span><span>PROVE</span>&nbsp;</div></div>")), (APPROVE,), human="APPROVE")  # fmt: skip
    yield Case("fresh: entities", lambda letters: html_only(letters.launch, html("<p>REJECT caf&eacute; &amp; bar &lt;3</p>")), (REJECT,), note="café & bar <3", human="café & bar <3")  # fmt: skip
    yield Case("fresh: dark mode text is not hidden", lambda letters: html_only(letters.launch, html('<div style="background:#000;color:#fff">APPROVE</div>')), (APPROVE, ASK))  # fmt: skip
    yield Case(
        "fresh: light grey words",
        lambda letters: html_only(letters.launch, html('<div style="color:#444">APPROVE</div>')),
        (APPROVE,),
    )
    yield Case("fresh: hidden in a media query", lambda letters: html_only(letters.launch, "<html><head><style>@media all{.z{display:none}}</style></head><body><p class='z'>APPROVE</p>Later, please.</body></html>"), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: hidden by a descendant rule", lambda letters: html_only(letters.launch, "<html><head><style>div.q p{display:none}</style></head><body><div class='q'><p>APPROVE</p></div>Later, please.</body></html>"), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: hidden by a tag rule", lambda letters: html_only(letters.launch, "<html><head><style>u{font-size:0}</style></head><body><u>APPROVE</u><p>Later, please.</p></body></html>"), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: almost white on white", lambda letters: html_only(letters.launch, html('<div style="background-color:rgb(255,255,255)"><span style="color:rgb(254,254,254)">APPROVE</span></div><p>Later, please.</p>')), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: scale 0", lambda letters: html_only(letters.launch, html('<div style="transform:scale(0)">APPROVE</div><p>Later, please.</p>')), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: width 0", lambda letters: html_only(letters.launch, html('<div style="width:0;overflow:hidden">APPROVE</div><p>Later, please.</p>')), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: details closed", lambda letters: html_only(letters.launch, html("<details><summary>More</summary>APPROVE</details><p>Later, please.</p>")), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: select option", lambda letters: html_only(letters.launch, html("<select><option>APPROVE</option></select><p>Later, please.</p>")), (ASK, QUESTION))  # fmt: skip
    yield Case(
        "fresh: svg text",
        lambda letters: html_only(letters.launch, html("<svg><text>APPROVE</text></svg><p>Later, please.</p>")),
        (ASK, QUESTION),
    )
    yield Case(
        "fresh: text/enriched",
        lambda letters: message(letters.launch, Part("APPROVE\n", "text/enriched").lines()),
        (APPROVE, ASK),
    )
    yield Case("fresh: amp part hides a yes", lambda letters: message(letters.launch, multipart("alternative", Part("Later, please.\n").lines(), Part("<html amp4email><body>APPROVE</body></html>", "text/x-amp-html").lines(), Part("<p>Later, please.</p>", "text/html").lines())), (ASK, QUESTION))  # fmt: skip
    yield Case("fresh: two text parts", lambda letters: message(letters.launch, multipart("mixed", Part("Not decided yet.\n").lines(), Part("APPROVE\n").lines())), (ASK, QUESTION, REJECT))  # fmt: skip
    yield Case("fresh: signed mail", lambda letters: message(letters.launch, multipart("signed", Part("APPROVE\n").lines(), Part("-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n", 'application/pgp-signature; name="signature.asc"').lines())), (APPROVE,), human="APPROVE")  # fmt: skip
    yield Case("fresh: inline PGP", lambda letters: bare(letters.launch, "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nAPPROVE\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----"), (APPROVE, ASK))  # fmt: skip
    yield Case("fresh: s/mime opaque", lambda letters: message(letters.launch, Part("MIAGCSqGSIb3", 'application/pkcs7-mime; name="smime.p7m"', encoding="7bit").lines()), (ASK, "ignore", "quarantine"))  # fmt: skip
    yield Case("fresh: mailing-list footer", lambda letters: bare(letters.launch, "APPROVE\n\n_______________________________________________\nteam mailing list -- team@example.com\nTo unsubscribe send an email to team-leave@example.com"), (APPROVE,), human="APPROVE")  # fmt: skip
    yield Case("fresh: virus scanner's footer", lambda letters: bare(letters.launch, "REJECT too small\n\n--\nThis email has been checked for viruses by Avast antivirus software.\nwww.avast.com"), (REJECT,), note="too small", human="REJECT too small")  # fmt: skip
    yield Case("fresh: German disclaimer", lambda letters: plain(letters.launch, "Genehmigt\n\nMit freundlichen Grüßen\nAna Diaz\n\nExample GmbH, Sitz: Berlin, HRB 12345\nGeschäftsführer: Ja Nein\nDiese E-Mail enthält vertrauliche Informationen."), (APPROVE,), human="Genehmigt")  # fmt: skip
    yield Case("fresh: confidential banner above", lambda letters: bare(letters.launch, "[EXTERN] Diese E-Mail stammt von außerhalb der Organisation. Klicken Sie nicht auf Links.\n\nABGELEHNT zu riskant"), (REJECT,), human="zu riskant")  # fmt: skip
    yield Case("fresh: text and HTML differ by white space", lambda letters: message(letters.launch, alternative("APPROVE IF cap 20%;\nuntil 2030-01-15\n", "<div>APPROVE IF cap&nbsp;20%; until 2030-01-15</div>")), (CONDITIONS, ASK))  # fmt: skip
    yield Case("fresh: HTML has links the text spells out", lambda letters: message(letters.launch, alternative("REJECT see https://wiki.example.com/x [https://wiki.example.com/x]\n", "<div>REJECT see <a href='https://wiki.example.com/x'>https://wiki.example.com/x</a></div>")), (REJECT,), note="wiki.example.com")  # fmt: skip
    yield Case("fresh: emoji as pictures", lambda letters: message(letters.launch, alternative("APPROVE [image: 🎉]\n", "<div>APPROVE <img alt='🎉' data-emoji='🎉' src='x'></div>")), (APPROVE, ASK))  # fmt: skip


def cases() -> list[Case]:
    return [*words(), *robots(), *spoofs(), *shapes()]
