"""The form of a new outcome: it knows the metrics, reads where they stand while it is filled, and ends in a plan."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import applying, drafts, fields, forms, kit
from bot.slack.asked import Answer, Asked
from bot.slack.drafts import Draft
from bot.slack.kit import Block
from bot.slack.people import UNKNOWN, People, SlackUser, trusted
from bot.slack.wire import FAILURES
from bot.slack.words import fit, moment
from runtime.core import Runtime
from runtime.errors import OutcomeRuntimeError
from runtime.gates.wording import amount
from runtime.identity.people import Member
from runtime.outcomes import metrics
from runtime.outcomes.service import applied_file
from runtime.spec.models import OutcomeFile

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck

TITLE = "New outcome"
_ACK = 2.4
"""Seconds for reading a sent form: Slack waits three, and the answer has to travel."""
_FAR = 0.2
"""Part of the way to the target by which From may miss what the source says without a warning."""


class Memory(BaseModel):
    """What the form carries: where it was opened, how often it was redrawn for another metric, and the From it suggested."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    channel: str = ""
    round: int = 0
    suggested: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the metric stands, in words; `value` is what From is filled with; `warnings` question what was typed."""

    text: str = ""
    value: str = ""
    warnings: tuple[str, ...] = ()


async def new(asked: Asked) -> Answer:
    """`/outcome new`, whose form shows a line to wait already."""
    draft = Draft(owner=asked.user, decider=asked.user, title=" ".join(asked.words))
    await fill(asked.runtime, asked.org_id, asked.client, asked.view_id, draft, channel=asked.channel)
    return ""


async def fill(
    runtime: Runtime, org_id: UUID, client: AsyncWebClient, view_id: str, draft: Draft, *, channel: str = ""
) -> None:
    file = await _file(runtime, org_id)
    known = await metrics.known(runtime, org_id, file)
    await forms.fill(client, view_id, form(draft, known, Reading(), Memory(channel=channel)))


async def _file(runtime: Runtime, org_id: UUID) -> OutcomeFile | None:
    async with runtime.transaction(org_id) as tx:
        return await applied_file(tx)


def form(draft: Draft, known: metrics.Known, reading: Reading, memory: Memory) -> Block:
    """The blocks that are filled by a metric's choice are renamed with each, so that Slack takes their new content."""
    blocks = [
        *_about(draft),
        *_metric(draft, known, memory),
        *_standing(reading, known),
        *_target(draft, memory),
        *_people(draft),
        *_limits(draft),
    ]
    return kit.modal(
        TITLE, blocks, submit="Show the plan", callback_id="outcome-new", metadata=memory.model_dump_json()
    )


def _about(draft: Draft) -> list[Block]:
    title = fields.line("text", initial=draft.title, example="More people finish the checkout", longest=150)
    text = fields.line("text", initial=draft.description, many=True, longest=2000)
    return [
        fields.field("title", "What shall become better?", title, required=True),
        fields.field("description", "Why, and for whom?", text),
    ]


def _metric(draft: Draft, known: metrics.Known, memory: Memory) -> list[Block]:
    groups = {
        source: [(f"{source}/{one.name}", f"{one.name}{f', {one.unit}' if one.unit else ''}") for one in listed]
        for source, listed in known.by_source.items()
    }
    picker = fields.grouped("wizard:metric", groups, initial=draft.metric)
    pick = bool(picker["option_groups"])
    reports = "What your sources report; choosing one reads where it stands. If it is not there, name it below."
    picked = [fields.field("metric", "Metric", picker, tells=True, hint=reports)]
    other = fields.line("wizard:other", initial=draft.other, example="shop/checkout_completed")
    how = fields.choice("wizard:method", drafts.METHODS, initial=draft.method)
    steps = fields.line("text", initial=draft.steps, many=True, example="cart_viewed", longest=1000)
    unit = fields.line("text", initial=draft.unit, example="share, EUR, ms", longest=40)
    return [
        *(picked if pick else []),
        fields.field(
            f"other.{memory.round}",
            "Another metric" if pick else "Metric",
            other,
            required=not pick,
            tells=True,
            hint="source/metric; press Enter to look it up.",
        ),
        fields.field(f"method.{memory.round}", "How is it read?", how, required=True, tells=True),
        fields.field(
            f"steps.{memory.round}",
            "Steps of the funnel",
            steps,
            hint="One a line, from first to last; only for steps.",
        ),
        fields.field(f"unit.{memory.round}", "Unit", unit, hint="For people to read; shares of users need none."),
    ]


