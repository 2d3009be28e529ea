"""`python -m bot.slack.sandbox`: run the workspace as its own process, on this machine only."""

import argparse
import sys
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from bot.slack.sandbox.config import SandboxConfig, installed_from, parse_channels, parse_people, secret_in
from bot.slack.sandbox.server import create_app
from runtime.errors import InvalidConfiguration, OutcomeRuntimeError

CHANNELS = "outcome-runtime,checkout-outcomes,general"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.slack.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8701)
    parser.add_argument("--events-url", default="http://127.0.0.1:8700/slack/events", help="where the bot listens")
    parser.add_argument("--signing-secret-file", type=Path, required=True, help="made when missing")
    parser.add_argument("--bot-token-file", type=Path, required=True, help="made when missing")
    parser.add_argument("--data", type=Path, required=True, help="the folder the workspace lives in")
    parser.add_argument("--people", required=True, help='"Dana <dana@shop.test> Europe/Berlin; Ben <ben@shop.test>"')
    parser.add_argument("--channels", default=CHANNELS, help="comma-separated; !name is one the bot is not in")
    parser.add_argument("--workspace", default="Sandbox", help="the name at the top of the page")
    parser.add_argument("--manifest", type=Path, help="the Slack app manifest with commands and shortcuts")
    parser.add_argument("--trigger-seconds", type=float, default=3.0, help="how long a trigger_id lives")
    return parser


def config_from(given: argparse.Namespace) -> SandboxConfig:
    commands, shortcuts = installed_from(given.manifest) if given.manifest else ((), ())
    declared = {"commands": commands, "shortcuts": shortcuts} if commands else {}
    try:
        return SandboxConfig(
            events_url=given.events_url,
            signing_secret=secret_in(given.signing_secret_file),
            bot_token=secret_in(given.bot_token_file, prefix="xoxb-"),
            data=given.data,
            people=parse_people(given.people),
            channels=parse_channels(given.channels),
            workspace=given.workspace,
            port=given.port,
            trigger_seconds=given.trigger_seconds,
            **declared,
        )
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise InvalidConfiguration(f"The sandbox cannot start: {wrong}.") from error


def main() -> None:
    try:
        config = config_from(arguments().parse_args())
    except OutcomeRuntimeError as error:
        sys.exit(error.message)
    web.run_app(create_app(config), host=config.host, port=config.port, access_log=None, shutdown_timeout=2.0)


if __name__ == "__main__":
    main()
