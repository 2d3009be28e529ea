"""The Home tab as blocks: what waits for a person, how their outcomes stand, what was decided and learned lately. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from bot import standings
from bot.slack import blocks, kit, listings
from bot.slack.blocks import KINDS, picture_blocks
from bot.slack.kit import Block
from bot.slack.values import Pressed
from bot.slack.view import GateView, Picture, Who, gate_view, person
from bot.slack.words import bold, fit, hours, lines, moment
from charts.words import spark
from runtime.db.engine import Row
from runtime.gates import pictures
from runtime.gates.rows import seat
from runtime.identity.people import Member
from runtime.lifecycle import EXPERIMENT
from runtime.lifecycle.experiment import LIVE

MOST_GATES = 12
MOST_PICTURES = 3
"""Of the most urgent gates; the others are a press away."""
MOST_OUTCOMES = 8
MOST_RUNS = 24
"""Over all outcomes together, so that the page stays under Slack's hundred blocks whatever there is."""
_BAR = 10

FIRST_STEPS = (
    "*First steps*\n"
    "1. Name an outcome: press *New outcome*, or `/outcome import` takes an outcome.yaml.\n"
    "2. `/outcome connect` shows which sources of numbers, flags and agents are connected, and what is missing.\n"
    "3. Experiments are proposed, and their gates come to you here and in the outcome's channel. Nothing runs before a person said yes."
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything one person's Home tab shows. `levels` are the readings of each outcome's metric, oldest first.

    `chart` is the picture of the outcomes as plain values, `picture` its file once that was drawn. `holds` are answers that were given
    and are not carried out yet, by gate.
    """

    member: Member
    gates: Sequence[Row]
    links: Mapping[UUID, str | None]
    outcomes: Sequence[Row]
    runs: Sequence[Row]
    decisions: Sequence[Row]
    learnings: Sequence[Row]
    others: Sequence[Row] = ()
    levels: Mapping[UUID, Sequence[float]] = field(default_factory=dict)
    drawn_at: datetime | None = None
    pictures: Mapping[UUID, Picture] = field(default_factory=dict)
    chart: Mapping[str, Any] | None = None
    picture: Picture | None = None
    people: Mapping[str, Who] = field(default_factory=dict)
    holds: Mapping[UUID, Row] = field(default_factory=dict)

    @property
    def steers(self) -> bool:
        """Viewers look; they get no buttons."""
        return self.member.role != "viewer"


def home_blocks(desk: Desk) -> list[Block]:
    """At most a hundred blocks, whatever there is to show."""
    found = [*_waiting(desk), *_actions(desk), *_outcomes(desk), *_decided(desk), *_learned(desk), *_foot(desk)]
    return found[: kit.MOST_VIEW_BLOCKS]


def _waiting(desk: Desk) -> Iterator[Block]:
    count = len(desk.gates)
    some = f"{count} decision{'' if count == 1 else 's'} wait{'s' if count == 1 else ''} for you"
    yield kit.header(some if count else "Nothing waits for you")
    for number, gate in enumerate(desk.gates[:MOST_GATES]):
        yield from _gate(desk, gate, number)
    if count > MOST_GATES:
        yield kit.context(f"and {count - MOST_GATES} more; `/outcome gates` lists them all")
    yield from _elsewhere(desk)


def _gate(desk: Desk, gate: Row, number: int) -> Iterator[Block]:
    link = desk.links.get(gate["id"])
    view = gate_view(gate, desk.people, None, desk.holds.get(gate["id"]))
    held = f"\n{blocks.waiting(view.held)}" if view.held else ""
    text = f"{_question(gate, link if not desk.steers else None, desk.drawn_at)}{held}"
    accessory = kit.link("Open", f"open:{number}", link) if link and desk.steers else None
    yield kit.section(text, accessory=accessory)
    yield from picture_blocks(desk.pictures.get(gate["id"]))
    if desk.steers:
        yield kit.actions(f"home-gate-{number}", [*_buttons(gate, view), *blocks.beside(view, at="home")])


def _question(gate: Row, link: str | None, now: datetime | None) -> str:
    question = fit(gate["question"], 300)
    shown = f"<{fit(link, 1000)}|{question.replace('|', '/')}>" if link else bold(gate["question"], 300)
    snoozed = f" · snoozed until {moment(gate['snoozed_until'])}" if gate.get("snoozed_until") else ""
    return f"🗳️ {KINDS.get(gate['gate_type'], fit(gate['gate_type'], 60))}\n{shown}\n⏳ Answer by {moment(gate['due_at'])}{_left(gate['due_at'], now)}{snoozed}"


def _left(due: datetime, now: datetime | None) -> str:
    """As of the drawing, which the foot of the page dates."""
    if now is None:
        return ""
    left = (due - now).total_seconds() / 3600
    if left <= 0:
        return ", *overdue*"
    return f", {hours(round(left) if left >= 3 else round(left, 1))} left"  # noqa: PLR2004  above three hours nobody counts minutes


def _buttons(gate: Row, view: GateView) -> Iterator[Block]:
    for option in blocks.answers(view):
        pressed = Pressed(g=gate["id"], c=option["id"], e=gate["evidence_hash"][:16]).dump()
        action = f"home-gate:{option['id']}"
        yield kit.button(
            option["label"], action, pressed, style=option.get("style") or "default", confirm=_sure(gate, option)
        )


def _sure(gate: Row, option: Mapping[str, Any]) -> Block | None:
    """Here the evidence is a click away and the boxes of a portfolio are missing, so both are said before an approval."""
    label = str(option["label"])
    if option.get("confirm"):
        return kit.confirm(f"{label}?", fit(option["confirm"], 290), label, danger=option.get("style") == "danger")
    if gate["gate_type"] == "portfolio_review" and option.get("gate_event") == "approve":
        text = "All experiments of the portfolio; *Open* shows the message in which some can be left out."
        return kit.confirm(f"{label}?", text, label, danger=False)
    return None


def _elsewhere(desk: Desk) -> Iterator[Block]:
    """What waits for other people: a list for those who may only look, a count for the rest."""
    count = len(desk.others)
    if not count:
        return
    if desk.steers:
        yield kit.context(
            f"{count} more wait{'s' if count == 1 else ''} for other people; `/outcome gates` lists them."
        )
        return
    yield kit.header("What waits for other people")
    shown = [
        f"{_question(gate, None, desk.drawn_at)} · {person(desk.people, seat(gate).asked).shown}"
        for gate in desk.others[:6]
    ]
    more = f"and {count - len(shown)} more; `/outcome gates` lists them all" if count > len(shown) else ""
    yield kit.section(lines([f"• {one}" for one in shown] + [more] * bool(more), kit.SECTION))


def _actions(desk: Desk) -> Iterator[Block]:
    if desk.steers:
        yield kit.actions("home-actions", [kit.button("New outcome", "home-new", "new", style="primary")])


def _outcomes(desk: Desk) -> Iterator[Block]:
    yield kit.divider()
    yield kit.header("Your outcomes")
    if not desk.outcomes:
        none = "None yet. `/outcome list` shows everybody's."
        yield kit.section(f"{none}\n\n{FIRST_STEPS}" if desk.steers else none)
    yield from picture_blocks(desk.picture)
    room = MOST_RUNS
    for row in desk.outcomes[:MOST_OUTCOMES]:
        runs = [run for run in desk.runs if run["outcome_id"] == row["id"]]
        said = _standing(row, runs, desk.levels.get(row["id"], ()), drawn=desk.picture is not None)
        yield kit.section(lines(said, kit.SECTION))
        going = [run for run in runs if run["status"] not in EXPERIMENT.final]
        shown = going[: max(0, min(room, MOST_RUNS // 4))]
        room -= len(shown)
        yield from (_run(desk, run, pictures.unit(row["primary_signal"])) for run in shown)
        if len(going) > len(shown):
            yield kit.context(
                f"and {len(going) - len(shown)} more; `/outcome experiments {fit(row['slug'], 100)}` lists them"
            )
    if len(desk.outcomes) > MOST_OUTCOMES:
        yield kit.context("and more; `/outcome list` shows them all")


def _standing(row: Row, runs: Sequence[Row], levels: Sequence[float], *, drawn: bool) -> Iterator[str]:
    """The line of block characters stands for the picture where there is none."""
    signal, target, now = row["primary_signal"], row["target"], standings.newest(row, levels)
    yield listings.outcome_line(row, runs)
    reading = f"*{fit(standings.level(row, now), 60)}*" if now is not None else "no reading yet"
    low, high = (fit(standings.level(row, standings.number(target.get(end))), 60) for end in ("from", "to"))
    yield f"{fit(signal['metric'], 200)}: {low} → {reading} → {high}"
    if (share := standings.share(row, levels)) is not None:
        yield f"`{progress_bar(share)}` {fit(standings.on_the_way(row, levels), 100)}"
    if len(levels) > 1 and not drawn:
        yield f"`{spark(levels, '', '').strip()}`"


def progress_bar(share: float) -> str:
    """Ten boxes, as many of them full as the share says; a level beyond either end fills all or none."""
    full = round(max(0.0, min(1.0, share)) * _BAR)
    return "▓" * full + "░" * (_BAR - full)


def _run(desk: Desk, run: Row, unit: str) -> Block:
    return kit.section(listings.run_line(run, unit), accessory=_hold(run) if desk.steers else None)


def _hold(run: Row) -> Block | None:
    """Pause while users may see it, which is asked first; while it is paused, the answer that lets it go on, whose form asks why."""
    value = str(run["id"])
    if run["status"] in LIVE:
        text = "Its flag goes off for everybody, and a gate asks whether to go on."
        sure = kit.confirm("Pause this experiment?", text, "Pause", danger=True)
        return kit.button("Pause", "home-pause", value, confirm=sure)
    if run["status"] == "paused":
        return kit.button("Resume", "home-resume", value)
    return None


def _decided(desk: Desk) -> Iterator[Block]:
    if desk.decisions:
        yield kit.divider()
        yield kit.header("Decided lately")
        yield kit.section(lines((listings.decision_line(gate, desk.people) for gate in desk.decisions), kit.SECTION))


def _learned(desk: Desk) -> Iterator[Block]:
    yield kit.divider()
    yield kit.header("Learned lately" if desk.learnings else "Learnings")
    if desk.learnings:
        yield kit.section(lines((f"• {fit(row['finding'], 500)}" for row in desk.learnings), kit.SECTION))
    yield {
        "type": "input", "block_id": "home-search", "dispatch_action": True, "optional": True,
        "label": kit.label("Search what was learned", 100),
        "element": {
            "type": "plain_text_input", "action_id": "home-search", "max_length": 200,
            "placeholder": kit.label("Words or a question, then Enter", 100),
        },
    }  # fmt: skip


def _foot(desk: Desk) -> Iterator[Block]:
    if desk.drawn_at is not None:
        yield kit.context(f"As of {moment(desk.drawn_at)}; drawn anew when a gate of yours changes.")


def found_blocks(question: str, findings: Sequence[str]) -> list[Block]:
    """The answer to a search: `findings` are lines escaped already."""
    title = f"*What we learned about “{fit(question, 200)}”*"
    shown = findings or ("Nothing was learned about this yet; each finished experiment adds a finding.",)
    return [kit.section(title), *(kit.section(line) for line in shown[:20])]
