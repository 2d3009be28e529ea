"""Rows of units become sums: first exposure wins, crossed units count nowhere, and no order or repetition changes anything."""

import asyncio
import signal
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from runtime.integrations.contracts import Window
from runtime.settings import Settings, secret
from tests.service.ingestion.conftest import KEY, START, Sender, row, worked_out

HOUSE = Path(__file__).parents[3]


def some_rows(seed: int, count: int = 400) -> list[dict[str, Any]]:
    """Exposures and values of few units, some crossed, some late, some before their exposure."""
    dice = Random(seed)
    rows = []
    for number in range(count):
        unit = dice.randrange(60)
        variant = "control" if (unit % 2 == 0) != (dice.random() < 0.01) else "treatment"
        more = {} if dice.random() < 0.3 else {"signal": dice.choice(["orders", "revenue"]), "value": str(dice.choice([0, 1, 1, "12.35", "-3.1"]))}  # fmt: skip
        rows.append(row(f"{seed}-{number}", f"u{unit}", variant, dice.uniform(0, 6000), **more))
    return rows


async def test_the_first_exposure_decides_when_a_unit_counts_whatever_comes_first(sender: Sender) -> None:
    await sender.post(row("e2", "u1", minutes=200), row("v1", "u1", minutes=210, signal="orders", value=2))
    await sender.fold()
    await sender.post(row("e1", "u1", minutes=5))
    await sender.fold()
    reading = await sender.read("orders")
    assert [(bucket.start, bucket.variants[0].n) for bucket in reading.buckets if bucket.variants[0].n] == [
        (START.replace(minute=0), 1)
    ]
    assert await sender.arms("orders") == {"control": (1, Decimal(2), Decimal(4))}


async def test_a_unit_is_squared_as_a_whole_not_row_by_row(sender: Sender) -> None:
    await sender.post(row("a", "u1", signal="revenue", value="1.5"))
    await sender.fold()
    await sender.post(row("b", "u1", signal="revenue", value="2.5", minutes=90))
    await sender.fold()
    assert await sender.arms("revenue") == {"control": (1, Decimal(4), Decimal(16))}


async def test_without_exposures_units_with_a_value_count_and_with_them_all_exposed(sender: Sender) -> None:
    await sender.post(row("a", "u1", signal="orders", value=1), row("b", "u2", "treatment", signal="orders", value=1))
    await sender.fold()
    assert {arm: sums[0] for arm, sums in (await sender.arms("orders")).items()} == {"control": 1, "treatment": 1}
    await sender.post(row("e1", "u1"), row("e3", "u3"), row("e4", "u4", "treatment"))
    await sender.fold()
    assert await sender.arms("orders") == {
        "control": (2, Decimal(1), Decimal(1)),
        "treatment": (1, Decimal(0), Decimal(0)),
    }


async def test_a_conversion_is_whether_and_everything_else_is_how_much(sender: Sender) -> None:
    rows = [row(f"e{n}", f"u{n}") for n in range(4)]
    rows += [row(f"v{n}", f"u{n % 2}", signal="orders", value=3) for n in range(4)]
    await sender.post(*rows, row("v9", "u3", signal="orders", value=0))
    await sender.fold()
    assert await sender.arms("orders", method="event") == {"control": (4, Decimal(2), Decimal(2))}
    assert await sender.arms("orders", method="custom") == {"control": (4, Decimal(12), Decimal(72))}


async def test_a_crossed_unit_is_counted_told_and_in_no_sum_even_if_it_was_in_one(sender: Sender) -> None:
    await sender.post(row("e1", "u1"), row("v1", "u1", signal="orders", value=1), row("e2", "u2"))
    await sender.fold()
    assert (await sender.arms("orders"))["control"] == (2, Decimal(1), Decimal(1))
    told = await sender.post(row("e3", "u1", "treatment", minutes=3), row("e4", "u3"), row("e5", "u3", "treatment"))
    assert told["crossed"] == 1  # within this message; u1's other variant came earlier
    await sender.fold()
    assert await sender.arms("orders") == {"control": (1, Decimal(0), Decimal(0))}
    assert await sender.all("select units, exposed, crossed from ingested_signals where signal_name = ''") == [
        (3, 3, 2)
    ]
    await sender.post(row("v2", "u1", signal="orders", value=5), row("e6", "u1", minutes=-60))
    await sender.fold()
    assert await sender.arms("orders") == {"control": (1, Decimal(0), Decimal(0))}


async def test_a_signal_that_nobody_ever_sent_has_not_spoken_and_is_not_zero(sender: Sender) -> None:
    await sender.post(row("e1", "u1"), row("v1", "u1", signal="orders", value=1))
    await sender.fold()
    assert not (await sender.read("ordres")).buckets


