"""Words written to us alone, as the answer to a letter: documented forms, and plain words that stand for them. PURE."""
# ruff: noqa: RUF001  words of other languages, and marks that phones type

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from runtime.gates.hedges import Doubt, Level, doubt, doubt_of_no
from runtime.gates.language import FORMS, MOST_NOTE, Answer, HandOver, Option, Reading, Unclear, read, taken_with
from runtime.gates.limits import conditions_of, later_terms, measurable, terms_of
from runtime.gates.openings import praises, words
from runtime.gates.phrases import Opening, opening
from runtime.gates.terms import Misread, Note, Term, checked
from runtime.gates.turns import corrected, ends_it, still_open


def reply(text: str, options: Sequence[Option]) -> Reading:
    """Words written to us alone, as the answer to a letter: the documented forms, and plain words that stand for them.

    Unlike a thread, where colleagues also talk to each other, a letter's plain "yes" has one addressee. Whatever is
    doubted, mocked, taken back, conditional or asked is `Unclear`, and its `say` names the reason.
    """
    text = _FLOOD.sub(r"\1", text)
    if len(text) <= _MOST_WORDS:
        said = words(text)
        found = _reply(said, options)
        taken_back = isinstance(found, Unclear) and found.why in {"correction", "contradiction"}
        return (_corrected(said, options) if taken_back else None) or found
    found = _reply(words(text[:_MOST_WORDS]), options)
    if isinstance(found, Answer) and found.choice not in _AGAINST:
        return Unclear(
            f"That is too long to be sure of. Write one of these alone: {forms(options)}.", tried=True, why="long"
        )
    return found


_MOST_WORDS = 8_000
_FLOOD = re.compile(r"(\W{40})\W+")
"""Signs without a word between them: patterns that look for words behind signs take their time over thousands of them."""


def _corrected(said: str, options: Sequence[Option]) -> Answer | None:
    """What somebody says last when they correct themselves: a refusal always, anything else only as a documented form they meant."""
    last, meant = corrected(said)
    found = _reply(last, options) if last else None
    if not isinstance(found, Answer):
        return None
    return found if found.choice in _AGAINST or (meant and _SHOUTED.match(last)) else None


def _reply(said: str, options: Sequence[Option]) -> Reading:
    if not said:
        return Unclear("There are no new words of yours in your reply.", tried=False, why="empty")
    if (bound := _conditional(said, options)) is not None:
        return bound
    form = read(_LEADS_TO_SHARE.sub("", said), options)
    if isinstance(form, Answer):
        return _weighed(form, said, options)
    if isinstance(form, Unclear) and form.asks_back:
        return replace(form, why="condition")
    return _handed(said) or _plain(said, options, form if isinstance(form, Unclear) else None)


def agreement(text: str) -> Literal["yes", "no", ""]:
    """Whether words plainly take or refuse a proposal that was shown back; empty when they do neither."""
    found = reply(text, _YES_OR_NO)
    if not isinstance(found, Answer) or found.terms:
        return ""
    return "yes" if found.choice == "approve" else "no"


def undoes(text: str) -> bool:
    """UNDO: the writer takes an answer back while it can be."""
    first = words(text).partition("\n")[0]
    return _UNDO.fullmatch(first.strip(" *_~`.!")) is not None


_ASKS_OTHERS = re.compile(r"\W*(?:please|pls|kindly|bitte)\s+(?:approve|genehmigen)\b", re.IGNORECASE)
"""Who is asked to approve and writes "please approve" seems to ask somebody else."""
_YES_OR_NO: tuple[Option, ...] = ({"id": "approve", "label": "Yes"}, {"id": "reject", "label": "No"})
_UNDO = re.compile(
    r"(?:please\s+)?(?:undo(?:\s+(?:it|this|that|my (?:answer|decision|approval|reply)))?|rückgängig(?: machen)?|annuler|deshacer|desfazer|annulla|取り消し|取消|撤销|撤回)(?:,?\s+please)?",
    re.IGNORECASE,
)
_LEADS_TO_SHARE = re.compile(
    r"\W*(?:(?:great|ok|okay|yes|good),?\s+)?(?:please|let['’]?s|let us|we should)\s+(?=scale\b)",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"[A-Z][A-Z ]*[A-Z]\b")
