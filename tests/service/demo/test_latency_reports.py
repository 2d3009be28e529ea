"""The shop reports its latency: signed day buckets that grow, sent again until they are taken, and nothing lost on the way."""

import asyncio
import base64
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from demo.changes import Change, Deployments
from demo.days import Days, Pace, code_directory
from demo.flags import FlagBook, FlagWish
from demo.latency import DoorShut, Reporter, unsent
from demo.ledger import DAY, Ledger
from demo.signing import verify

START = datetime(2031, 3, 1, tzinfo=UTC)
REPOSITORY = Path(__file__).parents[3]
SECRET = "whsec_" + base64.b64encode(b"the key of the shop").decode()
Point = dict[str, Any]


@dataclass
class IngestionDoor:
    """A loopback stand-in that checks signatures, answers repeats as such and can be shut."""

    open: bool = True
    forgets_to_answer: bool = False
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: int = 0
    refused: int = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        message_id = verify(SECRET, request.headers, body, datetime.now(UTC))
        if not self.open:
            self.refused += 1
            return web.Response(status=503)
        self.repeats += message_id in self.bodies
        self.bodies[message_id] = json.loads(body)
        if self.forgets_to_answer:
            return web.Response(status=502)
        return web.json_response({"accepted": 1, "rejected": 0, "errors": []}, status=202)

    def known(self) -> dict[tuple[str, str, str], Point]:
        """By experiment, variant and start: what was posted last stands, as at the real door."""
        return {
            (body["experiment_id"], point["variant"], point["from"]): point
            for body in self.bodies.values()
            for point in body["points"]
        }

    def units(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for (experiment, variant, _), point in self.known().items():
            found[experiment, variant] += point["n"]
        return found


@dataclass
class Place:
    """A door on loopback, and a reporter that knows it."""

    door: IngestionDoor
    url: str
    session: aiohttp.ClientSession
    reporter: Reporter
    said: list[str]


@pytest.fixture
async def place(shop_dsn: str) -> AsyncIterator[Place]:
    door, app, said = IngestionDoor(), web.Application(), []
    app.router.add_post("/api/v1/signals/ingest", door.take)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url(""))
        reporter = Reporter.at(url, dsn=shop_dsn, secret=SECRET)
        reporter.say = said.append
        yield Place(door, url, session, reporter, said)


def shop(dsn: str, data: Path, *keys: str, **pace: Any) -> Days:
    for key in keys:
        change = Change(flag=key, title=key, when_on="Shoppers see it.")
        (code_directory(data) / f"frontend/checkout/{key}.change.json").write_text(change.model_dump_json())
    days = Days(
        dsn=dsn, seed=1, pace=Pace(history_days=0, shoppers_per_day=400, **pace), book=FlagBook(data / "flags.json"),
        deployments=Deployments(code_directory(data)), start=START, reports=True,
    )  # fmt: skip
    for key in keys:
        days.book.put(key, FlagWish(enabled=True, percentage=50))
    return days


async def exposed(connection: Any) -> Counter[tuple[str, str]]:
    rows = await connection.fetch("SELECT experiment, variant, count(*) AS n FROM exposures GROUP BY 1, 2")
    return Counter({(row["experiment"], row["variant"]): row["n"] for row in rows})


