"""The product's own connector and flag client against the demo world: what outcome.yaml says really works."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from demo.changes import Deployments
from demo.days import Days, Pace, code_directory
from demo.flags import FlagBook, FlagWish
from demo.ledger import DAY, Ledger
from demo.shop import create_app
from demo.world import outcome_text
from runtime.integrations.contracts import MetricQuery, Window
from runtime.integrations.flags.custom import CustomFlags
from runtime.integrations.http import Http
from runtime.integrations.signals.postgres import PostgresSignals
from runtime.spec.load import load
from runtime.spec.models import LimitConstraint
from runtime.spec.references import resolve

START = datetime(2031, 3, 1, tzinfo=UTC)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    opened = Http(allow=["127.0.0.1"])
    yield opened
    await opened.close()


def shop(dsn: str, data: Path) -> Days:
    code = code_directory(data)
    (code / "frontend/checkout/guest.change.json").write_text(
        '{"flag": "guest", "title": "Guest checkout", "when_on": "A button"}'
    )
    pace = Pace(history_days=2, shoppers_per_day=1000)
    return Days(
        dsn=dsn, seed=3, pace=pace, book=FlagBook(data / "flags.json"), deployments=Deployments(code), start=START
    )


def connector(dsn: str, http: Http) -> PostgresSignals:
    declared = load(outcome_text()).signal_connectors[0]
    return PostgresSignals(resolve(declared.model_dump(mode="json")["config"], {"SHOP_DSN": dsn}), http)


async def test_every_query_of_the_demos_outcome_file_answers(shop_dsn: str, tmp_path: Path, http: Http) -> None:
    days = shop(shop_dsn, tmp_path)
    days.book.put("guest", FlagWish(enabled=True, percentage=50))
    ledger = await Ledger.open(shop_dsn)
    await days.begin(ledger)
    for _ in range(4):
        await days.step(ledger, DAY)
    await ledger.close()
    source = connector(shop_dsn, http)
    whole = Window(START, START + 4 * DAY)

    probe = await source.test_connection()
    now = await source.now()
    levels = {
        metric: await source.fetch_metric(MetricQuery(metric), whole)
        for metric in ("checkout_completed", "payment.success_rate")
    }
    readings = {
        metric: await source.fetch_variant_metric(MetricQuery(metric, experiment="guest"), whole)
        for metric in ("checkout_completed", "payment.success_rate")
    }
    await source.close()

    assert probe.ok, probe.detail
    assert now == START + 4 * DAY
    assert levels["checkout_completed"].value == pytest.approx(Decimal("0.33"), abs=Decimal("0.03"))
    assert [len(reading.buckets) for reading in readings.values()] == [3, 3]
    assert all(len(bucket.variants) == 2 for reading in readings.values() for bucket in reading.buckets)
    assert all(reading.complete_through == now for reading in readings.values())


async def test_everything_the_demo_measures_is_marked_as_simulated() -> None:
    file = load(outcome_text())
    (outcome,) = file.outcomes
    limits = [item.source for item in outcome.constraints if isinstance(item, LimitConstraint)]

    assert (outcome.signal.source, limits) == ("shop", ["shop", "shop_latency"])
    assert {item.name: (item.type, item.simulated) for item in file.signal_connectors} == {
        "shop": ("postgres", True),
        "shop_latency": ("webhook", True),
    }


async def test_the_products_flag_client_drives_the_shops_flags(tmp_path: Path, http: Http) -> None:
    days = shop("", tmp_path)
    async with TestServer(create_app(days, flags_token="token", truth_token="truth")) as server:
        flags = CustomFlags({"base_url": str(server.make_url("")), "token": "token"}, http)

        probe = await flags.test_connection()
        created = await flags.create_flag("guest", "Guest checkout")
        half = await flags.set_rollout_percentage("guest", 50, {"platform": "mobile"})
        everybody = await flags.set_rollout_percentage("guest", 100)
        variants = {await flags.get_variant_for_user("guest", f"shopper-{number}") for number in range(5)}
        killed = await flags.kill_flag("guest")
        nothing = await flags.kill_flag("never-made")
        await flags.close()

    assert probe.ok, probe.detail
    assert (created.enabled, half.percentage, everybody.percentage) == (False, 50, 100)
    assert everybody.enabled
    assert variants == {"treatment"}
    assert not killed.enabled
    assert not nothing.enabled
    assert days.book.flags["guest"].enabled is False
