"""The figures: what they claim, what they draw, and what they leave alone."""

import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from PIL import Image

from omni_lab import figures
from omni_lab.errors import ConfigError, ShapeError
from omni_lab.figures._canvas import Figure
from omni_lab.figures.returns import diverging
from omni_lab.figures.theme import DARK, LIGHT
from omni_lab.portfolio import performance as perf
from omni_lab.typing import BoolArray, FloatArray, IntArray

DAY = 86_400_000_000_000
START = np.datetime64("2015-01-01", "ns").astype(np.int64)
CAPITAL = 100_000.0


class Run:
    """A made-up backtest, with everything that the figures ask for."""

    def __init__(self, equity: FloatArray, step: int = DAY) -> None:
        n = len(equity)
        self.ts: IntArray = START + np.arange(n) * step
        self.equity = equity
        self.drawdown = perf.drawdown(equity, CAPITAL)
        self.worst = perf.top_drawdowns(equity, CAPITAL)
        self.years, self.monthly = perf.monthly_returns(self.ts, equity, CAPITAL)
        _, self.annual = perf.annual_returns(self.ts, equity, CAPITAL)
        self.window = 20
        self.rolling = perf.rolling_sharpe(perf.returns_from_equity(equity, CAPITAL), self.window, 252)
        self.metrics = perf.summarize(equity, self.ts, initial_capital=CAPITAL, periods_per_year=252)
        self.price: FloatArray = 50.0 * np.exp(0.3 * np.sin(np.arange(n) / 60.0))
        self.fills: IntArray = np.arange(3, n, 25)
        self.is_buy: BoolArray = np.arange(len(self.fills)) % 2 == 0
        bought = np.where(self.is_buy, 100.0, -50.0)
        self.position: FloatArray = np.concatenate(([0.0], bought))[
            np.searchsorted(self.fills, np.arange(n), "right")
        ]

    def figure(self, name: str, **more: Any) -> Figure:
        fills = {
            "fill_ts": self.ts[self.fills],
            "fill_price": self.price[self.fills],
            "fill_is_buy": self.is_buy,
            "position": self.position,
            "symbol": "ABC",
        }
        match name:
            case "equity":
                return figures.equity_figure(
                    self.ts, self.equity, self.drawdown, initial_capital=CAPITAL, benchmark=self.price, **more
                )
            case "drawdown":
                return figures.drawdown_figure(self.ts, self.drawdown, self.worst, **more)
            case "monthly":
                return figures.monthly_heatmap(self.years, self.monthly, self.annual, **more)
            case "sharpe":
                return figures.rolling_sharpe_figure(self.ts, self.rolling, self.window, overall=1.0, **more)
            case "trades":
                return figures.trades_figure(self.ts, self.price, **{**fills, **more})
            case _:
                return figures.tearsheet_figure(
                    self.ts,
                    self.equity,
                    self.drawdown,
                    initial_capital=CAPITAL,
                    worst=self.worst,
                    years=self.years,
                    monthly=self.monthly,
                    annual=self.annual,
                    rolling=self.rolling,
                    window=self.window,
                    metrics=self.metrics,
                    price=self.price,
                    **{**fills, **more},
                )


NAMES = ["equity", "drawdown", "monthly", "sharpe", "trades", "tearsheet"]


def walk(n: int, seed: int = 1, drift: float = 0.0005) -> FloatArray:
    steps: FloatArray = np.random.default_rng(seed).normal(drift, 0.01, n)
    return np.asarray(CAPITAL * np.cumprod(1.0 + steps), dtype=np.float64)


def draw(figure: Figure) -> None:
    """Draw small, because the time goes into pixels."""
    figure.savefig(io.BytesIO(), format="png", dpi=25)


def title(figure: Figure, axes: int = 0) -> str:
    return figure.axes[axes].get_title(loc="left")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_figures_are_painted_in_their_theme(name: str, theme: str) -> None:
    figure = Run(walk(600)).figure(name, theme=theme)
    png = Image.open(io.BytesIO(figure._repr_png_()))
    expected = {"light": LIGHT, "dark": DARK}[theme].background
    corner = np.asarray(png.convert("RGB"))[2, 2] / 255
    assert mpl.colors.to_hex(tuple(corner.tolist())) == expected
    assert png.width == 2200
    assert figure.alt


ODD_CURVES = {
    "three bars": walk(3),
    "one bar": walk(1),
    "constant": np.full(300, CAPITAL),
    "losing": np.linspace(CAPITAL, 1.0, 300),
    "below zero": np.linspace(CAPITAL, -CAPITAL, 300),
    "all NaN": np.full(300, np.nan),
    "gaps": np.where(np.arange(300) % 100 < 20, np.nan, walk(300)),
    "growing fast": walk(25, drift=0.2),
}


