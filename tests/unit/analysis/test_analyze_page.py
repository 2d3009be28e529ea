"""Every example on the page is executed, and every test has one."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.analysis.requests import Request
from runtime.analysis.stream import reply

PAGE = (Path(__file__).parents[3] / "docs" / "analyze.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```json\n(.+)\n(.+)\n```$", PAGE, re.MULTILINE)
TESTS = {
    get_args(kind.model_fields["test"].annotation)[0]: set(kind.model_fields) for kind in get_args(get_args(Request)[0])
}


def same(told: Any, said: Any) -> bool:
    if isinstance(told, float) and isinstance(said, int | float):
        return said == pytest.approx(told, rel=1e-9, abs=1e-15)
    if isinstance(told, dict) and isinstance(said, dict):
        return told.keys() == said.keys() and all(same(told[key], said[key]) for key in told)
    if isinstance(told, list) and isinstance(said, list):
        return len(told) == len(said) and all(map(same, told, said))
    return bool(told == said)


@pytest.mark.parametrize(("request_", "answer"), EXAMPLES)
def test_the_example_is_what_it_says(request_: str, answer: str) -> None:
    assert same(json.loads(answer), json.loads(reply(request_.encode())))


def test_every_test_and_every_field_is_on_the_page() -> None:
    assert {json.loads(request)["test"] for request, _ in EXAMPLES} == set(TESTS)
    assert set(TESTS) == set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE))
    for test, fields in TESTS.items():
        section = PAGE.split(f"\n## {test}\n")[1].split("\n## ")[0]
        assert not [field for field in fields if f"`{field}`" not in section and f'"{field}"' not in section]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["inf", "1e308", "-0", "1e-1100"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400)
@given(st.sampled_from([request for request, _ in EXAMPLES]), st.data())
def test_whatever_stands_in_a_field_there_is_one_line_of_strict_json(text: str, data: st.DataObject) -> None:
    request = json.loads(text)
    place = request
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    line = reply(json.dumps(request).encode())
    assert line.count(b"\n") == 1
    answer = json.loads(line, parse_constant=pytest.fail)
    fault = answer.get("error", {"code": "", "message": "-"})
    assert fault["message"]
    assert fault["code"] != "OUT_OF_RANGE" or fault["field"] is None
