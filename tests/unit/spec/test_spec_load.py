import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime import errors
from runtime.spec.load import load
from runtime.spec.problems import InvalidOutcomeFile

GOOD = """\
version: 1
outcomes:
  - id: checkout
    title: Checkout
    signal:
      source: shop
      metric: paid
    target:
      direction: increase
      from: 0.32
      to: 0.45
    constraints:
      - signal: errors
        max: 0.02
        source: shop
        metric: error_rate
      - rule: "Leave payments alone"
    horizon: 6w
    gates:
      portfolio_review:
        assigned_to: ana@example.com
        sla: 24h
        channel: slack:#checkout
        escalation_chain:
          - bo@example.com
    scope:
      allowed_paths: [web/]
      forbidden_paths: [infra/]
signal_connectors:
  - name: shop
    type: webhook
    config:
      signing_secret: "${SHOP_SECRET}"
feature_flags:
  provider: memory
notifications:
  slack:
    default_channel: "#outcomes"
"""


def problems(text, **options):
    with pytest.raises(InvalidOutcomeFile) as refused:
        load(text, **options)
    return refused.value.problems


def test_a_good_file_is_read_with_its_defaults():
    outcome = load(GOOD).outcomes[0]
    assert (outcome.signal.method, outcome.signal.aggregation) == ("event", "point")
    assert outcome.target.confidence_required == 0.95
    assert outcome.portfolio.max_concurrent == 3
    assert (outcome.measurement.initial_rollout, outcome.measurement.hold.days) == (50, 3)


