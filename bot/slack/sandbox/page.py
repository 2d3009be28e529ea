"""The page's own API: what one person sees, a stream that says when to look again, and everything they can do."""

import asyncio
from pathlib import Path
from typing import Any, Self, TypeVar

from aiohttp import web
from pydantic import Field, ValidationError, model_validator

from bot.slack.sandbox import acts, mailbox, messages, views
from bot.slack.sandbox.acts import Deed, State
from bot.slack.sandbox.config import Person
from bot.slack.sandbox.directory import colour_of
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.keys import WORKSPACE, origin_of
from bot.slack.sandbox.workspace import Fault, Workspace
from runtime.errors import InvalidRequest

HEARTBEAT_SECONDS = 15.0
D = TypeVar("D", bound=Deed)
CLOSING = web.AppKey("sandbox_closing", asyncio.Event)


class Submit(Deed):
    """A form as it was drawn at `rev`."""

    view_id: str
    rev: int | None = None
    values: State = Field(default_factory=dict)


class Close(Deed):
    view_id: str
    everything: bool = False


class Say(Deed):
    """Words, files that were uploaded before, or both."""

    channel: str
    text: str = Field(default="", max_length=40_000)
    thread_ts: str | None = None
    files: tuple[str, ...] = Field(default=(), max_length=10)

    @model_validator(mode="after")
    def something(self) -> Self:
        if not (self.text or self.files):
            raise ValueError("there is nothing to say")
        return self


class Home(Deed):
    tab: str = "home"


class UseShortcut(Deed):
    callback_id: str
    channel: str | None = None
    ts: str | None = None


class InChannel(Deed):
    channel: str


class InMessage(InChannel):
    ts: str


class Letter(Deed):
    mail_id: int


class LetterReply(Letter):
    text: str = Field(min_length=1, max_length=100_000)


class Status(Deed):
    status_text: str = Field(default="", max_length=100)
    status_emoji: str = Field(default="", max_length=100)
    status_expiration: int = 0


class Faults(Deed):
    faults: tuple[Fault, ...] = ()


async def read(request: web.Request, kind: type[D]) -> tuple[Person, D]:
    """Who does it, and what; `as` names the person."""
    try:
        body = await request.json()
        who = request.app[WORKSPACE].directory.person(str(body.pop("as")))
        return who, kind.model_validate(body)
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        raise InvalidRequest(f"Cannot read this: {error}") from error


def watcher(request: web.Request) -> Person:
    return request.app[WORKSPACE].directory.person(request.query.get("as", ""))


def done(**more: Any) -> web.Response:
    return web.json_response({"ok": True, **more})


async def people(request: web.Request) -> web.Response:
    """Whom one can act as: what the page asks before it knows who is looking."""
    workspace = request.app[WORKSPACE]
    return web.json_response({"people": [portrait(workspace, known) for known in workspace.directory.people.values()]})


async def state(request: web.Request) -> web.Response:
    """All a person sees; with `since=REVISION` the messages that changed after it, and `home` and `mail` only if they did."""
    workspace, person = request.app[WORKSPACE], watcher(request)
    since = request.query.get("since", "0")
    if not since.isdigit():
        raise InvalidRequest("`since` is a revision number.")
    return web.json_response(picture(workspace, person, int(since)), headers={"Cache-Control": "no-store"})


def picture(workspace: Workspace, person: Person, since: int) -> dict[str, Any]:
    shown = workspace.directory.open_to(person)
    return {
        "revision": workspace.store.revision, "since": since, "me": person.id, **fixtures(workspace),
        "people": [portrait(workspace, known) for known in workspace.directory.people.values()],
        "channels": [{"id": c.id, "name": c.name, "kind": c.kind, "bot_in": workspace.bot_is_in(c)} for c in shown],
        "messages": list(messages.seen_by(workspace.store, person.id, [c.id for c in shown], since=since)),
        **views.seen_by(workspace.store, person.id, since=since),
        "mail": mailbox.listed(workspace.store, workspace.directory, person) if mailbox.changed(workspace.store, since) else None,
    }  # fmt: skip


def fixtures(workspace: Workspace) -> dict[str, Any]:
    config = workspace.config
    return {
        "workspace": config.workspace, "bot": {"id": config.bot_user_id, "bot_id": config.bot_id, "name": config.bot_name},
        "commands": [known.model_dump() for known in config.commands],
        "shortcuts": [known.model_dump() for known in config.shortcuts],
    }  # fmt: skip


def portrait(workspace: Workspace, person: Person) -> dict[str, Any]:
    known = {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "tz": person.tz,
        "color": colour_of(person.id),
    }
    return {**known, "status": workspace.status(person.id)}


