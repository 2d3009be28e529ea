"""`outcome-runtime doctor`: one line a fact, `ok`, `--` (optional and absent) or `!!` (broken, with how to mend it)."""

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import click
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from bot.cli.completion import complete
from bot.cli.reach import database_silent
from bot.cli.up import in_slack
from runtime.core import Runtime, running
from runtime.db.migrate import current, head
from runtime.db.tables import journal, outbox, workspaces
from runtime.errors import NotFound, OutcomeRuntimeError
from runtime.local.secrets import load_or_create_secrets
from runtime.local.servers import ensure_servers
from runtime.outcomes import connections
from runtime.settings import Settings, secret

_ENOUGH_DISK = 1024**3
_OFTEN = 3
_NO_MODEL = "no key: portfolios come from the playbook; set ANTHROPIC_API_KEY or OPENAI_API_KEY"
_NO_AGENT = "no AGENT_URL: agents fetch builds over MCP at /mcp"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about this installation, and for a broken one the mend."""

    state: Literal["ok", "--", "!!"]
    what: str
    detail: str


@click.command()
def doctor() -> None:
    """Say what is configured, what is reachable, what is missing and how to mend it. Exit status 1 if anything is broken."""
    settings = Settings()
    findings = [*_machine(settings), *_configured(settings)]
    try:
        with ensure_servers(settings) as servers:
            full = complete(settings, servers, load_or_create_secrets(settings.data_dir))
            findings += asyncio.run(_reachable(full))
    except OutcomeRuntimeError as error:
        findings.append(Finding("!!", "servers", error.message))
    for finding in findings:
        click.echo(f"{finding.state}  {finding.what:22} {finding.detail}")
    if any(finding.state == "!!" for finding in findings):
        sys.exit(1)


def _machine(settings: Settings) -> list[Finding]:
    place = settings.data_dir.resolve()
    parent = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(parent).free
    disk = Finding(
        "ok" if free > _ENOUGH_DISK else "!!",
        "disk",
        f"{free / 1024**3:.1f} GiB free at {place}; 1 GiB is the least to run on",
    )
    return [Finding("ok", "python", sys.version.split()[0]), disk, _fonts()]


def _fonts() -> Finding:
    found = importlib.util.find_spec("matplotlib") is not None
    return Finding(
        "ok" if found else "!!",
        "charts",
        "matplotlib is installed" if found else "matplotlib is missing; run ./bootstrap.sh",
    )


def _configured(settings: Settings) -> list[Finding]:
    keys = [
        name for name, key in (("Anthropic", settings.anthropic_api_key), ("OpenAI", settings.openai_api_key)) if key
    ]
    known = " and ".join(keys)
    llm = Finding("ok", "language model", f"key for {known}") if keys else Finding("--", "language model", _NO_MODEL)
    agent = (
        Finding("ok", "coding agents", settings.agent_url)
        if settings.agent_url
        else Finding("--", "coding agents", _NO_AGENT)
    )
    return [_slack(settings), llm, agent]


def _slack(settings: Settings) -> Finding:
    if not in_slack(settings) and not secret(settings.slack_app_token):
        return Finding("--", "slack", "no SLACK_BOT_TOKEN: gates appear in the sandbox workspace; see docs/slack.md")
    wrong = _slack_lacks(settings)
    if wrong:
        return Finding("!!", "slack", wrong)
    token = "bot token" if secret(settings.slack_bot_token) else "installed by OAuth at /slack/install"
    way = "Socket Mode" if secret(settings.slack_app_token) else "HTTP with the signing secret"
    return Finding("ok", "slack", f"{token}, {way}")


def _slack_lacks(settings: Settings) -> str:
    """The first thing that is missing or in the wrong place, with where it is found."""
    app_token = secret(settings.slack_app_token)
    if not in_slack(settings):
        return "SLACK_APP_TOKEN is set, SLACK_BOT_TOKEN is not; copy it from the app's OAuth & Permissions page"
    if bool(settings.slack_client_id) != bool(secret(settings.slack_client_secret)):
        return "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET go together; copy both from the app's Basic Information page"
    if app_token and not app_token.startswith("xapp-"):
        return "SLACK_APP_TOKEN is no app-level token (xapp-...); make one with connections:write on the app's Basic Information page"
    if not app_token and not secret(settings.slack_signing_secret):
        return (
            "neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set; "
            "both are on the app's Basic Information page"
        )
    return ""


async def _reachable(settings: Settings) -> list[Finding]:
    try:
        at = await current(secret(settings.migration_database_url) or "")
    except (SQLAlchemyError, OSError) as error:
        return [Finding("!!", "database", database_silent(error).message), await _queue(settings)]
    if at != head():
        return [
            Finding(
                "!!",
                "database",
                f"at revision {at or 'none'}, this version needs {head()}; run `outcome-runtime migrate`",
            )
        ]
    async with running(settings) as runtime:
        found = [Finding("ok", "database", f"reachable, at revision {at}"), await _queue(settings)]
        try:
            org_id = await runtime.home()
        except NotFound as error:
            return [*found, Finding("--", "organisation", error.message)]
        from bot.mail import checkup  # noqa: PLC0415  only here

        incoming = [Finding(*line) for line in await checkup.lines(runtime, org_id)]
        return [*found, await _mail(settings), *incoming, *[finding async for finding in _inside(runtime, org_id)]]


async def _mail(settings: Settings) -> Finding:
    """Whether letters can leave: the server answers, takes our password, and the key signs."""
    from bot.mail import dkim, transport  # noqa: PLC0415  only here

    if not secret(settings.smtp_url):
        where = "they go to the sandbox's mailbox" if transport.configured(settings) else "none are sent"
        return Finding("--", "e-mail", f"no SMTP_URL: {where}; see docs/email.md")
    try:
        probe = await transport.probe(settings)
        dkim.signer(settings)(b"From: doctor <doctor@localhost>\r\n\r\n")
    except OutcomeRuntimeError as error:
        return Finding("!!", "e-mail", error.message)
    signs = "signed with DKIM" if secret(settings.mail_dkim_key) else "not signed by us (no MAIL_DKIM_KEY)"
    return Finding(
        "ok" if probe.ok else "!!", "e-mail", f"{probe.detail}; letters are {signs}" if probe.ok else probe.detail
    )


async def _queue(settings: Settings) -> Finding:
    from redis.asyncio import Redis  # noqa: PLC0415  slow to import, and only here
    from redis.exceptions import RedisError  # noqa: PLC0415  as above

    client: Redis = Redis.from_url(secret(settings.redis_url) or "", socket_timeout=3)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return Finding("!!", "queue", f"does not answer ({type(error).__name__}); check REDIS_URL")
    finally:
        await client.aclose()
    return Finding("ok", "queue", "answers")


async def _inside(runtime: Runtime, org_id: UUID) -> AsyncIterator[Finding]:
    async with runtime.transaction(org_id) as tx:
        walls = await tx.value(text("select rolbypassrls or rolsuper from pg_roles where rolname = current_user"))
        broken = await tx.value(text("select journal_broken_at()"))
        entries = await tx.value(select(func.count()).select_from(journal))
        stuck = await tx.value(select(func.count()).select_from(outbox).where(outbox.c.status == "dead"))
        late = await tx.value(
            select(func.count()).select_from(outbox).where(outbox.c.status == "due", outbox.c.attempts >= _OFTEN)
        )
        file = await tx.value(select(workspaces.c.outcome_file).limit(1))
    yield Finding(
        "!!" if walls else "ok",
        "tenant walls",
        "the database role can bypass them; use a plain role" if walls else "row-level security binds this role",
    )
    yield Finding(
        "!!" if broken else "ok",
        "journal",
        f"chain broken at entry {broken}" if broken else f"{entries} entries, chain of hashes holds",
    )
    yield Finding(
        "!!" if stuck else "ok",
        "outbox",
        f"{stuck} messages were given up, {late} are being retried; see the worker's log",
    )
    if file is None:
        yield Finding("--", "outcome.yaml", "nothing applied yet; see outcome.yaml.example")
        return
    for declared in file.get("signal_connectors") or []:
        yield await _source(runtime, org_id, declared["name"])
    yield await _flag_service(runtime, org_id)


async def _source(runtime: Runtime, org_id: UUID, name: str) -> Finding:
    try:
        source = await connections.connector(runtime, org_id, name)
        try:
            probe = await source.test_connection()
        finally:
            await source.close()
    except OutcomeRuntimeError as error:
        return Finding("!!", f"signal {name}", error.message)
    return Finding("ok" if probe.ok else "!!", f"signal {name}", probe.detail)


async def _flag_service(runtime: Runtime, org_id: UUID) -> Finding:
    try:
        service = await connections.flags(runtime, org_id)
        try:
            probe = await service.test_connection()
        finally:
            await service.close()
    except OutcomeRuntimeError as error:
        return Finding("!!", "feature flags", error.message)
    return Finding("ok" if probe.ok else "!!", "feature flags", probe.detail)
