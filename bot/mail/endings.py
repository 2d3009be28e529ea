"""What clients, gateways and lists add around somebody's words: signatures, mobile lines, disclaimers, banners, footers."""
# ruff: noqa: RUF001  words of other scripts look like Latin ones

import re
from collections.abc import Sequence

_MOBILE = re.compile(
    r"[\s>*_(\[]*(?:"
    r"(?:sent|sended) (?:from|via|with|using) (?:my |the )?(?:iphone|ipad|ipod|apple|android|samsung|galaxy|huawei|xiaomi|pixel|oneplus|nokia|blackberry|windows|outlook|mail|yahoo|aol|gmail|proton|fastmail|gmx|web\.de|zoho|hey|tuta|spark|superhuman|thunderbird|t-mobile|verizon|mobile|phone|handheld|smartphone|tablet|device|nine|k-9|bluemail|edison|newton|airmail|mailbird|canary|front|shortwave|missive|spike|mobil|verizon)\b.{0,80}"
    r"|get outlook for (?:ios|android|mac)\b.{0,60}|download (?:outlook|gmx|the .{1,20} app)\b.{0,60}|envoyé (?:de|depuis|à partir de|avec|via|par)\b.{1,70}|télécharger outlook\b.{0,50}|obtenez outlook\b.{0,50}|"
    r"(?:von meinem|gesendet (?:von|mit|über|aus)|von unterwegs|diese nachricht wurde von|von .{2,20} gesendet|outlook für (?:ios|android))\b.{0,80}|holen sie sich outlook\b.{0,50}|laden sie outlook\b.{0,50}|beziehen sie outlook\b.{0,50}|"
    r"enviado (?:desde|do|a partir|de|con|por|mediante|pelo|com)\b.{1,70}|(?:obtener|obtén|obtenga|obter|baixe o|descarga) outlook\b.{0,50}|"
    r"inviato (?:da|dal|con|tramite)\b.{1,70}|(?:scarica|ottieni) outlook\b.{0,50}|"
    r"(?:verzonden|verstuurd) (?:vanaf|van|met|via|vanuit)\b.{1,70}|(?:download|outlook) voor (?:ios|android)\b.{0,50}|"
    r"skickat från\b.{1,70}|skaffa outlook\b.{0,50}|hämta outlook\b.{0,50}|sendt fra\b.{1,70}|hent outlook\b.{0,50}|få outlook\b.{0,50}|"
    r"wysłan[oe] (?:z|ze|za pomocą)\b.{1,70}|pobierz (?:aplikację )?outlook\b.{0,50}|odesláno z\b.{1,70}|odoslané z\b.{1,70}|získat outlook\b.{0,50}|"
    r"отправлено (?:с|из)\b.{1,70}|скачать outlook\b.{0,50}|надіслано з\b.{1,70}|(?:iphone|ipad|android|samsung).{0,12}(?:'?[dt][ae]n|dan|ımdan) gönderildi.{0,20}|outlook.{0,20} (?:indir|edinin).{0,20}|"
    r"lähetetty .{1,50}(?:sta|stä|lta|ltä)\b.{0,20}|hanki outlook\b.{0,50}|az? (?:iphone|android).{0,20}(?:küldve|küldtem).{0,20}|trimis de pe\b.{1,50}|"
    r"(?:iphone|ipad|android|galaxy|スマートフォン)(?:から|より)送信.{0,20}|.{0,12}から送信されました.{0,10}|outlook for (?:ios|android).{0,12}(?:を入手|获取).{0,20}|"
    r"(?:发自|發自|来自|從|从)我?的?\s?.{1,30}|获取\s?outlook.{0,30}|使用.{1,20}发送|(?:나의|내) ?.{1,20}에서 (?:보냄|전송).{0,10}|.{1,15}에서 보냄|"
    r"iosでoutlookを.{0,20}|yahoo mail[:,].{0,60}|virus-free\.? ?(?:www\.)?\S{0,40}"
    r")[\s)\].!]*(?:<https?://[^<>]*>|\[?https?://\S+)?[\s)\].>*_]*",
    re.IGNORECASE,
)
_MOST_MOBILE = 200
_DEVICE = re.compile(
    r"ipho|ipad|ipod|apple|android|samsung|galaxy|huawei|xiaomi|pixel|oneplus|nokia|blackberry|windows|outlook|mail|yahoo|aol|proton|fastmail|gmx|web\.de|zoho|hey|tuta|spark|superhuman|thunderbird|mobil|móvil|movil|celular|cellulare|portable|téléphone|telefon|phone|telefoon|tablet|handy|gerät|device|handheld|canary|edison|k-9|nine|front|shortwave|missive|verizon|t-mobile|unterwegs|virus|手机|手機|邮箱|华为|小米|荣耀|三星|スマートフォン|携帯|휴대|갤럭시|телефон|смартфон",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"[,;!?]|\b(?:was|were|is|but|because|reject(?:ed)?|approved?|not|no|yes|ok|please|wait|ship)\b", re.IGNORECASE
)
_EXCUSE = re.compile(r"typo|brevity|excuse|tippfehler|entschuldig|kürze|search, organi[sz]e|<https?:", re.IGNORECASE)
_CLOSING = re.compile(
    r"[\s*_]*(?:(?:many |much )?thanks(?: (?:again|a lot|so much|in advance|and regards|& regards))?|thank you(?: (?:very much|so much|again))?|thx|ty|cheers|best(?: (?:regards|wishes))?|all the best|(?:kind|warm|warmest|kindest)(?:est)? regards|kind wishes|regards|rgds|br|sincerely(?: yours)?|yours(?: (?:sincerely|truly|faithfully))?|respectfully|take care|"
    r"(?:mit )?(?:freundlichen?|freundliche|besten?|liebe[nr]?|viele[n]?|herzliche[n]?|schöne[n]?|sonnige) gr(?:ü|ue)(?:ß|ss)e?n?(?: aus .{2,20})?|(?:beste[nr]?|vielen|lieben|herzlichen)? ?dank|danke(?: schön| und gruß)?|gr(?:uß|uss|üße|uesse)|lg|vg|mfg|bg|hg|"
    r"(?:bien |très )?cordialement|(?:meilleures|sincères) salutations|salutations(?: distinguées)?|bien à (?:vous|toi)|merci(?: (?:beaucoup|d'avance))?|à bientôt|cdlt|amicalement|"
    r"(?:un )?(?:cordial |afectuoso )?saludos?(?: cordiales)?|saludos|atentamente|cordialmente|(?:muchas )?gracias|un abrazo|"
    r"(?:cordiali|distinti|cari) saluti|saluti|grazie(?: mille)?|un saluto|buona giornata|atenciosamente|att\.?|cumprimentos|(?:com os )?melhores cumprimentos|(?:muito )?obrigad[oa]|abraços?|abs|"
    r"(?:met )?(?:vriendelijke|hartelijke) groet(?:en)?|groet(?:en|jes)?|mvg|bedankt|dank je(?: wel)?|(?:med )?(?:vänliga?|vennlig|venlig|bästa|beste|bedste|hjärtliga) (?:hälsning(?:ar)?|hilsen|hilsner)|hälsningar|hilsen|mvh|vh|tack|tak|takk|"
    r"pozdrawiam(?: serdecznie)?|z poważaniem|dziękuję|dzięki|s pozdravem|děkuji|díky|с уважением|спасибо|ystävällisin terveisin|terveisin|kiitos|t\.|saygılarımla|teşekkürler|iyi çalışmalar|üdvözlettel|köszönöm|cu stimă|mulțumesc)[\s*_]*[,.!–—-]*[\s*_]*",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"@|https?:|www\.|\+?\d[\d\s()/.-]{5,}|\||•|·|\b(?:tel|phone|mobil|mobile|fax|gmbh|inc|ltd|llc|corp|s\.a\.|ag)\b",
    re.IGNORECASE,
)
_NAMES = re.compile(r"(?:(?:[A-ZÀ-ÞĀ-ŽА-Я][\w.'’-]*|de|la|von|van|der|den|du|of|and|&|[-–—/,]+)\s*){1,7}")
_DISCLAIMS = re.compile(
    r"confidential|privileged|intended (?:recipient|only|solely)|addressee|unauthori[sz]ed|disclos|destroy|delete (?:it|this|the)|in error|virus|liab|"
    r"vertraulich|empfänger|bestimmt|unbefugt|vernichten|löschen|irrtümlich|absender|"
    r"confidentiel|destinataire|destiné|strictement|erreur|détruire|supprimer|"
    r"confidencial|destinatario|destinad|prohibid|proibid|eliminar|borr|"
    r"riservat|destinatari|vietat|cancell|vertrouwelijk|geadresseerde|bestemd|verwijder|poufn|adresat|důvěrn|конфиденциальн|получател|printing this|umwelt|environment",
    re.IGNORECASE,
)
_ECO = re.compile(
    r".{0,4}(?:please )?(?:consider|think (?:of|about)) the environment before printing.*|.{0,4}bitte (?:denken sie|prüfen sie|an die umwelt).{0,80}(?:umwelt|drucken|ausdruck).*|.{0,4}pensez à l'environnement.*",
    re.IGNORECASE,
)
_DISCLAIMER_WORDS, _DISCLAIMER_TERMS = 12, 3
_SAFETY = r"link|click|attach|sender|trust|password|content is safe|suspicious|credential|anhäng|anlag|absender|klick|vorsichtig|cliqu|pièce|lien|expéditeur|prudent|enlace|adjunt|remitente|clique|anexo|allegat|mittente|bijlag|afzender"
_WARNINGS = (
    r"\[ ?(?:external|extern|externe|externo|esterno|ext|external (?:e-?mail|sender|message)|externe (?:e-?mail|mail)|courriel externe|correo externo) ?\]:?",
    r"(?:\**(?:caution|warning|attention|notice|alert|note|be careful)\** ?[:!-]+ ?\** ?)?this (?:e-?mail|message) (?:is from|was sent from|has been sent from|originated|originates|came from|comes from|was sent by)§{0,30}(?:outside|external)§{0,80}[.!]~",
    r"(?:this message is from an )?external (?:e-?mail|sender|message)(?: ?[:!.-] ?)~",
    r"(?:(?:achtung|vorsicht|warnung|hinweis) ?[:!-]+ ?)?diese (?:e-?mail|nachricht) (?:stammt|kommt|wurde)§{0,40}(?:außerhalb|ausserhalb|extern)§{0,100}[.!]~",
    r"(?:achtung|vorsicht|warnung|hinweis) ?[:!-]+ ?externe (?:e-?mail|nachricht|absender)(?:§{0,80}[.!]|$)~",
    r"(?:attention|avertissement|prudence|mise en garde) ?[:!-]+ ?ce(?:t)? (?:courriel|message|mail|courrier|e-mail)§{0,40}(?:extérieur|externe|hors)§{0,100}[.!]~",
    r"(?:precaución|atención|aviso|advertencia|cuidado|atenção) ?[:!-]+ ?(?:este|esta) (?:correo|mensaje|e-?mail|mensagem)§{0,60}(?:fuera|extern|fora)§{0,100}[.!]~",
    r"attenzione ?[:!-]+ ?quest[ao]§{0,60}(?:esterno|esterna|fuori)§{0,100}[.!]~",
    r"(?:let op|waarschuwing) ?[:!-]+ ?(?:dit|deze)§{0,60}(?:buiten|extern)§{0,100}[.!]~",
    r"(?:some people who received this message|you|sie|vous) (?:don['’]t often get|erhalten nicht (?:oft|häufig)|ne recevez pas souvent)(?:[^\n@]|\n(?!\n)){0,60}?\S+@\S+(?: \[?(?:learn why this is important|erfahren sie, warum dies wichtig ist|découvrez pourquoi (?:ceci|cela) est important)\]?(?:<[^<>]*>| at https?://\S+| https?://\S+)?\.?)?",
    r"zjqcmqryfpfptbanner(?:start|end)",
)


