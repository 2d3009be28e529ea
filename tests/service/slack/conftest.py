"""The product's own Slack door, a sandbox workspace on loopback behind it, and people who press real buttons."""

import asyncio
import shutil
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import Table, insert, select, update

from bot.slack.app import mount
from bot.slack.channel import SlackChannel
from bot.slack.sandbox.config import SandboxConfig, parse_people
from bot.slack.sandbox.server import served
from bot.slack.sandbox.visitor import Visitor
from runtime.db.engine import Row
from runtime.db.tables import human_gates, members, outbox
from runtime.experiments import build
from runtime.identity.people import agent
from runtime.integrations.contracts import Notice
from runtime.settings import Settings
from tests.snapshots import Beside
from tests.story import FILE, Story

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "xoxb-product-test"
DATABASE = "workspace.sqlite3"
PEOPLE = (
    "Arun Owner <arun@example.com>; Ana Diaz <ana@example.com> Europe/Berlin; Ben Okri <ben@example.com>; Stranger <eve@elsewhere.test>; "
    "Vic Viewer <vic@example.com>; Ada Admin <ada@example.com>"
)


def free_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


@dataclass
class Office:
    """A workspace, the bot in it, and the worker's hands."""

    url: str
    config: SandboxConfig
    http: aiohttp.ClientSession
    stack: AsyncExitStack
    story: Story
    channel: SlackChannel
    bot_url: str

    async def come_in(self, name: str) -> Visitor:
        address = "eve@elsewhere.test" if name == "eve" else f"{name}@example.com"
        return await self.stack.enter_async_context(Visitor(self.url, address))

    async def fail_next(self, **fault: Any) -> None:
        async with self.http.post(
            f"{self.url}/sandbox/api/faults", json={"faults": [fault]}, headers={"X-Sandbox": "1"}
        ) as reply:
            assert reply.status == 200

    async def notices(self, status: str = "due") -> list[Notice]:
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            rows = await tx.all(
                select(outbox)
                .where(outbox.c.kind == "notice", outbox.c.channel == "slack", outbox.c.status == status)
                .order_by(outbox.c.id)
            )
        return [
            Notice(row["org_id"], row["name"], row["subject_id"], row["payload"]["event"], row["place"], row["payload"])
            for row in rows
        ]

    async def deliver(self) -> None:
        """Everything that is to be said, as a worker would say it; then it counts as said."""
        for notice in await self.notices():
            await self.channel.deliver(notice)
        await self.hush()

    async def hush(self) -> None:
        """What waits to be said counts as said."""
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            await tx.run(update(outbox).where(outbox.c.kind == "notice").values(status="done"))

    async def work(self) -> None:
        await self.story.work()
        await self.deliver()

    async def applied(self, file: str = FILE, *, just_now: bool = False) -> None:
        """The outcome runs and its first gate waits to be shown; besides the people it names there are a viewer and an admin.

        A test about how long something waits already needs one of just now.
        """
        if just_now:
            await self._applied(file)
        else:
            await self.reach(f"applied in Slack: {file}", lambda: self._applied(file))

    async def _applied(self, file: str) -> None:
        await self.story.apply(file)
        roles = {"Vic": "viewer", "Ada": "admin"}
        more = [
            {"org_id": self.story.org_id, "name": name, "email": f"{name.lower()}@example.com", "role": role}
            for name, role in roles.items()
        ]
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            await tx.run(insert(members), more)
        await self.story.work()

    async def write(self, table: Table, row_id: UUID, **values: Any) -> None:
        """Change a row behind everybody's back."""
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            await tx.run(update(table).where(table.c.id == row_id).values(**values))

    async def at_launch(self, diff: str = "+1") -> Row:
        """An experiment was built, and its launch gate is shown."""
        gate: Row = await self.reach(f"launch gate in Slack: {diff}", lambda: self._at_launch(diff))
        return gate

    async def _at_launch(self, diff: str) -> Row:
        await self.applied()
        gate = await self.story.gate("portfolio_review")
        first = UUID(gate["context_package"]["experiment_ids"][0])
        await self.story.decide("portfolio_review", "approve", "ana@example.com", selection=(first,))
        await self.story.work()
        await self.hush()
        report = build.BuildReport(
            implementation_summary="One page", files_changed=["frontend/checkout/form.js"], diff=diff
        )
        by = agent("builder", "mcp")
        await build.report_built(self.story.runtime, self.story.org_id, first, report, by=by, now=self.story.now)
        await self.deliver()
        return await self.story.gate("launch_approval")

    async def reach(self, place: str, walk: Callable[[], Awaitable[Any]]) -> Any:
        async def settled_there() -> Any:
            answer = await walk()
            await settled()
            return answer

        return await self.story.reach(place, settled_there, workspace(self.config, self.url))

    async def gate(self, gate_id: UUID) -> Row:
        async with self.story.runtime.transaction(self.story.org_id) as tx:
            found = await tx.first(select(human_gates).where(human_gates.c.id == gate_id))
        assert found is not None
        return found