_BINDABLE = "|".join(form.word.replace(" ", "[ ]+") for form in FORMS if form.choice != "reject")
_IF = re.compile(
    rf"(?P<answer>(?:{_BINDABLE})(?:\s+\d{{1,3}}\s*%)?)\s*,?\s*(?:(?:BUT\s+)?ONLY\s+)?"
    r"(?P<if>IF|PROVIDED(?:\s+THAT)?|ON\s+CONDITION(?:\s+THAT)?)\b\s*:?\s*(?P<terms>.+)",
    re.IGNORECASE | re.DOTALL,
)


def _conditional(said: str, options: Sequence[Option]) -> Reading | None:
    """APPROVE IF condition; condition. In capitals any clear condition is kept in words; else it must be one that can be checked."""
    head, note = _paragraph(said)
    found = _IF.fullmatch(head)
    if found is None or head.rstrip().endswith("?"):
        return None
    answer = read(found["answer"], options)
    if isinstance(answer, Unclear):
        return replace(answer, why="form")
    if not isinstance(answer, Answer):
        return answer
    conditions = found["terms"]
    spoiled = doubt(conditions, "terms") or doubt(note, "below")
    documented = _SHOUTED.match(found["answer"]) is not None and found["if"].isupper()
    terms = conditions_of(conditions) if documented or measurable(conditions) else terms_of(conditions)
    if spoiled is not None or terms is None:
        return _asked_back(spoiled or Doubt("condition", conditions.strip()), options)
    return _bound(answer, terms, note, options)


def _paragraph(said: str) -> tuple[str, str]:
    """The first line, with the lines that go on its list of conditions; and the rest."""
    lines = said.splitlines()
    end = 1
    while end < len(lines) and (
        re.match(r"\s*(?:[-*•]|\d{1,2}[.)])\s", lines[end])
        or (lines[end].strip() and re.search(r"(?:[;:,]|\b(?:if|and|provided))\s*$", lines[end - 1], re.IGNORECASE))
        or (not lines[end].strip() and end == 1 and re.search(r"(?:\bif|:)\s*$", lines[0], re.IGNORECASE))
    ):
        end += 1
    return "\n".join(lines[:end]).strip("*_~` "), "\n".join(lines[end:]).strip()[:MOST_NOTE]


def _bound(answer: Answer, terms: tuple[Term, ...], note: str, options: Sequence[Option]) -> Reading:
    refused = [term.kind for term in terms if term.kind not in taken_with(options, answer.choice)]
    if refused:
        return Unclear(
            f"I recorded nothing: this answer cannot be given with a {refused[0]} here.",
            tried=True,
            asks_back=True,
            why="condition",
        )
    said = "\n".join([*(term.text for term in terms if isinstance(term, Note)), *([note] if note else [])])
    return replace(answer, note=said[:MOST_NOTE], terms=terms)


def _weighed(answer: Answer, said: str, options: Sequence[Option]) -> Reading:
    """A documented form decides unless what stands with it takes it back."""
    first, _, below = said.partition("\n")
    if answer.choice in _AGAINST:
        return _weighed_no(answer, first, options)
    note = below.strip()
    reason = answer.note.removesuffix(note) if answer.choice == "resume" else ""
    spoiled = doubt(reason) if reason and not _SHOUTED.match(first) else None
    added = _remarks(note, "below")
    if spoiled is not None or isinstance(added, Doubt):
        return _asked_back(added if isinstance(added, Doubt) else spoiled or Doubt("emphasis", reason), options)
    return _with(answer, (*answer.terms, *added), answer.note, options) if added else answer


def _weighed_no(answer: Answer, first: str, options: Sequence[Option]) -> Reading:
    if answer.note.casefold() == "why":
        return Unclear("Say why in your own words: REJECT, and the reason behind it.", tried=True, why="empty")
    word = next(form.word for form in FORMS if form.choice == answer.choice)
    marked = re.match(rf"{word}\W*(?:[:,–—-]|because\b)", first, re.IGNORECASE)
    found = doubt_of_no(answer.note, plainly=not marked and not _SHOUTED.match(first))
    if found is not None:
        return _asked_back(found, options)
    return replace(answer, note=first) if _kind(answer.note) else answer


