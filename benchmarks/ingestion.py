"""What the ingestion door costs beside a bare COPY of the same rows, what it keeps in memory, and how soon bad news turns a flag off.

    .venv/bin/python -m benchmarks.ingestion [--rows 200000] [--megabytes 200] [--kills 120]

Embedded Postgres and queue, the real web server in its own process, real workers. Prints figures and bars; asserts nothing.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from pydantic import SecretStr

from benchmarks.crowd import START, seed_experiments
from runtime.core import Runtime, open_runtime
from runtime.db.migrate import migrate
from runtime.identity import keys
from runtime.identity.members import ensure_home
from runtime.identity.people import SYSTEM
from runtime.integrations.webhooks import signed_headers
from runtime.local.databases import create_database
from runtime.local.ports import free_port
from runtime.local.postgres import LocalPostgres, start_postgres
from runtime.local.valkey import LocalValkey, start_valkey
from runtime.settings import Settings
from runtime.spec.load import load

KEYS = "bench:" + "A" * 43 + "="
PATH = "/api/v1/signals/ingest"
BAR_RATIO, BAR_MEMORY, BAR_KILL = 0.5, 60.0, 5.0
MESSAGE_ROWS, AT_ONCE, ROUNDS = 5_000, 3, 5
FILE = """
version: 1
outcomes:
  - id: checkout
    title: "Finish the checkout"
    signal: {source: ledger, metric: checkout_completed, method: event, unit: share}
    target: {direction: increase, from: 0.32, to: 0.45}
    constraints: [{signal: slow_share, max: 0.05, source: ledger, metric: slow_share}]
    horizon: 6w
    gates:
      portfolio_review: {assigned_to: owner@localhost, sla: 24h, channel: "slack:#checkout"}
signal_connectors: [{name: ledger, type: webhook, config: {clock: data}}]
feature_flags: {provider: memory}
"""
COLUMNS = (
    "org_id", "month", "event_id", "experiment_key", "unit", "variant", "at", "signal_name", "value", "batch",
)  # fmt: skip


@dataclass
class Stage:
    """A database, a web server and a key to post with."""

    postgres: LocalPostgres
    owner: str
    runtime: Runtime
    org_id: UUID
    key: keys.NewKey
    port: int
    server: subprocess.Popen[bytes]

    def headers(self, body: bytes) -> dict[str, str]:
        signed = signed_headers(self.key.signing_secret or "", uuid4().hex, body, datetime.now(UTC))
        return signed | {"Content-Type": "application/x-ndjson", "webhook-key": str(self.key.id)}

    async def post(self, session: aiohttp.ClientSession, body: bytes) -> dict[str, Any]:
        """As a sender does: what is refused for being too much comes again."""
        headers = self.headers(body)
        while True:
            async with session.post(f"http://127.0.0.1:{self.port}{PATH}", data=body, headers=headers) as answer:
                told: dict[str, Any] = await answer.json()
                if answer.status == 202:  # noqa: PLR2004  accepted
                    return told
                if answer.status != 429:  # noqa: PLR2004  too busy
                    raise SystemExit(f"The door said {answer.status}: {told}")
                await asyncio.sleep(float(answer.headers["Retry-After"]))


def environment(url: str, redis: str, port: int, folder: Path) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": url, "REDIS_URL": redis, "ENCRYPTION_KEYS": KEYS, "API_SECRET": "s" * 40, "PORT": str(port),
        "DATA_DIR": str(folder), "INGEST_BACKLOG_ROWS": "100000000", "SLACK_SIGNING_SECRET": "s" * 32, "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_API_URL": "http://127.0.0.1:1/",
    }  # fmt: skip


@asynccontextmanager
async def stage(postgres: LocalPostgres, redis: str, folder: Path, name: str) -> AsyncIterator[Stage]:
    owner, port = create_database(postgres, name), free_port()
    await migrate(owner)
    url = postgres.url(name, "outcome_app")
    runtime = open_runtime(Settings(_env_file=None, database_url=SecretStr(url), encryption_keys=SecretStr(KEYS)))
    org_id = await ensure_home(runtime)
    async with runtime.transaction(org_id) as tx:
        key = await keys.create(runtime, tx, kind="ingest", name="bench", by=SYSTEM)
    with process("bot", environment(url, redis, port, folder), folder) as server:
        await _up(port)
        yield Stage(postgres, owner, runtime, org_id, key, port, server)
    await runtime.close()


@contextmanager
def process(module: str, env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{module}.log").open("ab") as log:
        running = subprocess.Popen([sys.executable, "-m", module], env=env, stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


async def _up(port: int) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/health"):
                    return
            await asyncio.sleep(0.2)
    raise SystemExit("The web server did not start.")


def made(count: int, tag: str) -> list[dict[str, Any]]:
    """Rows of units as they are posted: one in four an exposure, the others values."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    return [
        {"id": str(uuid4()), "experiment": "guest-checkout", "unit": f"{tag}-{n % (count // 3)}",
         "variant": "treatment" if n % (count // 3) % 2 else "control", "at": (start + timedelta(milliseconds=n * 20)).isoformat(),
         **({} if n % 4 == 0 else {"signal": "revenue", "value": round(n % 97 * 1.01, 2)})}
        for n in range(count)
    ]  # fmt: skip


