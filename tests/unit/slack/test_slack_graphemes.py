"""Where a text may be cut."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.graphemes import clusters, cut, extends
from bot.slack.words import clean, fit, keeping, pieces, plain

WHOLE = [
    "👨\u200d👩\u200d👧\u200d👦", "👍🏽", "👩🏿\u200d🚀", "🇩🇪", "1\ufe0f\u20e3", "e\u0301", "क्ष", "\u1112\u1161\u11ab", "각", "❤\ufe0f\u200d🔥", "a", "\r\n",
]  # fmt: skip


@pytest.mark.parametrize("cluster", WHOLE)
def test_one_character_to_the_eye_is_one_cluster(cluster):
    assert list(clusters(cluster)) == [cluster]
    assert list(clusters(cluster + "x" + cluster)) == [cluster, "x", cluster]


def test_flags_are_pairs_and_letters_are_single():
    assert list(clusters("🇩🇪🇫🇷🇬")) == ["🇩🇪", "🇫🇷", "🇬"]
    assert list(clusters("ab\tc\n")) == ["a", "b", "\t", "c", "\n"]
    assert list(clusters("👍👍")) == ["👍", "👍"]


@given(st.text(max_size=60))
def test_nothing_is_lost_between_clusters(text):
    assert "".join(clusters(text)) == text
    assert (
        not any(extends(cluster[0]) for cluster in list(clusters(text))[1:] if cluster[0] not in "\r\n\t")
        or "\n" in text
        or "\t" in text
        or "\r" in text
    )


@pytest.mark.parametrize("cluster", WHOLE[:-1])
@pytest.mark.parametrize("limit", range(9, 30))
def test_a_cut_leaves_whole_characters(cluster, limit):
    text = cluster * 30
    assert set(clusters(fit(text, limit).removesuffix("…"))) <= {cluster}
    assert set(clusters(plain(text, limit).removesuffix("…"))) <= {cluster}
    assert len(fit(text, limit)) <= limit
    assert len(plain(text, limit)) <= limit


def test_a_cluster_longer_than_the_room_is_cut_all_the_same():
    assert cut("👨\u200d👩\u200d👧", 2) == "👨\u200d"
    assert cut("abc", 5) == "abc"


def test_who_cuts_is_told_what_was_left_out():
    with keeping() as left:
        assert fit("a < b", 20) == "a &lt; b"
        assert left == []
        assert fit("a" * 30, 20) == "a" * 19 + "…"
        assert fit("b" * 30, 20, whole="Title: b") == "b" * 19 + "…"
    assert left == ["a" * 30, "Title: b"]
    fit("c" * 30, 20)
    assert len(left) == 2


@pytest.mark.parametrize("text", ["word & word " * 40, "👩🏿\u200d🚀" * 60, "<>&" * 90, "line\n" * 80, ""])
def test_pieces_hold_everything_and_fit(text):
    found = pieces(text, 50)
    assert all(len(piece) <= 50 for piece in found)
    read = html.unescape("".join(found))
    assert "".join(read.split()) == "".join(text.split())


def test_a_fence_or_a_lone_backtick_does_not_swallow_what_follows():
    assert fit("```x", 50) == "'''x"
    assert fit("a ` b", 50) == "a ' b"
    assert fit("use `flag`, not `", 50) == "use `flag`, not '"


def test_blanks_that_pass_for_letters_and_towers_of_marks_go():
    assert clean("\u3164\u2800") == ""
    assert plain("\u3164", 20) == "–"  # noqa: RUF001  a dash is meant
    assert len(clean("A" + "\u0301" * 300)) == 9
    assert clean("a\u2028b") == "a\nb"
