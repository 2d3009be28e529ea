"""The forms of a gate: a reason, a percentage, whom to hand it to, what to ask; and all details to look at. PURE."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.slack import fields, kit
from bot.slack.kit import Block
from bot.slack.values import Form
from bot.slack.view import GateView
from bot.slack.words import bold, fit, pieces

NOTE, PERCENT, PERSON, QUESTION = "note", "percent", "person", "question"


LIFT = "lift"
_PIECE = 2600
_MOST_PIECES = 10
_VIEW = 200_000
"""A view has at most 250,000 bytes, its other parts among them."""


def needs_percent(option: Mapping[str, Any]) -> bool:
    return bool(option.get("needs_percent")) and option.get("percent") is None


def needs_form(option: Mapping[str, Any]) -> bool:
    return bool(option.get("needs_reason")) or needs_percent(option)


def answer(view: GateView, option: Mapping[str, Any], form: Form, *, override: str = "", cap: str = "") -> Block:
    """`override` says in whose place the person decides, `cap` which cap would end; then a reason is required and is recorded."""
    blocks = [kit.section(f"{bold(view.headline, 300)}\nYour answer: *{fit(option['label'], 80)}*")]
    if override:
        blocks.append(kit.section(fit(override, 600)))
    if needs_percent(option):
        title = (
            "At most how many percent of users?"
            if option["id"] == "approve_capped"
            else "To how many percent of users?"
        )
        blocks.append(kit.number_input(PERCENT, title, low=1, high=100, hint="A whole number from 1 to 100."))
    if cap:
        blocks.append(kit.section(fit(f"A condition is in force: {cap}.", 600)))
        blocks.append(
            fields.field(
                LIFT,
                "To go beyond it",
                fields.ticks(LIFT, {"lift": "Lift the cap; the reason below is recorded"}, ticked=False),
            )
        )
    required = bool(option.get("needs_reason") or override)
    title = "Why?" if required else "Note"
    blocks.append(kit.text_input(NOTE, title, hint="Kept with the decision; everybody sees it.", required=required))
    return kit.modal(option["label"], blocks, submit=option["label"], callback_id="gate-answer", metadata=form.dump())


def delegation(view: GateView, form: Form) -> Block:
    blocks = [
        kit.section(f"{bold(view.headline, 300)}\nTheir clock starts anew; you keep the right to answer."),
        kit.person_input(PERSON, "Who shall decide?", hint="Somebody of this organisation, known by e-mail address."),
    ]
    return kit.modal("Delegate", blocks, submit="Delegate", callback_id="gate-delegate", metadata=form.dump())


def question(view: GateView, form: Form) -> Block:
    blocks = [
        kit.section(
            f"{bold(view.headline, 300)}\nYour question goes into the gate's thread, with what was learned before about it."
        ),
        kit.text_input(QUESTION, "What do you want to know?", required=True),
    ]
    return kit.modal("Ask about this", blocks, submit="Ask", callback_id="gate-ask", metadata=form.dump())


def details(view: GateView) -> Block:
    """Everything of the package, in full; what is more than a form holds is in the evidence's file."""
    return kit.modal("Details", list(_fitting([kit.section(bold(view.headline, 300)), *_parts(view)])))


def _fitting(blocks: Sequence[Block]) -> Iterator[Block]:
    room = _VIEW
    for number, block in enumerate(blocks, 1):
        room -= len(json.dumps(block))
        if room < 0 or number == kit.MOST_VIEW_BLOCKS:
            yield kit.context("There is more; *Evidence as file* in the message's menu (⋯) has all of it.")
            return
        yield block


def _parts(view: GateView) -> Iterator[Block]:
    package = view.package
    for name, value in package.get("facts", []):
        yield from _in_full(f"{bold(name)}  ", str(value))
    for part in package.get("sections", [])[:40]:
        text = str(part.get("text") or "–")  # noqa: RUF001  a dash is meant
        yield from _in_full(f"{bold(part.get('title') or 'Text')}\n", text, as_code=part.get("style") == "code")
    for item in package.get("experiments", [])[:20]:
        flag = f"{bold(item['title'])}  flag `{fit(item.get('flag') or 'none', 100)}`\n"
        yield from _in_full(flag, str(item.get("hypothesis") or ""))
    origin = "\n".join(
        f"{key}: {value}" for key, value in (package.get("provenance") or {}).items() if value is not None
    )
    yield kit.context(f"gate `{view.id}`", f"evidence `{fit(view.evidence, 80)}`", fit(origin, 1000))


def _in_full(before: str, text: str, *, as_code: bool = False) -> Iterator[Block]:
    """In as many sections as it takes."""
    for number, piece in enumerate(pieces(text.replace("```", "'''") if as_code else text, _PIECE, most=_MOST_PIECES)):
        yield kit.section((before if number == 0 else "") + (f"```\n{piece}\n```" if as_code else piece))


def said(title: str, text: str) -> Block:
    """A form that became an answer: what happened instead."""
    return kit.modal(title, [kit.section(fit(text, kit.SECTION))])


def values(view: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, by block: text, number or person."""
    found: Mapping[str, Mapping[str, Mapping[str, Any]]] = (view.get("state") or {}).get("values") or {}
    return {
        block: element.get("value") or element.get("selected_user") or element.get("selected_date") or _picked(element)
        for block, elements in found.items()
        for element in elements.values()
    }


def _picked(element: Mapping[str, Any]) -> Any:
    """The chosen value of a menu, or the ticked ones of boxes."""
    if element.get("selected_options"):
        return [option["value"] for option in element["selected_options"]]
    return (element.get("selected_option") or {}).get("value")


def wrong(block: str, message: str) -> dict[str, str]:
    """Slack shows an error under its field."""
    return {block: message[:200]}


def selected(body: Mapping[str, Any]) -> list[str] | None:
    """The ticked experiments of a portfolio message; None when the message has no boxes."""
    found: Mapping[str, Mapping[str, Mapping[str, Any]]] = (body.get("state") or {}).get("values") or {}
    boxes = [
        element for block, elements in found.items() if block.startswith("gate-pick") for element in elements.values()
    ]
    if not boxes:
        return None
    return [option["value"] for element in boxes for option in element.get("selected_options") or []]