def _standing(reading: Reading, known: metrics.Known) -> list[Block]:
    silent = [f"⚠️ {fit(source, 60)} cannot list its metrics: {fit(why, 300)}" for source, why in known.silent.items()]
    lines = [*([reading.text] if reading.text else []), *(f"⚠️ {warning}" for warning in reading.warnings), *silent]
    return [kit.context("\n".join(lines)[: kit.CONTEXT])] if lines else []


def _target(draft: Draft, memory: Memory) -> list[Block]:
    where = fields.choice("wizard:direction", drafts.DIRECTIONS, initial=draft.direction)
    start = fields.line("wizard:from", initial=draft.start, example="32 %", longest=40)
    goal = fields.line("wizard:to", initial=draft.goal, example="45 %", longest=40)
    least = fields.line("text", initial=draft.minimum, example="2 %", longest=40)
    span = fields.line("text", initial=draft.horizon, example="6w", longest=20)
    return [
        fields.field("direction", "It shall", where, required=True, tells=True),
        fields.field(
            f"from.{memory.round}", "From", start, required=True, tells=True, hint="Today's level; 0.32 or 32 %."
        ),
        fields.field(
            "to", "To", goal, required=True, tells=True, hint="Press Enter to check it against where the metric stands."
        ),
        fields.field(
            "minimum",
            "Smallest change worth finding",
            least,
            hint="Absolute; the smaller, the longer experiments take.",
        ),
        fields.field("horizon", "Within", span, required=True, hint="6w, 42d, 1w2d."),
    ]


def _people(draft: Draft) -> list[Block]:
    return [
        fields.field("owner", "Who answers for it?", fields.somebody("person", initial=draft.owner or None), required=True),
        fields.field("decider", "Who decides what is built and what it showed?", fields.somebody("person", initial=draft.decider or None)),
        fields.field("launcher", "Who decides when users see it?", fields.somebody("person", initial=draft.launcher or None), hint="Otherwise the same."),
        fields.field("backups", "Who is asked next when they don't answer?", fields.people("people", initial=draft.backups)),
        fields.field("channel", "Where are decisions asked?", fields.channel("channel", initial=draft.channel or None), hint="Otherwise the default channel."),
    ]  # fmt: skip


def _limits(draft: Draft) -> list[Block]:
    text = fields.line("text", initial=draft.constraints, many=True, example="slow_share <= 5 %", longest=2000)
    hint = "One a line: slow_share <= 5 %, or a rule in words for agents and reviewers. A limit that breaks ends the experiment at once."
    return [fields.field("constraints", "What must not get worse?", text, hint=hint)]


