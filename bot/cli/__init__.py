"""The command line: `outcome-runtime COMMAND`. Each command's module is imported only when it is called."""

import os
import signal
import sys
from typing import NoReturn

import click

from bot.cli.commands import Commands
from runtime.errors import OutcomeRuntimeError

_INTERRUPTED = 128 + signal.SIGINT
"""What a shell expects of a command that Ctrl-C ended."""
COMMANDS = {
    "up": ("bot.cli.up", "Run the bot, the workers and, where none is configured, the embedded servers."),
    "doctor": ("bot.cli.doctor", "Say what is configured, what is reachable, what is missing and how to mend it."),
    "validate": ("bot.cli.files", "Check an outcome.yaml; every error with its line, at once."),
    "plan": ("bot.cli.files", "Show what applying an outcome.yaml would change."),
    "apply": ("bot.cli.files", "Bring the runtime to an outcome.yaml."),
    "export": ("bot.cli.files", "Write what runs back as an outcome.yaml."),
    "status": ("bot.cli.look", "Outcomes, their experiments and open gates."),
    "chart": ("bot.cli.chart", "Draw an outcome's or experiment's picture to a file."),
    "digest": ("bot.cli.digest", "Print what runs, waits, was decided and learned lately, as plain text."),
    "learnings": ("bot.cli.look", "Ask what past experiments taught."),
    "lifecycle": ("bot.cli.look", "Print the lifecycles of outcomes, experiments and gates."),
    "journal": ("bot.cli.look", "Print the audit journal and check its chain of hashes."),
    "analyze": ("bot.cli.analyze", "Answer statistical questions: JSON Lines in, JSON Lines out."),
    "backtest": (
        "bot.cli.backtest",
        "Replay recorded experiments: what each rule would have called, when, and how often wrongly.",
    ),
    "simulate": ("bot.cli.simulate", "Error rates, power and duration of a plan before it is launched."),
    "slack": ("bot.cli.slack", "What people see in Slack: `slack preview` draws every message, form and Home tab."),
    "mail": (
        "bot.cli.mail",
        "Letters and replies: `mail preview` writes a letter, `mail interpret` reads replies to it.",
    ),
    "key": ("bot.cli.admin", "Make and revoke keys of agents, readers and senders of signals."),
    "retention": ("bot.cli.retention", "Show or set how long raw rows of finished experiments are kept."),
    "database": ("bot.cli.admin", "Make another database on the embedded server."),
    "migrate": ("bot.cli.admin", "Bring the database to this version's tables."),
}


@click.command(
    cls=Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option("0.1.0", prog_name="outcome-runtime")
def group() -> None:
    """Outcome Runtime: AI proposes experiments, people decide at gates, always-valid statistics say what moved."""


def main() -> None:
    """Run a command; an error of ours is one sentence on standard error and exit status 1."""
    try:
        sys.exit(group.main(prog_name="outcome-runtime", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.stderr.write("Stopped.\n")
        sys.exit(_INTERRUPTED)
    except OutcomeRuntimeError as error:
        _end(error)
    except ValueError as error:
        if getattr(error, "title", "") != "Settings":
            raise
        from pydantic import ValidationError  # noqa: PLC0415  `--help` needs none of this

        from bot.cli.reach import wrong_setting  # noqa: PLC0415  as above

        if not isinstance(error, ValidationError):
            raise
        _end(wrong_setting(error))


def _end(error: OutcomeRuntimeError) -> NoReturn:
    sys.stderr.write(f"{error.message}\n")
    if os.environ.get("OUTCOME_RUNTIME_TRACEBACK"):
        raise error
    sys.exit(1)
