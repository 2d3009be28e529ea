"""What people do: press, choose, submit, type, and what the bot is told of it."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.slack.sandbox import choices, drawings, messages, payloads, replies, views
from bot.slack.sandbox.choices import Raw
from bot.slack.sandbox.config import Person
from bot.slack.sandbox.content import accepted_view
from bot.slack.sandbox.directory import Channel
from bot.slack.sandbox.errors import BotDidNotAnswer, SlackRefusal
from bot.slack.sandbox.outgoing import Answer
from bot.slack.sandbox.store import body_of
from bot.slack.sandbox.workspace import Workspace
from runtime.errors import InvalidRequest, NotFound

State = dict[str, dict[str, Raw]]


class Deed(BaseModel):
    """Something done by one of the people; `as` says by whom."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


class Press(Deed):
    """One element touched: in a message (`channel`, `ts`) or in a modal or Home tab (`view_id`), as drawn at `rev`."""

    block_id: str
    action_id: str
    channel: str | None = None
    ts: str | None = None
    view_id: str | None = None
    rev: int | None = None
    value: Raw = None
    state: State = Field(default_factory=dict)


class FormAnswer(BaseModel):
    """The body a bot may answer a view_submission with."""

    response_action: str = ""
    errors: dict[str, str] = Field(default_factory=dict)
    view: Any = None


def press(workspace: Workspace, origin: str, person: Person, given: Press) -> dict[str, Any]:
    """The block_actions payload of this touch."""
    around = (
        payloads.in_view(own_view(workspace, person, given.view_id, given.rev))
        if given.view_id
        else _around_message(workspace, origin, person, given)
    )
    blocks = (around.get("view") or around["message"]).get("blocks", [])
    element = choices.find(blocks, given.block_id, given.action_id)
    values = {"values": choices.state_values(blocks, _with_touch(given))}
    action = {
        "type": element["type"], "action_id": given.action_id, "block_id": given.block_id,
        **choices.selection(element, given.value), "action_ts": f"{workspace.now():.6f}",
    }  # fmt: skip
    if "view" in around:
        around["view"] = {**around["view"], "state": values}
    else:
        around["state"] = values
    return {
        **payloads.interaction(workspace.config, "block_actions", person), **around,
        "trigger_id": workspace.trigger(person), "actions": [action],
    }  # fmt: skip


def _with_touch(given: Press) -> State:
    return {**given.state, given.block_id: {**given.state.get(given.block_id, {}), given.action_id: given.value}}


def own_view(workspace: Workspace, person: Person, view_id: str, seen: int | None) -> views.View:
    """As it was drawn when it was last `seen`: what a person does means what stands before them."""
    found = _view_of(workspace, person, view_id)
    drawn = drawings.as_seen(workspace.store, view_id, seen)
    if drawn is None and not found["open"]:
        raise NotFound("This view is closed already; open it again.", view_id=view_id)
    return drawn or body_of(found)


def _view_of(workspace: Workspace, person: Person, view_id: str) -> sqlite3.Row:
    found = workspace.store.row("select * from views where id = ? and person = ?", view_id, person.id)
    if found is None:
        raise NotFound("This view is not yours or not there; open it again.", view_id=view_id)
    return found


def _around_message(workspace: Workspace, origin: str, person: Person, given: Press) -> dict[str, Any]:
    channel = workspace.channel_for(person, given.channel or "")
    now_is, whisper = seen_message(workspace, person, channel, given.ts or "")
    message = drawings.as_seen(workspace.store, messages.place(channel.id, now_is["ts"]), given.rev) or now_is
    answer_at = workspace.response_url(origin, channel, person, message)
    return {**payloads.in_message(channel, message, whisper=whisper), "response_url": answer_at}


def seen_message(workspace: Workspace, person: Person, channel: Channel, ts: str) -> tuple[messages.Message, bool]:
    """The message, and whether it is a whisper; other people's whispers do not exist."""
    found = messages.row(workspace.store, channel.id, ts)
    if found is None or found["only_for"] not in (None, person.id):
        raise NotFound("This message is gone; look whether it was answered elsewhere.", ts=ts)
    return body_of(found), bool(found["only_for"])


async def submit(
    workspace: Workspace, person: Person, view_id: str, given: State, seen: int | None = None
) -> dict[str, str]:
    """Send the form; answers the errors to show under its fields, none when it went through."""
    view = own_view(workspace, person, view_id, seen)
    values = choices.state_values(view["blocks"], given)
    wrong = choices.complaints(view["blocks"], values)
    if wrong:
        return wrong
    payload = {
        **payloads.interaction(workspace.config, "view_submission", person), "trigger_id": workspace.trigger(person),
        "view": {**view, "state": {"values": values}}, "response_urls": [],
    }  # fmt: skip
    return _after_submit(workspace, person, view, await workspace.outgoing.interaction(payload))


