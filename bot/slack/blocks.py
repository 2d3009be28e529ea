"""Messages about gates: what is asked, of whom, until when, on what evidence, and what became of it. PURE."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.slack import kit
from bot.slack.kit import Block, Blocks
from bot.slack.values import Pressed, Wanted
from bot.slack.view import GateView, Picture, Waiting, Who
from bot.slack.words import bold, code, fit, hours, leave, moment
from runtime.gates.language import understood
from runtime.gates.wording import amount, sure

KINDS = {
    "portfolio_review": "Gate 1 · portfolio",
    "launch_approval": "Gate 2 · launch",
    "analysis_review": "Gate 3 · analysis",
    "scale_approval": "Gate 4 · scale",
    "ship_approval": "Gate 5 · ship",
    "change_review": "Change of a running outcome",
    "resume_review": "Paused experiment",
    "agent_question": "Question of an agent",
}
VIA = {
    "slack": "Slack",
    "mail": "e-mail",
    "page": "the gate's page",
    "rest": "the API",
    "cli": "the command line",
    "sandbox": "the sandbox workspace",
}
SIGNS = {"approved": "✅", "approved_with_conditions": "✅", "rejected": "⛔", "timed_out": "⏳"}
_MOST_SECTIONS = 12
_MOST_LEARNINGS = 5
_MOST_BUTTONS = 6
_HASH = 12


def gate_message(view: GateView) -> tuple[str, Blocks]:
    """The fallback text and the blocks; a decided gate keeps everything but its buttons."""
    blocks = [_headline(view), *_standing(view), *_evidence(view)]
    if view.open:
        rows = [kit.actions("gate-answer", list(_buttons(view))), kit.actions("gate-beside", list(beside(view)))]
        # While an answer waits to be carried out, no other one is taken.
        blocks = [*blocks, *_boxes(view), *rows, kit.context(_way(view))] if view.held is None else [*blocks, rows[1]]
    elif view.ran_out and view.note != "reopened":
        again = kit.button("Ask again", "gate-reopen", Wanted(g=view.id, do="reopen").dump())
        blocks.append(kit.actions("gate-closed", [again]))
    return _fallback(view), blocks


def _headline(view: GateView) -> Block:
    """A header has 150 characters, an agent's question may have 2,000."""
    short = len(view.headline) <= kit.HEADER
    return kit.header(view.headline) if short else kit.section(bold(view.headline, kit.SECTION - 2))


def _fallback(view: GateView) -> str:
    if view.open:
        return fit(f"{view.headline} {view.asked.named} is asked to decide.", kit.MESSAGE)
    return fit(f"{view.headline} {_verdict_words(view)}", kit.MESSAGE)


def _verdict_words(view: GateView) -> str:
    if view.decided_by is None:
        return f"Closed without a decision: {view.note or 'time ran out'}."
    return f"{view.label(view.choice)}, decided by {view.decided_by.named}."


def _standing(view: GateView) -> Iterator[Block]:
    """Who is asked and until when, or who decided what, when and how."""
    if view.open:
        yield kit.section(_asked(view))
        if view.held is not None:
            yield kit.section(waiting(view.held))
        if agreed := _agreed(view):
            yield kit.section(agreed)
    else:
        yield kit.section(_verdict(view))
    yield kit.context(_about(view))


def _asked(view: GateView) -> str:
    instead = f", in place of {fit(view.stepped_in_for, 100)}" if view.stepped_in_for else ""
    return f"*Asked:* {view.asked.shown}{instead}\n*Answer by* {moment(view.due_at)} (within {_span(view)}); silence approves nothing.{_snoozed(view)}"


def waiting(held: Waiting) -> str:
    via = "on the gate's page" if held.via == "page" else f"by {fit(VIA.get(held.via, held.via), 40)}"
    return f"⏱ {held.who.shown} answered {bold(held.choice, 80)} {via}, {moment(held.at)}; it takes effect {moment(held.until)} unless taken back."


def _span(view: GateView) -> str:
    return f"{view.sla_hours:g} business hours" if view.business else hours(view.sla_hours)


def _snoozed(view: GateView) -> str:
    """Nobody who reads it shall think the deadline had moved."""
    if view.snoozed_until is None:
        return ""
    return f"\nSnoozed until {moment(view.snoozed_until)} by {view.snoozed_by.shown if view.snoozed_by else 'nobody'}: no reminders until then, the deadline stays."


