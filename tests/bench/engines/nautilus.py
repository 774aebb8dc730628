"""NautilusTrader 2: a Python strategy called per bar, with its own compiled averages, on a margin account.

Its market orders fill at the close they were decided on; it has no fill at the next open. Commissions are
whole cents.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model import (
    AccountType,
    Bar,
    BarType,
    Currency,
    Equity,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    Symbol,
    Venue,
)
from nautilus_trader.risk import RiskEngineConfig
from nautilus_trader.trading import Strategy

import market as mk
from engines import Setup, Work
from market import Market

NEEDS = ("nautilus-trader",)
NOTES = dict.fromkeys(("arrays", "callback"), "fills at this close; commissions in whole cents")

VENUE = Venue("SIM")
INSTRUMENT_ID = InstrumentId(Symbol("SYNTH"), VENUE)
BAR_TYPE = BarType.from_str("SYNTH.SIM-1-MINUTE-LAST-EXTERNAL")
USD = Currency.from_str("USD")
SHARES = Quantity.from_int(int(mk.QUANTITY))


class Crossover(Strategy):
    def on_start(self) -> None:
        self.fast, self.slow = SimpleMovingAverage(mk.FAST), SimpleMovingAverage(mk.SLOW)
        self.register_indicator_for_bars(BAR_TYPE, self.fast)
        self.register_indicator_for_bars(BAR_TYPE, self.slow)
        self.subscribe_bars(BAR_TYPE)
        self.invested = False

    def on_bar(self, bar: Bar) -> None:
        if not self.slow.initialized:
            return
        above = self.fast.value - self.slow.value > mk.MARGIN
        if above != self.invested:
            side = OrderSide.BUY if above else OrderSide.SELL
            self.submit_order(self.order_factory.market(INSTRUMENT_ID, side, SHARES))
            self.invested = above


def callback(m: Market) -> Setup:
    bars = as_bars(m)

    def setup() -> Work:
        engine = BacktestEngine(
            BacktestEngineConfig(
                bypass_logging=True,
                run_analysis=False,
                logging=LoggerConfig(stdout_level=LogLevel.ERROR),
                risk_engine=RiskEngineConfig(bypass=True),
            )
        )
        engine.add_venue(
            VENUE,
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(mk.CAPITAL, USD)],
            base_currency=USD,
            default_leverage=Decimal(1),
            fee_model=MakerTakerFeeModel(Decimal(str(mk.FEE_RATE)), Decimal(str(mk.FEE_RATE))),
        )
        engine.add_instrument(
            Equity(INSTRUMENT_ID, Symbol("SYNTH"), USD, 2, Price.from_str("0.01"), ts_event=0, ts_init=0)
        )
        engine.add_data(bars)
        engine.add_strategy(Crossover())

        def work() -> float:
            engine.run()
            (equity,) = engine.portfolio.equity(VENUE).values()
            return float(equity.as_double())

        return work

    return setup


def as_bars(m: Market) -> list[Bar]:
    columns = (m.open, m.high, m.low, m.close, m.volume, m.ts)
    return [
        Bar(BAR_TYPE, Price(o, 2), Price(h, 2), Price(low, 2), Price(c, 2), Quantity(v, 0), ts, ts)
        for o, h, low, c, v, ts in zip(*(column.tolist() for column in columns), strict=True)
    ]


def expected_callback(m: Market) -> float:
    """A hundred shares traded at this close, commissions rounded to cents."""
    traded = np.diff(m.targets, prepend=0.0)
    value = traded * m.close
    fees = np.round(mk.FEE_RATE * np.abs(value), 2)
    return float(mk.CAPITAL - value.sum() - fees.sum() + m.targets[-1] * m.close[-1])