async def when(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


async def test_a_day_is_posted_again_while_it_grows_and_then_left_alone(
    shop_dsn: str, tmp_path: Path, place: Place
) -> None:
    days = shop(shop_dsn, tmp_path, "banner")
    ledger = await Ledger.open(shop_dsn)
    await days.begin(ledger)

    spans = []
    for length in (DAY / 4, DAY / 4, DAY):
        await days.step(ledger, length)
        await place.reporter.send(place.session, ledger.connection)
        points = list(place.door.bodies.values())[-1]["points"]
        spans.append([(point["from"], point["to"]) for point in points if point["variant"] == "control"])
    truth = await exposed(ledger.connection)
    again = await place.reporter.send(place.session, ledger.connection)
    await ledger.close()

    one, two = "2031-03-01T00:00:00+00:00", "2031-03-02T00:00:00+00:00"
    assert spans[0] == [(one, "2031-03-01T06:00:00+00:00")]
    assert spans[1] == [(one, "2031-03-01T12:00:00+00:00")]
    assert spans[2] == [(one, two), (two, "2031-03-02T12:00:00+00:00")]
    assert place.door.units() == truth
    assert again == 0
    assert all(point["kind"] == "delta" for point in place.door.known().values())


async def test_slow_pages_are_what_the_requests_say(shop_dsn: str, tmp_path: Path, place: Place) -> None:
    days = shop(shop_dsn, tmp_path, "one", "two")
    ledger = await Ledger.open(shop_dsn)
    await days.begin(ledger)
    await days.step(ledger, DAY)

    sent = await place.reporter.send(place.session, ledger.connection)
    slow = await ledger.connection.fetchval("SELECT count(*) FROM requests WHERE latency_ms > 800")
    await ledger.close()

    assert sent == 2, "one message an experiment"
    assert {body["signal"] for body in place.door.bodies.values()} == {"checkout.slow_share"}
    for key in ("one", "two"):
        mine = [point for (experiment, _, _), point in place.door.known().items() if experiment == key]
        assert sum(int(point["sum"]) for point in mine) == slow > 0
        assert all(point["sum"] == point["sum_sq"] for point in mine)


async def test_what_was_taken_without_an_answer_is_sent_again_under_the_same_id(
    shop_dsn: str, tmp_path: Path, place: Place
) -> None:
    days = shop(shop_dsn, tmp_path, "banner")
    ledger = await Ledger.open(shop_dsn)
    await days.begin(ledger)
    await days.step(ledger, DAY)

    place.door.forgets_to_answer = True
    with pytest.raises(DoorShut, match="502"):
        await place.reporter.send(place.session, ledger.connection)
    place.door.forgets_to_answer = False
    sent = await place.reporter.send(place.session, ledger.connection)
    await ledger.close()

    assert (sent, place.door.repeats, len(place.door.bodies)) == (1, 1, 1)


async def test_a_shut_door_is_waited_for_and_nothing_is_lost_or_forgotten_meanwhile(
    shop_dsn: str, tmp_path: Path, place: Place
) -> None:
    days = shop(shop_dsn, tmp_path, "banner", keep_days=1)
    ledger = await Ledger.open(shop_dsn)
    await days.begin(ledger)
    place.door.open = False
    reporting = asyncio.create_task(place.reporter.run())
    for _ in range(12):
        await days.step(ledger, DAY / 2)
    truth = await exposed(ledger.connection)

    async def refused_twice() -> bool:
        return place.door.refused > 1

    async def told() -> bool:
        return not await unsent(ledger.connection)

    await when(refused_twice)
    complaints = list(place.said)
    place.door.open = True
    await when(told)
    reporting.cancel()
    await asyncio.gather(reporting, return_exceptions=True)
    for _ in range(2):
        await days.step(ledger, DAY / 2)
    oldest = await ledger.connection.fetchval("SELECT min(first_at) FROM exposures")
    await ledger.close()

    assert len(complaints) == 1
    assert "503" in complaints[0]
    assert place.door.units() == truth
    assert oldest >= START + 5 * DAY, "what was reported may be forgotten"


async def test_a_shop_killed_again_and_again_reports_every_shopper_once(
    shop_dsn: str, tmp_path: Path, place: Place
) -> None:
    shop("", tmp_path, "banner")
    for name, text in (("flags.token", "t"), ("truth.token", "t"), ("ingest.key", SECRET)):
        (tmp_path / name).write_text(text + "\n")
    options = ["--data", str(tmp_path), "--port", "0", "--day-seconds", "0.4", "--tick-seconds", "0.05"]
    options += ["--history-days", "1", "--shoppers-per-day", "400", "--ingest-url", place.url]
    for option in ("flags-token-file", "truth-token-file", "ingest-key-file"):
        name = option.removesuffix("-file").replace("-", ".")
        options += [f"--{option}", str(tmp_path / name)]
    watcher = await asyncpg.connect(shop_dsn)

    for goal in (1, 3):
        shop_process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "demo.shop", *options, env={**os.environ, "SHOP_DSN": shop_dsn}, cwd=REPOSITORY
        )

        async def taken(goal: int = goal) -> bool:
            return len(place.door.bodies) >= goal

        await when(taken)
        shop_process.kill()
        await shop_process.wait()
    await place.reporter.send(place.session, watcher)
    truth = await exposed(watcher)
    await watcher.close()

    assert place.door.units() == truth
    assert truth["banner", "treatment"] > 0