@dataclass(frozen=True, slots=True)
class WizardDoor:
    """Slack's handlers of the form; `home-new` and the shortcut `new-outcome` open it as `/outcome new` does."""

    runtime: Runtime
    org_id: UUID
    people: People

    async def opened(self, ack: "AsyncAck", body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await self.begin(client, body["trigger_id"], body["user"]["id"])

    async def begin(
        self,
        client: AsyncWebClient,
        trigger_id: str,
        user: str,
        *,
        title: str = "",
        description: str = "",
        channel: str = "",
    ) -> None:
        """Open it prefilled; the texts are somebody's words and only fill fields."""
        view_id = await forms.loading(client, trigger_id, TITLE)
        try:
            await steering(self.people, user)
            draft = Draft(title=title, description=description, owner=user, decider=user)
            await fill(self.runtime, self.org_id, client, view_id, draft, channel=channel)
        except OutcomeRuntimeError as error:
            await forms.fill(client, view_id, forms.refusal(TITLE, error.message))

    async def touched(
        self, ack: "AsyncAck", body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient
    ) -> None:
        """A choice or an Enter: read where the metric stands, fill From with it, and say what looks odd."""
        await ack()
        view = body["view"]
        if view.get("callback_id") != "outcome-new":
            return
        await steering(self.people, body["user"]["id"])
        draft, memory = _read(view), _memory(view)
        file = await _file(self.runtime, self.org_id)
        if action["action_id"] in {"wizard:metric", "wizard:other"}:
            draft, memory = _of_metric(draft, memory, file, picked=action["action_id"] == "wizard:metric")
        reading, known = await asyncio.gather(
            self._reading(draft, file), metrics.known(self.runtime, self.org_id, file)
        )
        if reading.value and draft.start in {"", memory.suggested}:
            draft = draft.model_copy(update={"start": reading.value})
            memory = memory.model_copy(update={"suggested": reading.value, "round": memory.round + 1})
        await forms.fill(client, view["id"], form(draft, known, reading, memory), seen=view.get("hash"))

    async def _reading(self, draft: Draft, file: OutcomeFile | None) -> Reading:
        source, metric = draft.place
        if not metric or (draft.method == "funnel" and len(draft.steps.splitlines()) < 2):  # noqa: PLR2004  from one step to another
            return Reading("Name the steps of the funnel, then choose again how it is read." if metric else "")
        asked = drafts.signal(draft, file)
        try:
            level = await metrics.current(self.runtime, self.org_id, asked)
        except OutcomeRuntimeError as error:
            unread = (
                f"Where {fit(metric, 100)} stands cannot be read now: {fit(error.message, 400)} Write From yourself."
            )
            return Reading(unread, "", tuple(warnings(draft, None, asked["unit"])))
        value, unit = float(level.value), str(asked["unit"] or "")
        n = f", {level.n:,} users" if level.n else ""
        text = f"*{fit(metric, 100)}* stands at *{amount(value, unit)}* ({fit(source, 60)}{n}, {moment(level.as_of)})."
        shown = f"{value * 100:.4g} %" if unit == "share" else f"{value:.6g}"
        return Reading(text, shown, tuple(warnings(draft, value, unit)))

    async def submitted(
        self, ack: "AsyncAck", body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient
    ) -> None:
        """Errors stand under their fields; without any the plan is shown on top, and Back leads here again."""
        try:
            async with asyncio.timeout(_ACK):
                answer = await self._checked(body, view, client)
        except TimeoutError:
            answer = _errors(view, {"title": "Slack or the database is slow just now; press again."})
        except OutcomeRuntimeError as error:
            answer = {"response_action": "push", "view": forms.refusal("Not possible", error.message)}
        await ack(**answer)

    async def _checked(self, body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient) -> dict[str, Any]:
        member = await steering(self.people, body["user"]["id"])
        draft = _read(view)
        file, emails = await asyncio.gather(_file(self.runtime, self.org_id), self._emails(client, draft.people))
        channel = await _channel_name(client, draft.channel)
        spec, faults = drafts.outcome(draft, emails=emails, channel=channel, file=file)
        if spec is None:
            return _errors(view, faults)
        pending = applying.Pending(
            kind="outcome", text=spec.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True)
        )
        planned = await applying.plan(self.runtime, self.org_id, pending, member)
        return {"response_action": "push", "view": applying.page(planned, pending)}

    async def _emails(self, client: AsyncWebClient, users: Iterable[str]) -> Mapping[str, str]:
        """Confirmed addresses of people of this workspace, members or not; who may name new ones is checked with the plan."""
        wanted = tuple(users)
        found = await asyncio.gather(*(self._email(client, user) for user in wanted))
        return {user: email for user, email in zip(wanted, found, strict=True) if email}

    async def _email(self, client: AsyncWebClient, user: str) -> str:
        member = await self.people.behind(user)
        if member is not None:
            return member.email
        try:
            known, own = await asyncio.gather(client.users_info(user=user), client.auth_test())
            seen = SlackUser.model_validate(known["user"])
        except (*FAILURES, ValidationError):
            return ""
        return seen.profile.email.casefold() if trusted(seen, str(own["team_id"])) else ""


