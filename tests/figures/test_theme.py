"""Colours can be told apart, by everybody, on both backgrounds."""

from itertools import combinations

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.figures.theme import DARK, LIGHT, Theme, find_theme
from omni_lab.typing import FloatArray

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency",
# IEEE TVCG 15(6), 2009, severity 1.0; applied to linear RGB.
SEEN_BY = {
    "trichromat": np.eye(3),
    "deuteranope": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanope": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
THEMES = [LIGHT, DARK]


def linear(colour: str) -> FloatArray:
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: FloatArray) -> FloatArray:
    """CIE 1976 L*a*b* of linear sRGB, white D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, eyes: str) -> float:
    return float(np.linalg.norm(lab(SEEN_BY[eyes] @ linear(one)) - lab(SEEN_BY[eyes] @ linear(other))))


def contrast(one: str, other: str) -> float:
    luminance = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (luminance[1] + 0.05) / (luminance[0] + 0.05)


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_the_two_sides_are_far_apart(theme: Theme, eyes: str) -> None:
    assert distance(theme.buy, theme.sell, eyes) > 60


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_series_can_be_told_apart(theme: Theme, eyes: str) -> None:
    # A difference of about 2 can just be seen side by side; thin lines need several times that. Only what
    # shares a panel has to differ: a deuteranope finds the green and the grey alike, and they never meet.
    for panel in (
        [theme.equity, theme.benchmark, theme.background],
        [theme.equity, theme.third, theme.muted, theme.background],
        [theme.buy, theme.sell, theme.muted, theme.background],
    ):
        for one, other in combinations(panel, 2):
            assert distance(one, other, eyes) > 15, (one, other)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_contrast_is_enough_to_read(theme: Theme) -> None:
    # WCAG 2.2: 4.5 for text, 3 for graphical objects.
    assert contrast(theme.text, theme.background) > 7
    assert contrast(theme.muted, theme.background) > 4.5
    for colour in (theme.buy, theme.sell, theme.benchmark, theme.third):
        assert contrast(colour, theme.background) > 3, colour


def test_same_hues_in_both_themes() -> None:
    for name in ("buy", "sell", "equity", "benchmark", "drawdown", "third", "fourth"):
        assert getattr(LIGHT, name) == getattr(DARK, name)


def test_unknown_themes_are_refused() -> None:
    assert find_theme("dark") is DARK
    assert find_theme(LIGHT) is LIGHT
    with pytest.raises(ConfigError, match="'dark'"):
        find_theme("darkk")
