"""`mail`: commands about letters and the replies to them."""

import click

from bot.cli.commands import Commands

COMMANDS = {
    "preview": ("bot.cli.mail_preview", "Write the letter of a sample gate as .eml, .html and .png."),
    "interpret": (
        "bot.cli.mail_interpret",
        "Say what the runtime would do with replies to a letter, without doing it.",
    ),
}


@click.group(cls=Commands, table=COMMANDS)
def mail() -> None:
    """Letters and the replies to them: what is sent, and what would be done with what comes back."""