_AGAINST = frozenset({"reject", "rework", "kill", "iterate"})
_HAND = re.compile(
    r"(?:please\s+)?delegate\b(?:\s+(?:it|this|the (?:decision|gate)))?(?:\s+to)?:?\s+(?:[^@<>\n,;]{0,60}?<)?(?:mailto:)?(?P<who>[^@\s<>,;:?\"']+@[^@\s<>,;:?\"']+?)(?P<rest>>?[ .!]*|>?[ .!]*(?:[,;–—(-]|because\b|who\b|s?he\b|they\b|please\b|thanks\b)[^\n]*)(?:\n(?P<note>.*))?",
    re.IGNORECASE | re.DOTALL,
)


def _handed(said: str) -> Reading | None:
    """DELEGATE with one address, as mail programs complete it: with a name, in angle brackets, with a link's `mailto:`."""
    found = _HAND.fullmatch(said)
    if found is None:
        return None
    rest = f"{found['rest'].lstrip('> .!')}\n{found['note'] or ''}".strip()
    if "@" in found["rest"]:
        return Unclear("Name one address only: DELEGATE somebody@example.com.", tried=True, why="contradiction")
    spoiled = doubt(rest, "below")
    if spoiled is None and opening(rest).decides:
        spoiled = Doubt("contradiction", rest.partition("\n")[0])
    return _asked_back(spoiled, ()) if spoiled is not None else HandOver(found["who"].rstrip("."))


_SENTENCES = re.compile(r"(?<=[.!?。！？;])\s+|(?<=[。！？])|\n+|\s+[–—]\s+|(?<=\w)\s*(?:\.{2,}|…)")
_CONNECTS = re.compile(
    r"(?:(?:but|and|with|w/|if|only if|provided(?: that)?|as long as|so long as|on (?:the )?condition(?: that)?|under (?:the )?conditions?(?: that)?|aber|und|mit|wenn|sofern|mais|et|avec|si|à condition que|pero|y|con|siempre que|mas|e|com|se|desde que|ma|però|purché|maar|en|met|mits|men|och|med)(?!\w))?[\s,:–—-]*(?P<terms>.+?)[\s)]*",
    re.IGNORECASE | re.DOTALL,
)
_BECAUSE = re.compile(
    r"(?:because|since|due to|as|owing to|until|weil|da|denn|wegen|parce que|car|à cause|porque|por|perché|omdat|vanwege|fordi|för att|eftersom|ponieważ|bo|protože|mert|deoarece|çünkü|потому|так как|из-за|бо)\b",
    re.IGNORECASE,
)
_TRAILS_OFF = re.compile(r"[^\n.]*(?:\.{2,}|…)\W*")
_TRAILS = re.compile(r"^\W*\w+\s*(?:\.{2,}|…)")


def _plain(said: str, options: Sequence[Option], form: Unclear | None) -> Reading:
    """Plain words in the first sentence, if nothing behind them says otherwise."""
    if _ASKS_OTHERS.match(said):
        return _asked_back(Doubt("emphasis", said.partition("\n")[0]), options)
    sentence, later = _first(said)
    begun = opening(sentence)
    if not begun.decides:
        return _nothing_plain(said, options, form)
    if sentence.rstrip().endswith(_MARKS_OF_QUESTIONS):
        return _asked(said, options)
    choice = _meant(begun, options)
    if isinstance(choice, Unclear):
        return choice
    if choice in _AGAINST:
        return _refused(choice, begun, said, later, options)
    return _agreed(Answer(choice), begun, said, later, options)


def _first(said: str) -> tuple[str, str]:
    """The first sentence that is more than a kindness, and what follows it."""
    cut = _SENTENCES.search(said)
    sentence, later = (said[: cut.start()], said[cut.end() :].strip()) if cut else (said, "")
    begun = opening(sentence)
    return (
        _first(later)
        if later and begun.tags == {"beside"} and not begun.rest and not begun.chosen
        else (sentence, later)
    )


