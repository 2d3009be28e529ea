"""Buttons and forms of a gate: parse, find out who it is, one call of the service; the outbox redraws the message."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import deliveries, leftovers, modals, naming
from bot.slack.people import UNKNOWN, People
from bot.slack.values import Form, Pressed, Wanted
from bot.slack.view import GateView, gate_view
from bot.slack.wire import FAILURES, code_of, failed
from bot.slack.words import fit, keeping
from runtime import noted
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.errors import GateAlreadyDecided, InvalidRequest, NotYourGate, OutcomeRuntimeError, ReasonNeeded
from runtime.experiments import service as experiments
from runtime.gates import policy, quorum, rows, terms
from runtime.gates.service import Decision, changed, decide, delegate, reopen, settle
from runtime.identity.members import by_slack
from runtime.identity.people import Member, person
from runtime.learnings.service import search
from runtime.lifecycle.gate import OPEN

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

Body = dict[str, Any]
AT_ONCE = 2
"""Presses worked on at once: what more there are wait their turn, so that the acknowledgement of the next one doesn't wait for all of them."""

RECORDED = "Your answer is recorded. I was restarted just after you pressed, so it took longer than usual."
"""Whoever saw nothing happen is told, though the message shows it, too."""


@dataclass(frozen=True, slots=True)
class GateDoor:
    """Slack's handlers of gates. Whoever presses is looked up by verified address, and policy says whether they may."""

    runtime: Runtime
    org_id: UUID
    people: People
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def pressed(
        self, ack: "AsyncAck", body: Body, action: Body, client: AsyncWebClient, respond: "AsyncRespond"
    ) -> None:
        """A choice: decided at once, or after a form if it needs a reason or a percentage."""
        await ack()
        try:
            async with self.turn:
                recorded = await self._pressed(body, action, client)
            if recorded and noted.late():
                await whisper(respond, RECORDED)
        except OutcomeRuntimeError as error:
            await self.refuse(respond, error)

    async def _pressed(self, body: Body, action: Body, client: AsyncWebClient) -> bool:
        """Whether the answer is recorded; otherwise a form asks for what is missing."""
        said, user = Pressed.load(action.get("value")), body["user"]["id"]
        try:
            try:
                found = await self._at_once(said, body, user)
            except _Unlinked:
                await self.member(user)
                found = await self._at_once(said, body, user)
        except ReasonNeeded as error:
            gate = await self.gate(said.g)
            option = _option(gate, said.c)
            found = modals.answer(
                _view(gate), option, _form(said, body, option), override=await self.plainly(error.message)
            )
        if isinstance(found, dict):
            await show_form(client, body, found)
        elif found:
            raise changed(said.g)
        return not found

    async def _at_once(self, said: Pressed, body: Body, user: str) -> Body | bool:
        """Who it is, what the gate is and the decision in one transaction; the form to be shown where one is needed first.

        Otherwise whether the evidence had changed. A person whom Slack must be asked about is asked for outside of it.
        """
        async with self.runtime.transaction(self.org_id) as tx:
            member = await by_slack(tx, user)
            if member is None:
                raise _Unlinked
            gate = await rows.pressed(tx, said.g)
            return await self._answer(tx, gate, said, body, member)

    async def _answer(self, tx: Tx, gate: Row, said: Pressed, body: Body, member: Member) -> Body | bool:
        if noted.late() and (gate["decided_by"], gate["choice"]) == (member.email, said.c):
            return False
        option = _option(gate, said.c)
        standing = gate_standing(gate, member)
        form = _form(said, body, option)
        cap = await self._cap(tx, gate, option)
        if standing.as_what == "override" or modals.needs_form(option) or cap:
            override = await naming.within(tx, answer_override(standing))
            return modals.answer(_view(gate), option, form, override=override, cap=cap)
        by, now = person(member, "slack"), noted.moment(self.runtime.now())
        return await settle(self.runtime, tx, gate, _decision(form), by=by, now=now)

    async def _cap(self, tx: Tx, gate: Row, option: Mapping[str, Any]) -> str:
        """The cap that stands in the way of this answer, in words."""
        if option["id"] not in {"ship", "scale"} or not gate["experiment_id"]:
            return ""
        row = await experiments.get(tx, gate["experiment_id"])
        found, bound = terms.cap(row["terms"]), terms.ceiling(row)
        if bound is None:
            return ""
        return terms.set_by(found) if found is not None else f"at most {bound} % of users, approved at launch"

    async def answered(self, ack: "AsyncAck", body: Body, view: Body) -> None:
        """A form sent: what is wrong stands under its field, what cannot be mended there replaces the form."""
        found = modals.values(view)
        try:
            form = Form.load(view.get("private_metadata"))
            member = await self.member(body["user"]["id"])
            form = form.model_copy(update={"lift": bool(found.get(modals.LIFT))})
            note = str(found.get(modals.NOTE) or "")
            await self._decide(form, member, note=note, percent=number(found.get(modals.PERCENT)))
        except ReasonNeeded as error:
            await ack(response_action="errors", errors=modals.wrong(modals.NOTE, await self.plainly(error.message)))
        except InvalidRequest as error:
            await self._complain(ack, found, error)
        except OutcomeRuntimeError as error:
            await ack(response_action="update", view=modals.said("Not recorded", await self.plainly(error.message)))
        else:
            await ack()

    async def _complain(self, ack: "AsyncAck", found: Mapping[str, Any], error: InvalidRequest) -> None:
        field = next((name for name in (modals.PERCENT, modals.LIFT) if name in found), None)
        if field:
            await ack(response_action="errors", errors=modals.wrong(field, error.message))
        else:
            await ack(response_action="update", view=modals.said("Not recorded", await self.plainly(error.message)))

    async def _decide(self, form: Form, member: Member, *, note: str = "", percent: int | None = None) -> None:
        decision = _decision(form, note=note, percent=percent)
        await decide(self.runtime, self.org_id, form.g, decision, by=person(member, "slack"), now=self.runtime.now())

    async def more(
        self, ack: "AsyncAck", body: Body, action: Body, client: AsyncWebClient, respond: "AsyncRespond"
    ) -> None:
        """The buttons and the menu beside the answers: delegate, ask, conditions, edit, snooze, details, evidence as a file."""
        await ack()
        try:
            wanted = Wanted.load(action.get("value") or (action.get("selected_option") or {}).get("value"))
            member = await self.member(body["user"]["id"])
            gate = await self.gate(wanted.g)
            if wanted.do == "delegate":
                gate_standing(gate, member)
            form = Form(g=wanted.g, e=wanted.e, s=_ticked(body, gate), **_message(body))
            if wanted.do in SHAPED:
                await self.shape(wanted.do, gate, member, form, body, client)
                return
            view = _MENU[wanted.do](_view(gate), form) if wanted.do in _MENU else modals.details(_view(gate))
            await show_form(client, body, view)
        except OutcomeRuntimeError as error:
            await self.refuse(respond, error)

    async def delegated(self, ack: "AsyncAck", body: Body, view: Body) -> None:
        try:
            form = Form.load(view.get("private_metadata"))
            member = await self.member(body["user"]["id"])
            await self.hand_over(form.g, member, await self.colleague(str(modals.values(view).get(modals.PERSON))))
        except InvalidRequest as error:
            await ack(response_action="errors", errors=modals.wrong(modals.PERSON, error.message))
        except OutcomeRuntimeError as error:
            await ack(response_action="update", view=modals.said("Not delegated", await self.plainly(error.message)))
        else:
            await ack()

    async def hand_over(self, gate_id: UUID, member: Member, to: Member) -> None:
        await delegate(self.runtime, self.org_id, gate_id, to=to, by=person(member, "slack"), now=self.runtime.now())

    async def asked(self, ack: "AsyncAck", body: Body, view: Body, client: AsyncWebClient) -> None:
        """A question goes into the thread, called to whoever is asked to decide, with what was learned before about it."""
        await ack()
        form = Form.load(view.get("private_metadata"))
        question = str(modals.values(view).get(modals.QUESTION) or "")
        gate = await self.gate(form.g)
        asked = rows.seat(gate).asked
        people = await self.people.who([asked])
        shown = people[asked.casefold()].shown if asked.casefold() in people else fit(asked, 100)
        found = await search(self.runtime, self.org_id, question, limit=3)
        with keeping() as left:
            known = (
                "\n".join(f"• {fit(item.finding, 400)}" for item in found) or "Nothing was learned about this before."
            )
            asks = fit(" ".join(question.split()), 1500)
        text = f"<@{body['user']['id']}> asks {shown}:\n> {asks}\n*From the learnings:*\n{known}"
        at = await self.thread_of(form)
        if at.ch and at.ts:
            await client.chat_postMessage(channel=at.ch, thread_ts=at.ts, text=text, unfurl_links=False)
            await leftovers.beside(client, at.ch, at.ts, leftovers.missing([], left))

    async def shape(self, do: str, gate: Row, member: Member, form: Form, body: Body, client: AsyncWebClient) -> None:
        from bot.slack.shaping import Shaping  # noqa: PLC0415  it stands on this door

        await Shaping(self).open(do, gate, member, form, body, client)

    async def thread_of(self, form: Form) -> Form:
        """The thread of the gate's message: the one it was pressed in, else the newest. Later gates of an experiment stand in another's."""
        async with self.runtime.transaction(self.org_id) as tx:
            here = await deliveries.gate_at(tx, form.ch, form.ts) if form.ch and form.ts else None
            found = here or await deliveries.of_gate(tx, form.g)
        if found is None:
            return form
        return form.model_copy(
            update={"ch": found["external_place"], "ts": found["details"].get("thread") or found["external_id"]}
        )

    async def reopened(self, ack: "AsyncAck", body: Body, action: Body, respond: "AsyncRespond") -> None:
        await ack()
        try:
            wanted = Wanted.load(action.get("value"))
            member = await self.member(body["user"]["id"])
            if member.role == "viewer":
                asked = rows.seat(await self.gate(wanted.g)).asked
                raise NotYourGate(f"You can look at this gate, but not have it asked again; ask {asked}.")
            await reopen(self.runtime, self.org_id, wanted.g, by=person(member, "slack"), now=self.runtime.now())
        except OutcomeRuntimeError as error:
            await self.refuse(respond, error)

    async def refuse(self, respond: "AsyncRespond", error: OutcomeRuntimeError) -> None:
        """To whoever pressed alone; whom to ask instead is mentioned, as in the gate's message."""
        await beside(respond, await naming.said(self.runtime, self.org_id, error.message))

    async def plainly(self, message: str) -> str:
        """For forms, which escape it."""
        return await naming.plainly(self.runtime, self.org_id, message)

    async def member(self, slack_user_id: str) -> Member:
        found = await self.people.behind(slack_user_id)
        if found is None:
            raise Stranger(UNKNOWN)
        return found

    async def colleague(self, slack_user_id: str) -> Member:
        found = await self.people.behind(slack_user_id)
        if found is None:
            raise InvalidRequest(
                "This person is not known here by e-mail address; choose somebody named in outcome.yaml."
            )
        return found

    async def gate(self, gate_id: UUID) -> Row:
        async with self.runtime.transaction(self.org_id) as tx:
            return await rows.get(tx, gate_id)


