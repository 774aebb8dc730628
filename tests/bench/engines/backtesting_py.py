"""backtesting.py, `trade_on_close=False`: `next` is Python called per bar, orders fill at the next open."""

from __future__ import annotations

import pandas as pd
from backtesting import Backtest, Strategy

import market as mk
from engines import Setup
from market import Market

NEEDS = ("backtesting", "pandas")


class Crossover(Strategy):  # type: ignore[misc]
    def init(self) -> None:
        close = self.data.Close.s
        self.fast = self.I(lambda: close.rolling(mk.FAST).mean(), name="fast")
        self.slow = self.I(lambda: close.rolling(mk.SLOW).mean(), name="slow")

    def next(self) -> None:
        above = self.fast[-1] - self.slow[-1] > mk.MARGIN
        if above and not self.position:
            self.buy(size=int(mk.QUANTITY))
        elif not above and self.position:
            self.position.close()


class Targets(Strategy):  # type: ignore[misc]
    def init(self) -> None:
        self.target = self.I(lambda: self.data.Target, name="target")

    def next(self) -> None:
        above = self.target[-1] > 0
        if above and not self.position:
            self.buy(size=int(mk.QUANTITY))
        elif not above and self.position:
            self.position.close()


def callback(m: Market) -> Setup:
    prepared = frame(m)
    return lambda: lambda: final_equity(prepared, Crossover)


def arrays(m: Market) -> Setup:
    prepared = frame(m)
    return lambda: lambda: final_equity(prepared, Targets)


def final_equity(bars: pd.DataFrame, strategy: type[Strategy]) -> float:
    backtest = Backtest(
        bars, strategy, cash=mk.CAPITAL, commission=mk.FEE_RATE, trade_on_close=False, finalize_trades=False
    )
    return float(backtest.run()["_equity_curve"]["Equity"].iloc[-1])


def frame(m: Market) -> pd.DataFrame:
    columns = {"Open": m.open, "High": m.high, "Low": m.low, "Close": m.close, "Volume": m.volume}
    return pd.DataFrame({**columns, "Target": m.targets}, index=pd.DatetimeIndex(m.ts))
