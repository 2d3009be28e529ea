"""What keeps words from deciding: doubt, denial, second thoughts, mockery, an open condition, another answer. PURE."""
# ruff: noqa: RUF001  words of other languages, and marks that phones type

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from runtime.gates.reservations import RESERVED, RESERVED_JOINED

Kind: TypeAlias = Literal[
    "question",
    "negation",
    "correction",
    "hedge",
    "sarcasm",
    "condition",
    "contradiction",
    "later",
    "reported",
    "receipt",
    "emphasis",
]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why nothing was decided, with the words that say so."""

    kind: Kind
    words: str

    @property
    def say(self) -> str:
        return _SAYS[self.kind].format(words=self.words[:80])


_SAYS: dict[Kind, str] = {
    "question": "You asked something, and a question decides nothing.",
    "negation": "“{words}” turns the answer round, and I do not guess which way you mean it.",
    "correction": "“{words}” takes back what you wrote before it.",
    "hedge": "“{words}” leaves open whether you have decided.",
    "sarcasm": "“{words}” may be meant in jest.",
    "condition": "“{words}” makes your answer depend on something I cannot check.",
    "contradiction": "“{words}” says the opposite of the rest.",
    "later": "“{words}” says that you will decide later.",
    "reported": "“{words}” tells what somebody else says.",
    "receipt": "“{words}” may only mean that you have read it.",
    "emphasis": "I am not sure what “{words}” means for the answer.",
}

_HEDGE = (
    r"(?:or|oder|ou|o|of) (?:maybe |auch |perhaps )?(?:no|not|nicht|nein|non|niet|nee)", r"i guess", r"i suppose", r"i think", r"i believe", r"i feel like", r"i assume", r"i'd say", r"i would say", r"probably", r"prob", r"maybe", r"perhaps", r"possibly", r"might", r"presumably", r"seems?", r"seemingly", r"sort of", r"kind of", r"kinda", r"sorta",
    r"more or less", r"not sure", r"unsure", r"not (?:entirely|fully|completely|totally|100 ?%) (?:sure|convinced|certain|comfortable)", r"not convinced", r"hesita\w+", r"tentativ\w+", r"provisional\w*", r"in principle", r"in theory", r"theoretically", r"for the most part", r"mostly", r"almost", r"nearly", r"leaning", r"lean towards?", r"inclined",
    r"should be (?:ok|okay|fine|good|alright)", r"would be (?:ok|okay|fine)", r"could be", r"not opposed", r"don't mind", r"do not mind", r"no strong (?:opinion|feelings?)", r"up to you", r"your call", r"whatever", r"if you (?:say|insist|like|want|must|think)", r"as you (?:like|wish|see fit)", r"i don't know", r"idk", r"dunno", r"don't care", r"half[- ]", r"worried", r"concern(?:s|ed)? (?:me|about|with|that|is|are|over)", r"have (?:some |a few |serious |my )?(?:doubts|concerns|reservations|worries)", r"with reservations", r"not comfortable", r"uneasy", r"on the fence", r"torn", r"i would approve", r"i'd approve", r"would like to approve", r"tempted", r"reluctant\w*", r"grudging\w*", r"hmm+", r"hm", r"meh", r"ish", r"afaik", r"afaict", r"imho?", r"i hope", r"hopefully", r"fingers crossed", r"at first glance", r"from what i (?:can )?(?:see|tell)", r"as far as i (?:know|can tell|can see)", r"i reckon", r"could work", r"may work", r"good enough",
    # German, French, Spanish, Portuguese, Italian, Dutch, Nordic
    r"ich glaube", r"glaube ich", r"ich denke", r"denke ich", r"ich schätze", r"schätze ich", r"vermutlich", r"vielleicht", r"wahrscheinlich", r"wohl", r"eventuell", r"evtl", r"möglicherweise", r"eigentlich", r"grundsätzlich", r"im prinzip", r"prinzipiell", r"müsste", r"sollte (?:gehen|passen|ok|klappen)", r"dürfte", r"nicht (?:ganz )?sicher", r"bin unsicher", r"von mir aus", r"meinetwegen", r"bedenken", r"könnte", r"ich würde", r"naja", r"na ja", r"jein",
    r"je pense", r"je crois", r"je suppose", r"peut-être", r"peut être", r"probablement", r"sans doute", r"en principe", r"a priori", r"pas sûre?", r"pas certaine?", r"pas convaincue?", r"il me semble", r"plutôt", r"je dirais", r"éventuellement", r"bof", r"mouais", r"devrait",
    r"creo", r"supongo", r"quizás?", r"tal vez", r"probablemente", r"en principio", r"no est(?:oy|aba) segur[oa]", r"a lo mejor", r"parece que", r"me imagino", r"posiblemente", r"debería",
    r"acho", r"talvez", r"provavelmente", r"em princípio", r"creio", r"suponho", r"não tenho certeza", r"não estou segur[oa]", r"possivelmente", r"deve ser",
    r"credo", r"penso", r"forse", r"probabilmente", r"in linea di massima", r"suppongo", r"non sono sicur[oa]", r"direi", r"dovrebbe", r"magari",
    r"misschien", r"waarschijnlijk", r"denk ik", r"ik denk", r"in principe", r"niet (?:helemaal )?zeker", r"vermoedelijk", r"zou kunnen", r"lijkt me", r"volgens mij", r"ik geloof",
    r"kanske", r"troligen", r"jag tror", r"tror jag", r"antagligen", r"osäker", r"måske", r"nok ok", r"jeg tror", r"tror jeg", r"sandsynligvis", r"kanskje", r"sannsynligvis", r"ehkä", r"luultavasti", r"kai",
    # Slavic, Hungarian, Romanian, Turkish, Greek, Russian
    r"chyba", r"być może", r"prawdopodobnie", r"raczej", r"może(?! być)", r"myślę", r"możná", r"asi", r"snad", r"pravděpodobně", r"myslím", r"talán", r"valószínűleg", r"azt hiszem", r"poate", r"probabil", r"cred", r"belki", r"galiba", r"sanırım", r"muhtemelen", r"herhalde", r"ίσως", r"μάλλον", r"νομίζω",
    r"возможно", r"может быть", r"может", r"наверное", r"наверно", r"вероятно", r"кажется", r"думаю", r"вроде", r"не уверена?", r"пожалуй", r"мабуть", r"можливо", r"здається", r"може",
)  # fmt: skip
_HEDGE_JOINED = (
    "たぶん", "多分", "おそらく", "恐らく", "かもしれ", "と思います", "と思う", "でしょうか", "でしょう", "気がし", "也许", "也許", "可能", "大概", "或许", "或許", "应该", "應該", "吧", "不确定", "不確定", "好像", "아마", "것 같", "글쎄",
    "ربما", "أعتقد", "اعتقد", "قد يكون", "אולי", "כנראה", "נראה לי", "شاید", "فکر می", "शायद", "có lẽ", "có thể", "mungkin", "sepertinya", "บางที", "น่าจะ", "🤷", "🤔", "😬",
)  # fmt: skip
_SARCASM = (
    r"/s", r"/sarcasm", r"</?sarcasm>", r"oh sure", r"oh yes", r"oh yeah", r"oh great", r"oh absolutely", r"oh by all means", r"yeah,? right", r"yeah,? sure", r"sure,? sure", r"yeah yeah", r"(?:as|like) if", r"what could (?:possibly )?go wrong", r"what'?s the worst that (?:could|can) happen", r"burn(?:s|ing)? (?:the|this|it|everything|us|down)\b.*", r"(?:just )?kidding", r"j/?k", r"lol", r"lmao", r"rofl", r"ha ?ha\w*", r"he ?he\w*", r"when (?:pigs fly|hell freezes over)", r"over my dead body", r"in your dreams", r"dream on", r"psych", r"great idea", r"brilliant idea", r"genius", r"what a (?:great|brilliant|wonderful|fantastic|terrific|splendid|lovely) \w+", r"just what we need(?:ed)?", r"by all means", r"who needs", r"why not", r"because who", r"clearly nothing", r"nothing could go wrong", r"good luck with that", r"be my guest", r"wreck", r"ruin(?:s|ed)?", r"disaster", r"catastroph\w+", r"slow clap", r"obviously", r"nobody (?:reads|cares|needs|checks)", r"who cares", r"what else", r"thanks for nothing", r"fabulous", r"marvell?ous", r"joking", r"as a joke", r"sarcas\w+", r"ironi\w+", r"yolo", r"not!", r"na klar", r"ja klar", r"aber sicher doch", r"ironie", r"witz", r"scherz", r"was soll schon (?:schief|passieren).*", r"bien sûr.*", r"mais bien sûr", r"quelle (?:bonne|brillante|superbe) idée", r"claro que sí", r"qué podría salir mal", r"o que pode(?:ria)? dar errado", r"cosa potrebbe andare storto", r"wat kan er misgaan",
)  # fmt: skip
_SARCASM_JOINED = (
    "🙄",
    "😂",
    "🤣",
    "😜",
    "😏",
    "😉",
    "🤡",
    "🔥",
    "💥",
    "💀",
    "😈",
    "🙃",
    "（笑）",
    "(笑)",
    "www",
    "哈哈",
    "呵呵",
    "ㅋㅋ",
    "😆",
    "😅",
)
_CORRECTION = (
    r"(?:just )?kidding", r"joking", r"scratch that", r"strike that", r"wait", r"hold on", r"hold off", r"hold it", r"hang on", r"(?:no,? )?actually,? (?:no|not|wait|reject|approve|hold|scratch|never ?mind|let'?s not|don't|i (?:changed|take))", r"on second thoughts?", r"second thoughts", r"never ?mind", r"forget (?:it|that|what i)", r"ignore (?:that|this|my|the above|what i)", r"disregard", r"i take (?:it|that) back", r"take that back", r"chang(?:ed|ing) my mind", r"i meant", r"i mean", r"correction", r"oops", r"sorry,? (?:no|i meant|wrong|that|not)", r"wrong (?:mail|thread|gate|one|letter|email|experiment)", r"my mistake", r"or rather", r"make that", r"instead", r"no,? wait", r"retract", r"withdraw", r"revoke", r"not so fast", r"cancel (?:that|this|it)", r"sent (?:too early|by mistake|accidentally)", r"typo", r"undo", r"rather not", r"premature\w*", r"stop",
    r"moment", r"warte", r"halt", r"stopp", r"doch nicht", r"doch lieber", r"quatsch", r"vergiss", r"ich meine", r"ich meinte", r"korrektur", r"nein,? doch", r"attends", r"attendez", r"finalement", r"en fait", r"je me trompe", r"oubliez?", r"espera", r"esperen", r"mejor no", r"perdón", r"olvid\w+", r"me equivoqué", r"espere", r"melhor não", r"aspetta(?:te)?", r"anzi", r"ripensandoci", r"wacht", r"toch niet", r"bij nader inzien", r"vänta", r"vent", r"odota", r"czekaj(?:cie)?", r"jednak nie", r"počkej(?:te)?", r"bekle(?:yin)?", r"vazgeçtim", r"подожди(?:те)?", r"стоп", r"хотя нет", r"передумала?", r"стоп", r"зачекай(?:те)?",
)  # fmt: skip
_CORRECTION_JOINED = (
    "待って",
    "いや、",
    "やっぱり",
    "やはり",
    "訂正",
    "等一下",
    "等等",
    "还是不",
    "算了",
    "更正",
    "잠깐",
    "아니,",
    "انتظر",
    "רגע",
)
_CONDITION = (
    r"only (?:if|when|once|after|for|in|on|with|until|to|at|a|the|as)", r"if", r"unless", r"provided", r"providing", r"as long as", r"so long as", r"on condition", r"under (?:the |one )?conditions?", r"conditional(?:ly)?", r"contingent", r"subject to", r"pending", r"assuming", r"once", r"when", r"until", r"till", r"after", r"before", r"but", r"however", r"though", r"although", r"except", r"exclud\w+", r"apart from", r"other than", r"with the exception", r"depend(?:s|ing)", r"caveat", r"as soon as", r"in case", r"with (?:a|one|some|the|two|few) (?:condition|caveat|proviso|change|changes|tweak)s?", r"yet", r"limit(?:ed)?", r"cap(?:ped)?", r"at most", r"up to", r"max(?:imum)?", r"still (?:need|want|have|waiting|miss)\w*", r"need(?:s)? to (?:see|check|know|talk|discuss|be)", r"first", r"at least", r"just", r"only", r"minus", r"without the",
    r"wenn", r"falls", r"sofern", r"sobald", r"solange", r"aber", r"allerdings", r"jedoch", r"vorbehaltlich", r"unter (?:der |dem )?(?:bedingung|vorbehalt|voraussetzung)", r"außer", r"nur", r"erst", r"bis", r"nachdem", r"höchstens", r"maximal",
    r"si", r"mais", r"sous réserve", r"à condition", r"pourvu", r"sauf", r"dès que", r"une fois", r"cependant", r"toutefois", r"seulement", r"uniquement", r"jusqu'\w+", r"quand", r"lorsque", r"au plus",
    r"pero", r"siempre que", r"siempre y cuando", r"a condición", r"sujeto a", r"salvo", r"excepto", r"cuando", r"sólo", r"solo", r"solamente", r"únicamente", r"hasta", r"aunque", r"pendiente", r"con tal", r"en cuanto", r"después", r"como máximo",
    r"se", r"mas", r"desde que", r"contanto", r"porém", r"quando", r"somente", r"apenas", r"até", r"pendente", r"sujeito", r"assim que", r"depois", r"no máximo",
    r"ma", r"però", r"purché", r"a patto", r"a condizione", r"salvo", r"soltanto", r"fino", r"appena", r"dopo", r"tuttavia", r"al massimo",
    r"als", r"maar", r"mits", r"tenzij", r"zodra", r"zolang", r"onder voorbehoud", r"alleen", r"tot", r"echter", r"nadat", r"hoogstens",
    r"om", r"men", r"förutsatt", r"under förutsättning", r"så länge", r"så snart", r"endast", r"bara", r"hvis", r"forudsat", r"forutsatt", r"kun", r"når", r"så længe", r"jos", r"mutta", r"kunhan", r"edellyttäen", r"vain",
    r"jeśli", r"jeżeli", r"ale", r"pod warunkiem", r"o ile", r"tylko", r"jak tylko", r"pokud", r"jestli", r"jen", r"ak", r"de csak", r"feltéve", r"dacă", r"dar", r"eğer", r"ama", r"ancak", r"şartıyla", r"sadece", r"koşuluyla", r"αν", r"εάν", r"αλλά", r"μόνο", r"εφόσον",
    r"если", r"но", r"при условии", r"только", r"после", r"когда", r"однако", r"якщо", r"але", r"тільки", r"за умови", r"ако",
)  # fmt: skip
_CONDITION_JOINED = (
    "もし", "ただし", "但し", "条件", "次第", "場合", "なら", "であれば", "限り", "ですが", "けど", "まで", "如果", "但", "只要", "除非", "前提", "条件", "條件", "不过", "不過", "等", "만약", "다만", "단,", "조건", "하지만", "경우", "إذا", "اذا", "بشرط", "لكن", "אם", "אבל", "בתנאי", "רק", "اگر", "اما", "अगर", "लेकिन", "यदि", "nếu", "nhưng", "jika", "kalau", "tapi", "asalkan", "ถ้า", "แต่",
)  # fmt: skip
_DECIDES = r"(?:approv\w*|ship\w*|launch\w*|start\w*|go(?:ing)?|proceed\w*|sign\w*|agree\w*|accept\w*|support\w*|roll\w*|endors\w*|recommend\w*|okay|ok|yes|ready|good|fine|happy|convinced|comfortable|decided?|do|think)"
_NEGATION = (
    rf"(?:not|never|cannot|can't|won't|don't|didn't|doesn't|isn't|ain't|wouldn't|couldn't|shouldn't|aren't|wasn't|haven't|hasn't|unable to|refuse to|neither|nor|no longer|un(?=approv|able))\s+(?:\w+\s+){{0,3}}{_DECIDES}", r"unapproved", r"(?:or )?not", r"not yet", r"never", r"neither", r"by no means", r"no approval", r"without (?:my )?approval", r"far from", r"anything but", r"hardly", r"lack of",
    r"nicht", r"kein(?:e|en|er|em|es)?", r"nie", r"niemals", r"keinesfalls", r"noch nicht", r"pas", r"jamais", r"aucun\w*", r"nunca", r"jamás", r"ningun\w*", r"nunca", r"nenhum\w*", r"mai", r"non", r"nessun\w*", r"niet", r"geen", r"nooit", r"inte", r"ej", r"ikke", r"aldri\w*", r"ei", r"nie", r"nigdy", r"ne", r"nem", r"değil", r"hayır", r"δεν", r"όχι", r"не", r"никогда", r"нет", r"ні",
)  # fmt: skip
_NEGATION_JOINED = (
    "ません",
    "できない",
    "しない",
    "ではない",
    "じゃない",
    "不承認",
    "未承認",
    "不",
    "没有",
    "沒有",
    "未",
    "别",
    "別",
    "안 ",
    "않",
    "못",
    "لا",
    "لست",
    "غير",
    "ليس",
    "לא",
    "אין",
    "نمی",
    "नहीं",
    "không",
    "chưa",
    "tidak",
    "belum",
    "jangan",
    "ไม่",
)
_LATER = (
    r"(?:i'll|i will|we'll|we will|will|let me|let us|going to|gonna|need to|have to|want to|i'd like to|i'm going to|allow me to|trying to) (?:first |still |then |quickly |just |also |need to |have to |want to )?(?:have a (?:look|think)|take a (?:look|closer look)|look|check|review|think|get back|decide|let you know|see|read|come back|confirm|consider|discuss|talk|ask|go through|go over|study|respond|reply|answer|revert|follow up|run it|sleep on|consult|verify|dig|double[- ]check|revisit|sign off)", r"get(?:ting)? back to you", r"looking into", r"look(?:ing)? at (?:it|this)", r"still (?:reading|reviewing|thinking|checking|looking|deciding|waiting)", r"reviewing", r"will do", r"will revert", r"tomorrow", r"later", r"next week", r"on monday", r"asap", r"when i (?:have|find|get|am|'m)", r"let'?s (?:discuss|talk|wait|revisit|see|meet|chat)", r"can we (?:discuss|talk)", r"got it", r"noted", r"received", r"understood", r"acknowledged", r"i see", r"read(?:ing)? (?:it|this)", r"thanks for (?:the|letting|sending|your|this|asking|info|sharing)", r"thank you for (?:the|letting|sending|your|this|asking|info|sharing)", r"need (?:more )?(?:time|info|information|data)", r"sleep on it", r"morgen", r"später", r"schaue? (?:es |ich |mir )?", r"melde mich", r"prüfe", r"ich prüfe", r"ich schaue", r"zur kenntnis", r"demain", r"plus tard", r"je regarde", r"je vérifie", r"je reviens", r"mañana", r"más tarde", r"lo reviso", r"lo miro", r"amanhã", r"depois eu", r"vou ver", r"vou verificar", r"domani", r"ci guardo", r"verifico", r"morgen", r"ik kijk", r"imorgon", r"i morgen", r"jutro", r"zítra", r"завтра", r"позже", r"посмотрю", r"проверю", r"yarın", r"bakacağım",
)  # fmt: skip
_LATER_JOINED = (
    "明日",
    "後で",
    "後ほど",
    "確認します",
    "検討",
    "確認中",
    "確認させて",
    "明天",
    "稍后",
    "稍後",
    "看一下",
    "再看",
    "考虑",
    "考慮",
    "확인해",
    "나중에",
    "내일",
    "검토",
    "غدا",
    "לבדוק",
    "מחר",
)
_REPORTED = (
    r"(?:\w+ )?(?:says|said|tells|told|wrote|writes|claims|claimed|thinks|thought|believes|wants|wanted) (?:me|us|to|that|it|this|yes|no|you|we)?", r"according to", r"told me", r"asked me to (?:write|say|reply|answer|send)", r"on behalf of (?!the team)", r"quote", r"quoting", r"for (?:ana|ben|legal) to", r"test(?:ing)? only", r"just (?:a )?test(?:ing)?", r"this is (?:only )?a test", r"as an example",
)  # fmt: skip

_IDIOM = re.compile(
    r"\b(?:no (?:objections?|concerns?|issues?|comments?|questions?|problems?|worries|doubts?|hurry|rush|need to (?:reply|respond|answer)|further \w+|blockers?|red flags?|notes|reservations|strings attached|conditions|caveats|changes(?: needed)?)|nothing (?:to add|else|further|more)|(?:please )?(?:don't|do not) (?:forget|hesitate|worry|wait)|can't wait|cannot wait|without (?:hesitation|reservations?|conditions?|any \w+)|not (?:a problem|an issue|only|just|to mention)|why wait|no (?:ifs|buts)[\w ,]*|keine (?:einwände|bedenken|fragen|anmerkungen|weiteren \w+)|ohne (?:bedenken|einwände|vorbehalte?)|sans (?:réserve|objection)|pas d'objection|pas de (?:problème|souci)|aucune objection|sin (?:objeciones|problema)|sem (?:objeções|problemas?)|nessun problema|nessuna obiezione|geen (?:bezwaar|probleem|opmerkingen)|let me know if (?:you|there|anything)[^.!?\n]*|if (?:you have|there are|you need|anything|something|needed|you want|it helps)[^.!?\n]*|(?:ping|call|tell|write|ask|contact|reach) me (?:if|when|once)[^.!?\n]*|keep me (?:posted|updated)[^.!?\n]*|happy to (?:discuss|talk|help|chat)[^.!?\n]*|looking forward[^.!?\n]*|can't see (?:any|a) (?:problem|issue|reason not)[\w ]*|i (?:don't|do not) (?:see|have) (?:any|a) (?:problems?|issues?|concerns?|objections?|questions?|reason not)[\w ]*|at (?:last|long last)|first of all|after all|only good|the only)",
    re.IGNORECASE,
)
"""Turns of speech that hold such words and mean no harm."""
_LEGAL = re.compile(
    r"(?:intended recipient|confidential\w*|privileged|virus|disclaimer|vertraulich|confidentiel|destinatario|think before you print|please consider the environment)",
    re.IGNORECASE,
)


def _any(words: tuple[str, ...], joined: tuple[str, ...] = ()) -> re.Pattern[str]:
    spaced = "|".join(sorted(words, key=len, reverse=True))
    more = "|".join(re.escape(word) for word in sorted(joined, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)" + (f"|(?:{more})" if more else ""), re.IGNORECASE)


_SARCASTIC = _any(_SARCASM, _SARCASM_JOINED)
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("sarcasm", _SARCASTIC),
    ("correction", _any(_CORRECTION, _CORRECTION_JOINED)),
    ("hedge", _any((*_HEDGE, *RESERVED), (*_HEDGE_JOINED, *RESERVED_JOINED))),
    ("negation", _any(_NEGATION, _NEGATION_JOINED)),
    ("condition", _any(_CONDITION, _CONDITION_JOINED)),
    ("later", _any(_LATER, _LATER_JOINED)),
    ("reported", _any(_REPORTED)),
)
_VERDICT = r"(?:approve|approved|lgtm|ship it|go ahead|good to go|green ?light|genehmigt|freigegeben|approuvée?|aprobad[oa]|aprovad[oa]|approvat[oa]|goedgekeurd|zatwierdzone|onaylandı|одобрено)"
_AGAINST_NO = re.compile(
    rf"(?<!\w)(?:yes|{_VERDICT}|ja|oui|sí|sim|sì)(?!\w)|承認|批准|同意|승인|موافق|מאושר|(?<!\w)(?:it'?s|is|are|all|looks?|look|seems?) (?:\w+ )?(?:fine|good|ok|okay|great|alright)(?!\w)",
    re.IGNORECASE,
)
_AGAINST_YES = re.compile(
    r"(?<!\w)(?:reject(?:ed)?|declin(?:e|ed)|kill(?: it)?|veto(?:ed)?|den(?:y|ied)|disapprove[ds]?|refuse[ds]?|(?:no|nope|nein|non|não|nee)(?=\W*$|\s*[,.!:;\n-])|abgelehnt|refusée?|rejetée?|rechazad[oa]|rejeitad[oa]|respint[oa]|afgewezen|avslag|odrzucone|reddedildi|отклонено|send back|rework|iterate|delegate)(?!\w)|却下|拒绝|拒絕|驳回|거절|거부|반려|مرفوض|נדחה|👎|(?<!\w)-1(?!\w)",
    re.IGNORECASE,
)
_SHADED = re.compile(
    r"(?:\b(?:not|n't|cannot|never|could|would|will|to|until|before|if|once|when|might|unless|i'd|only|without|nobody|nicht|kein\w*|pas|no|não|non|niet)\s+(?:\w+\s+){0,3}|\w+n't\s+(?:\w+\s+){0,3})$",
    re.IGNORECASE,
)
"""Words before an approving one that leave it no approval: "I cannot approve", "would approve"."""


Level: TypeAlias = Literal["beside", "weakly", "after", "below", "terms"]
"""Where words stand: in the verdict's own sentence; in those after a weak or a strong one; below a documented form; or among conditions."""


