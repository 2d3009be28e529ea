"""The form of a new outcome, read without a workspace: numbers as people write them, limits, names, faults by field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import drafts, forms
from bot.slack.drafts import Draft, Unclear
from bot.slack.wizard import Memory, Reading, excerpt, form, warnings
from runtime.errors import InvalidRequest
from runtime.integrations.contracts import MetricDefinition
from runtime.outcomes.metrics import Known

EMAILS = {"U1": "ana@example.com", "U2": "ben@example.com"}
GOOD = {"title": "More people pay", "other": "paid", "start": "32 %", "goal": "45 %", "owner": "U1"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("0.32", 0.32), ("32 %", 0.32), ("32%", 0.32), ("0,32", 0.32), ("12,000", 12000), ("1 200", 1200), ("-3", -3), ("7%", 0.07)],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(written, meant):
    assert drafts.number(written) == meant


@pytest.mark.parametrize("written", ["", "a third", "1,2,3", "nan", "inf", "1.2.3", "%"])
def test_what_is_no_number_is_asked_for_again(written):
    with pytest.raises(Unclear, match="Write a number"):
        drafts.number(written)


def test_limits_and_rules_stand_one_a_line():
    text = "slow_share <= 5 %\n\npaid ≥ 0.97 from shop/payments\nNo changes to the payment provider\nshop/Payment.success-rate >= 97%"
    assert drafts.constraints(text, "door") == [
        {"signal": "slow_share", "source": "door", "metric": "slow_share", "max": 0.05},
        {"signal": "paid", "source": "shop", "metric": "payments", "min": 0.97},
        {"rule": "No changes to the payment provider"},
        {"signal": "payment_success_rate", "source": "shop", "metric": "Payment.success-rate", "min": 0.97},
    ]
    with pytest.raises(Unclear, match="slow < 5"):
        drafts.constraints("slow < 5", "door")


def test_where_there_is_nothing_to_pick_a_metric_has_to_be_named():
    def labels(known: Known) -> dict[str, bool]:
        blocks = form(Draft(), known, Reading(), Memory())["blocks"]
        return {one["label"]["text"]: one["optional"] for one in blocks if "etric" in one["label"]["text"]}

    assert labels(Known({}, {})) == {"Metric": False}
    assert labels(Known({"shop": (MetricDefinition("paid"),)}, {})) == {"Metric": True, "Another metric": True}


def test_a_slug_is_made_of_the_title_and_never_taken_twice():
    assert drafts.slug("More people pay!", []) == "more-people-pay"
    assert drafts.slug("More people pay!", ["more-people-pay", "more-people-pay-2"]) == "more-people-pay-3"
    assert drafts.slug("注文", []) == "outcome"


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=5))
def test_every_slug_is_one_that_outcome_yaml_takes(title, taken):
    made = drafts.slug(title, taken)
    assert made not in taken
    spec, faults = drafts.outcome(Draft(**{**GOOD, "title": title}), emails=EMAILS, channel="", file=None)
    assert spec is not None or "title" in faults


@given(st.dictionaries(st.sampled_from(sorted(Draft.model_fields)), st.text(max_size=60)))
def test_whatever_is_typed_becomes_an_outcome_or_faults_by_field(typed):
    draft = Draft(**{**GOOD, **{name: text for name, text in typed.items() if name != "backups"}})
    spec, faults = drafts.outcome(draft, emails=EMAILS, channel="", file=None)
    assert (spec is None) == bool(faults)
    assert all(text for text in faults.values())


def test_the_decider_launches_too_and_nobody_is_asked_twice():
    draft = Draft(**GOOD, decider="U2", backups=("U2", "U1"))
    spec, _ = drafts.outcome(draft, emails=EMAILS, channel="#checkout", file=None)
    assert spec.gates.launch_approval.assigned_to == "ben@example.com"
    assert spec.gates.launch_approval.escalation_chain == ("ana@example.com",)
    assert spec.gates.portfolio_review.channel == "slack:#checkout"
    assert spec.owner == "ana@example.com"


def test_people_without_a_confirmed_address_are_named_under_their_field():
    _, faults = drafts.outcome(Draft(**GOOD, launcher="U9"), emails=EMAILS, channel="", file=None)
    assert "confirmed e-mail address" in faults["launcher"]


def test_what_a_form_keeps_comes_back_whole_and_anything_else_is_refused():
    assert forms.unpacked(forms.packed("version: 1\n" * 200)) == "version: 1\n" * 200
    with pytest.raises(InvalidRequest, match="older version"):
        forms.unpacked("{}")


def test_a_number_that_looks_odd_is_questioned():
    draft = Draft(**{**GOOD, "start": "50 %", "goal": "60 %"})
    assert list(warnings(draft, 0.32, "share")) == ["From says 50.0 %, but it stands at 32.0 %."]
    assert list(warnings(draft, 0.501, "share")) == []
    assert "must lie above" in next(iter(warnings(Draft(**{**GOOD, "goal": "1 %"}), None, "share")))


def test_a_message_is_reduced_to_its_words():
    assert (
        excerpt({"text": "<@U1> see <https://x.test|the page> &amp; <!channel> &lt;b&gt;"})
        == "@U1 see the page & !channel <b>"
    )
