"""PURE: what Slack sends to an app, field by field."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.slack.sandbox.config import Person, SandboxConfig
from bot.slack.sandbox.directory import Channel, Directory, bot_profile
from bot.slack.sandbox.ids import fresh_id

VERIFICATION_TOKEN = "sandbox-verification-token"  # noqa: S105  # Slack still sends this retired field


def envelope(config: SandboxConfig, event: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The Events API's outer event."""
    authorization = {
        "enterprise_id": None,
        "team_id": config.team_id,
        "user_id": config.bot_user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": VERIFICATION_TOKEN, "team_id": config.team_id, "context_team_id": config.team_id, "context_enterprise_id": None,
        "api_app_id": config.app_id, "event": event, "type": "event_callback", "event_id": fresh_id("Ev"),
        "event_time": int(now), "authorizations": [authorization], "is_ext_shared_channel": False,
        "event_context": f"4-{fresh_id('')}",
    }  # fmt: skip


def interaction(config: SandboxConfig, kind: str, person: Person) -> dict[str, Any]:
    """What every interactive payload begins with."""
    return {
        "type": kind,
        "user": {"id": person.id, "username": person.handle, "name": person.handle, "team_id": config.team_id},
        "api_app_id": config.app_id, "token": VERIFICATION_TOKEN,
        "team": {"id": config.team_id, "domain": config.workspace.lower().replace(" ", "-")},
        "enterprise": None, "is_enterprise_install": False,
    }  # fmt: skip


def in_message(channel: Channel, message: Mapping[str, Any], *, whisper: bool) -> dict[str, Any]:
    """Where in a channel something was pressed."""
    container: dict[str, Any] = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": whisper,
    }
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    return {
        "container": container,
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "message": dict(message),
    }


def in_view(view: Mapping[str, Any]) -> dict[str, Any]:
    return {"container": {"type": "view", "view_id": view["id"]}, "view": dict(view)}


def channel_name(channel: Channel) -> str:
    return channel.name if channel.kind == "channel" else "directmessage"


def slash_command(config: SandboxConfig, person: Person, channel: Channel, command: str, text: str) -> dict[str, str]:
    return {
        "token": VERIFICATION_TOKEN, "team_id": config.team_id, "team_domain": config.workspace.lower().replace(" ", "-"),
        "channel_id": channel.id, "channel_name": channel_name(channel), "user_id": person.id, "user_name": person.handle,
        "command": command, "text": text, "api_app_id": config.app_id, "is_enterprise_install": "false",
    }  # fmt: skip


def said_by_person(config: SandboxConfig, person: Person, text: str, thread_ts: str | None) -> dict[str, Any]:
    """A message somebody typed; the text is escaped already."""
    line = {"type": "rich_text_section", "elements": [{"type": "text", "text": html.unescape(text)}]}
    message = {
        "type": "message", "user": person.id, "text": text, "client_msg_id": fresh_id("").lower(), "team": config.team_id,
        "blocks": [{"type": "rich_text", "block_id": fresh_id("")[:6], "elements": [line]}],
    }  # fmt: skip
    return {**message, "thread_ts": thread_ts} if thread_ts else message


def with_files(message: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """https://docs.slack.dev/reference/events/message/file_share : `upload` and `display_as_bot` are there, `team` is not."""
    shared = {"subtype": "file_share", "files": [dict(file) for file in files], "upload": True, "display_as_bot": False}
    wordless = frozenset() if message["text"] else frozenset({"blocks"})
    return {**{key: value for key, value in message.items() if key not in wordless | {"team"}}, **shared}


def mention_event(channel: Channel, message: Mapping[str, Any]) -> dict[str, Any]:
    """Files come with it, but neither the subtype nor the kind of channel."""
    left_out = {"channel_type", "subtype"}
    event = {key: value for key, value in as_event(channel, message).items() if key not in left_out}
    return {**event, "type": "app_mention", **({"upload": False} if "files" in event else {})}


def said_by_bot(config: SandboxConfig, *, text: str, thread_ts: str | None, **parts: Any) -> dict[str, Any]:
    message = {
        "type": "message", "user": config.bot_user_id, "bot_id": config.bot_id, "app_id": config.app_id,
        "team": config.team_id, "text": text, "bot_profile": bot_profile(config),
        **{key: value for key, value in parts.items() if value},
    }  # fmt: skip
    return {**message, "thread_ts": thread_ts} if thread_ts else message


def as_event(channel: Channel, message: Mapping[str, Any]) -> dict[str, Any]:
    """The `message` event of a stored message."""
    return {**message, "channel": channel.id, "event_ts": message["ts"], "channel_type": channel.kind}


def changed_event(channel: Channel, now_is: Mapping[str, Any], was: Mapping[str, Any], ts: str) -> dict[str, Any]:
    return {
        "type": "message", "subtype": "message_changed", "message": dict(now_is), "previous_message": dict(was),
        "channel": channel.id, "hidden": True, "ts": ts, "event_ts": ts, "channel_type": channel.kind,
    }  # fmt: skip


def deleted_event(channel: Channel, was: Mapping[str, Any], ts: str) -> dict[str, Any]:
    return {
        "type": "message", "subtype": "message_deleted", "previous_message": dict(was), "deleted_ts": was["ts"],
        "channel": channel.id, "hidden": True, "ts": ts, "event_ts": ts, "channel_type": channel.kind,
    }  # fmt: skip


def typed(directory: Directory, text: str) -> str:
    """What the composer makes of typed text: escaped, with names turned into references."""
    people = {person.name: person.id for person in directory.people.values()}
    handles = {person.handle: person.id for person in directory.people.values()}
    names = {**handles, **people, directory.config.bot_name: directory.config.bot_user_id}
    channels = {channel.name: channel.id for channel in directory.channels.values() if channel.kind == "channel"}
    escaped = html.escape(text, quote=False)
    escaped = _refer(escaped, "@", names, lambda _name, found: f"<@{found}>")
    return _refer(escaped, "#", channels, lambda name, found: f"<#{found}|{name}>")


def _refer(text: str, sign: str, names: Mapping[str, str], write: Any) -> str:
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w&]){sign}({longest_first})(?!\w)")
    return pattern.sub(lambda found: str(write(found[1], names[found[1]])), text)
