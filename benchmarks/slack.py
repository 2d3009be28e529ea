"""Pressing buttons in Slack: how soon a click is acknowledged and its message redrawn, a crowd at one gate, and many gates at once.

    .venv/bin/python -m benchmarks.slack [--clicks 300] [--rate 50] [--crowd 1000] [--gates 200]

Embedded Postgres and queue, the real web server and a real worker process; the sandbox workspace stands for Slack. Prints figures and bars;
asserts nothing.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import insert

from benchmarks.ingestion import KEYS, _up, environment, process
from bot.slack.sandbox.config import Person, SandboxConfig
from bot.slack.sandbox.keys import WORKSPACE
from bot.slack.sandbox.outgoing import signature
from bot.slack.sandbox.server import create_app
from bot.slack.values import Pressed
from runtime.core import Runtime, open_runtime
from runtime.db.migrate import migrate
from runtime.db.tables import human_gates, members
from runtime.digest import digest
from runtime.gates import rows
from runtime.gates.choices import offered
from runtime.identity.members import ensure_home
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.local.databases import create_database
from runtime.local.ports import free_port
from runtime.local.postgres import LocalPostgres, start_postgres
from runtime.local.valkey import start_valkey
from runtime.settings import Settings

ACK, REDRAWN, CROWD = 0.050, 1.0, 10.0
TOKEN, SECRET = "xoxb-bench", "s" * 32
CHANNELS = tuple(f"bench-{n}" for n in range(20))
EVIDENCE = digest({})
PATIENCE = 120.0
KIND = "agent_question"
"""Any number of them may be open, and an answer has no consequence beyond itself."""


@dataclass
class Floor:
    """The door to press at, the people who press, and what Slack was told when."""

    runtime: Runtime
    org_id: UUID
    owner: str
    door: str
    people: Sequence[Person]
    config: SandboxConfig
    sandbox: web.Application
    answers: str
    redrawn: dict[str, list[float]] = field(default_factory=dict)
    answered: list[str] = field(default_factory=list)

    def limit(self, *, on: bool) -> None:
        """Whether the workspace counts calls as Slack does."""
        self.sandbox[WORKSPACE].config = self.config.model_copy(update={"rate_limits": on})


def people(count: int) -> tuple[Person, ...]:
    return tuple(Person(name=f"Person {n}", email=f"p{n}@example.com") for n in range(count))


@asynccontextmanager
async def floor(postgres: LocalPostgres, redis: str, folder: Path, crowd: int) -> AsyncIterator[Floor]:
    owner, port, workspace_port = create_database(postgres, "slack"), free_port(), free_port()
    await migrate(owner)
    url = postgres.url("slack", "outcome_app")
    runtime = open_runtime(Settings(_env_file=None, database_url=SecretStr(url), encryption_keys=SecretStr(KEYS)))
    org_id, known = await ensure_home(runtime), people(crowd)
    door = f"http://127.0.0.1:{port}/slack/events"
    config = SandboxConfig(
        events_url=door, signing_secret=SecretStr(SECRET), bot_token=SecretStr(TOKEN), data=folder / "workspace", people=known,
        channels=CHANNELS, port=workspace_port,
    )  # fmt: skip
    base = f"http://127.0.0.1:{workspace_port}/api/"
    env = environment(url, redis, port, folder) | {
        "SLACK_BASE_URL": base,
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": SECRET,
    }
    app = create_app(config)
    there = Floor(runtime, org_id, owner, door, known, config, app, f"http://127.0.0.1:{workspace_port}/answered/")
    app.middlewares.append(_watching(there))
    app.add_routes([web.post("/answered/{person}", _answered(there))])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", workspace_port).start()
    await _furnish(there)
    with process("bot", env, folder), process("workers", env, folder):
        await _up(port)
        yield there
    await runner.cleanup()
    await runtime.close()


def _watching(there: Floor) -> Any:
    @web.middleware
    async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path != "/api/chat.update":
            return await handler(request)  # type: ignore[no-any-return]
        given = await request.json() if request.content_type == "application/json" else await request.post()
        answer: web.StreamResponse = await handler(request)
        there.redrawn.setdefault(str(given.get("ts")), []).append(time.perf_counter())
        return answer

    return watch


def _answered(there: Floor) -> Any:
    async def answered(request: web.Request) -> web.Response:
        there.answered.append(str((await request.json()).get("text")))
        return web.Response(text="ok")

    return answered


async def _furnish(there: Floor) -> None:
    """Everybody is already known by their Slack id."""
    found = [
        {"org_id": there.org_id, "name": one.name, "email": one.email, "role": "member", "slack_user_id": one.id}
        for one in there.people
    ]
    async with there.runtime.transaction(there.org_id) as tx:
        await tx.run(insert(members), found)


async def opened(there: Floor, count: int, channels: Sequence[str], *, chain: Sequence[str] = ()) -> list[UUID]:
    """Gates, all in one transaction; their messages go out through the outbox."""
    conn: asyncpg.Connection = await asyncpg.connect(there.owner)
    outcomes = [row["id"] for row in await conn.fetch(_OUTCOMES, there.org_id, count, uuid4().hex)]
    await conn.close()
    made = []
    async with there.runtime.transaction(there.org_id) as tx:
        for number in range(count):
            values = {
                "outcome_id": outcomes[number], "gate_type": KIND, "question": f"Question {number}?", "options": offered(KIND),
                "context_package": {"kind": KIND, "headline": f"Question {number}?"}, "assigned_to": there.people[0].email,
                "escalation_chain": list(chain), "chain_position": len(chain), "due_at": datetime.now(UTC) + timedelta(days=1),
                "channel": f"slack:#{channels[number % len(channels)]}", "evidence_hash": EVIDENCE, "org_id": there.org_id,
            }  # fmt: skip
            gate = await tx.first(insert(human_gates).values(values).returning(human_gates))
            if gate is None:
                raise SystemExit("A gate was not made.")
            await record(tx, Event("gate.opened", "gate", gate["id"]), by=SYSTEM, notices=[rows.redraw(gate, 1)])
            made.append(gate["id"])
    return made


_OUTCOMES = """
insert into outcomes (org_id, slug, title, status, primary_signal, target, constraints, horizon, owner)
select $1, $3 || n, 'Outcome ' || n, 'active', '{"source": "ledger", "metric": "m", "method": "event", "unit": "share"}',
  '{"direction": "increase", "from": 0.3, "to": 0.4}', '[]', interval '6 weeks', 'p0@example.com'
