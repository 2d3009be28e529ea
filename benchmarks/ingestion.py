"""What the ingestion door costs beside a bare COPY of the same rows, and what it keeps in memory.

    .venv/bin/python -m benchmarks.ingestion [--rows 200000] [--megabytes 200]

Embedded Postgres and the real web server in its own process. Prints figures and bars; asserts nothing.
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
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from pydantic import SecretStr

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

KEYS = "bench:" + "A" * 43 + "="
PATH = "/api/v1/signals/ingest"
BAR_RATIO, BAR_MEMORY = 0.5, 60.0
MESSAGE_ROWS, AT_ONCE, ROUNDS = 5_000, 3, 5
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


@dataclass(frozen=True)
class Spent:
    """Seconds of processor time so far, or microseconds for each row."""

    server: float
    postgres: float
    sender: float

    def since(self, before: "Spent", rows: int) -> "Spent":
        each = [(now - then) / rows * 1e6 for now, then in zip(astuple(self), astuple(before), strict=True)]
        return Spent(*each)

    @property
    def total(self) -> float:
        return self.server + self.postgres + self.sender


def environment(url: str, redis: str, port: int, folder: Path) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": url, "REDIS_URL": redis, "ENCRYPTION_KEYS": KEYS, "API_SECRET": "s" * 40, "PORT": str(port),
        "DATA_DIR": str(folder), "INGEST_BACKLOG_ROWS": "100000000", "SLACK_SIGNING_SECRET": "s" * 32, "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_BASE_URL": "http://127.0.0.1:1/",
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


TICKS = os.sysconf("SC_CLK_TCK")


def processor(pid: int) -> float:
    """Seconds of processor time of a process and of the children it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has ended since, and its parent counts it
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def spent(place: Stage) -> Spent:
    """Postgres is all its processes; the sender is this one."""
    postmaster: int = place.postgres.pid or 0
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    postgres = sum(processor(pid) for pid in [postmaster, *map(int, children)])
    return Spent(processor(place.server.pid), postgres, time.process_time())


async def by_copy(place: Stage, ready: Sequence[tuple[Any, ...]]) -> float:
    """Seconds of a bare binary COPY by the table's owner, in pieces of the same size."""
    conn: asyncpg.Connection = await asyncpg.connect(place.owner)
    began = time.perf_counter()
    for start in range(0, len(ready), MESSAGE_ROWS):
        await conn.copy_records_to_table("ingested_rows", records=ready[start : start + MESSAGE_ROWS], columns=COLUMNS)
    taken = time.perf_counter() - began
    await conn.close()
    return taken


async def by_door(place: Stage, messages: Sequence[bytes]) -> float:
    """Seconds until the last of the signed messages is answered; a few are under way at once, as of any sender with a queue."""
    waiting = list(messages)
    async with aiohttp.ClientSession() as session:

        async def send() -> int:
            accepted = 0
            while waiting:
                accepted += (await place.post(session, waiting.pop()))["accepted"]
            return accepted

        began = time.perf_counter()
        accepted = sum(await asyncio.gather(*(send() for _ in range(AT_ONCE))))
        taken = time.perf_counter() - began
    if accepted != (sent := sum(message.count(b"\n") + 1 for message in messages)):
        raise SystemExit(f"{accepted} of {sent} rows were accepted.")
    return taken


async def throughput(place: Stage, count: int) -> None:
    """Both by turns, so that a busy neighbour disturbs both; the median of the turns."""
    part = count // ROUNDS
    await by_door(place, bodies(made(MESSAGE_ROWS, "warm")))
    copied, posted = [], []
    for number in range(ROUNDS):
        ready, messages = records(place.org_id, made(part, f"copy{number}"), 0), bodies(made(part, f"door{number}"))
        copied.append(await measured(place, part, by_copy(place, ready)))
        posted.append(await measured(place, part, by_door(place, messages)))
    tell("bare COPY into the table", copied)
    tell("through the signed door", posted)
    ratio = statistics.median(door / copy for (door, _), (copy, _) in zip(posted, copied, strict=True))
    work = statistics.median(copy.total / door.total for (_, door), (_, copy) in zip(posted, copied, strict=True))
    print(f"ratio                          {ratio:>10.2f}   bar >= {BAR_RATIO}   (by processor time {work:.2f})")


async def measured(place: Stage, rows: int, way: Awaitable[float]) -> tuple[float, Spent]:
    """Rows a second, and processor time of each row."""
    before = spent(place)
    taken = await way
    return rows / taken, spent(place).since(before, rows)


def tell(name: str, turns: Sequence[tuple[float, Spent]]) -> None:
    rate = statistics.median(found for found, _ in turns)
    server, postgres, sender = (
        statistics.median(part) for part in zip(*(astuple(each) for _, each in turns), strict=True)
    )
    print(
        f"{name:<30} {rate:>10,.0f} rows/s   us a row: server {server:.1f}, Postgres {postgres:.1f}, sender {sender:.1f}"
    )


def rss(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


async def memory(place: Stage, megabytes: int) -> None:
    await by_door(place, bodies(made(3 * MESSAGE_ROWS, "memory")))
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


async def run(arguments: argparse.Namespace, postgres: LocalPostgres, valkey: LocalValkey, folder: Path) -> None:
    async with stage(postgres, valkey.url, folder, "throughput") as place:
        await throughput(place, arguments.rows)
        await memory(place, arguments.megabytes)
        await folding(place)


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--rows", type=int, default=200_000)
    reading.add_argument("--megabytes", type=int, default=200)
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
