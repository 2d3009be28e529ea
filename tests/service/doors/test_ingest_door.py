"""The ingestion door over HTTP: signed, packed or not, rows and sums, keys that change, and a clear no when it is too much."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.api.auth import RUNTIME
from bot.api.errors import errors_to_json
from bot.api.ingestion import flight
from bot.api.routes import routes
from runtime.errors import NotFound
from runtime.identity import keys
from runtime.identity.people import SYSTEM
from runtime.ingestion.fold import fold
from runtime.ingestion.limits import LARGEST_BODY
from runtime.integrations.webhooks import signed_headers
from tests.service.ingestion.conftest import row
from tests.story import Story

PATH = "/api/v1/signals/ingest"
Client = TestClient[web.Request, web.Application]


def app(story: Story) -> web.Application:
    made = web.Application(middlewares=[errors_to_json])
    made[RUNTIME] = story.runtime
    made.add_routes(routes)
    return made


@pytest.fixture
async def door(story: Story) -> AsyncIterator[Client]:
    """As the bot process serves it: bodies come in as they were sent."""
    server = TestServer(app(story))
    await server.start_server(auto_decompress=False)
    async with TestClient(server) as client:
        yield client


@pytest.fixture
async def key(story: Story) -> keys.NewKey:
    return await new_key(story)


async def new_key(story: Story) -> keys.NewKey:
    async with story.runtime.transaction(story.org_id) as tx:
        return await keys.create(story.runtime, tx, kind="ingest", name="sender", by=SYSTEM)


def lines(*rows: Any) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in rows)


async def post(
    door: Client, story: Story, key: keys.NewKey, sent: bytes, message_id: str, *, signed: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:  # fmt: skip
    signature = signed_headers(key.signing_secret or "", message_id, signed or sent, story.runtime.now())
    kind = {"Content-Type": "application/x-ndjson"}
    answer = await door.post(PATH, data=sent, headers=kind | signature | headers)
    return answer.status, await answer.json()


async def test_good_rows_are_kept_and_bad_ones_named_by_their_line(
    door: Client, story: Story, key: keys.NewKey
) -> None:
    sent = lines(row("e1", "u1"), row("e2", "u2", "blue"), row("e3", "u3", signal="orders", value=2))
    status, told = await post(door, story, key, sent, "m1")
    assert (status, told["accepted"], told["rejected"], told["repeated"]) == (202, 2, 1, 0)
    assert [(error["line"], error["field"]) for error in told["errors"]] == [(2, "variant")]


async def test_the_same_event_again_has_no_effect_and_another_under_its_id_is_an_error(
    door: Client, story: Story, key: keys.NewKey
) -> None:
    first = row("e1", "u1", signal="orders", value=1)
    await post(door, story, key, lines(first, row("e2", "u2")), "m1")
    changed = [first | {"value": 2}, row("e2", "u2", minutes=50_000), row("e4", "u4"), row("e4", "u5"), row("e5", "u5"), row("e5", "u5", minutes=60_000)]  # fmt: skip
    status, told = await post(door, story, key, lines(first, row("e3", "u3"), row("e3", "u3"), *changed), "m2")
    assert (status, told["accepted"], told["repeated"], told["rejected"]) == (202, 3, 2, 4)
    assert [(error["line"], error["field"]) for error in told["errors"]] == [(4, "id"), (5, "id"), (7, "id"), (9, "id")]


async def test_a_whole_message_again_changes_nothing_and_its_id_with_another_body_is_refused(
    door: Client, story: Story, key: keys.NewKey
) -> None:
    sent = lines(row("e1", "u1"), {})
    first = await post(door, story, key, sent, "m1")
    assert (first[1]["accepted"], first[1]["repeated"]) == (1, 0)
    again = await post(door, story, key, sent, "m1")
    assert (again[0], again[1]["accepted"], again[1]["repeated"], again[1]["rejected"]) == (202, 0, 1, 1)
    assert (await post(door, story, key, lines(row("e2", "u1")), "m1"))[0] == 422


async def test_a_message_sent_twice_at_once_is_taken_once(door: Client, story: Story, key: keys.NewKey) -> None:
    sent = lines(*(row(f"e{n}", f"u{n}") for n in range(50)))
    answers = await asyncio.gather(*(post(door, story, key, sent, "m1") for _ in range(4)))
    assert sorted(told["accepted"] for _, told in answers) == [0, 0, 0, 50]


@pytest.mark.parametrize("signed_plain", [False, True])
async def test_a_packed_message_may_be_signed_before_or_after_packing(
    door: Client, story: Story, key: keys.NewKey, *, signed_plain: bool
) -> None:
    plain = lines(row("e1", "u1"))
    sent = gzip.compress(plain)
    more = {"Content-Encoding": "gzip"}
    status, told = await post(door, story, key, sent, "m1", signed=plain if signed_plain else sent, **more)
    assert (status, told["accepted"]) == (202, 1)
    assert (await post(door, story, key, sent, "m2", signed=b"other", **more))[0] == 401


async def test_a_server_that_unpacks_by_itself_is_no_obstacle(story: Story, key: keys.NewKey) -> None:
    plain = lines(row("e1", "u1"))
    async with TestClient(TestServer(app(story))) as door:
        told = await post(door, story, key, gzip.compress(plain), "m1", signed=plain, **{"Content-Encoding": "gzip"})
    assert told[0] == 202


async def test_a_bomb_and_a_body_too_large_are_refused(door: Client, story: Story, key: keys.NewKey) -> None:
    bomb = gzip.compress(bytes(80 * 1024 * 1024))
    status, told = await post(door, story, key, bomb, "m1", **{"Content-Encoding": "gzip"})
    assert (status, told["error"]["code"]) == (413, "TOO_LARGE")
    bearer = {"Authorization": f"Bearer {key.token}"}
    assert (await door.post(PATH, data=io.BytesIO(bytes(LARGEST_BODY + 1)), headers=bearer)).status == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY // 65536 + 2):
            yield bytes(65536)

    answer = await door.post(PATH, data=endless(), headers=bearer)
    assert answer.status == 413
    assert (flight.bytes, flight.requests) == (0, 0)


async def test_a_full_house_answers_429_with_a_time_to_come_back(door: Client, story: Story, key: keys.NewKey) -> None:
    async with flight.admitted(1, 10**9, 1000):
        story.runtime.settings = story.runtime.settings.model_copy(update={"ingest_in_flight_requests": 1})
        headers = {"Authorization": f"Bearer {key.token}"}
        answer = await door.post(PATH, data=lines(row("e1", "u1")), headers=headers)
    assert (answer.status, (await answer.json())["error"]["code"]) == (429, "TOO_BUSY")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_long_queue_answers_429_keeps_nothing_and_takes_the_same_message_later(
    door: Client, story: Story, key: keys.NewKey
) -> None:
    story.runtime.settings = story.runtime.settings.model_copy(update={"ingest_backlog_rows": 3})
    assert (await post(door, story, key, lines(row("e1", "u1"), row("e2", "u2")), "m1"))[0] == 202
    sent = lines(row("e3", "u3"), row("e4", "u4"))
    assert (await post(door, story, key, sent, "m2"))[0] == 429
    await fold(story.runtime, story.org_id)
    status, told = await post(door, story, key, sent, "m2")
    assert (status, told["accepted"]) == (202, 2)


async def test_an_experiment_may_be_named_by_its_id_and_an_unknown_id_is_the_rows_mistake(
    door: Client, story: Story, key: keys.NewKey
) -> None:
    experiment = await story.launched()
    known = row("e1", "u1") | {"experiment": str(experiment["id"])}
    unknown = row("e2", "u2") | {"experiment": "00000000-0000-4000-8000-000000000000"}
    _, told = await post(door, story, key, lines(known, unknown), "m1")
    assert (told["accepted"], [(error["line"], error["field"]) for error in told["errors"]]) == (1, [(2, "experiment")])


async def test_a_key_that_is_changed_leaves_its_senders_time_to_follow(
    door: Client, story: Story, key: keys.NewKey
) -> None:
    async with story.runtime.transaction(story.org_id) as tx:
        made, until = await keys.rotate(story.runtime, tx, key.id, by=SYSTEM, overlap=timedelta(hours=2))
    for number, valid in enumerate((key, made)):
        assert (await post(door, story, valid, lines(row(f"e{number}", "u1")), f"m{number}"))[0] == 202
    clock = story.runtime.now
    story.runtime.now = lambda: until + timedelta(seconds=1)
    assert (await post(door, story, key, lines(row("e8", "u1")), "m8"))[0] == 401
    assert (await post(door, story, made, lines(row("e9", "u1")), "m9"))[0] == 202
    story.runtime.now = clock
    both = signed_headers([key.signing_secret or "", made.signing_secret or ""], "m10", lines(row("f1", "u1")), clock())
    answer = await door.post(PATH, data=lines(row("f1", "u1")), headers=both | {"Content-Type": "application/x-ndjson"})
    assert answer.status == 202


async def test_a_key_that_is_not_valid_cannot_be_changed(story: Story, key: keys.NewKey) -> None:
    with pytest.raises(NotFound):
        async with story.runtime.transaction(story.org_id) as tx:
            await keys.rotate(story.runtime, tx, story.org_id, by=SYSTEM, overlap=timedelta(0))


async def test_what_was_posted_about_an_experiment_can_be_looked_up(
    door: Client, story: Story, key: keys.NewKey
) -> None:
    experiment = await story.launched()
    mine = {"experiment": experiment["feature_flag_key"]}
    rows = [row("e1", "u1"), row("e2", "u1", "treatment"), row("e3", "u2"), row("e4", "u2", signal="orders", value=1)]
    await post(door, story, key, lines(*(one | mine for one in rows)), "m1")
    await fold(story.runtime, story.org_id)
    async with story.runtime.transaction(story.org_id) as tx:
        reader = await keys.create(story.runtime, tx, kind="read", name="reader", by=SYSTEM)
    answer = await door.get(
        f"/api/v1/experiments/{experiment['id']}/signals", headers={"Authorization": f"Bearer {reader.token}"}
    )
    told = (await answer.json())["ingested"]
    assert (told["units"], told["exposed"], told["crossed"], told["waiting"]) == (2, 2, 1, 0)
