"""`slack`: commands about what is seen in Slack."""

import click

from bot.cli.preview import preview


@click.group()
def slack() -> None:
    """What people see in Slack."""


slack.add_command(preview)
