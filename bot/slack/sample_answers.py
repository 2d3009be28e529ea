"""Samples of what is said to one person, of steps in between, and of every refusal: beside the messages in bot.slack.samples. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from bot.slack import (
    applying,
    asking,
    blocks,
    checkup,
    commands,
    connecting,
    dashboard,
    forms,
    importing,
    kit,
    leftovers,
    listings,
    modals,
    picturing,
    proposals,
    shortcuts,
    was_it_you,
    wizard,
)
from bot.slack import sample_rows as rows
from bot.slack.asked import Said
from bot.slack.drafts import Draft
from bot.slack.kit import Block, Blocks
from bot.slack.sample_rows import ANA, AT, Say
from bot.slack.values import Form
from bot.slack.view import Picture, gate_view
from bot.slack.words import fit
from runtime import errors
from runtime.answers.service import Answer
from runtime.gates.readings import Proposal
from runtime.integrations.contracts import MetricDefinition, Probe
from runtime.learnings.service import Found
from runtime.outcomes.metrics import Known
from runtime.spec.models import OutcomeFile
from runtime.spec.plan import Change, Plan
from runtime.spec.problems import InvalidOutcomeFile, Problem

GATE = UUID(int=7)
LATE = AT + timedelta(minutes=2)


def hold(say: Say, via: str = "mail") -> dict[str, Any]:
    """An answer that can still be taken back."""
    return {"gate_id": GATE, "member": ANA, "via": via, "decision": {"choice": "approve", "label": say("Approve launch")}, "created_at": AT, "until": LATE}  # fmt: skip


def messages(say: Say) -> Iterator[tuple[str, tuple[str, Blocks]]]:
    """Messages that stand between the ones about gates and experiments."""
    gate, people = rows.gate("launch_approval", say), rows.people(say)
    for via in ("mail", "page"):
        yield f"gate-held-by-{via}", blocks.gate_message(gate_view(gate, people, None, hold(say, via)))
    long = rows.gate("launch_approval", lambda text: f"{say(text)} {text * 40}" if len(text) > 60 else say(text))  # noqa: PLR2004  only prose grows
    yield (
        "gate-with-its-rest-in-a-file",
        leftovers.Noted(lambda _: blocks.gate_message(gate_view(long, people, None)))(None),
    )
    overdue = rows.gate("resume_review", say, due_at=AT - timedelta(hours=1), chain_position=1)
    yield "gate-paused-and-overdue", blocks.gate_message(gate_view(overdue, people, None))
    wish = Proposal(
        UUID(int=31), GATE, say("Approve launch, at most 20 % of users"), say("approve but cap at 20%"), by_model=True
    )
    yield "proposal", proposals.message(wish, gate, named=False)
    yield "proposal-outside-the-thread", proposals.message(wish, gate, named=True)
    asked = was_it_you.Asked(member=ANA, says=say("Approve launch"), note=say("Go ahead."))
    for name, answered in (("was-it-you", False), ("was-it-you-answered", True)):
        yield (
            name,
            was_it_you.message(UUID(int=32), asked, gate, [say("it passed no check of its sender")], answered=answered),
        )
    code = fit(
        f"123456 is your code to answer “{say('May it be launched?')}” on the gate's page. It is valid for ten minutes.",
        kit.SECTION,
    )
    yield "page-code", (code, [kit.section(code)])
    yield "import-plan", applying.message(planned(say), PENDING)
    yield "import-plan-changed-meanwhile", applying.message(planned(say), PENDING, note=applying.CHANGED)
    yield "import-nothing-to-change", applying.message(applying.Planned(_FILE, Plan(())), PENDING)
    wrong = fit(str(problems(say)), kit.SECTION)
    yield "import-not-valid", (wrong, importing.problem_blocks(problems(say)))


PENDING = applying.Pending(kind="upload", text="F0UPLOAD01")
_FILE = OutcomeFile.model_validate({"version": 1, "outcomes": []})


def planned(say: Say, count: int = 3) -> applying.Planned:
    added = Change("delivery", "", None, {"title": say("Deliver sooner"), "horizon": "6w"}, "add", guarded=False)
    changed = [
        Change("checkout", f"target.field_{n}", say("0.45"), say("0.5"), "change", guarded=True) for n in range(count)
    ]
    return applying.Planned(_FILE, Plan((added, *changed)))


def problems(say: Say) -> InvalidOutcomeFile:
    one = Problem(
        "outcome.yaml", 7, 13, "outcomes[0].target.from", say("'much' is no number"), say("write 0.32 or 32 %")
    )
    return InvalidOutcomeFile((one, replace(one, line=9, key="outcomes[0].horizon")))


def views(say: Say) -> Iterator[tuple[str, Block]]:
    """Steps of longer forms, and what they end in."""
    for step, (draft, reading) in _steps(say).items():
        known = Known({"shop": [MetricDefinition("checkout_completed")]}, {})
        yield f"form-outcome-new-{step}", wizard.form(draft, known, reading, wizard.Memory(channel="C0000000001"))
    yield "form-plan", applying.page(planned(say), PENDING)
    yield "form-plan-changed-meanwhile", applying.page(planned(say), PENDING, note=applying.CHANGED)
    yield "form-plan-of-nothing", applying.page(applying.Planned(_FILE, Plan(())), PENDING)
    yield "form-import-not-valid", importing.problems(problems(say))
    yield "form-done", forms.finished("Done", "✅ Made `checkout`\n🎯 Started `checkout`")
    yield (
        "form-hypothesis",
        shortcuts.form([rows.outcome(say)], say("People leave at the address form. Let us ask for less.")),
    )
    yield "form-key", connecting.form()
    yield "form-wait", kit.modal("New outcome", [kit.section("One moment, I am looking things up…")])
    found = [fit(say("Guest checkout raised completion by 2.1 pp."), 2900)]
    for name, lines in (("form-learnings", found), ("form-learnings-none", [])):
        yield name, kit.modal("Learnings", dashboard.found_blocks(say("guest checkout"), lines))
    form, view = (
        Form(g=GATE, c="scale", e="0123456789abcdef"),
        gate_view(rows.gate("scale_approval", say), rows.people(say), None),
    )
    option = next(option for option in view.options if modals.needs_percent(option))
    yield "form-beyond-the-cap", modals.answer(view, option, form, cap=say("at most 20 % of users, set by Ana"))


def _steps(say: Say) -> Mapping[str, tuple[Draft, wizard.Reading]]:
    """The wizard as it fills: at first, with a metric that was read, with one that is silent, with a target that looks odd."""
    begun = Draft(title=say("Finish the checkout"), metric="shop/checkout_completed")
    read = wizard.Reading(fit(say("It stands at 32.1 % now."), 500), "32.1 %")
    silent = wizard.Reading(fit(say("Where it stands cannot be read now: no answer. Write From yourself."), 500))
    odd = replace(
        read, warnings=(fit(say("To is on the wrong side: it shall rise, and 20 % is below where it stands."), 300),)
    )
    return {
        "first": (Draft(), wizard.Reading()), "read": (begun.model_copy(update={"start": "32.1 %"}), read), "silent": (begun, silent),
        "odd": (begun.model_copy(update={"start": "32.1 %", "goal": "20 %"}), odd),
    }  # fmt: skip


def homes(say: Say) -> Iterator[tuple[str, Block]]:
    """Home of somebody whose answer waits, of who decided much, and of a viewer."""
    gate, people = rows.gate("launch_approval", say), rows.people(say)
    decided = [
        rows.gate(kind, say, id=UUID(int=60 + n), status="approved", choice=choice, decided_by=by, responded_at=AT - timedelta(hours=n))
        for n, (kind, choice, by) in enumerate((("launch_approval", "approve", ANA), ("ship_approval", "ship", rows.BEN), ("analysis_review", "kill", rows.CYRA)))
    ]  # fmt: skip
    mine, runs = [rows.outcome(say)], [rows.experiment(say)]
    held = dashboard.Desk(rows.member(say), [gate], {}, mine, runs, decided, [], drawn_at=AT, people=people, holds={GATE: hold(say)})  # fmt: skip
    yield "home-held", _home(held)
    yield "home-decisions", _home(replace(held, gates=[], holds={}))
    yield "home-viewer", _home(replace(held, member=rows.member(say, "viewer"), gates=[], others=[gate]))


def _home(desk: dashboard.Desk) -> Block:
    return {"type": "home", "blocks": dashboard.home_blocks(desk)}


def answers(say: Say, picture: Picture) -> Iterator[tuple[str, str | Said]]:
    """What each command answers, by its name; those with a form open it."""
    mine, runs = rows.outcome(say), [rows.experiment(say), rows.experiment(say, status="shipped")]
    waiting = [rows.gate("launch_approval", say), rows.gate("ship_approval", say)]
    links = {waiting[0]["id"]: "https://slack.example.com/archives/C1/p1"}
    finding = say("Guest checkout raised completion by 2.1 pp.")
    found = Found(UUID(int=9), finding, "confirmed_hypothesis", 0.95, (), None, None, {}, AT, 0.8)
    known = Answer(
        f"{say('The effect is +2.10 pp so far.')}\nFrom: looks({say('guest-checkout')}, last 14 days)",
        "looks(guest-checkout, last 14 days)",
    )
    facts = [
        "✅ All permissions are there.",
        f"⚠️ I am not in the channel {fit(say('#checkout'), 80)}; invite me there.",
    ]
    silent, fine = Probe(ok=False, detail=say("no answer within 5 seconds")), Probe(ok=True, detail=say("3 flags"))
    probes = [
        connecting.said(say("Signals from shop"), silent, "docs/connectors.md"),
        connecting.said("Feature flags", fine, "docs/connectors.md"),
    ]
    yield "help", commands.help_text()
    yield "list", listings.outcome_list([mine], runs)
    yield "show", listings.outcome_details(mine, runs, waiting, rows.people(say))
    yield "chart", picturing.shown(say("Guest checkout"), picture)
    yield "experiments", listings.experiment_list(mine, runs)
    yield "gates", listings.gate_list(waiting, links, rows.member(say), rows.people(say))
    yield "ask", Said(*asking.drawn(known, picture))
    yield "learnings", listings.learning_list(say("guest checkout"), [found])
    yield "connect", connecting.shown(probes, may=True)
    yield "doctor", checkup.shown("\n".join(facts), AT.timestamp())
    for name in listings.DONE:
        yield name, listings.done(name, mine if name.startswith(("activate", "abandon", "propose")) else runs[0])


def refusals(say: Say) -> Iterator[tuple[str, str]]:
    """Every error as whoever caused it reads it; its own words, and none of ours around them."""
    for leaf in leaves(errors.OutcomeRuntimeError):
        yield leaf.code.lower().replace("_", "-"), fit(say(leaf().message), kit.SECTION)


def leaves(root: type[errors.OutcomeRuntimeError]) -> list[type[errors.OutcomeRuntimeError]]:
    """The product's own table: every class of runtime.errors, the root among them."""
    known = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, root)]
    return sorted(known, key=lambda found: found.code)