def _banner() -> re.Pattern[str]:
    """A blank in a pattern is a blank or one line break; `~` stands for further warning sentences, which name what they warn of."""
    any_of = r"(?:[^.!\n]|\n(?!\s*\n))"
    further = (
        rf"(?:[ \t]*\n?[ \t]*(?={any_of}{{0,200}}(?:{_SAFETY}))(?!(?:approve|reject|delegate)\b){any_of}{{4,250}}[.!])*"
    )
    whole = (
        "|".join(_WARNINGS)
        .replace("{0,160}", "{0,160}")
        .replace(" ?", "\x01")
        .replace(" ", r"[ \t]*(?:[ \t]|\n)[ \t]*")
    )
    return re.compile(
        whole.replace("\x01", r"[ \t]*\n?[ \t]*").replace("§", any_of).replace("~", further),
        re.IGNORECASE | re.MULTILINE,
    )


_BANNER = _banner()
_BANNER_LINES = 30
_SUSPECT = re.compile(
    r"extern|outside|außerhalb|ausserhalb|extérieur|fuera|\bfora\b|esterno|buiten|banner(?:start|end)|often\s+get|nicht\s+(?:oft|häufig)|pas\s+souvent|\[ext\]",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"(?:you(?:'re)? (?:received|are receiving|got) this (?:message|email|e-mail|mail) because you(?:'re| are)? (?:are )?(?:subscribed|a member)|to unsubscribe from this (?:group|list)|"
    r".{1,80} mailing list\s*$|.{0,40}list-?info/|sie (?:erhalten|haben) diese (?:nachricht|e-mail|mail)[^\n]{0,20},? weil sie|vous (?:avez reçu|recevez) (?:ce|cet) (?:message|e-mail|courriel) (?:car|parce que) vous)",
    re.IGNORECASE,
)
_MOST_AFTER_CLOSING, _MOST_SHORT = 8, 70


