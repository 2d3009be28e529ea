"""Web API: chat.* and reactions.add."""

from typing import Any

from bot.slack.sandbox import messages, payloads
from bot.slack.sandbox.content import Arguments, Content, parts
from bot.slack.sandbox.directory import Channel
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.methods import Answer, Call, method
from bot.slack.sandbox.workspace import Workspace


class Post(Content):
    channel: str
    thread_ts: str | None = None
    reply_broadcast: bool = False


class Update(Content):
    channel: str
    ts: str


class Whisper(Post):
    user: str


class Place(Arguments):
    channel: str
    ts: str


class Link(Arguments):
    channel: str
    message_ts: str


class Reaction(Arguments):
    channel: str
    timestamp: str
    name: str


def joined(workspace: Workspace, place: str) -> Channel:
    """A channel the bot may speak in."""
    channel = workspace.channel(place)
    if not workspace.bot_is_in(channel):
        raise SlackRefusal("not_in_channel")
    return channel


def by_bot(workspace: Workspace, content: Content, thread_ts: str | None) -> dict[str, Any]:
    """A message of the bot's, checked."""
    return payloads.said_by_bot(workspace.config, text=content.text, thread_ts=thread_ts, **parts(workspace, content))


@method("chat.postMessage", Post)
def post_message(call: Call, given: Post) -> Answer:
    channel = joined(call.workspace, given.channel)
    if given.thread_ts and messages.row(call.workspace.store, channel.id, given.thread_ts) is None:
        raise SlackRefusal("thread_not_found")
    shown = {"subtype": "thread_broadcast"} if given.thread_ts and given.reply_broadcast else {}
    kept = call.workspace.say(channel, {**by_bot(call.workspace, given, given.thread_ts), **shown})
    return {"channel": channel.id, "ts": kept["ts"], "message": kept}


@method("chat.postEphemeral", Whisper)
def post_ephemeral(call: Call, given: Whisper) -> Answer:
    channel = joined(call.workspace, given.channel)
    if given.user not in call.workspace.directory.people or channel.person not in (
        None,
        call.workspace.directory.people[given.user],
    ):
        raise SlackRefusal("user_not_in_channel")
    kept = call.workspace.whisper(channel, given.user, by_bot(call.workspace, given, given.thread_ts))
    return {"message_ts": kept["ts"]}


@method("chat.update", Update)
def update(call: Call, given: Update) -> Answer:
    channel = joined(call.workspace, given.channel)
    _own(call.workspace, channel, given.ts, "cant_update_message")
    kept = call.workspace.rewrite(channel, given.ts, rewritten(call.workspace, given, f"{call.workspace.now():.6f}"))
    return {"channel": channel.id, "ts": given.ts, "text": kept["text"], "message": kept}


def rewritten(workspace: Workspace, content: Content, at: str) -> dict[str, Any]:
    """Text alone replaces blocks too, as in Slack."""
    fresh = parts(workspace, content)
    edited = {"user": workspace.config.bot_user_id, "ts": at}
    return {"text": content.text, "blocks": fresh.get("blocks"), "attachments": fresh["attachments"], "edited": edited}


@method("chat.delete", Place)
def delete(call: Call, given: Place) -> Answer:
    channel = joined(call.workspace, given.channel)
    _own(call.workspace, channel, given.ts, "cant_delete_message")
    call.workspace.erase(channel, given.ts)
    return {"channel": channel.id, "ts": given.ts}


def _own(workspace: Workspace, channel: Channel, ts: str, refusal: str) -> None:
    found = messages.row(workspace.store, channel.id, ts)
    if found is None or found["only_for"]:
        raise SlackRefusal("message_not_found")
    if messages.get(workspace.store, channel.id, ts).get("bot_id") != workspace.config.bot_id:
        raise SlackRefusal(refusal)


@method("chat.getPermalink", Link)
def permalink(call: Call, given: Link) -> Answer:
    channel = call.workspace.channel(given.channel)
    messages.get(call.workspace.store, channel.id, given.message_ts)
    return {"channel": channel.id, "permalink": f"{call.origin}/#/{channel.id}/{given.message_ts}"}


@method("reactions.add", Reaction)
def add_reaction(call: Call, given: Reaction) -> Answer:
    channel = joined(call.workspace, given.channel)
    found = messages.get(call.workspace.store, channel.id, given.timestamp)
    reactions = {one["name"]: one for one in found.get("reactions", [])}
    mine = reactions.get(given.name, {"name": given.name, "users": [], "count": 0})
    if call.workspace.config.bot_user_id in mine["users"]:
        raise SlackRefusal("already_reacted")
    users = [*mine["users"], call.workspace.config.bot_user_id]
    reactions[given.name] = {"name": given.name, "users": users, "count": len(users)}
    messages.change(call.workspace.store, channel.id, given.timestamp, {"reactions": list(reactions.values())})
    return {}
