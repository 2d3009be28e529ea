"""The ingestion door at scale: raw rows by month, what waits to be folded, units, their totals, and rollups."""

from alembic import op

from migrations.script import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0002_ingestion")
    op.execute("select ensure_ingested_partitions(now(), now() + interval '2 months')")
