import json
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.spec.durations import format_duration
from runtime.spec.export import dump
from runtime.spec.load import load
from runtime.spec.models import STAND_INS, OutcomeFile
from runtime.spec.plan import diff
from runtime.spec.references import resolve

NASTY = ["null", "true", "No", "~", "1.5", "0x1F", "1e3", "6w", "2026-01-01", "1:30", "- a", "#x", "a: b", "a #b", " lead", "trail ",
         "&a", "*a", "!t", "|", ">", "%", "@", "`", "'", '"', "\\", "[", "{", ",", "?", "-", ":", "=", "<<", "---", "...", "a:", "é", "🎉",
         "\u2028", "\xa0", "\ufeff", "\uffff", "${NAME}", "${NAME:-x}", "$${x}"]  # fmt: skip
HIDDEN = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=HIDDEN)
LINE = (st.sampled_from(NASTY) | st.text(LETTERS, min_size=1, max_size=40)).filter(str.strip)
PROSE = (
    st.lists(LINE | st.sampled_from(["", "  ", "\tx", "# x"]), min_size=1, max_size=5).map("\n".join).filter(str.strip)
)
SLUG = st.from_regex(r"\A[a-z0-9]{1,8}(-[a-z0-9]{1,8})?\Z")
EMAIL = st.sampled_from(["ana@example.com", "bo@example.com", "owner@localhost", "josé@example.org"])
NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6)
SPAN = st.integers(86_400, 730 * 86_400)
CONFIG_TEXT = st.sampled_from(NASTY) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0$"), max_size=30
)
CONFIG_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | CONFIG_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LINE, inner, max_size=3),
    max_leaves=8,
)
CONFIG = st.dictionaries(LINE, CONFIG_VALUE, max_size=3)


def block(required, **optional):
    return st.fixed_dictionaries(required, optional=optional)


def signals(sources):
    common = {"source": sources, "metric": LINE}
    extra = {
        "segment": st.dictionaries(LINE, LINE, max_size=2),
        "aggregation": st.sampled_from(["point", "7d_rolling"]),
        "unit": LINE,
    }
    funnel = common | {"method": st.just("funnel"), "funnel_steps": st.lists(LINE, min_size=2, max_size=4)}
    return block(funnel, **extra) | block(common, **extra, method=st.sampled_from(["event", "custom"]))


@st.composite
def targets(draw):
    low, high = sorted(draw(st.lists(NUMBER, min_size=2, max_size=2, unique=True)))
    grows = draw(st.booleans())
    ends = {"from": low, "to": high} if grows else {"from": high, "to": low}
    return {
        "direction": "increase" if grows else "decrease",
        **ends,
        "confidence_required": draw(st.floats(0.5, 0.9999)),
    }


@st.composite
def constraints(draw, sources):
    rules = [{"rule": rule} for rule in draw(st.lists(LINE, max_size=2, unique=True))]
    names = draw(st.lists(SLUG, max_size=2, unique=True))
    return rules + [
        {
            "signal": name,
            "source": draw(sources),
            "metric": draw(LINE),
            draw(st.sampled_from(["min", "max"])): draw(NUMBER),
        }
        for name in names
    ]


@st.composite
def gates(draw):
    people = draw(st.lists(EMAIL, min_size=1, max_size=3, unique=True))
    channel = draw(st.sampled_from([None, "email", "email:bo@example.com", "slack:#checkout", "slack:C0123456789"]))
    sla = format_duration(timedelta(seconds=draw(st.integers(60, 90 * 86_400))))
    return {"assigned_to": people[0], "escalation_chain": people[1:], "channel": channel, "sla": sla}


@st.composite
def outcomes(draw, slug, sources):
    horizon = draw(SPAN)
    return draw(
        block(
            {
                "id": st.just(slug),
                "title": LINE,
                "signal": signals(sources),
                "target": targets(),
                "constraints": constraints(sources),
                "horizon": st.just(f"{horizon}s"),
                "owner": EMAIL,
            },
            description=PROSE,
            secondary_signals=st.lists(signals(sources), max_size=2),
            portfolio=block({}, max_concurrent=st.integers(1, 50)),
            gates=block({}, **{kind: gates() for kind in STAND_INS}),
            scope=st.lists(SLUG, max_size=4, unique=True).map(
                lambda p: {"allowed_paths": p[:2], "forbidden_paths": p[2:]}
            ),
            measurement=block(
                {},
                minimum_effect=st.floats(0, 1e9, exclude_min=True),
                duration=st.integers(3600, horizon).map(lambda s: f"{s}s"),
                hold=st.integers(0, 90 * 86_400).map(lambda s: f"{s}s"),
                initial_rollout=st.integers(1, 100),
                units_per_day=st.integers(1, 10**9),
            ),
            llm_provider=st.sampled_from(["anthropic", "openai", "perplexity"]),
            workspace=SLUG,
        )
    )


@st.composite
def files(draw):
    names = draw(st.lists(SLUG, max_size=2, unique=True))
    sources = st.sampled_from([*names, "webhook"])
    slugs = draw(st.lists(SLUG, max_size=2, unique=True))
    connector_types = st.sampled_from(["mixpanel", "ga4", "postgres", "webhook"])
    data = draw(
        block(
            {"version": st.just(1), "outcomes": st.tuples(*(outcomes(slug, sources) for slug in slugs))},
            llm=block(
                {},
                default_provider=st.sampled_from(["anthropic", "openai"]),
                hypothesis_model=LINE,
                analysis_model=LINE,
            ),
            feature_flags=block({}, provider=st.sampled_from(["memory", "unleash", "custom"]), config=CONFIG),
            notifications=block(
                {}, slack=block({}, bot_token=st.sampled_from(["${T}", "x"]), default_channel=st.just("#news"))
            ),
        )
    )
    data["signal_connectors"] = [
        draw(block({"name": st.just(name), "type": connector_types, "config": CONFIG}, simulated=st.booleans()))
        for name in names
    ]
    return OutcomeFile.model_validate(data)


often = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@often
@given(files())
def test_what_is_written_is_read_back_as_it_was_and_written_the_same_again(file):
    text = dump(file)
    again = load(text)
    assert again == file
    assert dump(again) == text
    assert not diff(file, again).changes


@often
@given(files())
def test_a_stored_file_comes_back_from_json_as_it_was(file):
    stored = json.dumps(file.model_dump(mode="json", by_alias=True), allow_nan=False)
    assert OutcomeFile.model_validate(json.loads(stored)) == file


@often
@given(files(), files())
def test_only_files_that_mean_the_same_have_no_changes_between_them(one, other):
    def meaning(file):
        data = file.model_dump(mode="json")
        for outcome in data["outcomes"]:
            outcome["constraints"].sort(key=json.dumps)
        return data | {key: sorted(data[key], key=json.dumps) for key in ("outcomes", "signal_connectors")}

    assert (not diff(one, other).changes) == (meaning(one) == meaning(other))


@often
@given(CONFIG)
def test_resolving_leaves_what_has_no_reference_alone(config):
    plain = json.loads(json.dumps(config).replace("$", "S"))
    assert resolve(plain, {}) == plain
