"""Letters in a gate's thread besides the gate's own: receipts, answers, questions back, refusals, results, and plain words. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from bot import standings
from bot.mail.letter_gate import DOORS, FOOTER, GateLetter, forms, headline, kicker, origin, outcome_of, verdict
from bot.mail.letter_parts import (
    Block,
    Chart,
    Facts,
    Link,
    Page,
    Part,
    Quote,
    Reader,
    Say,
    Small,
    Tone,
    line,
    lines,
    moment,
)
from bot.slack.progress import STATES
from runtime.digests import Digest, Line, parts
from runtime.gates import outlook
from runtime.gates.wording import amount, span
from runtime.outcomes.standing import Standings

_OPEN = "Opening it decides nothing."
_ENDED = {
    "overtaken": "Your answer was overtaken",
    "failed": "Your answer could not be carried out",
    "undone": "You took your answer back",
    "carried_out": "Your answer was carried out",
}
_WROTE = "You get this letter because you wrote to us. A gate is answered in its own letter or on its page; Outcome Runtime never decides by itself and never takes a decision from a link."
_MOST = 5
_UNTOLD = frozenset({"", "reopened"})
_MOST_OUTCOMES = 12
_NOWHERE = Standings()


@dataclass(frozen=True, slots=True)
class Hold:
    """An answer that was given and waits: its words, its author, when it was given and when it takes effect."""

    label: str
    by: str
    via: str
    at: datetime
    until: datetime
    evidence: str
    note: str = ""
    conditions: tuple[str, ...] = ()
    percent: int | None = None
    ended: str = ""
    why: str = ""


def receipt(letter: GateLetter, hold: Hold | None) -> Page:
    """A decision was recorded: who, what, when, on what evidence, and until when it can be taken back."""
    if hold is None or (hold.ended == "carried_out" and not letter.view.open):
        said = verdict(letter)
        last = Say("It has taken effect and cannot be undone by letter.")
        return _page(
            letter,
            "Recorded: " + said,
            [Say(said, "Recorded.", "good"), *outcome_of(letter), last, *_look(letter.reader)],
        )
    until = moment(hold.until, letter.reader.zone)
    waits = not hold.ended and hold.until > hold.at
    said = f"{_decision(hold)}." + (f" It takes effect {until}." if waits else "")
    undo = Say(f"Reply UNDO until then to take it back; nothing starts before {until}.", "Changed your mind?")
    blocks = [
        Say(said, "Recorded.", "good"),
        _who_when(letter.reader, hold, until if waits else ""),
        *_noted(hold.note),
    ]
    tail = [undo] if waits else []
    preheader = f"Recorded: {said}" + (" Reply UNDO to take it back." if waits else "")
    return _page(letter, preheader, [*blocks, *tail, *_look(letter.reader)])


def _who_when(reader: Reader, hold: Hold, until: str) -> Facts:
    rows = [
        ("Decision", _decision(hold)), ("Decided by", reader.called(hold.by)), ("When", moment(hold.at, reader.zone)),
        ("By", DOORS.get(hold.via, line(hold.via, 40))), ("Evidence", hold.evidence[:12]), ("Takes effect", until),
    ]  # fmt: skip
    return Facts(tuple(row for row in rows if row[1]))


def _decision(hold: Hold) -> str:
    share = f" at {hold.percent} %" if hold.percent is not None else ""
    bound = f", if {'; '.join(line(one, 200) for one in hold.conditions)}" if hold.conditions else ""
    return f"{line(hold.label, 80)}{share}{bound}"


def undone(letter: GateLetter, hold: Hold) -> Page:
    """Its author took an answer back: the gate is as it was."""
    due = moment(letter.view.due_at, letter.reader.zone)
    said = f"“{_decision(hold)}” was taken back. Nothing was started; the gate is open again until {due}."
    blocks = [Say(said, "Undone.", "wait"), *_answering(letter)]
    return _page(letter, f"Undone. {said}", blocks)


def hold_ended(letter: GateLetter, hold: Hold) -> Page:
    """An answer that waited came to nothing, and why."""
    head = _ENDED.get(hold.ended, "Your answer has ended")
    why = line(hold.why, 500) or "The gate changed meanwhile."
    blocks: list[Block] = [Say(f"“{_decision(hold)}”: {why}", f"{head}.", "bad")]
    blocks += _answering(letter) if letter.view.open else [Say(verdict(letter))]
    return _page(letter, f"{head}: {why}", blocks)


def answer(letter: GateLetter, question: str, text: str, chart: Chart | None) -> Page:
    """A question is answered from stored data."""
    found, more = lines(text, 40)
    blocks: list[Block] = [*_asked(question, "You asked"), *(Say(one) for one in found if one)]
    blocks += [Small(f"{more} more lines are on the gate's page.")] if more else []
    blocks += [chart] if chart else []
    return _page(letter, found[0] if found else "An answer to your question.", [*blocks, *_answering(letter)])


def ask_back(letter: GateLetter, words: str, say: str) -> Page:
    """Nothing was recorded, and what is needed to record it."""
    blocks = [Say(line(say, 800), "I recorded nothing yet.", "wait"), *_asked(words, "You wrote"), *_answering(letter)]
    return _page(letter, f"Nothing was recorded yet. {line(say, 100)}", blocks)


def proposal(letter: GateLetter, words: str, says: str) -> Page:
    """What free words were understood as, to be confirmed."""
    asks = "Reply YES to record it, NO to drop it, or answer in one of the forms of the gate's letter."
    blocks = [
        *_asked(words, "You wrote"),
        Say(line(says, 800), "I understand:", "wait"),
        Say(asks),
        *_look(letter.reader),
    ]
    return _page(letter, f"I understand: {line(says, 90)} Reply YES to record it.", blocks)


def refusal(letter: GateLetter, text: str, words: str = "", waiting: Sequence[Block] = ()) -> Page:
    """Too late, not theirs, not offered: who decided, and what to do instead; `waiting` is what else asks its reader."""
    blocks: list[Block] = [Say(line(text, 1200), "Not recorded.", "bad"), *_asked(words, "You wrote")]
    blocks += _answering(letter) if letter.view.open else [Say(verdict(letter)), *_look(letter.reader), *waiting]
    return _page(letter, f"Not recorded. {line(text, 110)}", blocks)


def waits(gates: Sequence[Mapping[str, Any]], links: Mapping[Any, str], reader: Reader) -> list[Block]:
    """The gates that ask a reader now, with their links; nothing where none does."""
    if not gates:
        return []
    told = tuple(
        f"• {line(row['question'], 200)} (until {moment(row['due_at'], reader.zone)})" for row in gates[:_MOST]
    )
    shown = [Link(f"Answer: {line(row['question'], 80)}", links[row["id"]], _OPEN) for row in gates[:_MOST]]
    return [Part(f"Waiting for you ({len(gates)})", told, more=max(0, len(gates) - _MOST)), *shown]


def was_it_you(letter: GateLetter, reasons: Sequence[str]) -> Page:
    """To the real person, with a link only: whoever wrote in their name may read their mail as well."""
    why = "; ".join(line(one, 200) for one in reasons[:6]) or "it could not be proven to come from you"
    said = f"A letter in your name answered this gate. Nothing was recorded, since {why}."
    blocks: list[Block] = [
        Say(said, "Was that you?", "bad"),
        Say(
            "If it was, answer on the gate's page or reply from your own address. If it was not, tell an owner; you need do nothing else."
        ),
        *_look(letter.reader),
    ]
    return _page(letter, "A letter in your name could not be proven to be yours; nothing was recorded.", blocks)


def note(title: str, text: str, *, link: Link | None = None, chart: Chart | None = None) -> Page:
    """Plain words: said as they were written when it happened."""
    found, more = lines(text, 60)
    blocks: list[Block] = [Say(one) for one in found if one]
    blocks += [chart] if chart else []
    blocks += [Small(f"{more} more lines stand in the journal.")] if more else []
    return Page(
        "Outcome Runtime",
        line(title, 200),
        line(found[0] if found else title, 140),
        (*blocks, *([link] if link else [])),
        FOOTER,
    )


@dataclass(frozen=True, slots=True)
class Astray:
    """What somebody wrote to no gate, and what is said to it; `nothing` where they seem to have decided something."""

    question: str
    text: str
    nothing: bool = False


def astray(title: str, said: Astray, waiting: Sequence[Block], chart: Chart | None) -> Page:
    """An answer outside of any gate, and the gates that do wait for its reader."""
    found, more = lines(said.text, 40)
    blocks: list[Block] = [*_asked(said.question, "You wrote")]
    blocks += (
        [Say(found[0], "Nothing was decided." if said.nothing else "", "wait" if said.nothing else "plain")]
        if found
        else []
    )
    blocks += [Say(one) for one in found[1:] if one]
    blocks += [Small(f"{more} more lines are left out.")] if more else []
    blocks += [chart] if chart else []
    blocks += waiting or ([Say("No gate waits for you now.")] if said.nothing else [])
    return Page("Outcome Runtime", line(title, 200), line(found[0] if found else title, 140), tuple(blocks), _WROTE)


def bounced(address: str, why: str) -> Page:
    """To an owner, when an address takes no letters."""
    text = f"{line(address, 120)} refuses our letters: {line(why, 300)}. Its gates go on to the next person; correct the address in outcome.yaml, or have them answer in Slack."
    return note(f"Letters to {line(address, 120)} do not arrive", text)


def result(
    row: Mapping[str, Any], outcome: Mapping[str, Any], unit: str, chart: Chart | None, *, early: str = ""
) -> Page:
    """How an experiment stands, or how it ended. `early` says what is missing before anything may be called better or worse."""
    found: Mapping[str, Any] = row["current_result"] or {}
    final: Mapping[str, Any] = row["final_result"] or {}
    blocks: list[Block] = [_state(row, final, early or str(found.get("headline") or ""))]
    if chart and not early:
        blocks.append(chart)
    if found:
        blocks.append(Facts(tuple(_numbers(found, unit, judged=not early))))
        ahead = () if early else tuple(f"{name}: {line(text, 300)}" for name, text in outlook.ahead(found, unit))
        blocks += [Part("What lies ahead", ahead)] if ahead and not final else []
    if str(final.get("note") or "") not in _UNTOLD:
        blocks.append(Quote(lines(final["note"], 8)[0], "In their words"))
    about = f"{row['rollout_percent']} % of users · flag {line(row['feature_flag_key'] or 'none', 100)}"
    first = blocks[0]
    said = f"{first.strong} {first.text}" if isinstance(first, Say) else ""
    kick = f"Experiment · {line(outcome['title'], 120)}"
    return Page(kick, line(row["title"], 200), line(said, 140), (*blocks, Small(about)), FOOTER)


def _state(row: Mapping[str, Any], final: Mapping[str, Any], said: str) -> Say:
    if final.get("violated"):
        reason = line(final["violated"], 800).rstrip(".")
        return Say(f"{reason}. Its flag is off for everybody.", "Killed by a hard constraint.", "bad")
    if row["status"] in {"shipped", "killed"} and final:
        tone: Tone = "good" if row["status"] == "shipped" else "bad"
        return Say(
            f"Decided by {line(final.get('decided_by') or 'nobody', 120)}.", f"{row['status'].capitalize()}.", tone
        )
    if row["status"] == "paused":
        return Say(f"Its flag is off. {line(row['pause_reason'] or '', 600)}", "Paused.", "wait")
    state = STATES.get(row["status"], row["status"].replace("_", " "))
    return Say(line(said, 500), f"{state.partition(' ')[2].capitalize() or state}.")


def _numbers(found: Mapping[str, Any], unit: str, *, judged: bool) -> Iterator[tuple[str, str]]:
    if judged:
        yield "Effect", amount(found.get("delta"), unit, signed=True)
        yield (
            line(f"{found.get('confidence', '')} always-valid interval", 60),
            span(found.get("ci_lower"), found.get("ci_upper"), unit),
        )
    yield "Users", f"{_count(found.get('n_control'))} control, {_count(found.get('n_treatment'))} treatment"
    yield "Randomisation", "MISMATCH: results invalid" if found.get("srm_flagged") else "as planned"
    if guards := found.get("guardrails"):
        yield "Guardrails", line(", ".join(f"{one['name']} {one['state']}" for one in guards[:12]), 500)
    if found.get("data_through"):
        yield "Data through", line(str(found["data_through"])[:16].replace("T", " "), 20)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"


def digest(
    found: Digest, reader: Reader, links: Mapping[Any, str], stand: Standings = _NOWHERE, chart: Chart | None = None
) -> Page:
    """The day's news: how the outcomes stand, what runs, waits, was decided and learned."""
    blocks: list[Block] = [*_outcomes(stand, reader, chart)]
    for title, part in parts(found):
        told = tuple(_told(one, reader.zone) for one in part[:12])
        blocks.append(Part(f"{title} ({len(part)})", told, more=max(0, len(part) - 12)))
    open_ = [Link(f"Answer: {line(one.title, 80)}", links[one.gate]) for one in found.waiting if one.gate in links]
    since = f"Since {moment(found.since, reader.zone)}"
    said = ", ".join(f"{len(part)} {title.lower()}" for title, part in parts(found))
    footer = "You get this once a day as the owner of an outcome, when anything happened. Your mail program's unsubscribe button ends it; gates still come."
    return Page("Daily digest", said or "Nothing happened", since, (Say(f"{since}."), *blocks, *open_[:5]), footer)


