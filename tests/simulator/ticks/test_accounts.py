"""The account of a replay, worked out again in whole units of 1e-18 from the messages and the feed.

Fees, impact, interest, borrow fees, splits, dividends and several currencies, all at once, on random markets
that last for hours over the end of a month.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Events, FeedInfo
from omni_lab.data.bars import Bars
from omni_lab.data.moments import moment_ns
from omni_lab.domain import Instrument
from omni_lab.errors import OmniError
from omni_lab.simulator import (
    Currencies,
    Dividend,
    EventSimulator,
    FeeSchedule,
    FeeTier,
    Financing,
    Halt,
    MarketImpact,
    SimulationConfig,
    Split,
    TickConfig,
    TickResults,
    TickSimulator,
)
from omni_lab.simulator.costs import ImpactModel
from omni_lab.simulator.ticks import ConstantLatency
from omni_lab.strategies.base import Strategy
from omni_lab.typing import AnyArray
from tests.simulator.ticks.plain_impact import PlainImpact
from tests.simulator.ticks.plain_replay import BUY, SELL, Book

UNIT = 10**18
HOUR = 3_600_000_000_000
DELAY = 200_000
START = int(datetime(2024, 1, 31, 20, 30, tzinfo=UTC).timestamp()) * 10**9
SYMBOLS = ("XYZ", "ABC", "EURUSD")
MIDDLES = (10_000, 5_000, 110)
FEES = FeeSchedule(
    tiers=[
        FeeTier(taker_rate=0.002, maker_rate=-0.0005, taker_per_fill=0.01),
        FeeTier(volume=20_000, taker_rate=0.001, taker_per_share=0.003, maker_per_share=-0.001),
    ],
    minimum=0.05,
    maximum=9.0,
    maximum_rate=0.01,
)
FINANCING = Financing(
    borrow_rate=0.5, borrow_rates={"ABC": 0.9}, margin_rate=0.4, cash_rate=0.2, day_count=360
)


def feed_of(seed: int) -> Events:
    """Levels and trades of three instruments, the last of which is a rate, over some hours."""
    rng = np.random.default_rng(seed)
    n = 1_500
    instrument = rng.choice([0, 1, 2], n, p=[0.45, 0.4, 0.15])
    middle = np.array(MIDDLES)[instrument] + rng.integers(-2, 3, n)
    is_trade = (rng.random(n) < 0.3) & (instrument < 2)
    side = rng.integers(1, 3, n)
    away = rng.integers(0, 4, n)
    price = np.where(side == BUY, middle - 1 - away, middle + 1 + away)
    qty = rng.integers(1, 60, n) * ((rng.random(n) < 0.85) | is_trade)
    ts = START + np.sort(rng.integers(0, 8 * HOUR, n))
    columns = {"ts": ts, "kind": np.where(is_trade, 6, 12), "side": side, "qty": qty, "price": price}
    info = FeedInfo(symbols=dict(enumerate(SYMBOLS)), tick_size=0.01)
    return Events.from_columns({**columns, "instrument": instrument}, info)


def config_of(seed: int) -> TickConfig:
    models: tuple[ImpactModel, ...] = ("linear", "square_root", "almgren_chriss", "transient")
    about: dict[str, Any] = {
        "span": "10min",
        "window": 4,
        "half_life_bars": 2.0,
        "temporary": 0.3,
        "permanent": 0.2,
    }
    at = START + 4 * HOUR + 123_456
    return TickConfig(
        initial_capital=50_000.0,
        feed_delay_ns=DELAY,
        latency=ConstantLatency(entry_ns=300_000, response_ns=700_000),
        sample="7min",
        fees=FEES,
        impact=MarketImpact(model=models[seed % 4], **about),
        financing=FINANCING,
        actions=[
            Split(symbol="XYZ", ex=at, new=3, old=2),
            Dividend(symbol="ABC", ex=at + HOUR, amount=0.75, withheld=0.25),
            Split(symbol="ABC", ex=at + 2 * HOUR, new=1, old=4),
        ],
        halts=[Halt(symbol="XYZ", start=START + HOUR, end=START + 2 * HOUR)],
        currencies=Currencies(rates={"EUR": "EURUSD"}, of={"ABC": "EUR"}),
    )


def traded(seed: int) -> TickResults:
    """Orders at random, until the market is over."""
    rng = np.random.default_rng(seed + 1_000)
    sim = TickSimulator(feed_of(seed), config_of(seed))
    for until in np.sort(START + rng.integers(0, 8 * HOUR, 160)).tolist():
        sim.advance(until)
        place = int(rng.integers(0, 2))
        mid = MIDDLES[place] + int(rng.integers(-4, 5))
        kind, lasts = (0, 0) if rng.random() < 0.3 else (1, int(rng.integers(0, 4)))
        sim.send(bool(rng.integers(0, 2)), mid, int(rng.integers(1, 30)), kind, lasts, place)
    sim.run()
    return sim.results()


@dataclass
class Plain:
    """The account: whole lots, and whole units of 1e-18 of each currency."""

    results: TickResults

    def __post_init__(self) -> None:
        self.lots = [0, 0, 0]
        self.cash = [50_000 * UNIT, 0]
        self.mids: list[Fraction | None] = [None, None, None]
        self.books = [Book() for _ in SYMBOLS]
        self.flows: list[tuple[int, int, str, int, int]] = []
        self.fees = 0.0
        self.volume: dict[tuple[int, int], float] = defaultdict(float)
        self.orders: dict[int, tuple[float, float, int]] = {}
        self.stretch: tuple[int, list[tuple[int, int, str, float]]] = (START, [])

    def run(self) -> None:
        """Everything that was heard, and everything on the calendar, in the order of its time."""
        events, config = self.results.feed.events, self.results.config
        fills = self.results.fills
        happens: list[tuple[int, int, int, Any]] = []
        names = ("ts", "kind", "side", "instrument", "qty", "price")
        first = int(events.ts[0])
        for n, (ts, *event) in enumerate(zip(*(getattr(events, x).tolist() for x in names), strict=True)):
            happens.append((ts + DELAY, 0, n, event))
        happens += [(int(ts), 1, n, n) for n, ts in enumerate(fills["ts"])]
        end = int(events.ts[-1]) + DELAY
        hours = range(first // HOUR * HOUR + HOUR, end + 1, HOUR)
        happens += [(hour, 2, n, None) for n, hour in enumerate(hours)]
        happens += [(moment_ns(each.ex) - 1, 3, n, each) for n, each in enumerate(config.actions)]
        self.stretch = first, self.charges()
        todo: tuple[Callable[[int, Any], None], ...] = (self.hear, self.fill, self.accrue, self.act)
        for ts, what, _, fact in sorted(happens, key=lambda each: each[:3]):
            todo[what](ts, fact)
        self.accrue(max(end, int(self.results.messages["ts"][-1])), None)

    def hear(self, ts: int, event: list[int]) -> None:
        kind, side, place, qty, price = event
        book = self.books[place]
        if kind == 12:
            book.set(side, price, qty)
        bid, ask = book.best[BUY], book.best[SELL]
        if bid is not None and ask is not None:
            self.mids[place] = Fraction(bid + ask, 200)

    @property
    def rate(self) -> Fraction:
        return self.mids[2] or Fraction(0)

    def fill(self, ts: int, row: int) -> None:
        fills = self.results.fills
        place = SYMBOLS.index(fills["symbol"][row])
        lots, price = int(fills["qty"][row]), round(fills["price"][row] * 100)
        order, maker = int(fills["order_id"][row]), fills["liquidity"][row] == "MAKER"
        sign = 1 if fills["side"][row] == "BUY" else -1
        when = datetime.fromtimestamp(int(fills["ts_venue"][row]) // 10**9, tz=UTC)
        month = when.year, when.month
        tier = FEES.tiers[int(self.volume[month] >= 20_000)]
        rates = (
            (tier.maker_rate, tier.maker_per_share, tier.maker_per_fill)
            if maker
            else (tier.taker_rate, tier.taker_per_share, tier.taker_per_fill)
        )
        notional = price / 100 * lots
        raw, so_far, charged = self.orders.get(order, (0.0, 0.0, 0))
        raw, so_far = raw + (rates[0] * notional + rates[1] * lots + rates[2]), so_far + notional
        due = units(min(max(raw, 0.05), 9.0, 0.01 * so_far))
        self.orders[order] = raw, so_far, due
        fee = due - charged
        self.volume[month] += notional * (float(self.rate) if place == 1 else 1.0)
        self.cash[place == 1] -= sign * lots * price * (UNIT // 100) + fee
        self.lots[place] += sign * lots
        assert fee == pytest.approx(fills["fee"][row] * UNIT, abs=UNIT * 1e-12)
        self.mids[place] = self.mids[place] or Fraction(price, 100)

    def charges(self) -> list[tuple[int, int, str, float]]:
        """What a year would bring: place, currency, kind, amount."""
        shorts, charges = [Fraction(0), Fraction(0)], []
        for place, lots in enumerate(self.lots):
            if lots < 0:
                value = lots * (self.mids[place] or Fraction(0))
                shorts[place == 1] -= value
                rate = FINANCING.borrow_rates.get(SYMBOLS[place], FINANCING.borrow_rate)
                charges.append((place, int(place == 1), "BORROW", float(value) * rate))
        for currency, cash in enumerate(self.cash):
            money = Fraction(cash, UNIT)
            earning = money if cash < 0 else max(money - shorts[currency], Fraction(0))
            rate = FINANCING.margin_rate if cash < 0 else FINANCING.cash_rate
            charges.append((-1, currency, "INTEREST", float(earning) * rate))
        return charges

    def accrue(self, ts: int, _: None) -> None:
        since, charges = self.stretch
        for place, currency, kind, a_year in charges:
            amount = units(a_year * ((ts - since) / 1e9 / 86_400 / FINANCING.day_count))
            if amount:
                self.cash[currency] += amount
                self.flows.append((ts, place, kind, 0, amount))
        self.stretch = ts, self.charges()

    def act(self, ts: int, action: Split | Dividend) -> None:
        place = SYMBOLS.index(action.symbol)
        currency, held, mid = int(place == 1), self.lots[place], self.mids[place] or Fraction(0)
        if isinstance(action, Dividend):
            amount = units(action.amount * (0.75 if held > 0 else 1.0) * held)
            if amount:
                self.flows.append((ts, place, "DIVIDEND", 0, amount))
        else:
            whole = abs(held) * action.new // action.old * (1 if held > 0 else -1)
            left = Fraction(held * action.new, action.old) - whole
            amount = int(left * action.old / action.new * mid * UNIT)
            self.lots[place] = whole
            half_ticks = round(float(mid * 200) * action.old / action.new + 1e-9)
            self.mids[place] = Fraction(half_ticks, 200)
            self.books[place] = Book()
            if held:
                self.flows.append((ts, place, "SPLIT", whole - held, 0))
            if amount:
                self.flows.append((ts, place, "CASH_IN_LIEU", 0, amount))
        self.cash[currency] += amount

    @property
    def total_cash(self) -> float:
        return float(Fraction(self.cash[0], UNIT) + Fraction(self.cash[1], UNIT) * self.rate)

    @property
    def equity(self) -> float:
        worth = [lots * (mid or Fraction(0)) for lots, mid in zip(self.lots, self.mids, strict=True)]
        return self.total_cash + float(worth[0] + worth[1] * self.rate + worth[2])


def units(amount: float) -> int:
    """To the nearest unit: the fraction apart, so that no large product adds noise."""
    whole = math.trunc(amount)
    rest = (amount - whole) * 1e18
    return whole * UNIT + math.trunc(rest + math.copysign(0.5, rest))


@pytest.mark.parametrize("seed", range(8))
def test_cash_fees_flows_and_equity_are_those_of_whole_numbers(seed: int) -> None:
    results = traded(seed)
    plain = Plain(results)
    plain.run()
    flows = results.flows
    assert len(flows) == len(plain.flows)
    for row, (ts, place, kind, lots, amount) in enumerate(plain.flows):
        found = flows["ts"][row], flows["symbol"][row], flows["kind"][row], flows["qty"][row]
        assert found == (ts, SYMBOLS[place] if place >= 0 else "", kind, lots)
        assert flows["amount"][row] == pytest.approx(amount / UNIT, rel=1e-12, abs=1e-12), (row, kind)
    assert results.final_lots == tuple(plain.lots)
    assert results["cash"] == pytest.approx(plain.total_cash, rel=1e-13)
    assert results["final_equity"] == pytest.approx(plain.equity, rel=1e-13)
    # Everything took part.
    assert {"BORROW", "INTEREST", "SPLIT"} <= set(flows["kind"])
    assert len({"CASH_IN_LIEU", "DIVIDEND"} & set(flows["kind"])) > 0
    assert set(results.fills["liquidity"]) == {"MAKER", "TAKER"}
    assert len(plain.volume) == 2
    assert results["impact_paid"] != 0.0


@pytest.mark.parametrize("seed", range(8))
def test_takers_pay_what_the_tape_before_them_says(seed: int) -> None:
    results = traded(seed)
    fills, impact = results.fills, results.config.impact
    assert impact is not None
    terms = impact.to_engine()
    numbers = tuple(terms[name] for name in ("temporary", "exponent", "permanent", "half_life", "window"))
    plain = PlainImpact(results.feed.events.columns(), numbers, terms["span_ns"], results.feed.tick)
    taken: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(fills["liquidity"] == "TAKER").tolist():
        taken.setdefault((int(fills["ts_venue"][row]), int(fills["order_id"][row])), []).append(row)
    n_moved = 0
    for (ts, order), rows in taken.items():
        place, side = SYMBOLS.index(fills["symbol"][rows[0]]), 1 if fills["side"][rows[0]] == "BUY" else 2
        lots = int(sum(fills["qty"][row] for row in rows))
        fraction = plain.fraction(place, side, ts, lots)
        plain.take(place, side, ts, lots)
        limit = results.orders["limit_price"][order]
        for row in rows:
            met, price = round(fills["met"][row] * 100), round(fills["price"][row] * 100)
            assert price == plain.moved(side, met, fraction)
            n_moved += price != met
            assert math.isnan(limit) or (fills["price"][row] - limit) * (1 if side == 1 else -1) < 1e-9
    assert n_moved > 5
    # What makers got was never moved.
    makers = fills["liquidity"] == "MAKER"
    assert np.array_equal(fills["met"][makers], fills["price"][makers])
    paid = np.where(fills["side"] == "BUY", 1, -1) * fills["qty"] * (fills["price"] - fills["met"])
    stories = [results.explain(order).facts["impact"] for order in range(len(results.orders))]
    assert sum(stories) == pytest.approx(float(paid.sum()))


def test_a_split_ends_limits_and_keeps_what_an_account_is_worth() -> None:
    columns: dict[str, AnyArray] = {
        "ts": np.array([0, 0, 10_000, 10_000]),
        "kind": np.full(4, 12),
        "side": np.array([BUY, SELL, BUY, SELL]),
        "qty": np.full(4, 50),
        "price": np.array([999, 1_001, 249, 251]),
    }
    events = Events.from_columns(columns, FeedInfo(symbols={0: "XYZ"}, tick_size=0.01))
    latency = {"entry_ns": 10, "response_ns": 3_000}
    split = Split(symbol="XYZ", ex=5_000, new=4)
    sim = TickSimulator(events, {"feed_delay_ns": 0, "latency": latency, "actions": [split]})
    sim.advance(100)
    bought, waits = sim.submit("buy", 7), sim.submit("buy", 5, limit=9.5)
    sim.advance(4_000)
    assert (sim.position, sim.order(waits).status.name) == (7.0, "NEW")
    late = sim.submit("sell", 2)
    sim.advance(4_998)
    assert sim.position == 7.0
    # The sale was filled before, and heard of as the split acts.
    sim.advance(4_999)
    assert (sim.position, sim.order(late).filled_qty, sim.order(bought).filled_qty) == (20.0, 2.0, 7.0)
    assert (sim.order(waits).status.name, sim.order(waits).reason) == ("CANCELED", "CORPORATE_ACTION")
    assert sim.equity == sim.cash + 20 * 2.5
    assert math.isnan(sim.depth.best_bid)
    assert sim.average_price() == pytest.approx(10.01 / 4)
    sim.run()
    assert (sim.depth.mid, sim.equity) == (2.5, sim.cash + 50.0)


def test_the_same_fills_cost_the_same_on_bars_and_in_a_market() -> None:
    day = 24 * HOUR
    prices = [10_000, 10_007, 9_993, 10_050, 10_011, 9_871]
    trades = [37, -12, -60, 35, 113]
    start = START // day * day

    class Fixed(Strategy):
        def on_bar(self, ctx: Any, bar: Any) -> None:
            if bar.index < len(trades):
                lots = trades[bar.index]
                (ctx.buy if lots > 0 else ctx.sell)(abs(lots))

    ts = np.array([start + n * day for n in range(len(prices))])
    closes = np.array(prices)[:, None] / 100
    bars = Bars.from_arrays(
        ts.astype("datetime64[ns]"),
        closes,
        closes,
        closes,
        closes,
        None,
        instruments=[Instrument(symbol="X", tick_size=0.01)],
    )
    settings: dict[str, Any] = {"initial_capital": 1e6, "fees": FEES, "max_leverage": None}
    on_bars = EventSimulator(SimulationConfig(fill="next_open", **settings)).run_backtest(
        Fixed(), bars, progress=False
    )

    # One side at a time, so that what is bought and what is sold meets the same price.
    columns: dict[str, list[int]] = {name: [] for name in ("ts", "kind", "side", "qty", "price")}
    for t, price in zip(ts.tolist(), prices, strict=True):
        for ms, kind, side, qty, at in (
            (0, 11, 0, 0, 0),
            (1, 12, SELL, 500, price),
            (2, 11, 0, 0, 0),
            (3, 12, BUY, 500, price),
        ):
            row = (t + ms * 1_000_000, kind, side, qty, at)
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    events = Events.from_columns(columns, FeedInfo(symbols={0: "X"}, tick_size=0.01))
    latency = ConstantLatency(entry_ns=0, response_ns=0)
    sim = TickSimulator(events, TickConfig(initial_capital=1e6, fees=FEES, feed_delay_ns=0, latency=latency))
    for t, lots in zip(ts[1:].tolist(), trades, strict=True):
        sim.advance(t + (1_500_000 if lots > 0 else 3_500_000))
        sim.submit("buy" if lots > 0 else "sell", abs(lots))
    sim.run()
    in_market = sim.results()
    assert np.array_equal(on_bars.fills["price"], in_market.fills["price"])
    assert np.array_equal(on_bars.fills["commission"], in_market.fills["fee"])
    assert on_bars.cash[-1] == in_market["cash"]
    assert in_market["fees_paid"] > 5.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"fees": {"maker_rate": 0.1, "minimum": 1.0}}, "no such plain rate"),
        ({"fees": {"taker_rate": math.nan}}, "taker_rate"),
        ({"fees": {"tiers": []}}, "begin at volume 0"),
        ({"fees": 3}, "must be a mapping"),
        ({"impact": {"span": "1 fortnight"}}, "fortnight"),
        ({"impact": {"window": 1}}, "window must be"),
        ({"financing": {"borrow_rates": {"NONE": 0.1}}}, "no such symbol"),
        ({"actions": [{"symbol": "NONE", "ex": 5, "new": 2}]}, "no such symbol"),
        ({"halts": [{"symbol": "XYZ", "start": 5, "end": 4}]}, "ends before it starts"),
        ({"currencies": {"rates": {"EUR": "NONE"}}}, "no such symbol"),
        ({"currencies": {"of": {"XYZ": "EUR"}}}, "there is no rate"),
    ],
)
def test_models_that_cannot_be_meant_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(OmniError, match=words):
        TickSimulator(feed_of(1), settings)
