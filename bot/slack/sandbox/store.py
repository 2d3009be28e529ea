"""Where the workspace remembers: one SQLite file, one revision number that grows with every change."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.slack.sandbox.ids import next_micros, to_ts

SCHEMA = """
create table if not exists meta (key text primary key, value integer not null);
create table if not exists messages (
  channel text not null, ts text not null, thread_ts text, only_for text, deleted integer not null default 0,
  body text not null, rev integer not null, primary key (channel, ts));
create index if not exists messages_by_rev on messages (rev);
create index if not exists messages_by_thread on messages (channel, thread_ts);
create table if not exists views (
  id text primary key, kind text not null, person text not null, position integer not null, external_id text,
  body text not null, open integer not null default 1, rev integer not null);
create table if not exists response_urls (
  token text primary key, channel text not null, person text not null, message_ts text, thread_ts text,
  uses_left integer not null, expires real not null);
create table if not exists files (id text primary key, token text not null unique, state text not null, body text not null);
create table if not exists mail (
  id integer primary key autoincrement, direction text not null, raw blob not null, recipients text not null,
  summary text not null, rev integer not null);
create table if not exists mail_read (person text not null, mail integer not null, primary key (person, mail));
create table if not exists bot_channels (channel text primary key);
create table if not exists drawings (place text not null, rev integer not null, body text not null, primary key (place, rev));
create table if not exists statuses (person text primary key, body text not null);
"""


class Store:
    """Writes go through `change`; a commit survives the death of the process (WAL), and wakes whoever waits."""

    def __init__(self, directory: Path) -> None:
        self.files = directory / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(directory / "workspace.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.execute("pragma busy_timeout = 5000")
        self._db.executescript(SCHEMA)
        self._news = asyncio.Event()

    @property
    def revision(self) -> int:
        return self._meta("revision")

    @contextmanager
    def change(self) -> Iterator[int]:
        """One transaction; yields the revision its rows carry."""
        self._db.execute("begin immediate")
        try:
            revision = self._bump("revision", self.revision + 1)
            yield revision
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")
        self.wake()

    def wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def news(self) -> None:
        """Returns at the next change."""
        await self._news.wait()

    def next_ts(self, now: float) -> str:
        """A timestamp nobody has yet; call it inside `change`."""
        return to_ts(self._bump("last_micros", next_micros(now, self._meta("last_micros"))))

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement; answers how many rows it touched."""
        return self._db.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Execute one insert; answers the new row's number."""
        return int(self._db.execute(sql, values).lastrowid or 0)

    def rows(self, sql: str, *values: Any) -> Sequence[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def close(self) -> None:
        self._db.close()

    def _meta(self, key: str) -> int:
        found = self.row("select value from meta where key = ?", key)
        return int(found["value"]) if found else 0

    def _bump(self, key: str, value: int) -> int:
        self.run("insert into meta values (?, ?) on conflict (key) do update set value = excluded.value", key, value)
        return value


def dump(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def body_of(row: sqlite3.Row) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(row["body"])
    return body
