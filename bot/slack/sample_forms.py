"""Samples of the longer forms: conditions, snooze, edits of a portfolio, the wizard's page, the import, the digest. PURE."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from bot.slack import conditions, digest, forms, importing, wizard
from bot.slack import sample_rows as rows
from bot.slack.drafts import Draft
from bot.slack.kit import Block, Blocks
from bot.slack.sample_rows import AT, Say
from bot.slack.sample_standings import several
from bot.slack.values import Form
from bot.slack.view import GateView, Picture
from bot.slack.words import fit
from runtime.digests import Digest, Line
from runtime.integrations.contracts import MetricDefinition
from runtime.outcomes.metrics import Known


def long_forms(say: Say, view: GateView, portfolio: GateView) -> Iterator[tuple[str, Block]]:
    form = Form(g=view.id, c="approve", e="0123456789abcdef")
    yield "form-conditions", conditions.with_terms(view, form)
    snooze = conditions.snoozing(view, form, now=AT, zone="Europe/Berlin")
    if snooze is not None:
        yield "form-snooze", snooze
    proposed = [rows.experiment(say, id=UUID(int=n)) for n in (11, 12, 13)]
    yield "form-edit-portfolio", conditions.editing(portfolio, form, proposed)
    yield "form-outcome-new", _wizard(say)
    yield "form-outcome-import", importing.form()
    yield "form-finished", forms.finished("Applied", fit(say("“Finish the checkout” is active."), 3000))


def _wizard(say: Say) -> Block:
    draft = Draft(title=say("Finish the checkout"), metric="shop/checkout_completed", start="32 %", goal="45 %")
    reading = wizard.Reading(
        fit(say("It stands at 32.1 % now."), 500), "32.1", (fit(say("45 % is far from where it stands."), 300),)
    )
    known = Known({"shop": [MetricDefinition("checkout_completed")]}, {"warehouse": say("it did not answer")})
    return wizard.form(draft, known, reading, wizard.Memory(channel="C0000000001"))


def daily_digest(say: Say, picture: Picture | None) -> tuple[str, Blocks]:
    gate = UUID(int=7)
    found = Digest(
        since=AT - timedelta(days=1), until=AT, running=(Line(say("Guest checkout"), say("+2.10 pp (+0.62 pp to +3.58 pp)")),),
        waiting=(Line(say("May “Guest checkout” be launched?"), say("waits for ana@example.com"), gate, AT + timedelta(hours=4)),),
        decided=(Line(say("Fewer form fields"), say("shipped by ana@example.com")),), learned=(Line("", say("A progress bar changes nothing.")),),
        moved=True,
    )  # fmt: skip
    links = {gate: "https://slack.example.com/archives/C1/p1"}
    stand = several(say, 3)
    return digest.text(found, links, stand), digest.blocks(found, links, stand, picture)
