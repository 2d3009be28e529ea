"""What a measurement costs: with a hundred times the history, and for ten thousand running experiments on two worker processes.

    .venv/bin/python -m benchmarks.measurement [--experiments 10000] [--profile]

Embedded Postgres, real workers' code, a source in a database of its own. Prints figures and bars; asserts nothing.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.crowd import START, Ledger, seed_experiments, seed_source, set_clock
from runtime.core import Runtime, open_runtime
from runtime.db.migrate import migrate
from runtime.identity.members import ensure_home
from runtime.integrations import catalogue
from runtime.local.databases import create_database
from runtime.local.postgres import LocalPostgres, start_postgres
from runtime.measurement import tick
from runtime.settings import Settings
from workers import timers

KEYS = "bench:" + "A" * 43 + "="
BAR_SECONDS, BAR_RATIO = 60.0, 1.1
PROCESSES = 2
ROUNDS = (5, 6, 7)
"""Days of data there are at each round of measuring everything."""
SHORT, LONG = 96, 9600
"""Hours of history that the two experiments have, and have been looked at."""


def settings(url: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(url),
        encryption_keys=SecretStr(KEYS),
        measure_every_seconds=86_400,
        signal_silence_hours=10_000,
    )


def use_source(dsn: str) -> None:
    """The source is known to this process like an installed plug-in."""
    Ledger.dsn = dsn
    catalogue.CATALOGUE["signals"]["ledger"] = "benchmarks.crowd:Ledger"  # type: ignore[index]


async def drain(url: str, dsn: str) -> None:
    """What a worker process does while measurements are due."""
    use_source(dsn)
    runtime = open_runtime(settings(url))
    try:
        while await timers.measure(runtime):
            pass
    finally:
        await runtime.close()


async def prepare(postgres: LocalPostgres, name: str, experiments: int, hours: list[int]) -> tuple[str, str, UUID]:
    owner, dsn = create_database(postgres, name), create_database(postgres, f"{name}_source")
    await migrate(owner)
    url = postgres.url(name, "outcome_app")
    runtime = open_runtime(settings(url))
    org_id = await ensure_home(runtime)
    await runtime.close()
    await seed_source(dsn, experiments, hours)
    await seed_experiments(owner, org_id, experiments)
    return url, dsn, org_id


async def due_again(url: str) -> None:
    runtime = open_runtime(settings(url))
    org_id = await runtime.home()
    async with runtime.transaction(org_id) as tx:
        await tx.run(text("update timers set due_at = now(), lease_until = null where kind = 'measure'"))
    await runtime.close()


def round_of(url: str, dsn: str, *, profile: bool) -> float:
    """Wall seconds until both worker processes find nothing due any more."""
    argv = [sys.executable, "-m", "benchmarks.measurement", "--drain", url, "--source", dsn]
    began = time.perf_counter()
    running = [
        subprocess.Popen([*argv, *(["--profile"] if profile and not number else [])]) for number in range(PROCESSES)
    ]
    for process in running:
        if process.wait():
            raise SystemExit("A worker failed; see above.")
    return time.perf_counter() - began


def cpu_seconds(postgres: LocalPostgres) -> tuple[float, float]:
    """CPU taken so far by finished workers and by Postgres; busy neighbours lengthen the wall time and not this."""
    workers, server = resource.getrusage(resource.RUSAGE_CHILDREN), postgres.pid or 0
    database = sum([_taken(stat, server) for stat in Path("/proc").glob("[0-9]*/stat")], 0.0)
    return workers.ru_utime + workers.ru_stime, database


def _taken(stat: Path, server: int) -> float:
    """Of the server its ended children's time as well; of each living child its own; of strangers nothing."""
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    itself, child = stat.parent.name == str(server), fields[1] == str(server)
    counted = fields[11:15] if itself else fields[11:13] if child else []
    return sum(int(value) for value in counted) / os.sysconf("SC_CLK_TCK")


