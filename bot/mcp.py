"""The coding agents' door: MCP tools over the same service calls, behind an agent key. No tool decides anything."""

import os
from typing import Any
from uuid import UUID

from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl, ValidationError

from bot.api.views import plain
from runtime.core import Runtime
from runtime.errors import NotAuthenticated, OutcomeRuntimeError
from runtime.experiments import build, service
from runtime.gates import held, questions
from runtime.gates import rows as gates
from runtime.identity import keys
from runtime.identity.keys import Caller
from runtime.identity.people import agent
from runtime.learnings.service import search
from runtime.outcomes import rows as outcomes

INSTRUCTIONS = (
    "Fetch a brief with get_experiment_brief, build only within its scope and behind its feature flag, then call report_experiment_built. "
    "People decide at gates; ask them with request_human_gate and wait with get_gate_status."
)


class Keys:
    """Agent keys as MCP bearer tokens."""

    def __init__(self, runtime: Runtime, resource: str) -> None:
        self._runtime, self._resource = runtime, resource

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            found = await keys.authenticate(self._runtime, token, now=self._runtime.now())
        except NotAuthenticated:
            return None
        if found.kind != "agent":
            return None
        return AccessToken(
            token=token, client_id=str(found.key_id), scopes=["agent"], resource=self._resource, subject=found.name
        )


class Tools:
    """What agents may call. Every call names its caller; errors are told in words an agent can act on."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def _caller(self) -> Caller:
        token = get_access_token()
        bearer = token.token if token else os.environ.get("OR_API_KEY", "")
        return await keys.authenticate(self._runtime, bearer, now=self._runtime.now())

    async def get_active_outcomes(self, workspace_id: str | None = None) -> dict[str, Any]:
        """Get all active outcomes with their targets, latest signal values and experiments; builds that wait for an agent are `building`."""
        return await self._told(self._active_outcomes())

    async def get_experiment_brief(self, experiment_id: str) -> dict[str, Any]:
        """Get the full brief of an experiment to build: hypothesis, scope, rules, feature flag."""
        return await self._told(self._brief(experiment_id))

    async def report_experiment_built(
        self, experiment_id: str, implementation_summary: str, files_changed: list[str], feature_flag_key: str | None = None,
        agent_notes: str = "", diff: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Report that an experiment has been built and is ready for a person's launch review. Approves nothing."""
        fields = {
            "implementation_summary": implementation_summary, "files_changed": files_changed, "feature_flag_key": feature_flag_key,
            "agent_notes": agent_notes, "diff": diff,
        }  # fmt: skip
        return await self._told(self._built(experiment_id, fields))

    async def query_learnings(self, query: str, limit: int = 5) -> dict[str, Any]:
        """Search past experiments' learnings by meaning."""
        return await self._told(self._learnings(query, limit))

    async def request_human_gate(
        self, experiment_id: str, gate_type: str, question: str, context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask a person. Returns the gate's id; poll get_gate_status. Whatever type is named, the answer launches nothing by itself."""
        return await self._told(self._ask(experiment_id, gate_type, question, context or {}))

    async def get_gate_status(self, gate_id: str) -> dict[str, Any]:
        """Whether a person has answered a gate, and what. `held` is an answer that was given but can still be taken back: keep polling."""
        return await self._told(self._gate(gate_id))

    async def _told(self, work: Any) -> dict[str, Any]:
        try:
            return dict(plain(await work))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
            )
            raise ToolError(f"INVALID_REQUEST: {problems}") from error
        except OutcomeRuntimeError as error:
            raise ToolError(f"{error.code}: {error.message}") from error

    async def _active_outcomes(self) -> dict[str, Any]:
        found = await self._caller()
        async with self._runtime.transaction(found.org_id) as tx:
            listed = []
            for row in await outcomes.listed(tx, status="active"):
                experiments = [_short(item) for item in await service.of_outcome(tx, row["id"])]
                listed.append(
                    {name: row[name] for name in ("id", "slug", "title", "target", "status")}
                    | {"experiments": experiments}
                )
        return {"outcomes": listed}

    async def _brief(self, experiment_id: str) -> dict[str, Any]:
        found, wanted = await self._own(experiment_id)
        async with self._runtime.transaction(found.org_id) as tx:
            row = await service.get(tx, wanted)
            return build.brief(row, await service.outcome_of(tx, row))

    async def _built(self, experiment_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        found, wanted = await self._own(experiment_id)
        report = build.BuildReport.model_validate(fields)
        row = await build.report_built(
            self._runtime, found.org_id, wanted, report, by=agent(found.name, "mcp"), now=self._runtime.now()
        )
        return {
            "experiment_id": row["id"],
            "status": row["status"],
            "next": "A person decides on the launch; nothing more for you to do.",
        }

    async def _learnings(self, query: str, limit: int) -> dict[str, Any]:
        found = await self._caller()
        answers = await search(self._runtime, found.org_id, query, limit=max(1, min(limit, 50)))
        return {"learnings": [{name: getattr(item, name) for name in item.__dataclass_fields__} for item in answers]}

    async def _ask(self, experiment_id: str, gate_type: str, question: str, context: dict[str, Any]) -> dict[str, Any]:
        found, wanted = await self._own(experiment_id)
        by = agent(found.name, "mcp")
        gate_id = await questions.ask(
            self._runtime, found.org_id, wanted, gate_type, question, context, by=by, now=self._runtime.now()
        )
        return {"gate_id": gate_id, "status": "pending", "next": "Poll get_gate_status; a person answers in chat."}

    async def _gate(self, gate_id: str) -> dict[str, Any]:
        found = await self._caller()
        async with self._runtime.transaction(found.org_id) as tx:
            row = await gates.get(tx, UUID(gate_id))
            waiting = await held.of(tx, [row["id"]])
        names = ("id", "gate_type", "status", "choice", "response_note", "conditions", "responded_at")
        return {name: row[name] for name in names} | {"held": waiting.get(row["id"])}

    async def _own(self, experiment_id: str) -> tuple[Caller, UUID]:
        from bot.api.auth import only_own  # noqa: PLC0415  keeps aiohttp out of the stdio server

        found, wanted = await self._caller(), UUID(experiment_id)
        only_own(found, wanted)
        return found, wanted


def _short(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "title", "status", "feature_flag_key")}


