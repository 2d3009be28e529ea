"""The newest human words: nothing that was quoted, signed or added counts, and nothing that was said is lost."""

# ruff: noqa: RUF001  letters in the shape clients write them

import textwrap
import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail import message, reply
from bot.mail.contracts import Said

SENT = """Gate: launch "Bigger button" on Checkout

Shall this experiment be launched to 10 % of visitors?
Conversion rose from 4.1 % to 4.6 % (95 % interval 0.1 to 0.9 points).
Who else can decide: Sam, Lee. Time left: 20 hours.

How to answer
APPROVE
REJECT why
APPROVE IF condition; condition
DELEGATE address

Outcome Runtime, https://x.example/gates/1
"""
T = "outcomes+abc.def@x.org"


def quoted(text: str) -> str:
    return "\n".join("> " + line for line in text.splitlines())


heads = {
    "en": f"On Mon, Nov 23, 2026 at 10:00 AM Outcome Runtime <{T}>\nwrote:",
    "en2": f"On Monday, 23 November 2026 at 10:00,\nOutcome Runtime <{T}>\nwrote:",
    "de": "Am 23.11.26 um 10:00 schrieb Outcome Runtime:",
    "de2": f"Am Mo., 23. Nov. 2026 um 10:00 Uhr schrieb Outcome Runtime <\n{T}>:",
    "fr": f"Le lun. 23 nov. 2026 à 10:00, Outcome Runtime <{T}> a écrit :",
    "es": f"El lun, 23 nov 2026 a las 10:00, Outcome Runtime (<{T}>)\nescribió:",
    "pt": f"Em seg., 23 de nov. de 2026 às 10:00, Outcome Runtime <{T}>\nescreveu:",
    "it": f"Il giorno lun 23 nov 2026 alle ore 10:00 Outcome Runtime <\n{T}> ha scritto:",
    "nl": f"Op ma 23 nov 2026 om 10:00 schreef Outcome Runtime <{T}>:",
    "pl": f"pon., 23 lis 2026 o 10:00 Outcome Runtime <{T}> napisał(a):",
    "ru": f"пн, 23 нояб. 2026 г. в 10:00, Outcome Runtime <{T}>:",
    "ja": f"2026年11月23日(月) 10:00 Outcome Runtime <{T}>:",
    "ko": f"2026년 11월 23일 (월) 오전 10:00, Outcome Runtime <{T}>님이 작성:",
    "zh": f"Outcome Runtime <{T}> 于2026年11月23日周一 10:00写道：",
    "sv": f"Den mån 23 nov. 2026 kl 10:00 skrev Outcome Runtime <{T}>:",
    "da": f"Den man. 23. nov. 2026 kl. 10.00 skrev Outcome Runtime <{T}>:",
    "cs": f"po 23. 11. 2026 v 10:00 odesílatel Outcome Runtime <{T}> napsal:",
    "tr": f"Outcome Runtime <{T}>, 23 Kas 2026 Pzt, 10:00 tarihinde\nşunu yazdı:",
    "fi": f"ma 23. marrask. 2026 klo 10.00 Outcome Runtime ({T})\nkirjoitti:",
    "hu": f"Outcome Runtime <{T}> ezt írta (időpont: 2026. nov.\n23., H, 10:00):",
    "zoho": f"---- On Mon, 23 Nov 2026 10:00:00 +0100 Outcome Runtime <{T}> wrote ----",
    "proton": f"On Monday, November 23rd, 2026 at 10:00, Outcome Runtime <{T}> wrote:",
    "fastmail": "On Mon, Nov 23, 2026, at 10:00 AM, Outcome Runtime wrote:",
}
blocks = {
    "en": f"From: Outcome Runtime <{T}>\nSent: Monday, November 23, 2026 10:00 AM\nTo: Dana <dana@x.org>\nSubject: Gate",
    "de": f"Von: Outcome Runtime <{T}>\nGesendet: Montag, 23. November 2026 10:00\nAn: Dana <dana@x.org>\nBetreff: Gate",
    "fr": f"De : Outcome Runtime <{T}>\nEnvoyé : lundi 23 novembre 2026 10:00\nÀ : Dana <dana@x.org>\nObjet : Gate",
    "es": f"De: Outcome Runtime <{T}>\nEnviado: lunes, 23 de noviembre de 2026 10:00\nPara: Dana <dana@x.org>\nAsunto: Gate",
    "it": f"Da: Outcome Runtime <{T}>\nInviato: lunedì 23 novembre 2026 10:00\nA: Dana <dana@x.org>\nOggetto: Gate",
    "pt": f"De: Outcome Runtime <{T}>\nEnviado: segunda-feira, 23 de novembro de 2026 10:00\nPara: Dana\nAssunto: Gate",
    "nl": f"Van: Outcome Runtime <{T}>\nVerzonden: maandag 23 november 2026 10:00\nAan: Dana\nOnderwerp: Gate",
    "sv": f"Från: Outcome Runtime <{T}>\nSkickat: den 23 november 2026 10:00\nTill: Dana\nÄmne: Gate",
    "da": f"Fra: Outcome Runtime <{T}>\nSendt: 23. november 2026 10:00\nTil: Dana\nEmne: Gate",
    "pl": f"Od: Outcome Runtime <{T}>\nWysłano: poniedziałek, 23 listopada 2026 10:00\nDo: Dana\nTemat: Gate",
    "cs": f"Od: Outcome Runtime <{T}>\nOdesláno: pondělí 23. listopadu 2026 10:00\nKomu: Dana\nPředmět: Gate",
    "ja": f"差出人: Outcome Runtime <{T}>\n送信日時: 2026年11月23日 10:00\n宛先: Dana\n件名: Gate",
    "zh": f"发件人: Outcome Runtime <{T}>\n发送时间: 2026年11月23日 10:00\n收件人: Dana\n主题: Gate",
    "ko": f"보낸 사람: Outcome Runtime <{T}>\n보낸 날짜: 2026년 11월 23일 10:00\n받는 사람: Dana\n제목: Gate",
    "bold": f"*From:* Outcome Runtime <{T}>\n*Sent:* Monday, November 23, 2026 10:00 AM\n*To:* Dana <dana@x.org>\n*Subject:* Gate",
    "gmx": f'Gesendet: Montag, 23. November 2026 um 10:00 Uhr\nVon: "Outcome Runtime" <{T}>\nAn: dana@x.org\nBetreff: Gate',
}
sigs = [
    "-- \nDana Scully\nVP",
    "--\nDana",
    "Sent from my iPhone",
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verzonden vanaf mijn iPhone",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "Отправлено с iPhone",
    "iPhone'umdan gönderildi",
    "iPhoneから送信",
    "发自我的iPhone",
    "나의 iPhone에서 보냄",
    "Get Outlook for Android",
    "Best regards,\nDana",
    "Thanks,\nDana Scully\nVP Product | ACME\n+49 30 123456",
    "Mit freundlichen Grüßen\nDana Scully",
    "Cordialement,\nDana",
    "Dana",
    "Holen Sie sich Outlook für iOS",
    "Télécharger Outlook pour iOS",
    "CONFIDENTIALITY NOTICE: This e-mail and any attachments are confidential and intended only for the intended recipient. If you received this in error please delete it.",
    "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Sent from Proton Mail for iOS",
    "Sent from Yahoo Mail for iPhone",
    "Saludos,\nDana",
]
banners = [
    "[EXTERNAL]",
    "CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender and know the content is safe.",
    "ACHTUNG: Diese E-Mail stammt von außerhalb der Organisation. Klicken Sie nicht auf Links.",
    "ATTENTION : Ce courriel provient de l'extérieur de l'organisation. Ne cliquez pas sur les liens.",
    "You don't often get email from dana@x.org. Learn why this is important<https://aka.ms/LearnAboutSenderIdentification>",
    "EXTERNAL EMAIL: Do not click links.",
]


