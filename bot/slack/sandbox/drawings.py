"""What stood on screens before: a press or a form that was on its way while something was drawn anew means what its person saw."""

from typing import Any

from bot.slack.sandbox.store import Store, body_of

KEPT = 8
"""Earlier drawings of one message or view; nobody's finger is further behind than that."""


def keep(store: Store, place: str, rev: int, body: str) -> None:
    """This is about to be replaced. `rev` is the last revision it was seen with; call it inside `change`."""
    store.run("insert or replace into drawings values (?, ?, ?)", place, rev, body)
    oldest = "select rev from drawings where place = ? order by rev desc limit 1 offset ?"
    store.run(f"delete from drawings where place = ? and rev < ({oldest})", place, place, KEPT - 1)  # noqa: S608  # a constant


def forget(store: Store, place: str) -> None:
    """It was closed by its person or by what they answered: nothing can be meant by it any more."""
    store.run("delete from drawings where place = ?", place)


def as_seen(store: Store, place: str, rev: int | None) -> dict[str, Any] | None:
    """What stood there at that revision, or None when it was not drawn anew since."""
    if rev is None:
        return None
    found = store.row("select body from drawings where place = ? and rev >= ? order by rev limit 1", place, rev)
    return body_of(found) if found else None