def without_banner(lines: Sequence[str]) -> list[str]:
    """Banners of gateways, broken over lines or with words right behind them."""
    top = "\n".join(lines[:_BANNER_LINES])
    if not _SUSPECT.search(top):
        return list(lines)
    return [*_BANNER.sub("", top).split("\n"), *lines[_BANNER_LINES:]]


def mobile(line: str) -> bool:
    """`Sent from my iPhone` in its languages, and the likes that apps add."""
    return len(line) < _MOST_MOBILE and bool(
        _MOBILE.fullmatch(line) and (_DEVICE.search(line) and (_EXCUSE.search(line) or not _SPEAKS.search(line)))
    )


def split(lines: Sequence[str], name: str) -> tuple[list[str], list[str]]:
    """Somebody's words, and what ends them: signature, closing words, mobile lines, disclaimers, list footers. Kept when unsure."""
    kept = [line for line in lines if not mobile(line)]
    ended = [line for line in lines if mobile(line)]
    cut = _cut(kept, name)
    ended, kept = kept[cut:] + ended, kept[:cut]
    kept, disclaimers = _disclaimed(kept)
    while kept and not kept[-1].strip():
        kept.pop()
    if disclaimers and (cut := _cut(kept, name)) < len(kept):
        ended, kept = kept[cut:] + ended, kept[:cut]
    return kept, ended + disclaimers


