"""What a gate's page shows its reader: plain values for the template, all of one moment. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.mail.letter_parts import left, line, listing, moment, zone_of
from bot.mail.page_form import TERMS, Typed
from bot.slack.blocks import KINDS, VIA
from bot.slack.view import First, GateView, Waiting, gate_view
from bot.slack.words import clean
from runtime.db.engine import Row
from runtime.gates import policy, quorum, rows
from runtime.gates.held import DOORS
from runtime.gates.wording import sure
from runtime.identity.people import Member

_MOST_TEXT = 20_000
_MOST_PAST = 40


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything read for one look at a gate."""

    gate: Row
    member: Member
    now: datetime
    hold: Row | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    past: Sequence[Row] = ()
    letters: Sequence[Row] = ()
    alt: str = ""
    sparkline: str = ""


def shown(seen: Seen) -> dict[str, Any]:
    view = gate_view(seen.gate, {}, None, seen.hold)
    outcome = view.package.get("outcome") or {}
    return {
        "kind": KINDS.get(view.gate_type, view.gate_type), "outcome": line(outcome.get("title") or ""), "headline": line(view.headline),
        "reader": seen.member.name or seen.member.email, "open": view.open, "standing": list(_standing(seen, view)),
        "held": _held(seen, view.held), "verdict": _verdict(seen, view), "note": _plain(view.note) if not view.open else "",
        "agreed": _agreed(seen, view, view.first), "facts": [(line(name), _plain(value)) for name, value in view.package.get("facts", [])],
        "advice": _advice(view), "sections": [_section(part) for part in view.package.get("sections", [])],
        "learnings": [_learned(item) for item in view.package.get("learnings", [])], "alt": line(seen.alt, 1000), "sparkline": seen.sparkline,
        "origin": _origin(view), "evidence": view.evidence[:16], "refusal": _refusal(seen, view), "reason": _override(seen),
        "options": _options(view), "kinds": _kinds(view), "experiments": _experiments(view), "lift": _lifts(view),
        "percents": any(option.get("needs_percent") for option in _options(view)), "past": list(_past(seen)),
    }  # fmt: skip


def _plain(value: object) -> str:
    return clean(str(value)[:_MOST_TEXT])


def _called(seen: Seen, email: str) -> str:
    name = seen.names.get(email.casefold(), "")
    return line(f"{name} ({email})" if name and name != email else email)


def _at(seen: Seen, at: datetime) -> str:
    return moment(at, seen.member.timezone)


def _standing(seen: Seen, view: GateView) -> Iterator[tuple[str, str]]:
    if not view.open:
        return
    seat = rows.seat(seen.gate)
    mine = seat.asked.casefold() == seen.member.email.casefold()
    yield "Asked", f"You, {line(seat.asked)}" if mine else _called(seen, seat.asked)
    yield "Answer by", f"{_at(seen, view.due_at)}: {left(view.due_at, seen.now)} left. Silence approves nothing."
    others = [email for email in (*sorted(seat.entitled), *seat.chain) if email.casefold() != seat.asked.casefold()]
    also = [_called(seen, email) for email in dict.fromkeys(others)]
    yield "Who else may decide", listing([*also, "owners and admins, with a reason"])


def _held(seen: Seen, held: Waiting | None) -> dict[str, Any] | None:
    if held is None:
        return None
    mine = held.who.email.casefold() == seen.member.email.casefold()
    text = (
        f"{'You' if mine else _called(seen, held.who.email)} answered “{line(held.choice)}” {DOORS.get(held.via, f'by {held.via}')}, {_at(seen, held.at)}. "
        f"It takes effect at {held.until.astimezone(zone_of(seen.member.timezone)):%H:%M:%S} unless it is taken back."
    )
    return {"text": text, "mine": mine}


def _verdict(seen: Seen, view: GateView) -> str:
    if view.open:
        return ""
    at = f", {_at(seen, view.decided_at)}" if view.decided_at else ""
    if view.decided_by is None:
        return f"Closed without a decision{at}. Nothing was approved."
    bound = f" Conditions: {'; '.join(line(item, 400) for item in view.conditions)}." if view.conditions else ""
    who = _called(seen, view.decided_by.email)
    return f"{line(view.label(view.choice))}: decided by {who} via {VIA.get(view.decided_via, view.decided_via)}{at}.{bound}"


