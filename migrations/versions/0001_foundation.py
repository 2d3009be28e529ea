"""Everything the loop stands on: organisations, outcomes, experiments, measurements, gates, learnings, journal, outbox, timers."""

from importlib.resources import files
from typing import cast

from alembic import op
from sqlalchemy.engine import AdaptedConnection

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create extension if not exists vector")
    script = files("migrations").joinpath("versions/0001_foundation.sql").read_text(encoding="utf-8")
    # A script of many statements needs the driver's simple protocol; a prepared statement takes only one.
    adapted = cast("AdaptedConnection", op.get_bind().connection.dbapi_connection)
    adapted.run_async(lambda driver: driver.execute(script))
    op.execute("select ensure_measurement_partitions(now())")