async def events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: the revision, now and after each change."""
    workspace, closing = request.app[WORKSPACE], request.app[CLOSING]
    watcher(request)
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await stream.prepare(request)
    told = -1
    while not closing.is_set():
        now_is = workspace.store.revision
        line = f'data: {{"revision": {now_is}}}\n\n' if now_is != told else ": still here\n\n"
        told = now_is
        try:
            await stream.write(line.encode())
        except ConnectionResetError:
            break  # the page was closed; there is nobody left to tell
        await _news_or_heartbeat(workspace, told)
    return stream


async def _news_or_heartbeat(workspace: Workspace, told: int) -> None:
    if workspace.store.revision == told:
        try:
            await asyncio.wait_for(workspace.store.news(), HEARTBEAT_SECONDS)
        except TimeoutError:
            return


async def press(request: web.Request) -> web.Response:
    """A button, select, checkbox or picker; answers when the bot has acknowledged it."""
    person, given = await read(request, acts.Press)
    workspace = request.app[WORKSPACE]
    await workspace.outgoing.interaction(acts.press(workspace, origin_of(request), person, given))
    return done()


async def submit(request: web.Request) -> web.Response:
    person, given = await read(request, Submit)
    try:
        errors = await acts.submit(request.app[WORKSPACE], person, given.view_id, given.values, given.rev)
    except SlackRefusal as refused:
        raise InvalidRequest(
            f"The bot answered with a view Slack refuses: {refused.extra or refused.error}"
        ) from refused
    return done(errors=errors)


async def close(request: web.Request) -> web.Response:
    person, given = await read(request, Close)
    await acts.close(request.app[WORKSPACE], person, given.view_id, everything=given.everything)
    return done()


async def command(request: web.Request) -> web.Response:
    person, given = await read(request, Say)
    workspace = request.app[WORKSPACE]
    if given.thread_ts:
        raise InvalidRequest(f"{given.text.split()[0]} is not supported in threads. Sorry!")
    await acts.command(workspace, origin_of(request), person, workspace.channel_for(person, given.channel), given.text)
    return done()


async def message(request: web.Request) -> web.Response:
    person, given = await read(request, Say)
    workspace = request.app[WORKSPACE]
    channel = workspace.channel_for(person, given.channel)
    kept = acts.say(workspace, person, channel, given.text, given.thread_ts, given.files)
    return done(ts=kept["ts"])


async def home(request: web.Request) -> web.Response:
    person, given = await read(request, Home)
    acts.open_home(request.app[WORKSPACE], person, given.tab)
    return done()


async def shortcut(request: web.Request) -> web.Response:
    person, given = await read(request, UseShortcut)
    workspace = request.app[WORKSPACE]
    under = (workspace.channel_for(person, given.channel), given.ts) if given.channel and given.ts else None
    await acts.shortcut(workspace, origin_of(request), person, given.callback_id, under)
    return done()


async def dismiss(request: web.Request) -> web.Response:
    """Only a whisper can be dismissed, and only by whom it was meant for."""
    person, given = await read(request, InMessage)
    workspace = request.app[WORKSPACE]
    channel = workspace.channel_for(person, given.channel)
    _, whisper = acts.seen_message(workspace, person, channel, given.ts)
    if not whisper:
        raise InvalidRequest("Only a message that you alone see can be dismissed.")
    messages.remove(workspace.store, channel.id, given.ts)
    return done()


async def invite(request: web.Request) -> web.Response:
    """What `/invite @bot` does."""
    person, given = await read(request, InChannel)
    workspace = request.app[WORKSPACE]
    return done(fresh=workspace.invite_bot(workspace.channel_for(person, given.channel), person.id))


async def status(request: web.Request) -> web.Response:
    person, given = await read(request, Status)
    request.app[WORKSPACE].set_status(person.id, given.model_dump())
    return done()


async def mail_read(request: web.Request) -> web.Response:
    person, given = await read(request, Letter)
    workspace = request.app[WORKSPACE]
    mailbox.letter(workspace.store, workspace.directory, person, given.mail_id)
    mailbox.mark_read(workspace.store, person, given.mail_id)
    return done()


async def mail_reply(request: web.Request) -> web.Response:
    person, given = await read(request, LetterReply)
    workspace = request.app[WORKSPACE]
    found = mailbox.letter(workspace.store, workspace.directory, person, given.mail_id)
    return done(mail_id=mailbox.reply(workspace.store, person, found, given.text, mailbox.now_utc()))


async def faults(request: web.Request) -> web.Response:
    """For tests: how the next calls of a method fail; replaces what was ordered before."""
    try:
        body = await request.json()
        request.app[WORKSPACE].faults = [*Faults.model_validate(body).faults]
    except ValueError as error:
        raise InvalidRequest(f"Cannot read these faults: {error}") from error
    return done()


async def index(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(static_folder() / "index.html", headers={"Cache-Control": "no-store"})


def static_folder() -> Path:
    return Path(__file__).with_name("static")


PAGE_ROUTES = [
    web.get("/", index),
    web.get("/sandbox/api/people", people),
    web.get("/sandbox/api/state", state),
    web.get("/sandbox/api/events", events),
    *(
        web.post(f"/sandbox/api/{name}", handler)
        for name, handler in {
            "press": press,
            "choose": press,
            "submit": submit,
            "close": close,
            "command": command,
            "message": message,
            "home": home,
            "shortcut": shortcut,
            "dismiss": dismiss,
            "invite": invite,
            "status": status,
            "mail": mail_read,
            "mail/reply": mail_reply,
            "faults": faults,
        }.items()
    ),
]