def _meant(begun: Opening, options: Sequence[Option]) -> str | Unclear:
    """The one of the gate's answers that the words stand for. A bare yes means something only where yes and no are asked."""
    offered = {option["id"] for option in options}
    chosen, agrees, refuses = begun.chosen & offered, begun.tags & {"strong", "weak"}, "no" in begun.tags
    if len(chosen) == 1:
        (choice,) = chosen
        if not (refuses and choice != "kill") and not (
            "strong" in agrees and choice == "kill" and "ship" not in offered
        ):
            return choice
    if (agrees and refuses) or len(chosen) > 1 or (agrees and begun.chosen - offered - {"ship"}):
        return Unclear(
            f"I read a yes and a no in it. Write one of these: {forms(options)}.", tried=True, why="contradiction"
        )
    wanted = "approve" if agrees else "reject" if refuses else ""
    if wanted in offered:
        return wanted
    bare = "A plain yes or no" if wanted else "That"
    return Unclear(
        f"{bare} is no answer to this gate, which asks for one of: {forms(options)}.", tried=True, why="choice"
    )


def _agreed(answer: Answer, begun: Opening, said: str, later: str, options: Sequence[Option]) -> Reading:
    strong = "strong" in begun.tags or bool(begun.chosen)
    worn = begun.repeats or _TRAILS.match(said) is not None
    if "regret" in begun.tags or _TRAILS_OFF.fullmatch(said) or (not strong and (worn or begun.acknowledges)):
        worn = worn or not begun.acknowledges
        return _asked_back(Doubt("hedge" if worn else "receipt", said.partition("\n")[0]), options)
    terms = _beside(begun, strong=strong)
    if isinstance(terms, Doubt):
        return _asked_back(terms, options, begun.rest)
    more = _remarks(later, "after" if strong else "weakly")
    if isinstance(more, Doubt):
        return _asked_back(more, options, later)
    remarks = [begun.rest if not terms else "", "" if _kind(later) else later]
    return _with(answer, (*terms, *more), "\n".join(filter(None, remarks))[:MOST_NOTE], options)


def _beside(begun: Opening, *, strong: bool) -> tuple[Term, ...] | Doubt:
    """What stands in the verdict's own sentence: conditions, or a remark that a strong word bears if it is set off."""
    connected = _CONNECTS.fullmatch(begun.rest)
    if connected is None:
        return ()
    if (found := terms_of(connected["terms"])) is not None:
        return found
    spoiled = doubt(begun.rest)
    return (
        ()
        if spoiled is None and begun.apart and (strong or praises(begun.rest))
        else spoiled or Doubt("emphasis", begun.rest)
    )


def _remarks(later: str, level: Level) -> tuple[Term, ...] | Doubt:
    """Conditions that were set in sentences of their own; or why what was added spoils the answer."""
    if other := ends_it(later):
        return Doubt("contradiction", other)
    found, others = later_terms(later)
    spoiled = doubt(others, level)
    return spoiled if spoiled is not None else found


def _kind(later: str) -> bool:
    """Only thanks and the like, which are nothing to keep."""
    begun = opening(later)
    return not begun.rest and begun.tags == {"beside"}


def _with(answer: Answer, terms: tuple[Term, ...], note: str, options: Sequence[Option]) -> Reading:
    if not terms:
        return replace(answer, note=note)
    kept = checked(terms)
    if isinstance(kept, Misread):
        return Unclear(f"I recorded nothing. {kept.say}", tried=True, why="condition")
    return _bound(answer, kept, note, options)


def _refused(choice: str, begun: Opening, said: str, later: str, options: Sequence[Option]) -> Reading:
    """Rejecting stops something, so the words themselves are reason enough where no other was given."""
    if begun.rest and not begun.apart and not _BECAUSE.match(begun.rest):
        return _asked_back(doubt(begun.rest) or Doubt("emphasis", begun.rest), options)
    reason = "\n".join(part for part in (begun.rest, later) if part)
    if choice == "reject" and (still := still_open(reason)):
        return _asked_back(Doubt("condition", still), options, reason)
    spoiled = doubt_of_no(reason, plainly=True)
    return (
        _asked_back(spoiled, options, reason) if spoiled is not None else Answer(choice, (reason or said)[:MOST_NOTE])
    )