def doubt(text: str, level: Level = "beside") -> Doubt | None:
    """The first thing in words that come with a yes which keeps it from being one.

    The farther from the verdict, the more must words bear on it: remarks below a form may be full of ifs.
    """
    said = tidied(text)
    if level not in {"below", "terms"} and re.search(r"[?？؟]", said):
        return Doubt("question", said)
    for kind, pattern in _PATTERNS:
        if kind in _LENIENT[level]:
            continue
        if (found := pattern.search(said)) is not None:
            return Doubt(kind, _around(said, found))
    return _opposed(said, level) or (None if level in {"beside", "terms"} else _bears(said))


_LENIENT: dict[Level, frozenset[str]] = {
    "beside": frozenset(),
    "weakly": frozenset({"condition"}),
    "after": frozenset({"condition", "later"}),
    "below": frozenset({"condition", "later", "hedge", "negation"}),
    "terms": frozenset({"condition", "later", "hedge", "negation", "reported"}),
}


def _opposed(said: str, level: Level) -> Doubt | None:
    """Another answer; farther from the verdict only where it opens a sentence, or is shouted."""
    for found in _AGAINST_YES.finditer(said):
        before = said[: found.start()].rstrip(" *_")
        if level == "beside" or not before or before[-1] in ".!?;:\n—–-" or found[0].isupper():
            return Doubt("contradiction", found[0])
    return None


