"""Lines are cut from whatever chunks arrive, answered alone and in order, and ids come back as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.analysis.stream import LONGEST_LINE, Lines, reply


def cut(chunks: list[bytes], longest: int = LONGEST_LINE) -> list[bytes | None]:
    lines = Lines(longest)
    return [line for chunk in chunks for line in lines.feed(chunk)] + list(lines.end())


@given(st.lists(st.binary(max_size=9).map(lambda piece: piece.replace(b"\0", b"\n"))))
def test_chunks_do_not_matter(chunks: list[bytes]) -> None:
    whole = [line for line in b"".join(chunks).split(b"\n") if line.strip()]
    assert cut(chunks) == whole


def test_a_line_too_long_is_told_and_the_next_one_is_whole() -> None:
    assert cut([b"abc", b"def", b"g\nhi\n", b"jklmnop"], longest=6) == [None, b"hi", None]
    assert cut([b"abcdef\nx"], longest=6) == [b"abcdef", b"x"]
    fault = json.loads(reply(None))
    assert fault["error"]["code"] == "LINE_TOO_LONG"
    assert fault["id"] is None


@pytest.mark.parametrize(
    "name", ['"a\\"b"', "7", "-0", "1.50", "1E+3", "true", "false", "null", '"\\ud800"', str(10**60)]
)
def test_an_id_comes_back_as_it_was(name: str) -> None:
    for test in ("tuning", "no such"):
        line = reply(f'{{"id": {name}, "test": "{test}", "alpha": 0.05}}'.encode())
        assert json.loads(line)["id"] == json.loads(name)
        assert json.loads(line)["test"] == test
    assert reply(f'{{"test": "tuning", "alpha": 0.05, "id": {name}}}'.encode()).startswith(b'{"id": ')


def test_a_decimal_id_keeps_its_digits() -> None:
    assert reply(b'{"id": 1.500, "test": "tuning", "alpha": 0.05}').startswith(b'{"id": 1.500, ')


def test_an_absent_id_is_null_and_marks_of_other_systems_are_taken() -> None:
    answer = json.loads(reply(b'\xef\xbb\xbf{"test": "tuning", "alpha": 0.05}\r'))
    assert answer["id"] is None
    assert answer["tau2_over_V_planned"] == pytest.approx(8.21, abs=0.01)


def test_answers_are_strict_json_in_ascii() -> None:
    line = reply(b'{"id": "\xc3\xa9", "test": "merge", "shards": []}')
    assert line.isascii()

    def refuse(token: str) -> float:
        raise AssertionError(token)

    assert json.loads(line, parse_constant=refuse)["variance_unbiased"] == "inf"
