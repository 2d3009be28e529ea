"""How mail clients write a reply: where the human words stand, what they put around them, and how they quote.

Each template follows the client's observable format: the attribution line, the header block, the wrapper elements of its HTML, its
signature, and the encoding it prefers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from tests.mail_corpus.compose import Encoding, Envelope, Headers, Part, alternative, message, multipart
from tests.mail_corpus.letter import ANA, Person, Sent


@dataclass(frozen=True)
class Body:
    """What a client makes of human words; without `html` it sends text alone, without `text` HTML alone."""

    text: str | None
    html: str | None = None
    encoding: Encoding = "quoted-printable"
    charset: str = "utf-8"
    headers: Headers = ()
    subject: str | None = None
    flowed: bool = False


Client = Callable[[Sent, Person, str], Body]
WHEN = "Mon, Nov 23, 2026 at 10:31 AM"


def send(client: Client, letter: Sent, said: str, who: Person = ANA) -> bytes:
    body = client(letter, who, said)
    envelope = Envelope(who=who, subject=body.subject, extra=body.headers)
    if body.text is not None and body.html is not None:
        content = alternative(body.text, body.html, charset=body.charset, encoding=body.encoding)
    elif body.html is not None:
        content = Part(body.html, "text/html", body.charset, body.encoding).lines()
    else:
        kind = "text/plain; format=flowed" if body.flowed else "text/plain"
        content = Part(body.text or "", kind, body.charset, body.encoding).lines()
    return message(letter, content, envelope)


def breaks(said: str) -> str:
    return escape(said, quote=False).replace("\n", "<br>\n")


def divs(said: str) -> str:
    return "".join(f"<div>{escape(line, quote=False) or '<br>'}</div>" for line in said.split("\n"))


def paragraphs(said: str) -> str:
    return "".join(
        f'<p class="MsoNormal"><span lang="EN-US">{escape(line, quote=False) or "<o:p>&nbsp;</o:p>"}</span></p>\n'
        for line in said.split("\n")
    )


def _address(letter: Sent) -> str:
    return letter.sender.rpartition("<")[2].strip(" >")


def _name(letter: Sent) -> str:
    return letter.sender.rpartition("<")[0].strip(' "') or _address(letter)


def indented(text: str, by: str = "> ") -> str:
    return "\n".join(f"{by}{line}".rstrip() for line in text.splitlines())


# --- Google ---------------------------------------------------------------------------------------------------------


def _gmail(said_html: str, attribution: str, letter: Sent, said: str) -> Body:
    text = f"{said}\n\n{attribution}\n\n{indented(letter.flat)}\n"
    html = (
        f'{said_html}<br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">'
        f'{escape(attribution).replace(chr(10), " ")}<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;'
        f'border-left:1px solid rgb(204,204,204);padding-left:1ex">{letter.inner}</blockquote></div>'
    )
    return Body(text, html)


def _wrote(letter: Sent, when: str = WHEN) -> str:
    return f"On {when} {_name(letter)} <\n{letter.reply_to}> wrote:"


def gmail_web(letter: Sent, who: Person, said: str) -> Body:
    return _gmail(f'<div dir="ltr">{divs(said)}</div>', _wrote(letter), letter, said)


def gmail_android(letter: Sent, who: Person, said: str) -> Body:
    return _gmail(f'<div dir="auto">{divs(said)}</div>', _wrote(letter, "Mon, 23 Nov 2026, 10:31"), letter, said)


def gmail_ios(letter: Sent, who: Person, said: str) -> Body:
    return _gmail(f'<div dir="ltr">{breaks(said)}</div>', _wrote(letter, "Mon, 23 Nov 2026 at 10:31"), letter, said)


def gmail_signature(letter: Sent, who: Person, said: str) -> Body:
    name = f"{who.name}\nHead of Product, Example GmbH\n+49 30 1234567"
    html = (
        f'<div dir="ltr">{divs(said)}</div><div><br clear="all"></div><div><br></div><span class="gmail_signature_prefix">-- </span>'
        f'<br><div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature">{breaks(name)}</div>'
    )
    return _gmail(html, _wrote(letter), letter, f"{said}\n\n-- \n{name}")


# --- Microsoft ------------------------------------------------------------------------------------------------------


def _block(letter: Sent, who: Person, *, sent: str = "Sent", when: str = "Monday, November 23, 2026 10:31 AM") -> str:
    return f"From: {_name(letter)} <{letter.reply_to}>\n{sent}: {when}\nTo: {who.full}\nSubject: {letter.subject}"


_EXCHANGE: Headers = (
    ("Thread-Topic", "Approve launch"),
    ("Thread-Index", "AQHbPZ0gq0m7m0+8q0GH1Yt3yJk4Zw=="),
    ("Accept-Language", "en-US"),
    ("Content-Language", "en-US"),
    ("X-MS-Has-Attach", ""),
    ("X-MS-Exchange-MessageSentRepresentingType", "1"),
    ("X-Auto-Response-Suppress", "DR, OOF, AutoReply"),
)


def _outlook_html(said: str, block: str, letter: Sent) -> str:
    return (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word"><head>'
        '<meta name="Generator" content="Microsoft Word 15 (filtered medium)"><style><!--\n@font-face {font-family:Aptos;}\n'
        "p.MsoNormal {margin:0in; font-size:12.0pt;}\n--></style></head>"
        '<body lang="EN-US" link="#467886" vlink="#96607D" style="word-wrap:break-word"><div class="WordSection1">'
        f'{paragraphs(said)}<p class="MsoNormal"><o:p>&nbsp;</o:p></p><div style="border:none;border-top:solid #E1E1E1 1.0pt;'
        f'padding:3.0pt 0in 0in 0in"><p class="MsoNormal"><b>{breaks(block)}</b><o:p></o:p></p></div>'
        f'<p class="MsoNormal"><o:p>&nbsp;</o:p></p>{letter.inner}</div></body></html>'
    )


def outlook_desktop(letter: Sent, who: Person, said: str) -> Body:
    block = _block(letter, who)
    return Body(f"{said}\n\n{block}\n\n{letter.flat}\n", _outlook_html(said, block, letter), headers=_EXCHANGE)


def outlook_desktop_signature(letter: Sent, who: Person, said: str) -> Body:
    words = f"{said}\n\nBest regards,\n\n{who.name}\nHead of Product\nExample GmbH | Friedrichstr. 1 | 10117 Berlin"
    return outlook_desktop(letter, who, words)


def _owa_html(said: str, block: str, letter: Sent, marker: str) -> str:
    return (
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><style type="text/css" style="display:none;">'
        ' P {margin-top:0;margin-bottom:0;} </style></head><body dir="ltr">'
        f'<div class="elementToProof" style="font-family: Aptos, sans-serif; font-size: 12pt; color: rgb(0, 0, 0);">{breaks(said)}</div>'
        f'{marker}<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
        f'<font face="Calibri, sans-serif" style="font-size:11pt" color="#000000"><b>{breaks(block)}</b></font><div>&nbsp;</div></div>'
        f"<div>{letter.inner}</div></body></html>"
    )


RULE = "________________________________"


def outlook_web(letter: Sent, who: Person, said: str) -> Body:
    block = _block(letter, who)
    html = _owa_html(said, block, letter, '<div id="appendonsend"></div>')
    return Body(f"{said}\n{RULE}\n{block}\n\n{letter.flat}\n", html, headers=_EXCHANGE, encoding="base64")


def outlook_new(letter: Sent, who: Person, said: str) -> Body:
    block = _block(letter, who, when="Monday, 23 November 2026 10:31")
    html = _owa_html(
        said,
        block,
        letter,
        '<div id="mail-editor-reference-message-container" class="ms-outlook-mobile-reference-message">',
    )
    return Body(f"{said}\n\n{block}\n\n{letter.flat}\n", f"{html}</div>", headers=_EXCHANGE)


def outlook_mobile(letter: Sent, who: Person, said: str) -> Body:
    block, get = _block(letter, who), "Get Outlook for iOS<https://aka.ms/o0ukef>"
    html = _owa_html(
        said, block, letter,
        '<div id="ms-outlook-mobile-signature" dir="auto">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div>'
        '<div id="mail-editor-reference-message-container" dir="auto"><br>',
    )  # fmt: skip
    return Body(f"{said}\n\n{get}\n{RULE}\n{block}\n\n{letter.flat}\n", html, headers=_EXCHANGE)


def outlook_android(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f"{said}\n\nSent from Outlook for Android<https://aka.ms/AAb9ysg>\n{RULE}\n{_block(letter, who)}\n\n{letter.flat}\n"
    )


def outlook_mac(letter: Sent, who: Person, said: str) -> Body:
    block = _block(letter, who, sent="Date", when="Monday, 23. November 2026 at 10:31")
    html = _outlook_html(said, block, letter).replace("#E1E1E1", "#B5C4DF")
    return Body(f"{said}\n\n{block}\n{letter.flat}\n", html)


def outlook_original_message(letter: Sent, who: Person, said: str) -> Body:
    """Outlook composing in plain text: nothing marks the quoted lines."""
    return (
        Body(
            f"{said}\n\n-----Original Message-----\n{_block(letter, who)}\n\n{letter.text}\n",
            charset="windows-1252",
            headers=_EXCHANGE,
        )
        if _latin(said + letter.text + letter.subject)
        else Body(f"{said}\n\n-----Original Message-----\n{_block(letter, who)}\n\n{letter.text}\n", headers=_EXCHANGE)
    )


def _latin(text: str) -> bool:
    try:
        text.encode("windows-1252")
    except UnicodeEncodeError:
        return False
    return True


DISCLAIMER = (
    "This e-mail and any attachments are confidential and may also be privileged. If you are not the intended recipient, please\n"
    "notify the sender immediately and delete this message. No contract is approved or rejected by this e-mail."
)


def exchange_disclaimer(letter: Sent, who: Person, said: str) -> Body:
    """A company's transport rule puts its banner on top and its disclaimer beneath."""
    text = f"{said}\n\n{_block(letter, who)}\n\n{letter.text}\n\n{RULE}\n{DISCLAIMER}\n"
    return Body(text, headers=_EXCHANGE)


