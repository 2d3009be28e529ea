import pytest

from runtime.errors import InvalidConfiguration
from runtime.spec.advice import warnings
from runtime.spec.models import OutcomeFile
from runtime.spec.references import resolve

ENV = {"HOST": "db", "PORT": "5432", "EMPTY": ""}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${HOST}", "db"),
        ("postgres://${HOST}:${PORT}/x", "postgres://db:5432/x"),
        ("${MISSING:-fallback}", "fallback"),
        ("${MISSING:-}", ""),
        ("${EMPTY:-fallback}", "fallback"),
        ("${EMPTY}", ""),
        ("${HOST:-fallback}", "db"),
        ("$${HOST}", "${HOST}"),
        ("$HOST costs $5", "$HOST costs $5"),
        ({"a": ["${HOST}", 1, None, {"b": "${PORT}"}]}, {"a": ["db", 1, None, {"b": "5432"}]}),
    ],
)
def test_references_are_filled_in_where_they_are_used(written, meant):
    assert resolve(written, ENV) == meant


def test_what_a_variable_contains_is_never_read_again():
    assert resolve("${A}", {"A": "${B}", "B": "deep"}) == "${B}"


def test_all_missing_variables_are_named_at_once():
    with pytest.raises(InvalidConfiguration, match="needs ONE, TWO; set it in the environment"):
        resolve({"a": "${TWO}", "b": ["${ONE}", "${TWO}"]}, ENV)


def with_config(**config):
    connector = {"name": "shop", "type": "postgres", "config": config}
    return OutcomeFile.model_validate({"version": 1, "outcomes": [], "signal_connectors": [connector]})


@pytest.mark.parametrize(
    "config",
    [
        {"note": "xoxb-" + "1" * 12},
        {"note": "sk-" + "a1" * 20},
        {"note": "-----BEGIN " + "PRIVATE KEY-----"},
        {"note": "postgres://bo:hunter2@db/x"},
        {"dsn": "${DSN:-postgres://bo:hunter2@db/x}"},
        {"api_key": "abcdefgh12345678"},
        {"deep": [{"password": "correct horse"}]},
    ],
)
def test_a_secret_written_out_is_warned_about_and_not_repeated(config):
    (warning,) = warnings(with_config(**config))
    assert warning.startswith("signal_connectors[0].config.")
    assert "hunter2" not in warning
    assert "horse" not in warning


@pytest.mark.parametrize(
    "config",
    [
        {"api_key": "${API_KEY}"},
        {"dsn": "postgres://${USER}:${PASSWORD}@db/x"},
        {"credentials_json": "/run/secrets/ga4.json"},
        {"project_id": "123456789012"},
        {"token_url": "https://example.com/token"},
        {"password": ""},
    ],
)
def test_references_paths_and_plain_ids_are_no_secrets(config):
    assert warnings(with_config(**config)) == []


def test_a_reference_where_none_is_read_is_pointed_out():
    outcome = {
        "id": "checkout",
        "title": "Checkout in ${COUNTRY}",
        "signal": {"source": "webhook", "metric": "paid"},
        "target": {"direction": "increase", "from": 1, "to": 2},
        "horizon": "6w",
        "owner": "ana@example.com",
    }
    (warning,) = warnings(OutcomeFile.model_validate({"version": 1, "outcomes": [outcome]}))
    assert warning.startswith("outcomes[0].title: ${...} is plain text here")
