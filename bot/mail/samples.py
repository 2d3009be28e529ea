"""One letter of each kind, made by the functions that make the real ones from made-up rows, for a real recipient and a real token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from bot.mail import letter_gate, letter_notes
from bot.mail.contracts import Letter
from bot.mail.house import House
from bot.mail.letter_gate import GateLetter
from bot.mail.letter_notes import Hold
from bot.mail.letter_parts import Block, Chart, Option, Page, Reader
from bot.mail.letters import Heading, subject, write
from bot.slack import sample_rows as rows
from bot.slack.sample_rows import ANA, BEN, CYRA, Say
from bot.slack.sample_standings import several
from bot.slack.view import GateView, gate_view
from runtime.digests import Digest, Line

GATE = UUID(int=7)
OUTCOMES = "outcomes"
"""The digest's picture, made of the same rows as its words; those of gates are the gallery's."""
_PROPOSAL = UUID(int=21)
_NAMES = {ANA: "Ana Diaz", BEN: "Ben Okri", CYRA: "Cyra Lind"}
_SAID = (
    "Verdict: success: better than control, and the estimate reaches the success threshold\n"
    "Chance that it is better: 98 %\nEffect by time: steady, as far as the data can tell\n"
    "Cost of waiting: about 41 orders a day, by the shrunken estimate of +1.8 pp\n"
    "Portfolio: the difference from control holds among the 3 experiments of this outcome that were measured"
)
_WHY = "If nobody has to register, more people finish, since the wall is gone."
_READ = "The interval holds at every look, not only at this one. It assumes independent users, one count each, and a stable assignment."
_MEASURED = [
    {"title": "What the data say", "text": _SAID}, {"title": "Hypothesis", "text": _WHY}, {"title": "How to read this", "text": _READ},
]  # fmt: skip
_PLANNED = [["Rollout", "10 % of users behind guest-checkout"], ["Measured for", "42 days, looked at all the time"],
            ["Chance to see +2 pp", "94 % at 1,234 users a day"], ["False-alarm risk", "5 % in all, however often anybody looks"]]  # fmt: skip
_JUDGED = frozenset({"analysis_review", "scale_approval", "ship_approval"})
_FIGURES = [
    ["Effect", "+3.1 pp, 95 % always-valid interval +1.5 pp to +4.7 pp"], ["Predicted", "+3.0 pp (+1.0 pp to +5.0 pp); observed +3.1 pp: inside that range"],
    ["p, valid at any look", "0.0008"], ["Units", "5,100 control, 5,015 treatment"], ["Randomisation", "as planned"],
    ["Guardrails", "payment_success_rate safe, checkout_p95_latency safe"], ["Data through", "24 Mar 2026 14:00 UTC"],
]  # fmt: skip
"""What the gallery's chart shows as well, since a letter's text and picture come from one snapshot."""
_QUESTION = "Does it hold on phones as well, and what would we lose by waiting two more weeks?"


@dataclass(frozen=True, slots=True)
class Scene:
    """For whom, when, and with what words a sample is made; `chart` is the picture it gets."""

    reader: Reader
    now: datetime
    say: Say = str
    chart: Chart | None = None

    def gate(self, kind: str, **changes: Any) -> GateLetter:
        """A gate that asks the reader, with 20 hours left."""
        times = {
            "assigned_to": self.reader.email,
            "due_at": self.now + timedelta(hours=20),
            "created_at": self.now - timedelta(hours=4),
        }
        row = rows.gate(kind, self.say, **{**times, **changes})
        if kind in _JUDGED:
            row["context_package"] |= rows.fed({"sections": _MEASURED, "facts": _FIGURES}, self.say)
        elif kind == "launch_approval":
            row["context_package"] |= rows.fed({"facts": _PLANNED}, self.say)
        return GateLetter(gate_view(row, rows.people(self.say), None), self.reader, self.now, (BEN, CYRA), self.chart)

    def closed(self, **changes: Any) -> GateLetter:
        by = {
            "status": "approved",
            "choice": "approve",
            "decided_by": ANA,
            "decided_via": "mail",
            "responded_at": self.now,
        }
        return self.gate("launch_approval", **{**by, **changes})

    def hold(self, **changes: Any) -> Hold:
        found = Hold(
            "Approve launch", self.reader.email, "mail", self.now, self.now + timedelta(minutes=2), "0123456789abcdef" * 4,
            note=self.say("The numbers hold on every device."), conditions=("cap 20 % of users", "until 1 Dec 2026"),
        )  # fmt: skip
        return replace(found, **changes)


@dataclass(frozen=True, slots=True)
class Sample:
    """`first` is false for letters that come later in a thread; `gate_type` names whose options its headers carry."""

    page: Callable[[Scene], Page]
    gate_type: str = "launch_approval"
    first: bool = False
    chart: str = ""
    bulk: bool = False


Made: TypeAlias = Mapping[str, Sample]


def _open(kind: str, chart: str = "") -> Sample:
    return Sample(lambda scene: letter_gate.asked(scene.gate(kind)), kind, first=True, chart=chart)


def _launch(make: Callable[[Scene], Page]) -> Sample:
    return Sample(make)


SAMPLES: Made = {
    "portfolio": _open("portfolio_review", "portfolio"),
    "launch": _open("launch_approval", "launch"),
    "analysis": _open("analysis_review", "effect"),
    "scale": _open("scale_approval", "effect"),
    "ship": _open("ship_approval", "effect"),
    "change": _open("change_review"),
    "resume": _open("resume_review"),
    "question": _open("agent_question"),
    "reminder": _launch(lambda s: letter_gate.reminder(s.gate("launch_approval"))),
    "escalation": _launch(lambda s: letter_gate.asked(replace(s.gate("launch_approval"), before=CYRA, chain=(BEN,)))),
    "moved": _launch(lambda s: letter_gate.moved(s.gate("launch_approval", assigned_to=BEN))),
    "evidence": _launch(lambda s: letter_gate.asked(replace(s.gate("launch_approval"), why=letter_gate.CHANGED))),
    "confirm": Sample(lambda s: letter_gate.first_of_two(_first(s)), "ship_approval"),
    "decided": _launch(lambda s: letter_gate.closed(s.closed(decided_by=BEN, response_note=s.say("The numbers hold."), conditions=[s.say("cap 20 %")], status="approved_with_conditions"))),
    "rejected": _launch(lambda s: letter_gate.closed(s.closed(status="rejected", choice="reject", decided_by=BEN, response_note=s.say("Payment errors rose on Friday.\nLet us look first.")))),
    "timed-out": _launch(lambda s: letter_gate.closed(s.closed(status="timed_out", choice=None, decided_by=None, response_note=s.say("nobody answered in time; nothing was approved")))),
    "receipt": _launch(lambda s: letter_notes.receipt(s.gate("launch_approval"), s.hold())),
    "recorded": _launch(lambda s: letter_notes.receipt(s.closed(decided_by=s.reader.email), None)),
    "undone": _launch(lambda s: letter_notes.undone(s.gate("launch_approval"), s.hold(ended="undone"))),
    "overtaken": _launch(lambda s: letter_notes.hold_ended(s.closed(decided_by=BEN), s.hold(ended="overtaken", why=s.say("A guardrail killed the experiment.")))),
    "answer": Sample(lambda s: letter_notes.answer(s.gate("analysis_review"), s.say(_QUESTION), s.say("On phones the effect is +1.9 pp (+0.2 to +3.6).\nWaiting two weeks costs about 570 orders."), s.chart), "analysis_review", chart="segments"),
    "ask-back": _launch(lambda s: letter_notes.ask_back(s.gate("launch_approval"), s.say("I guess ok? but let me check with Cyra first"), s.say("“I guess” leaves it open. Reply APPROVE when you are sure."))),
    "proposal": _launch(lambda s: letter_notes.proposal(s.gate("launch_approval"), s.say("fine by me as long as not more than a fifth sees it"), s.say("Approve launch, with the condition: at most 20 % of users"))),
    "late": _launch(lambda s: letter_notes.refusal(s.closed(decided_by=BEN), s.say("ben@example.com approved this gate already, at 10:12."), s.say("REJECT too risky before the weekend"))),
    "was-it-you": _launch(lambda s: letter_notes.was_it_you(s.gate("launch_approval"), [s.say("the sender could not be verified"), s.say("its token is another person's")])),
    "experiment": Sample(lambda s: letter_notes.result(rows.experiment(s.say), rows.outcome(s.say), "share", s.chart), chart="effect"),
    "shipped": Sample(lambda s: letter_notes.result(rows.experiment(s.say, status="shipped", final_result={"decided_by": s.say(ANA), "note": s.say("It holds on every device.")}), rows.outcome(s.say), "share", s.chart), chart="effect"),
    "violated": Sample(lambda s: letter_notes.result(rows.experiment(s.say, status="killed", final_result={"violated": s.say("slow_share is 6.1 %, and at most 5 % is allowed."), "decided_by": "Outcome Runtime"}), rows.outcome(s.say), "share", None)),
    "digest": Sample(lambda s: letter_notes.digest(_day(s), s.reader, {GATE: s.reader.link}, several(s.say, 3), s.chart), "", first=True, chart=OUTCOMES, bulk=True),
    "no-gate": Sample(lambda s: letter_notes.astray(s.say("Daily digest, 2026-11-23"), _astray(s), _waits(s), None), "", first=True),
    "notice": Sample(lambda s: letter_notes.note("“Finish the checkout” ended", s.say("It ended on its date: 41.2 % of 45 %. Its flags are off.")), "", first=True),
    "bounced": Sample(lambda s: letter_notes.bounced(s.say("cyra@example.com"), s.say("550 5.1.1 mailbox unknown")), "", first=True),
}  # fmt: skip
ALIASES = {
    "gate": "launch", "portfolio_review": "portfolio", "launch_approval": "launch", "analysis_review": "analysis",
    "scale_approval": "scale", "ship_approval": "ship", "change_review": "change", "resume_review": "resume",
    "agent_question": "question", "closed": "decided", "loser": "late", "approved": "decided", "ask_back": "ask-back",
    "timed_out": "timed-out", "was_it_you": "was-it-you", "result": "shipped", "escalated": "escalation", "progress": "experiment",
}  # fmt: skip


def _astray(scene: Scene) -> letter_notes.Astray:
    nothing = "Nothing is asked of you in the letter you answered, so nothing was recorded."
    return letter_notes.Astray(scene.say("APPROVE, all of it!"), nothing, nothing=True)


def _waits(scene: Scene) -> list[Block]:
    question = scene.say("May “Guest checkout” be launched to 10 % of users?")
    row = {"id": GATE, "question": question, "due_at": scene.now + timedelta(hours=20)}
    return letter_notes.waits([row], {GATE: scene.reader.link}, scene.reader)


def _first(scene: Scene) -> GateLetter:
    answer = {"choice": "ship", "by": CYRA, "email": CYRA, "via": "mail", "at": scene.now.isoformat(), "note": ""}
    return scene.gate("ship_approval", quorum=2, first_answer=answer)


def _day(scene: Scene) -> Digest:
    due, say = scene.now + timedelta(hours=20), scene.say
    waits = Line(
        say("May “Guest checkout” be launched to 10 % of users?"), say(f"waits for {scene.reader.email}"), GATE, due
    )
    runs = (Line(say("Fewer form fields"), say("+1.10 pp (-0.21 pp to +2.41 pp), at 50 % of users")),)
    decided = (Line(say("Which of 3 experiments may be built?"), say("approved by ana@example.com"), UUID(int=8)),)
    learned = (Line("", say("A progress bar did not change completion.")),)
    return Digest(scene.now - timedelta(days=1), scene.now, runs, (waits,), decided, learned, moved=True)


def reader(house: House, recipient: str, now: datetime, *, name: str = "", zone: str = "UTC") -> Reader:
    link = house.link(GATE, recipient, now + timedelta(hours=20))
    return Reader(recipient, name, zone, link, {**_NAMES, **({recipient.casefold(): name} if name else {})})


def letter(kind: str, house: House, scene: Scene, picture: bytes | None = None) -> Letter:
    """The sample with headers as the running bot would write them: `mail interpret` takes a reply to it."""
    sample, recipient = SAMPLES[kind], scene.reader.email.casefold()
    page = sample.page(scene)
    return write(page, _heading(kind, sample, page, house, scene, recipient), picture)


def _heading(kind: str, sample: Sample, page: Page, house: House, scene: Scene, recipient: str) -> Heading:
    gate = GATE if sample.gate_type else None
    first = house.message_id("sample:first", gate, recipient)
    own = first if sample.first and gate else house.message_id(f"sample:{kind}", gate, recipient)
    view = _view(sample, scene)
    title = view.headline if view else page.headline
    return Heading(
        house.sender, recipient, house.reply_to(gate, recipient), own, subject(title, again=not sample.first), scene.now,
        name=scene.reader.name, answers="" if sample.first else first, gate=gate, evidence=view.evidence if view else "",
        options=_options(view), proposal=_PROPOSAL if kind == "proposal" else None,
        unsubscribe=f"{house.public_url}/g/sample" if sample.bulk else "",
    )  # fmt: skip


def _view(sample: Sample, scene: Scene) -> GateView | None:
    return scene.gate(sample.gate_type).view if sample.gate_type else None


def _options(view: GateView | None) -> tuple[Option, ...]:
    return tuple(view.options) if view else ()