async def steering(people: People, user: str) -> Member:
    """The member behind a Slack user, who may not only look; raises NotAllowed."""
    from runtime.errors import NotAllowed  # noqa: PLC0415  only to refuse

    member = await people.behind(user)
    if member is None or member.role == "viewer":
        raise NotAllowed(UNKNOWN if member is None else "You can look, but not steer; ask somebody who may decide.")
    return member


def warnings(draft: Draft, value: float | None, unit: str | None) -> Iterable[str]:
    """What a person would ask back about the numbers; none of it keeps the form from being sent."""
    try:
        start = drafts.number(draft.start) if draft.start else value
        goal = drafts.number(draft.goal) if draft.goal else None
    except drafts.Unclear as error:
        yield str(error)
        return
    shown = unit or ""
    if start is not None and goal is not None and (goal > start) != (draft.direction == "increase"):
        yield f"To ({amount(goal, shown)}) must lie {'above' if draft.direction == 'increase' else 'below'} From ({amount(start, shown)})."
    if value is None or start is None:
        return
    way = abs(goal - start) if goal is not None else abs(value)
    if draft.start and abs(start - value) > _FAR * way:
        yield f"From says {amount(start, shown)}, but it stands at {amount(value, shown)}."
    if goal is not None and goal != start and (value >= goal if goal > start else value <= goal):
        yield f"It has reached {amount(goal, shown)} already."


def _of_metric(draft: Draft, memory: Memory, file: OutcomeFile | None, *, picked: bool) -> tuple[Draft, Memory]:
    """What is known about the metric fills its fields; a From that was only suggested goes with the old metric."""
    if picked:
        draft = draft.model_copy(update={"other": ""})
    known = drafts.known_signal(file, *draft.place)
    filled: dict[str, Any] = {"start": "" if draft.start == memory.suggested else draft.start}
    if known:
        filled |= {"method": known["method"], "steps": "\n".join(known["funnel_steps"]), "unit": known["unit"] or ""}
    return draft.model_copy(update=filled), memory.model_copy(update={"round": memory.round + 1})


def _read(view: Mapping[str, Any]) -> Draft:
    return Draft.read(forms.values(view))


def _memory(view: Mapping[str, Any]) -> Memory:
    try:
        return Memory.model_validate_json(str(view.get("private_metadata") or "{}"))
    except ValidationError:
        return Memory()


def _errors(view: Mapping[str, Any], faults: Mapping[str, str]) -> dict[str, Any]:
    """An error under a field that this form does not have stands under the title."""
    there = {block.partition(".")[0] for block in (view.get("state") or {}).get("values") or {}}
    placed = {
        field if field in there else "other" if field == "metric" else "title": text for field, text in faults.items()
    }
    return {"response_action": "errors", "errors": forms.under(view, placed)}


async def _channel_name(client: AsyncWebClient, channel: str) -> str:
    """`#name` reads better in a file than an id; the id serves when Slack does not say."""
    if not channel:
        return ""
    try:
        return f"#{(await client.conversations_info(channel=channel))['channel']['name']}"
    except FAILURES:
        return channel


def excerpt(message: Mapping[str, Any]) -> str:
    """The plain words of a message somebody wrote: Slack's escapes undone, its references reduced to what they show."""
    bare = re.sub(r"<[^<>|]*\|([^<>]*)>", r"\1", str(message.get("text") or ""))
    bare = re.sub(r"<([^<>]*)>", r"\1", bare)
    for escaped, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        bare = bare.replace(escaped, sign)
    return " ".join(bare.split())
