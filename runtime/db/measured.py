"""The tables beside the measurements: their rollups, what was read of each signal, and the registry of plans."""

from sqlalchemy import BigInteger, Column, Integer, Numeric, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.db.columns import Moment, metadata

measurement_rollups = Table(
    "measurement_rollups",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("outcome_id", Uuid),
    Column("experiment_id", Uuid, primary_key=True),
    Column("signal_name", Text, primary_key=True),
    Column("phase", Integer, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("grain", Text, primary_key=True),
    Column("bucket", Moment, primary_key=True),
    Column("n", Numeric, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("total_sq", Numeric, nullable=False),
    Column("total_x", Numeric, nullable=False, server_default=text("0")),
    Column("total_x_sq", Numeric, nullable=False, server_default=text("0")),
    Column("total_xy", Numeric, nullable=False, server_default=text("0")),
    Column("beyond_limit", Numeric, nullable=False),
    Column("counted", Numeric, nullable=False),
)

measurement_reads = Table(
    "measurement_reads",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("experiment_id", Uuid, primary_key=True),
    Column("signal_name", Text, primary_key=True),
    Column("phases", Integer, nullable=False, server_default=text("0")),
    Column("resume_from", Moment),
    Column("data_through", Moment),
    Column("advanced_at", Moment),
    Column("whole_at", Moment),
    Column("dirty_from", Moment),
    Column("dirty_marks", BigInteger, nullable=False, server_default=text("0")),
)

plan_registrations = Table(
    "plan_registrations",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("experiment_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("gate_id", Uuid),
    Column("registered_at", Moment, nullable=False),
)
