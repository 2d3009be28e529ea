"""The last page of a new or imported outcome: what would change, and one button that applies exactly that."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ValidationError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select

from bot.slack import drafts, fields, forms, kit
from bot.slack.kit import Block
from bot.slack.people import UNKNOWN, People
from bot.slack.words import clean, code, fit, leave
from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.db.tables import members
from runtime.digest import digest
from runtime.errors import InvalidRequest, OutcomeRuntimeError
from runtime.identity.people import Member, person
from runtime.outcomes import permits, service
from runtime.outcomes.connections import environment
from runtime.spec.load import load
from runtime.spec.models import OutcomeFile, OutcomeSpec
from runtime.spec.plan import Plan, diff, render

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck

PLAN = "What would change"
NOTHING = "Nothing would change: what runs is the same already."
CHANGED = "Something else was changed meanwhile. This is what would change now:"
START = {"start": "Start right away: a first portfolio is proposed"}
APPLY, DROP = "import-apply", "import-drop"
_SHOWN = 2900
_PAGES = 6


class Pending(BaseModel):
    """What the button applies: one outcome beside what runs, a whole file, or an uploaded file by its id; `seen` names the plan that was shown."""

    kind: Literal["outcome", "file", "upload"]
    text: str
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A file that may be applied by this person, and what it changes."""

    wanted: OutcomeFile
    changes: Plan

    @property
    def mark(self) -> str:
        return digest(clean(render(self.changes)))[:16]


async def plan(runtime: Runtime, org_id: UUID, pending: Pending, member: Member) -> Planned:
    """Reads the pending text against what runs now; raises InvalidOutcomeFile or NotAllowed."""
    async with runtime.transaction(org_id) as tx:
        current = await service.applied_file(tx)
        wanted = await _wanted(runtime, tx, pending, current)
        changes = diff(current, wanted)
        await service.refuse_removals(tx, changes)
        permits.check(member, wanted, changes, await _known(tx))
    return Planned(wanted, changes)


async def _wanted(runtime: Runtime, tx: Tx, pending: Pending, current: OutcomeFile | None) -> OutcomeFile:
    if pending.kind == "file":
        return load(pending.text, env=await environment(runtime, tx))
    return drafts.wanted(current, OutcomeSpec.model_validate_json(pending.text))


async def _known(tx: Tx) -> list[str]:
    return [str(row["email"]).casefold() for row in await tx.all(select(members.c.email))]


def page(planned: Planned, pending: Pending, *, note: str = "") -> Block:
    """The diff, cut into as many sections as it needs; raises InvalidRequest when Slack cannot keep the text for us."""
    if not planned.changes.changes:
        return forms.finished(PLAN, NOTHING)
    kept = forms.packed(pending.model_copy(update={"seen": planned.mark}).model_dump_json())
    if kept is None:
        raise InvalidRequest("This is too long for a form; upload it as a file with `/outcome import` instead.")
    blocks = [*([kit.section(fit(note, 1000))] if note else []), *_changes(planned)]
    if planned.changes.whole("add"):
        start = fields.ticks("start", START, ticked=True)
        blocks.append(
            fields.field(
                "start", "New outcomes", start, hint="Unticked they stay drafts; /outcome activate starts them."
            )
        )
    view = kit.modal(PLAN, blocks, submit="Apply", callback_id="outcome-apply", metadata=kept)
    return view | {"close": kit.label("Back", kit.TITLE)}


def message(planned: Planned, pending: Pending, *, note: str = "") -> tuple[str, list[Block]]:
    """The same as a message of its own, for a file that came by one; `pending` must fit into a button."""
    if not planned.changes.changes:
        return NOTHING, [kit.section(NOTHING)]
    value = pending.model_copy(update={"seen": planned.mark}).model_dump_json()
    ticks = [kit.actions("import-start", [fields.ticks("import-start", START, ticked=True)])]
    buttons = [kit.button("Apply", APPLY, value, style="primary"), kit.button("Don't apply", DROP, value)]
    return PLAN, [
        kit.section(f"*{PLAN}*\n{fit(note, 1000)}".strip()), *_changes(planned), *(ticks if planned.changes.whole("add") else []),
        kit.actions("import-apply", buttons), kit.context("Nothing is applied before somebody who may presses *Apply*."),
    ]  # fmt: skip


