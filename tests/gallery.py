"""The gallery of the documentation: each kind's sample, at the size it is looked at. `python -m tests.gallery` draws it anew."""

import io
from pathlib import Path

from PIL import Image

import charts
from charts.samples import SAMPLES
from charts.style import DENSITY

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"


def page_size(drawing: charts.Drawing) -> Image.Image:
    """The picture in css pixels, as a page shows it."""
    with Image.open(io.BytesIO(drawing.png)) as image:
        return image.convert("RGB").reduce(DENSITY)


def main() -> None:
    GALLERY.mkdir(exist_ok=True)
    for name, sample in SAMPLES.items():
        small = page_size(charts.draw(sample())).quantize(128)
        small.save(GALLERY / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
