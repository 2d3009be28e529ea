"""REST: the same service calls as every other door, as JSON."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.api.auth import RUNTIME, caller, only_own
from bot.api.ingestion import ingest_signals
from bot.api.views import EXPERIMENT, GATE, OUTCOME, plain, view
from runtime.errors import InvalidRequest, NotAllowed, NotFound
from runtime.experiments import build, service
from runtime.gates import held
from runtime.gates import rows as gates
from runtime.gates.service import Decision, decide
from runtime.gates.terms import Term
from runtime.identity import members
from runtime.identity.keys import Caller
from runtime.identity.people import agent, person
from runtime.ingestion import status
from runtime.learnings.service import search
from runtime.measurement import store
from runtime.outcomes import rows as outcomes

routes = web.RouteTableDef()
Body = TypeVar("Body", bound=BaseModel)
READERS = ("read", "member", "agent")


class Answer(BaseModel):
    """A person's answer to a gate, by a key of their own."""

    model_config = ConfigDict(extra="forbid")

    choice: str
    note: str = Field(default="", max_length=4000)
    evidence: str | None = None
    selection: list[UUID] | None = None
    percent: int | None = Field(default=None, ge=1, le=100)
    terms: list[Term] = Field(default_factory=list, max_length=20)
    lift: bool = False


async def parse(request: web.Request, model: type[Body]) -> Body:
    """The body as a model; what is wrong with it is named field by field."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        fields = [
            {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]} for item in error.errors()
        ]
        raise InvalidRequest("The body cannot be read; see the fields named in the context.", fields=fields) from error


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound(f"'{request.match_info['id']}' is not an id.") from error


def reply(body: Any, *, status: int = 200) -> web.Response:
    return web.json_response(plain(body), status=status)


async def _outcome(tx: Any, name: str) -> Any:
    """By id or by slug."""
    try:
        return await outcomes.get(tx, UUID(name))
    except ValueError:
        found = await outcomes.by_slug(tx, name)
    if found is None:
        raise NotFound(f"There is no outcome '{name}'.", slug=name)
    return found


@routes.get("/api/v1/outcomes")
async def list_outcomes(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        return reply(
            {"outcomes": [view(row, OUTCOME) for row in await outcomes.listed(tx, status=request.query.get("status"))]}
        )


@routes.get("/api/v1/outcomes/{id}")
async def show_outcome(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        return reply(view(await _outcome(tx, request.match_info["id"]), OUTCOME))


@routes.get("/api/v1/outcomes/{id}/experiments")
async def outcome_experiments(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        row = await _outcome(tx, request.match_info["id"])
        return reply({"experiments": [view(item, EXPERIMENT) for item in await service.of_outcome(tx, row["id"])]})


@routes.get("/api/v1/outcomes/{id}/signals")
async def outcome_signals(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        row = await _outcome(tx, request.match_info["id"])
        return reply({"points": await store.levels(tx, row["id"], row["primary_signal"]["metric"])})


@routes.get("/api/v1/outcomes/{id}/learnings")
async def outcome_learnings(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    runtime = request.app[RUNTIME]
    async with runtime.transaction(found.org_id) as tx:
        row = await _outcome(tx, request.match_info["id"])
    return reply({"learnings": [_learning(item) for item in await search(runtime, found.org_id, row["title"])]})


@routes.get("/api/v1/experiments/{id}")
async def show_experiment(request: web.Request) -> web.Response:
    return reply(view(await _experiment(request), EXPERIMENT))


@routes.get("/api/v1/experiments/{id}/brief")
async def show_brief(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    only_own(found, _id(request))
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        row = await service.get(tx, _id(request))
        return reply(build.brief(row, await service.outcome_of(tx, row)))


@routes.post("/api/v1/experiments/{id}/built")
async def experiment_built(request: web.Request) -> web.Response:
    found = await caller(request, "agent")
    only_own(found, _id(request))
    runtime, report = request.app[RUNTIME], await parse(request, build.BuildReport)
    row = await build.report_built(
        runtime, found.org_id, _id(request), report, by=agent(found.name, "rest"), now=runtime.now()
    )
    return reply({"id": row["id"], "status": row["status"]}, status=202)


@routes.get("/api/v1/experiments/{id}/result")
async def experiment_result(request: web.Request) -> web.Response:
    row = await _experiment(request)
    return reply({"status": row["status"], "result": row["current_result"], "final": row["final_result"]})


@routes.get("/api/v1/experiments/{id}/signals")
async def experiment_signals(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    only_own(found, _id(request))
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        row = await service.get(tx, _id(request))
        outcome = await service.outcome_of(tx, row)
        ingested = await status.of_experiment(tx, row["feature_flag_key"])
        return reply(
            {"ingested": ingested, "looks": await store.history(tx, row["id"], outcome["primary_signal"]["metric"])}
        )


async def _experiment(request: web.Request) -> Any:
    found = await caller(request, *READERS)
    only_own(found, _id(request))
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        return await service.get(tx, _id(request))


@routes.get("/api/v1/gates")
async def list_gates(request: web.Request) -> web.Response:
    found = await caller(request, "read", "member")
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        return reply({"gates": await _shown(tx, await gates.listed(tx, status=request.query.get("status", "open")))})


@routes.get("/api/v1/gates/pending")
async def pending_gates(request: web.Request) -> web.Response:
    """The gates that wait for the key's own person."""
    found = await caller(request, "member")
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        member = await _member(tx, found)
        mine = [row for row in await gates.listed(tx) if gates.seat(row).asked == member.email]
        return reply({"gates": await _shown(tx, mine)})