def _after_submit(workspace: Workspace, person: Person, view: views.View, answer: Answer) -> dict[str, str]:
    wanted = _read_answer(workspace, answer)
    if wanted.response_action in {"update", "push"} and not _view_of(workspace, person, view["id"])["open"]:
        return {}  # its person went on to something else while the bot answered
    match wanted.response_action:
        case "errors":
            return wanted.errors
        case "":
            close_if_open(workspace, view["id"], everything=False)
        case "clear":
            close_if_open(workspace, view["id"], everything=True)
        case "update":
            shown = accepted_view(workspace, wanted.view, "modal")
            views.redraw(workspace.store, workspace.config, shown, view_id=view["id"], seen=None, now=workspace.now())
        case "push":
            shown = accepted_view(workspace, wanted.view, "modal")
            views.open_new(
                workspace.store, workspace.config, shown, person=person.id, kind="modal", now=workspace.now()
            )
        case other:
            raise BotDidNotAnswer(f"{workspace.config.bot_name} answered with an unknown response_action {other!r}.")
    return {}


def _read_answer(workspace: Workspace, answer: Answer) -> FormAnswer:
    if not answer.body.strip():
        return FormAnswer()
    try:
        return FormAnswer.model_validate_json(answer.body)
    except ValidationError as error:
        raise BotDidNotAnswer(f"{workspace.config.bot_name} answered with something Slack does not read.") from error


def close_if_open(workspace: Workspace, view_id: str, *, everything: bool) -> list[views.View]:
    """A bot may have closed or replaced it meanwhile; then there is nothing to do."""
    try:
        return views.close(workspace.store, view_id, everything=everything)
    except SlackRefusal:
        return []


async def close(workspace: Workspace, person: Person, view_id: str, *, everything: bool) -> None:
    """Closed by hand; the bot hears of it only if the view asked to be told."""
    found = _view_of(workspace, person, view_id)
    everything = everything or body_of(found)["clear_on_close"]
    for gone in close_if_open(workspace, view_id, everything=everything):
        if gone["notify_on_close"]:
            told = payloads.interaction(workspace.config, "view_closed", person)
            await workspace.outgoing.interaction({**told, "view": gone, "is_cleared": everything})


async def command(workspace: Workspace, origin: str, person: Person, channel: Channel, text: str) -> None:
    """`/name arguments`; what the bot answers at once is shown to the person, or to all if it says so."""
    name, _, arguments = text.strip().partition(" ")
    if name not in {known.command for known in workspace.config.commands}:
        raise InvalidRequest(f"{name} is not a command here; type / to see which are.")
    fields = payloads.slash_command(workspace.config, person, channel, name, arguments.strip())
    answer_at = workspace.response_url(origin, channel, person, {})
    answer = await workspace.outgoing.form(
        {**fields, "response_url": answer_at, "trigger_id": workspace.trigger(person)}
    )
    reply = replies.read(answer.body)
    if reply is not None:
        replies.speak(workspace, replies.Occasion(channel, person.id, None, None), reply)


def say(
    workspace: Workspace, person: Person, channel: Channel, text: str, thread_ts: str | None, files: Sequence[str] = ()
) -> messages.Message:
    """A typed message, perhaps with files; naming the bot in a channel it is in sends a second event, app_mention."""
    if thread_ts:
        seen_message(workspace, person, channel, thread_ts)
    message = payloads.said_by_person(workspace.config, person, payloads.typed(workspace.directory, text), thread_ts)
    if files:
        message = payloads.with_files(message, [_own_file(workspace, person, name) for name in files])
    kept = workspace.say(channel, message)
    mentioned = f"<@{workspace.config.bot_user_id}>" in kept["text"]
    if mentioned and channel.kind == "channel" and workspace.bot_is_in(channel):
        workspace.tell(payloads.mention_event(channel, kept))
    return kept


def _own_file(workspace: Workspace, person: Person, name: str) -> dict[str, Any]:
    found = workspace.store.row("select * from files where id = ? and state = 'complete'", name)
    if found is None or body_of(found)["user"] != person.id:
        raise NotFound("This file is not here; choose it again.", file=name)
    return body_of(found)


def open_home(workspace: Workspace, person: Person, tab: str) -> None:
    shown: Mapping[str, Any] | None = views.home_of(workspace.store, person.id)
    event = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": person.dm,
        "tab": tab,
        "event_ts": f"{workspace.now():.6f}",
    }
    workspace.tell({**event, "view": shown} if shown else event)


async def shortcut(
    workspace: Workspace, origin: str, person: Person, callback_id: str, under: tuple[Channel, str] | None
) -> None:
    """A global shortcut, or one from a message's menu."""
    kind = "message" if under else "global"
    if not any(known.callback_id == callback_id and known.type == kind for known in workspace.config.shortcuts):
        raise NotFound(f"There is no {kind} shortcut {callback_id!r}; the app's manifest names them.")
    common = {
        "callback_id": callback_id,
        "trigger_id": workspace.trigger(person),
        "action_ts": f"{workspace.now():.6f}",
    }
    if under is None:
        await workspace.outgoing.interaction({**payloads.interaction(workspace.config, "shortcut", person), **common})
        return
    channel, ts = under
    message, whisper = seen_message(workspace, person, channel, ts)
    place = payloads.in_message(channel, message, whisper=whisper)
    answer_at = workspace.response_url(origin, channel, person, message)
    told = payloads.interaction(workspace.config, "message_action", person)
    await workspace.outgoing.interaction({**told, **place, **common, "message_ts": ts, "response_url": answer_at})
