from runtime.spec.models import OutcomeFile
from runtime.spec.plan import Change, diff, render

OUTCOME = {
    "id": "checkout",
    "title": "Checkout",
    "signal": {"source": "shop", "metric": "paid"},
    "target": {"direction": "increase", "from": 0.3, "to": 0.4},
    "constraints": [{"signal": "errors", "max": 0.02, "source": "shop", "metric": "e"}, {"rule": "No new cookies"}],
    "horizon": "6w",
    "gates": {"portfolio_review": {"assigned_to": "ana@example.com"}},
}
SHOP = {"name": "shop", "type": "webhook", "config": {"signing_secret": "${SECRET}"}}


def file(*outcomes, connectors=(SHOP,), **more):
    data = {"version": 1, "outcomes": list(outcomes), "signal_connectors": list(connectors)}
    return OutcomeFile.model_validate(data | more)


BEFORE = file(OUTCOME)


def changed(**more):
    return diff(BEFORE, file(OUTCOME | more))


def test_the_same_file_is_no_change():
    plan = diff(BEFORE, file(OUTCOME))
    assert plan.changes == ()
    assert render(plan) == "no changes"


def test_another_spelling_of_the_same_values_is_no_change():
    assert not changed(horizon="42d", target={"direction": "increase", "from": 0.30, "to": 4e-1}).changes


def test_moving_constraints_about_is_no_change():
    assert not changed(constraints=OUTCOME["constraints"][::-1]).changes


def test_a_changed_target_is_one_guarded_field():
    plan = changed(target=OUTCOME["target"] | {"to": 0.5})
    assert plan.changes == (Change("checkout", "target.to", 0.4, 0.5, "change", guarded=True),)
    assert plan.guarded == ("checkout",)
    assert render(plan) == "  outcome checkout\n    ~ target.to: 0.4 -> 0.5 !"


def test_what_moves_the_rules_of_the_game_is_guarded_and_the_rest_is_not():
    free = changed(title="Other", horizon="7w", portfolio={"max_concurrent": 5}, llm_provider="openai", description="d")
    assert [c.guarded for c in free.changes] == [False] * 5
    for more in (
        {"signal": {"source": "shop", "metric": "other"}},
        {"constraints": []},
        {"gates": {"portfolio_review": {"assigned_to": "bo@example.com"}}},
        {"scope": {"allowed_paths": ["web/"]}},
        {"measurement": {"hold": "1d"}},
    ):
        assert changed(**more).guarded == ("checkout",)


def test_constraints_are_named_by_their_signal_or_rule():
    limit, rule = OUTCOME["constraints"]
    plan = changed(constraints=[limit | {"max": 0.01}, {"rule": "No new trackers"}])
    assert [(c.kind, c.path) for c in plan.changes] == [
        ("change", "constraints[errors].max"),
        ("add", 'constraints["No new trackers"]'),
        ("remove", 'constraints["No new cookies"]'),
    ]
    assert plan.changes[2].before == rule


def test_a_first_file_adds_its_outcomes_as_wholes_without_guard():
    plan = diff(None, BEFORE)
    assert plan.whole("add") == ("checkout",)
    assert plan.guarded == ()
    shown = render(plan)
    assert shown.startswith(
        "+ outcome checkout\n+   id: checkout\n+   title: Checkout\n+   signal:\n+     source: shop\n"
    )
    assert '    + signal_connectors[shop]: {"name": "shop"' in shown


def test_removing_an_outcome_is_guarded():
    plan = diff(BEFORE, file())
    assert plan.whole("remove") == plan.guarded == ("checkout",)
    assert render(plan).startswith("- outcome checkout\n-   id: checkout\n")


def test_connectors_are_compared_by_name_and_field():
    plan = diff(
        BEFORE,
        file(
            OUTCOME,
            connectors=({"name": "ga", "type": "ga4"}, SHOP | {"config": {"a.b": [1], "signing_secret": "${OTHER}"}}),
        ),
    )
    assert [(c.outcome_id, c.path, c.before, c.after) for c in plan.changes] == [
        (None, "signal_connectors[ga]", None, {"name": "ga", "type": "ga4", "simulated": False}),
        (None, 'signal_connectors[shop].config["a.b"]', None, [1]),
        (None, "signal_connectors[shop].config.signing_secret", "${SECRET}", "${OTHER}"),
    ]


def test_a_secret_written_out_is_seen_to_change_but_never_shown():
    before, after = (
        file(connectors=(SHOP | {"config": {"signing_secret": text}},)) for text in ("first-secret", "other-secret")
    )
    plan = diff(before, after)
    assert render(plan) == '  file\n    ~ signal_connectors[shop].config.signing_secret: "(hidden)" -> "(hidden)"'
    assert "first-secret" not in render(diff(None, before))


def test_config_lists_named_like_ours_are_left_alone():
    before, after = (file(connectors=(SHOP | {"config": {"outcomes": listed}},)) for listed in ([{"x": 1}], [{"x": 2}]))
    (change,) = diff(before, after).changes
    assert change.path == "signal_connectors[shop].config.outcomes"
