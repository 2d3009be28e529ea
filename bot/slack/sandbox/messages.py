"""Messages as the workspace keeps them: channels, threads, whispers, tombstones."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from bot.slack.sandbox import drawings
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.store import Store, body_of, dump

Message = dict[str, Any]


def add(store: Store, message: Message, *, channel: str, now: float, only_for: str | None = None) -> Message:
    """Give it a `ts` and keep it."""
    with store.change() as rev:
        ts = store.next_ts(now)
        kept = {**message, "ts": ts}
        store.run(
            "insert into messages (channel, ts, thread_ts, only_for, body, rev) values (?, ?, ?, ?, ?, ?)",
            channel, ts, kept.get("thread_ts"), only_for, dump(kept), rev,
        )  # fmt: skip
        _touch_parent(store, channel, kept.get("thread_ts"), rev)
    return kept


def change(store: Store, channel: str, ts: str, fields: Message) -> Message:
    with store.change() as rev:
        before = _there(store, channel, ts)
        kept = {key: value for key, value in {**body_of(before), **fields}.items() if value is not None}
        drawings.keep(store, place(channel, ts), before["rev"], before["body"])
        store.run("update messages set body = ?, rev = ? where channel = ? and ts = ?", dump(kept), rev, channel, ts)
    return kept


def remove(store: Store, channel: str, ts: str) -> Message:
    gone = get(store, channel, ts)
    with store.change() as rev:
        store.run("update messages set deleted = 1, rev = ? where channel = ? and ts = ?", rev, channel, ts)
        drawings.forget(store, place(channel, ts))
        _touch_parent(store, channel, gone.get("thread_ts"), rev)
    return gone


def get(store: Store, channel: str, ts: str) -> Message:
    return body_of(_there(store, channel, ts))


def _there(store: Store, channel: str, ts: str) -> sqlite3.Row:
    found = row(store, channel, ts)
    if found is None:
        raise SlackRefusal("message_not_found")
    return found


def place(channel: str, ts: str) -> str:
    return f"{channel}:{ts}"


def row(store: Store, channel: str, ts: str) -> sqlite3.Row | None:
    return store.row("select * from messages where channel = ? and ts = ? and not deleted", channel, ts)


def history(store: Store, channel: str, *, before: str, after: str, most: int) -> list[Message]:
    """Newest first, whispers and replies left out, as conversations.history answers."""
    rows = store.rows(
        "select * from messages where channel = ? and not deleted and only_for is null and ts < ? and ts > ?"
        " and (thread_ts is null or thread_ts = ts) order by ts desc limit ?",
        channel, before, after, most,
    )  # fmt: skip
    return [with_thread(store, channel, body_of(found)) for found in rows]


def replies(store: Store, channel: str, thread_ts: str, *, after: str = "", most: int = 1000) -> list[Message]:
    """The parent, then its replies, oldest first."""
    rows = store.rows(
        "select * from messages where channel = ? and not deleted and only_for is null and (ts = ? or thread_ts = ?)"
        " and ts > ? order by ts limit ?",
        channel, thread_ts, thread_ts, after, most,
    )  # fmt: skip
    return [with_thread(store, channel, body_of(found)) for found in rows]


def with_thread(store: Store, channel: str, message: Message) -> Message:
    """Add what Slack counts about a parent's thread."""
    answers = store.rows(
        "select ts, json_extract(body, '$.user') as author from messages"
        " where channel = ? and thread_ts = ? and ts != thread_ts and not deleted and only_for is null order by ts",
        channel, message["ts"],
    )  # fmt: skip
    if not answers:
        return message
    authors = list(dict.fromkeys(answer["author"] for answer in answers))
    return {
        **message,
        "thread_ts": message["ts"],
        "reply_count": len(answers),
        "reply_users": authors,
        "reply_users_count": len(authors),
        "latest_reply": answers[-1]["ts"],
    }


def seen_by(store: Store, person: str, channels: Sequence[str], *, since: int, most: int = 200) -> Iterator[Message]:
    """What changed for one person: the newest messages a channel, threads and their own whispers included."""
    for channel in channels:
        rows = store.rows(
            "select * from messages where channel = ? and rev > ? and (only_for is null or only_for = ?)"
            " and (? > 0 or not deleted) order by ts desc limit ?",
            channel, since, person, since, most,
        )  # fmt: skip
        yield from (_drawn(store, channel, found) for found in reversed(rows))


def _drawn(store: Store, channel: str, found: sqlite3.Row) -> Message:
    if found["deleted"]:
        return {"channel": channel, "ts": found["ts"], "deleted": True}
    shown = with_thread(store, channel, body_of(found))
    return {**shown, "channel": channel, "rev": found["rev"], "only_for": found["only_for"]}


def _touch_parent(store: Store, channel: str, thread_ts: str | None, rev: int) -> None:
    if thread_ts:
        store.run("update messages set rev = ? where channel = ? and ts = ?", rev, channel, thread_ts)
