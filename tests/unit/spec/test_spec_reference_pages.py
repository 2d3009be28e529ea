import re
from pathlib import Path

import pytest

from runtime.spec.advice import warnings
from runtime.spec.explain import KNOWN
from runtime.spec.load import load
from runtime.spec.tree import read

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "outcome.yaml.example").read_text()
PAGE = (ROOT / "docs/outcome-yaml.md").read_text()
VARIABLES = dict.fromkeys(re.findall(r"\$\{(\w+)}", EXAMPLE), "x")


def written(value, shape=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*shape, key)
            yield from written(inner, (*shape, key))
    if isinstance(value, list):
        for item in value:
            yield from written(item, shape)


def any_gate(path):
    """The gates have the same keys; the example shows each key in one of them at least."""
    return (*path[:2], "any", *path[3:]) if path[:2] == ("outcomes", "gates") and len(path) > 3 else path


def test_the_example_is_valid_and_gives_nothing_to_warn_about():
    assert warnings(load(EXAMPLE, name="outcome.yaml.example", env=VARIABLES)) == []


@pytest.mark.parametrize(
    "path",
    [(*shape, key) for shape, keys in KNOWN.items() for key in keys if shape != ("outcomes", "secondary_signals")],
)
def test_the_example_shows_every_key(path):
    root, _ = read(EXAMPLE, "outcome.yaml.example")
    assert root is not None
    assert any_gate(path) in {any_gate(found) for found in written(root.plain())}


@pytest.mark.parametrize("key", sorted({key for keys in KNOWN.values() for key in keys}))
def test_the_page_explains_every_key(key):
    assert re.search(rf"`([a-z_.\[\]]+\.)?{key}`", PAGE)


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_every_whole_file_on_the_page_is_valid(text):
    assert load(text)