_QUESTION = re.compile(
    r"\W*(?:(?:and|but|so|also|ok|okay|hi|quick question|question)[,:]?\s+)*(?:what|why|how|when|who|whose|which|where|show|explain|plot|tell me|is|are|do|does|did|can|could|will|would|has|have|was|were|should|shall|wie|was|warum|wieso|wann|wer|welche\w*|wo|woher|ist|sind|kann|können|gibt es|quel\w*|pourquoi|comment|combien|quand|qui|où|est-ce|qu'est|qué|por qué|cómo|cuánt\w+|cuándo|quién|cuál\w*|dónde|o que|por que|como|quant\w+|quando|quem|qual|quais|onde|che|cosa|perché|come|chi|quale|dove|wat|waarom|hoe|wanneer|wie|welke|waar|vad|varför|hur|när|hvad|hvorfor|hvordan|hva|co|dlaczego|ile|jak|kiedy|proč|kolik|ne|neden|kaç|nasıl|что|почему|как|когда|сколько|какой|какая|какие)\b",
    re.IGNORECASE,
)
_SHOWS = re.compile(
    r"\W*(?:(?:please|can you|could you)\s+)*(?:show|explain|plot|draw|tell me|what (?:is|are|was|were|happens|about)|how (?:sure|many|much|long|far|is|are|did|does|do)|why (?:is|are|did|does|do)|when (?:will|does|is|do))\b",
    re.IGNORECASE,
)


def asks(said: str) -> bool:
    """Whether the words want to know something, rather than end an answer with a question mark."""
    if (found := doubt(said, "below")) is not None and found.kind == "sarcasm":
        return False
    return any(_is_question(sentence) for sentence in re.split(r"(?<=[.!?？؟。])\s+|\n+", said))


def _is_question(sentence: str) -> bool:
    if not sentence.rstrip().endswith(_MARKS_OF_QUESTIONS):
        return _SHOWS.match(sentence) is not None
    if _QUESTION.match(sentence):
        return True
    several = len(sentence.split()) > 2 and _hesitant(sentence)  # noqa: PLR2004  "Really now?" asks nothing
    return not opening(sentence).decides and (several or not sentence.isascii())


_MARKS_OF_QUESTIONS = ("?", "？", "؟")


def _hesitant(sentence: str) -> bool:
    """False for "I guess ok?": doubt and a verdict in one breath is no question about the experiment."""
    found = doubt(sentence.rstrip(" ?"))
    return found is None or found.kind not in {"hedge", "sarcasm", "correction"}


def _asked(said: str, options: Sequence[Option]) -> Unclear:
    if asks(said):
        return Unclear("You asked something, and a question decides nothing.", tried=False, why="question")
    return _asked_back(Doubt("question", said), options)


def _nothing_plain(said: str, options: Sequence[Option], form: Unclear | None) -> Unclear:
    if asks(said):
        return _asked(said, options)
    if form is not None and form.tried:
        return replace(form, say=form.say.replace("DELEGATE @somebody", "DELEGATE address"), why="form")
    found = doubt(said)
    if found is not None:
        return _asked_back(found, options)
    return Unclear(
        f"I found no clear answer in your words. Write one of these on the first line: {forms(options)}.",
        tried=False,
        why="free",
    )


def _asked_back(found: Doubt, options: Sequence[Option], among: str = "") -> Unclear:
    """Nothing was decided, with the reason; a question of substance is answered instead."""
    if found.kind == "question" and among and asks(among):
        return Unclear(found.say, tried=False, why="question")
    ways = f" If you have decided, write one of these on the first line: {forms(options)}." if options else ""
    return Unclear(f"{found.say}{ways}", tried=True, why="emphasis" if found.kind == "question" else found.kind)


def forms(options: Sequence[Option]) -> str:
    """The documented forms of a gate's letter."""
    offered = {option["id"] for option in options}
    plain = [form.usage for form in FORMS if form.choice in offered and form.word not in {"CAP", "REWORK"}]
    bound = ["APPROVE IF condition; condition"] if "approve" in offered and taken_with(options, "approve") else []
    return ", ".join([*plain, *bound, "DELEGATE address"])
