"""Web API: auth, team, bots, users and conversations."""

from typing import TypeVar

from bot.slack.sandbox import messages
from bot.slack.sandbox.content import Arguments
from bot.slack.sandbox.directory import bot_profile, bot_user, conversation, profile
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.methods import Answer, Call, method

T = TypeVar("T")


class Nothing(Arguments):
    pass


class OneUser(Arguments):
    user: str


class Address(Arguments):
    email: str


class OneChannel(Arguments):
    channel: str


class Listing(Arguments):
    types: str = "public_channel"
    limit: int = 100
    cursor: str = ""


class Opening(Arguments):
    users: str | None = None
    channel: str | None = None
    return_im: bool = False


class Reading(Arguments):
    channel: str
    ts: str = ""
    limit: int = 100
    oldest: str = ""
    latest: str = ""
    cursor: str = ""


class OneBot(Arguments):
    bot: str | None = None


@method("api.test", Nothing)
def api_test(_call: Call, _given: Nothing) -> Answer:
    return {"args": {}}


@method("auth.test", Nothing)
def auth_test(call: Call, _given: Nothing) -> Answer:
    config = call.workspace.config
    return {
        "url": f"{call.origin}/", "team": config.workspace, "user": config.bot_name, "team_id": config.team_id,
        "user_id": config.bot_user_id, "bot_id": config.bot_id, "is_enterprise_install": False,
    }  # fmt: skip


@method("team.info", Nothing)
def team_info(call: Call, _given: Nothing) -> Answer:
    config = call.workspace.config
    named = {"id": config.team_id, "name": config.workspace, "url": f"{call.origin}/"}
    return {
        "team": {
            **named,
            "domain": config.workspace.lower().replace(" ", "-"),
            "email_domain": "",
            "icon": {"image_default": True},
        }
    }


@method("bots.info", OneBot)
def bots_info(call: Call, given: OneBot) -> Answer:
    if given.bot not in (None, call.workspace.config.bot_id):
        raise SlackRefusal("bot_not_found")
    return {"bot": {**bot_profile(call.workspace.config), "user_id": call.workspace.config.bot_user_id}}


@method("users.info", OneUser)
def users_info(call: Call, given: OneUser) -> Answer:
    found = call.workspace.directory.user(given.user, call.workspace.status(given.user))
    if found is None:
        raise SlackRefusal("user_not_found")
    return {"user": found}


@method("users.list", Listing)
def users_list(call: Call, given: Listing) -> Answer:
    everyone = [*call.workspace.directory.people, call.workspace.config.bot_user_id]
    page, cursor = _page(everyone, given)
    members = [call.workspace.directory.user(name, call.workspace.status(name)) for name in page]
    return {"members": members, "cache_ts": int(call.workspace.now()), **cursor}


@method("users.lookupByEmail", Address)
def lookup_by_email(call: Call, given: Address) -> Answer:
    found = call.workspace.directory.by_email(given.email)
    if found is None:
        raise SlackRefusal("users_not_found")
    return {"user": call.workspace.directory.user(found.id, call.workspace.status(found.id))}


@method("users.profile.get", OneUser)
def profile_get(call: Call, given: OneUser) -> Answer:
    person = call.workspace.directory.people.get(given.user)
    if person is None:
        shown = bot_user(call.workspace.config)["profile"] if given.user == call.workspace.config.bot_user_id else None
        if shown is None:
            raise SlackRefusal("user_not_found")
        return {"profile": shown}
    return {"profile": profile(person, call.workspace.status(person.id))}


@method("conversations.list", Listing)
def conversations_list(call: Call, given: Listing) -> Answer:
    kinds = {{"public_channel": "channel"}.get(kind.strip(), kind.strip()) for kind in given.types.split(",")}
    shown = [found for found in call.workspace.directory.channels.values() if found.kind in kinds]
    page, cursor = _page(shown, given)
    workspace = call.workspace
    return {
        "channels": [conversation(workspace.config, found, bot_in=workspace.bot_is_in(found)) for found in page],
        **cursor,
    }


@method("conversations.info", OneChannel)
def conversations_info(call: Call, given: OneChannel) -> Answer:
    found = call.workspace.channel(given.channel)
    return {"channel": conversation(call.workspace.config, found, bot_in=call.workspace.bot_is_in(found))}


@method("conversations.members", Reading)
def conversations_members(call: Call, given: Reading) -> Answer:
    found = call.workspace.channel(given.channel)
    people = [found.person.id] if found.person else list(call.workspace.directory.people)
    bot = [call.workspace.config.bot_user_id] if call.workspace.bot_is_in(found) else []
    return {"members": [*people, *bot], "response_metadata": {"next_cursor": ""}}


@method("conversations.open", Opening)
def conversations_open(call: Call, given: Opening) -> Answer:
    """One person only: the sandbox has no group conversations."""
    wanted = given.users or given.channel or ""
    if not given.channel and wanted not in call.workspace.directory.people:
        raise SlackRefusal("user_not_found")
    channel = call.workspace.channel(wanted)
    whole = conversation(call.workspace.config, channel, bot_in=True)
    return {"no_op": True, "already_open": True, "channel": whole if given.return_im else {"id": channel.id}}


@method("conversations.join", OneChannel)
def conversations_join(call: Call, given: OneChannel) -> Answer:
    found = call.workspace.channel(given.channel)
    if found.kind != "channel":
        raise SlackRefusal("method_not_supported_for_channel_type")
    fresh = call.workspace.invite_bot(found, call.workspace.config.bot_user_id)
    shown = conversation(call.workspace.config, found, bot_in=True)
    return {"channel": shown} if fresh else {"channel": shown, "warning": "already_in_channel"}


@method("conversations.history", Reading)
def conversations_history(call: Call, given: Reading) -> Answer:
    channel = call.workspace.channel(given.channel)
    _must_be_in(call, given.channel)
    before = given.cursor or given.latest or "z"
    found = messages.history(call.workspace.store, channel.id, before=before, after=given.oldest, most=given.limit + 1)
    shown, more = found[: given.limit], len(found) > given.limit
    return {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": shown[-1]["ts"] if more else ""}}


@method("conversations.replies", Reading)
def conversations_replies(call: Call, given: Reading) -> Answer:
    channel = call.workspace.channel(given.channel)
    _must_be_in(call, given.channel)
    if messages.row(call.workspace.store, channel.id, given.ts) is None:
        raise SlackRefusal("thread_not_found")
    found = messages.replies(
        call.workspace.store, channel.id, given.ts, after=given.cursor or given.oldest, most=given.limit + 1
    )
    shown, more = found[: given.limit], len(found) > given.limit
    return {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": shown[-1]["ts"] if more else ""}}


def _must_be_in(call: Call, place: str) -> None:
    if not call.workspace.bot_is_in(call.workspace.channel(place)):
        raise SlackRefusal("not_in_channel")


def _page(everything: list[T], given: Listing) -> tuple[list[T], Answer]:
    """A cursor is the place to go on from; Slack's is opaque, so nothing may read ours."""
    if given.cursor and not given.cursor.isdigit():
        raise SlackRefusal("invalid_cursor")
    start = int(given.cursor or 0)
    end = start + max(1, given.limit)
    following = str(end) if end < len(everything) else ""
    return everything[start:end], {"response_metadata": {"next_cursor": following}}