def raw(text: str | None, html: str | None = None) -> bytes:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "Dana Scully <dana@x.org>", T, "Re: Gate"
    if text is not None:
        letter.set_content(text)
    if html is not None and text is None:
        letter.set_content(html, subtype="html")
    elif html is not None:
        letter.add_alternative(html, subtype="html")
    return letter.as_bytes()


def said(text: str | None, html: str | None = None, sent: str = SENT) -> Said:
    return reply.newest(message.read(raw(text, html)), sent)


@pytest.mark.parametrize("head", heads.values(), ids=heads.keys())
def test_attributions_of_clients_in_their_languages_end_what_was_said(head: str) -> None:
    assert said(f"APPROVE\n\n{head}\n\n{quoted(SENT)}\n").text == "APPROVE"
    assert said(f"APPROVE\n{head}\n{quoted(SENT)}\n").text == "APPROVE"
    assert said(f"{head}\n{quoted(SENT)}\n\nAPPROVE\n").text == "APPROVE"
    assert said(f"APPROVE\n\n{head}\n\n{SENT}\n").text == "APPROVE"
    between = said(f"{head}\n{quoted(SENT[:120])}\nyes\n{quoted(SENT[120:])}\nREJECT too risky\n")
    assert between.text == "yes\n\nREJECT too risky"