def _agreed(seen: Seen, view: GateView, first: First | None) -> str:
    if view.quorum < 2 or not view.open:  # noqa: PLR2004  two pairs of eyes
        return ""
    if first is None or not first.counts:
        return "Two people must agree. The first approval waits for a second person; one rejection is enough."
    return f"1 of 2: {_called(seen, first.who.email)} approved ({line(first.words or view.label(first.choice))}); one more person must confirm."


def _advice(view: GateView) -> str:
    advice = view.package.get("recommendation") if view.open else None
    return f"{line(view.label(advice['choice']))}: {_plain(advice['why'])}" if advice else ""


def _section(part: Mapping[str, Any]) -> dict[str, Any]:
    text = _plain(part.get("text") or "")
    return {"title": line(part.get("title") or ""), "text": text, "code": part.get("style") == "code"}


def _learned(item: Mapping[str, Any]) -> str:
    return line(item.get("finding", ""), 600) + sure(item.get("confidence"))


def _origin(view: GateView) -> str:
    origin = view.package.get("provenance") or {}
    parts = [f"Source: {line(origin['source'])}"] if origin.get("source") else []
    parts += ["simulated data"] if origin.get("simulated") else []
    parts += [f"data through {line(origin['data_through'], 40)}"] if origin.get("data_through") else []
    return " · ".join([*parts, f"evidence {view.evidence[:16]}"])


def _refusal(seen: Seen, view: GateView) -> str:
    """Why this reader cannot answer here at all; whoever needs a reason is told so beside the reason's field."""
    standing = _stands(seen)
    return "" if not view.open or standing.allowed or standing.as_what == "override" else standing.refusal


def _override(seen: Seen) -> str:
    standing = _stands(seen)
    return standing.refusal if not standing.allowed and standing.as_what == "override" else ""


def _stands(seen: Seen) -> policy.Standing:
    return policy.may_decide(seen.member, rows.seat(seen.gate), confirming=quorum.first(seen.gate) is not None)


def _options(view: GateView) -> list[Mapping[str, Any]]:
    waiting = view.first is not None and view.first.counts
    return [item for item in view.options if item.get("drawn", True) and (item["id"] != "confirm" or waiting)]


def _kinds(view: GateView) -> set[str]:
    return {TERMS[kind] for option in _options(view) for kind in option.get("terms") or () if kind in TERMS}


def _lifts(view: GateView) -> bool:
    return any(option["id"] in {"ship", "scale"} for option in view.options)


def _experiments(view: GateView) -> list[dict[str, str]]:
    listed = view.package.get("experiments", []) if view.gate_type == "portfolio_review" else []
    return [{"id": str(item["id"]), "title": line(item["title"]), "expected": line(item.get("expected", ""))} for item in listed]  # fmt: skip


_EVENTS = {
    "gate.opened": "The gate was opened, {assigned_to} was asked",
    "gate.reminded": "{asked} was reminded",
    "gate.escalated": "It went on to {to}",
    "gate.delegated": "It was handed to {to}",
    "gate.snoozed": "Reminders were put off",
    "gate.evidence_changed": "The evidence changed",
    "gate.first_answer": "First of two answers: {label}",
    "gate.decision_held": "Answered “{choice}”, to take effect after a while",
    "gate.decision_undone": "The answer was taken back",
    "gate.hold_ended": "The answer by {by} did not take effect: {why}",
    "gate.decided": "Decided: {choice}",
    "gate.timed_out": "Nobody answered in time",
    "gate.withdrawn": "The question was over: {reason}",
    "gate.reopened": "It was asked again",
}


def _past(seen: Seen) -> Iterator[str]:
    """What happened at the gate and which letters its reader got, in order."""
    told = [
        (row["at"], f"{_told(row)} ({_called(seen, row['actor'])})") for row in seen.past if row["event"] in _EVENTS
    ]
    told += [(row["sent_at"] or row["created_at"], f"Letter to you: {line(row['title'])}") for row in seen.letters]
    for at, text in sorted(told, key=lambda item: item[0])[-_MOST_PAST:]:
        yield f"{_at(seen, at)}: {text}"


def _told(row: Row) -> str:
    facts = {name: line(value, 300) for name, value in row["payload"].items()}
    return _EVENTS[row["event"]].format_map(_Known(facts))


class _Known(dict[str, str]):
    """A fact that an older entry lacks is left open."""

    def __missing__(self, name: str) -> str:
        return "…"


def kept(form: Typed) -> list[tuple[str, str]]:
    """What was typed, as hidden fields of the page that asks for the code."""
    picked = [("pick", item) for item in form.picked or ()] + ([("picks", "1")] if form.picked is not None else [])
    return [("do", form.do), ("once", form.once), *form.values.items(), *picked]
