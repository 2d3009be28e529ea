"""`outcome-runtime up`: embedded servers, migrations, bot, workers and, without Slack tokens, the sandbox workspace."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import click

from bot.cli.completion import complete
from bot.cli.reach import database_silent, queue_silent
from bot.cli.supervise import Supervisor, interruptible
from runtime.db.revision import newest, present
from runtime.local.children import Child
from runtime.local.files import write_private
from runtime.local.secrets import LocalSecrets, load_or_create_secrets
from runtime.local.servers import Servers, ensure_servers, only_one
from runtime.settings import Settings, secret

_MANIFEST = Path(__file__).parents[2] / "manifest.yaml"


@click.command()
def up() -> None:
    """Run everything in one go until Ctrl-C. With Slack tokens it is in Slack, without them in the sandbox workspace.

    A dead process is brought back without ending the others; what was going on carries on where it stopped.
    """
    settings = Settings()
    with interruptible(), only_one(settings.data_dir), ensure_servers(settings) as servers:
        secrets = load_or_create_secrets(settings.data_dir)
        full = complete(settings, servers, secrets)
        asyncio.run(_migrate(full))
        if silent := queue_silent(servers.redis_url):
            click.echo(f"{silent} Until then nothing is carried out.", err=True)
        env = _environment(full, servers, secrets)
        # The page first: what was said before stands on it while the others are still starting.
        children = [*_sandbox(full, secrets, env), _bot(full, env), *_workers(full, env)]
        announce = {"url": full.public_url, "sandbox": _sandbox_url(full), "redis_url": servers.redis_url}
        raise SystemExit(Supervisor(full.data_dir, children, servers=servers.embedded, announce=announce).run())


async def _migrate(settings: Settings) -> None:
    owner = secret(settings.migration_database_url) or ""
    try:
        at = await present(owner)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise database_silent(error) from error
    if at != newest():
        from runtime.db.migrate import migrate  # noqa: PLC0415  Alembic costs a second, and most starts need none of it

        await migrate(owner)


def in_slack(settings: Settings) -> bool:
    """A token of one workspace, or an app that workspaces install."""
    return bool(secret(settings.slack_bot_token) or settings.slack_client_id)


def _sandbox_url(settings: Settings) -> str | None:
    return None if in_slack(settings) else f"http://127.0.0.1:{settings.sandbox_port}"


def _environment(settings: Settings, servers: Servers, secrets: LocalSecrets) -> dict[str, str]:
    """What the children need to find the same world: stores, keys, and where Slack is."""
    slack = {
        "SLACK_BOT_TOKEN": secrets.slack_bot_token,
        "SLACK_SIGNING_SECRET": secrets.slack_signing_secret,
        "SLACK_BASE_URL": f"{_sandbox_url(settings)}/api/",
        "SLACK_APP_TOKEN": "",
    }
    return {
        **servers.environment(),
        "DATA_DIR": str(settings.data_dir.resolve()),
        "ENCRYPTION_KEYS": secret(settings.encryption_keys) or "",
        "API_SECRET": secret(settings.api_secret) or "",
        "AGENT_SECRET": secret(settings.agent_secret) or "",
        **({} if in_slack(settings) else slack),
    }


def _bot(settings: Settings, env: Mapping[str, str]) -> Child:
    url = f"http://127.0.0.1:{settings.port}/health"
    return Child("bot", [sys.executable, "-m", "bot"], env, ready_url=url, port=settings.port, host=settings.host)


def _workers(settings: Settings, env: Mapping[str, str]) -> list[Child]:
    return [
        Child(f"worker-{n + 1}", [sys.executable, "-m", "workers"], env, ready_line="worker ready")
        for n in range(settings.workers)
    ]


def _sandbox(settings: Settings, secrets: LocalSecrets, env: Mapping[str, str]) -> list[Child]:
    if in_slack(settings):
        return []
    folder = settings.data_dir.resolve() / "sandbox"
    write_private(folder / "signing-secret", secrets.slack_signing_secret)
    write_private(folder / "bot-token", secrets.slack_bot_token)
    channel = settings.slack_default_channel.lstrip("#")
    channels = ",".join(dict.fromkeys([channel, "outcome-runtime", "checkout-outcomes", "general"]))
    options = {
        "port": str(settings.sandbox_port), "events-url": f"http://127.0.0.1:{settings.port}/slack/events",
        "signing-secret-file": str(folder / "signing-secret"), "bot-token-file": str(folder / "bot-token"), "data": str(folder),
        "people": settings.sandbox_people, "channels": channels, **({"manifest": str(_MANIFEST)} if _MANIFEST.exists() else {}),
    }  # fmt: skip
    argv = [
        sys.executable,
        "-m",
        "bot.slack.sandbox",
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    ]
    url = f"http://127.0.0.1:{settings.sandbox_port}/"
    return [Child("sandbox", argv, env, ready_url=url, port=settings.sandbox_port, port_setting="SANDBOX_PORT")]