def exchange_disclaimer_above_quote(letter: Sent, who: Person, said: str) -> Body:
    return Body(f"{said}\n\n{RULE}\n{DISCLAIMER}\n\n{_block(letter, who)}\n\n{letter.text}\n", headers=_EXCHANGE)


BANNER = (
    "CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the"
    " sender and know the content is safe."
)


def gateway_banner(letter: Sent, who: Person, said: str) -> Body:
    html = (
        '<table border="0" style="background:#FFEB9C"><tr><td><span style="font-size:10pt">'
        f"{BANNER}</span></td></tr></table><br><div>{breaks(said)}</div><hr><b>{breaks(_block(letter, who))}</b><br>{letter.inner}"
    )
    text = f"{BANNER}\n\n{said}\n\n{_block(letter, who)}\n\n{letter.flat}\n"
    return Body(text, html, subject=f"[EXTERNAL] Re: {letter.subject}")


def windows_mail(letter: Sent, who: Person, said: str) -> Body:
    return Body(f"{said}\n\nSent from Mail for Windows\n\n{_block(letter, who)}\n\n{letter.flat}\n")


# --- Apple ----------------------------------------------------------------------------------------------------------


def _apple_html(said: str, attribution: str, letter: Sent, signature: str = "") -> str:
    return (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body style="overflow-wrap: break-word; '
        '-webkit-nbsp-mode: space; line-break: after-white-space;">'
        f'{divs(said)}{signature}<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite"><div>{escape(attribution)}</div>'
        f'<br class="Apple-interchange-newline"><div>{letter.inner}</div></blockquote></div><br></body></html>'
    )