@pytest.mark.parametrize("curve", ODD_CURVES)
def test_odd_curves_are_drawn_without_a_warning(curve: str) -> None:
    # The page draws what the single figures draw.
    draw(Run(ODD_CURVES[curve]).figure("tearsheet"))


@pytest.mark.parametrize("curve", ["one bar", "all NaN"])
@pytest.mark.parametrize("name", NAMES[:-1])
def test_figures_of_almost_nothing_are_drawn_without_a_warning(name: str, curve: str) -> None:
    draw(Run(ODD_CURVES[curve]).figure(name))


@pytest.mark.parametrize("name", NAMES)
def test_intraday_bars_are_drawn(name: str) -> None:
    draw(Run(walk(500), step=60_000_000_000).figure(name))


def test_equity_title_tells_the_return_the_span_and_the_worst_drawdown() -> None:
    run = Run(np.array([110_000.0, 88_000.0, 120_000.0]))
    run.price = np.array([50.0, 40.0, 55.0])
    assert title(run.figure("equity")) == "+20.0% in 2 days, worst drawdown −20.0%; Benchmark +10.0%"
    assert title(Run(np.full(3, CAPITAL)).figure("equity", benchmark_label="SPX")).startswith(
        "0.0% in 2 days, never below its peak; SPX"
    )


def test_drawdown_title_tells_depth_and_duration_and_whether_it_is_over() -> None:
    fell = np.array([100.0, 90.0, 80.0, 70.0, 100.0, 99.0]) * 1000
    assert title(Run(fell).figure("drawdown")) == "Worst drawdown −30.0%, 4 days under water"
    assert title(Run(fell[:4]).figure("drawdown")) == "Worst drawdown −30.0%, 3 days under water so far"
    assert title(Run(fell[:1]).figure("drawdown")) == "The equity was never below its peak"


def test_drawdown_table_lists_the_falls() -> None:
    fell = np.array([100.0, 90.0, 80.0, 70.0, 100.0, 95.0]) * 1000
    texts = [text.get_text() for text in Run(fell).figure("drawdown").axes[1].texts]
    assert texts[6:12] == ["1", "−30.0%", "2015-01-01", "2015-01-04", "2015-01-05", "4 days"]
    assert texts[12:] == ["2", "−5.0%", "2015-01-05", "2015-01-06", "not yet", "1 day"]


def test_monthly_title_counts_the_months() -> None:
    table = np.full((2, 12), np.nan)
    table[0, 10:] = [0.05, -0.02]
    table[1, 0] = 0.01
    figure = figures.monthly_heatmap([2019, 2020], table, [0.03, 0.01])
    assert title(figure) == "2 of 3 months gained; best +5.0% (Nov 2019), worst −2.0% (Dec 2019)"
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers[:5] == ["5.0", "−2.0", "1.0", "3.0", "1.0"]
    losses = figures.monthly_heatmap([2020], -np.abs(np.linspace(0.01, 0.12, 12))[None], [-0.5])
    assert title(losses).startswith("No month of 12 gained; best −1.0% (Jan 2020)")


def test_zero_has_the_colour_of_the_middle() -> None:
    for theme in (LIGHT, DARK):
        colours = diverging(theme)
        assert mpl.colors.to_hex(colours(0.0)) == theme.sell.lower()
        assert mpl.colors.to_hex(colours(1.0)) == theme.buy.lower()
        background = np.array(mpl.colors.to_rgb(theme.background))
        assert np.abs(np.array(colours(0.5)[:3]) - background).max() < 0.1


def test_sharpe_title_tells_how_often_it_was_positive() -> None:
    ts = START + np.arange(6) * DAY
    figure = figures.rolling_sharpe_figure(ts, [np.nan, np.nan, 1.0, -1.0, 2.0, 0.5], 3)
    assert title(figure) == "3-day Sharpe above zero 75% of the time; last 0.50"
    figure = figures.rolling_sharpe_figure(ts, np.full(6, np.nan), 30)
    assert title(figure) == "30-day Sharpe: not defined in any window"
    assert figure.axes[0].texts[0].get_text() == "No window of 30 steps has a Sharpe ratio."


def test_trades_title_counts_the_sides_and_the_time_in_the_market() -> None:
    ts = START + np.arange(4) * DAY
    figure = figures.trades_figure(
        ts, [1.0, 2.0, 3.0, 4.0], ts[[0, 2]], [1.0, 3.0], [True, False], position=[5, 5, -5, 0], symbol="ABC"
    )
    assert title(figure) == "ABC: 1 buy, 1 sell; long 50% and short 25% of the time"
    figure = figures.trades_figure(ts, [1.0, 2.0, 3.0, 4.0], [], [], [])
    assert title(figure) == "no fills"