# what is replaced, by what, and the one problem that must come of it: line, column, key, part of the reason or mend
BAD = [
    ("version: 1", "version: 2", 1, 10, "version", "write version: 1"),
    ("version: 1\n", "", 1, 1, "version", "is missing"),
    ("title: Checkout", "tittle: Checkout\n    title: x", 4, 5, "outcomes[0].tittle", "did you mean `title`?"),
    ("title: Checkout", "title: Checkout\n    title: Twice", 5, 5, "outcomes[0].title", "stands here twice, first on line 4"),
    ("    title: Checkout\n", "", 3, 5, "outcomes[0].title", "is missing"),
    ("title: Checkout", "title: 42", 4, 12, "outcomes[0].title", "must be text"),
    ("title: Checkout", 'title: "  "', 4, 12, "outcomes[0].title", "is blank"),
    ("title: Checkout", 'title: "a\\u202eb"', 4, 12, "outcomes[0].title", "invisible character U+202E"),
    ("title: Checkout", "title:", 4, 5, "outcomes[0].title", "has no value"),
    ("title: Checkout", "title: !!str Checkout", 4, 12, "outcomes[0].title", "remove the tag"),
    ("id: checkout", "id: Check Out", 3, 9, "outcomes[0].id", "is not a slug"),
    ("source: shop\n      metric: paid", "source: shoop\n      metric: paid", 6, 15, "outcomes[0].signal.source", "did you mean `shop`?"),
    ("metric: paid", "metric: paid\n      method: funnel", 6, 7, "outcomes[0].signal.funnel_steps", "at least two steps"),
    ("metric: paid", "metric: paid\n      method: guess", 8, 15, "outcomes[0].signal.method", "write funnel, event or custom"),
    ("metric: paid", "metric: paid\n      segment: {beta: true}", 8, 23, "outcomes[0].signal.segment.beta", "must be text"),
    ("metric: paid", "metric: paid\n      funnel_steps: [a, b]", 8, 21, "outcomes[0].signal.funnel_steps", "no meaning for method event"),
    ("from: 0.32", "from: a third", 10, 13, "outcomes[0].target.from", "must be a number"),
    ("from: 0.32", 'from: "0.32"', 10, 13, "outcomes[0].target.from", "must be a number"),
    ("from: 0.32", "from: true", 10, 13, "outcomes[0].target.from", "must be a number"),
    ("from: 0.32", "from: .inf", 10, 13, "outcomes[0].target.from", "finite"),
    ("to: 0.45", "to: 0.25", 11, 11, "outcomes[0].target.to", "must lie above `from`"),
    ("to: 0.45", "to: 0.32", 11, 11, "outcomes[0].target.to", "must lie above `from`"),
    ("direction: increase", "direction: decrease", 11, 11, "outcomes[0].target.to", "must lie below `from`"),
    ("to: 0.45", "to: 0.45\n      confidence_required: 0.4", 12, 28, "outcomes[0].target.confidence_required", "at least 0.5"),
    ("to: 0.45", "to: 0.45\n      confidence_required: 1", 12, 28, "outcomes[0].target.confidence_required", "at most 0.9999"),
    ("max: 0.02", "min: 3\n        max: 2", 14, 14, "outcomes[0].constraints[0].min", "is not below max"),
    ("        max: 0.02\n", "", 13, 9, "outcomes[0].constraints[0]", "neither min nor max"),
    ("metric: error_rate", "metric: error_rate\n        rule: x", 13, 17, "outcomes[0].constraints[0].signal", "cannot stand beside"),
    ('- rule: "Leave payments alone"', "- rul: x\n        signal: x\n        max: 1\n        source: shop\n        metric: m",
     17, 9, "outcomes[0].constraints[1].rul", "did you mean `rule`?"),
    ('- rule: "Leave payments alone"', "- {signal: errors, max: 1, source: shop, metric: m}", 17, 18, "outcomes[0].constraints[1].signal", "is the same as"),
    ('- rule: "Leave payments alone"', "- just words", 17, 9, "outcomes[0].constraints[1]", "must be a block of keys"),
    ("horizon: 6w", "horizon: 6", 18, 14, "outcomes[0].horizon", "give it a unit"),
    ("horizon: 6w", "horizon: P2M", 18, 14, "outcomes[0].horizon", "differ in length"),
    ("horizon: 6w", "horizon: 23h", 18, 14, "outcomes[0].horizon", "between 1d and 730d"),
    ("horizon: 6w", "horizon: 105w", 18, 14, "outcomes[0].horizon", "between 1d and 730d"),
    ("horizon: 6w", "horizon: 6w\n    measurement: {duration: 7w}", 19, 29, "outcomes[0].measurement.duration", "longer than the horizon"),
    ("horizon: 6w", "horizon: 6w\n    measurement: {initial_rollout: 0}", 19, 36, "outcomes[0].measurement.initial_rollout", "at least 1"),
    ("horizon: 6w", "horizon: 6w\n    measurement: {minimum_effect: 0}", 19, 35, "outcomes[0].measurement.minimum_effect", "must be above 0"),
    ("horizon: 6w", "horizon: 6w\n    portfolio: {max_concurrent: 2.5}", 19, 33, "outcomes[0].portfolio.max_concurrent", "whole number"),
    ("horizon: 6w", "horizon: 6w\n    llm_provider: claude", 19, 19, "outcomes[0].llm_provider", "anthropic, openai or perplexity"),
    ("ana@example.com", "ana", 21, 22, "outcomes[0].gates.portfolio_review.assigned_to", "not an e-mail address"),
    ("sla: 24h", "sla: 59s", 22, 14, "outcomes[0].gates.portfolio_review.sla", "between 1m and 90d"),
    ("sla: 24h", "sla: 91d", 22, 14, "outcomes[0].gates.portfolio_review.sla", "between 1m and 90d"),
    ("slack:#checkout", "irc:#checkout", 23, 18, "outcomes[0].gates.portfolio_review.channel", "slack:#name, email"),
    ("slack:#checkout", "slack: #checkout", 23, 23, "", "quotes"),
    ("bo@example.com", "ana@example.com", 25, 13, "outcomes[0].gates.portfolio_review.escalation_chain[0]", "asked already"),
    ("portfolio_review", "portfolio_reviews", 20, 7, "outcomes[0].gates.portfolio_reviews", "did you mean `portfolio_review`?"),
    ("[web/]", "[/web]", 27, 23, "outcomes[0].scope.allowed_paths[0]", "relative"),
    ("[web/]", "[web/../etc]", 27, 23, "outcomes[0].scope.allowed_paths[0]", "climbs out"),
    ("[web/]", "web/", 27, 22, "outcomes[0].scope.allowed_paths", "must be a list"),
    ("[infra/]", "[web/]", 28, 25, "outcomes[0].scope.forbidden_paths[0]", "allowed and forbidden"),
    ("type: webhook", "type: webhook\n    simulated: maybe", 32, 16, "signal_connectors[0].simulated", "must be true or false"),
    ("type: webhook", "type: webhook\n    simulated: 1", 32, 16, "signal_connectors[0].simulated", "write true or false"),
    ("type: webhook", "type: webhook\n    simulatd: true", 32, 5, "signal_connectors[0].simulatd", "did you mean `simulated`?"),
    ("type: webhook", "type: webhok", 31, 11, "signal_connectors[0].type", "webhook"),
    ("feature_flags:", "  - {name: shop, type: postgres}\nfeature_flags:", 34, 12, "signal_connectors[1].name", "the name of signal_connectors[0] already"),
    ("${SHOP_SECRET}", "${SHOP-SECRET}", 33, 23, "signal_connectors[0].config.signing_secret", "names no variable"),
    ("signing_secret:", "limit: .nan\n      x:", 33, 14, "signal_connectors[0].config.limit", "not a finite number"),
    ("provider: memory", "provider: split", 35, 13, "feature_flags.provider", "launchdarkly, unleash"),
    ('"#outcomes"', "#outcomes", 38, 5, "notifications.slack.default_channel", "`#` starts a comment"),
    ('"#outcomes"', "outcomes", 38, 22, "notifications.slack.default_channel", '"#name" in quotes'),
    ("notifications:", "notification:", 36, 1, "notification", "did you mean `notifications`?"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", BAD, ids=[f"{mistake[4]}-{i}" for i, mistake in enumerate(BAD)])
def test_a_mistake_is_named_where_it_stands(mistake):
    old, new, line, column, key, said = mistake
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    match = [p for p in found if (p.line, p.column, p.key) == (line, column, key)]
    assert match, [str(p) for p in found]
    assert said in str(match[0])


def test_the_message_can_be_clicked_and_says_how_to_mend():
    (problem,) = problems(GOOD.replace("to: 0.45", "to: 0.1"), name="shop/outcome.yaml")
    assert str(problem) == (
        "shop/outcome.yaml:11:11 outcomes[0].target.to: must lie above `from` to increase. "
        "Mend: correct from and to, or the direction."
    )


def test_everything_wrong_is_said_at_once_in_the_order_of_the_file():
    text = GOOD.replace("id: checkout", "id: Check").replace("to: 0.45", "to: x").replace("type: webhook", "type: w")
    text = text.replace("source: shop\n        metric", "source: elsewhere\n        metric").replace(
        "horizon: 6w", "horizn: 6w"
    )
    found = problems(text, env={})
    assert [p.key for p in found] == [
        "outcomes[0].horizon",
        "outcomes[0].id",
        "outcomes[0].target.to",
        "outcomes[0].constraints[0].source",
        "outcomes[0].horizn",
        "signal_connectors[0].type",
        "signal_connectors[0].config.signing_secret",
    ]
    assert [p.line for p in found] == sorted(p.line for p in found)


def test_rules_within_a_block_speak_although_another_line_of_it_is_broken():
    text = """version: 1
outcomes:
  - id: a
    title: A
    colour: red
    signal: {source: webhook, metric: m, method: funnel, aggregation: 9d}
    target: {direction: increase, from: 0.5, to: 0.4, confidence_required: 7}
    constraints:
      - {signal: x, min: 5, max: 1, source: webhook}
      - {signal: x, source: webhook, metric: q, maks: 3}
    horizon: 1w
    measurement: {duration: 9w, hold: never}
  - id: b
    title: B
    signal: {source: webhook, metric: m, method: sideways, funnel_steps: 7}
    target: {direction: increase, from: 0.3, to: yes}
    horizon: soon
    measurement: {duration: 2w}
    gates:
      launch_approval: {assigned_to: a@b.co, sla: never, escalation_chain: [a@b.co]}
    scope: {allowed_paths: [a/, /b], forbidden_paths: [a/]}
"""
    with pytest.raises(InvalidOutcomeFile) as refused:
        load(text)
    said = {f"{problem.key}: {problem.reason}" for problem in refused.value.problems}
    assert len(said) == len(refused.value.problems)
    assert said >= {
        "outcomes[0].gates: names nobody who decides",
        "outcomes[0].signal.funnel_steps: a funnel needs at least two steps",
        "outcomes[0].target.to: must lie above `from` to increase",
        "outcomes[0].constraints[0].min: is not below max",
        "outcomes[0].constraints[1]: has neither min nor max",
        "outcomes[0].constraints[1].signal: is the same as in constraints[0]",
        "outcomes[0].measurement.duration: is longer than the horizon",
        "outcomes[1].gates.launch_approval.escalation_chain[0]: is asked already",
        "outcomes[1].scope.forbidden_paths[0]: is allowed and forbidden",
    }
    assert not [problem for problem in refused.value.problems if problem.key == "outcomes[1].measurement.duration"]


def test_the_error_is_the_houses_own_and_carries_the_problems_as_data():
    with pytest.raises(errors.InvalidOutcomeFile, match="1 problem, nothing was applied") as refused:
        load("")
    assert refused.value.code == "INVALID_OUTCOME_FILE"
    assert refused.value.context["problems"][0]["line"] == 1


def test_two_outcomes_cannot_share_an_id():
    twin = GOOD[GOOD.index("  - id") : GOOD.index("signal_connectors")]
    (problem,) = problems(GOOD.replace("signal_connectors:", twin + "signal_connectors:", 1))
    assert (problem.key, problem.line, problem.column) == ("outcomes[1].id", 29, 9)
    assert "outcomes[0]" in problem.reason


def test_somebody_must_decide():
    text = GOOD[: GOOD.index("    gates:")] + GOOD[GOOD.index("    scope:") :]
    (problem,) = problems(text)
    assert problem.key == "outcomes[0].gates"
    assert (
        load(text.replace("horizon: 6w", "horizon: 6w\n    owner: ana@example.com")).outcomes[0].responsible
        == "ana@example.com"
    )


def test_without_connectors_in_the_file_any_source_of_the_organisation_may_be_named():
    text = GOOD[: GOOD.index("signal_connectors")]
    assert load(text).signal_connectors == ()


def test_webhook_is_a_source_without_being_declared():
    assert load(GOOD.replace("source: shop", "source: webhook", 1)).outcomes[0].signal.source == "webhook"


def test_variables_are_kept_as_written_and_missed_only_when_the_environment_is_known():
    assert load(GOOD).signal_connectors[0].config == {"signing_secret": "${SHOP_SECRET}"}
    assert load(GOOD, env={"SHOP_SECRET": "x"}) == load(GOOD)
    (problem,) = problems(GOOD, env={})
    assert (problem.line, problem.column, problem.key) == (33, 23, "signal_connectors[0].config.signing_secret")
    assert "SHOP_SECRET" in problem.mend
    assert load(GOOD.replace("${SHOP_SECRET}", "${SHOP_SECRET:-none}"), env={})


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("", 1, 1, "empty"),
        ("# only a remark\n", 1, 1, "empty"),
        ("hello", 1, 1, "block of keys"),
        ("- a", 1, 1, "block of keys"),
        ("version: 1\noutcomes:\n\t- id: x\n", 3, 1, "tab"),
        ("version: 1\noutcomes: []\n---\nversion: 1\n", 3, 1, "second document"),
        ("%YAML 1.1\n---\nversion: 1\noutcomes: []\n", 1, 1, "directive"),
        ("version: 1\nx: 'open\n", 2, 4, "close the quote"),
        ("version: 1\nx: @home\n", 2, 4, "quotes"),
        ("version: 1\nx: a: b\n", 2, 5, "quotes"),
        ("version: 1\n nope: 1\n", 2, 6, "indent"),
        ("version: 1\n? [a]\n: b\n", 2, 3, "not plain text"),
        ("version: 1\nx: \x07\n", 2, 4, "control character"),
        ("version: 1\nx: *nobody\n", 2, 4, "no anchor above"),
        ("x: &x [*x]\n", 1, 8, "contains itself"),
        ("version: 1\nx: !!python/object:os.system y\n", 2, 4, "remove the tag"),
        ('version: 1\nx: "\\U99999999"\n', 1, 10, "escape"),
        ("version: 1\nx: \ud800\n", 2, 4, "UTF-8"),
        (b"version: 1\nx: \xff\n", 2, 4, "UTF-8"),
        ("version: 1".encode("utf-16"), 1, 1, "UTF-8"),
    ],
)
def test_what_is_no_yaml_for_us_is_refused_with_its_place(text, line, column, said):
    first = next(p for p in problems(text) if said in str(p))
    assert (first.line, first.column) == (line, column)


