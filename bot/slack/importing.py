"""`/outcome import`: an outcome.yaml, pasted or uploaded; every error with its line, then the plan, then one button."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import applying, fields, forms, kit, leftovers
from bot.slack.applying import Pending
from bot.slack.asked import Answer, Asked
from bot.slack.kit import Block
from bot.slack.people import People
from bot.slack.wire import FAILURES, failed
from bot.slack.wizard import steering
from bot.slack.words import code, leave
from runtime.core import Runtime
from runtime.errors import InvalidRequest, OutcomeRuntimeError
from runtime.spec.load import LARGEST
from runtime.spec.problems import InvalidOutcomeFile

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck

TITLE = "Import outcome.yaml"
_ACK = 2.4
_SHOWN = 20
_PASTED = 3000
TOO_LARGE = "An outcome.yaml has at most 1 MiB; split this one, or take out what is no outcome."


async def begin(asked: Asked) -> Answer:
    await forms.fill(asked.client, asked.view_id, form())
    return ""


def form() -> Block:
    pasted = fields.line("text", many=True, example="version: 1", longest=_PASTED)
    upload = {"type": "file_input", "action_id": "file", "filetypes": ["yaml", "yml", "text"], "max_files": 1}
    blocks = [
        kit.section("Nothing is applied before you have seen what would change."),
        fields.field("text", "Paste it", pasted, hint="Up to 3,000 characters; ${NAME} stays as written."),
        fields.field("file", "Or upload it", upload, hint="Then the pasted text is not read."),
    ]
    return kit.modal(TITLE, blocks, submit="Show the plan", callback_id="outcome-import", metadata="")


@dataclass(frozen=True, slots=True)
class ImportDoor:
    """Slack's handler of the form."""

    runtime: Runtime
    org_id: UUID
    people: People

    async def submitted(
        self, ack: "AsyncAck", body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient
    ) -> None:
        """The plan on top of the form, or the errors on top of it, so that Back leads to the text again."""
        async with leftovers.for_person(client, body["user"]["id"], "the plan"):
            await self._answered(ack, body, view, client)

    async def _answered(
        self, ack: "AsyncAck", body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient
    ) -> None:
        try:
            async with asyncio.timeout(_ACK):
                shown = await self._page(body, view, client)
        except TimeoutError:
            await ack(response_action="errors", errors={"text": "Slack is slow just now; press again."})
        except InvalidOutcomeFile as error:
            await ack(response_action="push", view=problems(error))
        except OutcomeRuntimeError as error:
            await ack(response_action="errors", errors={"text": error.message[:300]})
        else:
            await ack(response_action="push", view=shown)

    async def _page(self, body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient) -> Block:
        member = await steering(self.people, body["user"]["id"])
        given = forms.values(view)
        pending = uploaded(given) or Pending(kind="file", text=str(given.get("text") or ""))
        if not pending.text.strip():
            raise InvalidRequest("Paste an outcome.yaml here, or upload one below.")
        planned = await applying.plan(self.runtime, self.org_id, await content(client, pending), member)
        return applying.page(planned, pending)


def uploaded(given: Mapping[str, Any]) -> Pending | None:
    """A file's text may be longer than Slack keeps with a form, so the form keeps its id."""
    found = given.get("file")
    return Pending(kind="upload", text=str(found[0]["id"])) if found else None


async def content(client: AsyncWebClient, pending: Pending) -> Pending:
    """An uploaded file read anew; what it says is checked against the plan that was shown."""
    if pending.kind != "upload":
        return pending
    try:
        found = (await client.files_info(file=pending.text))["file"]
        text = await _downloaded(client, str(found["url_private"]))
    except FAILURES as error:
        raise failed(error, "to hand over the file") from error
    return pending.model_copy(update={"kind": "file", "text": text})


async def _downloaded(client: AsyncWebClient, url: str) -> str:
    """Only from Slack itself: the request carries the bot's token."""
    own, asked = urlsplit(client.base_url), urlsplit(url)
    host = asked.hostname or ""
    slack = asked.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
    if not slack and (asked.scheme, asked.netloc) != (own.scheme, own.netloc):
        raise InvalidRequest("This file does not lie in Slack; upload it here instead of linking to it.")
    headers = {"Authorization": f"Bearer {client.token}"}
    timeout = aiohttp.ClientTimeout(total=client.timeout)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, headers=headers, allow_redirects=False) as reply,
    ):
        raw = await _most(reply.content)
        if not reply.ok or reply.content_type == "text/html":
            raise InvalidRequest(
                "Slack does not hand this file over; the app needs the scope files:read. Paste the text instead."
            )
    if len(raw) > LARGEST:
        raise InvalidRequest(TOO_LARGE)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest("This file is not UTF-8 text; save it as UTF-8 and upload it again.") from error


async def _most(content: aiohttp.StreamReader) -> bytes:
    """No more than tells that it is too much."""
    raw = b""
    while len(raw) <= LARGEST and (part := await content.read(LARGEST + 1 - len(raw))):
        raw += part
    return raw


def problems(error: InvalidOutcomeFile) -> Block:
    first, *blocks = problem_blocks(error)
    return kit.modal("Not valid yet", [first, *blocks]) | {"close": kit.label("Back", kit.TITLE)}


def problem_blocks(error: InvalidOutcomeFile) -> list[Block]:
    """Every error with its line, column, key, reason and mend, as `validate` names them."""
    count = len(error.problems)
    lines = [f"{count} problem{'s' if count != 1 else ''}; nothing was applied."]
    lines += [str(problem) for problem in error.problems[:_SHOWN]]
    if count > _SHOWN:
        lines.append(f"… and {count - _SHOWN} more")
        leave("\n".join(map(str, error.problems)))
    return [kit.section(lines[0]), *(kit.section(code(line, kit.SECTION)) for line in lines[1:])]
