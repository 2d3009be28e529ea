"""Named parameters in people's SQL: converted where they are parameters, and nowhere else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidConfiguration
from runtime.integrations.signals.parameters import numbered


def test_each_name_gets_one_number_and_its_type() -> None:
    found = numbered("select :from, :to, :experiment, :from")
    assert found.sql == "select $1::timestamptz, $2::timestamptz, $3::text, $1::timestamptz"
    assert found.names == ("from", "to", "experiment")


@pytest.mark.parametrize(
    "sql",
    [
        "select n::bigint, x::timestamptz[] from t",
        "select ':from', 'it''s :to', ''",
        'select ":from", "a"":to"',
        "select 1 -- :nothing and :from",
        "select /* :from /* nested :to */ :limit */ 1",
        "select $$ :from $$, $tag$ :to $$ :limit $tag$",
        r"select E'\' :from', e'a\\'",
        "select a[1:n], a[:n], a[lower:upper] from t",
        "select f(x := 1)",
        "select '12:30'::time",
    ],
)
def test_what_only_looks_like_a_parameter_is_left_alone(sql: str) -> None:
    assert numbered(sql).sql == sql
    assert numbered(sql).names == ()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select :from::date", "select $1::timestamptz::date"),
        ("select ':from' || :experiment", "select ':from' || $1::text"),
        ("-- it's fine\nselect :limit", "-- it's fine\nselect $1::numeric"),
        ("select array[:from, :to]", "select array[$1::timestamptz, $2::timestamptz]"),
        (r"select E'\\', :limit", r"select E'\\', $1::numeric"),
        (r"select 'back\', :limit", r"select 'back\', $1::numeric"),
        ("select type':to' , :steps", "select type':to' , $1::text[]"),
        ("select a$b$c, :segment", "select a$b$c, $1::jsonb"),
        ("select 1/* */:limit", "select 1/* */$1::numeric"),
    ],
)
def test_parameters_beside_look_alikes_are_found(sql: str, expected: str) -> None:
    assert numbered(sql).sql == expected


@pytest.mark.parametrize("sql", ["select :form", "select :experiments", "select :FROM"])
def test_a_misspelt_parameter_is_named_together_with_the_known_ones(sql: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"no parameter :\w+; .*:experiment, :from, :to"):
        numbered(sql)


@pytest.mark.parametrize("sql", ["select 'open :to", "select $$ open :to", "select /* open :to"])
def test_an_unfinished_quote_neither_hangs_nor_fails(sql: str) -> None:
    assert numbered(sql).sql.startswith("select ")


@given(st.text(alphabet="':$\"-/*abfromt \n[]\\E"))
def test_any_text_is_read_to_its_end_and_only_placeholders_differ(sql: str) -> None:
    try:
        found = numbered(sql)
    except InvalidConfiguration:
        return
    restored = re.sub(
        r"\$(\d+)::(?:text\[\]|text|timestamptz|numeric|jsonb)", lambda m: f":{found.names[int(m[1]) - 1]}", found.sql
    )
    assert restored == sql
