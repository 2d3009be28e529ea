"""Sentences that name somebody by address, as a reader in Slack knows them."""

import pytest

from bot.slack import sample_rows as rows
from bot.slack.naming import mentioned, named
from bot.slack.view import Who
from bot.slack.words import fit

PEOPLE = rows.people(str) | {"o.r+x@example.co.uk": Who("o.r+x@example.co.uk", "<Or>", None)}


@pytest.mark.parametrize(
    ("said", "in_slack", "in_words"),
    [
        ("This gate is ana@example.com's to decide.", "This gate is <@U0ANA00001>'s to decide.", "This gate is Ana Diaz's to decide."),
        ("ask Ana@Example.com.", "ask <@U0ANA00001>.", "ask Ana Diaz."),
        ("ben@example.com approved it", "Ben Okri approved it", "Ben Okri approved it"),
        ("o.r+x@example.co.uk, cyra@example.com", "&lt;Or&gt;, <@U0CYRA0001>", "<Or>, Cyra Lind"),
        ("ask eve@elsewhere.test", "ask eve@elsewhere.test", "ask eve@elsewhere.test"),
        ("x.ana@example.com.evil.test", "x.ana@example.com.evil.test", "x.ana@example.com.evil.test"),
        ("<!channel> at @all", "&lt;!channel&gt; at @all", "<!channel> at @all"),
    ],
)  # fmt: skip
def test_an_address_we_know_becomes_a_mention_or_a_name_and_all_else_stays(
    said: str, in_slack: str, in_words: str
) -> None:
    assert mentioned(fit(said, 3000), PEOPLE) == in_slack
    assert named(said, PEOPLE) == in_words
