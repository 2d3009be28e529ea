"""`mail`: commands about letters and the replies to them."""

from importlib import import_module

import click

COMMANDS = {
    "preview": ("bot.cli.mail_preview", "Write the letter of a sample gate as .eml, .html and .png."),
    "interpret": (
        "bot.cli.mail_interpret",
        "Say what the runtime would do with replies to a letter, without doing it.",
    ),
}


class Commands(click.Group):
    """Knows its commands by name, so that reading a reply loads nothing that draws letters."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands)
def mail() -> None:
    """Letters and the replies to them: what is sent, and what would be done with what comes back."""
