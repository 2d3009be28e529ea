"""REST: authenticated, authorised, the same service calls, errors that name what is wrong."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.api.auth import RUNTIME
from bot.api.errors import errors_to_json
from bot.api.routes import routes
from runtime.gates import holding
from runtime.gates.service import Decision
from runtime.identity import keys, members
from runtime.identity.people import SYSTEM, By, person
from runtime.integrations.webhooks import signed_headers
from tests.story import Story

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def door(story: Story) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[errors_to_json])
    app[RUNTIME] = story.runtime
    app.add_routes(routes)
    async with TestClient(TestServer(app)) as client:
        yield client


async def key(story: Story, kind: str, **more: Any) -> keys.NewKey:
    async with story.runtime.transaction(story.org_id) as tx:
        return await keys.create(story.runtime, tx, kind=kind, name=f"test {kind}", by=SYSTEM, **more)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer or_nonsense"}, {"Authorization": "Basic b3I6"}])
async def test_without_a_valid_key_nothing_is_answered(door: Client, headers: dict[str, str]) -> None:
    for route in routes:
        path = route.path.replace("{id}", str(uuid4()))  # type: ignore[attr-defined]
        answer = await door.request(route.method, path, headers=headers)  # type: ignore[attr-defined]
        assert answer.status == 401, path
        assert (await answer.json())["error"]["code"] == "NOT_AUTHENTICATED"


async def test_an_agents_key_cannot_answer_a_gate_by_any_door(door: Client, story: Story) -> None:
    await story.proposed()
    gate = await story.gate("portfolio_review")
    for kind in ("agent", "read", "ingest"):
        token = (await key(story, kind)).token
        answer = await door.post(
            f"/api/v1/gates/{gate['id']}/respond", json={"choice": "approve"}, headers=bearer(token)
        )
        assert answer.status == 403
    assert (await story.gate("portfolio_review"))["status"] == "pending"


async def test_a_persons_own_key_answers_as_that_person(door: Client, story: Story) -> None:
    await story.proposed()
    async with story.runtime.transaction(story.org_id) as tx:
        ana = await members.by_email(tx, "ana@example.com")
    assert ana is not None
    token = (await key(story, "member", member_id=ana.id)).token
    pending = await (await door.get("/api/v1/gates/pending", headers=bearer(token))).json()
    gate = pending["gates"][0]
    path = f"/api/v1/gates/{gate['id']}/respond"
    wrong = await door.post(path, json={"choice": "approve", "evidence": "0" * 16}, headers=bearer(token))
    assert (wrong.status, (await wrong.json())["error"]["code"]) == (409, "EVIDENCE_CHANGED")
    await an_answer_by_letter_is_shown_as_held(door, story, gate, person(ana, "mail"), token)
    right = await door.post(path, json={"choice": "approve", "evidence": gate["evidence_hash"]}, headers=bearer(token))
    assert right.status == 200
    assert (await right.json())["decided_by"] == "ana@example.com"
    again = await door.post(path, json={"choice": "approve"}, headers=bearer(token))
    assert (again.status, (await again.json())["error"]["code"]) == (409, "GATE_ALREADY_DECIDED")


async def an_answer_by_letter_is_shown_as_held(door: Client, story: Story, gate: Any, by: By, token: str) -> None:
    """Open still, but taken: whoever asks sees who answered what, and until when that can change."""
    assert gate["held"] is None
    decision = Decision("approve", "as planned", gate["evidence_hash"])
    kept = await holding.hold(story.runtime, story.org_id, UUID(gate["id"]), decision, by=by, now=story.runtime.now())
    shown = await (await door.get(f"/api/v1/gates/{gate['id']}", headers=bearer(token))).json()
    [listed] = (await (await door.get("/api/v1/gates", headers=bearer(token))).json())["gates"]
    held = shown["held"]
    assert (shown["status"], listed["held"]) == ("pending", held)
    assert (held["answered_by"], held["answered_via"], held["choice"], held["note"]) == (
        "ana@example.com",
        "mail",
        "approve",
        "as planned",
    )
    assert held["takes_effect_at"] == held["undo_until"] == kept.until.isoformat()
    await holding.undo(story.runtime, story.org_id, kept.gate_id, by=by, now=story.runtime.now())


async def test_a_revoked_or_expired_key_opens_nothing(door: Client, story: Story) -> None:
    old = await key(story, "read", expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert (await door.get("/api/v1/outcomes", headers=bearer(old.token))).status == 401


async def test_a_build_key_opens_only_its_own_experiment(door: Client, story: Story) -> None:
    row = await story.launched()
    token = (await key(story, "agent", experiment_id=uuid4())).token
    answer = await door.get(f"/api/v1/experiments/{row['id']}/brief", headers=bearer(token))
    assert answer.status == 403


async def test_the_body_that_cannot_be_read_is_named_field_by_field(door: Client, story: Story) -> None:
    row = await story.launched()
    token = (await key(story, "agent")).token
    answer = await door.post(
        f"/api/v1/experiments/{row['id']}/built", json={"files_changed": "x"}, headers=bearer(token)
    )
    error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (422, "INVALID_REQUEST")
    assert {item["field"] for item in error["context"]["fields"]} == {"implementation_summary", "files_changed"}


async def test_reading_shows_outcomes_experiments_gates_results_and_learnings(door: Client, story: Story) -> None:
    row = await story.launched()
    await story.tell("checkout_completed", 1, (2000, 640), (2000, 700))
    await story.tell("slow_share", 1, (2000, 40), (2000, 40))
    await story.measure()
    token = (await key(story, "read")).token
    for path in (
        "/outcomes", "/outcomes/checkout", "/outcomes/checkout/experiments", "/outcomes/checkout/signals", "/outcomes/checkout/learnings",
        f"/experiments/{row['id']}", f"/experiments/{row['id']}/brief", f"/experiments/{row['id']}/result",
        f"/experiments/{row['id']}/signals", "/gates?status=all", "/learnings?q=checkout",
    ):  # fmt: skip
        answer = await door.get(f"/api/v1{path}", headers=bearer(token))
        assert answer.status == 200, path
        assert await answer.json()
    result = (await (await door.get(f"/api/v1/experiments/{row['id']}/result", headers=bearer(token))).json())["result"]
    assert result["n_treatment"] == 2000
    assert (await door.get(f"/api/v1/experiments/{uuid4()}", headers=bearer(token))).status == 404


def message(day: int = 1, **changes: Any) -> bytes:
    point = {
        "variant": "control",
        "n": 10,
        "sum": "4",
        "sum_sq": "4",
        "from": f"2026-03-0{day}T00:00:00Z",
        "to": f"2026-03-0{day + 1}T00:00:00Z",
    }
    return json.dumps({"signal": "checkout_completed", "experiment_id": "exp-x", "points": [point | changes]}).encode()


async def test_the_ingestion_door_takes_what_is_signed_once(door: Client, story: Story) -> None:
    made = await key(story, "ingest")
    assert made.signing_secret is not None
    body = message()
    headers = signed_headers(made.signing_secret, "msg-1", body, story.runtime.now())
    first = await door.post("/api/v1/signals/ingest", data=body, headers=headers)
    assert (first.status, await first.json()) == (202, {"accepted": 1, "rejected": 0, "errors": []})
    again = await door.post("/api/v1/signals/ingest", data=body, headers=headers)
    assert (await again.json())["repeated"] is True
    other = message(n=11)
    headers = signed_headers(made.signing_secret, "msg-1", other, story.runtime.now())
    assert (await door.post("/api/v1/signals/ingest", data=other, headers=headers)).status == 422


@pytest.mark.parametrize("tampering", ["body", "secret", "age"])
async def test_the_ingestion_door_refuses_what_is_not_signed_right(door: Client, story: Story, tampering: str) -> None:
    made, now = await key(story, "ingest"), story.runtime.now()
    secret = made.signing_secret or ""
    when = datetime(2026, 1, 1, tzinfo=UTC) if tampering == "age" else now
    headers = signed_headers("whsec_" + "A" * 44 if tampering == "secret" else secret, "msg-2", message(), when)
    body = message(2) if tampering == "body" else message()
    assert (await door.post("/api/v1/signals/ingest", data=body, headers=headers)).status == 401


async def test_impossible_points_are_named_and_the_good_ones_kept(door: Client, story: Story) -> None:
    made = await key(story, "ingest")
    good = json.loads(message())
    bad = [
        {**good["points"][0], "sum_sq": "0.1"},
        {**good["points"][0], "n": -1},
        {**good["points"][0], "to": "2026-03-01T00:00:00Z"},
    ]
    body = json.dumps(good | {"points": [*bad, *good["points"]]}).encode()
    answer = await door.post("/api/v1/signals/ingest", data=body, headers=bearer(made.token))
    told = await answer.json()
    assert (told["accepted"], told["rejected"], [item["point"] for item in told["errors"]]) == (1, 3, [0, 1, 2])
