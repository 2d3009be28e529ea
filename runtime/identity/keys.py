"""Keys of agents, senders of signals and readers: shown once, stored as a hash; a signing secret is stored sealed."""

import base64
import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import insert, select, text, update

from runtime.db.engine import Row, Tx
from runtime.db.tables import keys
from runtime.errors import NotAuthenticated, NotFound
from runtime.identity.people import By
from runtime.journal import Event, record
from runtime.vault import hash_token, new_token

if TYPE_CHECKING:
    from runtime.core import Runtime


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown, once. `signing_secret` (whsec_...) is there for ingest keys only."""

    id: UUID
    token: str
    signing_secret: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever presented a valid key."""

    org_id: UUID
    key_id: UUID
    kind: str
    name: str
    member_id: UUID | None
    experiment_id: UUID | None


async def create(
    runtime: "Runtime", tx: Tx, *, kind: str, name: str, by: By, experiment_id: UUID | None = None, member_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> NewKey:  # fmt: skip
    token, shown, token_hash = new_token("or")
    secret = "whsec_" + base64.b64encode(random.token_bytes(24)).decode() if kind == "ingest" else None
    sealed = runtime.vault.seal(secret, org_id=tx.org_id, purpose="signing") if secret else None
    key_id = await tx.value(
        insert(keys)
        .values(
            org_id=tx.org_id, kind=kind, name=name, shown=shown, token_hash=token_hash, sealed_secret=sealed,
            experiment_id=experiment_id, member_id=member_id, expires_at=expires_at,
        )
        .returning(keys.c.id)
    )  # fmt: skip
    await record(tx, Event("key.created", "key", key_id, {"kind": kind, "name": name, "shown": shown}), by=by)
    return NewKey(key_id, token, secret)


async def rotate(runtime: "Runtime", tx: Tx, key_id: UUID, *, by: By, overlap: timedelta) -> tuple[NewKey, datetime]:
    """A new key in the place of a valid one, and until when the old one stays valid, so that senders can change over."""
    row = await tx.first(select(keys).where(keys.c.id == key_id).with_for_update())
    if row is None or not _valid(row, runtime.now()):
        raise NotFound("There is no valid key with that id; `outcome-runtime key list` shows them.", key_id=key_id)
    until = runtime.now() + overlap
    if row["expires_at"] is not None:
        until = min(until, row["expires_at"])
    await tx.run(update(keys).where(keys.c.id == key_id).values(expires_at=until))
    made = await create(
        runtime, tx, kind=row["kind"], name=row["name"], by=by, experiment_id=row["experiment_id"], member_id=row["member_id"],
    )  # fmt: skip
    facts = {"replaced_by": str(made.id), "valid_until": until.isoformat()}
    await record(tx, Event("key.rotated", "key", key_id, facts), by=by)
    return made, until


async def revoke_for_experiment(tx: Tx, experiment_id: UUID, now: datetime) -> None:
    """End the keys of an experiment's builds: a finished run's token opens nothing."""
    await tx.run(
        update(keys).where(keys.c.experiment_id == experiment_id, keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )


async def authenticate(runtime: "Runtime", token: str, *, now: datetime) -> Caller:
    """The caller behind a bearer token; raises NotAuthenticated without saying why."""
    async with runtime.engine.connect() as conn:
        found = (
            await conn.execute(text("select org_id, key_id from org_by_key(:hash)"), {"hash": hash_token(token)})
        ).first()
    if found is None:
        raise NotAuthenticated
    async with runtime.transaction(UUID(str(found.org_id))) as tx:
        row = await tx.first(select(keys).where(keys.c.id == found.key_id))
    if row is None or not _valid(row, now):
        raise NotAuthenticated
    return _caller(row)


async def signing_secret(runtime: "Runtime", key_id: UUID, *, now: datetime) -> tuple[Caller, str]:
    """The caller and secret of an ingest key, looked up by the id its sender names."""
    async with runtime.engine.connect() as conn:
        org_id = (await conn.execute(text("select org_by_key_id(:id)"), {"id": key_id})).scalar()
    if org_id is None:
        raise NotAuthenticated
    async with runtime.transaction(UUID(str(org_id))) as tx:
        row = await tx.first(select(keys).where(keys.c.id == key_id))
    if row is None or not _valid(row, now) or row["sealed_secret"] is None:
        raise NotAuthenticated
    return _caller(row), runtime.vault.open(row["sealed_secret"], org_id=row["org_id"], purpose="signing")


async def signing_secrets(runtime: "Runtime", org_id: UUID) -> list[tuple[Caller, str]]:
    """Every ingest key of an organisation that is valid now, newest first; two at a time let senders change over."""
    async with runtime.transaction(org_id) as tx:
        rows = await tx.all(select(keys).where(keys.c.kind == "ingest").order_by(keys.c.created_at.desc()))
    return [
        (_caller(row), runtime.vault.open(row["sealed_secret"], org_id=org_id, purpose="signing"))
        for row in rows
        if row["sealed_secret"] and _valid(row, runtime.now())
    ]


def _caller(row: Row) -> Caller:
    return Caller(row["org_id"], row["id"], row["kind"], row["name"], row["member_id"], row["experiment_id"])


def _valid(row: Row, now: datetime) -> bool:
    return row["revoked_at"] is None and (row["expires_at"] is None or row["expires_at"] > now)