def apple_mail(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On 23. Nov 2026, at 10:31, {_name(letter)} <{letter.reply_to}> wrote:"
    text = f"{said}\n\n> {attribution}\n> \n{indented(letter.flat)}\n"
    return Body(text, _apple_html(said, attribution, letter), headers=(("X-Mailer", "Apple Mail (2.3826.200.121)"),))


def apple_mail_plain(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On Nov 23, 2026, at 10:31 AM, {_name(letter)} <{letter.reply_to}> wrote:"
    return Body(f"{said}\n\n> {attribution}\n> \n{letter.quoted}\n\n")


def ios_mail(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On Nov 23, 2026, at 10:31 AM, {_name(letter)} <{letter.reply_to}> wrote:"
    text = f"{said}\n\nSent from my iPhone\n\n> {attribution}\n> \n> \ufeff\n{indented(letter.flat)}\n"
    html = _apple_html(
        said, attribution, letter, '<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Sent from my iPhone</div>'
    )
    return Body(text, html, "base64", headers=(("X-Mailer", "iPhone Mail (23B85)"), ("Content-Language", "en")))


def ios_mail_german(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"Am 23.11.2026 um 10:31 schrieb {_name(letter)} <{letter.reply_to}>:"
    return Body(
        f"{said}\n\nVon meinem iPhone gesendet\n\n> {attribution}\n> \n> \ufeff\n{letter.quoted}\n", encoding="base64"
    )


def ios_mail_french(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"Le 23 nov. 2026 à 10:31, {_name(letter)} <{letter.reply_to}> a écrit\u00a0:"
    return Body(f"{said}\n\nEnvoyé de mon iPhone\n\n> {attribution}\n> \n{letter.quoted}\n", encoding="base64")


# --- others ---------------------------------------------------------------------------------------------------------


def thunderbird(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On 23.11.26 10:31, {_name(letter)} wrote:"
    html = (
        f'<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head><body>{breaks(said)}<br>'
        f'<br><div class="moz-cite-prefix">{attribution}<br></div><blockquote type="cite" cite="mid:{escape(letter.message_id.strip("<>"))}">'
        f'{letter.inner}</blockquote><div class="moz-signature">-- <br>{who.name}</div></body></html>'
    )
    return Body(f"{said}\n\n{attribution}\n{indented(letter.flat, '> ')}\n\n-- \n{who.name}\n", html)


def thunderbird_bottom(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f"On 23.11.26 10:31, {_name(letter)} wrote:\n{letter.quoted}\n\n{said}\n\n-- \n{who.name}\n",
        flowed=True,
        encoding="8bit",
    )


def thunderbird_german(letter: Sent, who: Person, said: str) -> Body:
    return Body(f"{said}\n\nAm 23.11.26 um 10:31 schrieb {_name(letter)}:\n{letter.quoted}\n", encoding="8bit")


def yahoo(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On Monday, November 23, 2026 at 10:31:00 AM GMT+1, {_name(letter)} <{letter.reply_to}> wrote:"
    text = f" {said}\n    {attribution}  \n \n " + indented(letter.flat, " ").strip() + "\n  "
    html = (
        '<html><head></head><body><div class="ydp1a2b3yahoo-style-wrap" style="font-family:Helvetica; font-size:13px;">'
        f'<div dir="ltr" data-setdir="false">{breaks(said)}</div><div><br></div></div><div id="ydp77yahoo_quoted_0123456789" '
        f'class="ydp77yahoo_quoted"><div style="color:#26282a;"><div>{escape(attribution)}</div><div><br></div>{letter.inner}</div></div>'
        "</body></html>"
    )
    return Body(text, html)


def yahoo_mobile(letter: Sent, who: Person, said: str) -> Body:
    text = (
        f"{said}\n\nYahoo Mail: Search, Organize, Conquer \n \n  On Mon, Nov 23, 2026 at 10:31 AM, {_name(letter)}<{letter.reply_to}>"
        f" wrote:   {letter.flat}\n  "
    )
    html = (
        f'<div>{breaks(said)}</div><div id="ymail_android_signature"><a href="https://mail.onelink.me/107872968">Yahoo Mail: Search, '
        f'Organize, Conquer</a></div><br><blockquote style="margin: 0 0 20px 0;"><div style="font-family:Roboto;">On Mon, Nov 23, 2026 at '
        f"10:31 AM, {_name(letter)} wrote:</div>{letter.inner}</blockquote>"
    )
    return Body(text, html)


def aol(letter: Sent, who: Person, said: str) -> Body:
    text = f"{said}\n\n\n-----Original Message-----\nFrom: {letter.sender}\nTo: {who.address}\nSent: Mon, Nov 23, 2026 10:31 am\nSubject: {letter.subject}\n\n{letter.text}\n"
    html = f'<font color="black" size="2" face="arial"><div>{breaks(said)}</div><div id="yiv0">-----Original Message-----<br>From: Outcome<br>{letter.inner}</div></font>'
    return Body(text, html)


def proton(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On Monday, November 23rd, 2026 at 10:31 AM, {_name(letter)} <{letter.reply_to}> wrote:"
    html = (
        f'<div style="font-family: Arial, sans-serif; font-size: 14px;">{breaks(said)}</div>'
        '<div class="protonmail_signature_block"><div class="protonmail_signature_block-proton">Sent with '
        '<a href="https://proton.me/mail/home">Proton Mail</a> secure email.</div></div><div class="protonmail_quote">'
        f'{escape(attribution)}<br><blockquote class="protonmail_quote" type="cite">{letter.inner}</blockquote><br></div>'
    )
    text = f"{said}\n\n\nSent with [Proton Mail](https://proton.me/mail/home) secure email.\n\n{attribution}\n\n{indented(letter.flat)}\n"
    return Body(text, html, "base64")


def fastmail(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On Mon, 23 Nov 2026, at 10:31 AM, {_name(letter)} wrote:"
    html = f'<!DOCTYPE html><html><body><div>{breaks(said)}</div><div><br></div><div>{attribution}</div><blockquote type="cite" id="qt">{letter.inner}</blockquote></body></html>'
    return Body(f"{said}\n\n{attribution}\n{indented(letter.flat)}\n", html)


def hey(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On November 23, 2026, {_name(letter)} <{letter.reply_to}> wrote:"
    html = f'<html><body><div class="trix-content">{divs(said)}<br><br><div>{escape(attribution)}</div><blockquote>{letter.inner}</blockquote></div></body></html>'
    return Body(None, html)


def zoho(letter: Sent, who: Person, said: str) -> Body:
    text = f"{said}\n\n\n\n---- On Mon, 23 Nov 2026 10:31:00 +0100 {_name(letter)} <{letter.reply_to}> wrote ---\n\n{letter.flat}\n"
    html = (
        f'<html><body><div style="font-family: Verdana; font-size: 10pt;"><div>{breaks(said)}</div><br><div id="Zm-_Id_-Sgn1" '
        'data-zbluepencil-ignore="true"><div><br></div></div><br><div class="zmail_extra_hr" style="border-top: 1px solid rgb(204, 204, 204);'
        f' height: 0px;"></div><div class="zmail_extra"><div id="Zm-_Id_-Sgn">---- On Mon, 23 Nov 2026 10:31:00 +0100 <b>{_name(letter)}</b> wrote ---'
        f'</div><blockquote id="blockquote_zmail">{letter.inner}</blockquote></div></div></body></html>'
    )
    return Body(text, html)


def gmx(letter: Sent, who: Person, said: str) -> Body:
    html = (
        f'<html><head></head><body><div style="font-family: Verdana;font-size: 12.0px;"><div>{breaks(said)}</div><div>&nbsp;'
        '<div name="quote" style="margin:10px 5px 5px 10px; padding: 10px 0 10px 10px; border-left:2px solid #C3D9E5;">'
        '<div style="margin:0 0 10px 0;"><b>Gesendet:</b>&nbsp;Montag, 23. November 2026 um 10:31 Uhr<br><b>Von:</b>&nbsp;'
        f'"{_name(letter)}" &lt;{letter.reply_to}&gt;<br><b>An:</b>&nbsp;{who.address}<br><b>Betreff:</b>&nbsp;{escape(letter.subject)}</div>'
        f'<div name="quoted-content">{letter.inner}</div></div></div></div></body></html>'
    )
    return Body(None, html)


def webde_text(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f"{said}\n \n\nGesendet: Montag, 23. November 2026 um 10:31 Uhr\nVon: {letter.sender}\nAn: {who.address}\n"
        f"Betreff: {letter.subject}\n{letter.text}\n"
    )


def mutt(letter: Sent, who: Person, said: str) -> Body:
    text = f"On Mon, Nov 23, 2026 at 10:31:00AM +0100, {_name(letter)} wrote:\n{letter.quoted}\n\n{said}\n\n-- \n{who.name}\n"
    return Body(
        text, encoding="8bit", headers=(("User-Agent", "Mutt/2.2.12 (2023-09-09)"), ("Content-Disposition", "inline"))
    )


def lotus_notes(letter: Sent, who: Person, said: str) -> Body:
    text = f"{said}\n\n\n\nFrom:\t{letter.sender}\nTo:\t{who.name}/EXAMPLE@EXAMPLE\nDate:\t11/23/2026 10:31 AM\nSubject:\t{letter.subject}\n\n\n\n{letter.text}\n"
    return Body(text, headers=(("X-Mailer", "HCL Notes Release 12.0.2 November 17, 2022"),))


def samsung(letter: Sent, who: Person, said: str) -> Body:
    text = f"{said}\n\n\n\nSent from my Galaxy\n\n\n-------- Original message --------\nFrom: {letter.sender}\nDate: 23/11/2026 10:31 (GMT+01:00)\nTo: {who.address}\nSubject: {letter.subject}\n\n{letter.flat}\n"
    html = (
        f'<html><body><div dir="auto">{breaks(said)}</div><div dir="auto"><br></div><div id="composer_signature" dir="auto"><div dir="auto">Sent '
        'from my Galaxy</div></div><div dir="auto"><br></div><div><br></div><div align="left" dir="auto" style="font-size:100%;color:#000000">'
        f"<div>-------- Original message --------</div><div>From: {escape(letter.sender)} </div><div>Date: 23/11/2026 10:31 (GMT+01:00) </div>"
        f"<div>To: {who.address} </div><div>Subject: {escape(letter.subject)} </div><div><br></div></div>{letter.inner}</body></html>"
    )
    return Body(text, html, "base64")


def k9(letter: Sent, who: Person, said: str) -> Body:
    text = f"{said}\n-- \nDiese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.\n\nAm 23. November 2026 10:31:00 MEZ schrieb {letter.sender}:\n{indented(letter.text, '>')}\n"
    return Body(text, encoding="8bit")


def k9_english(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f"{said}\n\nOn 23 November 2026 10:31:00 CET, {letter.sender} wrote:\n{indented(letter.text, '>')}\n\n-- \nSent from my Android device with K-9 Mail. Please excuse my brevity.\n"
    )


def blackberry(letter: Sent, who: Person, said: str) -> Body:
    text = f"{said}\n\nSent from my BlackBerry 10 smartphone.\nFrom: {_name(letter)}\nSent: Monday, November 23, 2026 10:31 AM\nTo: {who.name}\nReply To: {letter.reply_to}\nSubject: {letter.subject}\n\n{letter.text}\n"
    return Body(text, encoding="base64")


def roundcube(letter: Sent, who: Person, said: str) -> Body:
    return Body(f"{said}\n\nOn 2026-11-23 10:31, {_name(letter)} wrote:\n{letter.quoted}\n", flowed=True)


def roundcube_bottom(letter: Sent, who: Person, said: str) -> Body:
    return Body(f"On 2026-11-23 10:31, {_name(letter)} wrote:\n{letter.quoted}\n\n{said}\n", flowed=True)


def kmail(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f"Am Montag, 23. November 2026, 10:31:00 Mitteleuropäische Normalzeit schrieb {_name(letter)}:\n{letter.quoted}\n\n{said}\n",
        encoding="8bit",
    )


def evolution(letter: Sent, who: Person, said: str) -> Body:
    return Body(f"{said}\n\nOn Mon, 2026-11-23 at 10:31 +0000, {_name(letter)} wrote:\n{letter.quoted}\n")


def spark(letter: Sent, who: Person, said: str) -> Body:
    attribution = f"On 23 Nov 2026 at 10:31 +0100, {letter.sender}, wrote:"
    html = f'<html><body><div name="messageBodySection"><div dir="auto">{breaks(said)}</div></div><div name="messageReplySection">{escape(attribution)}<br><blockquote style="border-left-color: grey;" class="spark_quote">{letter.inner}</blockquote></div></body></html>'
    return Body(f"{said}\n{attribution}\n{indented(letter.flat)}\n", html)


def superhuman(letter: Sent, who: Person, said: str) -> Body:
    text = f"{said}\n\nSent via Superhuman ( https://sprh.mn/?vip={who.address} )\n\nOn Mon, Nov 23, 2026 at 10:31 AM, {_name(letter)} < {letter.reply_to} > wrote:\n\n{indented(letter.flat)}\n"
    html = f'<html><body><div><div>{breaks(said)}</div><div><div class="sh-signature"><div class="gmail_signature">Sent via <a href="https://sprh.mn/">Superhuman</a></div></div></div><br><div class="gmail_quote">On Mon, Nov 23, 2026 at 10:31 AM, {_name(letter)} wrote:<br><blockquote class="gmail_quote">{letter.inner}</blockquote></div></div></body></html>'
    return Body(text, html)


def mail_ru(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f" \n{said}\n \n-- \n{who.name}\n \n>Понедельник, 23 ноября 2026, 10:31 +03:00 от {_name(letter)} <{letter.reply_to}>:\n>\n{indented(letter.text, '>')}\n",
        encoding="base64",
    )


def yandex(letter: Sent, who: Person, said: str) -> Body:
    html = f'<div>{breaks(said)}</div><div> </div><div>23.11.2026, 10:31, "{_name(letter)}" &lt;{letter.reply_to}&gt;:</div><blockquote>{letter.inner}</blockquote>'
    return Body(None, html, "base64")


def qq_mail(letter: Sent, who: Person, said: str) -> Body:
    text = f'{said}\n\n\n\n\n------------------&nbsp;原始邮件&nbsp;------------------\n发件人: "{_name(letter)}" <{letter.reply_to}>;\n发送时间: 2026年11月23日(星期一) 晚上6:31\n收件人: "{who.name}"<{who.address}>;\n主题: {letter.subject}\n\n\n\n{letter.text}\n'
    return Body(text.replace("&nbsp;", " "), encoding="base64", charset="gb18030")


def netease(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f'{said}\n\n\n\n\n\n\nAt 2026-11-23 18:31:00, "{_name(letter)}" <{letter.reply_to}> wrote:\n\n{indented(letter.text, ">")}\n',
        encoding="base64",
        charset="gb18030",
    )


def naver(letter: Sent, who: Person, said: str) -> Body:
    return Body(
        f'{said}\n\n\n-----Original Message-----\nFrom: "{_name(letter)}" <{letter.reply_to}>\nTo: <{who.address}>;\nCc:\nSent: 2026-11-23 (월) 19:31:00 (GMT+09:00)\nSubject: {letter.subject}\n\n{letter.text}\n',
        encoding="base64",
    )


def with_picture(letter: Sent, who: Person, said: str) -> Body:
    return gmail_web(letter, who, said)


def without_quote(letter: Sent, who: Person, said: str) -> Body:
    return Body(f"{said}\n", encoding="7bit" if said.isascii() else "8bit")


CLIENTS: dict[str, Client] = {
    name: found
    for name, found in list(globals().items())
    if callable(found)
    and getattr(found, "__annotations__", {}).get("return") is Body
    and not name.startswith("_")
    and name != "send"
}


def mixed_with_logo(letter: Sent, said: str, who: Person = ANA) -> bytes:
    """Outlook with a company's logo in the signature: related inside mixed inside nothing a person sees."""
    body = outlook_desktop_signature(letter, who, said)
    inner = alternative(body.text or "", body.html or "")
    logo = Part(
        b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
        'image/png; name="image001.png"',
        "",
        "base64",
        "inline",
        (("Content-ID", "<image001.png@01DB>"),),
    )
    return message(
        letter, multipart("related", inner, logo.lines(), boundary="_004_rel"), Envelope(who=who, extra=_EXCHANGE)
    )
