"""Each process is killed once at each step of the loop, and all at once at a gate; no gate is lost, decided twice or posted twice."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from demo.doors import Experiment, Flags, Gate, Rest, Sandbox
from demo.errors import DemoFailed
from demo.person import ScriptedPerson
from demo.world import Wish, World, outcome_text

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(420)]

STEPS = ("portfolio_review", "launch_approval", "measuring", "analysis_review")
ENDED = {"shipped", "killed"}
MENDED_WITHIN = 45.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    here = World(Wish(root=tmp_path / "a demo with spaces", seed=3, fast=True, say=print))
    here.wish.root.mkdir()
    here.start()
    here.apply(outcome_text())
    yield here
    here.stop()


@asynccontextmanager
async def eyes_on(world: World) -> AsyncIterator["Eyes"]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield Eyes(world, session)


class Eyes:
    """Reads the product's doors through outages: an answer that does not come is asked for again, within bounds."""

    def __init__(self, world: World, session: aiohttp.ClientSession) -> None:
        self.world = world
        self.rest = Rest(session, world.url("PORT"), world.read_key())
        self.sandbox = Sandbox(session, world.url("SANDBOX_PORT"))
        self.flags = Flags(session, world.url("SHOP_PORT"), world.secret("flags.token"))
        self.person = ScriptedPerson(self.sandbox, print)

    async def gates(self) -> list[Gate]:
        return await self._patiently(self.rest.gates)

    async def experiments(self) -> list[Experiment]:
        found = []
        for gate in await self.gates():
            for one in gate.experiments:
                if one not in [item.id for item in found]:
                    found.append(await self._patiently(lambda one=one: self.rest.experiment(one)))
        return found

    async def press(self) -> None:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, DemoFailed):
            await self.person.look()

    async def step(self) -> str | None:
        """Where the loop is: an open gate's type, or `measuring`."""
        waiting = [gate.gate_type for gate in await self.gates() if gate.status == "pending"]
        if waiting:
            return waiting[0]
        return "measuring" if any(one.status == "measuring" for one in await self.experiments()) else None

    async def _patiently(self, ask):
        deadline = time.monotonic() + MENDED_WITHIN
        while True:
            try:
                return await ask()
            except (aiohttp.ClientError, TimeoutError, DemoFailed):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)


def processes(world: World) -> dict[str, int]:
    """Pids by name; a file that goes away or is empty while it is read belongs to a process that is just being replaced."""
    found = {}
    for path in (world.product / "run").glob("*.pid"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            found[path.stem] = int(path.read_text())
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def kill_each(world: World) -> None:
    """kill -9, one after the other; each must be back, as another process, within bounds."""
    for name in sorted(processes(world)):
        before = processes(world).get(name)
        if before is None or not alive(before):
            continue
        os.kill(before, signal.SIGKILL)
        deadline = time.monotonic() + MENDED_WITHIN
        while (now := processes(world).get(name)) in {None, before} or not alive(now or 0):
            assert time.monotonic() < deadline, f"{name} did not come back"
            await asyncio.sleep(0.05)


def kill_everything(world: World) -> None:
    """kill -9 for all of them in one moment, the supervisor first; what they had noted about themselves stays behind."""
    noted = processes(world)
    started = [child.process for child in world.children]
    for pid in (*(process.pid for process in started), *noted.values()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert {process.wait(10) for process in started} == {-signal.SIGKILL}
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in noted.values()):
        assert time.monotonic() < deadline, "kill -9 left somebody alive"
        time.sleep(0.02)
    world.children.clear()
    left = [world.product / name for name in ("run/up.lock", "postgres/postmaster.pid", "valkey/valkey.pid")]
    assert all(path.read_text().strip() for path in left)
    assert {"bot", "worker-1", "worker-2", "sandbox", "postgres", "valkey"} <= set(processes(world))


def test_the_loop_survives_the_death_of_every_process_at_every_step_and_of_all_at_once(world: World) -> None:
    # Not one coroutine: the world's children are on a leash to the thread that starts them, and it starts them twice.
    disturbed: list[str] = []
    asyncio.run(go_on(world, disturbed, until=STEPS[:1]))
    waiting = asyncio.run(pending(world))
    assert len(waiting) == 1
    kill_everything(world)
    world.start()
    assert asyncio.run(pending(world)) == waiting
    asyncio.run(go_on(world, disturbed, until=STEPS))
    assert disturbed == list(STEPS)


async def pending(world: World) -> list[str]:
    async with eyes_on(world) as eyes:
        return [gate.id for gate in await eyes.gates() if gate.status == "pending"]


async def go_on(world: World, disturbed: list[str], *, until: tuple[str, ...]) -> None:
    """Press what there is to press, and kill each process at each new step; to the loop's end when all are wanted."""
    async with eyes_on(world) as eyes:
        deadline = time.monotonic() + 240
        while tuple(disturbed) != until or (until == STEPS and not await ended(eyes)):
            assert time.monotonic() < deadline, (
                disturbed,
                [(g.gate_type, g.status) for g in await eyes.gates()],
                await eyes.experiments(),
            )
            step = await eyes.step()
            if step in STEPS and step not in disturbed:
                disturbed.append(step)
                await kill_each(world)
            elif step != "measuring":
                await eyes.press()
            await asyncio.sleep(0.2)
        if until == STEPS:
            await nothing_is_lost_and_nothing_is_twice(eyes)


async def ended(eyes: Eyes) -> bool:
    return any(one.status in ENDED and one.launched_at for one in await eyes.experiments())


async def nothing_is_lost_and_nothing_is_twice(eyes: Eyes) -> None:
    gates, (one, *_) = (
        await eyes.gates(),
        [item for item in await eyes.experiments() if item.launched_at and item.status in ENDED],
    )
    kinds = Counter((gate.gate_type, gate.experiment_id) for gate in gates)
    assert all(count == 1 for count in kinds.values()), f"a gate was opened twice: {kinds}"
    assert all(gate.decided_by for gate in gates if gate.status != "pending")
    wanted = 100 if one.status == "shipped" else 0
    await flag_shows(eyes, one, wanted)
    everyone = (await eyes.sandbox.people())[0]
    state = await eyes.sandbox.state(everyone)
    shown = Counter(
        json.dumps(message.get("metadata", {}).get("event_payload", {}), sort_keys=True)
        for message in state["messages"]
        if message.get("metadata")
    )
    assert len(shown) >= len(gates), "a gate was never posted"
    assert max(shown.values()) == 1, f"posted twice: {shown}"


async def flag_shows(eyes: Eyes, one: Experiment, percentage: int) -> None:
    deadline = time.monotonic() + MENDED_WITHIN
    while True:
        flag = await eyes.flags.read(one.feature_flag_key or "")
        if flag is not None and (flag.percentage if flag.enabled else 0) == percentage:
            return
        assert time.monotonic() < deadline, f"the flag shows {flag}, decided was {percentage}"
        await asyncio.sleep(0.2)
