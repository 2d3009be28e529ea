# ruff: noqa: RUF001 - the true minus sign and dash are what is tested
import gc
import io
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from PIL import Image

import charts
from charts import EffectPoint, GuardrailStrip, Interval, PhaseMark, PortfolioItem, SignalPoint
from charts.fonts import drawable
from charts.kinds import MODULES, kind_of
from charts.sheet import Sheet
from charts.style import THEMES

START = datetime(2026, 3, 3, tzinfo=UTC)
NAN, INF = math.nan, math.inf


def pixels(drawing):
    with Image.open(io.BytesIO(drawing.png)) as image:
        assert image.size == (drawing.width, drawing.height)
        return np.asarray(image)[::2, ::2, :3].astype(np.int16)


def ink(drawing):
    """Share of pixels in the middle of the picture that are not background."""
    seen = pixels(drawing)
    middle = seen[80 : drawing.height // 2 - 65]
    return float((np.abs(middle - seen[1, 1]).sum(axis=2) > 30).mean())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_kind_is_drawn_at_double_density_on_its_theme_s_ground(every_chart, theme):
    ground = tuple(int(THEMES[theme].ground[i : i + 2], 16) for i in (1, 3, 5))
    for chart in every_chart:
        drawing = charts.draw(chart, theme=theme)
        assert drawing.width == 1600
        assert drawing.height >= 900
        assert tuple(pixels(drawing)[1, 1]) == ground
        assert ink(drawing) > 0.01
        assert (drawing.alt, drawing.sparkline) == (charts.alt_text(chart), charts.sparkline(chart))


def test_the_file_itself_carries_snapshot_cut_off_and_alt_text(effect, provenance):
    title = "支付 $x$"
    drawing = charts.draw(replace(effect, title=title, provenance=replace(provenance, simulated=True)))
    with Image.open(io.BytesIO(drawing.png)) as image:
        told = image.text
    assert told["Snapshot"] == provenance.snapshot_id
    assert told["Data-Through"] == "2026-03-18T00:00:00+00:00"
    assert told["Simulated"] == "yes"
    assert (told["Title"], told["Description"]) == (title, drawing.alt)


def test_the_same_chart_gives_the_same_bytes(portfolio):
    assert charts.draw(portfolio).png == charts.draw(portfolio).png


def test_the_picture_changes_with_the_data_the_status_and_the_provenance(effect, provenance):
    variants = [
        effect,
        replace(effect, points=effect.points[:10]),
        replace(effect, status="harm"),
        replace(effect, srm_flagged=True),
        replace(effect, success_threshold=0.03),
        replace(effect, predicted=None),
        replace(effect, crossed_at=None),
        replace(effect, guardrails=()),
        replace(effect, provenance=replace(provenance, simulated=True)),
        replace(effect, provenance=replace(provenance, snapshot_id="other")),
    ]
    pictures = [pixels(charts.draw(chart)) for chart in variants]
    for index, picture in enumerate(pictures):
        assert not any(np.array_equal(picture, other) for other in pictures[:index])


def odd_effects():
    at = [START + timedelta(hours=6 * i) for i in range(40)]
    return {
        "no points": (),
        "only unknown estimates": (EffectPoint(at[0], NAN, NAN, NAN, 0, 0),),
        "one point": (EffectPoint(at[0], 0.01, -0.1, 0.12, 10, 10),),
        "one unbounded point": (EffectPoint(at[0], 0.01, -INF, INF, 10, 10),),
        "all equal": tuple(EffectPoint(t, 0.0, 0.0, 0.0, 10, 10) for t in at),
        "bounds come late": tuple(
            EffectPoint(t, 0.01, -INF if i < 20 else -0.1, INF if i < 30 else NAN, i, i) for i, t in enumerate(at)
        ),
        "bounds upside down": tuple(EffectPoint(t, 0.0, 0.2, -0.2, 9, 9) for t in at),
        "huge range": tuple(
            EffectPoint(t, (-1.0) ** i * 10.0 ** (7 * i), -1e308, 1e308, 10**18, 1) for i, t in enumerate(at)
        ),
        "tiny range": tuple(EffectPoint(t, 5e-324 * i, -1e-310, 1e-310, 1, 1) for i, t in enumerate(at)),
        "backwards in time": tuple(EffectPoint(t, 0.01, 0.0, 0.02, 5, 5) for t in reversed(at)),
        "ends of the calendar": (
            EffectPoint(datetime(1, 1, 1, tzinfo=UTC), 0.1, 0.0, 0.2, 1, 1),
            EffectPoint(datetime(9999, 12, 31, 23, tzinfo=UTC), 0.1, 0.0, 0.2, 1, 1),
        ),
        "naive moments": (EffectPoint(datetime(2026, 3, 3), 0.1, 0.0, 0.2, 1, 1),),  # noqa: DTZ001 - the case itself
    }


@pytest.mark.parametrize("case", odd_effects())
def test_a_degenerate_effect_draws_something_true(effect, case):
    chart = replace(effect, points=odd_effects()[case], headline="")
    assert ink(charts.draw(chart)) > 0.005


def test_an_effect_without_goal_forecast_and_horizon_is_still_drawn(effect):
    for unit in ("", "$"):
        bare = replace(effect, predicted=Interval(NAN, INF), success_threshold=NAN, horizon=None, unit=unit, phases=())
        assert ink(charts.draw(bare)) > 0.01


def test_a_degenerate_portfolio_draws_something_true(portfolio):
    names = ("移动端结账", "سبد خرید یک صفحه‌ای", "🚀🎉", "", "w" * 300, "\ud800 lone \x00", "$\\frac{")
    items = tuple(
        PortfolioItem(name, *bounds, NAN if i else 0.5, name, Interval(*bounds[::2]))
        for i, (name, bounds) in enumerate(
            zip(names * 2, [(-INF, 0.0, INF), (NAN, NAN, NAN), (0.1, 0.1, 0.1), (0.3, 0.2, 0.1)] * 4, strict=False)
        )
    )
    for chart in (
        replace(portfolio, items=items),
        replace(portfolio, items=items[:12], target=INF),
        replace(portfolio, items=(), baseline=NAN),
        replace(portfolio, items=items[:2], unit="$", baseline=-1e308, target=1e308, direction="sideways"),
    ):
        assert ink(charts.draw(chart)) > 0.003


def test_a_degenerate_launch_draws_something_true(launch):
    for chart in (
        replace(launch, days=(), power=(), guardrails=()),
        replace(launch, days=(7.0,), power=(0.4,), horizon_days=INF),
        replace(launch, days=(0.0,), power=(NAN,), baseline=NAN, units_per_day=INF, horizon_days=NAN),
        replace(launch, days=(-3.0, 1e300), power=(-5.0, 7.0), horizon_days=1e300, guardrails=("g" * 400,) * 60),
        replace(launch, flag_key="k" * 500, plan_digest="d" * 500, metric="", unit="u" * 90),
    ):
        assert ink(charts.draw(chart)) > 0.005


def test_a_degenerate_signal_draws_something_true(signal):
    many = tuple(SignalPoint(START + timedelta(minutes=i), math.sin(i / 9), None) for i in range(100_000))
    crowd = tuple(PhaseMark(START + timedelta(hours=i), f"release {i}") for i in range(300))
    for chart in (
        replace(signal, points=()),
        replace(signal, points=signal.points[:1], target=None, baseline=None),
        replace(signal, points=(SignalPoint(START, 1e308), SignalPoint(START, -1e308))),
        replace(signal, points=many, marks=crowd, unit="%"),
        replace(signal, points=tuple(replace(p, value=7.0) for p in signal.points), target=INF),
    ):
        assert ink(charts.draw(chart)) > 0.005


@settings(
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_the_numbers_and_names_an_effect_is_drawn(effect, data):
    number, words = st.floats(), st.text(max_size=30)
    moment = st.datetimes(timezones=st.just(UTC))
    points = data.draw(
        st.lists(st.builds(EffectPoint, moment, number, number, number, st.integers(), st.integers()), max_size=4)
    )
    rails = data.draw(st.lists(st.builds(GuardrailStrip, words, number, number, words, words, words), max_size=6))
    chart = replace(
        effect,
        title=data.draw(words),
        unit=data.draw(words),
        headline=data.draw(words),
        points=tuple(points),
        guardrails=tuple(rails),
        horizon=data.draw(st.none() | moment),
        crossed_at=data.draw(st.none() | moment),
        success_threshold=data.draw(number),
        phases=tuple(data.draw(st.lists(st.builds(PhaseMark, moment, words), max_size=3))),
    )
    assert pixels(charts.draw(chart)).std() > 5


def test_a_dollar_sign_is_a_dollar_sign(effect):
    plain, broken = (replace(effect, title=title) for title in ("Cost of $\\alpha$", "Cost of $\\nonsense{"))
    assert ink(charts.draw(plain)) > 0.01
    assert ink(charts.draw(broken)) > 0.01


def test_letters_no_font_has_become_boxes_and_the_others_stay():
    assert drawable("Zahlung \U0010fffd ok") == "Zahlung □ ok"
    assert drawable("Größe, Цена, قیمت, ≥ ✓ −") == "Größe, Цена, قیمت, ≥ ✓ −"


def test_long_text_is_cut_to_its_room_with_an_ellipsis():
    sheet = Sheet(THEMES["light"])
    shown = sheet.cut("a very long name of an experiment", 17, 120)
    assert shown.startswith("a very")
    assert shown.endswith("…")
    assert sheet.measure(shown, 17) <= 120
    assert sheet.cut("short", 17, 120) == "short"


def test_a_growing_portfolio_grows_the_picture_rather_than_shrinking_the_words(portfolio):
    twelve = replace(portfolio, items=portfolio.items * 4)
    assert charts.draw(twelve).height > charts.draw(portfolio).height
    assert charts.draw(replace(portfolio, items=portfolio.items * 9)).height == charts.draw(twelve).height


def test_worker_threads_draw_the_same_pictures_at_once(every_chart):
    pair = every_chart[:2]
    expected = [charts.draw(chart).png for chart in pair]
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda chart: charts.draw(chart).png, pair * 3))
    assert drawn == expected * 3


