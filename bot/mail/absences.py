"""Out-of-office letters in many languages: how they are titled and begin, and until when somebody says to be away."""

# ruff: noqa: RUF001  words of other scripts look like Latin ones
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_SUBJECTS = (
    r"automatic reply|auto(?:matic)?[- ]?(?:reply|response|responder|answer)|autoreply|autoresponse|out[- ]of[- ](?:the[- ])?office|ooo\b|oof\b|away from (?:the |my )?office|vacation (?:reply|response|message|notice)|on (?:vacation|leave|holiday)\b|i am (?:away|out of)|"
    r"automatische antwort|abwesenheit(?:s(?:notiz|nachricht|benachrichtigung|meldung|assistent))?|abwesend|autom\. antwort|nicht im (?:büro|haus)|urlaub|auf reisen|"
    r"réponse automatique|absence(?: du bureau)?|absent(?:e)?(?: du bureau)?\b|message d'absence|notification d'absence|"
    r"respuesta automática|respuesta automatica|fuera de (?:la )?oficina|ausente|mensaje automático|"
    r"risposta automatica|fuori (?:sede|ufficio)|assente|assenza|"
    r"resposta automática|ausência|fora do escritório|resposta automatica|"
    r"automatisch antwoord|automatische reactie|automatische beantwoording|afwezig(?:heid)?|niet aanwezig|"
    r"autosvar|automatiskt svar|frånvaro(?:meddelande)?|frånvarande|ej på kontoret|automatisk svar|fravær|fraværende|ikke til stede|"
    r"automaattinen vastaus|poissaolo(?:viesti)?|poissa|"
    r"automatyczna odpowiedź|odpowiedź automatyczna|nieobecno(?:ść|sc)|poza biurem|"
    r"automatická odpověď|mimo kancelář|nepřítomnost|automatická odpoveď|"
    r"автоматический ответ|автоответ|отсутствие|нет на месте|вне офиса|автоматична відповідь|"
    r"otomatik (?:yanıt|cevap)|ofis dışında(?:yım)?|izinde(?:yim)?|automatikus válasz|házon kívül|szabadság|răspuns automat|absent de la birou|αυτόματη απάντηση|отговор автоматичен|"
    r"自動応答|自動返信|不在(?:通知|のお知らせ)?|外出中|自动答复|自动回复|自動回覆|外出|不在办公室|休假|자동 (?:회신|응답)|부재\s?중|휴가|automatski odgovor|thư trả lời tự động|trả lời tự động|balasan otomatis|תשובה אוטומטית|رد تلقائي|"
    r"מענה אוטומטי|ตอบกลับอัตโนมัติ|автоматичен отговор|отпуск|samodejni odgovor|resposta automàtica|automatinis atsakymas|automātiskā atbilde|automaatvastus|automatsvar|κατάσταση απουσίας"
)
SUBJECT = re.compile(rf"\s*[\[(]?(?:{_SUBJECTS})", re.IGNORECASE)
"""At the very start: `Re: Automatic reply` is somebody's answer to one."""
BODY = re.compile(
    r"\b(?:i(?: am|'m|’m| will be|'ll be)(?: currently| presently)? (?:out of (?:the )?office|away (?:from|until|on)|on (?:annual |parental |maternity |paternity |sick |medical )?(?:leave|vacation|holiday|pto)|travell?ing (?:until|with))|thank you for (?:your|the) (?:e-?mail|message)[.,!]? i(?: am|'m|’m) (?:currently )?(?:out|away|on)|"
    r"(?:ich bin|bin) (?:derzeit |momentan |aktuell |zurzeit |zur zeit |vom .{3,40} |bis .{3,40} |ab .{3,30} )?(?:nicht (?:im (?:büro|haus)|erreichbar|da)|abwesend|im urlaub|außer haus|auf dienstreise|in elternzeit)|"
    r"je suis (?:actuellement |en ce moment )?(?:absent|en (?:congés?|vacances|déplacement)|hors du bureau)|je serai absent|"
    r"(?:estoy|estaré|me encuentro) (?:actualmente )?(?:fuera de (?:la )?oficina|ausente|de vacaciones)|sono (?:attualmente )?(?:assente|fuori (?:sede|ufficio)|in ferie)|sarò assente|"
    r"(?:estou|estarei|encontro-me) (?:atualmente )?(?:ausente|fora do escritório|de férias)|ik ben (?:momenteel |tot .{3,30} )?(?:afwezig|niet aanwezig|op vakantie|met verlof|niet op kantoor)|"
    r"jag är (?:för närvarande )?(?:på semester|inte på kontoret|ledig|frånvarande|tjänstledig|föräldraledig)|jeg er (?:i øjeblikket |for tiden )?(?:på ferie|ikke på kontoret|fraværende|bortrejst)|olen (?:poissa|lomalla|vuosilomalla)|"
    r"(?:jestem|będę) (?:obecnie )?(?:nieobecn|poza biurem|na urlopie)|(?:jsem|nejsem|budu) (?:momentálně )?(?:mimo kancelář|na dovolené|nepřítom|v kanceláři)|"
    r"я (?:сейчас )?(?:в отпуске|нахожусь в отпуске|отсутствую|буду отсутствовать|не в офисе)|(?:ofis dışındayım|izindeyim|yıllık izindeyim)|szabadságon vagyok|sunt (?:plecat|în concediu))"
    r"|(?:休暇を?(?:いただいて|取得|中)|不在にして|外出して(?:おり|い)|我(?:现在|目前|正在)*(?:不在办公室|休假|外出)|(?:휴가|부재)\s?중)",
    re.IGNORECASE,
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero gennaio janeiro januari janv gen ene января styczeń stycznia ledna tammikuuta ocak",
            "feb february februar février febrero febbraio fevereiro februari févr fev февраля luty lutego února helmikuuta şubat",
            "mar march märz mars marzo março maart mrz mär марта marzec marca března maaliskuuta mart",
            "apr april avril abril aprile avr abr апреля kwiecień kwietnia dubna huhtikuuta nisan",
            "may mai mayo maggio maio mei maj mag мая maja května toukokuuta mayıs",
            "jun june juni juin junio giugno junho giu июня czerwiec czerwca června kesäkuuta haziran",
            "jul july juli juillet julio luglio julho juil lug июля lipiec lipca července heinäkuuta temmuz",
            "aug august août agosto augustus augusti aout ago августа sierpień sierpnia srpna elokuuta ağustos",
            "sep sept september septembre septiembre settembre setembro set сентября wrzesień września září syyskuuta eylül",
            "oct october oktober octobre octubre ottobre outubro okt out ott октября październik października října lokakuuta ekim",
            "nov november novembre noviembre novembro ноября listopad listopada listopadu marraskuuta kasım",
            "dec december dezember décembre diciembre dicembre dezembro dez déc dic декабря grudzień grudnia prosince joulukuuta aralık",
        ),
        1,
    )
    for name in names.split()
}
_NAME = "|".join(sorted(map(re.escape, _MONTHS), key=len, reverse=True))
_THROUGH = r"until|till|through|thru|\bto\b|–|—|\s-\s|bis(?: einschließlich| einschl\.| zum)?|jusqu'au|jusqu’au|\bau\b|hasta(?: el)?|\bal\b|fino al|até|tot(?: en met)?|t/m|till och med|t\.?o\.?m\.?|til(?: og med)?|t\.?o\.?m|do dnia|\bdo\b|по|до|asti|saakka|まで"
_BACK = r"back(?: (?:in (?:the )?office|at work))?(?: on)?|return(?:ing|s)?(?: to (?:the )?office)?(?: on)?|again (?:on|from)|wieder (?:ab|am|im büro ab|erreichbar ab|da ab)|(?:zurück|erreichbar|anwesend)(?: ab| am)|\bab(?: dem)?|de retour(?: au bureau)?(?: le| à partir du)?|à partir du|regreso(?: el)?|vuelvo el|a partir del|(?:rientro|tornerò|torno)(?: il)?|dal|retorno(?: em)?|volto (?:a|em)|terug(?: op| vanaf)?|vanaf|tillbaka(?: den)?|tilbage(?: den)?|tilbake|wracam|z powrotem|вернусь|zpět"
_DAY = rf"(?:(?:\w{{2,12}}\.?,?\s+)?(?:the |den |le |el |il |dem |day )?)(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})|(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th|er|º)?\s*(?:de |of )?(?P<name>{_NAME})\.?(?:[\s,]+(?:de )?(?P<year>\d{{4}}))?\b|(?P<first>{_NAME})\.?\s+(?P<second>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<later>\d{{4}}))?\b|(?P<one>\d{{1,2}})(?P<mark>[./-])(?P<two>\d{{1,2}})(?:(?P=mark)(?P<three>\d{{4}}|\d{{2}}))?)"
_WHEN = re.compile(rf"(?:(?P<through>{_THROUGH})|(?P<back>\b(?:{_BACK})))\s*:?\s*{_DAY}", re.IGNORECASE)
_EAST = re.compile(
    r"(?P<year>\d{4})?[年년]?\s?(?P<month>\d{1,2})[月월]\s?(?P<day>\d{1,2})[日일号]?\s*(?:\([^)]*\))?\s*(?:まで|까지|为止|止|回)"
)
_DECEMBER = 12
_LONGEST = timedelta(days=370)


