"""What the bot answers beside the Web API: to a slash command at once, and later to a response_url."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from pydantic import ValidationError

from bot.slack.sandbox import messages
from bot.slack.sandbox.content import Content
from bot.slack.sandbox.directory import Channel
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.keys import WORKSPACE
from bot.slack.sandbox.methods_chat import by_bot, rewritten
from bot.slack.sandbox.workspace import Workspace


class Reply(Content):
    response_type: str = "ephemeral"
    replace_original: bool = False
    delete_original: bool = False
    thread_ts: str | None = None


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where, by whom and under which message the bot was asked."""

    channel: Channel
    person: str
    message_ts: str | None
    thread_ts: str | None


def read(text: str) -> Reply | None:
    """Plain text or JSON; an empty body says nothing."""
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return Reply(text=text)
    try:
        return Reply.model_validate(found if isinstance(found, Mapping) else {"text": text})
    except ValidationError as error:
        raise SlackRefusal("invalid_payload") from error


def speak(workspace: Workspace, occasion: Occasion, reply: Reply) -> None:
    """Replace, delete, or say something new to one or to all, as the reply asks."""
    if occasion.message_ts and (reply.replace_original or reply.delete_original):
        _change_original(workspace, occasion.channel, occasion.message_ts, reply)
        return
    message = by_bot(
        workspace, reply, reply.thread_ts or (occasion.thread_ts if reply.response_type == "ephemeral" else None)
    )
    if reply.response_type == "in_channel":
        workspace.say(occasion.channel, message)
    else:
        workspace.whisper(occasion.channel, occasion.person, message)


def _change_original(workspace: Workspace, channel: Channel, ts: str, reply: Reply) -> None:
    messages.get(workspace.store, channel.id, ts)
    if reply.delete_original:
        workspace.erase(channel, ts)
    else:
        workspace.rewrite(channel, ts, rewritten(workspace, reply, f"{workspace.now():.6f}"))


async def response_url(request: web.Request) -> web.Response:
    """Five uses in thirty minutes, then Slack has forgotten the URL."""
    workspace = request.app[WORKSPACE]
    try:
        reply = read(await request.text()) or Reply()
        speak(workspace, _use(workspace, request.match_info["token"]), reply)
    except SlackRefusal as refused:
        return web.json_response(refused.answer(), status=404 if refused.error in {"expired_url", "used_url"} else 400)
    return web.Response(text="ok")


def _use(workspace: Workspace, token: str) -> Occasion:
    found = workspace.store.row("select * from response_urls where token = ?", token)
    if found is None or found["expires"] < workspace.now():
        raise SlackRefusal("expired_url")
    used = "update response_urls set uses_left = uses_left - 1 where token = ? and uses_left > 0"
    if not workspace.store.run(used, token):
        raise SlackRefusal("used_url")
    return Occasion(workspace.channel(found["channel"]), found["person"], found["message_ts"], found["thread_ts"])
