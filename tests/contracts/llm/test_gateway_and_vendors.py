"""The gateway in front of each vendor's own SDK, against loopback servers that speak the documented wire formats."""

import json
import traceback
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator
from structlog.testing import capture_logs

from runtime.errors import InvalidConfiguration, LLMFailed
from runtime.llm.contracts import LLMRequest, Message, ProviderConfig
from runtime.llm.gateway import Gateway

OVERLOADED = {"anthropic": (529, "overloaded_error"), "openai": (503, "server_error")}


class Idea(BaseModel):
    name: str = Field(min_length=3)
    share: float = Field(ge=0, le=1, description="share of shoppers")

    @field_validator("name")
    @classmethod
    def not_banned(cls, name: str, info: ValidationInfo) -> str:
        if name in (info.context or {}).get("banned", ()):
            raise ValueError(f"{name} is banned")
        return name


class Ideas(BaseModel):
    ideas: list[Idea] = Field(max_length=4)
    note: str | None = None


ORG = UUID("00000000-0000-4000-8000-000000000001")
GOOD = json.dumps({"ideas": [{"name": "guest checkout", "share": 0.5}], "note": None})


def question(**changes: Any) -> LLMRequest:
    fields: dict[str, Any] = {
        "messages": [Message("user", "What now?")],
        "system": "Be brief.",
        "purpose": "hypothesis_generation",
        "max_tokens": 100,
    }
    return LLMRequest(**fields | changes)


async def test_an_answer_arrives_with_its_model_tokens_and_one_attempt(vendor, gateway, ledger, reply) -> None:
    vendor.script = [reply("Guest checkout.")]

    answer = await gateway.complete(question(), ORG)

    assert (answer.content, answer.parsed, answer.attempts) == ("Guest checkout.", None, 1)
    assert (answer.provider_used, answer.auth_mode_used) == (vendor.slug, "api_key")
    assert answer.model_used.startswith(vendor.seen[0]["model"] + "-")
    assert (answer.input_tokens, answer.output_tokens) == (100, 7)
    assert vendor.seen[0]["system" if vendor.slug == "anthropic" else "instructions"] == "Be brief."
    assert [(row.outcome, row.org_id, row.purpose) for row in ledger.rows] == [
        ("answered", ORG, "hypothesis_generation")
    ]


async def test_a_structured_answer_is_asked_for_in_the_vendors_own_way_and_read(vendor, gateway, reply) -> None:
    vendor.script = [reply(GOOD)]

    answer = await gateway.complete(question(response_model=Ideas), ORG)

    assert answer.parsed == Ideas(ideas=[Idea(name="guest checkout", share=0.5)])
    wire = vendor.seen[0]
    form = wire["output_config"]["format"] if vendor.slug == "anthropic" else wire["text"]["format"]
    assert form["type"] == "json_schema"
    idea = form["schema"]["$defs"]["Idea"]
    assert idea["properties"]["share"]["description"] == "share of shoppers (maximum: 1, minimum: 0)"
    assert vendor.complaints == []


async def test_a_rate_limit_is_waited_out_as_long_as_the_vendor_asks(vendor, gateway, ledger, reply) -> None:
    limited = reply(status=429, error={"type": "rate_limit_error", "message": "slow"}, headers={"retry-after": "1"})
    vendor.script = [limited, reply("Now.")]

    answer = await gateway.complete(question(), ORG)

    assert (answer.content, answer.attempts) == ("Now.", 2)
    assert 1.0 <= vendor.times[1] - vendor.times[0] < 3.0
    assert [row.outcome for row in ledger.rows] == ["failed", "answered"]


