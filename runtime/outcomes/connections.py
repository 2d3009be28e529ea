"""Opening what an organisation configured: its signal sources, its flag service, its coding agents."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Row, Tx
from runtime.db.tables import secrets, workspaces
from runtime.errors import InvalidConfiguration
from runtime.integrations import catalogue
from runtime.integrations.contracts import ExecutionTarget, FlagService, SignalConnector
from runtime.settings import secret

if TYPE_CHECKING:
    from runtime.core import Runtime


async def seal(runtime: "Runtime", tx: Tx, values: Mapping[str, str]) -> None:
    """Keep the values of the variables outcome.yaml refers to, encrypted; workers need no environment of their own."""
    for name, value in values.items():
        sealed = runtime.vault.seal(value, org_id=tx.org_id, purpose=f"secret:{name}")
        statement = insert(secrets).values(org_id=tx.org_id, name=name, sealed=sealed)
        await tx.run(statement.on_conflict_do_update(index_elements=["org_id", "name"], set_={"sealed": sealed}))


async def environment(runtime: "Runtime", tx: Tx) -> dict[str, str]:
    """What `${NAME}` stands for: the process environment, over which the stored values win."""
    rows = await tx.all(select(secrets))
    return {
        **os.environ,
        **{
            row["name"]: runtime.vault.open(row["sealed"], org_id=tx.org_id, purpose=f"secret:{row['name']}")
            for row in rows
        },
    }


async def _file(runtime: "Runtime", org_id: UUID) -> tuple[Mapping[str, Any], dict[str, str]]:
    async with runtime.transaction(org_id) as tx:
        return await _applied(tx), await environment(runtime, tx)


async def _applied(tx: Tx) -> Mapping[str, Any]:
    return await tx.value(select(workspaces.c.outcome_file).order_by(workspaces.c.created_at).limit(1)) or {}


async def is_simulated(tx: Tx, outcome: Row) -> bool:
    """Whether the outcome's signal, or one that its constraints watch, comes from a connector marked `simulated`."""
    declared = (await _applied(tx)).get("signal_connectors") or []
    read = {outcome["primary_signal"]["source"], *(item.get("source") for item in outcome["constraints"])}
    return any(item.get("simulated") and item["name"] in read for item in declared)


async def connector(runtime: "Runtime", org_id: UUID, source: str) -> SignalConnector:
    """The signal source an outcome names; close it after use."""
    from runtime.ingestion.stored import Stored  # noqa: PLC0415  keeps it out of processes that read no signals
    from runtime.spec.references import resolve  # noqa: PLC0415  keeps the YAML reader out of processes that need none

    file, env = await _file(runtime, org_id)
    declared = next((item for item in file.get("signal_connectors") or [] if item["name"] == source), None)
    if declared is None and source != "webhook":
        raise InvalidConfiguration(
            f"No signal connector is named '{source}'; declare it under signal_connectors in outcome.yaml.",
            source=source,
        )
    config = resolve(declared["config"], env) if declared else {}
    kind = declared["type"] if declared else "webhook"
    return catalogue.connector(kind, config, runtime.http, stored=Stored(runtime, org_id))


async def flags(runtime: "Runtime", org_id: UUID) -> FlagService:
    """The feature-flag service of outcome.yaml; without one, the in-memory service."""
    from runtime.spec.references import resolve  # noqa: PLC0415  as above

    file, env = await _file(runtime, org_id)
    declared = file.get("feature_flags") or {"provider": "memory", "config": {}}
    return catalogue.flag_service(declared["provider"], resolve(declared.get("config") or {}, env), runtime.http)


def target(runtime: "Runtime") -> ExecutionTarget:
    """Where builds go: the agent at AGENT_URL, or whoever fetches them over MCP."""
    settings = runtime.settings
    if settings.agent_url:
        return catalogue.target(
            "generic", {"url": settings.agent_url, "secret": secret(settings.agent_secret) or ""}, runtime.http
        )
    return catalogue.target("mcp", {}, runtime.http)