from generate_series(1, $2::integer) as n returning id
"""


async def shown(there: Floor, gates: Sequence[UUID], patience: float) -> dict[UUID, tuple[str, str]]:
    """Channel and ts of each gate's message, once they are all there."""
    conn: asyncpg.Connection = await asyncpg.connect(there.owner)
    found: dict[UUID, tuple[str, str]] = {}
    deadline = time.monotonic() + patience
    while len(found) < len(gates) and time.monotonic() < deadline:
        told = await conn.fetch(
            "select subject_id, external_place, external_id from deliveries where subject_kind = 'gate' and external_id is not null "
            "and subject_id = any($1)",
            list(gates),
        )
        found = {row["subject_id"]: (row["external_place"], row["external_id"]) for row in told}
        await asyncio.sleep(0.2)
    await conn.close()
    return found


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        if done() or time.monotonic() > deadline:
            return
        await asyncio.sleep(0.05)


async def press(
    http: aiohttp.ClientSession, there: Floor, person: Person, gate: UUID, choice: str, at: tuple[str, str]
) -> float:
    """Seconds from the click to the acknowledgement."""
    moment = f"{time.time():.6f}"
    value = Pressed(g=gate, c=choice, e=EVIDENCE[:16]).dump()
    body = {
        "type": "block_actions", "team": {"id": there.config.team_id}, "user": {"id": person.id, "team_id": there.config.team_id},
        "api_app_id": there.config.app_id, "token": "x", "trigger_id": uuid4().hex, "channel": {"id": at[0]},
        "container": {"type": "message", "channel_id": at[0], "message_ts": at[1]}, "response_url": there.answers + person.id,
        "actions": [{"type": "button", "action_id": f"gate:{choice}", "block_id": "gate-answer", "value": value, "action_ts": moment}],
    }  # fmt: skip
    raw, stamp = urlencode({"payload": json.dumps(body)}).encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(SECRET, stamp, raw),
    }  # fmt: skip
    began = time.perf_counter()
    async with http.post(there.door, data=raw, headers=headers) as answer:
        await answer.read()
        if answer.status != 200:  # noqa: PLR2004  acknowledged
            raise SystemExit(f"The door said {answer.status}.")
    return time.perf_counter() - began


