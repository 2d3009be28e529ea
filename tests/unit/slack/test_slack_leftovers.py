"""Texts longer than a message has room for: whatever is begun there is whole in it or in the file beside it, and no character is cut."""

import html
import re

import pytest

from bot.slack import applying, asking, blocks, progress, sample_answers
from bot.slack import sample_rows as rows
from bot.slack.graphemes import clusters
from bot.slack.leftovers import NOTE, Noted, missing
from bot.slack.modals import details
from bot.slack.samples import chart
from bot.slack.sandbox.blocks import problems, view_problems
from bot.slack.streaming import as_markdown
from bot.slack.view import gate_view
from bot.slack.words import fit, keeping, lines
from runtime.answers.service import Answer
from runtime.gates.choices import CHOICES

ASTRONAUT = "👩🏿\u200d🚀"


class Endless:
    """Says each text at great length, with a beginning and an end of its own; numbers and ids stay as they are."""

    def __init__(self, size=9000):
        self.size, self.known = size, {}

    def __call__(self, text):
        if re.match(r"[+]?\d|[0-9a-f]{8}-", text):
            return text
        n = self.known.setdefault(text, len(self.known))
        return f"begin-{n}. {text} {f'{ASTRONAUT} <&> ' * (self.size // 9)}end-{n}."


def words(node):
    if isinstance(node, dict):
        own = [node["text"]] if isinstance(node.get("text"), str) else []
        return own + [word for value in node.values() for word in words(value)]
    return [word for item in node for word in words(item)] if isinstance(node, list) else []


def lost(said, shown, left):
    """Of every text that is begun in the message: those whose end is nowhere."""
    seen, kept = html.unescape(" ".join(words(shown))), " ".join(left)
    begun = [n for n in said.known.values() if f"begin-{n}." in seen]
    assert begun
    return [n for n in begun if f"end-{n}." not in seen + kept]


def drawn(draw):
    noted = Noted(draw)
    _, shown = noted(None)
    assert problems(shown, "message") == []
    for word in words(shown):
        halves = [one for one in clusters(html.unescape(word)) if "\U0001f680" in one or "\U0001f469" in one]
        assert set(halves) <= {ASTRONAUT}
    return shown, noted.left


@pytest.mark.parametrize("kind", sorted(CHOICES))
@pytest.mark.parametrize("decided", [False, True])
def test_nothing_of_a_gate_is_lost(kind, decided):
    say = Endless()
    closed = {
        "status": "approved_with_conditions", "choice": CHOICES[kind][0].id, "decided_by": rows.ANA, "decided_via": "mail", "responded_at": rows.AT,
        "response_note": say("note"), "conditions": [say("at most 20 %"), say("only on iOS")],
    }  # fmt: skip
    gate = rows.gate(kind, say, **(closed if decided else {}))
    shown, left = drawn(lambda picture: blocks.gate_message(gate_view(gate, rows.people(str), picture)))
    assert lost(say, shown, left) == []
    assert NOTE in words(shown)


def test_more_parts_than_a_message_has_are_in_the_file():
    gate = rows.gate("launch_approval", str)
    more = [{"title": f"Part {n}", "text": f"text of part {n}"} for n in range(40)]
    facts = [[f"Fact {n}", f"value of fact {n}"] for n in range(14)]
    found = [{"finding": f"finding {n}"} for n in range(9)]
    package = {**gate["context_package"], "sections": more, "facts": facts, "learnings": found}
    shown, left = drawn(lambda _: blocks.gate_message(gate_view({**gate, "context_package": package}, {}, None)))
    every = " ".join([*words(shown), *left])
    assert all(f"text of part {n}" in every and f"value of fact {n % 14}" in every for n in range(40))
    assert all(f"finding {n}" in every for n in range(9))


def test_nothing_of_an_experiment_or_an_answer_is_lost():
    say = Endless()
    ended = {"decided_by": "ana@example.com", "note": say("note")}
    row, outcome = rows.experiment(say, status="shipped", final_result=ended), rows.outcome(str)
    shown, left = drawn(lambda picture: progress.experiment_message(row, outcome, "share", picture))
    assert lost(say, shown, left) == []
    found = Answer(f"{say('It is better.')}\nFrom: looks(x)", "looks(x)")
    shown, left = drawn(lambda _: asking.drawn(found, chart(str)))
    assert lost(say, shown, left) == []


def test_a_stream_leaves_its_rest_and_fits():
    say = Endless(40_000)
    with keeping() as left:
        shown = as_markdown(say("answer"))
    assert len(shown) < 12_000
    assert "end-0." in left[0]
    with keeping() as left:
        assert as_markdown("short") == "short"
    assert left == []


def test_a_plan_longer_than_a_form_is_in_the_file():
    with keeping() as left:
        view = applying.page(sample_answers.planned(str, 400), sample_answers.PENDING)
    assert view_problems(view, "modal") == []
    assert all(f"field_{n}:" in left[0] for n in range(400))


def test_details_show_what_a_gate_may_hold_in_full():
    say = Endless(8000)
    gate = rows.gate("agent_question", str)
    parts = [
        {"title": "Question", "text": say("may I?")},
        {"title": "Context", "text": say("+ a\n- b"), "style": "code"},
    ]
    package = {**gate["context_package"], "sections": parts, "facts": [["Why", say("reason")]]}
    view = details(gate_view({**gate, "context_package": package}, rows.people(str), None))
    assert view_problems(view, "modal") == []
    assert lost(say, view["blocks"], []) == []


def test_lines_that_do_not_fit_are_left_as_they_read():
    with keeping() as left:
        assert lines(["one", "<https://x.test|two &amp; three>", "four"], 6) == "one"
    assert left == ["two & three\nfour"]


def test_what_is_shown_whole_elsewhere_needs_no_file():
    with keeping() as left:
        short, whole = fit("a & b " * 20, 30), fit("a & b " * 20, 300)
    assert left
    assert missing([{"type": "section", "text": {"type": "mrkdwn", "text": f"{short}\n{whole}"}}], left) == []
    assert missing([], [*left, "other", *left]) == [left[0].strip(), "other"]