@routes.get("/api/v1/gates/{id}")
async def show_gate(request: web.Request) -> web.Response:
    found = await caller(request, "read", "member")
    async with request.app[RUNTIME].transaction(found.org_id) as tx:
        [found_gate] = await _shown(tx, [await gates.get(tx, _id(request))])
        return reply(found_gate)


async def _shown(tx: Any, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Gates with what was answered but has not taken effect: `held` is null where nothing waits."""
    waiting = await held.of(tx, [row["id"] for row in rows])
    return [view(row, GATE) | {"held": plain(waiting.get(row["id"]))} for row in rows]


@routes.post("/api/v1/gates/{id}/respond")
async def respond_to_gate(request: web.Request) -> web.Response:
    """Answer a gate: the same call a Slack button makes. Only a person's own key can; an agent's never."""
    found = await caller(request, "member")
    runtime, answer = request.app[RUNTIME], await parse(request, Answer)
    async with runtime.transaction(found.org_id) as tx:
        member = await _member(tx, found)
    selection = None if answer.selection is None else tuple(answer.selection)
    decision = Decision(
        answer.choice, answer.note, answer.evidence, selection, answer.percent, tuple(answer.terms), answer.lift
    )
    gate = await decide(runtime, found.org_id, _id(request), decision, by=person(member, "rest"), now=runtime.now())
    async with runtime.transaction(found.org_id) as tx:
        [answered] = await _shown(tx, [gate])
    return reply(answered)


async def _member(tx: Any, found: Caller) -> Any:
    member = next((item for item in await members.listed(tx) if item.id == found.member_id), None)
    if member is None:
        raise NotAllowed("This key belongs to nobody in the organisation.")
    return member


@routes.get("/api/v1/learnings")
async def list_learnings(request: web.Request) -> web.Response:
    found = await caller(request, *READERS)
    limit = min(50, int(request.query.get("limit", "5") if request.query.get("limit", "5").isdigit() else 5))
    answers = await search(request.app[RUNTIME], found.org_id, request.query.get("q", ""), limit=max(1, limit))
    return reply({"learnings": [_learning(item) for item in answers]})


def _learning(found: Any) -> dict[str, Any]:
    return {name: plain(getattr(found, name)) for name in found.__dataclass_fields__}


routes.post("/api/v1/signals/ingest")(ingest_signals)
