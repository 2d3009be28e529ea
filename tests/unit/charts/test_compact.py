"""A letter's picture: fewer bytes, the same size, and nothing that the eye would miss."""

from io import BytesIO

from PIL import Image, ImageChops, ImageStat

import charts
from charts.compact import compact
from charts.samples import effect


def test_a_chart_loses_bytes_and_nothing_to_be_seen():
    png = charts.draw(effect()).png
    small = compact(png)
    assert len(small) < len(png) / 2
    before, after = Image.open(BytesIO(png)).convert("RGB"), Image.open(BytesIO(small)).convert("RGB")
    assert after.size == before.size
    assert max(ImageStat.Stat(ImageChops.difference(before, after)).mean) < 2


def test_what_is_small_already_is_left_alone():
    tiny = BytesIO()
    Image.new("1", (1, 1)).save(tiny, "PNG")
    assert len(compact(tiny.getvalue())) <= len(tiny.getvalue())
