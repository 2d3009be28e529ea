"""Workspaces that installed the app: whose they are, and their tokens, sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.db.tables import slack_installations as table
from runtime.errors import NotAllowed
from runtime.identity.people import SYSTEM, By
from runtime.journal import Event, record
from runtime.settings import secret

SOON = timedelta(hours=2)
"""A token is renewed when it has less than this to live; Slack's live twelve hours."""


class _Named(BaseModel):
    id: str = Field("", max_length=64)
    name: str = Field("", max_length=200)


class _Team(_Named):
    id: str = Field(min_length=1, max_length=64)


class Grant(BaseModel):
    """The part of oauth.v2.access's answer that is kept; an install for a whole Enterprise organisation names no team and is refused."""

    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: SecretStr = Field(min_length=1)
    token_type: Literal["bot"] = "bot"  # noqa: S105  a kind, not a token
    scope: str = ""
    bot_user_id: str = ""
    app_id: str = ""
    team: _Team
    enterprise: _Named | None = None
    authed_user: _Named = Field(default_factory=_Named)
    refresh_token: SecretStr | None = None
    expires_in: int | None = Field(None, gt=0)


@dataclass(frozen=True, slots=True)
class Installation:
    """A workspace with its tokens opened; they show up in no log."""

    org_id: UUID
    team_id: str
    team_name: str
    enterprise_id: str | None
    bot_user_id: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_why: str
    bot_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)

    def due(self, now: datetime) -> bool:
        """Whether the token should be exchanged for a new one."""
        return self.refresh_token is not None and self.expires_at is not None and self.expires_at - now < SOON

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


async def org_of(runtime: Runtime, team_id: str) -> UUID | None:
    """The organisation a workspace belongs to, also when it was revoked."""
    async with runtime.engine.connect() as conn:
        found = (await conn.execute(text("select org_by_slack_team(:team)"), {"team": team_id})).scalar()
    return None if found is None else UUID(str(found))


async def of_team(runtime: Runtime, team_id: str) -> Installation | None:
    org_id = await org_of(runtime, team_id)
    if org_id is None:
        return None
    async with runtime.transaction(org_id) as tx:
        row = await tx.first(select(table).where(table.c.team_id == team_id))
    return _opened(runtime, row) if row else None


async def team_of(runtime: Runtime, org_id: UUID) -> str | None:
    """The workspace an organisation speaks in: of several the one installed last, a revoked one only if there is no other."""
    newest = select(table.c.team_id).order_by(table.c.revoked_at.is_(None).desc(), table.c.installed_at.desc()).limit(1)
    async with runtime.transaction(org_id) as tx:
        found = await tx.value(newest)
    return None if found is None else str(found)


async def keep(runtime: Runtime, org_id: UUID, grant: Grant, *, by: By = SYSTEM) -> None:
    """Store what Slack granted; a workspace that was revoked lives again. Another organisation's workspace is never taken over."""
    team = grant.team.id
    if await org_of(runtime, team) not in (None, org_id):
        raise NotAllowed("This workspace belongs to another organisation here; uninstall the app there first.")
    now = runtime.now()
    values = {
        **_sealed(runtime, org_id, grant, now), "enterprise_id": grant.enterprise.id if grant.enterprise else None,
        "team_name": grant.team.name, "installed_by": grant.authed_user.id or None, "installed_at": now,
        "revoked_at": None, "revoked_why": None,
    }  # fmt: skip
    statement = insert(table).values(org_id=org_id, team_id=team, **values)
    async with runtime.transaction(org_id) as tx:
        await tx.run(statement.on_conflict_do_update(index_elements=["team_id"], set_=values))
        facts = {
            "team": team,
            "name": grant.team.name,
            "scopes": values["scopes"],
            "installed_by": grant.authed_user.id,
        }
        await record(tx, Event("slack.installed", "slack_workspace", None, facts), by=by)


async def renew(runtime: Runtime, was: Installation, grant: Grant) -> None:
    """Put a renewed token in the old one's place, unless somebody installed anew meanwhile."""
    same = (table.c.team_id == was.team_id) & (table.c.token_expires_at == was.expires_at)
    async with runtime.transaction(was.org_id) as tx:
        await tx.run(update(table).where(same).values(_sealed(runtime, was.org_id, grant, runtime.now())))


async def revoke(runtime: Runtime, team_id: str, why: str, *, at: datetime | None = None) -> bool:
    """Slack took the tokens back `at`; what was installed after that stays. False when there was nothing to revoke."""
    org_id = await org_of(runtime, team_id)
    if org_id is None:
        return False
    now = runtime.now()
    living = (table.c.team_id == team_id) & table.c.revoked_at.is_(None) & (table.c.installed_at <= (at or now))
    async with runtime.transaction(org_id) as tx:
        done = await tx.run(update(table).where(living).values(revoked_at=now, revoked_why=why))
        if done.rowcount:
            await record(tx, Event("slack.revoked", "slack_workspace", None, {"team": team_id, "why": why}), by=SYSTEM)
    return bool(done.rowcount)


def _sealed(runtime: Runtime, org_id: UUID, grant: Grant, now: datetime) -> Mapping[str, Any]:
    team, refresh = grant.team.id, secret(grant.refresh_token)
    return {
        "sealed_bot_token": runtime.vault.seal(
            grant.access_token.get_secret_value(), org_id=org_id, purpose=_bot(team)
        ),
        "sealed_refresh_token": runtime.vault.seal(refresh, org_id=org_id, purpose=_refresh(team)) if refresh else None,
        "token_expires_at": now + timedelta(seconds=grant.expires_in) if grant.expires_in else None,
        "scopes": [scope for scope in grant.scope.split(",") if scope],
        "bot_user_id": grant.bot_user_id,
        "app_id": grant.app_id,
    }


def _opened(runtime: Runtime, row: Row) -> Installation:
    def opened(blob: str | None, purpose: str) -> str | None:
        return runtime.vault.open(blob, org_id=row["org_id"], purpose=purpose) if blob else None

    team = row["team_id"]
    return Installation(
        row["org_id"], team, row["team_name"] or team, row["enterprise_id"], row["bot_user_id"] or "", tuple(row["scopes"]),
        row["token_expires_at"], row["revoked_at"], row["revoked_why"] or "",
        opened(row["sealed_bot_token"], _bot(team)) or "", opened(row["sealed_refresh_token"], _refresh(team)),
    )  # fmt: skip


def _bot(team_id: str) -> str:
    return f"slack-bot:{team_id}"


def _refresh(team_id: str) -> str:
    return f"slack-refresh:{team_id}"