class Stranger(OutcomeRuntimeError):
    """Nobody of this organisation has this Slack user's e-mail address; ask an owner to name them in outcome.yaml."""

    code = "STRANGER"


SHAPED = frozenset({"terms", "edit", "snooze", "file"})
_MENU = {"delegate": modals.delegation, "ask": modals.question}


async def whisper(respond: "AsyncRespond", text: str) -> None:
    """Only who pressed sees it, and the message stays as it is."""
    await beside(respond, fit(text, naming.LONGEST))


async def beside(respond: "AsyncRespond", shown: str) -> None:
    """`whisper` of text that is escaped already."""
    await respond(text=shown, response_type="ephemeral", replace_original=False)


async def show_form(client: AsyncWebClient, body: Body, view: Body) -> None:
    """Slack gives three seconds from the press to the form."""
    try:
        await client.views_open(trigger_id=body["trigger_id"], view=view)
    except FAILURES as error:
        if code_of(error) in {"expired_trigger_id", "exchanged_trigger_id"}:
            raise InvalidRequest("That took too long for Slack to open the form; press again.") from error
        raise failed(error, "to open the form") from error


def answer_override(standing: policy.Standing) -> str:
    """In whose place a person would decide, or nothing."""
    return "" if standing.allowed else standing.refusal


