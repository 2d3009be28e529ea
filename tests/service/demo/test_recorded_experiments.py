"""Recorded experiments become exact sums, and arrive signed at an ingestion door."""

import base64
import gzip
import json
import os
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from demo.doors import Experiment
from demo.errors import DemoFailed
from demo.recorded import COLUMNS, decimal_text, exact_arm, points, read
from demo.replay import Replay, outcome_yaml
from demo.signing import verify
from runtime.spec.load import load

START = datetime(2031, 3, 1, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"the replay's secret").decode()
ROWS = (
    "aaa,1,1,2.5,200.0,210.0,0.3,0.35,0.21,0.2275",
    "aaa,1,1,1.5000000000000002,100.0,105.0,0.3,0.4,0.21,0.24",
    "aaa,1,1,3.5,300.0,310.0,0.3,0.35,,",
    "aaa,1,1,4.5,300.0,310.0,0.3,0.35,nan,0.2",
    "aaa,2,1,1.5,50.0,55.0,0.1,0.1,0.09,0.09",
    "aaa,1,4,1.5,100.0,105.0,1.7,1.9,4.1,0.0",
    "bbb,1,1,1.0,10.0,11.0,0.5,0.5,0.25,0.25",
)


def file_in(place: Path, rows: tuple[str, ...] = ROWS, name: str = "recorded.csv.gz") -> Path:
    text = "\n".join([",".join(COLUMNS), *rows]) + "\n"
    path = place / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_looks_come_in_order_and_incomplete_ones_are_named(tmp_path: Path) -> None:
    recording = read(file_in(tmp_path), "aaa")

    assert (recording.metric, recording.variant) == ("1", "1")
    assert [look.days for look in recording.looks] == [1.5000000000000002, 2.5]
    assert recording.left_out == ("day 3.5: variance_c is missing", "day 4.5: variance_c is missing")


def test_metric_and_variant_can_be_chosen(tmp_path: Path) -> None:
    path = file_in(tmp_path, name="recorded.csv")

    assert read(path, "aaa", variant="2").looks[0].control.n == 50
    assert read(path, "aaa", metric="4").looks[0].treatment.mean == pytest.approx(1.9)
    with pytest.raises(DemoFailed, match="1/1, 1/2, 4/1"):
        read(path, "aaa", metric="9")


def test_an_unknown_experiment_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="aaa, bbb"):
        read(file_in(tmp_path), "zzz")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x1f\x8b broken", b"\xff\xfe\x00"])
def test_a_file_that_is_something_else_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("x.csv.gz" if content.startswith(b"\x1f") else "x.csv")
    path.write_bytes(content)

    with pytest.raises(DemoFailed, match=r"x\.csv"):
        read(path, "aaa")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="nowhere"):
        read(tmp_path / "nowhere.csv", "aaa")


@given(
    n=st.integers(0, 50_000_000),
    mean=st.floats(-1e6, 1e6, allow_nan=False),
    variance=st.floats(0, 1e9, allow_nan=False),
)
def test_sums_are_exact_and_never_impossible(n: int, mean: float, variance: float) -> None:
    arm = exact_arm(f"{n}.0", repr(mean), repr(variance))
    total, total_sq = Fraction(decimal_text(arm.total)), Fraction(decimal_text(arm.total_sq))

    assert float(total) == pytest.approx(n * mean, rel=1e-8, abs=1e-6)
    assert total_sq * n >= total**2


@pytest.mark.parametrize(("n", "yes"), [(16444, 3172), (3, 1), (47_000_001, 9_000_007), (10, 0), (10, 10)])
def test_yes_or_no_metrics_give_back_their_whole_counts(n: int, yes: int) -> None:
    share = yes / n

    arm = exact_arm(f"{n}.0", repr(share), repr(share * (1 - share)))

    assert (arm.n, arm.total, arm.total_sq) == (n, yes, yes)


def test_points_are_cumulative_decimal_strings(tmp_path: Path) -> None:
    look = read(file_in(tmp_path), "aaa").looks[0]

    control, treatment = points(look, START)

    assert control == {
        "variant": "control",
        "n": 100,
        "sum": "30",
        "sum_sq": "30",
        "from": "2031-03-01T00:00:00+00:00",
        "to": "2031-03-02T12:00:00+00:00",
        "kind": "cumulative",
    }
    assert (treatment["variant"], treatment["sum"]) == ("treatment", "42")


def test_the_replays_outcome_file_is_one_the_product_takes(tmp_path: Path) -> None:
    recording = read(file_in(tmp_path), "aaa")

    file = load(outcome_yaml(recording))

    outcome = file.outcomes[0]
    assert (outcome.signal.source, outcome.signal.metric) == ("recorded-data", "recorded_metric_1")
    assert [(item.name, item.type, item.simulated) for item in file.signal_connectors] == [
        ("recorded-data", "webhook", False)
    ]
    assert outcome.signal.unit == "share"
    assert float(outcome.target.from_) == pytest.approx(0.3)


class IngestionDoor:
    """A loopback stand-in for the ingestion door that checks the signature and can be shut for a while."""

    def __init__(self, shut: int = 0, status: int = 202) -> None:
        self.shut, self.status = shut, status
        self.messages: list[tuple[str, dict]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.shut:
            self.shut -= 1
            return web.Response(status=503)
        message_id = verify(SECRET, request.headers, body, datetime.now(UTC))
        self.messages.append((message_id, json.loads(body)))
        return web.json_response({"accepted": 2, "duplicates": 0}, status=self.status)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/v1/signals/ingest", self.take)
        return app


async def replayed(door: IngestionDoor, path: Path) -> list[str]:
    said: list[str] = []
    async with TestServer(door.app()) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        replay = Replay(session, read(path, "aaa"), url=url, secret=SECRET, seconds=0, say=said.append)
        await replay.run(Experiment(id="e-1", feature_flag_key="flag-1", data_from=START))
    return said


async def test_each_look_is_posted_signed_and_once(tmp_path: Path) -> None:
    door = IngestionDoor(shut=1)

    said = await replayed(door, file_in(tmp_path))

    bodies = [body for _, body in door.messages]
    assert [body["points"][0]["n"] for body in bodies] == [100, 200]
    assert {body["experiment_id"] for body in bodies} == {"flag-1"}
    assert {body["signal"] for body in bodies} == {"recorded_metric_1"}
    assert len({message_id for message_id, _ in door.messages}) == 2
    assert said[-1].startswith("look 2 of 2 sent")


async def test_a_repeated_replay_sends_the_same_message_ids(tmp_path: Path) -> None:
    first, second = IngestionDoor(), IngestionDoor()
    for door in (first, second):
        await replayed(door, file_in(tmp_path))

    assert [message_id for message_id, _ in first.messages] == [message_id for message_id, _ in second.messages]


async def test_a_refused_look_ends_the_replay_with_the_doors_words(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="refused look 1 with 422"):
        await replayed(IngestionDoor(status=422), file_in(tmp_path))


def test_the_real_file_reads_whole() -> None:
    path = os.environ.get("OUTCOME_RUNTIME_DATA")
    if not path:
        pytest.skip("set OUTCOME_RUNTIME_DATA to asos_experiments.csv.gz to read the real recordings")
    recording = read(Path(path), "08bcc2")

    assert len(recording.looks) > 5
    assert recording.is_share
    assert all(look.control.total_sq * look.control.n >= look.control.total**2 for look in recording.looks)
