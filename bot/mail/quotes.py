"""Where an older message begins in a reply: attribution lines, header blocks and separators of clients in many languages."""
# ruff: noqa: RUF001  words of other scripts look like Latin ones

import re
import warnings
from collections.abc import Sequence
from functools import cache

_WROTE = (
    r"wrote|writes|schrieb|a écrit|écrit|escribió|escribio|ha scritto|scrisse|escreveu|schreef|geschreven|skrev|skreiv|"
    r"napisał\(?a?\)?|napisal\(?a?\)?|pisze|napsal\(?a?\)?|napísal\(?a?\)?|написала?|пишет|пише|yazdı|kirjoitti|ezt írta|írta|a scris|je napisao|je napisal|"
    r"έγραψε|כתב/?ה?|كتب|写道|寫道|书写|のメール|쓴 글|書きました|さんは書|님이 작성|작성|đã viết|menulis|เขียน"
)
_VERB = re.compile(rf"(?:{_WROTE})", re.IGNORECASE)
_CLOCK = re.compile(
    r"\b\d{1,2}\s?[:.h]\s?\d{2}\b|\b(?:19|20)\d{2}\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\d{1,2}\s*[월月]|\d{1,2}\s*[시時时]"
)
_STARTS = re.compile(
    r"(?:on|am|le|el|il|em|op|den|dne|dnia|w dniu|în data|tarihinde|vào|pada|på|в|у|在)\b.{0,60}\d", re.IGNORECASE
)
_DATED = re.compile(r"\W*\d{1,4}\s?[年년./-]|\W*\w{2,12}[.,]{1,2}\s+\d")
_ADDRESS = re.compile(r"<?\[?(?:mailto:)?[^\s<>()\[\]]+@[^\s<>()\[\]]+\]?>?(?:<mailto:[^<>]*>)?", re.IGNORECASE)
_ENDS = (":", "：")
_MOST_LINES, _MOST_CHARS = 4, 400
_DASHED = re.compile(r"\s*-{2,}\s*On\b.*\d.*\bwrote\s*-{2,}:?\s*", re.IGNORECASE)
_GLUED = re.compile(
    r"(?P<said>.*\S)\s+(?P<rest>(?:On\s+(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|\d)|Am\s+(?:Mo|Di|Mi|Do|Fr|Sa|So|\d)|"
    r"Le\s+(?:lun|mar|mer|jeu|ven|sam|dim|\d)|El\s+(?:lun|mar|mi|jue|vie|s[aá]b|dom|\d)|Il\s+(?:giorno|\d)|Em\s+(?:seg|ter|qua|qui|sex|s[aá]b|dom|\d)|Op\s+(?:ma|di|wo|do|vr|za|zo|\d)).*)"
)

_TRAILED = re.compile(
    r"\s*(?P<head>(?:On|Am|Le|El|Il|Em|Op|Den)\b[^@\n]{5,200}@[^\n:]{2,200}(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev)?\s?:)\s+(?P<rest>\S.*)"
)

_FROM = r"from|von|de|da|van|från|fra|od|от|від|kimden|gönderen|lähettäjä|feladó|küldő|de la|差出人|送信者|发件人|寄件者|寄件人|보낸\s?사람|từ|dari|od koga|από|מאת|من|expéditeur|remitente|afzender|absender"
_DATE = r"sent|date|gesendet|datum|envoyé(?: le)?|date|enviado(?: el|a em| em)?|fecha|data|inviato|verzonden|skickat|skickades|sendt|dato|wysłano|odesláno|отправлено|дата|gönderildi|gönderilme tarihi|tarih|lähetetty|päivä(?:ys)?|elküldve|küldve|dátum|trimis|送信日時|日時|日付|发送时间|日期|寄件日期|보낸\s?날짜|날짜|đã gửi|ngày|dikirim|tanggal|ημερομηνία|נשלח|تاريخ"
_TO = r"to|cc|bcc|an|à|a|para|aan|till|til|kopia|kopi|kopie|do|dw|komu|кому|копия|kime|bilgi|vastaanottaja|kopio|címzett|másolatot kap|către|宛先|收件人|收件者|抄送|받는\s?사람|참조|tới|kepada|προς|אל|إلى|destinataire|destinatario|cci"
_SUBJECT = r"subject|betreff|betr\.?|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|temat|předmět|predmet|тема|konu|aihe|tárgy|subiect|件名|主题|主旨|제목|chủ đề|subjek|perihal|θέμα|נושא|الموضوع"
_OTHER = r"importance|priority|wichtigkeit|priorität|reply-to|antwort an|organization|organisation|attachments|anlagen|importancia|importanza"


