"""The assistant container: somebody opens it, and the app is told in Slack's words."""

from typing import Any

from aiohttp import web

from bot.slack.sandbox import payloads
from bot.slack.sandbox.acts import Deed
from bot.slack.sandbox.config import Person
from bot.slack.sandbox.keys import WORKSPACE
from bot.slack.sandbox.messages import Message
from bot.slack.sandbox.page import done, read
from bot.slack.sandbox.workspace import Workspace

SUBTYPE = "assistant_app_thread"


class Open(Deed):
    """`beside` is the channel the person looks at meanwhile; with `thread_ts` they have gone to another one."""

    beside: str | None = None
    thread_ts: str | None = None


async def opened(request: web.Request) -> web.Response:
    person, given = await read(request, Open)
    workspace = request.app[WORKSPACE]
    thread_ts = given.thread_ts or start(workspace, person)["ts"]
    kind = "assistant_thread_context_changed" if given.thread_ts else "assistant_thread_started"
    tell(workspace, person, kind, thread_ts, given.beside)
    return done(channel=person.dm, ts=thread_ts)


def start(workspace: Workspace, person: Person) -> Message:
    """The root message of a new thread."""
    channel = workspace.channel(person.dm)
    said = payloads.said_by_person(workspace.config, person, "New chat", None)
    shown = {"title": "New chat", "title_blocks": [], "artifacts": []}
    return workspace.say(channel, {**said, "subtype": SUBTYPE, SUBTYPE: shown})


def tell(workspace: Workspace, person: Person, kind: str, thread_ts: str, beside: str | None) -> None:
    """https://docs.slack.dev/reference/events/assistant_thread_started ."""
    context: dict[str, Any] = {"team_id": workspace.config.team_id, "enterprise_id": None}
    if beside:
        context["channel_id"] = workspace.channel_for(person, beside).id
    thread = {"user_id": person.id, "context": context, "channel_id": person.dm, "thread_ts": thread_ts}
    workspace.tell({"type": kind, "assistant_thread": thread, "event_ts": f"{workspace.now():.6f}"})


ASSISTANT_ROUTES = [web.post("/sandbox/api/assistant", opened)]
