"""A yes with a reservation is asked back, in every language that a yes is read in; one with praise still decides."""
# ruff: noqa: RUF001  words of other languages

import pytest

from runtime.gates.language import Answer
from runtime.gates.replies import reply

OPTIONS = (
    {
        "id": "approve",
        "label": "Approve",
        "terms": ["cap", "deadline", "segment", "constraint", "note"],
        "gate_event": "approve",
    },
    {"id": "reject", "label": "Reject", "needs_reason": True, "gate_event": "reject"},
)
RESERVED = {
    "approved": "but wait;but legal must look first;only after Friday;except on iOS;not for iOS;ask Ben first;tomorrow;let me check with Ben;don't launch before Monday;with changes;once Ben agrees;hold until noon;we should talk first;I have doubts;with a smaller rollout;apart from the copy;though the copy is wrong;fix the copy first;after the copy is fixed;as a draft;for the other one;by mistake;in my opinion no;never mind;ask me again tomorrow;need to discuss",
    "genehmigt": "aber warte;aber erst nach Freitag;erst muss Ben zustimmen;ausser für iOS;nicht für iOS;frag zuerst Ben;morgen;ich muss noch mit Ben reden;bitte nicht vor Montag starten;mit Änderungen;sobald Ben zustimmt;vorher bitte den Text ändern;bis auf den Text;allerdings ist der Text falsch;unter Vorbehalt;ohne iOS;zuerst reden wir;falls Ben will",
    "approuvé": "mais attends;seulement après vendredi;sauf sur iOS;pas pour iOS;demande d'abord à Ben;demain;je dois en parler avec Ben;ne lancez pas avant lundi;avec des modifications;dès que Ben est d'accord;corrigez d'abord le texte;hormis le texte;sous réserve;après correction;il faut en discuter;quand Ben sera d'accord;en attendant Ben",
    "aprobado": "pero espera;solo después del viernes;excepto en iOS;no para iOS;pregunta primero a Ben;mañana;tengo que hablar con Ben;no lanzar antes del lunes;con cambios;cuando Ben esté de acuerdo;primero corrige el texto;salvo el texto;con reservas;menos en iOS;después de corregir;hay que discutirlo;en cuanto Ben acepte;previa revisión legal",
    "aprovado": "mas espera;só depois de sexta;exceto no iOS;não para iOS;pergunta primeiro ao Ben;amanhã;tenho de falar com o Ben;não lançar antes de segunda;com alterações;quando o Ben concordar;primeiro corrige o texto;salvo o texto;com reservas;menos no iOS;após correção;precisamos discutir;logo que o Ben aceite;caso o Ben concorde;se o Ben concordar",
    "approvato": "ma aspetta;solo dopo venerdì;tranne su iOS;non per iOS;chiedi prima a Ben;domani;devo parlarne con Ben;non lanciare prima di lunedì;con modifiche;quando Ben è d'accordo;prima correggi il testo;salvo il testo;con riserva;eccetto iOS;dopo la correzione;dobbiamo discuterne;appena Ben accetta;qualora Ben accetti;se Ben accetta",
    "goedgekeurd": "maar wacht;pas na vrijdag;behalve op iOS;niet voor iOS;vraag eerst Ben;morgen;ik moet met Ben praten;niet lanceren voor maandag;met wijzigingen;zodra Ben akkoord is;eerst de tekst aanpassen;onder voorbehoud;met uitzondering van iOS;na correctie;we moeten praten;indien Ben akkoord is;wanneer Ben akkoord is",
    "godkänt": "men vänta;först efter fredag;utom på iOS;inte för iOS;fråga Ben först;imorgon;jag måste prata med Ben;lansera inte före måndag;med ändringar;när Ben håller med;rätta texten först;förutom texten;med förbehåll;efter rättning;vi måste prata;så fort Ben godkänner;ifall Ben vill",
    "godkendt": "men vent;først efter fredag;undtagen på iOS;ikke til iOS;spørg Ben først;i morgen;jeg skal tale med Ben;ikke lancere før mandag;med ændringer;når Ben er enig;ret teksten først;bortset fra teksten;med forbehold;efter rettelse;vi skal tale;så snart Ben er enig",
    "godkjent": "men vent;først etter fredag;unntatt på iOS;ikke for iOS;spør Ben først;i morgen;jeg må snakke med Ben;ikke lanser før mandag;med endringer;når Ben er enig;rett teksten først;bortsett fra teksten;med forbehold;etter retting;vi må snakke;så snart Ben er enig",
    "hyväksytty": "mutta odota;vasta perjantain jälkeen;paitsi iOS;ei iOS;kysy ensin Beniltä;huomenna;minun pitää puhua Benin kanssa;älä julkaise ennen maanantaita;muutoksin;kun Ben suostuu;korjaa ensin teksti;varauksin;lukuun ottamatta tekstiä;korjauksen jälkeen;pitää keskustella;heti kun Ben suostuu;jos Ben suostuu",
    "zatwierdzone": "ale poczekaj;dopiero po piątku;oprócz iOS;nie dla iOS;najpierw zapytaj Bena;jutro;muszę porozmawiać z Benem;nie uruchamiać przed poniedziałkiem;ze zmianami;gdy Ben się zgodzi;najpierw popraw tekst;z zastrzeżeniem;poza tekstem;po poprawkach;trzeba omówić;kiedy Ben się zgodzi;jednak poczekaj;z wyjątkiem iOS;lecz nie teraz",
    "schváleno": "ale počkejte;až po pátku;kromě iOS;ne pro iOS;nejdřív se zeptej Bena;zítra;musím mluvit s Benem;nespouštět před pondělím;se změnami;až Ben souhlasí;nejdřív oprav text;s výhradou;s výjimkou iOS;po opravě;musíme probrat;jakmile Ben souhlasí;jestli Ben souhlasí;avšak ne teď;když Ben souhlasí;ovšem až zítra",
    "schválené": "ale počkajte;až po piatku;okrem iOS;nie pre iOS;najprv sa spýtaj Bena;zajtra;musím hovoriť s Benom;nespúšťať pred pondelkom;so zmenami;keď Ben súhlasí;najprv oprav text;s výhradou;s výnimkou iOS;po oprave;musíme prebrať;ak Ben súhlasí;avšak nie teraz",
    "jóváhagyva": "de várjatok;de csak péntek után;kivéve iOS-en;iOS-re nem;előbb kérdezd meg Bent;holnap;beszélnem kell Bennel;hétfő előtt ne indítsátok;módosításokkal;ha Ben is egyetért;előbb javítsátok a szöveget;fenntartással;a szöveg kivételével;javítás után;meg kell beszélni;amint Ben egyetért;viszont a szöveg rossz;azonban várjatok;amennyiben Ben akarja;de a szöveg rossz;csak 20%-ra",
    "aprobat": "dar așteaptă;numai după vineri;cu excepția iOS;nu pentru iOS;întreabă-l întâi pe Ben;mâine;trebuie să vorbesc cu Ben;nu lansați înainte de luni;cu modificări;când Ben e de acord;corectați mai întâi textul;cu rezerve;în afară de text;după corectare;trebuie discutat;imediat ce Ben acceptă;însă textul e greșit;doar pentru iOS;totuși nu acum;dacă Ben acceptă",
    "onaylandı": "ama bekleyin;sadece cumadan sonra;iOS hariç;iOS için değil;önce Ben'e sor;yarın;Ben ile konuşmam lazım;pazartesiden önce başlatmayın;değişikliklerle;Ben kabul edince;önce metni düzeltin;şartlı olarak;metin dışında;düzeltmeden sonra;konuşmamız lazım;fakat metin yanlış;yalnız iOS;ancak bekleyin;lakin bekleyin;Ben kabul ederse",
    "εγκρίνεται": "αλλά περιμένετε;μόνο μετά την Παρασκευή;εκτός από iOS;όχι για iOS;ρωτήστε πρώτα τον Μπεν;αύριο;πρέπει να μιλήσω με τον Μπεν;μην ξεκινήσετε πριν τη Δευτέρα;με αλλαγές;όταν συμφωνήσει ο Μπεν;διορθώστε πρώτα το κείμενο;με επιφύλαξη;μετά τη διόρθωση;πρέπει να το συζητήσουμε;μόλις συμφωνήσει;όμως το κείμενο είναι λάθος;υπό όρους;ωστόσο περιμένετε",
    "одобрено": "но подождите;только после пятницы;кроме iOS;не для iOS;сначала спросите Бена;завтра;мне нужно поговорить с Беном;не запускайте до понедельника;с изменениями;когда Бен согласится;сначала исправьте текст;с оговорками;за исключением текста;после исправления;надо обсудить;как только Бен согласится;однако текст неверный;с условием;при условии;а текст исправьте",
    "схвалено": "але зачекайте;тільки після п'ятниці;крім iOS;не для iOS;спочатку спитайте Бена;завтра;мені треба поговорити з Беном;не запускайте до понеділка;зі змінами;коли Бен погодиться;спочатку виправте текст;із застереженнями;за винятком тексту;після виправлення;треба обговорити;щойно Бен погодиться;проте текст хибний;лише для iOS;однак зачекайте;якщо Бен погодиться",
    "одобрявам": "но изчакайте;само след петък;освен iOS;не за iOS;първо питайте Бен;утре;трябва да говоря с Бен;не пускайте преди понеделник;с промени;когато Бен се съгласи;първо поправете текста;с резерви;с изключение на текста;след корекция;трябва да обсъдим;щом Бен се съгласи;обаче текстът е грешен;ако Бен се съгласи;при условие",
    "承認します": "しかし待ってください;ただし金曜以降;iOSを除く;iOSは不可;先にベンに聞いて;明日;ベンと話す必要があります;月曜まで開始しないで;修正後;ベンが同意したら;まず文言を直して;条件付き;要相談;でも文言が違います;が、文言を直してください;保留;検討中;法務確認後;確認してから",
    "同意": "但先等一下;周五之后再说;除了iOS;iOS不行;先问Ben;明天;我要和Ben谈谈;周一之前别发布;修改后;Ben同意以后;先改文案;有保留;需要讨论;可是文案不对;然而文案不对;暂缓;待法务确认;先别上线;改完再上",
    "승인합니다": "하지만 기다려 주세요;금요일 이후에;iOS 제외;iOS는 안 됨;먼저 벤에게 물어보세요;내일;벤과 이야기해야 합니다;월요일 전에 시작하지 마세요;수정 후;벤이 동의하면;먼저 문구를 고치세요;조건부;보류;그런데 문구가 틀렸어요;논의 필요;법무 확인 후;그러나 문구가 틀림",
    "موافق": "لكن انتظر;فقط بعد الجمعة;باستثناء iOS;ليس لـ iOS;اسأل بن أولا;غدا;يجب أن أتحدث مع بن;لا تطلقوا قبل الاثنين;مع تعديلات;عندما يوافق بن;صححوا النص أولا;بتحفظ;بعد التصحيح;يجب أن نناقش;ما عدا النص;إلا iOS;غير أن النص خطأ;مع شروط;ولكن النص خطأ",
    "מאושר": "אבל חכו;רק אחרי שישי;חוץ מ-iOS;לא ל-iOS;תשאל קודם את בן;מחר;אני צריך לדבר עם בן;לא להשיק לפני שני;עם שינויים;כשבן יסכים;קודם תתקנו את הטקסט;בהסתייגות;אחרי תיקון;צריך לדון;למעט iOS;אך הטקסט שגוי;בתנאי שבן יסכים;אולם הטקסט שגוי",
    "تایید": "ولی صبر کنید;فقط بعد از جمعه;به جز iOS;نه برای iOS;اول از بن بپرس;فردا;باید با بن صحبت کنم;قبل از دوشنبه شروع نکنید;با تغییرات;وقتی بن موافقت کند;اول متن را اصلاح کنید;مشروط;پس از اصلاح;باید بحث کنیم;اما متن غلط است;مگر iOS;البته متن غلط است",
    "स्वीकृत": "लेकिन रुकिए;केवल शुक्रवार के बाद;iOS को छोड़कर;iOS के लिए नहीं;पहले बेन से पूछो;कल;मुझे बेन से बात करनी है;सोमवार से पहले शुरू न करें;बदलाव के साथ;जब बेन सहमत हो;पहले पाठ सुधारो;शर्तों के साथ;सुधार के बाद;चर्चा करनी होगी;परंतु पाठ गलत है;मगर रुकिए;किंतु रुकिए;पर रुकिए",
    "đồng ý": "nhưng chờ đã;chỉ sau thứ sáu;trừ iOS;không cho iOS;hỏi Ben trước;ngày mai;tôi cần nói chuyện với Ben;đừng chạy trước thứ hai;với thay đổi;khi Ben đồng ý;sửa chữ trước;có điều kiện;sau khi sửa;cần thảo luận;tuy nhiên chữ sai;ngoại trừ iOS;miễn là Ben đồng ý;song chữ sai",
    "disetujui": "tapi tunggu;hanya setelah Jumat;kecuali iOS;bukan untuk iOS;tanya Ben dulu;besok;saya harus bicara dengan Ben;jangan luncurkan sebelum Senin;dengan perubahan;ketika Ben setuju;perbaiki teks dulu;dengan syarat;setelah diperbaiki;perlu dibahas;namun teksnya salah;tetapi tunggu;asal Ben setuju;bila Ben setuju;bersyarat",
    "อนุมัติ": "แต่รอก่อน;หลังวันศุกร์เท่านั้น;ยกเว้น iOS;ไม่ใช่ iOS;ถามเบนก่อน;พรุ่งนี้;ต้องคุยกับเบน;อย่าเปิดก่อนวันจันทร์;มีการแก้ไข;เมื่อเบนเห็นด้วย;แก้ข้อความก่อน;มีเงื่อนไข;หลังแก้ไข;ต้องหารือ;อย่างไรก็ตามข้อความผิด;ถ้าเบนเห็นด้วย",
}
PRAISED = (
    "Approved, great work everyone!",
    "Approved. Mobile first is right.",
    "Genehmigt. Sieht besser aus als vorher.",
    "Approuvé. De mon côté tout est clair.",
    "Aprobado. Me gusta el primero.",
    "Aprovado, bom trabalho!",
    "Approvato. Il team ha fatto un ottimo lavoro.",
    "Goedgekeurd. De cijfers zijn overtuigend.",
    "Godkänt, bra jobbat!",
    "Godkendt. Tallene ser gode ud.",
    "Hyväksytty, hyvää työtä!",
    "Zatwierdzone, dobra robota!",
    "Schváleno, dobrá práce!",
    "Jóváhagyva, szép munka!",
    "Aprobat. Cifrele sunt convingătoare.",
    "Onaylandı, elinize sağlık!",
    "Εγκρίνεται, καλή δουλειά!",
    "Одобрено. Цифры убедительные.",
    "Схвалено, гарна робота!",
    "承認します。いつでもどうぞ。",
    "同意，期待结果。",
    "승인합니다. 수고하셨습니다.",
    "מאושר. המספרים משכנעים.",
    "Đồng ý, làm tốt lắm!",
    "Disetujui, kerja bagus!",
)


@pytest.mark.parametrize("between", [", ", ". ", "\n\n", " "])
@pytest.mark.parametrize("yes", RESERVED)
def test_a_yes_that_is_taken_back_in_part_or_put_off_decides_nothing(yes: str, between: str) -> None:
    said = [f"{yes}{between}{reservation}" for reservation in RESERVED[yes].split(";")]
    found = {words: reply(words, OPTIONS) for words in said}
    decided = [
        words
        for words, answer in found.items()
        if isinstance(answer, Answer) and answer.choice == "approve" and not answer.terms
    ]
    assert decided == []


@pytest.mark.parametrize("said", PRAISED)
def test_a_yes_with_praise_decides(said: str) -> None:
    answer = reply(said, OPTIONS)
    assert isinstance(answer, Answer)
    assert answer.choice == "approve"