def bodies(rows: Sequence[dict[str, Any]]) -> list[bytes]:
    lines = [json.dumps(row).encode() for row in rows]
    return [b"\n".join(lines[start : start + MESSAGE_ROWS]) for start in range(0, len(lines), MESSAGE_ROWS)]


def records(org_id: UUID, rows: Sequence[dict[str, Any]], batch: int) -> list[tuple[Any, ...]]:
    return [
        (org_id, date(at.year, at.month, 1), row["id"], row["experiment"], row["unit"], row["variant"], at, row.get("signal", ""),
         Decimal(str(row["value"])) if "value" in row else None, batch)
        for row in rows
        for at in [datetime.fromisoformat(row["at"])]
    ]  # fmt: skip


async def by_copy(place: Stage, rows: Sequence[dict[str, Any]]) -> float:
    """Seconds of a bare binary COPY by the table's owner, in pieces of the same size."""
    ready = records(place.org_id, rows, 0)
    conn: asyncpg.Connection = await asyncpg.connect(place.owner)
    began = time.perf_counter()
    for start in range(0, len(ready), MESSAGE_ROWS):
        await conn.copy_records_to_table("ingested_rows", records=ready[start : start + MESSAGE_ROWS], columns=COLUMNS)
    taken = time.perf_counter() - began
    await conn.close()
    return taken


async def by_door(place: Stage, rows: Sequence[dict[str, Any]]) -> float:
    """Seconds until the last of the signed messages is answered; a few are under way at once, as of any sender with a queue."""
    waiting = bodies(rows)
    async with aiohttp.ClientSession() as session:

        async def send() -> int:
            accepted = 0
            while waiting:
                accepted += (await place.post(session, waiting.pop()))["accepted"]
            return accepted

        began = time.perf_counter()
        accepted = sum(await asyncio.gather(*(send() for _ in range(AT_ONCE))))
        taken = time.perf_counter() - began
    if accepted != len(rows):
        raise SystemExit(f"{accepted} of {len(rows)} rows were accepted.")
    return taken


async def throughput(place: Stage, count: int) -> None:
    """Both by turns, so that a busy neighbour disturbs both; the median of the turns."""
    part = count // ROUNDS
    await by_door(place, made(MESSAGE_ROWS, "warm"))
    copied, posted = [], []
    for number in range(ROUNDS):
        copied.append(part / await by_copy(place, made(part, f"copy{number}")))
        posted.append(part / await by_door(place, made(part, f"door{number}")))
    ratio = statistics.median(door / copy for door, copy in zip(posted, copied, strict=True))
    print(f"bare COPY into the table       {statistics.median(copied):>10,.0f} rows/s")
    print(f"through the signed door        {statistics.median(posted):>10,.0f} rows/s")
    print(f"ratio                          {ratio:>10.2f}   bar >= {BAR_RATIO}")


