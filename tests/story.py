"""A small outcome, and hands that do what the workers' processes do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.db.tables import experiments, human_gates, outbox
from runtime.experiments import build
from runtime.gates.service import Decision, decide
from runtime.identity import members
from runtime.identity.people import By, agent, person
from runtime.ingestion import door, rows
from runtime.outcomes import service as outcomes
from runtime.spec.load import load
from tests.snapshots import Beside, reach
from workers import outbox as worker
from workers import timers as timer_worker

FILE = """
version: 1
outcomes:
  - id: checkout
    title: "Finish the checkout"
    signal: {source: door, metric: checkout_completed, method: funnel, funnel_steps: [cart, order], unit: share}
    target: {direction: increase, from: 0.32, to: 0.45}
    constraints:
      - {signal: slow_share, max: 0.05, source: door, metric: slow_share}
      - rule: "No changes to the payment provider"
    horizon: 6w
    portfolio: {max_concurrent: 2}
    measurement: {minimum_effect: 0.02, duration: 2w, initial_rollout: 50, units_per_day: 4000}
    gates:
      portfolio_review: {assigned_to: ana@example.com, sla: 24h, channel: "slack:#checkout"}
      launch_approval: {assigned_to: ben@example.com, sla: 4h, channel: "slack:#checkout", escalation_chain: [ana@example.com]}
    scope: {allowed_paths: [frontend/checkout/], forbidden_paths: [services/payments/]}
signal_connectors:
  - {name: door, type: webhook, config: {clock: data}}
feature_flags: {provider: memory}
"""
START = datetime(2026, 3, 2, tzinfo=UTC)

_read = cache(load)


@dataclass
class Story:
    """What happens in a test, step by step, through the services that the doors call."""

    runtime: Runtime
    org_id: UUID
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def reach(self, place: str, walk: Callable[[], Awaitable[Any]], beside: Beside | None = None) -> Any:
        """Be where `walk` leads from the very beginning; another test may have walked it already."""
        return await reach(self.runtime, f"{type(self).__qualname__}: {place}", walk, beside)

    async def person(self, email: str) -> By:
        async with self.runtime.transaction(self.org_id) as tx:
            member = await members.by_email(tx, email)
        assert member is not None, email
        return person(member, "test")

    async def apply(self, text_: str = FILE) -> outcomes.Applied:
        by = await self.person("arun@example.com")
        return await outcomes.apply(self.runtime, self.org_id, _read(text_), by=by, now=self.now, env={})

    async def work(self) -> None:
        """Perform the effects that are due; what is said to people is left in the outbox for the test to read."""
        for _ in range(10):
            async with self.runtime.transaction(self.org_id) as tx:
                due = await tx.all(
                    select(outbox).where(outbox.c.kind == "effect", outbox.c.status == "due").order_by(outbox.c.id)
                )
            if not due:
                return
            for row in due:
                await worker._attempt(self.runtime, row)

    async def gate(self, gate_type: str, *, status: str = "pending") -> Row:
        async with self.runtime.transaction(self.org_id) as tx:
            statement = select(human_gates).where(human_gates.c.gate_type == gate_type, human_gates.c.status == status)
            found = await tx.first(statement.order_by(human_gates.c.created_at.desc()))
        assert found is not None, f"no {status} {gate_type}"
        return found

    async def decide(self, gate_type: str, choice: str, who: str, **more: Any) -> Row:
        gate = await self.gate(gate_type)
        decision = Decision(choice, evidence=gate["evidence_hash"][:16], **more)
        return await decide(self.runtime, self.org_id, gate["id"], decision, by=await self.person(who), now=self.now)

    async def experiments(self) -> list[Row]:
        async with self.runtime.transaction(self.org_id) as tx:
            return list(await tx.all(select(experiments).order_by(experiments.c.created_at, experiments.c.id)))

    async def experiment(self) -> Row:
        return next(row for row in await self.experiments() if row["status"] != "killed" or row["launched_at"])

    async def built(self, **more: Any) -> Row:
        row = await self.experiment()
        report = build.BuildReport(
            implementation_summary="One page instead of three",
            files_changed=["frontend/checkout/form.js"],
            diff="+1",
            **more,
        )
        return await build.report_built(
            self.runtime, self.org_id, row["id"], report, by=agent("builder", "mcp"), now=self.now
        )

    async def proposed(self) -> None:
        """The outcome runs, and its portfolio waits for a decision."""
        await self.reach("proposed", self._proposed)

    async def _proposed(self) -> None:
        await self.apply()
        await self.work()

    async def at_launch(self) -> Row:
        """The first of the portfolio was built; its launch gate is open, and data come in."""
        gate: Row = await self.reach("at launch", self._at_launch)
        return gate

    async def _at_launch(self) -> Row:
        await self.proposed()
        gate = await self.gate("portfolio_review")
        first = UUID(gate["context_package"]["experiment_ids"][0])
        await self.decide("portfolio_review", "approve", "ana@example.com", selection=(first,))
        await self.work()
        await self.built()
        await self.tell("checkout_completed", 0, (0, 0), (0, 0))
        return await self.gate("launch_approval")

    async def launched(self, *, just_now: bool = False) -> Row:
        """Up to a running experiment, the shortest way. A test about what is due at once needs one of just now."""
        row: Row = await self._launched() if just_now else await self.reach("launched", self._launched)
        return row

    async def _launched(self) -> Row:
        await self.at_launch()
        await self.decide("launch_approval", "approve", "ben@example.com")
        await self.work()
        return await self.experiment()

    async def tell(self, signal: str, day: int, control: tuple[int, int], treatment: tuple[int, int]) -> None:
        """A day's units and successes, through the ingestion door."""
        row = await self.experiment()
        start = START + timedelta(days=day)
        points = [
            {"variant": name, "n": n, "sum": str(Decimal(hits)), "sum_sq": str(Decimal(hits)), "from": start.isoformat(), "to": (start + timedelta(days=1)).isoformat()}
            for name, (n, hits) in (("control", control), ("treatment", treatment))
        ]  # fmt: skip
        body = (
            rows.Batch(signal=signal, experiment_id=row["feature_flag_key"], points=points).model_dump_json().encode()
        )
        await door.take(self.runtime, self.org_id, body, message_id=f"{signal}-{day}-{row['id']}", key_id=row["id"])

    async def measure(self) -> None:
        """Fire whatever measurement is due, as a worker would."""
        self.now = datetime.now(UTC) + timedelta(days=1)
        async with self.runtime.transaction(self.org_id) as tx:
            # Leases go by the database's clock, on which that day has not passed.
            await tx.run(text("update timers set lease_until = null"))
        async with self.runtime.engine.begin() as conn:
            due = (
                await conn.execute(
                    text("select * from claim_timers(:now, interval '0 seconds', 100)"), {"now": self.now}
                )
            ).all()
        for timer in due:
            if timer.kind == "measure":
                await timer_worker.fire(self.runtime, timer.org_id, timer.id, timer.kind)
