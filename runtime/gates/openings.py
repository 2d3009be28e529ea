"""A letter's words without the salutation, the closing and the line breaks that mail programs put in. PURE."""
# ruff: noqa: RUF001  words of other languages

import re

from runtime.gates.hedges import doubt
from runtime.gates.phrases import opening

_HELLO = r"hi|hello|hey|hiya|dear|good (?:morning|afternoon|evening|day)|greetings|howdy|morning|hallo|liebe[rs]?|guten (?:tag|morgen|abend)|sehr geehrte[rs]?|moin|servus|grüß gott|bonjour|bonsoir|salut|cher|chère|chers|coucou|hola|buen(?:os|as) (?:días|tardes|noches)|estimad[oa]s?|querid[oa]s?|ciao|buongiorno|buonasera|gentile|salve|cara|caro|olá|oi|bom dia|boa tarde|boa noite|prezad[oa]s?|dag|goedemorgen|goedemiddag|goedendag|beste|hoi|hej|hejsan|god (?:morgon|morgen|dag)|hei|heisann|moi|terve|cześć|dzień dobry|witam|szanown\w+|ahoj|dobrý den|szia|üdv|kedves|tisztelt|bună(?: ziua)?|salutări|merhaba|selam|günaydın|sayın|γεια(?: σας)?|καλημέρα|здравствуйте|привет|добрый (?:день|вечер)|доброе утро|уважаем\w+|вітаю|добрий день|привіт|здравейте|bon dia|xin chào|chào|halo|selamat \w+|สวัสดี\w*"
_GREETING = re.compile(
    rf"(?:{_HELLO})(?:[ ,]+(?!(?:yes|no|ok|approved?|reject\w*|please|i|we|this)\b)[^\s,.:!?]+){{0,4}}\s*[,.:!]*$",
    re.IGNORECASE,
)
_GREETING_INLINE = re.compile(
    rf"(?:{_HELLO})(?: (?!(?:yes|no|ok|approved?|reject\w*|i|we)\b)[^\s,.:!?]+){{0,3}}\s*[,!:]\s+(?=\S)", re.IGNORECASE
)
_GREETING_JOINED = re.compile(
    r"(?:.{0,12}(?:さん|様|各位|殿)[、,，。]?|お疲れ様です[。、]?|お世話になっております[。、]?|こんにちは[。、]?|您好[！!，,。]?|你好[！!，,。]?|大家好[！!，,。]?|.{0,12}(?:님)[,.]?|안녕하세요[.!,]?|السلام عليكم[،,.]?|مرحبا[ً]?[،,.]?|שלום.{0,12}|नमस्ते.{0,12})$"
)
_THANKS = re.compile(
    r"(?:many thanks|thanks|thank you|thx|vielen dank|danke|merci|gracias|muchas gracias|obrigad[oa]|grazie|bedankt|tack|tak|takk)\b(?: (?:so much|a lot|very much|again|all|everyone|team|[A-Z]\w+))?(?: (?:for|für|pour|por|per|voor|för|for at) [^.!?\n]{1,80})?\s*[.!]\s*(?=\S)",
    re.IGNORECASE,
)
_GOOD = r"(?:very |really |quite |pretty |all )?(?:good|great|fine|convincing|solid|reasonable|sound|strong|sufficient|plausible|persuasive|compelling|impressive|right|adequate|in order)(?: to me| enough)?"
_EVIDENCE = r"(?:numbers?|evidence|data|results?|samples?|sample size|plans?|guardrails?|hypothesis|analysis|write-up|design|setup|copy|case|figures|metrics|power|everything|it|this|test plan|proposal|statistics|effect)"
_PRAISE = rf"(?:i (?:think|find) )?(?:(?:the|these|your|all|our) )?(?:\w+ )?{_EVIDENCE} (?:look|looks|is|are) {_GOOD}(?:,? and (?:(?:the|your) )?{_EVIDENCE} (?:look|looks|is|are) {_GOOD})?"
_PREFACE = re.compile(
    rf"(?:(?:i(?:'ve| have)? )?(?:reviewed|read|checked|looked at|looked through|gone through|went through)\b[^.!?,;\n]{{0,60}}?|{_PRAISE})\s*(?:[.!;,]\s*|,? and (?:i |hereby |i hereby )?)(?=\S)",
    re.IGNORECASE,
)
"""That the evidence was read, or is good: what often stands before a verdict, and is none."""
_CLOSING = re.compile(
    r"(?:(?:many |with )?thanks(?: (?:again|a lot|so much|in advance|and (?:best|kind) regards|everyone|all|team))?|thank you(?: (?:very much|so much|all|again))?|thx|cheers|best|best wishes|all the best|(?:best|kind|warm|kindest|warmest|many|with kind|with best)? ?regards|rgds|br|kr|sincerely(?: yours)?|yours(?: (?:sincerely|truly|faithfully))?|respectfully|take care|talk soon|have a (?:nice|good|great) (?:day|weekend|evening|one)|viele grü(?:ß|ss)e|(?:mit )?(?:freundlichen|besten|herzlichen) grü(?:ß|ss)en|(?:beste|liebe|schöne|herzliche|freundliche) grü(?:ß|ss)e|grü(?:ß|ss)e?|gru(?:ß|ss)|lg|vg|mfg|bg|danke(?: (?:und|&) (?:gruß|viele grüße|lg))?|vielen dank|cordialement|bien cordialement|bien à (?:vous|toi)|merci(?: (?:beaucoup|d'avance))?|amicalement|salutations|saludos|un saludo|saludos cordiales|atentamente|gracias|muchas gracias|un abrazo|atenciosamente|abraços?|obrigad[oa]|att|cumprimentos|cordiali saluti|saluti|distinti saluti|un saluto|grazie(?: mille)?|met vriendelijke groeten?|groeten?|groetjes|mvg|bedankt|vänliga hälsningar|med vänliga hälsningar|mvh|hälsningar|(?:med )?venlig hilsen|(?:med )?vennlig hilsen|hilsen|terveisin|ystävällisin terveisin|pozdrawiam|z poważaniem|s pozdravem|pozdrav|üdvözlettel|cu stimă|saygılarımla|iyi çalışmalar|teşekkürler|με εκτίμηση|с уважением|спасибо|з повагою|よろしくお願い(?:いた)?します|宜しくお願い(?:いた)?します|以上|此致|敬礼|谢谢|祝好|감사합니다|드림|مع التحية|شكرا|תודה|בברכה|salutacions|trân trọng|terima kasih|salam)\s*[,.!。！-]*",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?:[-–—~]\s*)?(?:(?!(?:No|Not|Yes|Nope|Wait|Never|Reject\w*|Kill|Stop|Nein|Non|Psych|Maybe|Actually|Undo|Kidding)\b)[^\W\d_a-zß-ÿ][\w.'’-]*)(?: (?:[A-Z][\w.'’-]*|von|van|de|der|da|di|del|la)){0,3}"
)
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s")
_WRAPPED = 58
"""Shorter lines end where their writer ended them; mail programs break lines from here on."""


