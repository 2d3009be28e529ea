"""Six digits by which a person shows that a browser is theirs: sent to them alone, good once, for ten minutes and five tries."""

import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update

from runtime.db.engine import Row, Tx
from runtime.db.tables import inbound_events
from runtime.errors import InvalidConfiguration, InvalidRequest
from runtime.identity.people import SYSTEM, Member
from runtime.journal import Event, Message, record
from runtime.settings import Settings, secret

if TYPE_CHECKING:
    from runtime.core import Runtime

KIND = "page_code"
VALID = timedelta(minutes=10)
TRIES = 5
MOST = 6
"""Codes for one person at one gate within an hour: guessing gains nothing by asking for more."""
_SOURCE = "page-code"
_e = inbound_events.c


class WrongCode(InvalidRequest):
    """The six digits are not those that were sent, or no longer valid; take those of the newest message, or have new ones sent."""

    code = "WRONG_CODE"


class TooManyCodes(InvalidRequest):
    """Too many codes were sent; wait an hour, or answer by replying to the letter."""

    code = "TOO_MANY_CODES"


def digits(settings: Settings, code_id: UUID) -> str:
    """Derived when it is needed, so that it is stored nowhere, not even in the outbox."""
    mac = hmac.new(_key(settings), b"page-code|" + code_id.bytes, hashlib.sha256).digest()
    return f"{int.from_bytes(mac[:8], 'big') % 1_000_000:06d}"


def words(settings: Settings, code_id: UUID, question: str) -> str:
    """The message that brings it."""
    code = digits(settings, code_id)
    return (
        f"{code} is your code to answer “{question}” on the gate's page. It is valid for ten minutes. "
        "Nobody will ever ask you for it. If you did not open that page yourself, somebody else has the link from your letter: "
        "do nothing, and pass this on to nobody."
    )


async def send(runtime: "Runtime", org_id: UUID, gate_id: UUID, member: Member, *, browser: str) -> UUID:
    """By letter, and as a direct message where the person is linked to Slack. `browser` names the one that may use it."""
    made, now = uuid4(), runtime.now()
    kept = {"gate": str(gate_id), "member": member.email, "browser": _digest(browser), "tries": 0}
    values = {
        "org_id": org_id, "source": _SOURCE, "external_id": str(made), "received_at": now, "answer": kept,
        "digest": _digest(digits(runtime.settings, made) + str(made)),
    }  # fmt: skip
    async with runtime.transaction(org_id) as tx:
        await tx.run(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"{_SOURCE}:{gate_id}:{member.email}", 0)))
        )
        mine = (_e.answer["gate"].astext == str(gate_id)) & (_e.answer["member"].astext == member.email)
        recent = select(func.count()).where(_e.source == _SOURCE, mine, _e.received_at > now - timedelta(hours=1))
        if await tx.value(recent) >= MOST:
            raise TooManyCodes(gate_id=gate_id)
        await tx.run(insert(inbound_events).values(values))
        ways = ["email", *(["slack"] if member.slack_user_id else [])]
        payload = {"code": str(made), "reader": member.email}
        notices = [Message(KIND, gate_id, way, member.email, once=str(made), payload=payload) for way in ways]
        await record(tx, Event("page.code_sent", "gate", gate_id, {"to": member.email}), by=SYSTEM, notices=notices)
    return made


async def check(
    runtime: "Runtime", org_id: UUID, gate_id: UUID, member: Member, typed: str, *, code_id: UUID, browser: str
) -> None:
    """Uses a code up, or counts a try and raises WrongCode."""
    async with runtime.transaction(org_id) as tx:
        row = await _of(tx, code_id)
        right = row is not None and _matches(runtime, row, gate_id, member, typed, browser)
        if row is not None:
            tried = {**row["answer"], "tries": row["answer"]["tries"] + 1, "used": right}
            await tx.run(update(inbound_events).where(_e.source == _SOURCE, _e.external_id == str(code_id)).values(answer=tried))  # fmt: skip
    if not right:
        left = TRIES - row["answer"]["tries"] - 1 if row is not None else 0
        raise WrongCode(_sentence(left), gate_id=gate_id)


async def _of(tx: Tx, code_id: UUID) -> Row | None:
    statement = select(inbound_events).where(_e.source == _SOURCE, _e.external_id == str(code_id))
    return await tx.first(statement.with_for_update())


def _matches(runtime: "Runtime", row: Row, gate_id: UUID, member: Member, typed: str, browser: str) -> bool:
    kept: dict[str, Any] = row["answer"]
    same = hmac.compare_digest(row["digest"], _digest("".join(typed.split()) + str(row["external_id"])))
    bound = (kept["gate"], kept["member"], kept["browser"]) == (str(gate_id), member.email, _digest(browser))
    fresh = runtime.now() - row["received_at"] < VALID and kept["tries"] < TRIES and not kept.get("used")
    return same and bound and fresh


def _sentence(left: int) -> str:
    if left < 1:
        return "This code is not valid any more; have a new one sent."
    return f"These are not the digits of the newest message; {left} {'tries are' if left > 1 else 'try is'} left, for ten minutes."


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(settings: Settings) -> bytes:
    key = secret(settings.api_secret)
    if not key:
        raise InvalidConfiguration("API_SECRET is not set; `outcome-runtime up` generates one under DATA_DIR.")
    return key.encode()
