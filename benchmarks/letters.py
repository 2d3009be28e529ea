"""A pile of letters: gates queued in the outbox, handed to a loopback SMTP server by worker processes, one of which is killed midway."""

import asyncio
import json
import os
import signal
import smtplib
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from aiosmtpd.controller import Controller
from pydantic import SecretStr
from sqlalchemy import insert

from benchmarks.ingestion import KEYS, environment, process
from benchmarks.kills import FILE
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
from runtime.local.postgres import LocalPostgres
from runtime.settings import Settings
from runtime.spec.load import load

KIND, SAMPLES, PEOPLE, AT_ONCE = "agent_question", 100, 50, 500
STILL = 90.0
"""Seconds without any letter after which the pile counts as stuck: longer than the lease of a worker that died."""


@dataclass
class Catcher:
    """Takes every letter, and remembers its Message-ID."""

    ids: Counter[str] = field(default_factory=Counter)
    samples: list[bytes] = field(default_factory=list)
    at: float = 0.0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        head = BytesHeaderParser().parsebytes(envelope.content)
        self.ids[str(head["Message-ID"])] += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(envelope.content)
        self.at = time.perf_counter()
        return "250 kept"


async def queued(runtime: Runtime, owner: str, count: int) -> None:
    """Gates of as many outcomes, their letters due in the outbox."""
    org_id = await ensure_home(runtime)
    conn: asyncpg.Connection = await asyncpg.connect(owner)
    spec = json.dumps(load(FILE).outcomes[0].model_dump(mode="json", by_alias=True))
    outcomes = [row["id"] for row in await conn.fetch(_OUTCOMES, org_id, count, uuid4().hex, spec)]
    await conn.close()
    async with runtime.transaction(org_id) as tx:
        found = [
            {"org_id": org_id, "name": f"P {n}", "email": f"p{n}@example.com", "role": "member"} for n in range(PEOPLE)
        ]
        await tx.run(insert(members), found)
    for start in range(0, count, AT_ONCE):
        async with runtime.transaction(org_id) as tx:
            for number in range(start, min(start + AT_ONCE, count)):
                await _opened(tx, org_id, outcomes[number], number)


async def _opened(tx: Any, org_id: Any, outcome: Any, number: int) -> None:
    values = {
        "outcome_id": outcome, "gate_type": KIND, "question": f"Question {number}?", "options": offered(KIND), "channel": "email",
        "context_package": {"kind": KIND, "headline": f"Question {number}?"}, "assigned_to": f"p{number % PEOPLE}@example.com",
        "escalation_chain": [], "due_at": datetime.now(UTC) + timedelta(days=1), "evidence_hash": digest({}), "org_id": org_id,
    }  # fmt: skip
    gate = await tx.first(insert(human_gates).values(values).returning(human_gates))
    await record(tx, Event("gate.opened", "gate", gate["id"]), by=SYSTEM, notices=[rows.redraw(gate, 1)])


_OUTCOMES = """
insert into outcomes (org_id, slug, title, status, primary_signal, target, constraints, horizon, owner, spec)
select $1, $3 || n, 'Outcome ' || n, 'active', '{"source": "ledger", "metric": "m", "method": "event", "unit": "share"}',
  '{"direction": "increase", "from": 0.3, "to": 0.4}', '[]', interval '6 weeks', 'p0@example.com', $4::text::jsonb
from generate_series(1, $2::integer) as n returning id
"""


async def handed_over(postgres: LocalPostgres, redis: str, folder: Path, count: int) -> None:
    owner, port = create_database(postgres, "letters"), free_port()
    await migrate(owner)
    url = postgres.url("letters", "outcome_app")
    runtime = open_runtime(Settings(_env_file=None, database_url=SecretStr(url), encryption_keys=SecretStr(KEYS)))
    await queued(runtime, owner, count)
    await runtime.close()
    catcher = Catcher()
    server = Controller(catcher, hostname="127.0.0.1", port=port)
    server.start()
    try:
        env = environment(url, redis, free_port(), folder) | _mail(port)
        taken = await _by_workers(catcher, env, folder, count)
        plain = await asyncio.to_thread(_by_smtplib, catcher.samples, count)
    finally:
        server.stop()
    await _tell(owner, catcher, count, taken, plain)


def _mail(port: int) -> dict[str, str]:
    return {
        "SMTP_URL": f"smtp://127.0.0.1:{port}",
        "MAIL_FROM": "Outcomes <outcomes@outcome.test>",
        "MAIL_REPLY_TO": "outcomes@outcome.test",
    }


async def _by_workers(catcher: Catcher, env: dict[str, str], folder: Path, count: int) -> float:
    """Two processes; halfway one dies by kill -9, and another takes its place."""
    began = catcher.at = time.perf_counter()
    with ExitStack() as crew:
        crew.enter_context(process("workers", env, folder))
        victim = crew.enter_context(process("workers", env, folder))
        killed = False
        while len(catcher.ids) < count and time.perf_counter() - catcher.at < STILL:
            if not killed and len(catcher.ids) >= count // 2:
                os.kill(victim.pid, signal.SIGKILL)
                crew.enter_context(process("workers", env, folder))
                killed = True
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)  # whatever is sent twice comes now
    return catcher.at - began


def _by_smtplib(letters: list[bytes], count: int) -> float:
    """The same letters by nothing but the standard library, over one connection."""
    if not letters:
        return float("nan")
    sink = Catcher()
    server = Controller(sink, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        began = time.perf_counter()
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            for number in range(count):
                client.sendmail(
                    "outcomes@outcome.test", [f"p{number % PEOPLE}@example.com"], letters[number % len(letters)]
                )
        return time.perf_counter() - began
    finally:
        server.stop()


async def _tell(owner: str, catcher: Catcher, count: int, taken: float, plain: float) -> None:
    conn: asyncpg.Connection = await asyncpg.connect(owner)
    written = {row["message_id"] for row in await conn.fetch("select message_id from letters")}
    unmarked = await conn.fetchval("select count(*) from letters where sent_at is null")
    errors = await conn.fetch(
        "select last_error, count(*) as n from outbox where last_error is not null group by 1 order by 2 desc limit 3"
    )
    await conn.close()
    twice = sum(times - 1 for times in catcher.ids.values())
    lost = count - len(written & catcher.ids.keys())
    print(f"letters queued                 {count:>10}     one of two workers killed with -9 midway")
    print(f"letters lost                   {lost:>10}     bar 0")
    print(f"letters sent twice             {twice:>10}     the same Message-ID, which mailboxes fold into one")
    print(f"sent but not marked            {unmarked:>10}     bar 0")
    for row in errors:
        print(f"  {row['n']} in the outbox said: {row['last_error'][:200]}")
    print(
        f"handed over                    {len(catcher.ids) / max(taken, 1e-9):>10.0f} a second, {taken:.1f} s in all, first start to last letter"
    )
    print(
        f"plain smtplib, same letters    {count / plain:>10.0f} a second; ours takes {taken / plain:.1f} times as long"
    )
