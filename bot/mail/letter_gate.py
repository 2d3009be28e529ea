"""Letters about a gate: the question with its evidence and the ways to answer, and what became of it. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    Ways,
    code_lines,
    left,
    line,
    lines,
    moment,
)  # fmt: skip
from bot.mail.letter_ways import ways
from bot.slack.blocks import KINDS, VIA
from bot.slack.view import GateView
from runtime.gates.wording import amount, sure

DOORS = {**VIA, "page": "the gate's page"}
FOOTER = (
    "You get this letter because a decision is yours or was. Only a reply from your own address counts, and every decision "
    "is confirmed to you by letter. Outcome Runtime never decides by itself and never takes a decision from a link."
)
_HINT = "Shows the gate and its chart; opening it decides nothing."
_SIGNS: Mapping[str, Tone] = {
    "approved": "good", "approved_with_conditions": "good", "rejected": "bad", "timed_out": "wait",
}  # fmt: skip
CHANGED = "The evidence has changed since your last letter; an answer to that one is not recorded any more."
_MOST_PARTS = 8
_MOST_LINES = 8
_MOST_CODE = 14
_MOST_LEARNED = 4
_HASH = 12


@dataclass(frozen=True, slots=True)
class GateLetter:
    """What a letter about a gate is drawn from. `chain` are those asked next; `before` is who was asked until now."""

    view: GateView
    reader: Reader
    now: datetime
    chain: Sequence[str] = ()
    chart: Chart | None = None
    before: str = ""
    why: str = ""
    """A sentence that comes first: why this letter comes again."""
    cap: str = ""
    """The condition that holds the experiment to a share of users, in words."""


def asked(letter: GateLetter) -> Page:
    """The gate's own letter."""
    view, reader = letter.view, letter.reader
    due = moment(view.due_at, reader.zone)
    mine = _same(view.asked.email, reader.email)
    who = "You are asked" if mine else f"{line(view.asked.named)} is asked"
    preheader = (
        f"{who} to answer by {due}. Reply APPROVE, REJECT or a question."
        if _plain(view)
        else f"{who} to answer by {due}."
    )
    blocks = [
        *_asked(letter),
        *_evidence(letter),
        *_answering(letter),
        *_details(letter),
        *_others(letter),
        origin(view),
    ]
    return Page(kicker(view), headline(view), line(preheader, 140), tuple(blocks), FOOTER)


def reminder(letter: GateLetter) -> Page:
    """Short: the question stands below in the thread, and the ways to answer are said again."""
    view, reader = letter.view, letter.reader
    due, time = moment(view.due_at, reader.zone), left(view.due_at, letter.now)
    say = Say(f"Please answer by {due}, in {time}. Silence approves nothing.", "This gate still waits for you.", "wait")
    blocks = [say, *_facts(view), *_answering(letter), *_others(letter), origin(view)]
    return Page(kicker(view), headline(view), f"Still waits for you: {time} left.", tuple(blocks), FOOTER)


def moved(letter: GateLetter) -> Page:
    """To those who were asked before: it is somebody else's turn, and they keep the right to answer."""
    view, reader = letter.view, letter.reader
    to = reader.called(view.asked.email)
    say = Say(
        f"{to} is asked now, until {moment(view.due_at, reader.zone)}. You can still answer, by replying to this letter.",
        "It has gone on.", "wait",
    )  # fmt: skip
    return Page(
        kicker(view), headline(view), line(f"{to} is asked now.", 140), (say, *_answering(letter), origin(view)), FOOTER
    )


def first_of_two(letter: GateLetter) -> Page:
    """Two must agree and one has: whoever may confirm is asked to."""
    view = letter.view
    blocks = [*_asked(letter), *_evidence(letter), *_answering(letter), origin(view)]
    return Page(
        kicker(view), headline(view), "One of two has approved; one more person must confirm.", tuple(blocks), FOOTER
    )


