"""Twenty experiments, measured hourly for thirty days: one message each stands by itself, whatever dies on the way."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update

from bot.slack.deliveries import gate_at
from bot.slack.post import METADATA
from runtime.db.tables import deliveries, experiments, outbox
from runtime.experiments import service
from runtime.gates import briefing, opening, rows
from runtime.gates.choices import offered
from runtime.gates.consequences import final_result
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.measurement import conclusion
from workers import outbox as worker

MANY, DAYS = 20, 30
HOUR = timedelta(hours=1)
TOLD_EVERY = 240 * 3600


def result_at(number: int, hours: int, start: datetime) -> dict:
    """What an hourly look finds: nothing for long, then for every second experiment a difference."""
    found = number % 2 == 0 and hours > 24 * (10 + number % 5)
    return {
        "delta": 0.001 * (number + hours / 24), "ci_lower": 0.001 if found else -0.01, "ci_upper": 0.05, "p_value": 0.01 if found else 0.4,
        "status": "success" if found else "inconclusive", "headline": f"After {hours} hours", "srm_flagged": False, "guardrails": [],
        "confidence": "95 %", "n_control": 40 * hours, "n_treatment": 41 * hours, "elapsed_days": hours / 24,
        "data_through": (start + hours * HOUR).isoformat(), "advice": "continue",
    }  # fmt: skip


class Month:
    """Hands that do in a few seconds what workers do in a month."""

    def __init__(self, office) -> None:
        self.office, self.story, self.runtime = office, office.story, office.story.runtime
        self.start = office.story.now
        self.rows: dict[UUID, dict] = {}

    async def begin(self, many: int) -> None:
        """Experiments with a build, made of one that came the whole way."""
        await self.office.at_launch()
        await self.office.hush()
        first = await self.story.experiment()
        for number in range(many):
            fresh = {
                **first,
                "id": uuid4(),
                "title": f"Experiment {number:02}",
                "feature_flag_key": f"experiment-{number:02}",
            }
            async with self.runtime.transaction(self.story.org_id) as tx:
                await tx.run(insert(experiments).values(**fresh))
                self.rows[fresh["id"]] = fresh
                await self.ask(tx, fresh, "launch_approval")

    async def ask(self, tx, row, gate_type: str) -> None:
        outcome = await service.outcome_of(tx, row)
        asked = await briefing.launch(tx, row, outcome)
        package = {**asked.package, "chart": None, "headline": f"{gate_type} of “{row['title']}”?"}
        made = replace(asked, gate_type=gate_type, package=package, options=offered(gate_type))
        await opening.open_gate(tx, outcome, made, default_channel="#checkout", now=self.runtime.now())

    async def answered(self, status: str) -> None:
        async with self.runtime.transaction(self.story.org_id) as tx:
            for gate in await rows.listed(tx):
                version = await rows.change(
                    tx, gate, status="approved", decided_by="ben@example.com", responded_at=self.runtime.now()
                )
                await record(
                    tx, Event("gate.decided", "gate", gate["id"]), by=SYSTEM, notices=[rows.redraw(gate, version)]
                )
            await tx.run(update(experiments).where(experiments.c.id.in_(self.rows)).values(status=status))
        for row in self.rows.values():
            row["status"] = status

    async def day(self, day: int) -> None:
        """Twenty-four looks at each experiment; those worth telling go into the outbox as the measurement writes them."""
        for number, row in enumerate(self.rows.values()):
            for hour in range(24 * day, 24 * (day + 1)):
                result, now = result_at(number, hour, self.start), self.start + hour * HOUR
                if conclusion._worth_telling(self.runtime.settings, row, result, now):
                    await self.tell(row, result, now)

    async def tell(self, row, result, now: datetime) -> None:
        row["memory"] = {"told": {"at": now.isoformat(), "result": result}}
        async with self.runtime.transaction(self.story.org_id) as tx:
            values = {"memory": row["memory"], "current_result": result}
            await tx.run(update(experiments).where(experiments.c.id == row["id"]).values(values))
            outcome = await service.outcome_of(tx, row)
            notice = conclusion.message(self.runtime, outcome, row, result["data_through"])
            await record(tx, Event("experiment.progress", "experiment", row["id"]), by=SYSTEM, notices=[notice])

    async def killed(self) -> None:
        """Two of them hurt somebody."""
        async with self.runtime.transaction(self.story.org_id) as tx:
            for row in list(self.rows.values())[:2]:
                kept = final_result(row, "killed", SYSTEM.name, "too slow") | {"violated": "slow_share above 5 %"}
                await tx.run(
                    update(experiments).where(experiments.c.id == row["id"]).values(status="killed", final_result=kept)
                )
                notice = conclusion.message(self.runtime, await service.outcome_of(tx, row), row, "violated")
                await record(tx, Event("experiment.violate", "experiment", row["id"]), by=SYSTEM, notices=[notice])

    async def deliver(self) -> None:
        """Every batch of the outbox by the worker's own hands; a channel's second is over as soon as one waits for it."""
        for _ in range(20):
            async with self.runtime.transaction(self.story.org_id) as tx:
                mine = (outbox.c.kind == "notice") & (outbox.c.status == "due")
                batches = {row["batch"] for row in await tx.all(select(outbox.c.batch).where(mine))}
            if not batches:
                return
            for batch in batches:
                await self.next_second()
                await worker.deliver(self.runtime, self.story.org_id, batch, wanted=worker.is_notice)
        pytest.fail("the outbox never became empty")

    async def next_second(self) -> None:
        """Whoever waits for their turn in the channel has it now."""
        async with self.runtime.transaction(self.story.org_id) as tx:
            await tx.run(
                update(outbox).where(outbox.c.status == "due").values(available_at=self.start, lease_until=None)
            )
            await tx.run(update(deliveries).where(deliveries.c.subject_kind == "pace").values(details={"next": 0}))
            await tx.run(text("update deliveries set details = details - 'turn' where jsonb_exists(details, 'turn')"))

    async def die_and_come_back(self) -> None:
        """A new process, which performs again what the old one did last without marking it."""
        worker._channels.clear()
        async with self.runtime.transaction(self.story.org_id) as tx:
            last = select(outbox.c.id).where(outbox.c.kind == "notice").order_by(outbox.c.id.desc()).limit(10)
            await tx.run(update(outbox).where(outbox.c.id.in_(last)).values(status="due"))


@pytest.fixture
async def month(office, settings):
    office.story.runtime.settings = settings.model_copy(update={"progress_every_seconds": TOLD_EVERY})
    worker._channels.clear()
    worker._channels["slack"] = office.channel
    made = Month(office)
    yield made
    for channel in worker._channels.values():
        await channel.close()
    worker._channels.clear()


async def test_a_month_of_twenty_experiments_stays_within_the_budget(month, office):
    await month.begin(MANY)
    await month.deliver()
    await month.answered("measuring")
    for day in range(DAYS):
        await month.day(day)
        if day % 10 == 9:
            await month.deliver()
            await month.die_and_come_back()
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        for row in list(month.rows.values()):
            await month.ask(tx, row, "analysis_review")
    await month.deliver()
    await month.answered("measuring")
    await month.killed()
    await month.deliver()
    await month.die_and_come_back()
    await month.deliver()

    ben = await office.come_in("ben")
    said = [one for one in await ben.messages("checkout") if "Experiment " in str(one["blocks"])]
    titles = {row["title"] for row in month.rows.values()}
    roots = Counter(
        title
        for one in said
        if one.get("thread_ts") in (None, one["ts"])
        for title in titles
        if title in str(one["blocks"])
    )
    assert roots == dict.fromkeys(titles, 1), "one message each stands by itself; the budget is six"
    marks = Counter(
        str(one["metadata"]["event_payload"]) for one in said if one.get("metadata", {}).get("event_type") == METADATA
    )
    assert len(said) == sum(marks.values())
    assert set(marks.values()) == {1}, "nothing was said twice"
    assert len(said) == 3 * MANY + 2, "two gates and one living message each, and two alarms"


async def test_a_later_gate_stands_in_the_thread_of_the_first_and_words_there_decide_it(month, office):
    await month.begin(1)
    await month.deliver()
    await month.answered("measuring")
    row = next(iter(month.rows.values()))
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await month.ask(tx, row, "analysis_review")
    await month.deliver()
    ben = await office.come_in("ben")
    said = await ben.messages("checkout")
    [first] = [one for one in said if f"launch_approval of “{row['title']}" in str(one["blocks"])]
    [later] = [one for one in said if f"analysis_review of “{row['title']}" in str(one["blocks"])]
    assert later["thread_ts"] == first["ts"]
    assert later["subtype"] == "thread_broadcast", "the channel sees it too"
    gate = await office.story.gate("analysis_review")
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        found = await gate_at(tx, later["channel"], first["ts"])
    assert found is not None
    assert found["subject_id"] == gate["id"]


async def test_a_gate_whose_thread_was_deleted_stands_by_itself(month, office):
    await month.begin(1)
    await month.deliver()
    await month.answered("measuring")
    row = next(iter(month.rows.values()))
    ben = await office.come_in("ben")
    first = next(
        one for one in await ben.messages("checkout") if f"launch_approval of “{row['title']}" in str(one["blocks"])
    )
    async with office.http.post(
        f"{office.url}/api/chat.delete",
        data={"channel": first["channel"], "ts": first["ts"]},
        headers={"Authorization": "Bearer xoxb-product-test"},
    ) as reply:
        assert (await reply.json())["ok"]
    await office.hush()
    async with office.story.runtime.transaction(office.story.org_id) as tx:
        await month.ask(tx, row, "analysis_review")
    await month.deliver()
    found = [
        one for one in await ben.messages("checkout") if f"analysis_review of “{row['title']}" in str(one["blocks"])
    ]
    assert [one.get("thread_ts") for one in found] == [None]
