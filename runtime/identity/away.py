"""Who is away: what a channel saw of people's status, kept with the member and never older than it is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID

from sqlalchemy import or_, select, update

from runtime.db.engine import Tx
from runtime.db.tables import members
from runtime.identity.people import Member

FRESH = timedelta(minutes=5)
"""A status seen so lately is not asked for again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a channel shows of a person; `away_until` is None for somebody who is there."""

    email: str
    away_until: datetime | None


@runtime_checkable
class SeesPeople(Protocol):
    """What a channel may offer besides delivering: the status of people. Whom it cannot see it leaves out."""

    async def statuses(self, org_id: UUID, people: Sequence[Member], now: datetime) -> Sequence[Seen]: ...


async def until(tx: Tx, emails: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Those of these people who are away, by address as it was asked for, and until when at least."""
    asked = {email.casefold(): email for email in emails}
    statement = select(members.c.email, members.c.away_until)
    found = await tx.all(statement.where(members.c.email.in_(list(asked)), members.c.away_until > now))
    return {asked[row["email"]]: row["away_until"] for row in found}


def among(people: Iterable[Member], emails: Iterable[str], now: datetime) -> dict[str, datetime]:
    """As `until`, of members that were read before."""
    until = {member.email.casefold(): member.away_until for member in people}
    found = {email: until.get(email.casefold()) for email in emails}
    return {email: at for email, at in found.items() if at is not None and at > now}


async def unseen(tx: Tx, emails: Iterable[str], now: datetime) -> list[Member]:
    """Those of these people whose status was not looked at lately."""
    wanted = {email.casefold() for email in emails}
    old = or_(members.c.status_seen_at.is_(None), members.c.status_seen_at <= now - FRESH)
    return [Member.of(row) for row in await tx.all(select(members).where(members.c.email.in_(wanted), old))]


async def keep(tx: Tx, seen: Sequence[Seen], source: str, now: datetime) -> bool:
    """Remember what a channel saw; whether anybody went or came. What another source said stands until its own time is over."""
    changed = False
    for one in seen:
        mine = members.c.email == one.email.casefold()
        await tx.run(update(members).where(mine).values(status_seen_at=now))
        theirs = or_(
            members.c.away_source.is_(None), members.c.away_source == source, members.c.away_until <= now, members.c.away_until.is_(None)
        )  # fmt: skip
        differs = members.c.away_until.is_distinct_from(one.away_until)
        values = {"away_until": one.away_until, "away_source": source if one.away_until else None}
        changed |= bool((await tx.run(update(members).where(mine, theirs, differs).values(values))).rowcount)
    return changed
