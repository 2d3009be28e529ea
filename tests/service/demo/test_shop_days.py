"""The simulated shop lives: its statistics are as documented, effects need flag and code, and no row is lost or doubled."""

import asyncio
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from ruamel.yaml import YAML

from demo.changes import Change, Deployments
from demo.days import Days, Pace, code_directory
from demo.flags import FlagBook, FlagWish
from demo.latency import unsent
from demo.ledger import DAY, CalendarMoved, Ledger
from demo.truth import draw

START = datetime(2031, 3, 1, tzinfo=UTC)
REPOSITORY = Path(__file__).parents[3]


def days_of(dsn: str, data: Path, *, history: int = 0, per_day: float = 4000, seed: int = 1) -> Days:
    deployments = Deployments(code_directory(data))
    pace = Pace(history_days=history, shoppers_per_day=per_day)
    return Days(dsn=dsn, seed=seed, pace=pace, book=FlagBook(data / "flags.json"), deployments=deployments, start=START)


def deploy(data: Path, key: str, title: str) -> None:
    change = Change(flag=key, title=title, when_on="Shoppers see it.")
    path = code_directory(data) / "frontend/checkout" / f"{key}.change.json"
    path.write_text(change.model_dump_json())


def seed_that(kind: str, key: str, family: str) -> int:
    return next(seed for seed in range(500) if draw(seed, key, family).kind == kind)


def statement(metric: str, part: str = "queries") -> str:
    """The SQL of demo/outcome.yaml with its named parameters as Postgres numbers them."""
    spec = YAML(typ="safe").load(REPOSITORY / "demo/outcome.yaml")
    sql = spec["signal_connectors"][0]["config"][part][metric]
    for number, name in enumerate((":from", ":to", ":experiment"), start=1):
        sql = sql.replace(name, f"${number}")
    return str(sql)


def rate(rows: list, variant: str) -> float:
    mine = [row for row in rows if row["variant"] == variant]
    return float(sum(row["total"] for row in mine) / sum(row["n"] for row in mine))


async def lived(days: Days, count: int) -> Ledger:
    ledger = await Ledger.open(days.dsn)
    await days.begin(ledger)
    for _ in range(count):
        await days.step(ledger, DAY)
    await ledger.take_stock()
    return ledger


async def test_the_baseline_is_what_outcome_yaml_says(shop_dsn: str, tmp_path: Path) -> None:
    ledger = await lived(days_of(shop_dsn, tmp_path, history=5), 0)

    value, carts = await ledger.connection.fetchrow(statement("checkout_completed", "levels"), START - 5 * DAY, START)
    paid, _ = await ledger.connection.fetchrow(statement("payment.success_rate", "levels"), START - 5 * DAY, START)
    slow = await ledger.connection.fetchval("SELECT avg((latency_ms > 800)::int) FROM requests")
    await ledger.close()

    assert carts == pytest.approx(14_000, rel=0.04)
    assert float(value) == pytest.approx(0.32, abs=0.015)
    assert float(paid) == pytest.approx(0.985, abs=0.005)
    assert float(slow) == pytest.approx(0.02, abs=0.005)


async def test_an_effect_needs_both_the_change_file_and_the_flag(shop_dsn: str, tmp_path: Path) -> None:
    days = days_of(shop_dsn, tmp_path, seed=seed_that("helps", "guest-checkout", "guest"))
    ledger = await lived(days, 0)
    exposed = "SELECT count(*) FROM exposures"
    on = FlagWish(enabled=True, percentage=50, segment={"platform": "mobile"})

    days.book.put("guest-checkout", on)
    await days.step(ledger, DAY)
    without_code = await ledger.connection.fetchval(exposed)

    deploy(tmp_path, "guest-checkout", "Let guests buy without an account")
    days.book.kill("guest-checkout")
    await days.step(ledger, DAY)
    without_flag = await ledger.connection.fetchval(exposed)

    days.book.put("guest-checkout", on)
    begin = days.calendar.now if days.calendar else START
    for _ in range(8):
        await days.step(ledger, DAY)
    rows = await ledger.connection.fetch(statement("checkout_completed"), begin, begin + 8 * DAY, "guest-checkout")
    await ledger.close()

    assert (without_code, without_flag) == (0, 0)
    sizes = {name: sum(row["n"] for row in rows if row["variant"] == name) for name in ("control", "treatment")}
    effect = rate(rows, "treatment") - rate(rows, "control")
    assert sizes["control"] == pytest.approx(sizes["treatment"], rel=0.05)
    assert len(rows) == 2 * 7, "the eighth day's shoppers still have time to order"
    assert effect == pytest.approx(days.truth_of("guest-checkout").conversion, abs=0.02)
    assert effect > 0


async def test_a_slow_change_shows_in_latency_and_stays_within_its_arm(shop_dsn: str, tmp_path: Path) -> None:
    deploy(tmp_path, "video", "Show a video")
    days = days_of(shop_dsn, tmp_path, seed=seed_that("slows", "video", "media"))
    days.book.put("video", FlagWish(enabled=True, percentage=30))
    ledger = await lived(days, 3)

    (message,) = await unsent(ledger.connection)
    payments = await ledger.connection.fetch(statement("payment.success_rate"), START, START + 3 * DAY, "video")
    await ledger.close()

    points = json.loads(message.body)["points"]
    rows = [{"variant": point["variant"], "n": point["n"], "total": int(point["sum"])} for point in points]
    share = {name: rate(rows, name) for name in ("control", "treatment")}
    assert share["control"] == pytest.approx(0.02, abs=0.01)
    assert share["treatment"] > 0.08
    assert min(float(row["total"]) / row["n"] for row in payments) > 0.96