@pytest.mark.parametrize("head", heads.values(), ids=heads.keys())
def test_attributions_are_known_without_the_letter(head: str) -> None:
    assert said(f"APPROVE\n\n{head}\n\n> something else\n> entirely\n", sent="").text == "APPROVE"


@pytest.mark.parametrize("block", blocks.values(), ids=blocks.keys())
def test_header_blocks_of_outlook_and_its_likes_end_what_was_said(block: str) -> None:
    assert said(f"APPROVE\n\n{block}\n\n{SENT}").text == "APPROVE"
    mobile = f"REJECT too risky\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n{'_' * 32}\n{block}\n\n{SENT}"
    assert said(mobile).text == "REJECT too risky"
    assert said(f"ok\n\n-----Original Message-----\n{block}\n\nsomething", sent="").text == "ok"


def test_what_others_said_is_nobodys_decision() -> None:
    other = (
        "From: Bob <bob@x.org>\nSent: Monday, 23 November\nTo: x\nSubject: c\n\nAPPROVE\n\n"
        + blocks["en"]
        + "\n\n"
        + SENT
    )
    assert said(f"no\n\n{other}").text == "no"
    assert said(other).text == ""
    assert (
        said(
            "FYI\n\n---------- Forwarded message ---------\nFrom: Bob <b@x>\nDate: Mon, Nov 23, 2026\nSubject: x\nTo: y\n\nAPPROVE"
        ).text
        == "FYI"
    )
    assert said("> APPROVE").text == ""
    assert said(f"{heads['en']}\n> REJECT\n> > APPROVE\n").text == ""


@pytest.mark.parametrize("ending", sigs)
def test_endings_are_cut_and_kept_apart(ending: str) -> None:
    for rest in ("", f"\n\n{heads['en']}\n{quoted(SENT)}", f"\n\n{blocks['en']}\n{SENT}"):
        found = said(f"REJECT not before Friday\n\n{ending}{rest}\n")
        assert found.text == "REJECT not before Friday"
        assert found.signature.split()[0] == ending.split(maxsplit=1)[0]


@pytest.mark.parametrize("banner", banners)
def test_banners_of_gateways_are_no_speech(banner: str) -> None:
    rest = f"{heads['en']}\n{quoted(SENT)}"
    for top in (f"{banner}\n\nAPPROVE", f"{banner} APPROVE", "\n".join(textwrap.wrap(banner, 40)) + "\n\nAPPROVE"):
        assert said(f"{top}\n\n{rest}").text == "APPROVE"


@pytest.mark.parametrize(
    "words",
    [
        "Thanks, but no.\nDo not ship before Friday",
        "Thanks\nbut do not ship",
        "Best\nBut wait until Monday",
        "From: 5% To: 10%",
        "Data: looks good\nDo: ship it",
        "On Monday we should decide:\n- a\n- b",
        "I said on 23.11.2026 at 10:00:\nship",
        "As I wrote on 3 May 2026:\nno",
        "APPROVE IF conversion > 5 %; no support tickets",
        "> 5 % is enough for me, APPROVE",
        "- yes\n- no",
        "Sent from my iPhone was the wrong number, reject",
        "从周五开始",
        "Enviado por error, rechazado",
        "APPROVE",
        "REJECT why",
        "APPROVE IF condition; condition",
        "DELEGATE\nsam@x.org",
        "external traffic is fine. APPROVE",
        "CAUTION: this is risky.\nDo not ship.",
        "This is confidential, but ok.",
        "LGTM 👍",
        "Merci",
        "Dana",
    ],
)
def test_nothing_that_was_said_is_lost(words: str) -> None:
    assert said(f"{words}\n").text == words
    assert said(f"{words}\n\n{heads['en']}\n{quoted(SENT)}").text == words


