"""A thousand letters in the shapes of real clients, robots and forgers: what a careful assistant would do with each, and what never."""

import json
import sys

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bot.cli.mail_interpret import as_told
from bot.mail.sent import sent_letter
from tests.mail_corpus import spoofs
from tests.mail_corpus.cases import all_cases, clients
from tests.mail_corpus.expected import Tally
from tests.mail_corpus.mutate import damaged, unproven
from tests.mail_corpus.run import Desk, desk, verdict

RIGHT, MANY = 0.95, 800
ACTIONS = {"decide", "answer", "ask_back", "ignore", "bounce", "quarantine"}
DECISIONS = {"approve", "reject", "conditions", "delegate", "question", "none"}


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("corpus"))


def test_nobody_decides_who_did_not_no_word_is_lost_and_nearly_all_is_taken_as_meant(at: Desk) -> None:
    cases = all_cases(every=9)
    assert len(cases) >= MANY
    tally = at.tally(cases)
    assert not tally.forbidden, tally.told()
    assert not tally.lost, tally.told()
    assert tally.share >= RIGHT, tally.told()
    sys.stdout.write(tally.told())


def test_the_command_says_the_same_and_nothing_but_what_is_promised(at: Desk) -> None:
    some = all_cases()[::25]
    lines = at.read(some)
    letters = {case.gate: sent_letter(at.path(case.gate).read_bytes()) for case in some}
    for case, line in zip(some, lines, strict=True):
        assert list(line) == [
            "file", "action", "decision", "note", "conditions", "delegate_to", "sender_verified", "reasons",
        ]  # fmt: skip
        found = verdict(case.build(at.letters), letters[case.gate])
        assert (line["action"], line["decision"]) == (found.action, found.decision), case.name
        assert line["action"] in ACTIONS
        assert line["decision"] in DECISIONS
        assert all(isinstance(one, str) for one in [*line["conditions"], *line["reasons"]])
    assert json.dumps(lines)


def test_a_verdict_that_does_not_fit_its_letter_is_not_our_servers_and_honest_ones_fit(at: Desk) -> None:
    """As the running bot reads them, which checks signatures itself; here nobody publishes a key."""
    letter = sent_letter(at.path("launch").read_bytes())
    tally = Tally()
    for case in [*spoofs.untrue(), *spoofs.borders(), *spoofs.honest(), *[*clients()][::25]]:
        found = verdict(case.build(at.letters), letter, dns=lambda _: ())
        tally.add(case, as_told(found), found.said.text)
    assert not tally.forbidden, tally.told()
    assert tally.misses == [], tally.told()


@pytest.fixture(scope="module")
def raws(at: Desk) -> list[bytes]:
    return [case.build(at.letters) for case in all_cases()[::5] if case.gate == "launch"]


def test_damaged_mail_raises_nothing_and_decides_nothing_without_all_three_proofs(at: Desk, raws: list[bytes]) -> None:
    """200 of them here, 100,000 in benchmarks/mail.py."""
    letter = sent_letter(at.path("launch").read_bytes())

    @settings(
        max_examples=200, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(damaged(raws))
    def read(raw: bytes) -> None:
        found = verdict(raw, letter)
        assert found.action in ACTIONS
        assert found.action != "decide" or not unproven(raw, at.letters.tokens)

    read()
