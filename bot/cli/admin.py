"""`key`, `database`, `migrate`: what an operator does."""

import asyncio
import sys
from datetime import datetime, timedelta
from uuid import UUID

import click
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from bot.cli.environment import local, operator, with_runtime
from bot.cli.reach import database_silent
from runtime.core import Runtime
from runtime.db.migrate import head
from runtime.db.migrate import migrate as bring_up
from runtime.db.tables import keys as table
from runtime.errors import InvalidRequest
from runtime.identity import keys, members
from runtime.journal import Event, record
from runtime.local.databases import create_database
from runtime.local.servers import ensure_servers
from runtime.settings import Settings, secret


@click.group()
def key() -> None:
    """Make, list, change and revoke keys."""


@key.command("create")
@click.option(
    "--kind", type=click.Choice(["agent", "read", "ingest", "member"]), required=True, help="What the key may do."
)
@click.option("--name", required=True, help="Whose key it is; shown in the journal.")
@click.option("--email", help="For a member key: the person it belongs to.")
def create(kind: str, name: str, email: str | None) -> None:
    """Make a key and print it, once. An ingest key also prints the secret that signs messages."""

    async def work(runtime: Runtime, org_id: UUID) -> keys.NewKey:
        by = await operator(runtime, org_id)
        async with runtime.transaction(org_id) as tx:
            member = await members.by_email(tx, email) if email else None
            if kind == "member" and member is None:
                raise InvalidRequest(
                    "A member key belongs to a person: name one of the organisation with --email.", email=email
                )
            return await keys.create(runtime, tx, kind=kind, name=name, by=by, member_id=member.id if member else None)

    _show(with_runtime(work))


def _show(made: keys.NewKey) -> None:
    click.echo(
        f"key: {made.token}\nid: {made.id}"
        + (f"\nsigning secret: {made.signing_secret}" if made.signing_secret else "")
    )
    click.echo("It is shown this once and stored only as a hash.", err=True)


@key.command("list")
def list_keys() -> None:
    """List keys by what is shown of them."""

    async def work(runtime: Runtime, org_id: UUID) -> list[str]:
        async with runtime.transaction(org_id) as tx:
            rows = await tx.all(select(table).order_by(table.c.created_at))
        return [
            f"{row['id']}  {row['kind']:7} {row['shown']:14} {'revoked' if row['revoked_at'] else 'valid':8} {row['name']}"
            for row in rows
        ]

    click.echo("\n".join(with_runtime(work)) or "No keys yet.")


@key.command("revoke")
@click.argument("key_id", type=click.UUID)
def revoke(key_id: UUID) -> None:
    """End a key at once."""

    async def work(runtime: Runtime, org_id: UUID) -> int:
        by = await operator(runtime, org_id)
        async with runtime.transaction(org_id) as tx:
            done = await tx.run(
                update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None)).values(revoked_at=runtime.now())
            )
            if done.rowcount:
                await record(tx, Event("key.revoked", "key", key_id), by=by)
            return done.rowcount

    click.echo("Revoked." if with_runtime(work) else "There is no valid key with that id.")


@key.command("rotate")
@click.argument("key_id", type=click.UUID)
@click.option(
    "--overlap", default=24.0, type=click.FloatRange(min=0), help="Hours for which the old key stays valid as well."
)
def rotate(key_id: UUID, overlap: float) -> None:
    """Make a new key in the place of KEY_ID and let the old one run out."""

    async def work(runtime: Runtime, org_id: UUID) -> tuple[keys.NewKey, datetime]:
        by = await operator(runtime, org_id)
        async with runtime.transaction(org_id) as tx:
            return await keys.rotate(runtime, tx, key_id, by=by, overlap=timedelta(hours=overlap))

    made, until = with_runtime(work)
    _show(made)
    click.echo(f"The old key is valid until {until:%Y-%m-%d %H:%M:%S %Z}.", err=True)


@click.group()
def database() -> None:
    """Databases on the embedded server."""


@database.command("create")
@click.argument("name")
def create_one(name: str) -> None:
    """Make database NAME on the embedded Postgres and print its address (with its password)."""
    settings = Settings()
    with ensure_servers(settings) as servers:
        if servers.postgres is None:
            sys.exit("DATABASE_URL names a server of yours; make the database there.")
        click.echo(create_database(servers.postgres, name))


@click.command()
def migrate() -> None:
    """Bring the database to this version's tables, under a lock, each step in one transaction."""
    with local() as settings:
        try:
            asyncio.run(bring_up(secret(settings.migration_database_url) or ""))
        except (SQLAlchemyError, OSError) as error:
            raise database_silent(error) from error
    click.echo(f"The database is at revision {head()}.")