async def test_an_overloaded_vendor_is_asked_three_times_with_growing_pauses_then_a_person(
    vendor, gateway, ledger, reply
) -> None:
    status, kind = OVERLOADED[vendor.slug]
    vendor.script = [reply(status=status, error={"type": kind, "message": "busy"})]

    with pytest.raises(LLMFailed, match="after 3 tries") as failure:
        await gateway.complete(question(), ORG)

    assert len(vendor.seen) == 3
    assert vendor.times[1] - vendor.times[0] >= 0.05
    assert vendor.times[2] - vendor.times[1] >= 0.10
    context = failure.value.context
    assert (context["provider"], context["attempts"], context["status"]) == (vendor.slug, 3, status)
    assert "playbook" in failure.value.message
    assert [(row.attempt, row.outcome) for row in ledger.rows] == [(1, "failed"), (2, "failed"), (3, "failed")]


async def test_a_server_error_that_passes_is_not_noticed_by_the_asker(vendor, gateway, reply) -> None:
    broken = reply(status=500, error={"type": "api_error", "message": "oops"})
    vendor.script = [broken, broken, reply("There.")]

    answer = await gateway.complete(question(), ORG)

    assert (answer.content, answer.attempts) == ("There.", 3)


async def test_a_wait_longer_than_a_minute_is_left_to_the_caller(vendor, gateway, reply) -> None:
    vendor.script = [
        reply(status=429, error={"type": "rate_limit_error", "message": "slow"}, headers={"retry-after": "3600"})
    ]

    with pytest.raises(LLMFailed) as failure:
        await gateway.complete(question(), ORG)

    assert (len(vendor.seen), failure.value.context["retry_after"]) == (1, 3600.0)


async def test_an_empty_purse_is_never_tried_twice(vendor, gateway, reply) -> None:
    reasons = {
        "anthropic": {
            "type": "rate_limit_error",
            "message": "limit",
            "details": {"error_code": "enforced_spend_limit_reached"},
        },
        "openai": {"type": "insufficient_quota", "message": "quota", "code": "insufficient_quota"},
    }
    vendor.script = [reply(status=429, error=reasons[vendor.slug])]

    with pytest.raises(LLMFailed, match="top up") as failure:
        await gateway.complete(question(), ORG)

    assert (len(vendor.seen), failure.value.context["attempts"]) == (1, 1)


async def test_a_refused_key_stops_at_once_and_shows_up_nowhere(vendor, gateway, ledger, reply) -> None:
    key = "sk-test-0123456789abcdef"
    told = f"Incorrect API key provided: {key}, or was it sk-proj-aaaaaaaa***bbbb?"
    vendor.script = [reply(status=401, error={"type": "authentication_error", "message": told})]

    with capture_logs() as logs, pytest.raises(LLMFailed, match=r"Check the .* key") as failure:
        await gateway.complete(question(), ORG)

    assert len(vendor.seen) == 1
    shown = "".join(traceback.format_exception(failure.value)) + repr(failure.value.context) + repr(logs)
    shown += repr(ledger.rows)
    assert key not in shown
    assert "aaaaaaaa" not in shown
    assert [entry["event"] for entry in logs] == ["llm.try_failed"]


async def test_a_bad_request_is_not_repeated(vendor, gateway, reply) -> None:
    vendor.script = [reply(status=400, error={"type": "invalid_request_error", "message": "prompt is too long"})]

    with pytest.raises(LLMFailed, match="prompt is too long"):
        await gateway.complete(question(), ORG)

    assert len(vendor.seen) == 1


