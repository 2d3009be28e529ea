"""The lines that clients in other languages put above a quote: Gmail's sentence, Outlook's header block, a phone's signature."""

# ruff: noqa: RUF001, PLE2502  words and names of other languages, and forged ones

from dataclasses import dataclass

from tests.mail_corpus.clients import RULE, Body, Client, _address, _name, indented
from tests.mail_corpus.letter import Person, Sent


@dataclass(frozen=True)
class Locale:
    """`gmail` holds {name} and {address}; `outlook` its four labels; `phone` the signature line of a mobile client."""

    language: str
    gmail: str
    outlook: tuple[str, str, str, str]
    phone: str
    when: str


LOCALES = (
    Locale("de", "Am Mo., 23. Nov. 2026 um 10:31 Uhr schrieb {name} <{address}>:", ("Von", "Gesendet", "An", "Betreff"), "Von meinem iPhone gesendet", "Montag, 23. November 2026 10:31"),
    Locale("fr", "Le lun. 23 nov. 2026 à 10:31, {name} <{address}> a écrit\u00a0:", ("De", "Envoyé", "À", "Objet"), "Envoyé de mon iPhone", "lundi 23 novembre 2026 10:31"),
    Locale("es", "El lun, 23 nov 2026 a las 10:31, {name} (<{address}>) escribió:", ("De", "Enviado", "Para", "Asunto"), "Enviado desde mi iPhone", "lunes, 23 de noviembre de 2026 10:31"),
    Locale("it", "Il giorno lun 23 nov 2026 alle ore 10:31 {name} <{address}> ha scritto:", ("Da", "Inviato", "A", "Oggetto"), "Inviato da iPhone", "lunedì 23 novembre 2026 10:31"),
    Locale("pt", "Em seg., 23 de nov. de 2026 às 10:31, {name} <{address}> escreveu:", ("De", "Enviado", "Para", "Assunto"), "Enviado do meu iPhone", "segunda-feira, 23 de novembro de 2026 10:31"),
    Locale("nl", "Op ma 23 nov 2026 om 10:31 schreef {name} <{address}>:", ("Van", "Verzonden", "Aan", "Onderwerp"), "Verstuurd vanaf mijn iPhone", "maandag 23 november 2026 10:31"),
    Locale("sv", "Den mån 23 nov. 2026 kl 10:31 skrev {name} <{address}>:", ("Från", "Skickat", "Till", "Ämne"), "Skickat från min iPhone", "den 23 november 2026 10:31"),
    Locale("da", "Den man. 23. nov. 2026 kl. 10.31 skrev {name} <{address}>:", ("Fra", "Sendt", "Til", "Emne"), "Sendt fra min iPhone", "23. november 2026 10:31"),
    Locale("nb", "man. 23. nov. 2026 kl. 10:31 skrev {name} <{address}>:", ("Fra", "Sendt", "Til", "Emne"), "Sendt fra min iPhone", "mandag 23. november 2026 10:31"),
    Locale("fi", "ma 23. marrask. 2026 klo 10.31 {name} ({address}) kirjoitti:", ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"), "Lähetetty iPhonesta", "maanantai 23. marraskuuta 2026 10.31"),
    Locale("pl", "pon., 23 lis 2026 o 10:31 {name} <{address}> napisał(a):", ("Od", "Wysłano", "Do", "Temat"), "Wysłane z iPhone'a", "poniedziałek, 23 listopada 2026 10:31"),
    Locale("cs", "po 23. 11. 2026 v 10:31 odesílatel {name} <{address}> napsal:", ("Od", "Odesláno", "Komu", "Předmět"), "Odesláno z iPhonu", "pondělí 23. listopadu 2026 10:31"),
    Locale("tr", "{name} <{address}>, 23 Kas 2026 Pzt, 10:31 tarihinde şunu yazdı:", ("Gönderen", "Gönderilme", "Kime", "Konu"), "iPhone'umdan gönderildi", "23 Kasım 2026 Pazartesi 10:31"),
    Locale("ru", "пн, 23 нояб. 2026 г. в 10:31, {name} <{address}>:", ("От", "Отправлено", "Кому", "Тема"), "Отправлено с iPhone", "понедельник, 23 ноября 2026 г. 10:31"),
    Locale("ja", "2026年11月23日(月) 10:31 {name} <{address}>:", ("差出人", "送信日時", "宛先", "件名"), "iPhoneから送信", "2026年11月23日 月曜日 10:31"),
    Locale("ko", "2026년 11월 23일 (월) 오전 10:31, {name} <{address}>님이 작성:", ("보낸 사람", "보낸 날짜", "받는 사람", "제목"), "나의 iPhone에서 보냄", "2026년 11월 23일 월요일 오전 10:31"),
    Locale("zh", "{name} <{address}> 于2026年11月23日周一 10:31写道：", ("发件人", "发送时间", "收件人", "主题"), "发自我的 iPhone", "2026年11月23日 10:31"),
    Locale("ar", "في الاثنين، 23 نوفمبر 2026 في 10:31 ص تمت كتابة ما يلي بواسطة {name} <{address}>:", ("من", "تاريخ الإرسال", "إلى", "الموضوع"), "أرسلت من الـ iPhone", "الاثنين، 23 نوفمبر 2026 10:31"),
    Locale("he", "‫בתאריך יום ב׳, 23 בנוב׳ 2026 ב-10:31 מאת {name} <{address}>:‬", ("מאת", "נשלח", "אל", "נושא"), "נשלח מה-iPhone שלי", "יום שני 23 נובמבר 2026 10:31"),
    Locale("hu", "{name} <{address}> ezt írta (időpont: 2026. nov. 23., H, 10:31):", ("Feladó", "Elküldve", "Címzett", "Tárgy"), "Az iPhone-omról küldve", "2026. november 23., hétfő 10:31"),
)  # fmt: skip
BY_LANGUAGE = {locale.language: locale for locale in LOCALES}


def gmail(language: str) -> Client:
    """Gmail in this language, its sentence wrapped as it wraps it."""
    locale = BY_LANGUAGE[language]

    def client(letter: Sent, who: Person, said: str) -> Body:
        attribution = locale.gmail.format(name=_name(letter), address=letter.reply_to)
        html = (
            f'<div dir="auto">{said}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{attribution.replace("<", "&lt;")}<br></div>'
            f'<blockquote class="gmail_quote">{letter.inner}</blockquote></div>'
        )
        wrapped = attribution.replace(" <", " <\n") if len(attribution) > 76 else attribution
        return Body(f"{said}\n\n{wrapped}\n\n{indented(letter.flat)}\n", html, "base64")

    return client


def phone(language: str) -> Client:
    """Text alone with a phone's signature, everything quoted with >."""
    locale = BY_LANGUAGE[language]

    def client(letter: Sent, who: Person, said: str) -> Body:
        attribution = locale.gmail.format(name=_name(letter), address=_address(letter))
        return Body(
            f"{said}\n\n{locale.phone}\n\n{indented(f'{attribution}{chr(10)}{letter.text}')}\n", encoding="base64"
        )

    return client


def outlook(language: str) -> Client:
    """Outlook's header block with labels in this language, nothing quoted with >."""
    locale = BY_LANGUAGE[language]

    def client(letter: Sent, who: Person, said: str) -> Body:
        sender, sent, to, subject = locale.outlook
        block = f"{sender}: {letter.sender}\n{sent}: {locale.when}\n{to}: {who.full}\n{subject}: {letter.subject}"
        return Body(f"{said}\n\n{RULE}\n{block}\n\n{letter.text}\n", encoding="8bit")

    return client
