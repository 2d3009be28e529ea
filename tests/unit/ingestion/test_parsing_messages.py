"""What is posted is read row by row: the good are kept, the bad are named by their place, and nothing can be smuggled in."""

import gzip
import json
import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidRequest
from runtime.ingestion import body, parse
from runtime.ingestion.limits import MOST_ROWS, Flight, TooBusy, TooLarge
from runtime.ingestion.parse import Chunk

ROW = {"id": "e1", "experiment": "guest-checkout", "unit": "u1", "variant": "control", "at": "2026-03-01T10:00:00Z"}
SPAN = {
    "experiment": "guest-checkout", "signal": "orders", "variant": "control", "n": 10, "sum": "4", "sum_sq": "4",
    "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z",
}  # fmt: skip


def read(sent: bytes, *, ndjson: bool = True) -> Chunk:
    whole = Chunk()
    for chunk in parse.message(sent, ndjson=ndjson).chunks:
        whole.units += chunk.units
        whole.points += chunk.points
        whole.faults += chunk.faults
    return whole


def ndjson(*rows: Any) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def test_a_line_is_a_row_and_its_number_counts_from_one() -> None:
    found = read(ndjson(ROW, b"", ROW | {"id": "e2", "signal": "orders", "value": "12.50"}, b""))
    assert [(row.place, row.event_id, row.signal, row.value) for row in found.units] == [
        (1, "e1", "", None),
        (3, "e2", "orders", Decimal("12.50")),
    ]
    assert not found.faults


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"variant": "blue"}, "variant"), ({"at": "2026-03-01T10:00:00"}, "at"), ({"at": "soon"}, "at"), ({"id": ""}, "id"),
        ({"unit": "x" * 201}, "unit"), ({"unit": "a\u0000b"}, "unit"), ({"signal": "orders"}, "value"), ({"value": 3}, "signal"),
        ({"signal": "orders", "value": "NaN"}, "value"), ({"signal": "orders", "value": True}, "value"),
        ({"signal": "orders", "value": "1e50"}, "value"), ({"signal": "orders", "value": "1e-5000"}, "value"), ({"colour": "red"}, "colour"),
        ({"experiment": None}, "experiment"), ({"sum": 3}, "n"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_row_is_named_by_line_and_field_and_its_neighbours_are_kept(
    changes: dict[str, Any], field: str
) -> None:
    found = read(ndjson(ROW, ROW | changes, ROW | {"id": "e3"}))
    assert [row.event_id for row in found.units] == ["e1", "e3"]
    assert [(fault.place, fault.field) for fault in found.faults] == [(2, field)]


@pytest.mark.parametrize(
    "line",
    [b"{", b"nonsense", b"[]", b"3", b"null", b"\xff\xfe", b'"text"', b"[" * 5000, b'{"id": NaN}', b'{"a":1},{"b":2}'],
)
def test_a_line_that_is_no_object_is_an_error_of_its_own(line: bytes) -> None:
    found = read(ndjson(ROW, line, ROW | {"id": "e3"}))
    assert [row.event_id for row in found.units] == ["e1", "e3"]
    assert [fault.place for fault in found.faults] == [2]


def test_two_broken_lines_that_would_be_one_row_together_are_two_errors() -> None:
    text = json.dumps(ROW)
    found = read(ndjson(text[:12].encode(), text[12:].encode(), (text + "," + json.dumps(ROW | {"id": "e2"})).encode()))
    assert not found.units
    assert [fault.place for fault in found.faults] == [1, 2, 3]


def test_sums_may_stand_among_rows_of_units() -> None:
    found = read(ndjson(ROW, SPAN, SPAN | {"n": -1}))
    assert len(found.units) == 1
    assert [(one.place, one.experiment, one.signal, one.point.n) for one in found.points] == [
        (2, "guest-checkout", "orders", 10)
    ]
    assert [(fault.place, fault.field) for fault in found.faults] == [(3, "n")]


@pytest.mark.parametrize("wrapped", [lambda rows: rows, lambda rows: {"rows": rows}])
def test_a_json_batch_counts_its_rows_from_zero(wrapped: Any) -> None:
    found = read(json.dumps(wrapped([ROW, ROW | {"unit": ""}, SPAN, 7])).encode(), ndjson=False)
    assert [row.place for row in found.units] == [0]
    assert [one.place for one in found.points] == [2]
    assert [fault.place for fault in found.faults] == [1, 3]


@pytest.mark.parametrize("row", [ROW, SPAN])
def test_a_single_row_needs_no_brackets(row: dict[str, Any]) -> None:
    found = read(json.dumps(row).encode(), ndjson=False)
    assert len(found.units) + len(found.points) == 1


@pytest.mark.parametrize("sent", [b"", b"{", b"nonsense", b"{}", b'{"points": []}', b"\xff", b'"x"', b"[" * 9000])
def test_a_body_that_is_no_message_is_refused_whole(sent: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read(sent, ndjson=False)


@pytest.mark.parametrize("as_lines", [True, False])
def test_a_message_of_too_many_rows_is_refused(*, as_lines: bool) -> None:
    sent = b"\n" * (MOST_ROWS + 1) if as_lines else b"[" + b"0," * MOST_ROWS + b"0]"
    with pytest.raises(TooLarge):
        read(sent, ndjson=as_lines)


@given(st.lists(st.sampled_from([json.dumps(ROW).encode(), b"", b"{}", b"]", b"[1", b'{"id":', b"\x00"]), max_size=30))
def test_every_line_that_is_not_empty_is_either_a_row_or_an_error(some: list[bytes]) -> None:
    found = read(b"\n".join(some))
    places = sorted([row.place for row in found.units] + [fault.place for fault in found.faults])
    assert places == [number for number, line in enumerate(some, 1) if line]
    assert [row.place for row in found.units] == [
        n for n, line in enumerate(some, 1) if line.startswith(b'{"id": "e1"')
    ]


def test_rows_are_read_alike_whether_all_are_good_or_one_is_bad() -> None:
    rows = [ROW | {"id": f"e{number}", "signal": "s", "value": number / 7} for number in range(4001)]
    alone = read(ndjson(*rows))
    beside = read(ndjson(*rows, {}))
    assert alone.units == beside.units
    assert [fault.place for fault in beside.faults] == [4002]


def test_a_gzip_body_is_unpacked_all_members_of_it() -> None:
    assert body.unpack(gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    sent = b"".join(bomb.compress(bytes(1024 * 1024)) for _ in range(64)) + bomb.flush()
    assert len(sent) < 100_000
    with pytest.raises(TooLarge):
        body.unpack(sent)


def test_many_small_members_together_are_bounded_too() -> None:
    with pytest.raises(TooLarge):
        body.unpack(gzip.compress(bytes(600)) * 3, most=1500)


@pytest.mark.parametrize(
    "sent",
    [b"\x1f\x8bnonsense", gzip.compress(b"x" * 500, mtime=0)[:-9], gzip.compress(b"x", mtime=0) + b"rest"],
    ids=["nonsense", "cut short", "something behind it"],
)
def test_a_broken_gzip_body_is_the_senders_mistake(sent: bytes) -> None:
    with pytest.raises(InvalidRequest):
        body.unpack(sent)


async def test_what_does_not_fit_beside_the_others_is_told_when_to_come_back() -> None:
    flight = Flight()
    async with flight.admitted(60, 100, 3):
        with pytest.raises(TooBusy) as refused:
            async with flight.admitted(60, 100, 3):
                pass
        assert refused.value.retry_after >= 1
        async with flight.admitted(40, 100, 3) as seat:
            with pytest.raises(TooBusy):
                seat.grow(1)
    assert (flight.bytes, flight.requests) == (0, 0)


async def test_a_lone_message_always_fits_and_too_many_small_ones_do_not() -> None:
    flight = Flight()
    async with flight.admitted(500, 100, 2) as seat:
        seat.grow(500)
    async with flight.admitted(1, 100, 1):
        with pytest.raises(TooBusy):
            async with flight.admitted(1, 100, 1):
                pass
    assert (flight.bytes, flight.requests) == (0, 0)
