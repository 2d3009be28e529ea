"""E-mail: letters sent and mail received, decisions that can be taken back, links used, addresses that refuse."""

from migrations.script import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0006_mail")
