"""The bar simulator against the plain oracle: the same fills, and the same equity to the cent at every step.

The large cases show that nothing drifts, the random ones mix every rule of `docs/simulation.md`, and the real
ones carry the irregularities that nobody would think of drawing.
"""

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_lab.data import Bars
from omni_lab.domain import Instrument
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.strategies import Bar, Context, Strategy
from tests.lengths import LONG
from tests.oracle.bar_costs import (
    DividendEvent,
    HaltEvent,
    OracleModels,
    SplitEvent,
    Tier,
    as_settings,
)
from tests.oracle.bar_oracle import (
    FloatArray,
    OracleResult,
    OracleSettings,
    Panel,
    Request,
    Terms,
    run_oracle,
)

Fill = Literal["next_open", "this_close", "next_close"]
Kind = Literal["quantity", "weight"]
TimeArray = npt.NDArray[np.int64]
FILLS: tuple[Fill, ...] = ("next_open", "this_close", "next_close")
MINUTE_NS = 60 * 10**9
START_NS = 1_672_531_200 * 10**9  # 2023-01-01
CENT = 0.005
DAY_NS = 1_440 * MINUTE_NS
CURRENCIES = ("USD", "EUR")


# ---- Large -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", FILLS)
def test_a_million_minutes_of_sma_crossover(fill: Fill) -> None:
    n_steps = 1_000_000 if LONG or fill == "next_open" else 250_000
    panel = random_walk(n_steps=n_steps, n_symbols=1, volatility=2e-4, gap=5e-5, seed=1)
    targets = 100.0 * np.sign(sma(panel.close[:, 0], 20) - sma(panel.close[:, 0], 100))[:, None]
    config = OracleSettings(fill=fill, slippage_bps=2, commission_per_share=0.005, max_leverage=None)
    expected = assert_agreement(panel, config, targets=targets)
    assert len(expected.fills) > n_steps / 100


@pytest.mark.parametrize(("fill", "every_days"), [("next_open", 1), ("this_close", 5), ("next_close", 5)])
def test_500_symbols_rebalanced_by_the_z_score_of_21_days(fill: Any, every_days: int) -> None:
    n_steps = 2_520 if LONG or every_days > 1 else 756
    panel = random_walk(n_steps=n_steps, n_symbols=500, volatility=0.015, gap=0.004, seed=2)
    weights = z_score_weights(panel.close, days=21)
    weights[np.arange(len(weights)) % every_days != 0] = np.nan
    config = OracleSettings(initial_capital=1e8, fill=fill, commission_rate=2e-4, slippage_bps=1)
    expected = assert_agreement(panel, config, targets=weights, kind="weight")
    assert len(expected.fills) > 200_000
    assert expected.counts["reduced"] > 0


# ---- Random ------------------------------------------------------------------------------------


