"""What `doctor` says about mail that comes in: the listener's certificate, and whether the server we believe writes its verdict at all."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import select

from bot.mail import listener_tls
from bot.mail.addresses import from_address
from bot.mail.message import Headers, read
from bot.mail.sandbox_in import WAY as SANDBOX
from bot.mail.sender import domain_of, vouched_by
from runtime.db.mail import inbound_mail
from runtime.settings import Settings, secret

if TYPE_CHECKING:
    from runtime.core import Runtime

Line = tuple[Literal["ok", "--", "!!"], str, str]
_LOOKED_AT = 40
_ONE_MOMENT = "nothing came in yet; look again after the first replies"


async def lines(runtime: "Runtime", org_id: UUID) -> list[Line]:
    """State, name and detail of each fact; nothing for what is not in use."""
    settings = runtime.settings
    found: list[Line] = []
    if settings.mail_listen:
        probe = listener_tls.probe(settings, runtime.now())
        found.append(("ok" if probe.ok else "!!", "mail listener", probe.detail))
    if settings.mail_listen or secret(settings.imap_url) or secret(settings.mail_inbound_secrets):
        found.append(await _voucher(runtime, org_id))
    return found


async def _voucher(runtime: "Runtime", org_id: UUID) -> Line:
    """A server that writes its verdict into some letters only would let a forged one stand in the others."""
    name, settings = "mail senders", runtime.settings
    if not settings.mail_authserv_id:
        return "--", name, "no MAIL_AUTHSERV_ID: replies are proven by their DKIM signature, checked here"
    newest = await _newest(runtime, org_id)
    without = await asyncio.to_thread(_unvouched, newest, settings)
    if not newest:
        return "--", name, f"{settings.mail_authserv_id} is believed; {_ONE_MOMENT}"
    if without:
        return "!!", name, (
            f"{without} of the last {len(newest)} letters from outside have no verdict of {settings.mail_authserv_id} on top; a server that "
            "leaves some out would let a forged one stand. Have it write one into each letter, or unset MAIL_AUTHSERV_ID"
        )  # fmt: skip
    return "ok", name, f"{settings.mail_authserv_id} wrote its verdict into each of the last {len(newest)} letters"


async def _newest(runtime: "Runtime", org_id: UUID) -> Sequence[bytes]:
    """What people outside wrote; reports of servers, and letters of our own, may never pass the border."""
    m = inbound_mail.c
    people = m.raw.is_not(None) & (m.way != SANDBOX) & m.action.not_in(("ignore", "bounce"))
    async with runtime.transaction(org_id) as tx:
        found = await tx.all(select(m.raw).where(people).order_by(m.received_at.desc()).limit(_LOOKED_AT))
    own = domain_of(from_address(runtime.settings))
    return [bytes(row["raw"]) for row in found if domain_of(read(bytes(row["raw"])).sender) != own]


def _unvouched(letters: Sequence[bytes], settings: Settings) -> int:
    wanted = settings.mail_authserv_id.strip().lower()
    tops = (Headers(read(raw).message).first("authentication-results") for raw in letters)
    return sum(vouched_by(top) != wanted for top in tops)
