"""The flag service as its users meet it: over HTTP with a token, by versions, and through OFREP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from demo.changes import Deployments
from demo.days import Days, Pace, code_directory
from demo.flags import Flag, FlagBook, hundredth, is_on
from demo.shop import create_app

MASK = 0xFFFFFFFF
HALF = {"description": "a try", "enabled": True, "percentage": 50}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TestClient]:
    book = FlagBook(tmp_path / "flags.json")
    start = datetime(2031, 3, 1, tzinfo=UTC)
    deployments = Deployments(code_directory(tmp_path))
    days = Days(dsn="", seed=1, pace=Pace(), book=book, deployments=deployments, start=start)
    app = create_app(days, flags_token="flags-token", truth_token="truth-token")
    async with TestClient(TestServer(app), headers={"Authorization": "Bearer flags-token"}) as client:
        yield client


async def test_putting_a_flag_twice_makes_it_once(door: TestClient) -> None:
    first = await (await door.put("/flags/guest", json=HALF)).json()
    second = await (await door.put("/flags/guest", json=HALF)).json()
    third = await (await door.put("/flags/guest", json={**HALF, "percentage": 60})).json()

    assert first == second
    assert first == {"key": "guest", "segment": None, "version": 1, **HALF}
    assert (third["percentage"], third["version"]) == (60, 2)


async def test_kill_turns_off_and_delete_forgets(door: TestClient) -> None:
    await door.put("/flags/guest", json=HALF)

    killed = await (await door.post("/flags/guest/kill")).json()
    again = await (await door.post("/flags/guest/kill")).json()
    deleted = await (await door.delete("/flags/guest")).json()
    gone = await door.get("/flags/guest")
    listed = await (await door.get("/flags")).json()

    assert (killed["enabled"], killed["version"]) == (False, 2)
    assert again == killed
    assert deleted == {"key": "guest", "deleted": True, "version": 3}
    assert gone.status == 404
    assert listed == {"flags": [], "version": 3}


async def test_a_stale_version_changes_nothing(door: TestClient) -> None:
    answer = await door.put("/flags/guest", json=HALF)
    etag = answer.headers["ETag"]
    await door.put("/flags/guest", json={**HALF, "percentage": 70}, headers={"If-Match": etag})

    stale = await door.post("/flags/guest/kill", headers={"If-Match": etag})
    now = await (await door.get("/flags/guest")).json()

    assert stale.status == 412
    assert (await stale.json())["version"] == 2
    assert (now["enabled"], now["percentage"]) == (True, 70)


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/flags/guest", {**HALF, "percentage": 101}, "percentage"),
        ("/flags/guest", {**HALF, "percentage": "50"}, "percentage"),
        ("/flags/guest", {"enabled": True}, "percentage"),
        ("/flags/guest", {**HALF, "colour": "red"}, "colour"),
        ("/flags/..%2Fetc", HALF, "body"),
    ],
)
async def test_nonsense_is_refused_with_the_field_named(door: TestClient, path: str, body: dict, word: str) -> None:
    answer = await door.put(path, json=body)

    assert answer.status in {400, 404}
    if answer.status == 400:
        assert word in (await answer.json())["message"]


async def test_without_the_token_nothing_is_told_or_changed(door: TestClient) -> None:
    for method, path in (("GET", "/flags"), ("PUT", "/flags/a"), ("POST", "/ofrep/v1/evaluate/flags/a")):
        answer = await door.request(method, path, json=HALF, headers={"Authorization": "Bearer wrong"})
        assert answer.status == 401
        assert "WWW-Authenticate" in answer.headers


async def test_the_truth_is_for_the_launcher_only(door: TestClient) -> None:
    refused = await door.get("/truth")
    told = await door.get("/truth", headers={"Authorization": "Bearer truth-token"})

    assert (refused.status, told.status) == (403, 200)


async def test_other_names_for_this_machine_are_refused(door: TestClient) -> None:
    answer = await door.get("/", headers={"Host": "shop.example.com"})

    assert answer.status == 421


async def test_the_page_says_that_it_is_simulated_and_escapes_what_it_shows(door: TestClient) -> None:
    await door.put("/flags/guest", json={**HALF, "description": "<script>alert(1)</script>"})

    text = await (await door.get("/")).text()

    assert "Simulated shop" in text
    assert "<script" not in text
    assert "&lt;script&gt;" in text


async def evaluate(door: TestClient, key: str, **context: str) -> tuple[int, dict]:
    answer = await door.post(f"/ofrep/v1/evaluate/flags/{key}", json={"context": context})
    return answer.status, await answer.json()


async def test_ofrep_answers_as_an_openfeature_provider_expects(door: TestClient) -> None:
    await door.put("/flags/guest", json={**HALF, "segment": {"platform": "mobile"}})
    unit = next(f"u{number}" for number in range(100) if hundredth("guest", f"u{number}") <= 50)

    status, on = await evaluate(door, "guest", targetingKey=unit, platform="mobile")
    _, elsewhere = await evaluate(door, "guest", targetingKey=unit, platform="desktop")
    await door.post("/flags/guest/kill")
    _, off = await evaluate(door, "guest", targetingKey=unit, platform="mobile")
    await door.put("/flags/guest", json={**HALF, "percentage": 100})
    _, everybody = await evaluate(door, "guest", targetingKey=unit)

    assert status == 200
    assert (on["key"], on["value"], on["variant"], on["reason"]) == ("guest", True, "treatment", "SPLIT")
    assert on["metadata"]["version"] == 1
    assert (elsewhere["value"], elsewhere["variant"], elsewhere["reason"]) == (False, "control", "DEFAULT")
    assert (off["value"], off["reason"]) == (False, "DISABLED")
    assert (everybody["value"], everybody["reason"]) == (True, "STATIC")


async def test_ofrep_names_what_is_wrong(door: TestClient) -> None:
    await door.put("/flags/guest", json=HALF)

    unknown = await evaluate(door, "nothing", targetingKey="u1")
    nobody = await evaluate(door, "guest")
    garbage = await door.post("/ofrep/v1/evaluate/flags/guest", data=b"{")

    assert (unknown[0], unknown[1]["errorCode"]) == (404, "FLAG_NOT_FOUND")
    assert (nobody[0], nobody[1]["errorCode"]) == (400, "TARGETING_KEY_MISSING")
    assert (garbage.status, (await garbage.json())["errorCode"]) == (400, "PARSE_ERROR")


def scrambled(block: bytes) -> int:
    word = int.from_bytes(block, "little") * 0xCC9E2D51 & MASK
    return ((word << 15 | word >> 17) & MASK) * 0x1B873593 & MASK


def murmur3(data: bytes) -> int:
    """MurmurHash3 x86 32 with seed 0, written from its published description, as a second opinion."""
    whole = len(data) & ~3
    value = 0
    for at in range(0, whole, 4):
        value ^= scrambled(data[at : at + 4])
        value = ((value << 13 | value >> 19) & MASK) * 5 + 0xE6546B64 & MASK
    value ^= scrambled(data[whole:]) ^ len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & MASK
    return value ^ value >> 16


def test_the_second_opinion_knows_published_murmur_values() -> None:
    published = {b"": 0, b"test": 0xBA6BD213, b"Hello, world!": 0xC0363E43, b"a": 0x3C2569B2}

    assert {data: murmur3(data) for data in published} == published


def test_bucketing_is_unleashs_murmur_rule() -> None:
    units = [f"shopper-{number}" for number in range(2000)]

    assert [hundredth("guest-checkout", unit) for unit in units] == [
        murmur3(f"guest-checkout:{unit}".encode()) % 100 + 1 for unit in units
    ]


def test_a_higher_percentage_only_adds_people() -> None:
    units = [f"shopper-{number}" for number in range(3000)]

    def on_at(percentage: int) -> set[str]:
        flag = Flag(key="guest", enabled=True, percentage=percentage)
        return {unit for unit in units if is_on(flag, unit, {})}

    assert on_at(0) == set()
    assert on_at(10) < on_at(50) < on_at(100) == set(units)
    assert len(on_at(50)) == pytest.approx(1500, rel=0.06)
