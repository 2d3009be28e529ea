"""What was acknowledged and then left by a process that died: gone on with, or its author is told to ask again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import structlog
from slack_bolt.listener.async_listener_completion_handler import AsyncListenerCompletionHandler
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from bot.slack.inbound import MOST, Body, Inbox, repeatable
from bot.slack.teams import Teams
from bot.slack.words import plain
from runtime.noted import Note

log = structlog.get_logger(__name__)

NOTE, UNTOLD = "outcome_note", "outcome_untold"
"""Where a request's context keeps its note, and whether an error of its handler has not been told yet."""
PULSE = 3.0
"""Seconds between two looks: what is under way here is said to be, and what nobody is at is taken over."""
STALE = timedelta(minutes=30)
"""As long as Slack lets us answer where it was asked; after that people have gone on, and are asked whether they still mean it."""
_MINUTE = timedelta(minutes=1)


class Finished(AsyncListenerCompletionHandler):
    """A handler of Bolt's came to its end, whatever that was; one that is stopped on the way, or could not tell its error, did not."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:
        note, task = request.context.get(NOTE), asyncio.current_task()
        if note is None:
            return
        if request.context.get(UNTOLD) or (task is not None and task.cancelling()):
            self._inbox.leave(note)
        else:
            await self._inbox.done(note)


async def going_on(teams: Teams, *, pulse: float = PULSE) -> AsyncIterator[None]:
    """From start to end of the web server; what it is at when the server ends is ended first."""
    over = asyncio.Event()
    looking = asyncio.create_task(_looking(teams, over, pulse))
    yield
    over.set()
    await looking


async def _looking(teams: Teams, over: asyncio.Event, pulse: float) -> None:
    while not over.is_set():
        try:
            await sweep(teams)
        except Exception as error:  # noqa: BLE001  a database that is away is waited for
            log.warning("slack.again_waiting", error=f"{type(error).__name__}: {error}"[:300])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), pulse)


async def sweep(teams: Teams) -> int:
    """Take over what nobody is at any more; returns how much it was."""
    await teams.inbox.renew()
    count = MOST
    total = 0
    while count == MOST:
        found = await teams.inbox.left()
        count = len(found)
        total += count
        await asyncio.gather(*(_taken_over(teams, note, dict(body)) for note, body in found))
    return total


async def _taken_over(teams: Teams, note: Note, body: dict[str, Any]) -> None:
    try:
        if repeatable(body) and note.age < STALE:
            log.info("slack.taken_over", note=note.external_id, age=note.age.total_seconds())
            await teams.again(note, body)
        else:
            await _told(teams, note, body, words(body, note.age if repeatable(body) else None))
    except Exception as error:  # noqa: BLE001  the others must not suffer for it; it comes back, after longer and longer waits
        log.warning("slack.not_taken_over", note=note.external_id, error=f"{type(error).__name__}: {error}"[:300])
        teams.inbox.leave(note)


async def _told(teams: Teams, note: Note, body: dict[str, Any], text: str) -> None:
    user = author(body)
    if user and text:
        try:
            await teams.tell(body, text, user)
        except SlackApiError as error:
            if error.response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                raise
            log.warning("slack.not_told", note=note.external_id, error=str(error.response.get("error", "")))
    await teams.inbox.done(note)


def author(body: Body) -> str:
    """Who asked; empty where nobody did."""
    found = (body.get("user") or {}).get("id") or body.get("user_id") or (body.get("event") or {}).get("user")
    return found if isinstance(found, str) else ""


def words(body: Body, age: timedelta | None = None) -> str:
    """What its author is told instead, with `age` that it is too long ago; nothing where nobody waits for an answer."""
    what = _what(body)
    if not what:
        return ""
    if age is not None:
        return f"I was away when {what}, {_ago(age)} ago, and did nothing about it since so much time has passed. Look at how things stand now, and do it again if you still mean it."
    return f"I was restarted just when {what}: nothing was recorded. Please do it again."


def _what(body: Body) -> str:
    kind, event = body.get("type"), body.get("event") or {}
    if body.get("command"):
        written = f"{body['command']} {body.get('text') or ''}"
        return f"you wrote “{plain(written, 200)}”"
    if kind == "view_submission":
        return f"you sent the form “{_label((body.get('view') or {}).get('title'), 'form')}”"
    if kind == "block_actions":
        action: Mapping[str, Any] = (body.get("actions") or [{}])[0]
        return f"you pressed “{_label(action.get('text'), 'a button')}”"
    if kind in {"shortcut", "message_action"}:
        return "you chose a shortcut"
    return (
        f"you wrote “{plain(event.get('text') or '', 200)}”" if event.get("type") in {"message", "app_mention"} else ""
    )


def _label(text: Any, instead: str) -> str:
    return plain((text or {}).get("text") or instead, 80) if isinstance(text, Mapping) else instead


def _ago(age: timedelta) -> str:
    minutes = max(1, round(age / _MINUTE))
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"  # noqa: PLR2004  two hours and more read better in hours
