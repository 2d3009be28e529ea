"""How soon bad news turns a flag off: from the ingestion door's 202 to the flag service's confirmation, as the journal has it.

    .venv/bin/python -m benchmarks.kills [--kills 120] [--pace 0.5] [--busy 2]

Embedded Postgres and queue, the real web server and two real worker processes; Slack refuses every message, and as many processes as asked
for keep the cores busy. Prints figures and the bar; asserts nothing.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg

from benchmarks.crowd import START, seed_experiments
from benchmarks.ingestion import Stage, environment, process, stage
from runtime.local.postgres import LocalPostgres, start_postgres
from runtime.local.valkey import start_valkey
from runtime.spec.load import load

BAR, PATIENCE = 5.0, 60.0
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


async def kills(place: Stage, count: int, pace: float) -> None:
    """From the door's 202 to the flag service's confirmation that the flag is off, as the journal has it."""
    running = await prepared(place, count)
    conn: asyncpg.Connection = await asyncpg.connect(place.owner)
    await _measured(conn)
    accepted: dict[UUID, datetime] = {}
    async with aiohttp.ClientSession() as session:
        for number, (experiment, key) in enumerate(running):
            await place.post(session, violated(key, number))
            accepted[experiment] = datetime.now(UTC)
            await asyncio.sleep(pace)
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
    print(f"accepted -> flag off, p99      {p99:>10.2f} s   bar <= {BAR}")


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
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and len(rows) < len(accepted):
        rows = await conn.fetch(
            "select subject_id, min(at) as at from journal where event = 'flag.set' and (payload ->> 'percent')::int = 0 group by 1"
        )
        await asyncio.sleep(0.2)
    return [(row["at"] - accepted[row["subject_id"]]).total_seconds() for row in rows if row["subject_id"] in accepted]


@contextmanager
def busy(cores: int) -> Iterator[None]:
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for one in spinning:
            one.kill()
            one.wait()


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--kills", type=int, default=120)
    reading.add_argument("--pace", type=float, default=0.5, help="Seconds between two messages.")
    reading.add_argument("--busy", type=int, default=2, help="Processes that do nothing but compute.")
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


async def run(arguments: argparse.Namespace, postgres: LocalPostgres, redis: str, folder: Path) -> None:
    async with stage(postgres, redis, folder, "kills") as place:
        env = environment(postgres.url("kills", "outcome_app"), redis, place.port, folder)
        with process("workers", env, folder), process("workers", env, folder), busy(arguments.busy):
            await kills(place, arguments.kills, arguments.pace)


if __name__ == "__main__":
    main()
