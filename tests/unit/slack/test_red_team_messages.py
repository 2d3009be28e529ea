"""Hostile texts in every field of every message, form and Home tab: nothing active comes out, and nothing outgrows Slack's limits."""

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.slack.samples import Sample, samples
from bot.slack.sandbox.blocks import problems, view_problems
from bot.slack.sandbox.limits import MESSAGE_TEXT_MAX_LENGTH

FILE = Path(__file__).parents[2] / "data" / "red_team.json"
PAYLOADS = {name: unit * times for name, (unit, times) in json.loads(FILE.read_text()).items()}
OURS = (
    re.compile(r"@U0(ANA|CYRA)0000?1"),
    re.compile(r"!date\^\d+\^\{date_short_pretty\} at \{time\}\|[\d: UTC-]+"),
    re.compile(r"https://slack\.example\.com/archives/C1/p1\|[^<>|]*", re.DOTALL),
)
"""The only tokens a sample may hold: the people and links we put there ourselves, and due dates."""
ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
ALLOWED = set("\n\t\u200c\u200d")


def fed(payload: str) -> list[Sample]:
    """All but the Home tab of two hundred gates, whose parts are those of the smaller one."""
    return [sample for sample in samples(lambda _: payload) if sample.name != "home-busy"]


def tokens(mrkdwn: str) -> list[str]:
    """As Slack reads it: whatever stands between angle brackets. A bracket that belongs to no pair is found by `stray`."""
    return re.findall(r"<([^<>]*)>", mrkdwn)


def stray(mrkdwn: str) -> str:
    """A quote's mark at the beginning of a line is ours; what people write there is escaped."""
    bare = re.sub(r"<[^<>]*>", "", mrkdwn)
    return "".join(c for c in re.sub(r"(?m)^> ", "", bare) if c in "<>")


def texts(node: Any) -> Iterator[tuple[str, str]]:
    """Each text object's kind and words, and the words of pictures."""
    if isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, dict):
        if node.get("type") in {"mrkdwn", "plain_text"} and isinstance(node.get("text"), str):
            yield node["type"], node["text"]
        if "alt_text" in node:
            yield "plain_text", node["alt_text"]
        for value in node.values():
            yield from texts(value)


def spoken(sample: Sample) -> Iterator[tuple[str, str]]:
    yield "mrkdwn", sample.text
    yield from texts(sample.view if sample.view is not None else sample.blocks or [])


def wrong_in(kind: str, text: str) -> Iterator[str]:
    yield from (f"{c!r} is invisible" for c in set(text) - ALLOWED if unicodedata.category(c) in INVISIBLE)
    if kind == "plain_text":
        return
    yield from (f"token <{found}>" for found in tokens(text) if not any(own.fullmatch(found) for own in OURS))
    if stray(text):
        yield "a bracket that is not escaped"
    if ENTITY.search(text):
        yield "an ampersand that is not escaped"
    if text.count("```") % 2:
        yield "a fence that never closes"


def refused(sample: Sample) -> list[str]:
    if sample.view is not None:
        return view_problems(sample.view, sample.surface)
    return problems(sample.blocks or [], "message")


@cache
def innocent() -> dict[str, Any]:
    return {sample.name: skeleton(sample) for sample in samples()}


def skeleton(sample: Sample) -> list[str]:
    """What can be pressed or filled in, in order: no text may add to it."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            held = (str(node[key]) for key in ("action_id", "url", "callback_id", "value") if key in node)
            found.extend(re.sub(r'"seen":"[0-9a-f]{16}"', '"seen":"its own mark"', text) for text in held)
            for value in node.values():
                walk(value)

    walk(sample.shown)
    return found


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_nothing_active_comes_out_and_everything_fits(name):
    for sample in fed(PAYLOADS[name]):
        assert refused(sample) == [], sample.name
        assert len(sample.text) <= MESSAGE_TEXT_MAX_LENGTH
        for kind, text in spoken(sample):
            assert list(wrong_in(kind, text)) == [], (sample.name, text[:200])
        json.dumps(sample.shown, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "name", ["fake button", "fake blocks", "link shown as Approve", "huge mentions", "broken out of JSON"]
)
def test_no_text_adds_a_button_a_link_or_a_field(name):
    for sample in fed(PAYLOADS[name]):
        if sample.surface != "home":  # its rows are cut by length, so fewer may stay
            assert skeleton(sample) == innocent()[sample.name], sample.name


@pytest.mark.parametrize("name", ["user mention", "huge brackets", "tower of marks", "open fence"])
def test_a_payload_beside_innocent_texts_does_no_harm_either(name):
    """One field after the other, since a text may only hurt through its neighbours."""
    for position in range(0, 60, 4):
        asked = iter(range(1_000_000))
        for sample in samples(
            lambda text, at=position, asked=asked: PAYLOADS[name] if next(asked) % 60 == at else text
        ):
            assert refused(sample) == [], sample.name
            for kind, text in spoken(sample):
                assert list(wrong_in(kind, text)) == [], (sample.name, text[:200])


def test_the_payloads_are_many_and_different():
    assert len(set(PAYLOADS.values())) == len(PAYLOADS) >= 60


def test_this_test_would_notice():
    assert list(wrong_in("mrkdwn", "<!channel>"))
    assert list(wrong_in("mrkdwn", "<@U0EVIL0001>"))
    assert list(wrong_in("mrkdwn", "<https://evil.example|https://slack.example.com/archives/C1/p1>"))
    assert list(wrong_in("mrkdwn", "a < b"))
    assert list(wrong_in("mrkdwn", "a & b"))
    assert list(wrong_in("plain_text", "a\u202eb"))
    assert list(wrong_in("mrkdwn", "a ``` b"))
    assert not list(
        wrong_in("mrkdwn", "<@U0ANA00001> &lt;b&gt; <!date^1^{date_short_pretty} at {time}|2026-11-23 05:22 UTC>")
    )