def absent_until(text: str, sent: datetime | None) -> datetime | None:
    """The end of the latest plain date somebody gives: that day's own end, or its start when they are back then. None when unsure."""
    now = sent.astimezone(UTC) if sent else None
    found = [
        moment
        for moment in _moments(text[:4000], now)
        if now is None or now - timedelta(days=1) < moment < now + _LONGEST
    ]
    return max(found) if found else None


def _moments(text: str, now: datetime | None) -> Iterator[datetime]:
    for hit in _EAST.finditer(text):
        if (day := _date(hit["year"], int(hit["month"]), int(hit["day"]), now)) is not None:
            yield day + timedelta(days=1)
    for hit in _WHEN.finditer(text):
        if (day := _plain(hit, now)) is not None:
            yield day if hit["back"] else day + timedelta(days=1)


def _plain(hit: re.Match[str], now: datetime | None) -> datetime | None:
    if hit["iso"]:
        written, month, day = hit["iso"].split("-")
        return _date(written, int(month), int(day), now)
    if hit["name"] or hit["first"]:
        month = _MONTHS[(hit["name"] or hit["first"]).lower()]
        return _date(hit["year"] or hit["later"], month, int(hit["day"] or hit["second"]), now)
    return _numbers(hit, now)


def _numbers(hit: re.Match[str], now: datetime | None) -> datetime | None:
    """03/04 is April here and March there; only dots, or a number above 12, say which is the day."""
    one, two, year = int(hit["one"]), int(hit["two"]), hit["three"]
    ambiguous = hit["mark"] == "/" and one <= _DECEMBER and two <= _DECEMBER and one != two
    if ambiguous or (hit["mark"] == "-" and not year):
        return None
    day, month = (one, two) if two <= _DECEMBER else (two, one)
    return _date(f"20{year[-2:]}" if year else None, month, day, now)


def _date(year: str | None, month: int, day: int, now: datetime | None) -> datetime | None:
    """Without a year the next such day."""
    if not year and now is None:
        return None
    try:
        found = datetime(int(year) if year else now.year if now else 1, month, day, tzinfo=UTC)
        return found.replace(year=found.year + 1) if not year and now and found < now - timedelta(days=30) else found
    except ValueError:
        return None