def _bears(said: str) -> Doubt | None:
    found = _BEARING.search(said) or _OPENING.search(said) or _NARROWS.search(said)
    return Doubt("condition", _around(said, found)) if found else None


_NARROWS = re.compile(
    r"\bexclud\w+|\bcap (?:it|this|at)\b|\bcapped\b|\bnot before\b|\bno earlier\b|\b(?:start|launch|begin|ramp|roll(?:ed)? out)\w* (?:it |this )?(?:on|at|with|after|in|next|from|only|later)\b|(?:^|[.!;\n]\s*)[\w ]{1,30} only\W*(?:$|\n)|\b(?:would|will|i'd|i'll) (?:reject|kill|stop)\b|\b(?:höchstens|maximal|frühestens|erst (?:ab|nach|im)|au maximum|como máximo|al massimo|no máximo)\b",
    re.IGNORECASE,
)
"""What sets a bound that was not understood: approving without it would be more than was said."""
_OPENING = re.compile(
    r"(?:^|[.!;\n])\W{0,20}(?:but|however|aber|nur|falls|sofern|sobald|vorausgesetzt|wenn|mais|seulement|sauf|sous réserve|à condition|pero|sólo|solo|siempre que|mas|somente|apenas|desde que|ma|però|solo se|purché|maar|alleen|mits|men|bara|kun|förutsatt|ale|tylko|pod warunkiem|mutta|jos|ama|ancak|но|только|если|при условии|але|якщо)(?!\w)|ただし|但し|もし|如果|但是|不过|只要|다만|만약|بشرط|لكن|אבל|בתנאי|אם ",
    re.IGNORECASE,
)
_BEARING = re.compile(
    r"^\W*(?:(?:let me (?:first )?(?:check|ask|confirm|see|think|talk)|still (?:need|review|think|wait|check)|get back to you)|(?:but\s+)?(?:only\s+)?(?:if|unless|once|provided|pending|subject to|assuming|as long as|on condition|after|when|until|contingent)\b(?![^\n,.;]{1,60},)|but\b|only\b|i guess|i suppose|i think(?: so)?\W*$|maybe|probably|perhaps|not\b\W*(?:yet)?\W*$)|\b(?:but only|only if|only once|only after|only when|provided (?:that )?|pending|subject to|as long as|on (?:the )?condition|unless|contingent on|assuming|check(?:ing)? with|let me (?:first )?(?:check|ask|confirm|see|think|talk)|not sure|unsure|not convinced|not certain|having doubts|i have (?:some |serious )?doubts|(?:do not|don't|never|not) (?:actually |really |yet )?(?:approve|ship|launch|start|roll|proceed|go|record)|not approved|not yet)\b",
    re.IGNORECASE | re.MULTILINE,
)


