"""The ladder: what it says of a book, and that it is drawn whatever the book holds."""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from PIL import Image

from omni_lab.errors import ShapeError
from omni_lab.figures import BookSide, Ladder, book_side, ladder_figure, ladder_svg, ladders_figure
from omni_lab.figures._canvas import Figure
from omni_lab.figures.theme import DARK, LIGHT
from omni_lab.typing import IntArray

BIDS = book_side(
    [100.00, 100.00, 100.00, 99.99, 99.98, 99.98],
    [300, 200, 100, 500, 100, 300],
    reserve=[0, 0, 400, 0, 0, 0],
    hidden=[0, 0, 0, 0, 0, 1],
    own=[0, 1, 0, 0, 0, 0],
)
ASKS = book_side([100.02, 100.02, 100.03], [200, 150, 400], own=[0, 0, 1])
NOTHING = book_side()


def texts(figure: Figure, axes: int = 0) -> list[str]:
    return [text.get_text() for text in figure.axes[axes].texts]


def boxes(figure: Figure, ink: str, axes: int = 0) -> list[tuple[float, float]]:
    """Where the boxes of a kind begin and end, the price in the middle being 0."""
    found = [
        np.asarray(path.vertices)[:, 0]
        for each in figure.axes[axes].collections
        if isinstance(each, PolyCollection) and each.get_label() == ink
        for path in each.get_paths()
    ]
    return [(float(np.min(x)), float(np.max(x))) for x in found]


def lengths(figure: Figure, ink: str, axes: int = 0) -> list[float]:
    return [right - left for left, right in boxes(figure, ink, axes)]


def pixels(figure: Figure) -> IntArray:
    return np.asarray(Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")).astype(np.int64)


def test_title_tells_prices_spread_and_which_side_is_heavier() -> None:
    figure = ladder_figure(BIDS, ASKS, symbol="ABC")
    assert figure.alt == "ABC 100.00 × 100.02, spread 0.02 (2.0 bps); 62% of 1,950 shown is bid"
    assert ladder_figure(BIDS, ASKS, title="Mine").alt == "Mine"


@pytest.mark.parametrize(
    ("bids", "asks", "title", "row"),
    [
        (NOTHING, NOTHING, "The book is empty", "no orders"),
        (BIDS, NOTHING, "100.00 bid, and no asks", "no asks shown"),
        (NOTHING, ASKS, "100.02 ask, and no bids", "no bids shown"),
        (BIDS, book_side([100.0], [100]), "100.00 × 100.00, locked; 92% of 1,300 shown is bid", "locked"),
        (BIDS, book_side([99.98], [1200]), "100.00 × 99.98, crossed by 0.02; 50%", "crossed by 0.02"),
        (book_side([99.98], [5], hidden=True), ASKS, "100.02 ask, and no bids", "no bids shown"),
    ],
)
def test_empty_crossed_and_locked_books_say_so(bids: BookSide, asks: BookSide, title: str, row: str) -> None:
    figure = ladder_figure(bids, asks)
    assert figure.alt.startswith(title)
    assert any(text.startswith(row) for text in texts(figure))
    figure._repr_png_()


def test_rows_go_from_the_highest_ask_to_the_lowest_bid() -> None:
    shown = [text for text in texts(ladder_figure(BIDS, ASKS)) if re.fullmatch(r"(100|99)\.\d\d", text)]
    assert shown == ["100.03", "100.02", "100.00", "99.99", "99.98"]


def test_bids_are_left_and_asks_right_and_bars_are_as_long_as_the_quantity() -> None:
    figure = ladder_figure(BIDS, ASKS)
    assert all(right < 0 for _, right in boxes(figure, "shown bid"))
    assert all(left > 0 for left, _ in boxes(figure, "shown ask"))
    bid, ask = lengths(figure, "shown bid"), lengths(figure, "shown ask")
    # 400 of the others at 100.00, 500, and 100 on the bid; 350 on the ask.
    assert np.allclose(np.array([*bid, *ask]) / bid[1], [0.8, 1.0, 0.2, 0.7])


def test_every_order_is_a_segment_in_the_order_of_the_queue() -> None:
    figure = ladder_figure(BIDS, ASKS, queue=True)
    first, second = (boxes(figure, ink)[0] for ink in ("shown bid", "own bid"))
    assert np.isclose(first[0], second[1])  # the own order of 200 stands behind the 300
    assert np.isclose((first[1] - first[0]) / (second[1] - second[0]), 1.5)
    assert len(boxes(figure, "shown bid")) == 4


def test_own_orders_have_a_triangle_a_side_and_what_is_ahead_of_them() -> None:
    figure = ladder_figure(BIDS, ASKS)
    assert "▲ buy 200, 300 ahead, +400 reserve" in texts(figure)
    assert "▼ sell 400" in texts(figure)
    outlined = next(c for c in figure.axes[0].collections if c.get_label() == "own bid")
    assert mpl.colors.to_hex(tuple(np.asarray(outlined.get_edgecolor())[0])) == LIGHT.text


def test_what_does_not_show_is_hatched_and_said() -> None:
    figure = ladder_figure(BIDS, ASKS)
    hatched = [c for c in figure.axes[0].collections if c.get_label() == "unseen bid"]
    assert [c.get_hatch() for c in hatched] == ["/////"]
    assert len(boxes(figure, "unseen bid")) == 2
    assert "+300 hidden" in texts(figure)


def test_an_own_iceberg_says_what_shows_of_it() -> None:
    mine = book_side([10.0, 9.0], [100, 50], reserve=[400, 0], hidden=[0, 1], own=True)
    assert {"▲ buy 500, 100 shown", "▲ buy 50 hidden"} <= set(texts(ladder_figure(mine, NOTHING)))


def test_the_sum_runs_away_from_the_price() -> None:
    figure = ladder_figure(BIDS, ASKS)
    assert {"600", "1,100", "1,200", "350", "750"} <= set(texts(figure))
    sums = lengths(figure, "cum bid")
    assert sums == sorted(sums)


def test_the_last_price_is_marked_and_told() -> None:
    shown = texts(ladder_figure(BIDS, ASKS, last=100.02))
    assert "· 100.02 ·" in shown
    assert any(text.endswith("last 100.02") for text in shown)


def test_prices_that_are_not_drawn_are_counted() -> None:
    many = book_side(100.0 - 0.01 * np.arange(50), np.full(50, 7))
    figure = ladder_figure(many, ASKS, n_levels=5)
    assert "and 45 more prices" in texts(figure)


@pytest.mark.parametrize("size", [1e-8, 0.5, 1.0, 999_999.0, 1.25e9, 2.0**50])
def test_sizes_from_tiny_to_huge_are_drawn(size: float) -> None:
    figure = ladder_figure(book_side([1.0, 0.5], [size, 1e-8]), book_side([2.0], [size / 3]), queue=True)
    figure._repr_png_()
    bars = lengths(figure, "shown bid")
    assert max(bars) < 1.0
    assert min(bars) > 0.004  # nothing that stands in the book is invisible


@pytest.mark.parametrize("tick", [1e-8, 0.0001, 0.25, 1.0, 100_000.0])
def test_prices_have_the_decimals_they_need(tick: float) -> None:
    figure = ladder_figure(book_side([3 * tick], [1]), book_side([4 * tick], [1]))
    written = [float(text.replace(",", "")) for text in texts(figure) if re.fullmatch(r"[\d,.]+", text)]
    assert {round(3 * tick, 9), round(4 * tick, 9)} <= set(written)


def test_long_numbers_do_not_run_into_each_other() -> None:
    bids, asks = book_side([123_456.78], [999_999]), book_side([123_456.79], [888_888.5])
    figure = ladder_figure(bids, asks, width=6.0)
    figure.draw_without_rendering()
    rows: dict[float, list[tuple[float, float]]] = {}
    for text in figure.axes[0].texts:
        extent = text.get_window_extent()
        rows.setdefault(text.get_position()[1], []).append((extent.x0, extent.x1))
    for spans in rows.values():
        spans.sort()
        assert all(a[1] < b[0] for a, b in pairwise(spans)), spans


def test_ladders_side_by_side_share_a_scale() -> None:
    pair = [Ladder(book_side([1.0], [qty]), NOTHING, title=name) for qty, name in ((100, "a"), (50, "b"))]
    figure = ladders_figure(pair, title="Half is gone")
    (before,), (after,) = (lengths(figure, "shown bid", axes) for axes in (0, 1))
    assert np.isclose(before / after, 2.0)
    assert figure.alt == "Half is gone. a. b"
    assert len(ladders_figure(pair * 2, title="Four").axes) == 4


def test_both_sides_are_seen_in_the_picture() -> None:
    for theme in (LIGHT, DARK):
        seen = pixels(ladder_figure(BIDS, ASKS, theme=theme))
        middle = seen.shape[1] // 2
        for colour, half in ((theme.buy, seen[:, :middle]), (theme.sell, seen[:, middle:])):
            rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
            assert (np.abs(half - rgb).max(axis=2) < 3).mean() > 0.02
        corner = [int(theme.background[i : i + 2], 16) for i in (1, 3, 5)]
        assert seen[2, 2].tolist() == corner


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="one value for each order"):
        book_side([1.0, 2.0], [1.0])
    with pytest.raises(ShapeError, match="hidden"):
        book_side([1.0, 2.0], [1.0, 1.0], hidden=[True])


