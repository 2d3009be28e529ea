"""Members of an organisation: making the first owner, finding people, and those a gate names."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Tx
from runtime.db.tables import members, orgs, workspaces
from runtime.identity.people import SYSTEM, Member
from runtime.journal import Event, record

if TYPE_CHECKING:
    from runtime.core import Runtime


async def ensure_home(runtime: "Runtime") -> UUID:
    """The organisation of the settings, with its owner and a workspace; made at the first start, found at the next ones."""
    settings = runtime.settings
    known = {row: row for row in await runtime.org_ids()}
    found = await _slug(runtime, settings.org) if known else None
    org_id = found or uuid4()
    async with runtime.transaction(org_id) as tx:
        if found is None:
            await tx.run(insert(orgs).values(id=org_id, name=settings.org, slug=settings.org))
            await tx.run(insert(workspaces).values(org_id=org_id, name="default", outcome_yaml_path="outcome.yaml"))
            await record(tx, Event("org.created", "org", org_id, {"slug": settings.org}), by=SYSTEM)
        await _owner(tx, settings.owner_email, settings.owner_name)
    return org_id


async def _slug(runtime: "Runtime", slug: str) -> UUID | None:
    from runtime.errors import NotFound  # noqa: PLC0415  only here

    try:
        return await runtime.org_by_slug(slug)
    except NotFound:
        return None


async def _owner(tx: Tx, email: str, name: str) -> None:
    statement = insert(members).values(org_id=tx.org_id, name=name, email=email.lower(), role="owner")
    await tx.run(statement.on_conflict_do_nothing(index_elements=["org_id", "email"]))


async def ensure(tx: Tx, emails: Iterable[str]) -> None:
    """Make members of the people a gate names; who is one already stays as they are."""
    rows = [
        {"org_id": tx.org_id, "name": _name(email), "email": email.lower(), "role": "member"}
        for email in sorted(set(emails))
    ]
    if rows:
        await tx.run(insert(members).on_conflict_do_nothing(index_elements=["org_id", "email"]), rows)


def _name(email: str) -> str:
    return email.partition("@")[0].replace(".", " ").replace("-", " ").title()


async def listed(tx: Tx) -> Sequence[Member]:
    return [Member.of(row) for row in await tx.all(select(members).order_by(members.c.created_at))]


async def by_email(tx: Tx, email: str) -> Member | None:
    row = await tx.first(select(members).where(members.c.email == email.lower()))
    return Member.of(row) if row else None


async def by_slack(tx: Tx, slack_user_id: str) -> Member | None:
    row = await tx.first(_BY_SLACK, {"user": slack_user_id})
    return Member.of(row) if row else None


_BY_SLACK = select(members).where(members.c.slack_user_id == bindparam("user"))


async def owner(tx: Tx) -> Member | None:
    row = await tx.first(select(members).where(members.c.role == "owner").order_by(members.c.created_at).limit(1))
    return Member.of(row) if row else None


async def link_slack(tx: Tx, email: str, slack_user_id: str, *, name: str, timezone: str) -> Member | None:
    """Join a Slack user to the member with the same verified address; None when there is no such member."""
    statement = (
        update(members)
        .where(members.c.email == email.lower())
        .values(
            slack_user_id=slack_user_id, name=func.coalesce(func.nullif(name, ""), members.c.name), timezone=timezone
        )
        .returning(members)
    )
    row = await tx.first(statement)
    return Member.of(row) if row else None