def gate_standing(gate: Row, member: Member) -> policy.Standing:
    """Known before a form opens, so that nobody writes a reason in vain; the service checks it again."""
    if gate["status"] not in OPEN:
        raise GateAlreadyDecided(rows.already(gate), gate_id=gate["id"])
    standing = policy.may_decide(member, rows.seat(gate), confirming=quorum.first(gate) is not None)
    if not standing.allowed and standing.as_what != "override":
        raise NotYourGate(standing.refusal, gate_id=gate["id"])
    return standing


class _Unlinked(Exception):
    """Whoever pressed is not linked with a member yet."""


def _form(said: Pressed, body: Body, option: Mapping[str, Any]) -> Form:
    return Form(g=said.g, c=said.c, e=said.e, s=_selection(body, option), **_message(body))


def _decision(form: Form, *, note: str = "", percent: int | None = None) -> Decision:
    selection = tuple(form.s) if form.s is not None else None
    return Decision(form.c, note, form.e or None, selection, percent, lift=form.lift)


def _option(gate: Row, choice: str) -> Mapping[str, Any]:
    options: Sequence[Mapping[str, Any]] = gate["options"] or []
    found = next((option for option in options if option["id"] == choice), None)
    if found is None:
        raise InvalidRequest("This gate no longer offers that answer; use the newest message in the channel.")
    return found


def _selection(body: Body, option: Mapping[str, Any]) -> list[UUID] | None:
    """The ticked boxes count for an approval only; rejecting means all."""
    ticked = modals.selected(body)
    return [UUID(item) for item in ticked] if ticked is not None and option["gate_event"] == "approve" else None


def _message(body: Body) -> dict[str, str]:
    container = body.get("container") or {}
    if not container.get("message_ts"):
        return {}
    return {"ch": container["channel_id"], "ts": container.get("thread_ts") or container["message_ts"]}


def _view(gate: Row) -> GateView:
    return gate_view(gate, {}, None)


def _ticked(body: Body, gate: Row) -> list[UUID] | None:
    return _selection(body, {"gate_event": "approve"}) if gate["gate_type"] == "portfolio_review" else None


def number(value: Any) -> int | None:
    return int(value) if str(value or "").isdigit() else None
