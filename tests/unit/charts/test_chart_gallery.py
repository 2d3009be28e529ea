"""The pictures in the documentation are what is drawn today; a difference is shown as a picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import charts
from charts.samples import SAMPLES
from tests.gallery import GALLERY, page_size

FAR = 48  # of 255 in any channel: what an eye sees; rounding and the stored palette stay far below
MOST = 0.004


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(np.int16)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_gallery_shows_what_is_drawn(name: str, tmp_path: Path) -> None:
    drawn = page_size(charts.draw(SAMPLES[name]()))
    with Image.open(GALLERY / f"{name}.png") as stored:
        kept = stored.convert("RGB")
    assert drawn.size == kept.size, "the height changed; look at it, then run `python -m tests.gallery`"
    far = np.abs(pixels(drawn) - pixels(kept)).max(axis=2) > FAR
    if far.mean() > MOST:
        shown = tmp_path / f"{name}-was-is-difference.png"
        sheet = Image.new("RGB", (drawn.width * 3, drawn.height), "white")
        for column, image in enumerate((kept, drawn, Image.fromarray(np.where(far, 0, 255).astype(np.uint8)))):
            sheet.paste(image, (column * drawn.width, 0))
        sheet.save(shown)
        pytest.fail(
            f"{far.mean():.2%} of {name} differs: look at {shown}; if it is meant, run `python -m tests.gallery`"
        )


def test_a_moved_line_is_a_difference(tmp_path: Path) -> None:
    image = pixels(page_size(charts.draw(SAMPLES["effect"]())))
    moved = np.roll(image, 6, axis=0)
    assert (np.abs(image - moved).max(axis=2) > FAR).mean() > MOST


def test_every_kind_is_in_the_gallery_and_on_the_page() -> None:
    page = (GALLERY.parent / "charts.md").read_text(encoding="utf-8")
    assert {path.stem for path in GALLERY.glob("*.png")} == set(SAMPLES)
    assert all(f"](gallery/{name}.png)" in page for name in SAMPLES)
