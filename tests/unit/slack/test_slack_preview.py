"""`slack preview` as a person calls it, and whether it draws everything the product can say: what is said comes from the product's own tables."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.slack import slack
from bot.slack import channel, sample_answers
from bot.slack.commands import COMMANDS
from bot.slack.pictures import DISCARDED
from bot.slack.samples import samples
from runtime.errors import OutcomeRuntimeError
from runtime.gates.choices import CHOICES
from runtime.lifecycle import EXPERIMENT

SAMPLES = {sample.name: sample for sample in samples()}
SOURCES = Path(channel.__file__).parent.glob("*.py")
FORMS = {name for file in SOURCES for name in re.findall(r'callback_id="([\w-]+)"', file.read_text())}


def drawn(start):
    return [name for name in SAMPLES if name == start or name.startswith(f"{start}-")]


@pytest.mark.parametrize("kind", sorted(channel.KINDS.keys() - {DISCARDED}))
def test_every_kind_of_message_has_a_sample(kind):
    assert drawn(kind.replace("_", "-"))


@pytest.mark.parametrize("kind", sorted(CHOICES))
def test_every_kind_of_gate_has_one_open_and_one_decided(kind):
    assert {f"gate-{kind}-open", f"gate-{kind}-approved"} <= set(SAMPLES)


@pytest.mark.parametrize("state", sorted(EXPERIMENT.states))
def test_every_state_of_an_experiment_has_one(state):
    assert f"experiment-{state}" in SAMPLES


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_answer_or_its_form(name):
    assert drawn(f"form-outcome-{name}" if COMMANDS[name].form else f"answer-{name}") or drawn(name)


@pytest.mark.parametrize("callback_id", sorted(FORMS))
def test_every_form_that_can_be_sent_has_one(callback_id):
    assert [name for name, sample in SAMPLES.items() if sample.view and sample.view.get("callback_id") == callback_id]


def test_every_refusal_has_one():
    codes = {leaf.code.lower().replace("_", "-") for leaf in sample_answers.leaves(OutcomeRuntimeError)}
    assert {f"error-{code}" for code in codes} <= set(SAMPLES)
    assert len(codes) > 20


def test_without_a_browser_each_is_a_page_and_on_demand_json(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    done = CliRunner().invoke(slack, ["preview", "--out", str(tmp_path / "all"), "--json"])
    assert done.exit_code == 0, done.output
    assert "no Chromium" in done.output
    index = (tmp_path / "all" / "index.html").read_text()
    for name, sample in SAMPLES.items():
        assert f'"{name}.html"' in index
        page = (tmp_path / "all" / f"{name}.html").read_text()
        assert 'src="' not in page.replace('src="data:', "").partition("<body>")[2].partition("<script")[0]
        source = json.loads((tmp_path / "all" / f"{name}.json").read_text())
        assert source.get("blocks", []) == sample.shown


def test_only_some_are_drawn_if_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    done = CliRunner().invoke(slack, ["preview", "--out", str(tmp_path / "some"), "--only", "home-held"])
    assert done.exit_code == 0, done.output
    assert sorted(file.name for file in (tmp_path / "some").iterdir()) == ["home-held.html", "index.html"]