def test_yaml_1_2_reads_words_as_words():
    text = GOOD.replace(
        "metric: paid", "metric: paid\n      segment: {country: NO, news: on, day: 2026-01-01, ratio: 1:30}"
    )
    assert load(text).outcomes[0].signal.segment == {
        "country": "NO",
        "news": "on",
        "day": "2026-01-01",
        "ratio": "1:30",
    }


def test_numbers_may_be_written_the_ways_of_yaml_1_2():
    config = (
        "a: 010\n      b: 0o17\n      c: 0x1F\n      d: 1_000\n      e: 1e3\n      f: null\n      g: True\n      h: -_"
    )
    found = load(GOOD.replace('signing_secret: "${SHOP_SECRET}"', config)).signal_connectors[0].config
    assert found == {"a": 10, "b": 15, "c": 31, "d": 1000, "e": 1000.0, "f": None, "g": True, "h": "-_"}


def test_bytes_a_byte_order_mark_windows_lines_and_document_marks_are_no_trouble():
    assert load("\ufeff---\n" + GOOD + "...\n") == load(GOOD.encode()) == load(GOOD.replace("\n", "\r\n"))


def test_anchors_and_merges_save_repeating_a_gate():
    gates = "portfolio_review: &boss\n        assigned_to: ana@example.com\n        sla: 24h\n"
    more = "      launch_approval: {<<: *boss, sla: 4h}\n      ship_approval: *boss\n    scope:"
    head, tail = GOOD[: GOOD.index("portfolio_review")], GOOD[GOOD.index("    scope:") :]
    outcome = load(head + gates + tail.replace("    scope:", more, 1)).outcomes[0]
    assert outcome.gate("launch_approval").sla.total_seconds() == 4 * 3600
    assert outcome.gate("launch_approval").assigned_to == outcome.gate("ship_approval").assigned_to == "ana@example.com"


