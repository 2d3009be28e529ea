"""The pure parts of the gateway: reading refusals, pausing, keeping keys out, fencing, schemas, names of models."""

from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, ValidationError

from runtime.llm import models
from runtime.llm.contracts import Fault, ProviderConfig
from runtime.llm.faults import advice, from_status, pause_before, redacted, retry_after
from runtime.llm.fence import fenced
from runtime.llm.schema import complaints, read, strict_schema

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "headers", "again"),
    [
        (429, "rate_limit_error", {}, True),
        (429, "insufficient_quota", {}, False),
        (429, "contract_spend_limit_reached", {}, False),
        (529, "overloaded_error", {}, True),
        (500, None, {}, True),
        (503, None, {"x-should-retry": "false"}, False),
        (503, None, {"retry-after": "61"}, False),
        (408, None, {}, True),
        (409, None, {}, True),
        (400, "invalid_request_error", {}, False),
        (401, "authentication_error", {}, False),
        (402, "billing_error", {}, False),
        (403, None, {}, False),
        (404, "not_found_error", {}, False),
        (413, None, {}, False),
        (422, None, {}, False),
    ],
)
def test_only_what_may_pass_is_worth_another_try(status, code, headers, again) -> None:
    assert from_status(status, code, "because", headers, now=NOW).retryable is again


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Mon, 23 Nov 2026 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 07:00:00 GMT"}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_the_wait_a_vendor_asks_for_is_read_in_every_form_it_comes_in(headers, seconds) -> None:
    assert retry_after(headers, NOW) == seconds


def test_pauses_double_with_some_jitter_and_are_never_shorter_than_asked() -> None:
    assert [pause_before(attempt, 2.0, None, 0.0) for attempt in (2, 3)] == [2.0, 4.0]
    assert pause_before(2, 2.0, None, 1.0) == 2.5
    assert pause_before(2, 2.0, 9.0, 0.0) == 9.0
    assert pause_before(3, 0.0, None, 1.0) == 0.0


def test_keys_are_taken_out_of_text_whether_they_are_ours_or_only_look_like_one() -> None:
    told = redacted("bad key my-very-own-key; Bearer abc.def-123; sk-ant-api03-xyz; fine text", "my-very-own-key")
    assert told == "bad key [key]; [key]; [key]; fine text"
    assert len(redacted("x" * 5000, "k")) == 300


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Fault("no", status=401), "doctor"),
        (Fault("no", status=404, wrong_model=True), "Name a model"),
        (Fault("no", status=429, code="insufficient_quota"), "top up"),
        (Fault("no"), "playbook"),
    ],
)
def test_every_failure_says_what_to_do_next(fault, word) -> None:
    assert word in advice(fault, "openai")


def test_an_empty_key_is_no_key() -> None:
    with pytest.raises(ValidationError):
        ProviderConfig(provider="openai", api_key=SecretStr(""))


def test_a_key_is_not_shown_by_its_configuration() -> None:
    assert "sk-hidden" not in repr(ProviderConfig(provider="openai", api_key=SecretStr("sk-hidden-1")))


fragments = st.one_of(
    st.sampled_from(["</data", "<", "/", " data", "DATA", ' mark="', '">', "\n"]), st.text(max_size=5)
)


@given(st.lists(fragments, max_size=30).map("".join))
def test_no_text_can_close_its_own_fence(text: str) -> None:
    lines = fenced("note", text).split("\n")
    mark = lines[0].removeprefix('<data name="note" mark="').removesuffix('">')
    assert lines[-1] == f'</data mark="{mark}">'
    assert not any("</data" in line.lower() or "<data" in line.lower() for line in lines[1:-1])


def test_a_fence_takes_out_what_eyes_cannot_see_and_says_when_it_cuts() -> None:
    assert fenced("note", "a\u202eb\u200bc\x00d\ne").split("\n")[1:-1] == ["abcd", "e"]
    assert "[cut here: 5 more characters]" in fenced("note", "x" * 15, limit=10)
    assert "&lt; / DATA>" in fenced("note", "< / DATA>")


class Leaf(BaseModel):
    size: int = Field(default=3, ge=1, le=9, description="how big")
    sort: Literal["a", "b"]
    type: str | None = None


class Tree(BaseModel):
    """A tree."""

    leaves: list[Leaf] = Field(min_length=1, max_length=2)


def test_a_schema_is_closed_demands_everything_and_keeps_its_limits_as_words() -> None:
    schema = strict_schema(Tree)
    leaf = schema["$defs"]["Leaf"]
    assert schema["additionalProperties"] is False
    assert leaf["required"] == ["size", "sort", "type"]
    assert leaf["properties"]["size"] == {"type": "integer", "description": "how big (maximum: 9, minimum: 1)"}
    assert leaf["properties"]["sort"] == {"type": "string", "enum": ["a", "b"]}
    assert leaf["properties"]["type"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert schema["properties"]["leaves"] == {
        "type": "array",
        "items": {"$ref": "#/$defs/Leaf"},
        "description": "(maxItems: 2, minItems: 1)",
    }


def test_an_answer_is_read_with_or_without_a_markdown_fence_and_its_faults_are_named_without_its_words() -> None:
    plain = '{"leaves": [{"size": 2, "sort": "a", "type": null}]}'
    assert read(Tree, plain) == read(Tree, f"```json\n{plain}\n```") == read(Tree, f"```\n{plain}```")
    with pytest.raises(ValidationError) as failure:
        read(Tree, '{"leaves": [{"size": 77, "sort": "hush"}]}')
    told = complaints(failure.value)
    assert told == [
        "leaves.0.size: Input should be less than or equal to 9",
        "leaves.0.sort: Input should be 'a' or 'b'",
    ]


def test_no_alias_leads_to_another_dead_name() -> None:
    assert not set(models.ALIASES.values()) & set(models.ALIASES)


def test_the_strong_model_invents_and_the_quick_one_summarises_unless_somebody_chose() -> None:
    config = ProviderConfig(provider="anthropic", api_key=SecretStr("k"))
    chosen = config.model_copy(update={"preferred_model": "claude-opus-4"})
    assert models.choose(config, "hypothesis_generation", None) == "claude-opus-5-5"
    assert models.choose(config, "context_summarization", None) == "claude-sonnet-5-5"
    assert models.choose(chosen, "context_summarization", None) == "claude-opus-5-5"
    assert models.choose(chosen, "context_summarization", "mine") == "mine"
