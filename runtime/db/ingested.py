"""The ingestion door's tables: raw rows, what waits to be folded, units, their totals, rollups and what is known of a signal."""

from sqlalchemy import BigInteger, Column, Date, Integer, Numeric, SmallInteger, Table, Text, Uuid, text

from runtime.db.columns import Moment, metadata

ingested_rows = Table(
    "ingested_rows",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("month", Date, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("experiment_key", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("signal_name", Text, nullable=False),
    Column("value", Numeric),
    Column("batch", BigInteger, nullable=False),
)

ingested_batches = Table(
    "ingested_batches",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("org_id", Uuid, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("key_id", Uuid),
    Column("received_at", Moment, nullable=False, server_default=text("clock_timestamp()")),
    Column("lease_until", Moment),
)

ingested_units = Table(
    "ingested_units",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("experiment_key", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("variants", SmallInteger, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("exposed_at", Moment),
)

ingested_totals = Table(
    "ingested_totals",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("experiment_key", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("signal_name", Text, primary_key=True),
    Column("total", Numeric, nullable=False),
)

ingested_rollups = Table(
    "ingested_rollups",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("experiment_key", Text, primary_key=True),
    Column("signal_name", Text, primary_key=True),
    Column("basis", Text, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("grain", Text, primary_key=True),
    Column("bucket", Moment, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("total_sq", Numeric, nullable=False),
    Column("positive", BigInteger, nullable=False),
)

ingested_signals = Table(
    "ingested_signals",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("experiment_key", Text, primary_key=True),
    Column("signal_name", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False, server_default=text("0")),
    Column("units", BigInteger, nullable=False, server_default=text("0")),
    Column("exposed", BigInteger, nullable=False, server_default=text("0")),
    Column("crossed", BigInteger, nullable=False, server_default=text("0")),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("folded_at", Moment, nullable=False, server_default=text("clock_timestamp()")),
)
