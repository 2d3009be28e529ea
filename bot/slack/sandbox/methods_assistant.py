"""Web API: an assistant's threads (prompts, status, title) and messages that stream in."""

from typing import Any

from pydantic import BaseModel, Field

from bot.slack.sandbox import messages, payloads
from bot.slack.sandbox.assistant import SUBTYPE
from bot.slack.sandbox.content import Arguments, accepted
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.limits import MARKDOWN_TOTAL_TEXT_MAX_LENGTH
from bot.slack.sandbox.methods import Answer, Call, method
from bot.slack.sandbox.methods_chat import joined
from bot.slack.sandbox.store import body_of

STREAMING = "streaming_state"
STATUS = "assistant_status"
"""Our own field: Slack keeps a status beside the messages."""


class Thread(Arguments):
    channel_id: str
    thread_ts: str


class Status(Thread):
    status: str


class Title(Thread):
    title: str


class Prompt(BaseModel):
    title: str = Field(min_length=1)
    message: str = Field(min_length=1)


class Prompts(Arguments):
    channel_id: str
    prompts: list[Prompt] = Field(min_length=1, max_length=4)
    thread_ts: str | None = None
    title: str = ""


class StartStream(Arguments):
    channel: str
    thread_ts: str
    markdown_text: str = Field(default="", max_length=MARKDOWN_TOTAL_TEXT_MAX_LENGTH)
    recipient_team_id: str | None = None
    recipient_user_id: str | None = None


class AppendStream(Arguments):
    channel: str
    ts: str
    markdown_text: str = Field(min_length=1, max_length=MARKDOWN_TOTAL_TEXT_MAX_LENGTH)


class StopStream(Arguments):
    channel: str
    ts: str
    markdown_text: str = Field(default="", max_length=MARKDOWN_TOTAL_TEXT_MAX_LENGTH)
    blocks: Any = None


def _thread(call: Call, given: Thread) -> None:
    found = messages.row(call.workspace.store, call.workspace.channel(given.channel_id).id, given.thread_ts)
    if found is None or body_of(found).get("subtype") != SUBTYPE:
        raise SlackRefusal("invalid_thread_ts")


def _note(call: Call, given: Thread, **fields: Any) -> Answer:
    """What the container shows besides messages stands on the thread's root."""
    _thread(call, given)
    channel = call.workspace.channel(given.channel_id)
    root = messages.get(call.workspace.store, channel.id, given.thread_ts)
    shown = {**root["assistant_app_thread"], **fields}
    messages.change(call.workspace.store, channel.id, given.thread_ts, {"assistant_app_thread": shown})
    return {}


@method("assistant.threads.setStatus", Status)
def set_status(call: Call, given: Status) -> Answer:
    """In an assistant's thread it stands in its head, elsewhere under the message (since 2026-03-05 any app with chat:write may)."""
    channel = joined(call.workspace, given.channel_id)
    found = messages.row(call.workspace.store, channel.id, given.thread_ts)
    if found is None:
        raise SlackRefusal("invalid_thread_ts")
    if body_of(found).get("subtype") == SUBTYPE:
        return _note(call, given, status=given.status)
    messages.change(call.workspace.store, channel.id, given.thread_ts, {STATUS: given.status})
    return {}


@method("assistant.threads.setTitle", Title)
def set_title(call: Call, given: Title) -> Answer:
    return _note(call, given, title=given.title)


@method("assistant.threads.setSuggestedPrompts", Prompts)
def set_suggested_prompts(call: Call, given: Prompts) -> Answer:
    """Without a thread they stand on the messages tab, which this page does not show."""
    if given.thread_ts is None:
        call.workspace.channel(given.channel_id)
        return {}
    place = Thread(channel_id=given.channel_id, thread_ts=given.thread_ts)
    shown = [prompt.model_dump() for prompt in given.prompts]
    return _note(call, place, prompts=shown, prompts_title=given.title)


@method("chat.startStream", StartStream)
def start_stream(call: Call, given: StartStream) -> Answer:
    workspace = call.workspace
    channel = joined(workspace, given.channel)
    if messages.row(workspace.store, channel.id, given.thread_ts) is None:
        raise SlackRefusal("thread_not_found")
    if channel.kind != "im" and not given.recipient_team_id:
        raise SlackRefusal("missing_recipient_team_id")
    if channel.kind != "im" and not given.recipient_user_id:
        raise SlackRefusal("missing_recipient_user_id")
    said = payloads.said_by_bot(
        workspace.config, text=given.markdown_text, thread_ts=given.thread_ts, blocks=_markdown(given.markdown_text)
    )
    kept = workspace.say(channel, {**said, STREAMING: "in_progress"})
    _spoken(call, channel.id, given.thread_ts)
    return {"channel": channel.id, "ts": kept["ts"]}


@method("chat.appendStream", AppendStream)
def append_stream(call: Call, given: AppendStream) -> Answer:
    found = _streaming(call, given.channel, given.ts)
    _grow(call, given.channel, given.ts, found["text"] + given.markdown_text, {})
    return {"channel": call.workspace.channel(given.channel).id, "ts": given.ts}


@method("chat.stopStream", StopStream)
def stop_stream(call: Call, given: StopStream) -> Answer:
    found = _streaming(call, given.channel, given.ts)
    more = accepted(call.workspace, given.blocks) if given.blocks else []
    text = found["text"] + given.markdown_text
    kept = _grow(call, given.channel, given.ts, text, {STREAMING: "completed"}, more)
    return {"channel": call.workspace.channel(given.channel).id, "ts": given.ts, "message": kept}


def _streaming(call: Call, place: str, ts: str) -> dict[str, Any]:
    found = messages.get(call.workspace.store, joined(call.workspace, place).id, ts)
    if found.get("bot_id") != call.workspace.config.bot_id:
        raise SlackRefusal("message_not_owned_by_app")
    if found.get(STREAMING) != "in_progress":
        raise SlackRefusal("message_not_in_streaming_state")
    return found


def _grow(
    call: Call, place: str, ts: str, text: str, fields: dict[str, Any], more: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    if len(text) > MARKDOWN_TOTAL_TEXT_MAX_LENGTH:
        raise SlackRefusal("msg_too_long")
    channel = call.workspace.channel(place)
    shown = [*_markdown(text), *(more or [])]
    return messages.change(call.workspace.store, channel.id, ts, {"text": text, "blocks": shown, **fields})


def _markdown(text: str) -> list[dict[str, Any]]:
    return [{"type": "markdown", "block_id": "streamed", "text": text}] if text else []


def _spoken(call: Call, channel: str, thread_ts: str) -> None:
    """A status goes when the app speaks."""
    root = messages.get(call.workspace.store, channel, thread_ts)
    if root.get("subtype") == SUBTYPE and root["assistant_app_thread"].get("status"):
        shown = {**root["assistant_app_thread"], "status": ""}
        messages.change(call.workspace.store, channel, thread_ts, {"assistant_app_thread": shown})
    elif root.get(STATUS):
        messages.change(call.workspace.store, channel, thread_ts, {STATUS: ""})