def words(text: str) -> str:
    """What was said, from its first line on; the breaks inside a paragraph that a program put there are gone."""
    lines = [line.strip() for line in text.strip().splitlines()]
    while lines and (not lines[0].strip(" *_~`") or _is_greeting(lines[0])):
        lines.pop(0)
    said = "\n".join(_joined(_without_closing(lines))).strip()
    for inline in (_GREETING_INLINE, _THANKS, _PREFACE):
        found = inline.match(said)
        if found is not None and (inline is not _PREFACE or _prefaces(found[0], said[found.end() :])):
            said = said[found.end() :].strip()
    return said


def praises(said: str) -> bool:
    """Words on the evidence that anybody would take for approval of it."""
    return re.fullmatch(_PRAISE, re.split(r"[.!]", said, maxsplit=1)[0].strip(), re.IGNORECASE) is not None


def _prefaces(preface: str, verdict: str) -> bool:
    """Only before a word that decides, and if nothing in it is doubtful in itself."""
    said = re.sub(r"\b(?:read|and)\b", "", preface, flags=re.IGNORECASE)
    return "strong" in opening(verdict).tags and doubt(said) is None


def _is_greeting(line: str) -> bool:
    return _GREETING.fullmatch(line) is not None or _GREETING_JOINED.fullmatch(line) is not None


def _without_closing(lines: list[str]) -> list[str]:
    """From the closing on, where only a name and its lines follow; what else stands there is kept, since it may be meant."""
    end = len(lines)
    while end > 1 and (not lines[end - 1] or _is_name(lines[end - 1])):
        end -= 1
    closed = end
    while closed > 1 and (not lines[closed - 1] or _CLOSING.fullmatch(lines[closed - 1])):
        closed -= 1
    if closed < end or end < len(lines):
        return lines[:closed]
    return lines


def _is_name(line: str) -> bool:
    """Nothing is left out that could say anything about the answer."""
    return _NAME.fullmatch(line) is not None and not opening(line).decides and doubt(line) is None


def _joined(lines: list[str]) -> list[str]:
    found: list[str] = []
    broken = False
    for line in lines:
        if broken and line and not _BULLET.match(line):
            found[-1] = f"{found[-1]} {line}"
        else:
            found.append(line)
        broken = len(line) >= _WRAPPED and not line.endswith((".", "!", "?", ":", "。"))
    return found