@given(
    st.lists(
        st.sampled_from(
            [
                "APPROVE",
                "REJECT",
                "not",
                "before",
                "Friday,",
                "please.",
                "10 %",
                "if",
                "sam@x.org",
                "yes",
                "it is",
                "ok",
            ]
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_word_is_lost_above_a_quote(words: list[str]) -> None:
    text = " ".join(words)
    assert said(f"{text}\n\n{heads['de']}\n{quoted(SENT)}").text == text


def test_broken_quotes_and_glued_attributions() -> None:
    broken = f"APPROVE\n\n{heads['en']}\n> Shall this experiment be launched to 10 %\nof visitors? Conversion rose from\n> 4.1 % to 4.6 %"
    assert said(broken).text == "APPROVE"
    assert said(f"APPROVE On Mon, Nov 23, 2026 at 10:00 AM Outcome <{T}> wrote:\n{quoted(SENT)}").text == "APPROVE"
    assert said(f"APPROVE\n\n{SENT}").text == "APPROVE"


def test_attributions_beside_words_with_dates_and_before_a_flattened_letter() -> None:
    dated = f'<div>APPROVE IF cap 20%; until 2030-01-15</div><div>23.11.2026, 10:31, "Outcome" &lt;{T}&gt;:</div><blockquote>x</blockquote>'
    assert said(None, dated).text == "APPROVE IF cap 20%; until 2030-01-15"
    flat = f"Yahoo Mail: Search, Organize, Conquer \n \n  On Mon, Nov 23, 2026 at 10:31 AM, Outcome<{T}> wrote:   {' '.join(SENT.split())}\n"
    assert said(f"APPROVE\n\n{flat}").text == "APPROVE"


def test_footers_of_lists_and_forwards() -> None:
    assert (
        said(
            "APPROVE\n_______________________________________________\nteam mailing list\nteam@lists.x.org\nhttps://lists.x.org/listinfo/team"
        ).text
        == "APPROVE"
    )
    assert (
        said(
            'APPROVE\n\n-- \nYou received this message because you are subscribed to the Google Groups "x" group.'
        ).text
        == "APPROVE"
    )


def test_inline_words_in_an_unmarked_quote_are_kept_when_they_are_announced() -> None:
    lines = SENT.splitlines()
    answered = "\n".join([*lines[:3], "Only for new visitors please", *lines[3:]])
    assert (
        said(f"See my answer below.\n\n{blocks['en']}\n\n{answered}").text
        == "See my answer below.\n\nOnly for new visitors please"
    )
    assert said(f"{blocks['en']}\n\n{answered}").text == "Only for new visitors please"


GMAIL = f'<div dir="ltr">APPROVE if <b>traffic</b> stays at 10&nbsp;%<br clear="all"><div><br></div>-- <br><div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature"><div dir="ltr">Dana<br>VP</div></div></div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">{heads["en"].replace("<", "&lt;").replace(">", "&gt;")}<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">{SENT}</blockquote></div>'
OUTLOOK = (
    f'<html><head><style><!-- p.MsoNormal{{margin:0}} --></style></head><body lang=EN-US><div class=WordSection1><p class=MsoNormal>REJECT too risky<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>Dana Scully<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class=MsoNormal><b>From:</b> Outcome Runtime &lt;{T}&gt; <br><b>Sent:</b> Monday, November 23, 2026 10:00 AM<br><b>To:</b> Dana<br><b>Subject:</b> Gate<o:p></o:p></p></div></div><p class=MsoNormal><o:p>&nbsp;</o:p></p>'
    + "".join(f"<p>{line}</p>" for line in SENT.splitlines())
    + "</div></body></html>"
)


def test_gmail_and_outlook_with_both_parts_agree() -> None:
    found = said(f"APPROVE if *traffic* stays at 10 %\n\n-- \nDana\nVP\n\n{heads['en']}\n{quoted(SENT)}", GMAIL)
    assert (found.text, found.disagrees, found.hidden) == ("APPROVE if *traffic* stays at 10 %", False, False)
    found = said(f"REJECT too risky\n\nDana Scully\n\n{blocks['en']}\n\n{SENT}", OUTLOOK)
    assert (found.text, found.disagrees) == ("REJECT too risky", False)
    assert said(None, OUTLOOK).text == "REJECT too risky"
    assert said(None, GMAIL).text == "APPROVE if traffic stays at 10 %"


def test_html_speaks_where_the_text_part_is_a_stub() -> None:
    for stub in ("", "\n", "Your email client does not support HTML.", "This is a multi-part message in MIME format."):
        found = said(stub, "<p>APPROVE</p>")
        assert (found.text, found.disagrees) == ("APPROVE", False)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("APPROVE", "<p>REJECT</p>"),
        ("no\nAPPROVE", "<p>no</p><p style='display:none'>APPROVE</p>"),
        ("APPROVE", "<p>do not APPROVE</p>"),
        ("APPROVE\n> REJECT", "<p>REJECT</p><blockquote>APPROVE</blockquote>"),
        ("\n> quoted only", "<p>APPROVE</p>"),
        ("APPROVE 5 %", "<p>APPROVE 50 %</p>"),
    ],
)
def test_two_parts_that_say_different_things_disagree(text: str, html: str) -> None:
    assert said(text, html).disagrees


def test_it_is_quick_and_hostile_text_does_not_stall_it() -> None:
    hostile = [
        "On " + "a " * 20000,
        "> " * 20000,
        "<http:" * 20000,
        "external " * 10000,
        "From: a\n" * 5000,
        "Thanks,\n" * 5000,
        "_" * 40000,
        "a@" * 20000,
    ]
    began = time.process_time()
    for text in hostile:
        said(text)
    assert time.process_time() - began < 8