def _outcomes(stand: Standings, reader: Reader, chart: Chart | None) -> Iterator[Block]:
    every = stand.outcomes
    if not every:
        return
    shown = every[:_MOST_OUTCOMES]
    told = (f"• {line(row['title'], 150)}: {standings.told(row, stand.levels.get(row['id'], ()))}" for row in shown)
    more = [f"and {len(every) - len(shown)} more"] if len(every) > len(shown) else []
    yield Part(f"Outcomes ({len(every)})", (*(line(one, 400) for one in told), *more))
    if chart:
        yield replace(chart, told=True)
    if stand.chart:
        yield Small(standings.origin(stand.chart, partial(line, limit=120), partial(moment, zone=reader.zone)))


def _told(one: Line, zone: str) -> str:
    until = f", until {moment(one.due, zone)}" if one.due else ""
    return line(f"• {one.title}{one.joint}{one.says}{until}", 400)


def _asked(words: str, who: str) -> Iterator[Block]:
    found, _ = lines(words, 10)
    if found:
        yield Quote(found, who)


def _noted(note: str) -> Iterator[Block]:
    yield from _asked(note, "Your words")


def _answering(letter: GateLetter) -> list[Block]:
    return [*([forms(letter)] if letter.view.open else []), *_look(letter.reader)]


def _look(reader: Reader) -> list[Block]:
    return [Link("Open the gate's page", reader.link, _OPEN)] if reader.link else []


def _page(letter: GateLetter, preheader: str, blocks: Sequence[Block]) -> Page:
    return Page(
        kicker(letter.view), headline(letter.view), line(preheader, 140), (*blocks, origin(letter.view)), FOOTER
    )