def rss(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


async def memory(place: Stage, megabytes: int) -> None:
    await by_door(place, made(3 * MESSAGE_ROWS, "memory"))
    before, most, sent, number = rss(place.server.pid), 0.0, 0, 0
    async with aiohttp.ClientSession() as session:
        while sent < megabytes * 1024 * 1024:
            some = bodies(made(AT_ONCE * MESSAGE_ROWS, f"m{number}"))
            await asyncio.gather(*(place.post(session, body) for body in some))
            sent, number = sent + sum(map(len, some)), number + 1
            most = max(most, rss(place.server.pid))
    print(f"memory over {sent / 1024 / 1024:,.0f} MB posted      {most - before:>+10.1f} MiB  bar < {BAR_MEMORY:.0f}")


async def folding(place: Stage) -> None:
    """What waits after the throughput: folded in this process, as one worker does."""
    from runtime.ingestion.fold import fold  # noqa: PLC0415  only for this part

    began = time.perf_counter()
    rows = await fold(place.runtime, place.org_id)
    if rows:
        print(f"folded into units and rollups  {rows / (time.perf_counter() - began):>10,.0f} rows/s")


async def prepared(place: Stage, count: int) -> list[tuple[UUID, str]]:
    """Running experiments whose signals come by the door, measured once already."""
    await seed_experiments(place.owner, place.org_id, count)
    conn: asyncpg.Connection = await asyncpg.connect(place.owner)
    file = {
        "signal_connectors": [{"name": "ledger", "type": "webhook", "config": {"clock": "data"}}],
        "feature_flags": {"provider": "memory", "config": {}},
    }
    await conn.execute("update workspaces set outcome_file = $1::text::jsonb", json.dumps(file))
    limits = [{"signal": "slow_share", "source": "ledger", "metric": "slow_share", "max": 0.05}]
    spec = json.dumps(load(FILE).outcomes[0].model_dump(mode="json", by_alias=True))
    await conn.execute(
        "update outcomes set constraints = $1::text::jsonb, spec = $2::text::jsonb", json.dumps(limits), spec
    )
    found = await conn.fetch("select id, feature_flag_key from experiments order by created_at, id")
    await conn.close()
    return [(row["id"], row["feature_flag_key"]) for row in found]


def violated(key: str, place: int) -> bytes:
    """40 % of the treated are slow where 5 % may be: by turns as sums and as rows of units."""
    start, end = START + timedelta(hours=1), START + timedelta(hours=2)
    if place % 2:
        shared = {"experiment": key, "signal": "slow_share", "n": 500, "from": start.isoformat(), "to": end.isoformat()}
        slow = {"control": 10, "treatment": 200}
        rows = [shared | {"variant": arm, "sum": total, "sum_sq": total} for arm, total in slow.items()]
        return b"\n".join(json.dumps(row).encode() for row in rows)
    rows = [
        {"id": str(uuid4()), "experiment": key, "unit": f"u{n}", "variant": "treatment" if n % 2 else "control",
         "at": (start + timedelta(seconds=n)).isoformat(), "signal": "slow_share", "value": int(n % 10 in {1, 3})}
        for n in range(1000)
    ]  # fmt: skip
    return b"\n".join(json.dumps(row).encode() for row in rows)


async def kills(place: Stage, count: int) -> None:
    """From the door's 202 to the flag service's confirmation that the flag is off, as the journal has it."""
    running = await prepared(place, count)
    conn: asyncpg.Connection = await asyncpg.connect(place.owner)
    await _measured(conn)
    accepted: dict[UUID, datetime] = {}
    async with aiohttp.ClientSession() as session:
        for number, (experiment, key) in enumerate(running):
            await place.post(session, violated(key, number))
            accepted[experiment] = datetime.now(UTC)
            await asyncio.sleep(1.0)
    taken = await _off(conn, accepted)
    if len(taken) < count:
        states = await conn.fetch("select status, count(*) as n from experiments group by status order by status")
        print("states at the end: " + ", ".join(f"{row['n']} {row['status']}" for row in states))
    await conn.close()
    if not taken:
        print("no flag was turned off; see the workers' log")
        return
    ordered = sorted(taken)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"accepted -> killed, p50        {await _decided(place, accepted):>10.2f} s")
    print(f"flags turned off               {len(taken):>10} of {count}")
    print(f"accepted -> flag off, p50      {statistics.median(ordered):>10.2f} s")
    print(f"accepted -> flag off, p99      {p99:>10.2f} s   bar <= {BAR_KILL}")


async def _measured(conn: "asyncpg.Connection") -> None:
    """Until every experiment has been measured once, so that none is due anyway."""
    due = "select exists (select from timers where kind = 'measure' and due_at <= now() and status = 'armed')"
    for _ in range(600):
        if not await conn.fetchval(due):
            return
        await asyncio.sleep(0.2)


async def _decided(place: Stage, accepted: dict[UUID, datetime]) -> float:
    """How much of it passes before the decision stands."""
    conn: asyncpg.Connection = await asyncpg.connect(place.owner)
    rows = await conn.fetch("select id, concluded_at from experiments where status = 'killed'")
    await conn.close()
    taken: list[float] = [(row["concluded_at"] - accepted[row["id"]]).total_seconds() for row in rows]
    return statistics.median(taken)


async def _off(conn: "asyncpg.Connection", accepted: dict[UUID, datetime]) -> list[float]:
    rows: list[Any] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(rows) < len(accepted):
        rows = await conn.fetch(
            "select subject_id, min(at) as at from journal where event = 'flag.set' and (payload ->> 'percent')::int = 0 group by 1"
        )
        await asyncio.sleep(0.2)
    return [(row["at"] - accepted[row["subject_id"]]).total_seconds() for row in rows if row["subject_id"] in accepted]


async def run(arguments: argparse.Namespace, postgres: LocalPostgres, valkey: LocalValkey, folder: Path) -> None:
    if arguments.rows:
        async with stage(postgres, valkey.url, folder, "throughput") as place:
            await throughput(place, arguments.rows)
            await memory(place, arguments.megabytes)
            await folding(place)
    if not arguments.kills:
        return
    async with stage(postgres, valkey.url, folder, "kills") as place:
        env = environment(postgres.url("kills", "outcome_app"), valkey.url, place.port, folder)
        with process("workers", env, folder), process("workers", env, folder):
            await kills(place, arguments.kills)


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--rows", type=int, default=200_000)
    reading.add_argument("--megabytes", type=int, default=200)
    reading.add_argument("--kills", type=int, default=120)
    reading.add_argument("--folder", type=Path, help="Where logs are kept; a temporary folder otherwise.")
    arguments = reading.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        postgres = start_postgres(Path(temporary) / "postgres")
        valkey = start_valkey(Path(temporary) / "valkey")
        try:
            asyncio.run(run(arguments, postgres, valkey, folder))
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