async def clicks(there: Floor, count: int, rate: float) -> None:
    gates = await opened(there, count, CHANNELS)
    where = await shown(there, gates, count / len(CHANNELS) + PATIENCE)
    began: dict[str, float] = {}
    async with aiohttp.ClientSession() as http:

        async def one(gate: UUID) -> float:
            began[where[gate][1]] = time.perf_counter()
            return await press(http, there, there.people[0], gate, "approve", where[gate])

        tasks = []
        for gate in where:
            tasks.append(asyncio.create_task(one(gate)))
            await asyncio.sleep(1 / rate)
        acknowledged = await asyncio.gather(*tasks)
    await until(lambda: began.keys() <= there.redrawn.keys())
    redrawn = [there.redrawn[ts][0] - at for ts, at in began.items() if ts in there.redrawn]
    print(f"clicks answered                {len(acknowledged):>10} of {count} at {rate:g}/s")
    tell("click -> acknowledged, p99", acknowledged, 0.99, ACK)
    print(f"messages redrawn               {len(redrawn):>10} of {len(began)}")
    tell("click -> redrawn, p95", redrawn, 0.95, REDRAWN)


def tell(name: str, taken: Sequence[float], share: float, bar: float) -> None:
    if taken:
        ordered = sorted(taken)
        found = ordered[min(len(ordered) - 1, int(len(ordered) * share))]
        print(
            f"{name:<30} {found * 1000:>10.0f} ms  (median {statistics.median(ordered) * 1000:.0f})  bar < {bar * 1000:.0f}"
        )


async def crowd(there: Floor) -> None:
    """Everybody may decide, and everybody presses one of the two buttons in the same second."""
    [gate] = await opened(there, 1, CHANNELS[:1], chain=[one.email for one in there.people[1:]])
    at = (await shown(there, [gate], PATIENCE))[gate]
    there.answered.clear()
    choices = [option["id"] for option in offered(KIND)]
    began = time.perf_counter()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        pressed = (press(http, there, one, gate, choices[n % len(choices)], at) for n, one in enumerate(there.people))
        await asyncio.gather(*pressed)
    await until(lambda: len(there.answered) >= len(there.people) - 1)
    taken = time.perf_counter() - began
    conn: asyncpg.Connection = await asyncpg.connect(there.owner)
    decided = await conn.fetchval("select count(*) from journal where subject_id = $1 and event = 'gate.decided'", gate)
    await conn.close()
    polite = sum("already" in text for text in there.answered)
    print(
        f"{len(there.people)} people at one gate         {decided:>10} decisions, {polite} told it is decided, of {len(there.answered)} answers"
    )
    for text, times in Counter(there.answered).most_common(2):
        print(f"  {times} were told: {text[:100]}")
    print(f"until the last has an answer   {taken:>10.1f} s   bar < {CROWD:g}")


async def many(there: Floor, count: int) -> None:
    """All at once, within Slack's own limits; in each channel they must stand in the order they were opened."""
    channels = CHANNELS[:10]
    there.limit(on=True)
    began = time.perf_counter()
    gates = await opened(there, count, channels)
    where = await shown(there, gates, count / len(channels) + PATIENCE)
    taken = time.perf_counter() - began
    there.limit(on=False)
    swapped = 0
    for start in range(len(channels)):
        stood = [float(where[gate][1]) for gate in gates[start :: len(channels)] if gate in where]
        swapped += sum(later < earlier for earlier, later in pairwise(stood))
    print(
        f"gates that reached a channel   {len(where):>10} of {count} in {taken:.1f} s, at one a second in each of {len(channels)} channels"
    )
    print(f"out of order                   {swapped:>10}     bar 0")


async def run(arguments: argparse.Namespace, postgres: LocalPostgres, redis: str, folder: Path) -> None:
    async with floor(postgres, redis, folder, arguments.crowd) as there:
        await clicks(there, arguments.clicks, arguments.rate)
        await crowd(there)
        await many(there, arguments.gates)


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--clicks", type=int, default=300)
    reading.add_argument("--rate", type=float, default=50, help="Clicks a second.")
    reading.add_argument("--crowd", type=int, default=1000, help="People at one gate.")
    reading.add_argument("--gates", type=int, default=200)
    reading.add_argument("--folder", type=Path, help="Where logs are kept; a temporary folder otherwise.")
    arguments = reading.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        postgres = start_postgres(Path(temporary) / "postgres")
        valkey = start_valkey(Path(temporary) / "valkey")
        try:
            asyncio.run(run(arguments, postgres, valkey.url, folder))
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