def create_server(runtime: Runtime, *, resource: str | None = None) -> MCPServer:
    """The server; with a `resource` address it asks every HTTP caller for an agent key."""
    auth = None
    verifier = None
    if resource is not None:
        verifier = Keys(runtime, resource)
        auth = AuthSettings(
            issuer_url=AnyHttpUrl(resource.removesuffix("/mcp")), resource_server_url=AnyHttpUrl(resource), required_scopes=["agent"],
            validate_token_resource=True,
        )  # fmt: skip
    server = MCPServer(
        "outcome-runtime", version="0.1.0", instructions=INSTRUCTIONS, token_verifier=verifier, auth=auth
    )
    tools = Tools(runtime)
    for tool in (
        tools.get_active_outcomes, tools.get_experiment_brief, tools.report_experiment_built, tools.query_learnings,
        tools.request_human_gate, tools.get_gate_status,
    ):  # fmt: skip
        server.tool()(tool)
    return server


def asgi_app(server: MCPServer, hosts: list[str], origins: list[str]) -> Any:
    """The streamable HTTP application; only the named hosts pass, against DNS rebinding."""
    security = TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
    return server.streamable_http_app(
        streamable_http_path="/mcp", stateless_http=True, json_response=True, transport_security=security
    )


def main() -> None:
    """`outcome-runtime-mcp`: the same tools over stdio, with the agent key in OR_API_KEY."""
    from bot.cli.environment import local_settings  # noqa: PLC0415  the web server needs none of it
    from runtime.core import open_runtime  # noqa: PLC0415  as above

    create_server(open_runtime(local_settings())).run("stdio")
