"""One IMAP connection, blocking: log in, read what is new, mark it seen, wait for more. It is used from a thread of its own."""

import contextlib
import imaplib
import re
import select
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from runtime.errors import ChannelFailed, InvalidConfiguration

TIMEOUT = 60.0
"""Seconds in which a server must answer."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
FAILURES = (imaplib.IMAP4.error, OSError, ssl.SSLError, EOFError, ValueError)
"""All that a conversation with a server can break off with."""
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where IMAP_URL points."""

    host: str
    port: int
    user: str
    password: str
    folder: str
    secure: bool

    @property
    def name(self) -> str:
        """Names it in the database and in logs; no password."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"

    @classmethod
    def of(cls, url: str) -> "Mailbox":
        parts = urlsplit(url)
        if parts.scheme not in {"imap", "imaps"} or not parts.hostname or parts.username is None:
            raise InvalidConfiguration("IMAP_URL is imaps://user:password@host/INBOX, or imap:// with STARTTLS.")
        secure = parts.scheme == "imaps"
        port = parts.port or (993 if secure else 143)
        user, password = unquote(parts.username), unquote(parts.password or "")
        return cls(parts.hostname, port, user, password, unquote(parts.path.strip("/")) or "INBOX", secure)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One letter by UID; `raw` is None for one that is larger than what is taken, and then only `head` was read."""

    uid: int
    raw: bytes


class Line:
    """An open, selected mailbox."""

    def __init__(self, mailbox: Mailbox, largest: int) -> None:
        self._largest = largest
        self._imap = _connect(mailbox)
        try:
            self._imap.login(mailbox.user, mailbox.password)
            self.uidvalidity = self._select(mailbox.folder)
        except imaplib.IMAP4.error as error:
            self.close()
            raise ChannelFailed(
                f"The mailbox {mailbox.name} cannot be opened: {str(error)[:200]}. Check IMAP_URL's user, password and folder."
            ) from error
        self.pushes = "IDLE" in self._imap.capabilities or "IDLE" in self._capabilities()

    def _select(self, folder: str) -> int:
        quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        status, data = self._imap.select(quoted)
        if status != "OK":
            raise imaplib.IMAP4.error(f"{folder}: {data!r}")
        return _number(self._imap.response("UIDVALIDITY")[1])

    def _capabilities(self) -> str:
        """Many servers tell more once somebody is logged in."""
        return " ".join(_text(item) for item in self._imap.capability()[1])

    def new(self, after: int, since: date) -> Iterator[Fetched]:
        """What came after a UID, oldest first; with `after` 0 what came since a day."""
        self._imap.noop()
        asked = ("SINCE", f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}") if after == 0 else ()
        _, data = self._imap.uid("SEARCH", "UID", f"{after + 1}:*", *asked)
        # `n:*` always names the newest letter, even one below n.
        uids = sorted(uid for uid in map(int, _text(data[0] if data else b"").split()) if uid > after)
        for start in range(0, len(uids), _BATCH):
            sizes = self._sizes(uids[start : start + _BATCH])
            for uid, size in sizes.items():
                if (raw := self._raw(uid, size)) is not None:
                    yield Fetched(uid, raw)

    def _sizes(self, uids: Sequence[int]) -> dict[int, int]:
        _, data = self._imap.uid("FETCH", ",".join(map(str, uids)), "(UID RFC822.SIZE)")
        found: dict[int, int] = {}
        for item in data or []:
            line = _text(item)
            uid, size = re.search(r"\bUID (\d+)", line), re.search(r"RFC822\.SIZE (\d+)", line)
            if uid and size:
                found[int(uid[1])] = int(size[1])
        return {uid: found[uid] for uid in uids if uid in found}

    def _raw(self, uid: int, size: int) -> bytes | None:
        """Of a letter that is too large only its head: without words it is asked back, and nothing is lost in silence."""
        part = "BODY.PEEK[]" if size <= self._largest else "BODY.PEEK[HEADER]"
        _, data = self._imap.uid("FETCH", str(uid), f"({part})")
        return next((bytes(item[1]) for item in data or [] if isinstance(item, tuple)), None)

    def seen(self, uid: int) -> None:
        self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")

    def wait(self, seconds: float) -> None:
        """Until the server says anything, or the time is over."""
        if not self.pushes:
            raise ChannelFailed("This server has no IDLE.")
        own = getattr(self._imap, "idle", None)
        if own is not None:  # from Python 3.14 on
            with own(duration=seconds) as told:
                next(iter(told), None)
            return
        self._idle(seconds)

    def _idle(self, seconds: float) -> None:
        """RFC 2177: any line ends the waiting, and what it says is looked up afterwards."""
        imap: Any = self._imap
        tag = imap._new_tag()  # noqa: SLF001  before Python 3.14 imaplib offers no IDLE
        imap.send(tag + b" IDLE\r\n")
        if not imap.readline().startswith(b"+"):
            raise imaplib.IMAP4.error("IDLE was refused")
        if not self._waiting_already():
            select.select([imap.sock], [], [], seconds)
        imap.send(b"DONE\r\n")
        while line := imap.readline():
            if line.startswith(tag):
                return
        raise imaplib.IMAP4.abort("the connection ended")

    def _waiting_already(self) -> bool:
        """Whether lines came together with the last one: those are in a buffer that no select sees."""
        imap: Any = self._imap
        imap.sock.setblocking(False)
        try:
            return bool((getattr(imap, "_file", None) or imap.file).peek(1)) or bool(
                getattr(imap.sock, "pending", int)()
            )
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            imap.sock.settimeout(TIMEOUT)

    def interrupt(self) -> None:
        """End a wait from another thread."""
        with contextlib.suppress(OSError, AttributeError):
            socket.socket.shutdown(self._imap.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(*FAILURES):
            self._imap.shutdown()


def _connect(mailbox: Mailbox) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    try:
        if mailbox.secure:
            return imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=context, timeout=TIMEOUT)
        imap = imaplib.IMAP4(mailbox.host, mailbox.port, timeout=TIMEOUT)
        if "STARTTLS" in imap.capabilities and mailbox.host not in _LOOPBACK:
            imap.starttls(context)
        elif mailbox.host not in _LOOPBACK:
            imap.shutdown()
            raise ChannelFailed(
                f"{mailbox.host} offers no STARTTLS, and a password is never sent in the clear; use imaps://."
            )
    except FAILURES as error:
        raise ChannelFailed(f"The mail server {mailbox.host}:{mailbox.port} cannot be reached: {error}.") from error
    return imap


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _text(item: object) -> str:
    if isinstance(item, tuple):
        item = item[0]
    return bytes(item).decode("ascii", "replace") if isinstance(item, bytes | bytearray) else str(item or "")


def _number(data: Sequence[Any]) -> int:
    text = _text(data[0]) if data and data[0] is not None else ""
    return int(text) if text.isdigit() else 0