def test_areas_lie_on_their_side_of_zero() -> None:
    ts = START + np.arange(40) * DAY
    position = np.repeat([100.0, -100.0], 20)
    figure = figures.trades_figure(ts, np.full(40, 10.0), [], [], [], position=position)
    pixels = np.asarray(Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")).astype(int)
    panel = pixels[-int(0.25 * len(pixels)) :]
    bluish, reddish = (panel[..., c] - panel[..., 2 - c] > 60 for c in (2, 0))
    for side in (bluish, reddish):
        assert side.mean() > 0.1
    rows, columns = (
        np.array([np.median(np.nonzero(side)[axis]) for side in (bluish, reddish)]) for axis in (0, 1)
    )
    assert rows[0] < rows[1]
    assert columns[0] < columns[1]


def fills_drawn(figure: Figure) -> dict[str, PathCollection]:
    return {str(c.get_label()): c for c in figure.axes[0].collections if isinstance(c, PathCollection)}


def test_sides_differ_in_shape_and_colour() -> None:
    markers = fills_drawn(Run(walk(300)).figure("trades"))
    for label, colour, up in (("Buy", LIGHT.buy, True), ("Sell", LIGHT.sell, False)):
        side = markers[label]
        assert mpl.colors.to_hex(tuple(np.asarray(side.get_facecolor())[0])) == colour.lower()
        tip = np.asarray(side.get_paths()[0].vertices)[0]
        assert (tip[1] > 0) == up


def test_many_fills_are_thinned_and_the_figure_says_so() -> None:
    run = Run(walk(20_000))
    run.fills = np.arange(0, 20_000, 4)
    run.is_buy = np.arange(len(run.fills)) % 2 == 0
    figure = run.figure("trades")
    drawn = sum(len(np.asarray(side.get_offsets())) for side in fills_drawn(figure).values())
    assert 500 <= drawn <= 600
    assert [text.get_text() for text in figure.axes[0].texts] == [f"{drawn} of 5,000 fills drawn"]
    assert title(figure).startswith("ABC: 2,500 buys, 2,500 sells")


def test_a_million_points_are_drawn_as_a_few_thousand_with_their_extremes() -> None:
    run = Run(walk(1_000_000, drift=0.0), step=60_000_000_000)
    figure = run.figure("equity")
    line = next(line for line in figure.axes[0].lines if line.get_label() == "Equity")
    y = np.asarray(line.get_ydata())
    assert len(y) <= 6400
    assert (y.min(), y.max(), y[-1]) == (run.equity.min(), run.equity.max(), run.equity[-1])


def test_curves_that_grow_many_times_over_get_a_logarithmic_scale() -> None:
    assert Run(walk(300)).figure("equity").axes[0].get_yscale() == "linear"
    fast = Run(CAPITAL * 1.02 ** np.arange(300.0)).figure("equity").axes[0]
    assert fast.get_yscale() == "log"
    assert "log" in fast.get_ylabel()


def test_axes_carry_units() -> None:
    figure = Run(walk(300)).figure("equity", currency="EUR")
    assert [ax.get_ylabel() for ax in figure.axes] == ["Equity (EUR)", "Drawdown"]
    figure.draw_without_rendering()
    assert all(label.get_text().endswith("%") for label in figure.axes[1].get_yticklabels())


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: figures.equity_figure([1, 2], [1.0], [0.0, 0.0], initial_capital=1.0), ShapeError),
        (lambda: figures.monthly_heatmap([2020], np.zeros((1, 11)), [0.0]), ShapeError),
        (lambda: figures.trades_figure([1], [1.0], [1], [1.0, 2.0], [True]), ShapeError),
        (lambda: figures.rolling_sharpe_figure([1], [1.0], 1, theme="sepia"), ConfigError),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def settings() -> dict[str, Any]:
    # Past RcParams, which would look for a backend when asked about it.
    return {name: value for name, value in dict.items(mpl.rcParams) if name != "backend"}


def test_settings_made_elsewhere_neither_change_the_figure_nor_are_changed() -> None:
    run = Run(walk(200))
    plain = run.figure("equity")._repr_png_()
    loud = {
        "axes.facecolor": "red",
        "xtick.labelcolor": "lime",
        "font.size": 30.0,
        "savefig.facecolor": "pink",
    }
    with mpl.rc_context(rc=cast(Any, loud)):
        before = settings()
        assert run.figure("equity")._repr_png_() == plain
        assert settings() == before


def test_same_input_gives_the_same_bytes() -> None:
    assert Run(walk(200)).figure("tearsheet")._repr_png_() == Run(walk(200)).figure("tearsheet")._repr_png_()


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_loads_no_matplotlib_and_drawing_loads_no_pyplot() -> None:
    code = """
import sys, omni_lab.figures as f
print('matplotlib' in sys.modules, 'pandas' in sys.modules)
f.equity_figure([0, 10**9], [1.0, 2.0], [0.0, 0.0], initial_capital=1.0)._repr_png_()
print('matplotlib.pyplot' in sys.modules, 'pandas' in sys.modules)
"""
    assert run_python(code).split() == ["False"] * 4