# --- SVG ------------------------------------------------------------------------------------------


def svg_texts(svg: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(svg).iter() if node.tag == "text"]


@pytest.mark.parametrize("bids", [BIDS, NOTHING])
@pytest.mark.parametrize("asks", [ASKS, NOTHING])
def test_svg_says_what_the_figure_says(bids: BookSide, asks: BookSide) -> None:
    svg = ladder_svg(bids, asks, last=100.02, width=1144.0, queue=True)
    figure = ladder_figure(bids, asks, last=100.02, queue=True)
    assert sorted(svg_texts(svg)) == sorted(texts(figure))
    assert ET.fromstring(svg).get("aria-label") == figure.alt


def test_svg_has_a_rectangle_for_every_box() -> None:
    rectangles = [
        node for node in ET.fromstring(ladder_svg(BIDS, ASKS, queue=True)).iter() if node.tag == "rect"
    ]
    figure = ladder_figure(BIDS, ASKS, queue=True)
    assert len(rectangles) == sum(len(each.get_paths()) for each in figure.axes[0].collections)
    assert all(float(each.get("width", "nan")) > 0 for each in rectangles)


def test_svg_escapes_and_asks_nobody() -> None:
    svg = ladder_svg(BIDS, ASKS, symbol="<script>&")
    assert "<script" not in svg
    assert "&lt;script&gt;&amp;" in svg
    assert "http" not in svg


@pytest.mark.parametrize("draw", [ladder_figure, ladder_svg])
def test_input_is_not_changed(draw: Callable[[BookSide, BookSide], object]) -> None:
    before = [np.copy(column) for column in (BIDS.price, BIDS.qty, BIDS.reserve)]
    draw(BIDS, ASKS)
    assert all(
        np.array_equal(a, b) for a, b in zip(before, (BIDS.price, BIDS.qty, BIDS.reserve), strict=True)
    )
