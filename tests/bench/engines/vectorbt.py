"""vectorbt, Numba and Rust kernels: `Portfolio.from_orders`, decisions shifted by one bar, to the open."""

from __future__ import annotations

import numpy as np
import pandas as pd
import vectorbt as vbt

import market as mk
from engines import Setup
from market import Market

NEEDS = ("vectorbt", "vectorbt-rust", "numba", "pandas")


# Room for the orders of a sweep: without it vectorbt reserves one record for each bar of each pair.
MAX_ORDERS = 2_000_000


class Cases:
    """The cases for one of the two kernels."""

    COMPILES = True

    def __init__(self, kernel: str) -> None:
        self.options = {"fees": mk.FEE_RATE, "init_cash": mk.CAPITAL, "freq": "1min", "engine": kernel}

    def arrays(self, m: Market) -> Setup:
        close, opens = series(m, m.close), series(m, m.open)
        size = series(m, mk.delayed(mk.changes(m.targets)))

        def work() -> float:
            pf = vbt.Portfolio.from_orders(close, size, size_type="targetamount", price=opens, **self.options)
            return float(pf.value().iloc[-1])

        return lambda: work

    def arrays_with_signals(self, m: Market) -> Setup:
        close, opens = series(m, m.close), series(m, m.open)

        def work() -> float:
            fast = vbt.MA.run(close, mk.FAST, engine=self.options["engine"]).ma
            slow = vbt.MA.run(close, mk.SLOW, engine=self.options["engine"]).ma
            targets = np.where(fast.to_numpy() - slow.to_numpy() > mk.MARGIN, mk.QUANTITY, 0.0)
            size = mk.delayed(mk.changes(targets))
            pf = vbt.Portfolio.from_orders(close, size, size_type="targetamount", price=opens, **self.options)
            return float(pf.value().iloc[-1])

        return lambda: work

    def rebalance(self, m: Market) -> Setup:
        close, opens = (pd.DataFrame(prices, index=pd.DatetimeIndex(m.ts)) for prices in (m.close, m.open))
        weights, sized_at = mk.delayed(m.targets), mk.delayed(m.close)
        options = {**self.options, "freq": "1D", "init_cash": mk.PORTFOLIO_CAPITAL}

        def work() -> float:
            pf = vbt.Portfolio.from_orders(
                close,
                weights,
                size_type="targetpercent",
                price=opens,
                val_price=sized_at,
                cash_sharing=True,
                group_by=True,
                call_seq="auto",
                **options,
            )
            return float(pf.value().iloc[-1])

        return lambda: work

    def sweep(self, m: Market) -> Setup:
        close = series(m, m.close)
        kernel = self.options["engine"]

        def work() -> float:
            windows = [*mk.SWEEP_FAST, *mk.SWEEP_SLOW]
            means = dict(zip(windows, vbt.MA.run(close, windows, engine=kernel).ma.to_numpy().T, strict=True))
            distance = np.column_stack([means[fast] - means[slow] for fast, slow in mk.GRID])
            targets = np.where(distance > mk.MARGIN, mk.QUANTITY, 0.0)
            size = mk.delayed(mk.changes(targets))
            pf = vbt.Portfolio.from_orders(
                close,
                size,
                size_type="targetamount",
                price=m.open[:, None],
                max_orders=MAX_ORDERS,
                **self.options,
            )
            return float(pf.final_value().sum())

        return lambda: work


numba, rust = Cases("numba"), Cases("rust")


def series(m: Market, column: mk.FloatArray) -> pd.Series:
    return pd.Series(column, index=pd.DatetimeIndex(m.ts))