def _changes(planned: Planned) -> list[Block]:
    return [*_diff(render(planned.changes).splitlines()), *_guarded(planned)]


def _diff(lines: list[str]) -> list[Block]:
    """Whole lines, in as many pieces as they fill."""
    pieces: list[str] = [""]
    for line in lines:
        if len(pieces[-1]) + 2 * len(line) > _SHOWN // 2:
            pieces.append("")
        pieces[-1] += f"{line}\n"
    shown = [kit.section(code(piece.rstrip("\n"), _SHOWN)) for piece in pieces[:_PAGES] if piece]
    left = sum(piece.count("\n") for piece in pieces[_PAGES:])
    if left:
        leave("\n".join(lines))
        shown.append(kit.context(f"and {left} more lines; a file in our conversation has all of them"))
    return shown


def _guarded(planned: Planned) -> list[Block]:
    new = planned.changes.whole("add")
    asked = [slug for slug in planned.changes.guarded if slug not in new]
    if not asked:
        return []
    return [
        kit.context(
            f"Lines with `!` change what runs; where the outcome is active ({fit(', '.join(asked), 500)}) they wait at a gate."
        )
    ]


def told(done: service.Applied) -> str:
    parts = [
        f"{what} {', '.join(f'`{fit(name, 100)}`' for name in names)}"
        for what, names in (
            ("✅ Made", done.created), ("✅ Changed", done.changed), ("🗳️ Waits at a gate:", done.gated), ("🎯 Started", done.activated),
        )
        if names
    ]  # fmt: skip
    following = (
        "\nA first portfolio is being proposed; it comes to gate 1. `/outcome list` shows how it stands."
        if done.activated
        else "\n`/outcome activate` starts a draft."
        if done.created
        else ""
    )
    return "\n".join(parts) + following


@dataclass(frozen=True, slots=True)
class ApplyDoor:
    """Slack's handler of the Apply button."""

    runtime: Runtime
    org_id: UUID
    people: People
    content: Callable[[AsyncWebClient, Pending], Awaitable[Pending]]

    async def submitted(
        self, ack: "AsyncAck", body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient
    ) -> None:
        try:
            await ack(response_action="update", view=await self._applied(body, view, client))
        except OutcomeRuntimeError as error:
            await ack(response_action="update", view=forms.refusal("Nothing was changed", error.message))

    async def _applied(self, body: dict[str, Any], view: dict[str, Any], client: AsyncWebClient) -> Block:
        pending = unpacked(view)
        member = await self.people.behind(body["user"]["id"])
        if member is None:
            return forms.refusal("Nothing was changed", UNKNOWN)
        start = "start" in (forms.values(view).get("start") or [])
        done = await self.carry_out(pending, member, client, start=start)
        return page(done, pending, note=CHANGED) if isinstance(done, Planned) else forms.finished("Done", told(done))

    async def carry_out(
        self, pending: Pending, member: Member, client: AsyncWebClient, *, start: bool
    ) -> service.Applied | Planned:
        """What is applied is what was shown: if something else changed meanwhile, the new plan comes back instead."""
        planned = await plan(self.runtime, self.org_id, await self.content(client, pending), member)
        if planned.mark != pending.seen:
            return planned
        by, now = person(member, "slack"), self.runtime.now()
        return await service.apply(self.runtime, self.org_id, planned.wanted, by=by, now=now, env={}, activate=start)


def unpacked(view: dict[str, Any]) -> Pending:
    try:
        return Pending.model_validate_json(forms.unpacked(view.get("private_metadata")))
    except ValidationError as error:
        raise InvalidRequest("This form is from an older version; close it and open it again.") from error
