"""Figures of searches: what their titles claim, and what is drawn where nothing is known."""

import io
from typing import Any

import numpy as np
import pytest

from omni_lab import figures
from omni_lab.errors import ShapeError
from omni_lab.figures._canvas import Figure

DAY = 86_400_000_000_000
TS = np.datetime64("2015-01-01", "ns").astype(np.int64) + np.arange(300) * DAY
NAN = np.nan


def draw(figure: Figure) -> list[str]:
    """Draw it small; the texts of its first panel."""
    figure.savefig(io.BytesIO(), format="png", dpi=25)
    return [text.get_text() for text in figure.axes[0].texts]


def heatmap(values: Any, **more: Any) -> Figure:
    table = np.asarray(values, dtype=np.float64)
    x, y = list(range(table.shape[1])), [10 * (row + 1) for row in range(table.shape[0])]
    labels = {"x_label": "fast", "y_label": "slow", "metric": "sharpe_ratio"}
    return figures.parameter_heatmap(x, y, table, **{**labels, **more})


def walk(inside: Any, outside: Any, **more: Any) -> Figure:
    first = np.linspace(0, 300, len(inside), endpoint=False).astype(int)
    equity = 100.0 * np.cumprod(1.0 + 0.01 * np.sin(np.arange(300)))
    return figures.walk_forward_figure(TS, equity, first, inside, outside, initial_capital=100.0, **more)


def paths(n: int, metrics: Any = None, **more: Any) -> Figure:
    curves = np.cumprod(1.0 + 0.01 * np.random.default_rng(0).standard_normal((300, n)), axis=0)
    values = np.linspace(-0.5, 1.0, n) if metrics is None else metrics
    return figures.paths_figure(TS, curves, values, **{"in_sample": 1.5, **more})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_are_drawn_in_both_themes(theme: str) -> None:
    for figure in (
        heatmap([[1.0, 2.0]], theme=theme),
        walk([1.0], [0.5], theme=theme),
        paths(5, theme=theme),
    ):
        draw(figure)
        assert figure.alt


def test_a_heatmap_tells_its_best_and_its_median_cell() -> None:
    figure = heatmap([[0.5, 1.25, NAN], [-0.25, 0.0, 0.75]], note="z = 1")
    assert figure.alt == "Best Sharpe ratio 1.25 at fast 1, slow 10; median of 5 cells 0.50\nz = 1"
    assert draw(figure) == ["0.50", "1.25", "−0.25", "0.00", "0.75"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["10", "20"]
    frame = figure.axes[0].patches[-1]
    assert frame.get_extents().transformed(figure.axes[0].transData.inverted()).p0.tolist() == pytest.approx(
        [1.0, 0.0]
    )


def test_a_heatmap_writes_returns_in_percent_and_large_ones_without_numbers() -> None:
    assert draw(heatmap([[0.5, -0.25]], metric="total_return")) == ["50.0", "−25.0"]
    assert draw(heatmap(np.random.default_rng(0).random((20, 40)))) == []


@pytest.mark.parametrize("values", [[[NAN, NAN]], [[1.0]], [[2.0, 2.0]], [[-1.0, -2.0]]])
def test_odd_heatmaps_are_drawn_without_a_warning(values: Any) -> None:
    draw(heatmap(values))


def test_a_walk_tells_what_was_promised_and_kept() -> None:
    figure = walk([1.0, 2.0, 3.0], [0.5, -1.0, NAN], overall=-0.2)
    assert figure.alt == "Mean Sharpe ratio 2.00 in sample, −0.20 out of sample; 1 of 3 tests above zero"
    draw(figure)
    draw(walk([NAN], [NAN]))
    draw(walk([1.0], [1.0], metric="total_return"))


def test_paths_tell_their_range() -> None:
    assert paths(5).alt == "Sharpe ratio from −0.50 to 1.00 over 5 paths; 1.50 in sample"
    assert paths(1).alt == "Sharpe ratio −0.50 on the one path; 1.50 in sample"
    heights = [patch.get_height() for patch in paths(5).axes[1].patches]  # type: ignore[attr-defined]
    assert sum(heights) == 5
    for metrics in ([NAN, NAN], [0.0, 0.0], [NAN, 1.0]):
        draw(paths(2, np.array(metrics), in_sample=NAN))


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ShapeError):
        figures.parameter_heatmap([1], [1, 2], [[1.0]], x_label="x", y_label="y", metric="m")
    with pytest.raises(ShapeError):
        walk([1.0, 2.0], [1.0])
    with pytest.raises(ShapeError):
        paths(3, np.zeros(2))
