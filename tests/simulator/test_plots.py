"""Every figure draws for every kind of run, also the degenerate ones; and results show themselves in HTML."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from omni_lab.errors import ConfigError, UnknownSymbolError
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from tests.simulator.market import flat_bars, hold, random_bars, run

KINDS = ("tearsheet", "equity", "drawdown", "monthly", "rolling_sharpe", "trades")
CASES = {
    "one bar": lambda: run({0: lambda ctx, bar: ctx.buy(1)}, random_bars(1)),
    "three bars": lambda: run({0: lambda ctx, bar: ctx.buy(1)}, random_bars(3)),
    "no trades": lambda: run({}, random_bars(60)),
    "many symbols": lambda: EventSimulator().run_backtest(hold, random_bars(60, 6, missing=0.2)),
    "ruined": lambda: run(
        {0: lambda ctx, bar: ctx.buy(3_000)}, flat_bars(100, 100, 50, 40, 45), max_leverage=None
    ),
    "filled at the close": lambda: run({5: lambda ctx, bar: ctx.sell(9)}, random_bars(60), fill="this_close"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_figure_draws(case: str) -> None:
    results = CASES[case]()
    for kind in KINDS:
        figure = results.plot(kind)
        assert isinstance(figure, Figure)
        assert figure.axes
        figure.canvas.draw()


def test_an_unknown_kind_of_figure_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'equity'"):
        run({}, random_bars(5)).plot("equty")


def test_a_symbol_that_was_not_run_cannot_be_shown() -> None:
    with pytest.raises(UnknownSymbolError, match="found 'S9'"):
        run({}, random_bars(5)).plot("trades", symbol="S9")


def labels(results: BacktestResults, **options: Any) -> str:
    figure = results.plot("equity", **options)
    return " ".join(
        text.get_text() for axes in figure.axes for text in axes.findobj() if hasattr(text, "get_text")
    )


def test_one_instrument_is_compared_with_holding_it_and_several_with_nothing() -> None:
    one, two = (EventSimulator().run_backtest(hold, random_bars(60, n)) for n in (1, 2))
    assert "Holding S0" in labels(one)
    assert "Holding" not in labels(one, benchmark=False)
    assert "Holding" not in labels(two)
    assert "Benchmark" in labels(two, benchmark=np.linspace(1, 2, 60))


def test_html_shows_metrics_and_warnings_and_escapes_names() -> None:
    def strategy(bars: Any) -> Any:
        return hold(bars)

    strategy.__name__ = "<b>bold</b>"
    bars = flat_bars(100, 101, 102, symbol="<script>")
    results = EventSimulator(SimulationConfig(fill="this_close")).run_backtest(strategy, bars)
    html = results._repr_html_()
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "Sharpe" in html
    assert all(sentence.split("'")[0] in html for sentence in results.warnings)
    assert "optimistic" in html


def test_a_table_shows_its_first_rows_and_how_many_there_are() -> None:
    results = EventSimulator().run_targets(random_bars(40), np.arange(40) % 3 * 10.0)
    html = results.fills._repr_html_()
    assert html.count("<tr") == 11
    assert f"10 of {len(results.fills)} rows" in html
    few = run({0: lambda ctx, bar: ctx.buy(1)}, random_bars(3)).fills
    assert "rows" not in few._repr_html_()
    assert repr(few).startswith("Table(1 rows: fill_id, ")


def test_results_introduce_themselves_in_a_line() -> None:
    results = EventSimulator().run_backtest(hold, random_bars(60, 6))
    assert repr(results).startswith("BacktestResults(hold on S0, S1, S2, S3 and 2 more: total_return ")
