"""One of each message, form and Home tab the product can produce, made by the functions that make the real ones. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from bot.slack import blocks, kit, modals, progress
from bot.slack import sample_rows as rows
from bot.slack.kit import Block, Blocks
from bot.slack.sample_rows import ANA, AT, BEN, CYRA, Say
from bot.slack.sample_standings import several
from bot.slack.values import Form
from bot.slack.view import GateView, Picture, gate_view, person
from runtime.gates.choices import CHOICES
from runtime.lifecycle import EXPERIMENT

Surface = Literal["message", "modal", "home"]
FILE = "F0CHART001"
OUTCOMES = "F0CHART002"
DRAWN = {"portfolio_review": "F0CHART003", "launch_approval": "F0CHART004", "resume_review": "F0CHART005"}
"""Gates whose picture is not the effect that was measured."""
_DRAWN_ALT = {
    "portfolio_review": "Three proposed experiments, each with its predicted effect and range, against what is missing to the target.",
    "launch_approval": "94 % chance to detect +2.0 pp by day 42; first rollout 10 % of 1,234 units a day, two guardrails.",
    "resume_review": "Effect on checkout_completed; the guardrail on checkout p95 latency is violated: 10 %, at most 5 %.",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """`text` is a message's fallback or an ephemeral answer's words; `view` is a whole modal or Home tab."""

    name: str
    surface: Surface
    text: str = ""
    blocks: Blocks | None = None
    view: Block | None = None

    @property
    def shown(self) -> Blocks:
        found: Blocks = self.view["blocks"] if self.view is not None else self.blocks or []
        return found


def samples(say: Say = str) -> list[Sample]:
    """All of them; `say` stands for whoever wrote the texts in them."""
    made = (_open_gates, _closed_gates, _reminders, _experiments, _notices, _forms, _home, _answers, _between)
    return [sample for make in made for sample in make(say)]


def chart(say: Say, kind: str = "") -> Picture:
    if kind in DRAWN:
        return Picture(DRAWN[kind], say(_DRAWN_ALT[kind]), "")
    return Picture(
        FILE, say("Effect on checkout_completed: +2.10 pp, 95 % always-valid interval +0.62 to +3.58 pp."), "▁▂▄▅▇"
    )


def standing_chart(count: int = 3) -> Mapping[str, Any]:
    """The picture of that many outcomes as plain values."""
    return several(str, count).chart or {}


def _outcomes(say: Say, file: str | None = OUTCOMES) -> Picture:
    return Picture(file, say("1 of 3 outcomes at the target, 1 on the way, 1 behind the start."), "")


def _message(name: str, made: tuple[str, Blocks]) -> Sample:
    return Sample(name, "message", *made)


def _gate(name: str, say: Say, kind: str, picture: Picture | None = None, **changes: Any) -> Sample:
    return _message(name, blocks.gate_message(_view(say, kind, picture, **changes)))


def _view(say: Say, kind: str, picture: Picture | None = None, **changes: Any) -> GateView:
    return gate_view(rows.gate(kind, say, **changes), rows.people(say), picture)


def _open_gates(say: Say) -> Iterator[Sample]:
    for kind in CHOICES:
        yield _gate(f"gate-{kind}-open", say, kind, chart(say, kind))
    words = Picture(None, chart(say).alt, chart(say).sparkline)
    yield _gate("gate-picture-in-words", say, "analysis_review", words)
    yield _gate("gate-escalated", say, "launch_approval", chain_position=1)
    yield _gate("gate-delegated", say, "launch_approval", status="delegated", delegated_to=CYRA)
    yield _gate("gate-snoozed", say, "launch_approval", snoozed_until=AT + timedelta(hours=2), snoozed_by=ANA)
    yield _gate("gate-two-needed", say, "ship_approval", quorum=2)
    first = {
        "choice": "ship",
        "by": ANA,
        "email": ANA,
        "via": "slack",
        "at": AT.isoformat(),
        "note": say("The numbers hold."),
    }
    yield _gate("gate-one-of-two", say, "ship_approval", quorum=2, first_answer=first)


def _closed_gates(say: Say) -> Iterator[Sample]:
    by: dict[str, Any] = {"decided_by": ANA, "decided_via": "slack", "responded_at": AT}
    for kind in CHOICES:
        choice = CHOICES[kind][0].id
        yield _gate(f"gate-{kind}-approved", say, kind, chart(say, kind), status="approved", choice=choice, **by)
    some = [str(UUID(int=11)), str(UUID(int=13))]
    yield _gate(
        "gate-portfolio-some", say, "portfolio_review", status="approved", choice="approve", selection=some, **by
    )
    capped: dict[str, Any] = {
        "status": "approved_with_conditions",
        "choice": "approve_capped",
        "conditions": [say("At most 20 % of users")],
    }
    yield _gate("gate-conditions", say, "launch_approval", **capped, **by)
    note = say("Payment errors rose on Friday.\nLet us look first.")
    yield _gate(
        "gate-rejected",
        say,
        "launch_approval",
        status="rejected",
        choice="reject",
        response_note=note,
        **(by | {"decided_by": BEN}),
    )
    late: dict[str, Any] = {"status": "timed_out", "responded_at": AT + timedelta(hours=21)}
    yield _gate("gate-timed-out", say, "launch_approval", **late, response_note=say("nobody answered in time"))
    yield _gate("gate-reopened", say, "launch_approval", **late, response_note="reopened")


def _reminders(say: Say) -> Iterator[Sample]:
    before = person(rows.people(say), BEN)
    for name, changes, whom in (
        ("reminder", {}, None),
        ("reminder-escalated", {"chain_position": 1, "escalation_chain": [CYRA]}, before),
        ("reminder-timed-out", {"status": "timed_out", "responded_at": AT}, None),
    ):
        text = blocks.reminder(_view(say, "launch_approval", None, **changes), escalated_from=whom)
        yield Sample(name, "message", text, [kit.section(text)])


def _experiments(say: Say) -> Iterator[Sample]:
    for state in sorted(EXPERIMENT.states):
        yield _progress(f"experiment-{state}", say, status=state)
    ended = {"decided_by": say("ana@example.com"), "note": say("It holds on every device.")}
    yield _progress("experiment-shipped-by-a-person", say, status="shipped", final_result=ended)
    yield _progress("experiment-paused-with-reason", say, status="paused", pause_reason=say("slow_share above 5 %"))
    yield _progress("experiment-mismatch", say, current_result=rows.fed(rows.RESULT | {"srm_flagged": True}, say))
    violated = {"violated": say("slow_share is 6.1 %, and at most 5 % is allowed."), "decided_by": "Outcome Runtime"}
    row = rows.experiment(say, status="killed", final_result=violated)
    yield _progress("experiment-violated", say, status="killed", final_result=violated)
    text = progress.alarm(row, person(rows.people(say), ANA).shown)
    yield Sample("alarm", "message", text, [kit.section(text)])


def _progress(name: str, say: Say, **changes: Any) -> Sample:
    row, outcome = rows.experiment(say, **changes), rows.outcome(say)
    return _message(name, progress.experiment_message(row, outcome, "share", chart(say), people=rows.people(say)))


def _notices(say: Say) -> Iterator[Sample]:
    from bot.slack.words import fit  # noqa: PLC0415  as bot.slack.channel does

    text = fit(say("“Finish the checkout” ended on its date: 41.2 % of 45 %. Its flags are off."), kit.SECTION)
    yield Sample("notice", "message", text, [kit.section(text)])
    from bot.slack.sample_forms import daily_digest  # noqa: PLC0415  as in _forms

    yield _message("digest", daily_digest(say, _outcomes(say)))
    yield _message("digest-in-words", daily_digest(say, _outcomes(say, None)))


def _forms(say: Say) -> Iterator[Sample]:
    form = Form(g=UUID(int=7), c="reject", e="0123456789abcdef")
    for kind in CHOICES:
        view = _view(say, kind)
        for option in view.options:
            if modals.needs_form(option):
                yield Sample(f"form-{kind}-{option['id']}", "modal", view=modals.answer(view, option, form))
    view = _view(say, "launch_approval")
    override = f"{say('Ben Okri')} is asked. As an owner you may decide in their place; say why, it is recorded."
    yield Sample("form-override", "modal", view=modals.answer(view, view.options[0], form, override=override))
    from bot.slack.sample_forms import long_forms  # noqa: PLC0415  it brings the commands with it

    for name, made in long_forms(say, view, _view(say, "portfolio_review")):
        yield Sample(name, "modal", view=made)
    yield Sample("form-delegate", "modal", view=modals.delegation(view, form))
    yield Sample("form-ask", "modal", view=modals.question(view, form))
    for kind in ("portfolio_review", "launch_approval", "analysis_review"):
        yield Sample(f"form-details-{kind}", "modal", view=modals.details(_view(say, kind)))
    yield Sample(
        "form-not-recorded",
        "modal",
        view=modals.said("Not recorded", say("ben@example.com approved this gate already.")),
    )


def _home(say: Say) -> Iterator[Sample]:
    from bot.slack import home  # noqa: PLC0415  it brings the commands with it

    for name, waiting, owned in (("home-empty", 0, 0), ("home", 3, 3), ("home-busy", 60, 10)):
        yield Sample(name, "home", view={"type": "home", "blocks": home.home_blocks(_desk(say, waiting, owned))})


def _desk(say: Say, waiting: int, owned: int) -> Any:
    from bot.slack import home  # noqa: PLC0415  as above

    kinds = list(CHOICES)
    gates = [
        rows.gate(kinds[n % len(kinds)], say, id=UUID(int=100 + n), due_at=AT + timedelta(hours=n))
        for n in range(waiting)
    ]
    some = bool(waiting)
    decided = (
        [rows.gate("launch_approval", say, status="approved", choice="approve", decided_by=ANA, responded_at=AT)]
        if some
        else []
    )
    finding = {
        "finding": say("Guest checkout raised completion by 2.1 pp."),
        "confidence": 0.95,
        "created_at": AT,
        "id": UUID(int=9),
    }
    links = {gate["id"]: "https://slack.example.com/archives/C1/p1" for gate in gates[:10]}
    runs = [
        rows.experiment(say, id=UUID(int=40 + n), status=state)
        for n, state in enumerate(("measuring", "paused", "shipped"))
    ]
    stand = several(say, owned)
    pictures = {gate["id"]: chart(say) for gate in gates[:3]}
    return home.Desk(
        rows.member(say), gates, links, stand.outcomes, runs if some else [], decided, [finding] if some else [],
        levels=stand.levels, drawn_at=AT, pictures=pictures, chart=stand.chart, picture=_outcomes(say) if some else None, people=rows.people(say),
    )  # fmt: skip


def _answers(say: Say) -> Iterator[Sample]:
    """What a command or a press is answered with, for one person's eyes."""
    from bot.slack import sample_answers as more  # noqa: PLC0415  as in _home

    for name, said in more.answers(say, chart(say)):
        if isinstance(said, str):
            yield Sample(f"answer-{name}", "message", said)
        else:
            yield Sample(f"answer-{name}", "message", said.text, said.blocks)
    for name, text in more.refusals(say):
        yield Sample(f"error-{name}", "message", text)


def _between(say: Say) -> Iterator[Sample]:
    """Held answers, proposals, plans, questions and the steps of forms."""
    from bot.slack import sample_answers as more  # noqa: PLC0415  as in _home

    yield from (_message(name, made) for name, made in more.messages(say))
    yield from (Sample(name, "modal", view=view) for name, view in more.views(say))
    yield from (Sample(name, "home", view=view) for name, view in more.homes(say))
