"""phasor: vectorbt's model in Rust, `from_orders` and `from_signals`, executed at the next open."""

from __future__ import annotations

import numpy as np
import phasor

import market as mk
from engines import Setup
from market import FloatArray, Market

NEEDS = ("phasor-trader",)
OPTIONS = {"fees": mk.FEE_RATE, "init_cash": mk.CAPITAL}


def arrays(m: Market) -> Setup:
    size, opens = mk.delayed(mk.changes(m.targets))[:, None], m.open[:, None]

    def work() -> float:
        pf = phasor.from_orders(m.close, size, size_type="targetamount", price=opens, **OPTIONS)
        return float(pf.value(0)[-1])

    return lambda: work


def arrays_with_signals(m: Market) -> Setup:
    opens = m.open[:, None]

    def work() -> float:
        fast, slow = means(m.close, [mk.FAST, mk.SLOW])
        targets = np.where(fast - slow > mk.MARGIN, mk.QUANTITY, 0.0)
        size = mk.delayed(mk.changes(targets))[:, None]
        pf = phasor.from_orders(m.close, size, size_type="targetamount", price=opens, **OPTIONS)
        return float(pf.value(0)[-1])

    return lambda: work


def rebalance(m: Market) -> Setup:
    # Columns are what it walks along, so that is how they are laid out.
    tables = (m.close, mk.delayed(m.targets), m.open, mk.delayed(m.close))
    close, weights, opens, sized_at = (np.asfortranarray(table) for table in tables)
    options = {**OPTIONS, "init_cash": mk.PORTFOLIO_CAPITAL}

    def work() -> float:
        pf = phasor.from_orders(
            close,
            weights,
            size_type="targetpercent",
            price=opens,
            val_price=sized_at,
            cash_sharing=True,
            call_seq="auto",
            **options,
        )
        return float(pf.value(group=0)[-1])

    return lambda: work


def sweep(m: Market) -> Setup:
    def work() -> float:
        windows = [*mk.SWEEP_FAST, *mk.SWEEP_SLOW]
        mean_of = dict(zip(windows, means(m.close, windows), strict=True))
        above = np.empty((len(m.close), len(mk.GRID)), dtype=bool, order="F")
        for column, (fast, slow) in enumerate(mk.GRID):
            above[:, column] = mean_of[fast] - mean_of[slow] > mk.MARGIN
        pf = phasor.from_signals(
            m.close,
            above,
            ~above,
            size=mk.QUANTITY,
            price="nextopen",
            open=m.open,
            column_map=[0] * len(mk.GRID),
            **OPTIONS,
        )
        return float((mk.CAPITAL * (1 + np.asarray(pf.total_return()))).sum())

    return lambda: work


def means(close: FloatArray, windows: list[int]) -> list[FloatArray]:
    return list(phasor.indicators.ma(close, windows).outputs["ma"].T)