def workspace(config: SandboxConfig, url: str) -> Beside:
    """What the sandbox remembers, as its files; addresses in it are those of the sandbox that has them."""
    traits = config.model_dump_json(exclude={"events_url", "data"})

    def fresh() -> bool:
        with closing(sqlite3.connect(config.data / DATABASE)) as store:
            return store.execute("select count(*) from messages").fetchone() == (0,)

    def keep() -> tuple[str, Path]:
        kept = Path(mkdtemp(dir=config.data.parent.parent))
        _copied(config.data, kept)
        return url, kept

    def restore(kept: tuple[str, Path]) -> None:
        was, folder = kept
        _copied(folder, config.data)
        with closing(sqlite3.connect(config.data / DATABASE)) as store, store:
            for table in ("messages", "files", "views"):
                store.execute(f"update {table} set body = replace(body, ?, ?)", (was, url))

    return Beside(fresh, keep, restore, traits)


def _copied(source: Path, target: Path) -> None:
    """By SQLite's own copy, since the sandbox has the file open."""
    with closing(sqlite3.connect(source / DATABASE)) as was, closing(sqlite3.connect(target / DATABASE)) as becomes:
        was.backup(becomes)
    shutil.copytree(source / "files", target / "files", dirs_exist_ok=True)


async def settled() -> None:
    """Handlers go on after Slack has its acknowledgement; a test's database must outlive them."""
    named = ("AsyncioListenerRunner", "Presses.work")
    going = [task for task in asyncio.all_tasks() if any(name in repr(task.get_coro()) for name in named)]
    if going:
        await asyncio.wait(going, timeout=10)


@pytest.fixture
def bot_socket() -> Iterator[socket.socket]:
    with free_socket() as sock:
        yield sock


@pytest.fixture
def sandbox_socket() -> Iterator[socket.socket]:
    with free_socket() as sock:
        yield sock


@pytest.fixture
def settings(settings: Settings, sandbox_socket: socket.socket) -> Settings:
    """The product is told of Slack as anybody would tell it: a token, a secret, an address."""
    return settings.model_copy(
        update={
            "slack_bot_token": SecretStr(TOKEN), "slack_signing_secret": SecretStr(SECRET),
            "slack_base_url": f"http://127.0.0.1:{sandbox_socket.getsockname()[1]}/api/", "slack_default_channel": "#outcome-runtime",
        }
    )  # fmt: skip


@pytest.fixture
def sandbox_config(tmp_path: Path, bot_socket: socket.socket) -> SandboxConfig:
    return SandboxConfig(
        events_url=f"http://127.0.0.1:{bot_socket.getsockname()[1]}/slack/events", signing_secret=SecretStr(SECRET), bot_token=SecretStr(TOKEN),
        data=tmp_path / "workspace", people=parse_people(PEOPLE), channels=("outcome-runtime", "checkout", "!private-plans"),
        trigger_seconds=30.0, ack_seconds=10.0, retry_delays=(0.0, 0.05, 0.05),
    )  # fmt: skip


@pytest.fixture
async def office(
    story: Story, sandbox_config: SandboxConfig, sandbox_socket: socket.socket, bot_socket: socket.socket
) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        app = web.Application()
        mount(app, story.runtime, story.org_id)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, bot_socket).start()
        stack.push_async_callback(runner.cleanup)
        url = await stack.enter_async_context(served(sandbox_config, sandbox_socket))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        channel = SlackChannel(story.runtime)
        stack.push_async_callback(channel.close)
        stack.push_async_callback(settled)
        yield Office(url, sandbox_config, http, stack, story, channel, sandbox_config.events_url)
