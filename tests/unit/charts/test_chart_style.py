from itertools import combinations

import numpy as np
import pytest

from charts.style import THEMES, tone

# Machado, Oliveira, Fernandes 2009: full deuteranopia and protanopia, on linear RGB
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)


def linear(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2 contrast ratio."""
    bright, dim = sorted((linear(c) @ (0.2126, 0.7152, 0.0722) + 0.05 for c in (one, other)), reverse=True)
    return bright / dim


@pytest.mark.parametrize("name", THEMES)
def test_every_colour_that_writes_words_is_readable_on_the_ground(name):
    theme = THEMES[name]
    for part in ("ink", "soft", "effect", "forecast", "good", "bad", "warn"):
        assert contrast(getattr(theme, part), theme.ground) >= 4.5, part


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("eyes", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all", "no green", "no red"])
def test_good_bad_and_effect_stay_apart_for_colour_blind_eyes(name, eyes):
    theme = THEMES[name]
    for one, other in combinations((theme.good, theme.bad, theme.effect), 2):
        seen = (np.cbrt(np.clip(eyes @ linear(colour), 0, 1)) for colour in (one, other))
        assert np.linalg.norm(np.subtract(*seen)) > 0.12


def test_every_state_has_its_own_sign_so_that_grey_is_enough():
    theme = THEMES["light"]
    states = ("safe", "violated", "warn", "inconclusive")
    assert len({tone(state, theme).sign for state in states}) == 4
    assert tone("SUCCESS", theme) == tone("safe", theme)
    assert tone("something new", theme) == tone("inconclusive", theme)