def _cut(lines: Sequence[str], name: str) -> int:
    """Where the ending begins; the length of `lines` when there is none."""
    spoken = False
    for number, line in enumerate(lines):
        if line.rstrip() == "--" or line == "-- " or re.fullmatch(r"\s*[-_]{2,3}\s?", line) or _footer(lines, number):
            if spoken or line.startswith("--"):
                return number
        elif spoken and _closes(lines, number, name):
            return number
        spoken = spoken or bool(line.strip())
    return len(lines)


def _footer(lines: Sequence[str], number: int) -> bool:
    if _FOOTER.match(lines[number].strip()):
        return True
    after = next((line.strip() for line in lines[number + 1 :] if line.strip()), "")
    return bool(re.fullmatch(r"\s*[_=~-]{8,}\s*", lines[number])) and bool(_FOOTER.match(after))


def _closes(lines: Sequence[str], number: int, name: str) -> bool:
    """Closing words or the sender's own name, and below them nothing but what stands in a signature."""
    line = lines[number].strip()
    after = [item.strip() for item in lines[number + 1 :] if item.strip()]
    if len(after) > _MOST_AFTER_CLOSING or not all(_signs(item, name) for item in after):
        return False
    return bool(_CLOSING.fullmatch(line)) or _is_name(line, name)


def _signs(line: str, name: str) -> bool:
    if len(line) > _MOST_SHORT and not _CONTACT.search(line):
        return False
    return _is_name(line, name) or bool(_CLOSING.fullmatch(line)) or _looks_signed(line)


def _looks_signed(line: str) -> bool:
    """Names and titles, or ways to reach somebody; a word written in capitals may be a command."""
    if _CONTACT.search(line):
        return not re.search(r"\b[A-Z]{5,}\b", line)
    return bool(_NAMES.fullmatch(line)) and not re.match(r"[A-Z]{2,}\b", line) and not line.endswith((".", "?", "!"))


def _is_name(line: str, name: str) -> bool:
    bare = line.strip(" *_-–—~/,.").casefold()
    whole = name.casefold().strip("' \"")
    parts = [part.strip(",") for part in whole.split()]
    return (
        bool(bare) and "@" not in whole and bare in {whole, *parts[:1], *parts[-1:], " ".join(reversed(parts))} - {""}
    )


def _disclaimed(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Paragraphs that only lawyers write, wherever they stand after the first words."""
    kept: list[str] = []
    gone: list[str] = []
    for paragraph in "\n".join(lines).split("\n\n"):
        terms = {found.casefold() for found in _DISCLAIMS.findall(paragraph)}
        legal = len(paragraph.split()) >= _DISCLAIMER_WORDS and len(terms) >= _DISCLAIMER_TERMS
        (gone if (legal and kept) or _ECO.fullmatch(paragraph.strip()) else kept).append(paragraph)
    return "\n\n".join(kept).split("\n"), "\n\n".join(gone).split("\n") if gone else []
