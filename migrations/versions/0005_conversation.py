"""Gates as a conversation: conditions that bind, snoozing, four eyes, readings of free text, and installed Slack workspaces."""

from migrations.script import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0005_conversation")
