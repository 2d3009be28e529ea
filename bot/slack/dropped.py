"""An outcome.yaml dropped into a direct conversation, or sent to us by name: its plan in the thread, with the button that applies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import applying, importing, kit, leftovers, streaming, words
from bot.slack.applying import ApplyDoor, Pending, Planned
from bot.slack.gates import whisper
from bot.slack.inbound import first_time
from bot.slack.kit import Blocks
from bot.slack.people import People
from bot.slack.wire import FAILURES
from bot.slack.wizard import steering
from bot.slack.words import fit, mention, shortened
from runtime.core import Runtime
from runtime.errors import InvalidRequest, OutcomeRuntimeError
from runtime.identity.people import Member
from runtime.spec.load import LARGEST
from runtime.spec.problems import InvalidOutcomeFile

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

Event = dict[str, Any]
_KINDS = (".yaml", ".yml")
_NAMED = 3


def offered(event: Event) -> list[Mapping[str, Any]]:
    """The files of a message that may be an outcome.yaml: by name or kind, or of another workspace, which tells nothing but the id."""
    if event.get("bot_id") or not event.get("user") or event.get("subtype") not in {None, "file_share"}:
        return []
    return [file for file in event.get("files") or [] if _may_be(file)]


def _may_be(file: Mapping[str, Any]) -> bool:
    if file.get("file_access") == "check_file_info":
        return True
    return str(file.get("name") or "").lower().endswith(_KINDS) or file.get("filetype") in {"yaml", "yml"}


def meant(event: Event, bot_user_id: str) -> bool:
    """Whether files were given to us: an outcome.yaml with or without words, or other files without any words to answer."""
    ours = event.get("channel_type") == "im" or f"<@{bot_user_id}>" in str(event.get("text") or "")
    if not ours or not event.get("files") or event.get("bot_id") or not event.get("user"):
        return False
    said = str(event.get("text") or "").replace(f"<@{bot_user_id}>", "").strip()
    return bool(offered(event)) or (not said and event.get("subtype") in {None, "file_share"})


def chosen(event: Event) -> Pending:
    """The one file to import; raises InvalidRequest with what to send instead."""
    found = offered(event)
    if not found:
        names = _names(event.get("files") or [])
        raise InvalidRequest(
            f"I read outcome.yaml files, whose names end in .yaml or .yml. {names} is none; nothing was read."
        )
    if len(found) > 1:
        raise InvalidRequest(
            f"Send one outcome.yaml at a time, since each is planned against what runs: {_names(found)}."
        )
    size = found[0].get("size")
    if isinstance(size, int) and size > LARGEST:
        raise InvalidRequest(importing.TOO_LARGE)
    return Pending(kind="upload", text=str(found[0].get("id")))


def _names(files: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(f"“{file.get('name') or file.get('id')}”" for file in files[:_NAMED])
    return f"{names} and {len(files) - _NAMED} more" if len(files) > _NAMED else names


@dataclass(frozen=True, slots=True)
class DropDoor:
    """Slack's handlers of such a message and of its buttons; whoever presses must be allowed to apply what it says."""

    runtime: Runtime
    org_id: UUID
    people: People

    async def heard(self, event: Event, client: AsyncWebClient) -> None:
        """A mention with a file may be told as `message`, as `app_mention`, or as both (slackapi/bolt-python#925)."""
        if not await first_time(self.runtime, self.org_id, f"file:{event['channel']}:{event['ts']}"):
            return
        thread = str(event.get("thread_ts") or event["ts"])
        with words.keeping() as left:
            text, blocks = await self._planned(event, client)
        await streaming.in_turn(
            lambda: client.chat_postMessage(channel=event["channel"], thread_ts=thread, text=text, blocks=blocks)
        )
        await leftovers.beside(client, event["channel"], thread, leftovers.missing(blocks, left))

    async def _planned(self, event: Event, client: AsyncWebClient) -> tuple[str, Blocks]:
        try:
            member = await steering(self.people, event["user"])
            pending = chosen(event)
            planned = await self._plan(pending, member, client)
            return applying.message(planned, pending)
        except InvalidOutcomeFile as error:
            return "This outcome.yaml is not valid yet; nothing was applied.", importing.problem_blocks(error)
        except OutcomeRuntimeError as error:
            said = fit(error.message, kit.SECTION)
            return said, [kit.section(said)]

    async def _plan(self, pending: Pending, member: Member, client: AsyncWebClient) -> Planned:
        return await applying.plan(self.runtime, self.org_id, await importing.content(client, pending), member)

    async def applied(
        self, ack: "AsyncAck", body: Event, action: Event, client: AsyncWebClient, respond: "AsyncRespond"
    ) -> None:
        await ack()
        try:
            member, pending = await steering(self.people, body["user"]["id"]), _carried(action)
            door = ApplyDoor(self.runtime, self.org_id, self.people, importing.content)
            done = await door.carry_out(pending, member, client, start=_start(body))
            if isinstance(done, Planned):
                await _redraw(client, body, *applying.message(done, pending, note=applying.CHANGED))
            else:
                by = kit.context(f"Applied by {mention(body['user']['id'])}.")
                await _redraw(client, body, "Done", [kit.section(shortened(applying.told(done), kit.SECTION)), by])
        except OutcomeRuntimeError as error:
            await whisper(respond, error.message)

    async def dropped(
        self, ack: "AsyncAck", body: Event, action: Event, client: AsyncWebClient, respond: "AsyncRespond"
    ) -> None:
        await ack()
        try:
            await steering(self.people, body["user"]["id"])
        except OutcomeRuntimeError as error:
            await whisper(respond, error.message)
            return
        text = f"Nothing was applied; {mention(body['user']['id'])} put the plan aside. Send the file again to see it anew."
        await _redraw(client, body, text, [kit.section(text)])


def _carried(action: Event) -> Pending:
    try:
        return Pending.model_validate_json(action.get("value") or "{}")
    except ValidationError as error:
        raise InvalidRequest("This button is from an older version of the message; send the file again.") from error


def _start(body: Event) -> bool:
    """Without the boxes there is no new outcome to start."""
    found = ((body.get("state") or {}).get("values") or {}).get("import-start") or {}
    return any(element.get("selected_options") for element in found.values())


async def _redraw(client: AsyncWebClient, body: Event, text: str, blocks: Blocks) -> None:
    """What was applied stands without it."""
    container = body.get("container") or {}
    try:
        await client.chat_update(channel=container["channel_id"], ts=container["message_ts"], text=text, blocks=blocks)
    except (*FAILURES, KeyError):
        return
