"""All messages of the corpus: people in their clients, robots, spoofs, tricks, and every client with the same three answers."""

# ruff: noqa: RUF001  words and names of other languages, and forged ones

from collections.abc import Iterator
from itertools import cycle

from tests.mail_corpus import fresh, robots, spoofs, tricks
from tests.mail_corpus.clients import CLIENTS, Client, mixed_with_logo, send
from tests.mail_corpus.expected import APPROVE, ASK, CONDITIONS, QUESTION, REJECT, Case, Letters, unique
from tests.mail_corpus.humans import HUMANS, Human
from tests.mail_corpus.letter import Sent
from tests.mail_corpus.locales import LOCALES, gmail, outlook, phone

LOCAL_ANSWERS = {
    "de": "Genehmigt", "fr": "Approuvé", "es": "Aprobado", "it": "Approvato", "pt": "Aprovado", "nl": "Goedgekeurd", "sv": "Godkänd", "da": "Godkendt",
    "nb": "Godkjent", "fi": "Hyväksytty", "pl": "Zatwierdzone", "cs": "Schváleno", "tr": "Onaylandı", "ru": "Одобрено", "ja": "承認", "ko": "승인",
    "zh": "批准", "ar": "موافق", "he": "מאושר", "hu": "Jóváhagyva",
}  # fmt: skip
TOP_POSTING = tuple(name for name in CLIENTS if name not in {"thunderbird_bottom", "mutt", "roundcube_bottom", "kmail"})


def letter_of(letters: Letters, gate: str) -> Sent:
    found: Sent = getattr(letters, gate)
    return found


def _spoken(client: Client, human: Human, gate: str) -> Case:
    return Case("", lambda letters: send(client, letter_of(letters, gate), human.text), human.want, human.note, human.conditions, human.to, gate=gate)  # fmt: skip


def people() -> Iterator[Case]:
    """Each human text in one client, taken in turn, so that every client carries many kinds of words."""
    turn = cycle(CLIENTS.items())
    for kind, humans in HUMANS.items():
        for human in humans:
            name, client = next(turn)
            yield Case(
                f"{kind}: {human.text[:60]!r} at {human.gate} in {name}",
                lambda letters, client=client, human=human: send(client, letter_of(letters, human.gate), human.text),
                human.want, human.note, human.conditions, human.to, True, _core(human.text), human.gate,
            )  # fmt: skip


def _core(text: str) -> str:
    """The words that must survive: without a closing that may rightly count as a signature."""
    lines = [line for line in text.strip().split("\n") if line.strip()]
    return (
        lines[0].strip()
        if len(lines) < 3 or lines[1:] == []
        else "\n".join(lines[: 2 if lines[0].endswith((",", ":", "。")) else 1])
    )


def clients() -> Iterator[Case]:
    """Every client with the same answers: what surrounds the words must not change them."""
    answers = (
        ("APPROVE", (APPROVE,), "", ()),
        (
            "REJECT the sample is too small\n\nLet us talk on Thursday about the guardrails.",
            (REJECT,),
            "Thursday about the guardrails",
            (),
        ),
        ("APPROVE IF cap 20%; until 2030-01-15", (CONDITIONS,), "", ("20", "2030-01-15")),
        ("How many users would see this change?", (QUESTION,), "", ()),
        ("I am still thinking about it.", (ASK, QUESTION), "", ()),
        ("", (ASK,), "", ()),
    )
    for name, client in CLIENTS.items():
        for said, want, note, conditions in answers:
            yield Case(
                f"{name}: {said[:24]}",
                lambda letters, client=client, said=said: send(client, letters.launch, said),
                want, note, conditions, verified=True, human=said,
            )  # fmt: skip
    yield Case(
        "Outlook with a logo", lambda letters: mixed_with_logo(letters.launch, "APPROVE"), (APPROVE,), human="APPROVE"
    )


def languages() -> Iterator[Case]:
    for locale in LOCALES:
        said = LOCAL_ANSWERS[locale.language]
        for name, client in (("Gmail", gmail), ("phone", phone), ("Outlook", outlook)):
            yield Case(
                f"{name} in {locale.language}: {said}",
                lambda letters, client=client, locale=locale, said=said: send(client(locale.language), letters.launch, said),
                (APPROVE,), verified=True, human=said,
            )  # fmt: skip
            talk = "Numbers first, please."
            yield Case(
                f"{name} in {locale.language}: talk",
                lambda letters, client=client, locale=locale, talk=talk: send(client(locale.language), letters.launch, talk),
                (ASK, QUESTION), verified=True, human=talk,
            )  # fmt: skip


def all_cases(every: int = 1) -> list[Case]:
    """`every` thins what only repeats the same answers over clients and languages, for runs that must be short."""
    repeated = [*clients(), *languages()][::every]
    return list(unique([*people(), *repeated, *robots.cases(), *spoofs.cases(), *tricks.cases(), *fresh.cases()]))