def closed(letter: GateLetter) -> Page:
    """Who decided what, when and on what evidence."""
    view = letter.view
    said = verdict(letter)
    blocks: list[Block] = [Say(said, tone=_SIGNS.get(view.status, "plain")), *outcome_of(letter)]
    blocks += [Link("See the gate", letter.reader.link, _HINT)] if letter.reader.link else []
    return Page(kicker(view), headline(view), line(said, 140), (*blocks, origin(view)), FOOTER)


def verdict(letter: GateLetter) -> str:
    """One sentence: `Approve launch: Ana (ana@…) decided by e-mail on …`."""
    view, reader = letter.view, letter.reader
    at = f" on {moment(view.decided_at, reader.zone)}" if view.decided_at else ""
    if view.decided_by is None:
        return f"Closed without a decision{at}. Nothing was approved."
    who = "you" if _same(view.decided_by.email, reader.email) else reader.called(view.decided_by.email)
    via = DOORS.get(view.decided_via, view.decided_via)
    return f"{line(view.label(view.choice), 80)}: decided by {who} via {line(via, 40)}{at}."


def outcome_of(letter: GateLetter) -> Iterator[Block]:
    """What an answer was given with, and its reason in its author's words."""
    view = letter.view
    rows = [("Conditions", line("; ".join(view.conditions), 800))] if view.conditions else []
    if view.selection is not None:
        titles = {item["id"]: item["title"] for item in view.package.get("experiments", [])}
        rows += [("Selected", line(", ".join(str(titles.get(one, one)) for one in view.selection), 600) or "none")]
    if view.first is not None and view.first.counts and view.status.startswith("approved"):
        rows += [("Two agreed", f"first {letter.reader.called(view.first.who.email)}")]
    if view.waived and view.waived_by is not None:
        rows += [("Four eyes waived", f"{letter.reader.called(view.waived_by.email)}: {line(view.waived, 400)}")]
    rows += [("Evidence", view.evidence[:_HASH])]
    yield Facts(tuple(rows))
    if view.note and view.note != "reopened":
        found, _ = lines(view.note, 12)
        yield Quote(found, "In their words" if view.decided_by else "Why")
    elif view.note:
        yield Say("It was asked again, in a new letter.")


def kicker(view: GateView) -> str:
    outcome = view.package.get("outcome") or {}
    return " · ".join(
        part for part in (KINDS.get(view.gate_type, view.gate_type), line(outcome.get("title") or "", 120)) if part
    )


def headline(view: GateView) -> str:
    return line(view.headline, 200)


def origin(view: GateView) -> Small:
    """Where the numbers come from, and what an answer is bound to."""
    found = view.package.get("provenance") or {}
    parts = [f"Source: {line(found['source'], 100)}"] if found.get("source") else []
    parts += ["SIMULATED DATA"] if found.get("simulated") else []
    parts += (
        [f"data through {line(str(found['data_through'])[:16].replace('T', ' '), 20)}"]
        if found.get("data_through")
        else []
    )
    parts += [f"snapshot {line(str(found['snapshot_id'])[:_HASH], 20)}"] if found.get("snapshot_id") else []
    return Small(" · ".join([*parts, f"evidence {line(view.evidence[:_HASH], 20)}"]))


def _asked(letter: GateLetter) -> Iterator[Block]:
    view, reader = letter.view, letter.reader
    if letter.why:
        yield Say(letter.why, tone="wait")
    mine = _same(view.asked.email, reader.email)
    who = "You are asked to decide" if mine else f"{reader.called(view.asked.email)} is asked to decide"
    instead = f" in place of {reader.called(letter.before)}, who did not answer" if letter.before else ""
    until = f"Answer by {moment(view.due_at, reader.zone)}, in {left(view.due_at, letter.now)}."
    yield Say(f"{until} Silence approves nothing.", f"{who}{instead}.", "wait" if letter.before else "plain")
    if view.snoozed_until is not None:
        yield Say(
            f"Snoozed until {moment(view.snoozed_until, reader.zone)} by {reader.called(view.snoozed_by.email) if view.snoozed_by else 'nobody'}; the deadline stays."
        )
    yield from _eyes(letter)