def _agreed(view: GateView) -> str:
    """How far two people have come towards agreeing."""
    if view.quorum < 2:  # noqa: PLR2004  two pairs of eyes
        return ""
    if view.first is None or not view.first.counts:
        return "*Two people must agree.* The first approval waits for a second person; one rejection is enough."
    said = f"{fit(view.label(view.first.choice), 80)}{f' ({fit(view.first.words, 400)})' if view.first.words else ''}"
    return f"*1 of 2:* {view.first.who.shown} approved: {said}; one more person must confirm. One rejection is enough."


def _eyes(view: GateView) -> str:
    if view.waived and view.waived_by is not None:
        return f"\n*Four eyes waived:* {view.waived_by.shown}: {fit(view.waived, 600)}"
    both = view.first is not None and view.first.counts and view.status.startswith("approved")
    return f"\n*2 of 2:* first {view.first.who.shown}" if both and view.first is not None else ""


def _verdict(view: GateView) -> str:
    sign = SIGNS.get(view.status, "")
    at = f", {moment(view.decided_at)}" if view.decided_at else ""
    if view.decided_by is None:
        return f"{sign} *Closed without a decision*{at}. Nothing was approved.{_quoted(view.note)}"
    via = VIA.get(view.decided_via, view.decided_via)
    who = f"{view.decided_by.shown} decided via {fit(via, 40)}{at}"
    return f"{sign} {bold(view.label(view.choice), 80)}: {who}.{_eyes(view)}{_conditions(view)}{_selected(view)}{_quoted(view.note)}"


def _conditions(view: GateView) -> str:
    return (
        f"\n*Condition{'s' if len(view.conditions) > 1 else ''}:* {fit('; '.join(view.conditions), 1200)}"
        if view.conditions
        else ""
    )


def _selected(view: GateView) -> str:
    if view.selection is None:
        return ""
    titles = {item["id"]: item["title"] for item in view.package.get("experiments", [])}
    chosen = ", ".join(str(titles.get(item, item)) for item in view.selection)
    return f"\n*Selected:* {fit(chosen, 800)}" if chosen else ""


def _quoted(note: str) -> str:
    if not note or note == "reopened":
        return "\nIt was asked again in a new message." if note else ""
    return "\n" + "\n".join(f"> {line}" for line in fit(note, 1200, whole=f"Note\n\n{note}").splitlines())


def _about(view: GateView) -> str:
    outcome = view.package.get("outcome") or {}
    parts = [KINDS.get(view.gate_type, view.gate_type), fit(outcome.get("title") or "", 200)]
    if outcome.get("metric"):
        unit = str(outcome.get("unit") or "")
        parts.append(
            fit(f"{outcome['metric']} {amount(outcome.get('from'), unit)} → {amount(outcome.get('to'), unit)}", 200)
        )
    return "  ·  ".join(part for part in parts if part)


def _evidence(view: GateView) -> Iterator[Block]:
    """Picture, facts, advice, texts, what was learned before, and where all this comes from."""
    package = view.package
    yield from picture_blocks(view.picture)
    if package.get("facts"):
        yield kit.fields(
            f"{bold(name)}\n{fit(value, 1500, whole=f'{name}: {value}')}"
            for name, value in package["facts"][: kit.FIELDS]
        )
        _leave(f"{name}: {value}" for name, value in package["facts"][kit.FIELDS :])
    if view.open and (advice := package.get("recommendation")):
        yield kit.section(f"*Recommended:* {fit(view.label(advice['choice']), 80)} — {fit(advice['why'], 1500)}")
    sections = package.get("sections", [])
    yield from (_text(part) for part in sections[:_MOST_SECTIONS])
    _leave(map(_whole, sections[_MOST_SECTIONS:]))
    if package.get("learnings"):
        yield kit.context("*Learned before*", *(_learned(item) for item in package["learnings"][:_MOST_LEARNINGS]))
        _leave(str(item.get("finding", "")) for item in package["learnings"][_MOST_LEARNINGS:])
    yield kit.context(_origin(view))


def picture_blocks(picture: Picture | None) -> Iterator[Block]:
    if picture is None:
        return
    if picture.file_id:
        yield kit.image(picture.file_id, picture.alt)
    else:
        line = f"`{fit(picture.sparkline, 200)}`\n" if picture.sparkline else ""
        yield kit.section(f"{line}{fit(picture.alt, 1900)}")


def _text(part: Mapping[str, Any]) -> Block:
    title, text = bold(part.get("title") or ""), str(part.get("text") or "–")  # noqa: RUF001  a dash is meant
    write = code if part.get("style") == "code" else fit
    return kit.section(f"{title}\n{write(text, kit.SECTION - len(title) - 10, whole=_whole(part))}".strip())


