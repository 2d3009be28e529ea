"""Modals and Home tabs: the stack a person sees, hashes against overwriting, at most three modals deep."""

import sqlite3
from collections.abc import Iterator
from typing import Any, Literal

from bot.slack.sandbox import drawings
from bot.slack.sandbox.blocks import with_ids
from bot.slack.sandbox.config import SandboxConfig
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.ids import fresh_id
from bot.slack.sandbox.limits import VIEW_STACK_MAX
from bot.slack.sandbox.store import Store, body_of, dump

View = dict[str, Any]
Kind = Literal["modal", "home"]


def fresh_names() -> Iterator[str]:
    """Names for blocks and actions the app left unnamed."""
    while True:
        yield fresh_id("")[:6]


def dressed(config: SandboxConfig, view: View, *, view_id: str, ts: str, root: str, previous: str | None) -> View:
    """The full view object of Slack's payloads."""
    empty = {"private_metadata": "", "callback_id": "", "external_id": "", "title": None, "submit": None, "close": None}
    return {
        "id": view_id, "team_id": config.team_id, "app_id": config.app_id, "app_installed_team_id": config.team_id,
        "bot_id": config.bot_id, "type": view["type"], **empty, "clear_on_close": False, "notify_on_close": False,
        **view, "blocks": with_ids(view["blocks"], fresh_names()), "state": {"values": {}},
        "hash": f"{ts}.{fresh_id('')[:8]}", "root_view_id": root, "previous_view_id": previous,
    }  # fmt: skip


def open_new(store: Store, config: SandboxConfig, view: View, *, person: str, kind: Kind, now: float) -> View:
    """A modal goes on top of the person's stack; a Home tab replaces the one before."""
    stack = stack_of(store, person) if kind == "modal" else []
    if len(stack) >= VIEW_STACK_MAX:
        raise SlackRefusal("push_limit_reached")
    _refuse_taken(store, view.get("external_id"), "")
    with store.change() as rev:
        view_id, ts = fresh_id("V"), store.next_ts(now)
        root, previous = (stack[0]["id"], stack[-1]["id"]) if stack else (view_id, None)
        kept = dressed(config, view, view_id=view_id, ts=ts, root=root, previous=previous)
        if kind == "home":
            store.run("delete from views where kind = 'home' and person = ?", person)
        store.run(
            "insert into views (id, kind, person, position, external_id, body, rev) values (?, ?, ?, ?, ?, ?, ?)",
            view_id, kind, person, len(stack), view.get("external_id") or None, dump(kept), rev,
        )  # fmt: skip
    return kept


def redraw(store: Store, config: SandboxConfig, view: View, *, view_id: str, seen: str | None, now: float) -> View:
    """Replace an open view's content; `seen` is the hash the caller worked from, if it cares."""
    found = get(store, view_id)
    before = body_of(found)
    if seen and seen != before["hash"]:
        raise SlackRefusal("hash_conflict")
    _refuse_taken(store, view.get("external_id"), view_id)
    with store.change() as rev:
        drawings.keep(store, view_id, found["rev"], found["body"])
        ts = store.next_ts(now)
        places = {"root": before["root_view_id"], "previous": before["previous_view_id"]}
        kept = dressed(config, view, view_id=view_id, ts=ts, **places)
        store.run(
            "update views set body = ?, external_id = ?, rev = ? where id = ?",
            dump(kept),
            view.get("external_id") or None,
            rev,
            view_id,
        )
    return kept


def get(store: Store, view_id: str) -> sqlite3.Row:
    found = store.row("select * from views where id = ? and open", view_id)
    if found is None:
        raise SlackRefusal("not_found")
    return found


def named(store: Store, external_id: str) -> str:
    found = store.row("select id from views where external_id = ? and open", external_id)
    if found is None:
        raise SlackRefusal("not_found")
    return str(found["id"])


def stack_of(store: Store, person: str) -> list[View]:
    """Open modals, the lowest first."""
    rows = store.rows("select * from views where kind = 'modal' and person = ? and open order by position", person)
    return [body_of(found) for found in rows]


def home_of(store: Store, person: str) -> View | None:
    found = _home_row(store, person)
    return body_of(found) if found else None


def _home_row(store: Store, person: str) -> sqlite3.Row | None:
    return store.row("select * from views where kind = 'home' and person = ?", person)


def seen_by(store: Store, person: str, *, since: int) -> dict[str, Any]:
    """What stands before one person, each view with the revision it was drawn at; `home` only if it is newer than `since`."""
    stack = store.rows("select * from views where kind = 'modal' and person = ? and open order by position", person)
    home = _home_row(store, person)
    changed = {"home": _with_rev(home)} if home and home["rev"] > since else {} if home else {"home": None}
    return {"modal": _with_rev(stack[-1]) if stack else None, "depth": len(stack), **changed}


def _with_rev(found: sqlite3.Row) -> View:
    return {**body_of(found), "rev": found["rev"]}


def close(store: Store, view_id: str, *, everything: bool, replaced: bool = False) -> list[View]:
    """Close this modal (or the whole stack); answers what was closed, the top one first.

    `replaced`: the app opens another one instead, which its person may not have seen when they press.
    """
    found = get(store, view_id)
    above = 0 if everything else found["position"]
    closing = "kind = 'modal' and person = ? and open and position >= ?"
    with store.change() as rev:
        gone = store.rows(f"select * from views where {closing} order by position desc", found["person"], above)  # noqa: S608  # a constant
        store.run(f"update views set open = 0, rev = ? where {closing}", rev, found["person"], above)  # noqa: S608  # a constant
        for row in gone:
            if replaced:
                drawings.keep(store, row["id"], row["rev"], row["body"])
            else:
                drawings.forget(store, row["id"])
    return [body_of(row) for row in gone]


def _refuse_taken(store: Store, external_id: str | None, own: str) -> None:
    if external_id and store.row("select 1 from views where external_id = ? and open and id != ?", external_id, own):
        raise SlackRefusal("duplicate_external_id")
