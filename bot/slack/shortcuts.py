"""Shortcuts: a message becomes the draft of an outcome or of a hypothesis; its words only fill fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import drafts, fields, forms, kit
from bot.slack.kit import Block
from bot.slack.people import People
from bot.slack.wizard import WizardDoor, excerpt, steering
from bot.slack.words import clean, fit
from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.errors import OutcomeRuntimeError
from runtime.hypotheses.suggest import Suggestion, Unfit, suggest
from runtime.identity.people import person
from runtime.outcomes import rows as outcomes

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck

HYPOTHESIS = "New hypothesis"
_TITLE = 100
_TEXT = 1900


@dataclass(frozen=True, slots=True)
class ShortcutDoor:
    """Slack's handlers of `outcome-from-message`, `hypothesis-from-message` and the form of the latter."""

    runtime: Runtime
    org_id: UUID
    people: People

    async def outcome(self, ack: "AsyncAck", body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        said = excerpt(body.get("message") or {})
        door = WizardDoor(self.runtime, self.org_id, self.people)
        await door.begin(
            client, body["trigger_id"], body["user"]["id"], title=headline(said), description=clean(said)[:_TEXT]
        )

    async def hypothesis(self, ack: "AsyncAck", body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        view_id = await forms.loading(client, body["trigger_id"], HYPOTHESIS)
        try:
            await steering(self.people, body["user"]["id"])
            async with self.runtime.transaction(self.org_id) as tx:
                active = await outcomes.listed(tx, status="active")
            shown = form(active, excerpt(body.get("message") or {})) if active else _nothing_runs()
        except OutcomeRuntimeError as error:
            shown = forms.refusal(HYPOTHESIS, error.message)
        await forms.fill(client, view_id, shown)

    async def submitted(self, ack: "AsyncAck", body: dict[str, Any], view: dict[str, Any]) -> None:
        given = forms.values(view)
        try:
            member = await steering(self.people, body["user"]["id"])
            wanted = _suggestion(given)
            row = await suggest(
                self.runtime, self.org_id, str(given.get("outcome")), wanted, by=person(member, "slack")
            )
        except Unfit as error:
            await ack(response_action="errors", errors=forms.under(view, {error.field: error.message}))
        except OutcomeRuntimeError as error:
            await ack(response_action="update", view=forms.refusal("Not proposed", error.message))
        else:
            told = f"*{fit(row['title'], 200)}* comes to gate 1 of its outcome now. Nothing is built before somebody approves it there."
            await ack(response_action="update", view=forms.finished("Proposed", told))


def headline(said: str) -> str:
    """The first sentence, as a title."""
    first = clean(said).split(". ")[0].strip()
    return first if len(first) <= _TITLE else f"{first[: _TITLE - 1].rstrip()}…"


def form(active: Sequence[Row], said: str) -> Block:
    options = {str(row["slug"]): str(row["title"]) for row in active[:100]}
    change = fields.line("text", initial=clean(said)[:1500], many=True, longest=1500)
    because = fields.line("text", many=True, longest=1500, example="people leave at the address form")
    title = fields.line("text", initial=headline(said), longest=160)
    scope = fields.line("text", many=True, longest=1000, example="frontend/checkout/")
    chosen = fields.choice("choice", options, initial=next(iter(options)) if len(options) == 1 else None)
    blocks = [
        fields.field("outcome", "For which outcome?", chosen, required=True),
        fields.field("title", "Name", title, required=True),
        fields.field("change", "If …", change, required=True, hint="What users will see that they don't see now."),
        fields.field("effect", "… then its metric moves by", fields.line("text", example="2 %", longest=40), required=True, hint="Absolute: 2 % means two percentage points."),
        fields.field("because", "… because", because, required=True),
        fields.field("scope", "Files it may touch", scope, required=True, hint="Path prefixes from the repository's root, one a line."),
    ]  # fmt: skip
    return kit.modal(HYPOTHESIS, blocks, submit="Propose it", callback_id="hypothesis-new", metadata="")


def _nothing_runs() -> Block:
    return forms.refusal(
        HYPOTHESIS, "No outcome is active; write one with `/outcome new`, or start a draft with `/outcome activate`."
    )


def _suggestion(given: Mapping[str, Any]) -> Suggestion:
    try:
        effect = drafts.number(str(given.get("effect") or ""))
    except drafts.Unclear as error:
        raise Unfit("effect", str(error)) from error
    scope = [line.strip() for line in str(given.get("scope") or "").splitlines() if line.strip()]
    try:
        return Suggestion(
            title=str(given.get("title") or ""), change=str(given.get("change") or ""),
            because=str(given.get("because") or ""), effect=effect, scope=tuple(scope),
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        raise Unfit(str(first["loc"][0]), f"{first['msg']}.") from error