def test_a_merge_of_something_else_than_a_block_is_named():
    found = problems(GOOD.replace("metric: paid", "metric: paid\n      <<: [1]"))
    assert [(p.line, p.column, p.key) for p in found] == [(8, 12, 'outcomes[0].signal["<<"]')]


LAUGHS = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))
LADDER = "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 2000))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a0: &a0 [lol]\n" + LAUGHS, "more than 10000 values"),
        ("a0: &a0 [lol]\n" + LADDER, "levels deep"),
        ("x: " + "[" * 100_000, "levels deep"),
        ("- " * 100_000, "levels deep"),
        ("x: {" + "a: {" * 100_000, "levels deep"),
        ("x: [" + "1," * 100_000, "more than 10000 values"),
        ("a" * 10_000_000, "the limit is 1 MiB"),
        (b"version: 1\n" * 1_000_000, "the limit is 1 MiB"),
        ("#\n" * 100_000, "more than 50000 lines"),
    ],
    ids=["laughs", "ladder", "brackets", "dashes", "braces", "numbers", "10 MB", "11 MB of lines", "lines"],
)
def test_bombs_are_refused_quickly(text, said):
    start = time.process_time()
    assert said in str(problems(text)[0])
    assert time.process_time() - start < (1 if sys.gettrace() is None else 10)


def test_a_file_of_nonsense_gets_a_hundred_problems_and_a_short_message():
    text = "version: 1\noutcomes: []\n" + "".join(f"key{i}: {i}\n" for i in range(3000))
    with pytest.raises(InvalidOutcomeFile) as refused:
        load(text)
    assert len(refused.value.problems) == 100
    assert refused.value.message.endswith("... and 50 more")


def test_terminal_tricks_in_a_file_are_not_repeated_by_the_message():
    (problem,) = problems(GOOD.replace("version: 1", 'version: 1\n"\\e[31mred": 1'))
    assert str(problem).isprintable()


def test_a_secret_in_a_broken_config_is_not_repeated_by_the_message():
    secret = "hunter2-and-more"
    found = problems(GOOD.replace("${SHOP_SECRET}", secret + "${").replace("type: webhook", "type: " + "x"))
    assert secret not in "".join(map(str, found))


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t\\0.eU<~$\x85\u2028é"), max_size=60)
    | st.text()
    | st.binary()
)
def test_no_text_whatever_breaks_the_reader(text):
    with pytest.raises(InvalidOutcomeFile) as refused:
        load(text)
    assert all(p.line >= 1 and p.column >= 1 and p.reason and p.mend for p in refused.value.problems)