async def crowd(postgres: LocalPostgres, experiments: int, *, profile: bool) -> None:
    hours = list(range(0, 24 * 8, 24))
    url, dsn, _ = await prepare(postgres, "crowd", experiments, hours)
    for days in ROUNDS:
        await set_clock(dsn, START + timedelta(days=days, hours=-1))
        await due_again(url)
        before = cpu_seconds(postgres)
        taken = await asyncio.to_thread(round_of, url, dsn, profile=profile and days == ROUNDS[-1])
        python, database = (after - start for after, start in zip(cpu_seconds(postgres), before, strict=True))
        kind = "first look, everything read" if days == ROUNDS[0] else "a new day for every signal"
        bar = BAR_SECONDS * experiments / 10_000
        free = (python + database) / PROCESSES
        print(
            f"{experiments:,} experiments x 5 signals, {PROCESSES} worker processes, {kind}: {taken:.1f} s "
            f"(CPU each: {python / experiments * 1000:.1f} ms workers, {database / experiments * 1000:.1f} ms Postgres; {free:.1f} s on two cores of its own); bar {bar:.0f} s, "
            f"{'ok' if taken < bar else 'MISSED'}",
            flush=True,
        )


async def one_tick(runtime: Runtime, org_id: UUID, experiment: UUID) -> float:
    began = time.perf_counter()
    await tick.measure(runtime, org_id, [experiment])
    return time.perf_counter() - began


async def history(postgres: LocalPostgres) -> None:
    """Both experiments get the same new hours; one of them has a hundred times as many behind it."""
    figures = {}
    for name, hours in (("short", SHORT), ("long", LONG)):
        url, dsn, org_id = await prepare(postgres, name, 1, list(range(hours + 60)))
        use_source(dsn)
        runtime = open_runtime(settings(url))
        async with runtime.transaction(org_id) as tx:
            experiment = await tx.value(text("select id from experiments"))
        await set_clock(dsn, START + timedelta(hours=hours))
        await one_tick(runtime, org_id, experiment)
        async with runtime.transaction(org_id) as tx:
            await tx.run(_LOOKS, {"hours": hours, "start": START})
        figures[name] = (runtime, org_id, experiment, dsn, hours)
    taken: dict[str, list[float]] = {name: [] for name in figures}
    for step in range(1, 51):
        for name, (runtime, org_id, experiment, dsn, hours) in figures.items():
            use_source(dsn)
            await set_clock(dsn, START + timedelta(hours=hours + step))
            taken[name].append(await one_tick(runtime, org_id, experiment))
    for runtime, *_ in figures.values():
        await runtime.close()
    short, long = (statistics.median(taken[name][5:]) for name in ("short", "long"))
    print(
        f"one tick: {short * 1000:.1f} ms after {SHORT} hourly buckets, {long * 1000:.1f} ms after {LONG}: "
        f"ratio {long / short:.2f}; bar {BAR_RATIO}, {'ok' if long / short <= BAR_RATIO else 'MISSED'}",
        flush=True,
    )


_LOOKS = text("""
insert into looks (org_id, experiment_id, signal_name, data_through, result)
select l.org_id, l.experiment_id, l.signal_name, cast(:start as timestamptz) + make_interval(hours => h), l.result
from looks l cross join generate_series(1, cast(:hours as integer) - 1) as h
""")


@contextmanager
def server() -> Iterator[LocalPostgres]:
    with tempfile.TemporaryDirectory(prefix="outcome-bench-", ignore_cleanup_errors=True) as folder:
        postgres = start_postgres(Path(folder))
        try:
            yield postgres
        finally:
            postgres.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--profile", action="store_true", help="say where one worker's time goes in the last round")
    parser.add_argument("--only", choices=["history", "crowd"], help="one of the two")
    parser.add_argument("--drain", help=argparse.SUPPRESS)
    parser.add_argument("--source", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drain:
        _worker(arguments.drain, arguments.source, profile=arguments.profile)
        return
    with server() as postgres:
        if arguments.only != "crowd":
            asyncio.run(history(postgres))
        if arguments.only != "history":
            asyncio.run(crowd(postgres, arguments.experiments, profile=arguments.profile))


def _worker(url: str, dsn: str, *, profile: bool) -> None:
    if not profile:
        asyncio.run(drain(url, dsn))
        return
    watch = cProfile.Profile()
    watch.runcall(asyncio.run, drain(url, dsn))
    pstats.Stats(watch).sort_stats("cumulative").print_stats("runtime|crowd|workers", 45)


if __name__ == "__main__":
    main()