def test_memory_stays_flat_without_waiting_for_the_garbage_collector(portfolio):
    charts.draw(portfolio)
    gc.collect()
    gc.disable()
    try:
        for items in (portfolio.items * 3, portfolio.items):
            charts.draw(replace(portfolio, items=items))
        alive = [thing for thing in gc.get_objects() if type(thing) in {Figure, RendererAgg}]
    finally:
        gc.enable()
    assert len([thing for thing in alive if type(thing) is Figure]) <= 1
    assert len([thing for thing in alive if type(thing) is RendererAgg]) <= 1


def test_a_picture_that_failed_leaves_nothing_behind(effect):
    clean = charts.draw(effect).png
    with pytest.raises(AttributeError):
        charts.draw(replace(effect, points=(None,)))
    half = Sheet(THEMES["dark"], 700)
    half.text(50, 50, "left behind")
    assert charts.draw(effect).png == clean


def test_a_picture_takes_a_fraction_of_a_second_of_one_core(effect):
    charts.draw(effect)
    spent = []
    for _ in range(3):
        start = time.process_time()
        charts.draw(effect)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.3


def test_describing_a_chart_does_not_import_matplotlib():
    program = (
        "import sys, charts\n"
        "p = charts.Provenance('s', None, None, 'x')\n"
        "c = charts.SignalChart('t', 'm', '', (), None, None, (), p)\n"
        "assert 'numpy' not in sys.modules\n"
        "assert charts.alt_text(c) and charts.sparkline(c)\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=Path(charts.__file__).parents[1])


def test_a_stranger_is_told_where_to_register(provenance):
    with pytest.raises(TypeError, match=r"charts\.kinds\.MODULES"):
        charts.draw(provenance)


def test_an_unknown_theme_names_the_known_ones(effect):
    with pytest.raises(ValueError, match="dark, light"):
        charts.draw(effect, theme="sepia")


def test_every_kind_offers_the_same_four_functions_and_a_page_in_the_docs(every_chart):
    page = (Path(charts.__file__).parents[1] / "docs" / "charts.md").read_text(encoding="utf-8")
    assert {type(chart) for chart in every_chart} == set(MODULES)
    for chart in every_chart:
        kind = kind_of(chart)
        assert all(callable(getattr(kind, name)) for name in ("alt_text", "sparkline", "height", "paint"))
        assert f"`{type(chart).__name__}`" in page
