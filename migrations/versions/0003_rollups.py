"""Rollups of measurements, what was read of each signal, and measurements claimed many at a time."""

from migrations.script import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0003_rollups")
