"""What people do to a gate besides answering it: conditions, snooze, edits, and its evidence as a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select

from bot.slack import conditions, modals
from bot.slack.gates import Body, GateDoor, answer_override, gate_standing, number, show_form
from bot.slack.kit import Block
from bot.slack.values import Form
from bot.slack.view import GateView, gate_view
from bot.slack.wire import FAILURES, failed
from runtime.db.engine import Row
from runtime.db.tables import experiments, snapshots
from runtime.errors import InvalidRequest, OutcomeRuntimeError, ReasonNeeded
from runtime.gates import portfolio, rows
from runtime.gates.portfolio import Edit, OutOfBounds
from runtime.gates.service import Decision, decide
from runtime.gates.snooze import snooze
from runtime.identity.people import Member, person

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck

_FIELDS = frozenset({conditions.CAP, conditions.DEADLINE, conditions.SEGMENT, conditions.CONSTRAINT, modals.PERCENT})


@dataclass(frozen=True, slots=True)
class Shaping:
    """Handlers of the forms in bot.slack.conditions; each ends in one call of a service."""

    door: GateDoor

    async def bound(self, ack: "AsyncAck", body: Body, view: Body) -> None:
        """An approval with conditions; what cannot be kept is said under its field."""
        found = modals.values(view)
        try:
            form = Form.load(view.get("private_metadata"))
            member = await self.door.member(body["user"]["id"])
            await self._decide(form, member, found)
        except ReasonNeeded as error:
            await ack(
                response_action="errors", errors=modals.wrong(modals.NOTE, await self.door.plainly(error.message))
            )
        except InvalidRequest as error:
            field = str(error.context.get("field") or modals.NOTE)
            await ack(
                response_action="errors",
                errors=modals.wrong(field if field in _FIELDS & set(found) else modals.NOTE, error.message),
            )
        except OutcomeRuntimeError as error:
            await ack(
                response_action="update", view=modals.said("Not recorded", await self.door.plainly(error.message))
            )
        else:
            await ack()

    async def _decide(self, form: Form, member: Member, found: Mapping[str, Any]) -> None:
        gate = await self.door.gate(form.g)
        choice = str(found.get(conditions.ANSWER) or conditions.bindable(gate["options"])[0]["id"])
        option: Mapping[str, Any] = next((item for item in gate["options"] if item["id"] == choice), {})
        wanted = conditions.chosen_terms(found)
        if not wanted:
            raise InvalidRequest("Set at least one condition, or use the plain answer.", field=modals.NOTE)
        share = number(found.get(modals.PERCENT)) if modals.needs_percent(option) else None
        if modals.needs_percent(option) and share is None:
            raise InvalidRequest("Say to how many percent of users.", field=modals.PERCENT)
        ticked = tuple(form.s) if form.s is not None else None
        decision = Decision(choice, str(found.get(modals.NOTE) or ""), form.e or None, ticked, share, wanted)
        by, now = person(member, "slack"), self.door.runtime.now()
        await decide(self.door.runtime, self.door.org_id, form.g, decision, by=by, now=now)

    async def snoozed(self, ack: "AsyncAck", body: Body, view: Body) -> None:
        try:
            form = Form.load(view.get("private_metadata"))
            member = await self.door.member(body["user"]["id"])
            until = datetime.fromisoformat(str(modals.values(view)[conditions.UNTIL]))
            by, now = person(member, "slack"), self.door.runtime.now()
            await snooze(self.door.runtime, self.door.org_id, form.g, until=until, by=by, now=now)
        except OutcomeRuntimeError as error:
            await ack(response_action="update", view=modals.said("Not snoozed", await self.door.plainly(error.message)))
        else:
            await ack()

    async def edited(self, ack: "AsyncAck", body: Body, view: Body) -> None:
        """Edits of a portfolio; one that lies outside its bounds is said under its field."""
        sent: list[conditions.Edited] = []
        try:
            form = Form.load(view.get("private_metadata"))
            member = await self.door.member(body["user"]["id"])
            gate = await self.door.gate(form.g)
            shown = _view(gate)
            share = str(shown.package["outcome"].get("unit")) == "share"
            sent = conditions.edits(modals.values(view), [str(item) for item in rows.subjects(gate)], share=share)
            wanted = [Edit(item.experiment, item.priority, item.title, item.hypothesis, item.expected) for item in sent]
            by, now = person(member, "slack"), self.door.runtime.now()
            await portfolio.edit(self.door.runtime, self.door.org_id, form.g, wanted, seen=form.e, by=by, now=now)
        except OutOfBounds as error:
            at = next(item.at for item in sent if item.experiment == error.experiment)
            await ack(response_action="errors", errors=modals.wrong(f"{error.field}:{at}", error.message))
        except OutcomeRuntimeError as error:
            await ack(response_action="update", view=modals.said("Not changed", await self.door.plainly(error.message)))
        else:
            await ack()

    async def open(self, do: str, gate: Row, member: Member, form: Form, body: Body, client: AsyncWebClient) -> None:
        """One of `terms`, `edit`, `snooze`, `file`; all but the file only for whoever may decide."""
        if do == "file":
            await self._file(gate, form, client)
            return
        standing = gate_standing(gate, member)
        view = await self._form(do, gate, member, form, await self.door.plainly(answer_override(standing)))
        await show_form(client, body, view)

    async def _form(self, do: str, gate: Row, member: Member, form: Form, override: str) -> Block:
        view = _view(gate)
        if do == "terms":
            if not conditions.bindable(view.options):
                raise InvalidRequest("No answer of this gate can be given with conditions.")
            return conditions.with_terms(view, form, override=override)
        if do == "edit":
            async with self.door.runtime.transaction(self.door.org_id) as tx:
                found = {
                    row["id"]: row
                    for row in await tx.all(select(experiments).where(experiments.c.id.in_(rows.subjects(gate))))
                }
            return conditions.editing(view, form, [found[item] for item in rows.subjects(gate)])
        made = conditions.snoozing(view, form, now=self.door.runtime.now(), zone=member.timezone)
        if made is None:
            raise InvalidRequest("There is too little time left to snooze this gate.")
        return made

    async def _file(self, gate: Row, form: Form, client: AsyncWebClient) -> None:
        """What the decision is bound to, as it was frozen, in the gate's thread."""
        at = await self.door.thread_of(form)
        if not at.ch:
            raise InvalidRequest("This gate has no message yet to put the file under; try again in a moment.")
        content = json.dumps(await self._evidence(gate), ensure_ascii=False, indent=2, default=str)
        mark = str(gate["evidence_hash"])[:12]
        try:
            await client.files_upload_v2(
                channel=at.ch, thread_ts=at.ts, content=content, filename=f"evidence-{mark}.json", title=f"Evidence {mark}",
                initial_comment=f"The evidence of this gate as it was frozen, `{mark}`.",
            )  # fmt: skip
        except FAILURES as error:
            raise failed(error, "to take the file") from error

    async def _evidence(self, gate: Row) -> dict[str, Any]:
        found: dict[str, Any] = {
            "schema": "outcome-runtime/evidence@1", "gate": str(gate["id"]), "gate_type": gate["gate_type"],
            "evidence_hash": gate["evidence_hash"], "evidence": gate["evidence"], "shown": gate["context_package"],
        }  # fmt: skip
        if gate["snapshot_id"]:
            async with self.door.runtime.transaction(self.door.org_id) as tx:
                frozen = await tx.first(select(snapshots).where(snapshots.c.id == gate["snapshot_id"]))
            names = ("id", "kind", "digest", "data_through", "created_at", "data")
            found["snapshot"] = {name: frozen[name] for name in names} if frozen else None
        return found


def _view(gate: Row) -> GateView:
    return gate_view(gate, {}, None)
