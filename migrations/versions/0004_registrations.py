"""The plan registry: what each experiment is measured by, in versions that nobody edits."""

from migrations.script import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0004_registrations")