def _key(names: str) -> re.Pattern[str]:
    return re.compile(rf"[*_\s]*(?:{names})\s*[*_]*\s?[:：][*_]*(?P<value>.*)", re.IGNORECASE)


_KEYS = {"from": _key(_FROM), "date": _key(_DATE), "to": _key(_TO), "subject": _key(_SUBJECT), "other": _key(_OTHER)}
_SEPARATOR = re.compile(
    r"\s*(?:[-_=*]{2,}\s*)?(?:original message|original appointment|ursprüngliche (?:nachricht|mail|e-mail)|original-?nachricht|weitergeleitete (?:nachricht|e-mail)|"
    r"message d'origine|message original|message transféré|mensaje original|mensaje reenviado|messaggio originale|messaggio inoltrato|mensagem original|"
    r"mensagem encaminhada|oorspronkelijk bericht|doorgestuurd bericht|ursprungligt meddelande|vidarebefordrat meddelande|oprindelig meddelelse|"
    r"videresendt (?:meddelelse|melding)|opprinnelig melding|wiadomość oryginalna|oryginalna wiadomość|wiadomość przekazana dalej|původní (?:zpráva|e-mail)|přeposlaná zpráva|"
    r"исходное сообщение|пересылаемое сообщение|пересланное сообщение|orijinal mesaj|iletilen mesaj|alkuperäinen viesti|eredeti üzenet|forwarded message|reply message|"
    r"begin forwarded message|anfang der weitergeleiteten nachricht|début du message réexpédié|inicio del mensaje reenviado|inizio messaggio inoltrato|"
    r"元のメッセージ|転送メッセージ|转发邮件信息|转发的邮件|原始邮件|原始信件|转发邮件|原始郵件|원본 메시지|원본 메일|전달된 메시지|tin nhắn gốc)\s*(?:[-_=*]{2,}\s*)?:?\s*",
    re.IGNORECASE,
)
_BARE_WORDS = re.compile(r"\s*(?:original message|reply message|forwarded message|message original)\s*", re.IGNORECASE)
RULE = re.compile(r"\s*[_⎯─—-]{10,}\s*")


def separates(line: str) -> bool:
    """`-----Original Message-----` in its languages; the bare words alone may be somebody's own."""
    return bool(_SEPARATOR.fullmatch(line)) and not _BARE_WORDS.fullmatch(line)


def header_block(lines: Sequence[str]) -> int:
    """How many lines from the first are the header of a quoted message; 0 when they are none."""
    found: set[str] = set()
    values: dict[str, str] = {}
    taken = 0
    for number, line in enumerate(lines[:14]):
        key = next((name for name, pattern in _KEYS.items() if pattern.fullmatch(line)), "")
        if key and number == 0 and key not in {"from", "date", "subject", "to"}:
            return 0
        if key:
            found.add(key)
            hit = _KEYS[key].fullmatch(line)
            values.setdefault(key, hit["value"] if hit else "")
            taken = number + 1
        elif number == 0 or not line.strip() or number - taken > 1:
            break
    dated = "date" in found and bool(re.search(r"\d", values.get("date", "")))
    whole = "from" in found and (
        dated or ("subject" in found and "to" in found) or ("subject" in found and "@" in values["from"])
    )
    return taken if whole else 0


