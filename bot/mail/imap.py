"""Replies out of an IMAP mailbox: pushed by IDLE, resumed by UID, read by one bot at a time, never deleted."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from bot.mail.imap_line import FAILURES, Line, Mailbox, day_of
from bot.mail.intake import LARGEST, receive
from runtime.db.engine import exclusive
from runtime.db.mail import mail_cursors
from runtime.errors import ChannelFailed
from runtime.settings import secret

if TYPE_CHECKING:
    from runtime.core import Runtime

log = structlog.get_logger(__name__)

T = TypeVar("T")
WAY = "imap"
RENEW_SECONDS = 25 * 60.0
"""Servers may end an IDLE after half an hour (RFC 2177)."""
POLL_SECONDS = 15.0
"""Between two looks where the server has no IDLE."""
BACK = timedelta(days=30)
"""How far back a mailbox is read for the first time, and anew when its UIDs lost their meaning."""
_TURN_SECONDS = 5.0
_LONGEST_PAUSE = 300.0
_GOOD_SECONDS = 60.0


class Reader:
    """Reads one mailbox until it is cancelled; several bots take turns by a lock in the database."""

    def __init__(
        self,
        runtime: "Runtime",
        wake: Callable[[], None],
        *,
        renew_seconds: float = RENEW_SECONDS,
        pause_seconds: float = 1.0,
    ) -> None:
        self._runtime, self._wake = runtime, wake
        self._renew, self._pause = renew_seconds, pause_seconds
        self._mailbox = Mailbox.of(secret(runtime.settings.imap_url) or "")

    async def run(self) -> None:
        """Whatever breaks off is begun again, later and later while it keeps breaking."""
        loop, pause = asyncio.get_running_loop(), self._pause
        while True:
            began = loop.time()
            try:
                await self._turn()
            except Exception as error:  # noqa: BLE001  neither a server nor the database being away ends the reading
                log.warning(
                    "mail.imap_broke_off", mailbox=self._mailbox.name, error=f"{type(error).__name__}: {error}"[:300]
                )
                pause = self._pause if loop.time() - began > _GOOD_SECONDS else min(_LONGEST_PAUSE, pause * 2)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  spreads reconnects, guards nothing
            else:
                pause = self._pause

    async def _turn(self) -> None:
        """Read while the lock is ours; ends only by an error, or at once when another bot reads."""
        async with exclusive(self._runtime.engine, f"mailbox:{self._mailbox.name}") as mine:
            if not mine:
                await asyncio.sleep(min(_TURN_SECONDS, self._renew))
                return
            line = await _threaded(Line, self._mailbox, LARGEST)
            log.info("mail.imap_reading", mailbox=self._mailbox.name, idle=line.pushes)
            try:
                await self._read(line)
            finally:
                line.interrupt()
                line.close()

    async def _read(self, line: Line) -> None:
        org_id = await self._runtime.home()
        after = await self._cursor(org_id, line.uidvalidity)
        while True:
            after = await self._catch_up(line, org_id, after)
            if line.pushes:
                await _threaded(line.wait, self._renew)
            else:
                await asyncio.sleep(min(POLL_SECONDS, self._renew))

    async def _catch_up(self, line: Line, org_id: UUID, after: int) -> int:
        letters = line.new(after, day_of(self._runtime.now() - BACK))
        while (letter := await _threaded(next, letters, None)) is not None:
            await receive(self._runtime, letter.raw, way=WAY, envelope_from=None, envelope_to=())
            await self._kept(org_id, line.uidvalidity, letter.uid)
            after = letter.uid
            self._wake()
            await _threaded(line.seen, letter.uid)
        return after

    async def _cursor(self, org_id: UUID, uidvalidity: int) -> int:
        """The last UID read; 0 for a mailbox never read, or whose UIDs were given anew: what is known is known by Message-ID."""
        mine = select(mail_cursors).where(mail_cursors.c.mailbox == self._mailbox.name)
        async with self._runtime.transaction(org_id) as tx:
            row = await tx.first(mine)
        return int(row["last_uid"]) if row and row["uidvalidity"] == uidvalidity else 0

    async def _kept(self, org_id: UUID, uidvalidity: int, uid: int) -> None:
        values = {"uidvalidity": uidvalidity, "last_uid": uid, "read_at": self._runtime.now()}
        statement = insert(mail_cursors).values(org_id=org_id, mailbox=self._mailbox.name, **values)
        async with self._runtime.transaction(org_id) as tx:
            await tx.run(statement.on_conflict_do_update(index_elements=["org_id", "mailbox"], set_=values))


async def _threaded(call: Callable[..., T], *arguments: object) -> T:
    """A blocking call; what a server's conversation breaks off with becomes one error."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except FAILURES as error:
        raise ChannelFailed(f"The mailbox broke off: {type(error).__name__}: {str(error)[:200]}.") from error
