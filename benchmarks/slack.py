"""Pressing buttons in Slack: how soon a click is acknowledged and its message redrawn, a crowd at one gate, and many gates at once.

    .venv/bin/python -m benchmarks.slack [--clicks 300] [--rate 50] [--crowd 1000] [--gates 200]

Embedded Postgres and queue (durable, as the product runs them), the real web server and a real worker process; the sandbox workspace stands for
Slack, in a process of its own. A click is due at its own moment whether or not the ones before it were answered, and its time counts from then.
Prints figures and bars; asserts nothing.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from pydantic import SecretStr
from sqlalchemy import insert

from benchmarks.ingestion import KEYS, _up, environment, process, processor
from benchmarks.workspace import dumped
from bot.slack.sandbox.config import Person, SandboxConfig
from bot.slack.sandbox.outgoing import signature
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


@dataclass(frozen=True)
class Floor:
    """The door to press at, the people who press, and the workspace's own address; `pids` is whose processor time counts as what."""

    runtime: Runtime
    org_id: UUID
    owner: str
    door: str
    people: Sequence[Person]
    config: SandboxConfig
    workspace: str
    pids: Mapping[str, int]

    @property
    def answers(self) -> str:
        return f"{self.workspace}/answered/"

    async def told(self, http: aiohttp.ClientSession, what: str = "told") -> dict[str, Any]:
        """When each message was first redrawn and what was answered in private; of `told/counts`, how many of each."""
        async with http.get(f"{self.workspace}/{what}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def say(self, what: str) -> None:
        async with aiohttp.ClientSession() as http, http.post(f"{self.workspace}/{what}") as answer:
            answer.raise_for_status()


def people(count: int) -> tuple[Person, ...]:
    return tuple(Person(name=f"Person {n}", email=f"p{n}@example.com") for n in range(count))


@asynccontextmanager
async def floor(servers: Mapping[str, int], postgres: LocalPostgres, redis: str, folder: Path, crowd: int) -> AsyncIterator[Floor]:  # fmt: skip
    owner, port, workspace_port = create_database(postgres, "slack"), free_port(), free_port()
    await migrate(owner)
    url = postgres.url("slack", "outcome_app")
    runtime = open_runtime(Settings(_env_file=None, database_url=SecretStr(url), encryption_keys=SecretStr(KEYS)))
    org_id, known = await ensure_home(runtime), people(crowd)
    door, workspace = f"http://127.0.0.1:{port}/slack/events", f"http://127.0.0.1:{workspace_port}"
    config = SandboxConfig(
        events_url=door, signing_secret=SecretStr(SECRET), bot_token=SecretStr(TOKEN), data=folder / "workspace", people=known,
        channels=CHANNELS, port=workspace_port,
    )  # fmt: skip
    env = environment(url, redis, port, folder) | {
        "SLACK_BASE_URL": f"{workspace}/api/",
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": SECRET,
    }
    with _workspace(config) as slack, process("bot", env, folder) as bot, process("workers", env, folder) as workers:
        pids = {"bot": bot.pid, "worker": workers.pid, **servers, "workspace": slack.pid}
        there = Floor(runtime, org_id, owner, door, known, config, workspace, pids)
        await _furnish(there)
        await _up(port)
        yield there
    await runtime.close()


@contextmanager
def _workspace(config: SandboxConfig) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen([sys.executable, "-m", "benchmarks.workspace"], stdin=subprocess.PIPE)
    assert running.stdin is not None
    running.stdin.write(dumped(config).encode())
    running.stdin.close()
    try:
        yield running
    finally:
        running.terminate()
        running.wait(15)


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


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        if await done() or time.monotonic() > deadline:
            return
        await asyncio.sleep(0.2)


async def press(
    http: aiohttp.ClientSession, there: Floor, person: Person, gate: UUID, choice: str, at: tuple[str, str]
) -> float:
    """The moment of the acknowledgement."""
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
    async with http.post(there.door, data=raw, headers=headers) as answer:
        await answer.read()
        if answer.status != 200:  # noqa: PLR2004  acknowledged
            raise SystemExit(f"The door said {answer.status}.")
    return time.perf_counter()


@dataclass
class Click:
    """When it was due, when it was sent and when it was acknowledged."""

    ts: str
    due: float
    sent: float = 0.0
    acknowledged: float = 0.0


async def clicks(there: Floor, count: int, rate: float) -> None:
    gates = await opened(there, count, CHANNELS)
    where = await shown(there, gates, count / len(CHANNELS) + PATIENCE)
    await there.say("told/forget")
    made: list[Click] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def one(gate: UUID, due: float) -> None:
            click = Click(where[gate][1], due)
            made.append(click)
            await asyncio.sleep(due - time.perf_counter())
            click.sent = time.perf_counter()
            click.acknowledged = await press(http, there, there.people[0], gate, "approve", where[gate])

        async def redrawn() -> bool:
            return int((await there.told(http, "told/counts"))["redrawn"]) >= len(where)

        before, commits = spent(there.pids), await committed(there)
        start = time.perf_counter() + 0.2
        await asyncio.gather(*(one(gate, start + number / rate) for number, gate in enumerate(where)))
        await until(redrawn)
        told = (await there.told(http))["redrawn"]
    await asyncio.sleep(1.5)
    after = {name: (now - before[name]) / count * 1000 for name, now in spent(there.pids).items()}
    commits = (await committed(there) - commits) / count
    print(f"clicks answered                {len(made):>10} of {count} at {rate:g}/s")
    tell("clicks sent late by, p99", [click.sent - click.due for click in made], 0.99)
    tell("click -> acknowledged, p99", [click.acknowledged - click.due for click in made], 0.99, ACK)
    print(f"messages redrawn               {sum(click.ts in told for click in made):>10} of {len(made)}")
    tell("click -> redrawn, p95", [told[click.ts] - click.due for click in made if click.ts in told], 0.95, REDRAWN)
    parts = ", ".join(f"{name} {each:.1f}" for name, each in after.items())
    print(f"processor time of one click    {sum(after.values()):>10.1f} ms  ({parts}); {commits:.1f} transactions")


def spent(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of processor time so far; a server's children count with it, and the presser is this process."""
    found = {}
    for name, pid in pids.items():
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found[name] = sum(processor(each) for each in (pid, *map(int, children)))
    return found | {"presser": time.process_time()}


async def committed(there: Floor) -> float:
    conn: asyncpg.Connection = await asyncpg.connect(there.owner)
    found = await conn.fetchval("select xact_commit from pg_stat_database where datname = current_database()")
    await conn.close()
    return float(found)


def tell(name: str, taken: Sequence[float], share: float, bar: float | None = None) -> None:
    if taken:
        ordered = sorted(taken)
        found = ordered[min(len(ordered) - 1, int(len(ordered) * share))]
        least = f"  bar < {bar * 1000:.0f}" if bar else ""
        print(f"{name:<30} {found * 1000:>10.0f} ms  (median {statistics.median(ordered) * 1000:.0f}){least}")


async def crowd(there: Floor) -> None:
    """Everybody may decide, and everybody presses one of the two buttons in the same second."""
    [gate] = await opened(there, 1, CHANNELS[:1], chain=[one.email for one in there.people[1:]])
    at = (await shown(there, [gate], PATIENCE))[gate]
    await there.say("told/forget")
    choices = [option["id"] for option in offered(KIND)]
    began = time.perf_counter()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        pressed = (press(http, there, one, gate, choices[n % len(choices)], at) for n, one in enumerate(there.people))
        await asyncio.gather(*pressed)

        async def answered() -> bool:
            return int((await there.told(http, "told/counts"))["answered"]) >= len(there.people) - 1

        await until(answered)
        taken = time.perf_counter() - began
        told: list[str] = (await there.told(http))["answered"]
    conn: asyncpg.Connection = await asyncpg.connect(there.owner)
    decided = await conn.fetchval("select count(*) from journal where subject_id = $1 and event = 'gate.decided'", gate)
    await conn.close()
    polite = sum("already" in text for text in told)
    print(
        f"{len(there.people)} people at one gate         {decided:>10} decisions, {polite} told it is decided, of {len(told)} answers"
    )
    for text, times in Counter(told).most_common(2):
        print(f"  {times} were told: {text[:100]}")
    print(f"until the last has an answer   {taken:>10.1f} s   bar < {CROWD:g}")


async def many(there: Floor, count: int) -> None:
    """All at once, within Slack's own limits; in each channel they must stand in the order they were opened."""
    channels = CHANNELS[:10]
    await there.say("limit/on")
    began = time.perf_counter()
    gates = await opened(there, count, channels)
    where = await shown(there, gates, count / len(channels) + PATIENCE)
    taken = time.perf_counter() - began
    await there.say("limit/off")
    swapped = 0
    for start in range(len(channels)):
        stood = [float(where[gate][1]) for gate in gates[start :: len(channels)] if gate in where]
        swapped += sum(later < earlier for earlier, later in pairwise(stood))
    print(
        f"gates that reached a channel   {len(where):>10} of {count} in {taken:.1f} s, at one a second in each of {len(channels)} channels"
    )
    print(f"out of order                   {swapped:>10}     bar 0")


async def run(arguments: argparse.Namespace, servers: Mapping[str, int], postgres: LocalPostgres, redis: str, folder: Path) -> None:  # fmt: skip
    async with floor(servers, postgres, redis, folder, arguments.crowd) as there:
        if arguments.warm:
            print("The first clicks of a process that has just started:")
            await clicks(there, arguments.warm, 10.0)
            print("Then:")
        for rate in arguments.rate:
            await clicks(there, arguments.clicks, rate)
        if arguments.crowd > 1:
            await crowd(there)
        if arguments.gates:
            await many(there, arguments.gates)


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--clicks", type=int, default=300)
    reading.add_argument("--warm", type=int, default=20, help="Clicks before those, at 10 a second, told apart.")
    reading.add_argument("--rate", type=float, nargs="*", default=[50.0], help="Clicks a second; several are tried one after the other.")  # fmt: skip
    reading.add_argument("--crowd", type=int, default=1000, help="People at one gate; 1 leaves it out.")
    reading.add_argument("--gates", type=int, default=200, help="Opened at once; 0 leaves it out.")
    reading.add_argument("--folder", type=Path, help="Where logs are kept; a temporary folder otherwise.")
    arguments = reading.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        postgres = start_postgres(Path(temporary) / "postgres")
        valkey = start_valkey(Path(temporary) / "valkey")
        try:
            servers = {"postgres": postgres.pid or 0, "queue": valkey.pid or 0}
            asyncio.run(run(arguments, servers, postgres, valkey.url, folder))
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