async def test_two_changes_run_independently(shop_dsn: str, tmp_path: Path) -> None:
    days = days_of(shop_dsn, tmp_path)
    for key in ("one", "two"):
        deploy(tmp_path, key, key)
        days.book.put(key, FlagWish(enabled=True, percentage=50))
    ledger = await lived(days, 2)

    both = await ledger.connection.fetch(
        """SELECT a.variant AS one, b.variant AS two, count(*) AS n FROM exposures a JOIN exposures b USING (shopper)
        WHERE a.experiment = 'one' AND b.experiment = 'two' GROUP BY 1, 2"""
    )
    await ledger.close()

    assert len(both) == 4
    assert all(row["n"] == pytest.approx(2000, rel=0.1) for row in both)


async def test_a_stopped_shop_goes_on_with_the_day_it_was_in(shop_dsn: str, tmp_path: Path) -> None:
    first = days_of(shop_dsn, tmp_path, history=2, seed=7)
    await (await lived(first, 1)).close()

    second = days_of(shop_dsn, tmp_path, history=2, seed=99)
    ledger = await lived(second, 0)
    resumed = second.calendar
    await ledger.close()

    assert resumed == first.calendar
    assert second.seed == 7, "the seed of the first start counts"


async def test_a_slice_is_never_written_twice(shop_dsn: str, tmp_path: Path) -> None:
    one, other = days_of(shop_dsn, tmp_path), days_of(shop_dsn, tmp_path)
    ledger, second = await lived(one, 0), await lived(other, 0)
    await one.step(ledger, DAY)

    with pytest.raises(CalendarMoved):
        await other.step(second, DAY)
    carts = await ledger.connection.fetchval("SELECT count(*) FROM requests")
    next_shopper = await ledger.connection.fetchval("SELECT next_shopper FROM calendar")
    await ledger.close()
    await second.close()

    assert carts == next_shopper - 1


async def test_old_days_are_forgotten(shop_dsn: str, tmp_path: Path) -> None:
    days = days_of(shop_dsn, tmp_path, per_day=100)
    ledger = await lived(days, 4)

    await ledger.forget_before(START + 2 * DAY)
    oldest = await ledger.connection.fetchval("SELECT min(at) FROM requests")
    await ledger.close()

    assert START + 2 * DAY <= oldest < START + 3 * DAY


async def _when(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


async def _spawn(data: Path, dsn: str) -> asyncio.subprocess.Process:
    for name in ("flags.token", "truth.token"):
        (data / name).write_text("secret-token\n")
    options = [
        "--data",
        str(data),
        "--port",
        "0",
        "--day-seconds",
        "0.4",
        "--tick-seconds",
        "0.05",
        "--history-days",
        "2",
    ]
    tokens = ["--flags-token-file", str(data / "flags.token"), "--truth-token-file", str(data / "truth.token")]
    environment = {**os.environ, "SHOP_DSN": dsn, "PYTHONPATH": str(REPOSITORY)}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "demo.shop", *options, *tokens, env=environment)


async def test_killed_without_warning_it_loses_and_doubles_nothing(shop_dsn: str, tmp_path: Path) -> None:
    deploy(tmp_path, "banner", "A banner")
    FlagBook(tmp_path / "flags.json").put("banner", FlagWish(enabled=True, percentage=50))
    watcher = await asyncpg.connect(shop_dsn)

    async def slices() -> int:
        if await watcher.fetchval("SELECT to_regclass('calendar')") is None:
            return 0
        return int(await watcher.fetchval("SELECT coalesce(max(slices), 0) FROM calendar"))

    for goal in (6, 12):
        shop = await _spawn(tmp_path, shop_dsn)
        await _when(lambda goal=goal: _reached(slices, goal))
        shop.send_signal(signal.SIGKILL)
        await shop.wait()
    shoppers = await watcher.fetchval("SELECT next_shopper - 1 FROM calendar")
    requests = await watcher.fetchval("SELECT count(*) FROM requests")
    counted = await watcher.fetchval("SELECT sum(carts) FROM daily")
    exposed = await watcher.fetchval("SELECT count(DISTINCT shopper) FROM exposures")
    await watcher.close()

    assert requests == shoppers == counted == exposed


async def _reached(slices, goal: int) -> bool:
    return bool(await slices() >= goal)


def test_flag_files_survive_in_plain_json(tmp_path: Path) -> None:
    book = FlagBook(tmp_path / "flags.json")
    book.put("a", FlagWish(enabled=True, percentage=10, description="x"))

    saved = json.loads((tmp_path / "flags.json").read_text())
    again = FlagBook(tmp_path / "flags.json")

    assert saved["flags"]["a"]["percentage"] == 10
    assert again.get("a") == book.get("a")
    assert again.counter == 1