def doubt_of_no(reason: str, *, plainly: bool = False) -> Doubt | None:
    """The same for a rejection, whose reason may be full of doubt, but not take it back. `plainly`: said with a plain word only."""
    said = tidied(reason)
    if plainly and (found := _SARCASTIC.search(said)) is not None:
        return Doubt("sarcasm", _around(said, found))
    if (found := _TURNING.search(said)) is not None:
        return Doubt("correction", _around(said, found))
    if plainly and re.search(r"[?？؟]", said):
        return Doubt("question", said)
    opening = _OPEN_NO.match(said)
    if opening is not None:
        return Doubt("condition", opening[0].strip())
    for found in _AGAINST_NO.finditer(said):
        if _SHADED.search(said[: found.start()]) is None and (plainly or found[0].isupper() or _flat(said, found)):
            return Doubt("contradiction", found[0])
    return None


_OPEN_NO = re.compile(
    r"\W*(?:if\b|unless\b|only if\b|once\b|maybe|perhaps|probably|i guess|i suppose|i think\W*$|not sure|pending\b|wenn\b|falls\b|vielleicht)",
    re.IGNORECASE,
)
_TURNING = re.compile(
    r"kidding|joking|scratch that|strike that|(?:^|[.!;,:\n]|\bno)\W*wait\b(?! (?:for|until|till))|actually,? (?:no|yes|approve|ship|go)|second thought|never ?mind|forget (?:it|that|what i)|(?:ignore|disregard) (?:that|this|my|what i|the above)|take (?:it|that) back|my mind|i meant|correction\b|oops|my mistake|make that (?:a|an)|sorry,? (?:no|not|wrong)\b|doch (?:lieber|genehmigt|freigegeben|ja)|finalement,? (?:oui|ok|approuv)|mejor sí|anzi|toch (?:wel|akkoord)|undo\b|やっぱり|訂正|算了",
    re.IGNORECASE,
)