def attribution(lines: Sequence[str]) -> int:
    """How many lines from the first say who wrote what is quoted, and when; 0 when they do not."""
    if not lines or not lines[0].strip():
        return 0
    joined = ""
    for number, line in enumerate(lines[:_MOST_LINES]):
        if not line.strip() or len(joined) + len(line) > _MOST_CHARS:
            return 0
        joined = f"{joined} {line.strip()}".strip()
        if number and attributes(line) and (_DATED.match(line) or not _STARTS.match(lines[0].strip(" *_"))):
            return 0
        if attributes(joined):
            return number + 1 if _begins(lines[: number + 1]) else 0
    return 0


def glued(lines: Sequence[str]) -> tuple[str, str] | None:
    """What was said on the first of these lines, and the attribution that a client put behind it."""
    found = _GLUED.fullmatch(lines[0]) if len(lines[0]) <= _MOST_CHARS else None
    if not found:
        return None
    rest = [found["rest"], *lines[1:]]
    return (found["said"], found["rest"]) if any(attributes(" ".join(rest[:most])) for most in (1, 2, 3)) else None


def trailed(line: str) -> tuple[str, str] | None:
    """An attribution, and the quoted letter that a client (Yahoo on phones) put behind it on the same line."""
    found = _TRAILED.match(line)
    return (found["head"], found["rest"]) if found and attributes(found["head"]) else None


def attributes(joined: str) -> bool:
    """A date or time, and a verb of writing or an address, and a colon at the end."""
    text = joined.strip().strip("*_ ")
    if len(text) > _MOST_CHARS:
        return False
    if _DASHED.fullmatch(text):
        return True
    bare = _ADDRESS.sub(" @ ", text)
    if not _CLOCK.search(bare):
        return False
    if not text.endswith(_ENDS):
        return bool(re.search(r"@.*(?:のメール|님이 작성|写道|寫道)\s*$", bare))
    tail = bare.rstrip(":： ")
    if "@" in bare:
        return bool(_VERB.search(bare) or re.search(r"@\s*\)?$", tail))
    # Without an address it has to begin as clients write it: "As I wrote on 3 May:" is somebody's own.
    dated = _STARTS.match(bare) or re.match(r"\W*\d{1,4}\s?[년年./-]|\W*\w{2,12}[.,]{1,2}\s+\d", bare)
    return bool(_VERB.search(bare)) and bool(dated or re.search(r"tarihinde|kirjoitti \d", bare))


def _begins(lines: Sequence[str]) -> bool:
    """Whether it starts on the first of these lines: somebody's own sentence may stand right above."""
    first = lines[0].strip(" *_")
    if any(_STARTS.match(line.strip(" *_")) for line in lines[1:]):
        return False
    return bool(_STARTS.match(first) or "@" in first or _CLOCK.search(first) or len(lines) == 1)


@cache
def _parser() -> re.Pattern[str]:
    """mail-parser-reply's headers of all its languages, compiled once."""
    from mailparser_reply.constants import MAIL_LANGUAGES  # type: ignore[import-untyped]  # noqa: PLC0415  heavy to compile, and only mail needs it
    from mailparser_reply.parser import EmailMessage  # type: ignore[import-untyped]  # noqa: PLC0415

    with warnings.catch_warnings():
        # It passes a flag as a count; the pattern, all we take, has nothing of it.
        warnings.simplefilter("ignore", DeprecationWarning)
        found: re.Pattern[str] = EmailMessage(text="", languages=list(MAIL_LANGUAGES)).HEADER_REGEX
    return found


def parsed_header(lines: Sequence[str]) -> int | None:
    """The line at which mail-parser-reply finds an older message, if what it found is one: names it with a date, or with an address."""
    kept = [line[:160] for line in lines[:60]]
    text = "\n".join(kept)
    for found in _parser().finditer(text):
        start = text.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip()))
        shown = found[0].strip()
        if attributes(" ".join(shown.split())) or header_block(shown.splitlines()):
            return start
    return None
