"""`/outcome connect`: what is connected, what is missing, and a key with which signals can be sent in."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import fields, forms, kit
from bot.slack.asked import Answer, Asked, Said
from bot.slack.people import UNKNOWN, People
from bot.slack.words import fit, shortened
from runtime.core import Runtime
from runtime.errors import OutcomeRuntimeError
from runtime.gates.policy import OVERRIDERS
from runtime.identity import keys
from runtime.identity.people import Member, person
from runtime.integrations.contracts import Probe
from runtime.outcomes import connections
from runtime.outcomes.service import applied_file
from runtime.spec.models import OutcomeFile

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck

TITLE = "A key for signals"
_NO_SOURCE = (
    "➖ *Signals*: none is declared; `webhook` takes what is posted to `/api/v1/signals/ingest` (docs/ingestion.md), "  # noqa: RUF001  a sign like its neighbours
    "others go under `signal_connectors` in outcome.yaml (docs/connectors.md, `/outcome import`)."
)
_PATIENCE = 5.0
"""Seconds a source has to answer its probe."""


class Probed(Protocol):
    """Anything that can say whether its configuration works."""

    async def test_connection(self) -> Probe: ...
    async def close(self) -> None: ...


async def connect(asked: Asked) -> Answer:
    """One line a fact; each that misses something says what, and where to read on."""
    async with asked.runtime.transaction(asked.org_id) as tx:
        file = await applied_file(tx)
    found = [
        *await _sources(asked.runtime, asked.org_id, file), await _flags(asked.runtime, asked.org_id, file),
        *_agents(asked.runtime),
    ]  # fmt: skip
    return shown(found, may=asked.member.role in OVERRIDERS)


def shown(found: Sequence[str], *, may: bool) -> Answer:
    """The facts, and for who `may` a button that makes a key."""
    text = "\n".join(["*What is connected*", *found])
    if not may:
        return text
    made = kit.button("Make a key for signals", "connect-key", "ingest")
    return Said("What is connected", [kit.section(shortened(text, kit.SECTION)), kit.actions("connect", [made])])


async def _sources(runtime: Runtime, org_id: UUID, file: OutcomeFile | None) -> Sequence[str]:
    declared = [item.name for item in file.signal_connectors] if file else []
    if not declared:
        return [_NO_SOURCE]
    return await asyncio.gather(*(_source(runtime, org_id, name) for name in declared))


async def _source(runtime: Runtime, org_id: UUID, name: str) -> str:
    async def opened() -> Probed:
        return await connections.connector(runtime, org_id, name)

    return await _line(f"Signals from {name}", opened, "docs/connectors.md")


async def _flags(runtime: Runtime, org_id: UUID, file: OutcomeFile | None) -> str:
    async def opened() -> Probed:
        return await connections.flags(runtime, org_id)

    provider = file.feature_flags.provider if file else "memory"
    return await _line(f"Feature flags at {provider}", opened, "docs/connectors.md")


async def _line(what: str, opened: Any, page: str) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            source: Probed = await opened()
            try:
                probe = await source.test_connection()
            finally:
                await source.close()
    except TimeoutError:
        probe = Probe(ok=False, detail=f"no answer within {_PATIENCE:g} seconds")
    except OutcomeRuntimeError as error:
        probe = Probe(ok=False, detail=error.message)
    return said(what, probe, page)


def said(what: str, probe: Probe, page: str) -> str:
    detail = fit(probe.detail, 300)
    return f"✅ *{fit(what, 80)}*: {detail}" if probe.ok else f"⛔ *{fit(what, 80)}*: {detail.rstrip('.')}. See {page}."


def _agents(runtime: Runtime) -> Sequence[str]:
    s = runtime.settings
    named = [name for name, key in (("Anthropic", s.anthropic_api_key), ("OpenAI", s.openai_api_key)) if key]
    model = (
        f"✅ *Language model*: a key for {' and '.join(named)}"
        if named
        else "➖ *Language model*: no key, so portfolios come from the playbook; set `ANTHROPIC_API_KEY` or `OPENAI_API_KEY` (docs/settings.md)."  # noqa: RUF001  as above
    )
    builder = (
        f"✅ *Coding agents*: builds are sent to {fit(s.agent_url, 200)}"
        if s.agent_url
        else "➖ *Coding agents*: agents fetch builds over MCP at `/mcp`; set `AGENT_URL` to send them (docs/agents.md)."  # noqa: RUF001  as above
    )
    return [model, builder]


@dataclass(frozen=True, slots=True)
class ConnectDoor:
    """The button and the form that make a key; it is shown once, in the form, to whoever asked for it."""

    runtime: Runtime
    org_id: UUID
    people: People

    async def pressed(self, ack: "AsyncAck", body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        view_id = await forms.loading(client, body["trigger_id"], TITLE)
        member = await self.people.behind(body["user"]["id"])
        await forms.fill(client, view_id, form() if _may(member) else forms.refusal(TITLE, _refused(member)))

    async def submitted(self, ack: "AsyncAck", body: dict[str, Any], view: dict[str, Any]) -> None:
        member = await self.people.behind(body["user"]["id"])
        if member is None or not _may(member):
            await ack(response_action="update", view=forms.refusal(TITLE, _refused(member)))
            return
        name = str(forms.values(view).get("name") or "signals")
        async with self.runtime.transaction(self.org_id) as tx:
            made = await keys.create(self.runtime, tx, kind="ingest", name=name[:80], by=person(member, "slack"))
        text = (
            f"*Key* `{made.token}`\n*Signing secret* `{made.signing_secret}`\n\n"
            "Both are shown this once; only a hash is kept. Keep them where your other secrets are. "
            "Sign each request to `/api/v1/signals/ingest` as docs/ingestion.md says; `outcome-runtime key revoke` ends the key."
        )
        await ack(response_action="update", view=forms.finished(TITLE, text))


def form() -> kit.Block:
    named = fields.field(
        "name", "Who will send signals with it?", fields.line("text", example="shop backend", longest=80), required=True,
        hint="For the journal.",
    )  # fmt: skip
    return kit.modal(TITLE, [named], submit="Make the key", callback_id="connect-key", metadata="")


def _may(member: Member | None) -> bool:
    return member is not None and member.role in OVERRIDERS


def _refused(member: Member | None) -> str:
    return UNKNOWN if member is None else "Keys are made by an owner or an admin; ask one of them."