def _flat(said: str, found: re.Match[str]) -> bool:
    """A sentence of its own that approves, as in: Reject the delay. Approved."""
    before, after = said[: found.start()].rstrip(), said[found.end() :].lstrip()
    return (not before or before[-1] in ".!;:\n—-") and (not after or after[0] in ".!,;\n")


def tidied(text: str) -> str:
    """Typographic marks as keyboards have them, harmless turns of speech and lawyers' notices left out."""
    plain = text.translate(MARKS)
    kept = "\n".join(line for line in plain.split("\n") if not _LEGAL.search(line))
    return _IDIOM.sub(" … ", kept).strip()


MARKS = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "ʼ": "'",
        "´": "'",
        "“": '"',
        "”": '"',
        "\u00a0": " ",
        "\u202f": " ",
        "\u3000": " ",
        "，": ", ",
        "！": "!",
        "\u200b": None,
        "\u200c": None,
        "\u200d": None,
        "\u2060": None,
        "\ufeff": None,
        "\u200e": None,
        "\u200f": None,
        "\u00ad": None,
        "\ufe0f": None,
    }
)


def _around(said: str, found: re.Match[str]) -> str:
    """The line it stands on, cut to what can be quoted."""
    start, end = said.rfind("\n", 0, found.start()) + 1, said.find("\n", found.end())
    line = said[start : end if end >= 0 else len(said)].strip()
    return line if len(line) <= 80 else found[0].strip()  # noqa: PLR2004  as `say` quotes
