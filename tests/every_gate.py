"""One open gate of every kind there is, each in a channel of its own, and everybody who could stand before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, insert, select, update

from bot.slack.channel import SlackChannel
from bot.slack.sample_rows import package
from runtime.db.engine import Row, Tx
from runtime.db.tables import deliveries, experiments, human_gates, journal, members, outbox, outcomes
from runtime.digest import digest
from runtime.experiments import build, control, registration
from runtime.gates import evidence, opening, questions
from runtime.gates.briefing import freeze
from runtime.gates.choices import CHOICES, offered
from runtime.identity.people import agent
from runtime.integrations.contracts import Notice
from tests.story import FILE, Story

SEAT = {
    "assigned_to": "ana@example.com", "escalation_chain": ["ben@example.com"], "chain_position": 1, "delegated_to": "dee@example.com",
    "status": "delegated", "sla_hours": 24.0,
}  # fmt: skip
"""Ana was asked, did not answer, so it came to Ben, who handed it to Dee: all three may answer now."""
ROLES = {"Dee Lind": "member", "Mia Moe": "member", "Vic Viewer": "viewer", "Ada Admin": "admin"}
_WHERE = {
    "launch_approval": "building", "analysis_review": "awaiting_analysis_gate", "scale_approval": "awaiting_scale_gate",
    "ship_approval": "awaiting_scale_gate", "resume_review": "measuring", "agent_question": "building",
}  # fmt: skip
_BUILT = build.BuildReport(
    implementation_summary="One page instead of three", files_changed=["frontend/checkout/form.js"], diff="+1"
)


def channel_of(kind: str) -> str:
    return kind.replace("_", "-")


@dataclass
class EveryGate:
    """Opens them, shows them, and puts a question anew that was answered."""

    story: Story
    slack: SlackChannel
    gates: dict[str, UUID] = field(default_factory=dict)
    _kept: dict[tuple[Table, UUID], Row] = field(default_factory=dict)

    def _tx(self) -> Any:
        return self.story.runtime.transaction(self.story.org_id)

    async def open(self) -> None:
        """Portfolio, launch, pause, change and question by the services that open them; gates on numbers with numbers made up."""
        story = self.story
        async with self._tx() as tx:
            people = [
                {"org_id": tx.org_id, "name": name, "email": f"{name[:3].lower()}@example.com", "role": role}
                for name, role in ROLES.items()
            ]
            await tx.run(insert(members), people)
        await story.apply()
        await story.work()
        first = (await story.experiments())[0]
        async with self._tx() as tx:
            runs = {kind: await _copied(tx, first, kind, status) for kind, status in _WHERE.items()}
        by, arun = agent("builder", "mcp"), await story.person("arun@example.com")
        await build.report_built(story.runtime, story.org_id, runs["launch_approval"], _BUILT, by=by, now=story.now)
        await control.pause(story.runtime, story.org_id, runs["resume_review"], "errors rose", by=arun, now=story.now)
        asked = ("launch_approval", "May I touch the address form?", {"file": "frontend/checkout/address.js"})
        await questions.ask(story.runtime, story.org_id, runs["agent_question"], *asked, by=by, now=story.now)
        await story.apply(FILE.replace("to: 0.45", "to: 0.42"))
        await story.work()
        async with self._tx() as tx:
            for kind in ("analysis_review", "scale_approval", "ship_approval"):
                await _measured(tx, kind, runs[kind], story.now)
            for gate in await tx.all(select(human_gates)):
                await _seated(tx, gate)
                self.gates[gate["gate_type"]] = gate["id"]
            await tx.run(update(outbox).values(status="done"))
            for table in (human_gates, experiments, outcomes):
                self._kept |= {(table, row["id"]): row for row in await tx.all(select(table))}
        assert self.gates.keys() == CHOICES.keys(), "a kind of gate that nobody opened here"
        for kind in self.gates:
            await self.show(kind)

    async def gate(self, kind: str) -> Row:
        async with self._tx() as tx:
            return next(iter(await tx.all(select(human_gates).where(human_gates.c.id == self.gates[kind]))))

    async def set(self, kind: str, **values: Any) -> None:
        """Change a gate behind everybody's back, and show it."""
        async with self._tx() as tx:
            await tx.run(update(human_gates).where(human_gates.c.id == self.gates[kind]).values(**values))
        await self.show(kind)

    async def anew(self, kind: str) -> None:
        """As if nobody had answered; what was counted or written down about it stays."""
        async with self._tx() as tx:
            for (table, row_id), row in self._kept.items():
                if table is not human_gates or row_id == self.gates[kind]:
                    values = {name: value for name, value in row.items() if name not in _counted(table)}
                    await tx.run(update(table).where(table.c.id == row_id).values(**values))
        await self.show(kind)

    async def forget_reopened(self, kind: str) -> None:
        """The gate that asks once more is closed, so that the first one can be put anew."""
        async with self._tx() as tx:
            again = human_gates.c.reopens == self.gates[kind]
            await tx.run(update(human_gates).where(again).values(status="timed_out", responded_at=func.now()))

    async def show(self, kind: str) -> None:
        place = f"#{channel_of(kind)}"
        await self.slack.deliver(Notice(self.story.org_id, "gate", self.gates[kind], "gate.shown", place, {}))

    async def deliver(self) -> None:
        """Whatever waits to be said in Slack, as a worker would say it."""
        async with self._tx() as tx:
            statement = select(outbox).where(
                outbox.c.kind == "notice", outbox.c.channel == "slack", outbox.c.status == "due"
            )
            due = await tx.all(statement.order_by(outbox.c.id))
        for row in due:
            told = Notice(
                row["org_id"], row["name"], row["subject_id"], row["payload"]["event"], row["place"], row["payload"]
            )
            await self.slack.deliver(told)
            async with self._tx() as tx:
                await tx.run(update(outbox).where(outbox.c.id == row["id"]).values(status="done"))

    async def at(self, kind: str) -> str:
        """The `ts` of the gate's message."""
        async with self._tx() as tx:
            mine = (deliveries.c.subject_id == self.gates[kind]) & (deliveries.c.subject_kind == "gate")
            return str(await tx.value(select(deliveries.c.external_id).where(mine)))

    async def decisions(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """What the journal holds about this gate, oldest first."""
        async with self._tx() as tx:
            mine = (journal.c.subject_id == self.gates[kind]) & (journal.c.event == "gate.decided")
            return [row["payload"] for row in await tx.all(select(journal).where(mine).order_by(journal.c.id))]


def _counted(table: Table) -> frozenset[str]:
    """What is said about a gate is said once a version, so its versions only go up."""
    return frozenset({"version", "clock_version"}) if table is human_gates else frozenset()


async def _copied(tx: Tx, first: Row, kind: str, status: str) -> UUID:
    """Another experiment of the same outcome, so far along that a gate of this kind can be about it."""
    title = f"{first['title']}, {kind.replace('_', ' ')}"
    values = {**first, "title": title, "status": status, "feature_flag_key": f"checkout-{kind}", "rollout_percent": 50,
              "created_at": first["created_at"] + timedelta(minutes=list(_WHERE).index(kind) + 1)}  # fmt: skip
    made = await tx.first(
        insert(experiments).values({k: v for k, v in values.items() if k != "id"}).returning(experiments)
    )
    assert made is not None
    [outcome] = await tx.all(select(outcomes))
    plan = registration.allocated(registration.document(made, outcome), 50, None)
    launched = {"registration": plan, "launched_at": datetime.now(UTC)} if status != "building" else {}
    await tx.run(
        update(experiments).where(experiments.c.id == made["id"]).values(plan_digest=digest(made["plan"]), **launched)
    )
    return UUID(str(made["id"]))


async def _measured(tx: Tx, kind: str, experiment_id: UUID, now: datetime) -> None:
    [outcome] = await tx.all(select(outcomes))
    shown = package(kind)
    frozen = await freeze(
        tx, "look", {"result": {}}, outcome_id=outcome["id"], experiment_id=experiment_id, data_through=now
    )
    advised = (shown["recommendation"] or {}).get("choice")
    ask = opening.Ask(kind, shown["headline"], shown, {}, offered(kind, recommend=advised), experiment_id, frozen)
    await opening.open_gate(tx, outcome, ask, default_channel="#checkout", now=now)


async def _seated(tx: Tx, gate: Row) -> None:
    fresh = await evidence.current(tx, gate)
    place = {
        "channel": f"slack:#{channel_of(gate['gate_type'])}",
        "due_at": func.now() + func.make_interval(0, 0, 0, 1),
    }
    bare = {"context_package": {**gate["context_package"], "chart": None}}
    bound = {"evidence": fresh, "evidence_hash": digest(fresh)}
    await tx.run(update(human_gates).where(human_gates.c.id == gate["id"]).values(**SEAT, **place, **bare, **bound))