def _whole(part: Mapping[str, Any]) -> str:
    return f"{part.get('title') or ''}\n\n{part.get('text') or ''}".strip()


def _leave(texts: Iterable[str]) -> None:
    for text in texts:
        leave(text)


def _learned(item: Mapping[str, Any]) -> str:
    said = f"{item.get('finding', '')}{sure(item.get('confidence'))}"
    return fit(f"• {said}", 600, whole=f"Learned before\n\n{said}")


def _origin(view: GateView) -> str:
    origin = view.package.get("provenance") or {}
    parts = [f"Source: {fit(origin['source'], 100)}"] if origin.get("source") else []
    parts += ["*simulated data*"] if origin.get("simulated") else []
    parts += [f"data through {_through(origin['data_through'])}"] if origin.get("data_through") else []
    parts += [f"snapshot `{fit(str(origin['snapshot_id'])[:_HASH], 20)}`"] if origin.get("snapshot_id") else []
    return "  ·  ".join([*parts, f"evidence `{fit(view.evidence[:_HASH], 20)}`"])


def _through(value: object) -> str:
    """A data cut-off; data time runs by its own calendar, so it is shown as it is and not in the reader's zone."""
    try:
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return fit(value, 40)


def _boxes(view: GateView) -> Iterator[Block]:
    """The experiments of a portfolio, all ticked; ten fit into one element."""
    listed = view.package.get("experiments", []) if view.gate_type == "portfolio_review" else []
    if listed:
        yield kit.section("*Approve which?* Untick what shall not be built.")
    for start in range(0, len(listed), kit.BOXES):
        part = [
            kit.box(item["title"], f"expected {item.get('expected', '')}", str(item["id"]))
            for item in listed[start : start + kit.BOXES]
        ]
        yield kit.actions(f"gate-pick-{start}", [kit.checkboxes(f"gate-pick:{start}", part)])


def answers(view: GateView) -> list[Mapping[str, Any]]:
    """The options that have a button now: none while an answer waits to be carried out."""
    again = view.first is not None and view.first.counts
    drawn = [option for option in view.options if option.get("drawn", True) and (option["id"] != "confirm" or again)]
    return drawn[:_MOST_BUTTONS] if view.open and view.held is None else []


def _buttons(view: GateView) -> Iterator[Block]:
    for option in answers(view):
        pressed = Pressed(g=view.id, c=option["id"], e=view.evidence[:16]).dump()
        yield kit.button(
            option["label"], f"gate:{option['id']}", pressed, style=option["style"], confirm=_confirm(option)
        )


def beside(view: GateView, *, at: str = "gate") -> Iterator[Block]:
    """What is not an answer yet: conditions, edits, handing over, questions; the rest is in the menu, where there is less room (`at` Home) more."""
    edit = {"Edit…": "edit"} if view.gate_type == "portfolio_review" and view.package.get("experiments") else {}
    shown = {"Approve with conditions…": "terms"} if any(option.get("terms") for option in view.options) else {}
    shown |= edit if at == "gate" else {}
    shown |= {"Delegate…": "delegate"}
    # While an answer waits to be carried out, none of these would be taken.
    shown = ({} if view.held else shown) | {"Ask…": "ask"}
    for text, do in shown.items():
        yield kit.button(text, f"{at}-do:{do}", _wanted(view, do))
    more = {"Snooze…": "snooze", "Details": "details", "Evidence as file": "file"}
    more = more if at == "gate" else edit | more
    yield kit.overflow(f"{at}-more", {text: _wanted(view, do) for text, do in more.items()})


def _wanted(view: GateView, do: str) -> str:
    return Wanted(g=view.id, do=do, e=view.evidence[:16]).dump()


def _confirm(option: Mapping[str, Any]) -> Block | None:
    if not option.get("confirm"):
        return None
    label = str(option["label"])
    return kit.confirm(f"{label}?", fit(option["confirm"], 290), label, danger=option["style"] == "danger")


def _way(view: GateView) -> str:
    return f"Or answer in this message's thread; I read {fit(understood(view.options), 300)}."


def reminder(view: GateView, *, escalated_from: Who | None) -> str:
    """The short reply in the gate's thread that calls the person who is asked now."""
    if not view.open:
        return "⏳ This gate was closed without a decision; nothing was approved. “Ask again” on the message above opens it anew."
    if escalated_from is not None:
        return f"{view.asked.shown}, this gate has come to you, since {escalated_from.shown} did not answer. Please decide by {moment(view.due_at)}."
    return f"{view.asked.shown}, this gate still waits for you. Please decide by {moment(view.due_at)}."