@pytest.mark.parametrize(
    "wrong", ['{"ideas": [{"name"', "Sure! Here you go.", '{"ideas": [{"name": "x", "share": 7}]}']
)
async def test_an_answer_of_the_wrong_shape_is_sent_back_with_what_is_wrong(
    vendor, gateway, ledger, reply, wrong
) -> None:
    vendor.script = [reply(wrong), reply(GOOD)]

    answer = await gateway.complete(question(response_model=Ideas), ORG)

    assert answer.attempts == 2
    assert answer.parsed == Ideas.model_validate_json(GOOD)
    turns = vendor.seen[1]["messages" if vendor.slug == "anthropic" else "input"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == wrong
    assert "cannot be used" in turns[2]["content"]
    if "share" in wrong:
        assert "ideas.0.share: Input should be less than or equal to 1" in turns[2]["content"]
    assert answer.input_tokens == 200
    assert [row.outcome for row in ledger.rows] == ["invalid", "answered"]


async def test_the_askers_own_rules_are_checked_with_the_shape(vendor, gateway, reply) -> None:
    better = GOOD.replace("guest checkout", "saved cards")
    vendor.script = [reply(GOOD), reply(f"```json\n{better}\n```")]

    request = question(response_model=Ideas, validation_context={"banned": ["guest checkout"]})
    answer = await gateway.complete(request, ORG)

    assert isinstance(answer.parsed, Ideas)
    assert answer.parsed.ideas[0].name == "saved cards"


async def test_three_answers_of_the_wrong_shape_go_to_a_person(vendor, gateway, ledger, reply) -> None:
    vendor.script = [reply("no"), reply(""), reply("still no")]

    with pytest.raises(LLMFailed, match="after 3 tries: the answer does not have the shape"):
        await gateway.complete(question(response_model=Ideas), ORG)

    assert [row.outcome for row in ledger.rows] == ["invalid"] * 3


async def test_a_refusal_is_no_answer_even_when_it_parses(vendor, gateway, ledger, reply) -> None:
    vendor.script = [reply(GOOD, stop="refused")]

    with pytest.raises(LLMFailed, match="declined"):
        await gateway.complete(question(response_model=Ideas), ORG)

    assert [row.outcome for row in ledger.rows] == ["refused"] * 3


async def test_a_cut_off_answer_gets_twice_the_room(vendor, gateway, reply) -> None:
    vendor.script = [reply(GOOD, stop="truncated"), reply(GOOD)]

    answer = await gateway.complete(question(response_model=Ideas), ORG)

    assert answer.attempts == 2
    name = "max_tokens" if vendor.slug == "anthropic" else "max_output_tokens"
    assert [body[name] for body in vendor.seen] == [100, 200]


@pytest.mark.parametrize("body", ['{"half": ', "[]", "{}", '{"model": "m", "content": null, "output": 3}'])
async def test_a_body_that_is_not_the_vendors_is_tried_again(vendor, gateway, reply, body) -> None:
    vendor.script = [reply(raw=body), reply("Fine.")]

    answer = await gateway.complete(question(), ORG)

    assert (answer.content, answer.attempts) == ("Fine.", 2)


async def test_a_silent_vendor_is_given_up_after_the_timeout(vendor, config, ledger, reply) -> None:
    vendor.script = [reply("Late.", delay=5)]
    hasty = Gateway([config.model_copy(update={"timeout_seconds": 0.6})], ledger, retry_seconds=0)

    with pytest.raises(LLMFailed, match="after 3 tries"):
        await hasty.complete(question(), ORG)

    assert len(vendor.seen) == 3


async def test_a_vendor_that_is_not_there_is_named(config, ledger) -> None:
    gone = Gateway([config.model_copy(update={"base_url": "http://127.0.0.1:9"})], ledger, retry_seconds=0)

    with pytest.raises(LLMFailed, match="could not be reached"):
        await gone.complete(question(), ORG)


async def test_names_of_dead_models_lead_to_living_ones(vendor, gateway, reply) -> None:
    vendor.script = [reply("Ok.")]
    dead, alive = {"anthropic": ("claude-opus-4", "claude-opus-5-5"), "openai": ("o1", "gpt-6.2-sol")}[vendor.slug]

    await gateway.complete(question(model_override=dead), ORG)
    await gateway.complete(question(model_override="house-model-1"), ORG)

    assert [body["model"] for body in vendor.seen] == [alive, "house-model-1"]


async def test_an_unknown_model_gives_way_to_the_fallback_or_to_a_person(vendor, config, ledger, reply) -> None:
    unknown = reply(status=404, error={"type": "not_found_error", "message": "model: nope"})
    vendor.script = [unknown, reply("Ok.")]
    prepared = config.model_copy(update={"preferred_model": "nope", "fallback_model": "spare"})
    answer = await Gateway([prepared], ledger, retry_seconds=0).complete(question(), ORG)
    assert (answer.content, [body["model"] for body in vendor.seen]) == ("Ok.", ["nope", "spare"])

    vendor.script = [unknown]
    alone = config.model_copy(update={"preferred_model": "nope"})
    with pytest.raises(LLMFailed, match="Name a model"):
        await Gateway([alone], ledger, retry_seconds=0).complete(question(), ORG)


async def test_the_last_try_goes_to_the_fallback_model(vendor, config, ledger, reply) -> None:
    status, kind = OVERLOADED[vendor.slug]
    busy = reply(status=status, error={"type": kind, "message": "busy"})
    vendor.script = [busy, busy, reply("Ok.")]
    prepared = config.model_copy(update={"preferred_model": "big", "fallback_model": "small"})

    await Gateway([prepared], ledger, retry_seconds=0).complete(question(), ORG)

    assert [body["model"] for body in vendor.seen] == ["big", "big", "small"]


@pytest.mark.parametrize("vendor", ["openai"], indirect=True)
async def test_a_model_that_refuses_a_temperature_is_asked_without(vendor, gateway, reply) -> None:
    refusal = {"type": "invalid_request_error", "message": "Unsupported parameter", "param": "temperature"}
    vendor.script = [reply(status=400, error=refusal), reply("Ok.")]

    answer = await gateway.complete(question(temperature=0.2), ORG)

    assert [body.get("temperature") for body in vendor.seen] == [0.2, None]
    assert answer.attempts == 1


@pytest.mark.parametrize("vendor", ["anthropic"], indirect=True)
async def test_anthropic_is_never_sent_a_temperature(vendor, gateway, reply) -> None:
    vendor.script = [reply("Ok.")]

    await gateway.complete(question(temperature=0.2), ORG)

    assert "temperature" not in vendor.seen[0]


@pytest.mark.parametrize("vendor", ["openai"], indirect=True)
@pytest.mark.parametrize(("code", "tries"), [("server_error", 3), ("invalid_prompt", 1)])
async def test_a_response_that_failed_inside_is_judged_by_its_code(vendor, gateway, reply, code, tries) -> None:
    failed = {"model": "m", "status": "failed", "output": [], "error": {"code": code, "message": "no"}}
    vendor.script = [reply(raw=json.dumps(failed))]

    with pytest.raises(LLMFailed):
        await gateway.complete(question(), ORG)

    assert len(vendor.seen) == tries


async def test_without_a_key_the_keyless_way_is_named(config, ledger) -> None:
    with pytest.raises(InvalidConfiguration, match="playbook"):
        await Gateway([], ledger).complete(question(), ORG)
    with pytest.raises(InvalidConfiguration, match="perplexity"):
        await Gateway([config], ledger).complete(question(provider_override="perplexity"), ORG)
    assert ledger.rows == []


async def test_a_request_may_name_its_provider_and_no_other_hears_of_it(vendor, config, ledger, reply) -> None:
    vendor.script = [reply("Ok.")]
    other = ProviderConfig(
        provider="openai" if vendor.slug == "anthropic" else "anthropic",
        api_key=SecretStr("sk-other-000000000"),
        base_url="http://127.0.0.1:9",
    )
    gateway = Gateway([other, config], ledger, retry_seconds=0)

    answer = await gateway.complete(question(provider_override=vendor.slug), ORG)

    assert gateway.configured == (other.provider, vendor.slug)
    assert answer.provider_used == vendor.slug


async def test_an_account_token_is_sent_as_a_bearer(vendor, config, ledger, reply) -> None:
    vendor.script = [reply("Ok.")]
    by_account = config.model_copy(update={"auth_mode": "oauth_account"})

    answer = await Gateway([by_account], ledger).complete(question(), ORG)

    assert answer.auth_mode_used == "oauth_account"


async def test_unaccounted_answers_are_not_handed_out(vendor, config, reply) -> None:
    class FullDisk:
        async def record(self, usage: object) -> None:
            raise OSError("disk full")

    vendor.script = [reply("Ok.")]
    with pytest.raises(OSError, match="disk full"):
        await Gateway([config], FullDisk()).complete(question(), ORG)