def _eyes(letter: GateLetter) -> Iterator[Block]:
    view = letter.view
    if view.quorum < 2:  # noqa: PLR2004  two pairs of eyes
        return
    if view.first is None or not view.first.counts:
        yield Say("The first approval waits for a second person; one rejection is enough.", "Two people must agree.")
        return
    with_ = f" ({line(view.first.words, 300)})" if view.first.words else ""
    said = f"{letter.reader.called(view.first.who.email)} said {line(view.label(view.first.choice), 80)}{with_}."
    yield Say(f"{said} One more person must confirm; one rejection is enough.", "1 of 2:", "good")


def _evidence(letter: GateLetter) -> Iterator[Block]:
    """What a decision needs at one glance: picture, numbers, advice, and what the data say."""
    view = letter.view
    if letter.chart is not None:
        yield letter.chart
    yield from _facts(view)
    if advice := view.package.get("recommendation"):
        yield Say(f"{line(view.label(advice['choice']), 80)}: {line(advice['why'], 800)}", "Recommended:", "good")
    yield from (_part(part) for part in view.package.get("sections", [])[: _above(view)])


def _above(view: GateView) -> int:
    """How many sections stand before the ways to answer: all the experiments of a portfolio, else the first."""
    return min(len(view.package.get("experiments", [])) or 1, _MOST_PARTS)


def _facts(view: GateView) -> Iterator[Block]:
    rows = [(line(name, 60), line(value, 500)) for name, value in view.package.get("facts", [])]
    outcome = view.package.get("outcome") or {}
    if outcome.get("metric"):
        unit = str(outcome.get("unit") or "")
        goal = f"{outcome['metric']} {amount(outcome.get('from'), unit)} → {amount(outcome.get('to'), unit)}"
        rows += [("Outcome", line(goal, 200))] if not any(name == "Target" for name, _ in rows) else []
    if rows:
        yield Facts(tuple(rows))


def _part(part: Mapping[str, Any]) -> Part:
    code = part.get("style") == "code"
    shown, more = code_lines(part.get("text") or "", _MOST_CODE) if code else lines(part.get("text") or "", _MOST_LINES)
    return Part(line(part.get("title") or "", 150), shown or ("-",), code, more)


def _answering(letter: GateLetter) -> Iterator[Block]:
    yield forms(letter)
    yield Say("Or reply with a question: it is answered from the stored data, with a chart.")
    if letter.reader.link:
        yield Link("Open the gate's page", letter.reader.link, _HINT)


def forms(letter: GateLetter) -> Ways:
    """The ways to answer that this gate offers now."""
    view = letter.view
    waiting = view.first is not None and view.first.counts
    return ways(view.options, confirming=waiting, many=len(view.package.get("experiments", [])) > 1, cap=letter.cap)


def _details(letter: GateLetter) -> Iterator[Block]:
    package = letter.view.package
    rest = package.get("sections", [])[_above(letter.view) :]
    yield from (_part(part) for part in rest[:_MOST_PARTS])
    if found := package.get("learnings", [])[:_MOST_LEARNED]:
        more = len(package["learnings"]) - len(found)
        yield Part("Learned before", tuple(_learned(item) for item in found), more=more)


def _learned(item: Mapping[str, Any]) -> str:
    return line(f"• {item.get('finding', '')}{sure(item.get('confidence'))}", 400)


def _others(letter: GateLetter) -> Iterator[Block]:
    """Who else can decide, and who comes next."""
    reader = letter.reader
    after = ", then ".join(reader.called(one) for one in letter.chain[:4])
    nobody = "Nobody is asked after you; without an answer it closes and nothing is approved."
    following = f"Without an answer in time it goes to {after}." if after else nobody
    owners = "Owners and admins can decide as well, if they give a reason."
    yield Say(f"{following} {owners}", "Who else can decide:")


def _plain(view: GateView) -> bool:
    return {"approve", "reject"} <= {option["id"] for option in view.options}


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
