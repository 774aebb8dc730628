"""Depth, quotes and flow: what their titles say of numbers that can be checked by hand, and bad input."""

import io

import numpy as np
import pytest
from PIL import Image

from omni_lab.errors import ShapeError
from omni_lab.figures import depth_figure, flow_figure, quotes_figure
from omni_lab.figures._canvas import Figure
from omni_lab.typing import FloatArray

SECOND = 10**9
TS = np.array([0, 10, 30, 40]) * SECOND + 34_200 * SECOND
NAN = float("nan")


def levels(*rows: tuple[float, ...]) -> FloatArray:
    return np.array(rows, dtype=np.float64)


def ticks(figure: Figure) -> list[str]:
    figure._repr_png_()
    return [label.get_text() for label in figure.axes[-1].get_xticklabels()]


def image(figure: Figure) -> FloatArray:
    drawn = figure.axes[0].images[0].get_array()
    assert drawn is not None
    return np.asarray(np.ma.filled(drawn, np.nan), dtype=np.float64)


def test_quotes_title_weighs_the_spread_with_time() -> None:
    # 2 bps for 10 s, 4 bps for 20 s, locked for 10 s: 2.5 on average.
    bid = np.array([99.99, 99.98, 100.0, 100.0])
    ask = np.array([100.01, 100.02, 100.0, 100.0])
    figure = quotes_figure(TS, bid, ask, symbol="ABC")
    assert figure.alt == "ABC: the spread is 2.5 bps on average over time, locked or crossed 25.0% of it"


def test_quotes_count_the_trades() -> None:
    trades = (TS[:2] + 1, [100.01, 99.98], [200, 300], [1, 2])
    figure = quotes_figure(TS, np.full(4, 99.99), np.full(4, 100.01), trades=trades)
    assert figure.alt.endswith("2 trades of 500")
    legend = figure.axes[0].get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["bid", "ask", "bought", "sold"]


def test_an_empty_side_leaves_no_spread() -> None:
    assert quotes_figure(TS, np.full(4, NAN), np.full(4, 100.0)).alt == "no two-sided market"
    assert quotes_figure([], [], []).alt == "no two-sided market"


def test_times_since_midnight_carry_no_date() -> None:
    bid, ask = np.full(4, 99.0), np.full(4, 101.0)
    assert not any("1970" in text for text in ticks(quotes_figure(TS, bid, ask)))
    day = 15_000 * 86_400 * SECOND
    assert any("2011" in text for text in ticks(quotes_figure(TS + day, bid, ask)))


def test_depth_puts_every_quantity_at_its_price_and_time() -> None:
    prices = levels((99.0, 98.0), (99.0, 98.0), (99.0, 97.0), (99.0, 97.0))
    sizes = levels((10, 20), (10, 20), (30, 40), (30, 40))
    asks, offers = prices * 0 + levels((101.0, 102.0)), sizes * 0 + levels((50, 60))
    figure = depth_figure(TS, prices, sizes, asks, offers, symbol="ABC")
    drawn = image(figure)
    assert drawn.shape[0] == 6  # 97 to 102
    first, last = drawn[:, 0], drawn[:, -1]
    np.testing.assert_allclose(first, [NAN, 20, 10, NAN, 50, 60])
    np.testing.assert_allclose(last, [40, NAN, 30, NAN, 50, 60])


def test_depth_title_counts_what_is_near() -> None:
    prices, sizes = levels((99.99, 90.0), (99.99, 90.0)), levels((300, 7), (300, 7))
    figure = depth_figure(TS[:2], prices, sizes, levels((100.01, 110.0), (100.01, 110.0)), sizes)
    assert figure.alt == "within 10 bps of the middle 300 are bid and 300 offered, in the median"


def test_an_empty_book_is_said_to_be_empty() -> None:
    nothing = np.zeros((2, 3))
    figure = depth_figure(TS[:2], nothing, nothing, nothing, nothing)
    assert "no two-sided market" in figure.alt
    assert "No depth to show." in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_is_drawn_in_both_themes(theme: str) -> None:
    prices, sizes = levels(*[(99.0, 98.0)] * 4), levels(*[(10, 20)] * 4)
    for figure in (
        depth_figure(TS, prices, sizes, prices + 2, sizes, theme=theme),
        quotes_figure(TS, prices[:, 0], prices[:, 0] + 2, theme=theme),
        flow_figure([1, 2, 3], [1, 0, -1], slope=1, intercept=0, r_squared=0.5, theme=theme),
    ):
        picture = Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")
        assert len(picture.getcolors(1 << 24) or ()) > 8


def test_flow_title_says_what_the_line_explains() -> None:
    figure = flow_figure(
        [1, 2, NAN], [1, 2, 3], slope=1, intercept=0, r_squared=0.652, interval="10 seconds", symbol="ABC"
    )
    assert figure.alt == "ABC: flow explains 65.2% of price changes in the same 10 seconds (n = 2)"
    assert "too little" in flow_figure([1], [1], slope=NAN, intercept=NAN, r_squared=NAN).alt


def test_shapes_that_differ_are_refused() -> None:
    two, three = np.zeros((2, 2)), np.zeros((2, 3))
    with pytest.raises(ShapeError, match="each level"):
        depth_figure(TS[:2], two, three, two, two)
    with pytest.raises(ShapeError, match="one value for each time"):
        quotes_figure(TS, [1.0], [2.0])
    with pytest.raises(ShapeError, match="aggressor"):
        quotes_figure(TS, np.ones(4), np.ones(4), trades=([1], [1.0, 2.0], [1], [1]))
    with pytest.raises(ShapeError, match="price change"):
        flow_figure([1, 2], [1], slope=1, intercept=0, r_squared=0)