def sampled(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def configurations(draw: st.DrawFn) -> OracleSettings:
    slippage_bps, slippage_ticks = draw(sampled((0.0, 0), (0.0, 3), (2.0, 0), (37.5, 1)))
    return OracleSettings(
        initial_capital=draw(sampled(10_000.0, 3_333.33, 1e6)),
        commission_rate=draw(sampled(0.0, 2e-4, 0.01)),
        commission_per_share=draw(sampled(0.0, 0.005, 1.0)),
        slippage_bps=slippage_bps,
        slippage_ticks=slippage_ticks,
        fill=draw(sampled(*FILLS)),
        limit_fill=draw(sampled("through", "touch")),
        max_leverage=draw(sampled(1.0, 0.5, 1.3, 3.0, None)),
        on_insufficient_cash=draw(sampled("reduce", "reject")),
        volume_limit=draw(sampled(None, None, 0.25)),
    )


@st.composite
def markets(draw: st.DrawFn) -> Panel:
    """A few bars of a few instruments that move by few ticks, so that prices meet each other exactly."""
    n_steps, n_symbols = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tick_size = [draw(sampled(None, 0.01, 0.05, 0.25, 1e-4)) for _ in range(n_symbols)]
    lot_size = [draw(sampled(1.0, 1.0, 0.5, 100.0)) for _ in range(n_symbols)]
    jump = draw(sampled(1, 6, 200))

    shape = (n_steps, n_symbols)
    close = 4_000 + np.cumsum(rng.integers(-jump, jump + 1, shape), axis=0).clip(-3_900, 50_000)
    opens = np.maximum(np.vstack([close[:1], close[:-1]]) + rng.integers(-jump, jump + 1, shape), 1)
    high = np.maximum(opens, close) + rng.integers(0, jump + 1, shape)
    low = np.maximum(np.minimum(opens, close) - rng.integers(0, jump + 1, shape), 1)
    grid = np.array([0.01 if tick is None else tick for tick in tick_size])
    missing = rng.random(shape) < draw(sampled(0.0, 0.2))
    missing[0, :] = missing[:, 0] = False
    o, h, low_, c = (np.where(missing, np.nan, ticks * grid) for ticks in (opens, high, low, close))
    volume = np.where(missing, np.nan, 4.0 * rng.integers(0, 200, shape))
    return Panel(o, h, low_, c, volume, tick_size=tick_size, lot_size=lot_size)


@st.composite
def target_arrays(draw: st.DrawFn, panel: Panel, kind: Kind) -> FloatArray:
    """Targets with gaps; round weights, so that some come to whole lots exactly."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = panel.close.shape
    if kind == "weight":
        targets = np.round(rng.uniform(-1.5, 1.5, shape) / shape[1], draw(sampled(1, 2, 6)))
    else:
        targets = rng.integers(-100, 101, shape) * np.asarray(panel.lot_size)
    unchanged = rng.random(shape) < draw(sampled(0.0, 0.4, 0.9))
    return np.asarray(np.where(unchanged, np.nan, targets))


@st.composite
def scripts(draw: st.DrawFn, panel: Panel) -> list[Request]:
    """Orders of every kind, priced within a few ticks of the market."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    actions = ["buy", "sell", "buy", "sell", "target", "target_weight", "cancel"]
    n_steps, n_symbols = panel.close.shape
    requests: list[Request] = []
    for step in np.sort(rng.integers(0, n_steps, draw(st.integers(1, 60)))).tolist():
        s = int(rng.integers(n_symbols))
        action: Any = str(rng.choice(actions))
        lots = int(rng.integers(1, 120))
        stated = panel.tick_size[s]
        tick = 0.01 if stated is None else stated
        near = panel.close[: step + 1, s]
        price = (round(near[~np.isnan(near)][-1] / tick) + int(rng.integers(-8, 9))) * tick
        if action in ("buy", "sell"):
            resting = str(rng.choice(["market", "limit", "stop"]))
            if resting != "market" and price <= 0:
                continue
            limit, stop = (price if resting == name else None for name in ("limit", "stop"))
            requests.append(
                Request(step, s, action, quantity=lots * panel.lot_size[s], limit=limit, stop=stop)
            )
        elif action == "cancel":
            sent = [i for i, r in enumerate(requests) if r.action in ("buy", "sell")]
            if sent:
                requests.append(Request(step, s, action, cancels=int(rng.choice(sent))))
        elif np.isnan(panel.close[step, s]):
            continue
        elif action == "target":
            requests.append(Request(step, s, action, quantity=(lots - 60) * panel.lot_size[s]))
        else:
            requests.append(Request(step, s, action, weight=round(float(rng.uniform(-1, 1)), 2)))
    return requests


@settings(max_examples=500)
@given(data=st.data(), kind=sampled("quantity", "weight"))
def test_random_targets(data: st.DataObject, kind: Kind) -> None:
    panel = data.draw(markets())
    assert_agreement(
        panel, data.draw(configurations()), targets=data.draw(target_arrays(panel, kind)), kind=kind
    )


@settings(max_examples=500)
@given(data=st.data())
def test_random_scripts_of_orders(data: st.DataObject) -> None:
    panel = data.draw(markets())
    assert_agreement(panel, data.draw(configurations()), script=data.draw(scripts(panel)))


KINDS = ("MARKET", "LIMIT", "STOP", "STOP_LIMIT", "TRAILING_STOP")


def random_terms(rng: np.random.Generator, kind: str, lots: int, lot_size: float, clock: TimeArray) -> Terms:
    """Terms that the form allows for a kind, each as likely as the others."""
    waits = ["GTC", "DAY", "GTD"]
    allowed = {"MARKET": ["GTC", "DAY", "IOC", "FOK", "AT_OPEN", "AT_CLOSE"]}
    allowed["LIMIT"] = [*waits, "IOC", "FOK", "AT_OPEN", "AT_CLOSE"]
    how_long: Any = str(rng.choice(allowed.get(kind, waits)))
    chosen: dict[str, Any] = {"time_in_force": how_long}
    if how_long == "GTD":
        chosen["expire_at"] = int(rng.choice(clock)) + int(rng.integers(0, 2))
    if kind == "TRAILING_STOP":
        by_ticks = rng.random() < 0.5
        chosen |= {"trail": int(rng.integers(1, 12))} if by_ticks else {"trail_bps": int(rng.integers(1, 60))}
    extra = str(rng.choice(["min_qty", "all_or_none", "post_only", "none"]))
    if kind == "LIMIT" and how_long in waits and extra == "all_or_none":
        chosen["all_or_none"] = True
    elif kind == "LIMIT" and how_long in waits and extra == "post_only":
        chosen["post_only"] = str(rng.choice(["REJECT", "SLIDE"]))
    elif kind in ("MARKET", "LIMIT") and how_long in (*waits, "IOC") and extra == "min_qty":
        chosen["min_qty"] = int(rng.integers(1, lots + 1)) * lot_size
    return Terms(**chosen)


@st.composite
def scripts_with_terms(draw: st.DrawFn, panel: Panel, clock: TimeArray) -> list[Request]:
    """Orders of every type, some of them without terms, replaced and canceled now and then."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_steps, n_symbols = panel.close.shape
    requests: list[Request] = []
    for step in np.sort(rng.integers(0, n_steps, draw(st.integers(1, 60)))).tolist():
        s, lots = int(rng.integers(n_symbols)), int(rng.integers(1, 120))
        tick = panel.tick_size[s] or 0.01
        near = panel.close[: step + 1, s]
        last = round(near[~np.isnan(near)][-1] / tick) if (~np.isnan(near)).any() else 0
        limit, stop = (max(last + int(each), 1) * tick for each in rng.integers(-8, 9, 2))
        sent = [i for i, each in enumerate(requests) if each.action in ("buy", "sell")]
        action: Any = str(rng.choice(["buy", "sell", "buy", "sell", "buy", "sell", "cancel", "replace"]))
        if action == "cancel" and sent:
            requests.append(Request(step, s, action, cancels=int(rng.choice(sent))))
        elif action == "replace" and sent:
            which = int(rng.choice(sent))
            other = requests[which].symbol
            new: dict[str, Any] = {"quantity": lots * panel.lot_size[other] * int(rng.integers(0, 2))}
            if rng.random() < 0.7:
                grid = panel.tick_size[other] or 0.01
                column = panel.close[: step + 1, other]
                base = round(column[~np.isnan(column)][-1] / grid) if (~np.isnan(column)).any() else 9
                price = max(base + int(rng.integers(-8, 9)), 1) * grid
                new["limit" if rng.random() < 0.6 else "stop"] = price
            requests.append(Request(step, other, action, cancels=which, **new))
        elif action in ("buy", "sell"):
            kind = str(rng.choice(KINDS))
            terms = random_terms(rng, kind, lots, panel.lot_size[s], clock[step:] + 1)
            plain = rng.random() < 0.2 and kind != "TRAILING_STOP"
            requests.append(
                Request(
                    step,
                    s,
                    action,
                    quantity=lots * panel.lot_size[s],
                    limit=limit if kind in ("LIMIT", "STOP_LIMIT") else None,
                    stop=stop if kind in ("STOP", "STOP_LIMIT") else None,
                    terms=None if plain else terms,
                )
            )
    return requests


@settings(max_examples=600)
@given(data=st.data(), hours=sampled(1, 5, 24))
def test_random_scripts_of_every_type(data: st.DataObject, hours: int) -> None:
    panel = data.draw(markets())
    clock = START_NS + 7 * 60 * MINUTE_NS + hours * 60 * MINUTE_NS * np.arange(len(panel.close))
    script = data.draw(scripts_with_terms(panel, clock))
    assert_agreement(panel, data.draw(configurations()), script=script, ts=clock, timed=True)


@settings(max_examples=200)
@given(data=st.data())
def test_every_type_with_models(data: st.DataObject) -> None:
    panel = data.draw(markets())
    models = data.draw(model_sets(*panel.close.shape))
    clock = START_NS + DAY_NS * np.arange(len(panel.close), dtype=np.int64)
    config = data.draw(configurations())
    if models.tiers:
        config = replace(config, commission_rate=0.0, commission_per_share=0.0)
    script = data.draw(scripts_with_terms(panel, clock))
    assert_agreement(panel, config, script=script, ts=clock, models=models, timed=True)


@settings(max_examples=100)
@given(data=st.data(), kind=sampled("quantity", "weight"), fill=sampled("this_close", "next_close"))
def test_bars_of_closes_only(data: st.DataObject, kind: Kind, fill: Fill) -> None:
    panel = data.draw(markets())
    closes = replace(panel, open=panel.close, high=panel.close, low=panel.close)
    config = replace(data.draw(configurations()), fill=fill, volume_limit=None)
    targets = data.draw(target_arrays(panel, kind))
    assert_agreement(closes, config, targets=targets, kind=kind, closes_only=True)


@st.composite
def events(draw: st.DrawFn, n_steps: int, n_symbols: int) -> dict[str, Any]:
    """Splits, dividends and halts, at the closes of days and between them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def moment() -> int:
        return START_NS + int(rng.integers(0, 2 * n_steps + 1)) * DAY_NS // 2

    found: list[SplitEvent | DividendEvent] = []
    for _ in range(draw(st.integers(0, 4))):
        symbol = int(rng.integers(n_symbols))
        if rng.random() < 0.5:
            new, old = ((2, 1), (3, 2), (1, 10), (1, 500))[int(rng.integers(4))]
            found.append(SplitEvent(symbol, moment(), new, old))
        else:
            found.append(DividendEvent(symbol, moment(), round(float(rng.uniform(0.01, 3)), 2), 0.15))
    halts = []
    for _ in range(draw(st.integers(0, 2))):
        start, end = sorted((moment(), moment()))
        halts.append(HaltEvent(int(rng.integers(n_symbols)), start, end))
    return {"events": found, "halts": halts}


@st.composite
def model_sets(draw: st.DrawFn, n_steps: int, n_symbols: int) -> OracleModels:
    """Any models together, or one alone."""
    chosen: dict[str, Any] = {}
    if draw(st.booleans()):
        tiers = [Tier(0.0, 2e-3, -1e-3, 0.01, -0.002), Tier(20_000.0, 1e-3, 0.0, 0.005, 0.0)]
        chosen |= {"tiers": tiers[: draw(st.integers(1, 2))], "by": draw(sampled("notional", "quantity"))}
        chosen |= {"minimum": draw(sampled(0.0, 1.0)), "maximum": draw(sampled(None, 5.0))}
        chosen["maximum_rate"] = draw(sampled(None, 0.005))
    if draw(st.booleans()):
        chosen["impact"] = draw(sampled("linear", "square_root", "almgren_chriss", "transient"))
        chosen |= {"temporary": 0.7, "permanent": 0.4, "half_life": 2.5, "window": draw(sampled(2, 5, 20))}
    if draw(st.booleans()):
        chosen |= {"financing": True, "borrow_rate": 0.1, "margin_rate": 0.08, "cash_rate": 0.05}
        chosen["day_count"] = draw(sampled(360, 365))
    if draw(st.booleans()):
        chosen |= draw(events(n_steps, n_symbols))
    if draw(st.booleans()) and n_symbols > 1:
        # The first instrument has all its bars, and is the rate of the second currency.
        currency = [0] + [draw(sampled(0, 1)) for _ in range(n_symbols - 1)]
        chosen |= {"currency": currency, "rates": [(0, draw(st.booleans()))]}
    return OracleModels(**chosen)


@settings(max_examples=200)
@given(data=st.data(), kind=sampled("quantity", "weight"))
def test_random_targets_with_models(data: st.DataObject, kind: Kind) -> None:
    panel = data.draw(markets())
    models = data.draw(model_sets(*panel.close.shape))
    ts = START_NS + DAY_NS * np.arange(len(panel.close), dtype=np.int64)
    config = data.draw(configurations())
    if models.tiers:
        config = replace(config, commission_rate=0.0, commission_per_share=0.0)
    targets = data.draw(target_arrays(panel, kind))
    assert_agreement(panel, config, targets=targets, kind=kind, ts=ts, models=models)


@settings(max_examples=200)
@given(data=st.data())
def test_random_scripts_with_models(data: st.DataObject) -> None:
    panel = data.draw(markets())
    models = data.draw(model_sets(*panel.close.shape))
    ts = START_NS + DAY_NS * np.arange(len(panel.close), dtype=np.int64)
    config = data.draw(configurations())
    if models.tiers:
        config = replace(config, commission_rate=0.0, commission_per_share=0.0)
    assert_agreement(panel, config, script=data.draw(scripts(panel)), ts=ts, models=models)


# ---- Real --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", FILLS)
def test_minutes_of_sterling(test_data: Path, fill: Fill) -> None:
    rows = read_prices(test_data / "intraday" / "fxcm_gbpusd_m1_bid_2012.csv.gz")
    panel, ts = as_panel([rows], lot_size=1_000.0)
    targets = 50_000.0 * np.sign(sma(panel.close[:, 0], 20) - sma(panel.close[:, 0], 100))[:, None]
    config = OracleSettings(fill=fill, slippage_bps=0.5, commission_rate=2e-5)
    expected = assert_agreement(panel, config, targets=targets, ts=ts)
    assert len(expected.fills) > 100


@pytest.mark.parametrize("fill", FILLS)
def test_days_of_the_dow_jones_companies(test_data: Path, fill: Fill) -> None:
    files = sorted((test_data / "prices_daily" / "djia30_ohlcv").glob("*.csv.gz"))
    panel, ts = as_panel([read_prices(file) for file in files])
    weights = z_score_weights(panel.close, days=21)
    weights[np.arange(len(weights)) % 5 != 0] = np.nan
    config = OracleSettings(
        initial_capital=1e6, fill=fill, slippage_ticks=1, commission_per_share=0.005, volume_limit=1 / 1024
    )
    expected = assert_agreement(panel, config, targets=weights, kind="weight", ts=ts)
    assert len(expected.fills) > 5_000


# ---- How it is compared ------------------------------------------------------------------------


def assert_agreement(
    panel: Panel,
    config: OracleSettings,
    *,
    targets: FloatArray | None = None,
    kind: Kind = "quantity",
    script: Sequence[Request] = (),
    ts: TimeArray | None = None,
    closes_only: bool = False,
    models: OracleModels | None = None,
    timed: bool = False,
) -> OracleResult:
    """Run both; compare equity, positions, fills, trades and counts; return the oracle's result."""
    n_steps, n_symbols = panel.close.shape
    symbols = [f"S{s}" for s in range(n_symbols)]
    if ts is None:
        ts = START_NS + MINUTE_NS * np.arange(n_steps, dtype=np.int64)
    instruments = [
        Instrument(
            symbol,
            tick_size=panel.tick_size[s] if panel.tick_size else None,
            lot_size=panel.lot_size[s] if panel.lot_size else 1.0,
            currency=CURRENCIES[models.currency[s] if models and models.currency else 0],
        )
        for s, symbol in enumerate(symbols)
    ]
    if closes_only:
        bars = Bars.from_closes(ts, panel.close, instruments=instruments)
    else:
        prices = (panel.open, panel.high, panel.low, panel.close)
        bars = Bars.from_arrays(ts, *prices, panel.volume, instruments=instruments)
    extra = {} if models is None else as_settings(models, symbols, CURRENCIES)
    simulator = EventSimulator(SimulationConfig.from_mapping({**asdict(config), **extra}))
    if targets is None:
        sizes = [each.tick_size or 0.01 for each in bars.instruments]
        found = simulator.run_backtest(Script(script, symbols, sizes), bars, progress=False)
    else:
        found = simulator.run_targets(bars, targets, kind=kind)
    expected = run_oracle(
        panel,
        config,
        targets=targets,
        kind=kind,
        script=script,
        models=models,
        ts=ts if models is not None else None,
        clock=ts if timed else None,
    )

    assert_same_fills(found, expected, ts, symbols)
    assert np.max(np.abs(found.equity - expected.equity)) < CENT
    assert np.max(np.abs(found.cash - expected.cash)) < CENT
    np.testing.assert_allclose(found.positions, expected.positions, rtol=0, atol=1e-9)
    assert_same_trades(found, expected, symbols)
    assert {name: found.counts.get(name, 0) for name in expected.counts} == expected.counts
    return expected


def assert_same_fills(
    found: BacktestResults, expected: OracleResult, ts: TimeArray, symbols: list[str]
) -> None:
    """Step, instrument and side alike, quantity and price to 1e-9, in the same order."""
    fills = found.fills
    steps = np.searchsorted(ts, np.asarray(fills["ts"])).tolist()
    found_events = list(zip(steps, fills["symbol"], fills["side"], strict=True))
    expected_events = [(f.step, symbols[f.symbol], f.side) for f in expected.fills]
    for number, (event, wanted) in enumerate(zip(found_events, expected_events, strict=False)):
        assert event == wanted, f"fill {number}"
    assert len(found_events) == len(expected_events)
    for name, attribute in (("qty", "quantity"), ("price", "price"), ("commission", "commission")):
        wanted_values = [getattr(f, attribute) for f in expected.fills]
        np.testing.assert_allclose(fills[name], wanted_values, rtol=1e-12, atol=1e-9, err_msg=name)


def assert_same_trades(found: BacktestResults, expected: OracleResult, symbols: list[str]) -> None:
    trades = found.trades
    assert len(trades) == len(expected.trades)
    assert list(trades["symbol"]) == [symbols[t.symbol] for t in expected.trades]
    assert list(trades["side"]) == [t.side for t in expected.trades]
    for name, attribute in (
        ("qty", "quantity"),
        ("entry_price", "entry_price"),
        ("exit_price", "exit_price"),
        ("pnl", "pnl"),
        ("commission", "commission"),
    ):
        wanted = [getattr(t, attribute) for t in expected.trades]
        np.testing.assert_allclose(trades[name], wanted, rtol=1e-9, atol=1e-6, err_msg=name)


class Script(Strategy):
    """Sends the requests of each step, in their order, when it sees the first bar of that step."""

    def __init__(
        self, requests: Sequence[Request], symbols: list[str], tick_size: Sequence[float] = ()
    ) -> None:
        super().__init__()
        self.tick_size = tick_size
        self.requests: dict[int, list[tuple[int, Request]]] = {}
        for number, request in enumerate(requests):
            self.requests.setdefault(request.step, []).append((number, request))
        self.symbols = symbols
        self.order_ids: dict[int, int] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        for number, request in self.requests.pop(ctx.index, ()):
            symbol = self.symbols[request.symbol]
            if request.action == "cancel":
                ctx.cancel(self.order_ids[request.cancels])
            elif request.action == "replace":
                ctx.replace(
                    self.order_ids[request.cancels],
                    qty=request.quantity or None,
                    price=request.limit,
                    stop_price=request.stop,
                )
            elif request.action == "target":
                ctx.target(request.quantity, symbol=symbol)
            elif request.action == "target_weight":
                ctx.target_weight(request.weight, symbol=symbol)
            else:
                send = ctx.buy if request.action == "buy" else ctx.sell
                said: dict[str, Any] = {"symbol": symbol, "limit": request.limit, "stop": request.stop}
                self.order_ids[number] = send(
                    request.quantity, **said, **self._terms(request.symbol, request.terms)
                )

    def _terms(self, symbol: int, terms: Terms | None) -> dict[str, Any]:
        if terms is None:
            return {}
        said = {name: value for name, value in asdict(terms).items() if value}
        if terms.trail:
            said["trail"] = terms.trail * self.tick_size[symbol]
        return said


# ---- Markets and signals -----------------------------------------------------------------------


def random_walk(*, n_steps: int, n_symbols: int, volatility: float, gap: float, seed: int) -> Panel:
    """Prices in cents from 100, with a gap between each close and the next open."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, volatility, (n_steps, n_symbols)), axis=0))
    opens = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0, gap, close.shape))
    reach = np.abs(rng.normal(0, volatility / 2, close.shape))
    high, low = np.maximum(opens, close) * (1 + reach), np.minimum(opens, close) * (1 - reach)
    o, h, low, c = (np.round(prices, 2) for prices in (opens, high, low, close))
    return Panel(o, h, low, c, rng.integers(1, 1_000_000, close.shape).astype(float))


def sma(prices: FloatArray, length: int) -> FloatArray:
    """Mean of the last `length` prices; NaN before there are as many."""
    total = np.cumsum(np.concatenate([[0.0], prices]))
    mean = np.full(len(prices), np.nan)
    mean[length - 1 :] = (total[length:] - total[:-length]) / length
    return mean


def z_score_weights(close: FloatArray, *, days: int) -> FloatArray:
    """Weights against the cross-sectional z-score of the return over `days`; their sizes sum to one."""
    weights = np.full(close.shape, np.nan)
    returns = close[days:] / close[:-days] - 1
    z = (returns - np.nanmean(returns, axis=1, keepdims=True)) / np.nanstd(returns, axis=1, keepdims=True)
    weights[days:] = -z / np.nansum(np.abs(z), axis=1, keepdims=True)
    return weights


def read_prices(file: Path) -> dict[int, list[float]]:
    """Open, high, low, close and volume by time of the bar; rows that lack one of the prices are left out."""

    def complete(rows: Iterator[dict[str, str]]) -> Iterator[tuple[int, list[float]]]:
        for row in rows:
            fields = {name.lower(): text for name, text in row.items()}
            time = datetime.fromisoformat(fields.get("timestamp") or f"{fields['date']}T21:00:00+00:00")
            texts = [fields[name] for name in ("open", "high", "low", "close")]
            if all(texts):
                o, h, low, c = (float(text) for text in texts)
                prices = [o, max(o, h, low, c), min(o, h, low, c), c]
                yield int(time.timestamp()) * 10**9, [*prices, float(fields.get("volume") or 0.0)]

    with gzip.open(file, "rt", newline="") as lines:
        return dict(complete(csv.DictReader(lines)))


def as_panel(instruments: list[dict[int, list[float]]], *, lot_size: float = 1.0) -> tuple[Panel, TimeArray]:
    """Bars of several instruments on the union of their times."""
    ts = np.array(sorted(set().union(*instruments)), dtype=np.int64)
    missing = [np.nan] * 5
    cells = np.array([[rows.get(time, missing) for rows in instruments] for time in ts.tolist()])
    o, h, low, c, v = (cells[:, :, i] for i in range(5))
    return Panel(o, h, low, c, v, lot_size=[lot_size] * len(instruments)), ts