@pytest.mark.parametrize("seed", range(3))
async def test_sums_equal_those_of_the_rows_whatever_the_order_batches_and_repetitions(
    sender: Sender, seed: int
) -> None:
    rows, dice = some_rows(seed), Random(seed)
    sent = [*rows, *dice.sample(rows, 100)]
    dice.shuffle(sent)
    while sent:
        size = dice.randrange(1, 90)
        some, sent = sent[:size], sent[size:]
        await sender.post(*some)
        if dice.random() < 0.5:
            await sender.fold()
    await sender.fold()
    for metric in ("orders", "revenue"):
        assert await sender.arms(metric) == worked_out(rows, metric)
    by_grain = await sender.all(
        "select signal_name, basis, variant, sum(n) filter (where grain = 'minute') = sum(n) filter (where grain = 'hour') "
        "and sum(total_sq) filter (where grain = 'hour') = sum(total_sq) filter (where grain = 'day') as same "
        "from ingested_rollups group by 1, 2, 3"
    )
    assert by_grain
    assert all(found[3] for found in by_grain)


async def test_many_senders_and_folders_at_once_count_every_row_once(sender: Sender) -> None:
    rows = some_rows(7, 600)
    dice = Random(7)

    async def post(part: int) -> None:
        mine = [*rows[part::6], *dice.sample(rows, 30)]
        for start in range(0, len(mine), 25):
            await sender.post(*mine[start : start + 25])

    async def folding() -> None:
        for _ in range(12):
            await sender.fold()
            await asyncio.sleep(0)

    await asyncio.gather(*(post(part) for part in range(6)), *(folding() for _ in range(3)))
    await sender.fold()
    assert await sender.all("select count(*) from ingested_rows") == [(600,)]
    for metric in ("orders", "revenue"):
        assert await sender.arms(metric) == worked_out(rows, metric)


KILLED = """
import asyncio, sys
from uuid import UUID
from pydantic import SecretStr
from runtime.core import open_runtime
from runtime.ingestion.fold import fold
from runtime.settings import Settings
async def main():
    runtime = open_runtime(Settings(_env_file=None, database_url=SecretStr(sys.argv[1]), encryption_keys=SecretStr(sys.argv[3])))
    print("folding", flush=True)
    while True:
        await fold(runtime, UUID(sys.argv[2]))
asyncio.run(main())
"""


async def test_a_folder_that_is_killed_at_any_moment_neither_loses_nor_doubles_a_row(
    sender: Sender, settings: Settings
) -> None:
    rows, dice = some_rows(11, 900), Random(11)
    argv = [
        sys.executable,
        "-c",
        KILLED,
        secret(settings.database_url) or "",
        str(sender.org_id),
        secret(settings.encryption_keys) or "",
    ]
    for start in range(0, len(rows), 300):
        process = await asyncio.create_subprocess_exec(*argv, cwd=HOUSE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        await process.stdout.readline()
        for place in range(start, start + 300, 20):
            await sender.post(*rows[place : place + 20])
        await asyncio.sleep(dice.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
    await sender.fold()
    for metric in ("orders", "revenue"):
        assert await sender.arms(metric) == worked_out(rows, metric)
    assert await sender.all("select count(*) from ingested_batches") == [(0,)]


async def test_windows_that_follow_each_other_count_each_unit_once(sender: Sender) -> None:
    rows = [row(f"e{n}", f"u{n}", minutes=n * 7.3) for n in range(100)]
    await sender.post(*rows, *(row(f"v{n}", f"u{n}", minutes=900, signal="orders", value=1) for n in range(100)))
    await sender.fold()
    cuts = [START - timedelta(hours=2), START + timedelta(minutes=77), START + timedelta(minutes=95), START + timedelta(hours=5), START + timedelta(days=2)]  # fmt: skip
    parts = [await sender.arms("orders", window=Window(first, last)) for first, last in pairwise(cuts)]
    assert [part.get("control", (0,))[0] for part in parts] == [11, 3, 28, 58]
    whole = await sender.arms("orders", window=Window(cuts[0], cuts[-1]))
    assert whole["control"] == (100, Decimal(100), Decimal(100))


async def test_another_organisation_sees_none_of_it(sender: Sender) -> None:
    from tests.service.db.test_data_model import another_org  # noqa: PLC0415  one helper, one place

    await sender.post(row("e1", "u1"), row("v1", "u1", signal="orders", value=1))
    await sender.fold()
    other = Sender(sender.runtime, await another_org(sender.runtime))
    assert not (await other.read("orders")).buckets
    assert (await other.post(row("e1", "u1", "treatment")))["accepted"] == 1
    await other.fold()
    assert await sender.all(f"select variants from ingested_units where experiment_key = '{KEY}'") == [(1,)]
