"""The straight way in: COPY into a month's own table, which knows no policy, and the walls between organisations that stand all the same."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.ingestion.rows import COLUMNS
from tests.service.db.test_data_model import another_org
from tests.service.ingestion.conftest import START, Sender, row

MONTH = f"ingested_rows_{START:%Y_%m}"
LINE = f"e9\tguest-checkout\tu9\tcontrol\t{START.isoformat()}\torders\t1"


async def copy(tx: Tx, line: str, columns: tuple[str, ...]) -> None:
    driver: Any = (await tx.conn.get_raw_connection()).driver_connection

    async def sent() -> Any:
        yield f"{line}\n".encode()

    await driver.copy_to_table(MONTH, source=sent(), columns=columns, schema_name="public")


async def owners(sender: Sender) -> list[Any]:
    return await sender.all("select org_id, event_id from ingested_rows order by event_id")


@pytest.fixture
async def month(sender: Sender) -> str:
    """The table of a month, made by a first row."""
    await sender.post(row("e1", "u1"))
    return MONTH


async def test_rows_that_are_copied_are_their_senders_organisations_and_no_others(sender: Sender, month: str) -> None:
    other = Sender(sender.runtime, await another_org(sender.runtime))
    await other.post(row("e1", "u1", "treatment"), row("e2", "u2"))
    assert await owners(sender) == [(sender.org_id, "e1")]
    assert await owners(other) == [(other.org_id, "e1"), (other.org_id, "e2")]


async def test_a_copy_cannot_say_whose_its_rows_are(sender: Sender, month: str) -> None:
    other = await another_org(sender.runtime)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with sender.runtime.transaction(sender.org_id) as tx:
            await copy(tx, f"{LINE}\t1\t{other}", (*COLUMNS, "batch", "org_id"))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with sender.runtime.transaction(sender.org_id) as tx:
            await tx.run(text(f"insert into {month} (org_id, event_id) values (:other, 'e9')"), {"other": other})
    assert await owners(Sender(sender.runtime, other)) == []


async def test_a_copy_of_nobody_is_refused(sender: Sender, month: str) -> None:
    with pytest.raises(asyncpg.NotNullViolationError):
        async with sender.runtime.engine.begin() as conn:
            await copy(Tx(conn, sender.org_id), f"{LINE}\t1", (*COLUMNS, "batch"))


async def test_a_copy_cannot_put_a_row_into_another_month(sender: Sender, month: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with sender.runtime.transaction(sender.org_id) as tx:
            await copy(tx, f"{LINE}\t1\t2026-04-01", (*COLUMNS, "batch", "month"))


@pytest.mark.parametrize(
    "attempt",
    [
        "select * from {}", "select event_id from {}", "update {} set unit = 'x'", "delete from {}", "truncate {}",
        "insert into {} (event_id) values ('x') returning org_id", "insert into {} (org_id) values (null)",
        "create trigger spy before insert on {} for each row execute function suppress_redundant_updates_trigger()",
        "alter table {} alter column org_id set default gen_random_uuid()",
    ],
)  # fmt: skip
async def test_nothing_but_copying_in_can_be_done_to_a_month(runtime: Runtime, month: str, attempt: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        async with runtime.engine.begin() as conn:
            await conn.execute(text(attempt.format(month)))


async def test_every_month_there_is_grants_the_same(sender: Sender, month: str) -> None:
    """And what grants more than writing these columns would show here."""
    found = await sender.all(
        "select c.relname, has_table_privilege('outcome_app', c.oid, 'select, insert, update, delete, truncate, trigger, references') as whole, "
        "array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 "
        "and has_column_privilege('outcome_app', c.oid, a.attnum, 'select, update, references')) as reading, "
        "array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 "
        "and has_column_privilege('outcome_app', c.oid, a.attnum, 'insert') order by 1) as writing, c.relrowsecurity "
        "from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'ingested_rows'::regclass"
    )
    assert MONTH in {name for name, *_ in found}
    for name, table, reading, writing, secured in found:
        assert (table, reading) == (False, []), name
        assert secured if name == "ingested_rows_default" else writing == sorted({*COLUMNS, "batch"}), name


UNUSUAL: list[Mapping[str, Any]] = [
    {}, {"signal": "revenue", "value": 12.5}, {"signal": "revenue", "value": -3}, {"signal": "revenue", "value": "0.10"},
    {"signal": "revenue", "value": 1e-7}, {"signal": "revenue", "value": 1e22}, {"signal": "revenue", "value": 12345678901234567890},
    {"signal": "a\tb\\N\n\r", "value": 1}, {"unit": "\\N"}, {"unit": "\\."}, {"unit": "N\u00e4he \u2603"}, {"unit": "x" * 200}, {"unit": "\x7f"},
    {"at": "2026-03-02T09:30:00.123456Z"}, {"at": "2026-03-02T11:30:00+02:00"}, {"at": "2026-03-02 09:30:00Z"}, {"at": "2026-02-28T23:59:59.9Z"},
    {"at": "2026-03-01T00:30:00+01:00"}, {"at": "1969-07-20T20:17:40Z"},
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 19])
async def test_rows_are_kept_alike_whichever_way_they_come(sender: Sender, size: int) -> None:
    """The same message again, with one row that was there before, has to take the careful way."""
    rows = [row(f"e{number}", f"u{number}") | more for number, more in enumerate(UNUSUAL)]
    for start in range(0, len(rows), size):
        assert (await sender.post(*rows[start : start + size]))["accepted"] == len(rows[start : start + size])
    careful = Sender(sender.runtime, await another_org(sender.runtime))
    for one in rows:
        told = await careful.post(one, one)
        assert (told["accepted"], told["repeated"]) == (1, 1)
    kept = "select event_id, month, experiment_key, unit, variant, at, signal_name, value from ingested_rows order by event_id"
    assert await sender.all(kept) == await careful.all(kept)
    assert await sender.post(*rows) == await careful.post(*rows)


@pytest.mark.parametrize(
    "at",
    [
        "2026-02-30T10:00:00Z",
        "2026-03-32T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-03-00T10:00:00Z",
        "0000-03-01T10:00:00Z",
    ],
)
async def test_a_day_that_does_not_exist_is_its_rows_mistake(sender: Sender, at: str) -> None:
    told = await sender.post(row("e1", "u1"), row("e2", "u2") | {"at": at})
    assert (told["accepted"], [(fault["line"], fault["field"]) for fault in told["errors"]]) == (1, [(2, "at")])


async def test_an_id_that_came_with_a_time_in_the_month_beside_is_found(sender: Sender) -> None:
    await sender.post(row("e1", "u1"))
    told = await sender.post(row("e2", "u2", minutes=30 * 1440), row("e1", "u1", minutes=30 * 1440))
    assert (told["accepted"], told["rejected"], told["errors"][0]["line"]) == (1, 1, 2)
    told = await sender.post(row("e3", "u3"), row("e4", "u4", minutes=30 * 1440), row("e3", "u3", minutes=30 * 1440))
    assert (told["accepted"], told["errors"][0]["line"]) == (2, 3)


async def test_crossed_units_are_counted_experiment_by_experiment(sender: Sender) -> None:
    elsewhere = {"experiment": "another"}
    rows = [row("e1", "u1"), row("e2", "u1", "treatment") | elsewhere, row("e3", "u2"), row("e4", "u2", "treatment")]
    assert (await sender.post(*rows))["crossed"] == 1
    assert (await sender.post(row("e5", "u5"), row("e6", "u5", "treatment")))["crossed"] == 1


async def test_messages_that_share_ids_in_any_order_each_have_an_answer(sender: Sender) -> None:
    rows = [row(f"e{number}", f"u{number}") for number in range(300)]
    orders = [rows, rows[::-1], rows[150:] + rows[:150], rows[::-1][150:] + rows[::-1][:150]]
    told = await asyncio.gather(*(sender.post(*order, message_id=uuid4().hex) for order in orders))
    assert sum(one["accepted"] for one in told) == 300
    assert sum(one["repeated"] for one in told) == 900
    assert await sender.all("select sum(rows) from ingested_batches") == [(300,)]


async def test_a_time_at_the_end_of_the_calendar_is_its_rows_mistake(sender: Sender) -> None:
    told = await sender.post(row("e1", "u1"), row("e2", "u2") | {"at": "0001-01-01T00:00:00+14:00"})
    assert (told["accepted"], told["errors"][0]["line"]) == (1, 2)


async def test_an_experiment_named_by_an_id_nobody_has_is_named_by_its_line(sender: Sender) -> None:
    unknown: dict[str, Any] = row("e2", "u2") | {"experiment": str(UUID(int=7))}
    told = await sender.post(row("e1", "u1"), unknown)
    assert (told["accepted"], told["errors"][0]["line"], told["errors"][0]["field"]) == (1, 2, "experiment")
