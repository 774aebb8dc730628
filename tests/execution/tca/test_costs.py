"""What orders cost: numbers worked out by hand, sums that must hold, laws that must be found again."""

from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.execution.tca import PARTS, Tape, compare, fit_impact, measure

SECOND = 1_000_000_000


def tape(*quotes: tuple[float, float, float], trades: tuple[tuple[float, float, float], ...] = ()) -> Tape:
    """Seconds, bid, ask; seconds, price, quantity."""
    ts, bid, ask = (list(column) for column in zip(*quotes, strict=True))
    when, price, qty = (list(column) for column in zip(*trades, strict=True)) if trades else ([], [], [])
    nanos = [np.array([round(each * SECOND) for each in times], dtype=np.int64) for times in (ts, when)]
    return Tape(nanos[0], np.array(bid), np.array(ask), nanos[1], np.array(price), np.array(qty))


def columns(**given: list[Any]) -> dict[str, Any]:
    return {name: np.array(column) for name, column in given.items()}


QUOTES = ((0, 99.0, 101.0), (10, 100.0, 102.0), (20, 103.0, 105.0), (30, 104.0, 106.0))
TRADES = ((5, 101.0, 100.0), (15, 102.0, 300.0), (25, 105.0, 100.0), (40, 106.0, 50.0))


def perold() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], Tape]:
    """Buy 1,000: decided at 99, begun at a mid of 100; 400 taken at 102, 200 made at 103, 400 not done."""
    parents = columns(
        parent=[0],
        symbol=["XYZ"],
        side=["buy"],
        algorithm=["twap"],
        qty=[1_000.0],
        filled_qty=[600.0],
        start=[0],
        end=[35 * SECOND],
        ended=[35 * SECOND],
    )
    children = columns(parent=[0, 0], order_id=[1, 2], mid=[101.0, 104.0])
    fills = columns(
        parent=[0, 0],
        order_id=[1, 2],
        ts=[15 * SECOND, 25 * SECOND],
        qty=[400.0, 200.0],
        price=[102.0, 103.0],
        fee=[4.0, -1.0],
        is_maker=[False, True],
    )
    return parents, children, fills, tape(*QUOTES, trades=TRADES)


def test_the_shortfall_of_perold_by_hand() -> None:
    parents, children, fills, market = perold()
    got = measure(parents, children, fills, {"XYZ": market}, decisions=[99.0]).parents
    # 600 done: delay 600·(100 − 99); spread 400·1 − 200·1; the middle did not move while children were there.
    expected = {"delay": 600.0, "spread": 200.0, "impact": 0.0, "fees": 3.0}
    # Taken at a mid of 101, 1 above arrival; made at a mid of 104, 4 above.
    expected["timing"] = 400.0 * 1.0 + 200.0 * 4.0
    expected["opportunity"] = 400.0 * (105.0 - 99.0)
    assert {name: float(got[name][0]) for name in PARTS} == pytest.approx(expected)
    whole = 400 * 102.0 + 200 * 103.0 - 600 * 99.0 + 3.0 + 400 * (105.0 - 99.0)
    assert got["shortfall"][0] == pytest.approx(whole)
    assert got["notional"][0] == 99_000.0
    assert got["arrival"][0] == 100.0
    assert got["vwap"][0] == pytest.approx((100 * 101 + 300 * 102 + 100 * 105) / 500)
    assert got["twap"][0] == pytest.approx((10 * 100 + 10 * 101 + 10 * 104 + 5 * 105) / 35)
    assert (got["open"][0], got["close"][0]) == (101.0, 106.0)
    assert got["participation"][0] == pytest.approx(600 / 500)
    average = (400 * 102 + 200 * 103) / 600
    assert got["vs_arrival"][0] == pytest.approx((average - 100) / 100 * 1e4)


def test_a_sale_mirrors_a_purchase() -> None:
    parents, children, fills, market = perold()
    buy = measure(parents, children, fills, {"XYZ": market}, decisions=[99.0]).parents
    mirrored = Tape(
        market.quote_ts, 200 - market.ask, 200 - market.bid, market.trade_ts, 200 - market.price, market.qty
    )
    sell = measure(
        parents | {"side": np.array(["sell"])},
        children | {"mid": 200 - children["mid"]},
        fills | {"price": 200 - fills["price"]},
        {"XYZ": mirrored},
        decisions=[101.0],
    ).parents
    for name in (*PARTS, "shortfall"):
        assert sell[name] == pytest.approx(buy[name]), name


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("with_model", [False, True])
def test_parts_add_up_to_the_shortfall_whatever_the_market_did(seed: int, with_model: bool) -> None:
    rng = np.random.default_rng(seed)
    n, n_parents = 500, 12
    mid = 100 + np.cumsum(rng.normal(0, 0.05, n))
    times = np.sort(rng.integers(0, 3_600, n))
    market = tape(
        *zip(times, mid - 0.02, mid + 0.03, strict=True),
        trades=tuple(zip(times, mid, rng.integers(1, 900, n), strict=True)),
    )
    start = rng.integers(100, 1_000, n_parents) * SECOND
    parents = columns(
        parent=list(range(n_parents)),
        symbol=["XYZ"] * n_parents,
        side=list(rng.choice(["buy", "sell"], n_parents)),
        algorithm=list(rng.choice(["twap", "pov"], n_parents)),
        qty=[2_000.0] * n_parents,
        filled_qty=[0.0] * n_parents,
        start=list(start),
        end=list(start + 900 * SECOND),
        ended=[0] * n_parents,
    )
    owner = rng.integers(0, n_parents, 100)
    fills = columns(
        parent=list(owner),
        order_id=list(range(100)),
        ts=list(start[owner] + rng.integers(0, 900, 100) * SECOND),
        qty=list(rng.integers(1, 100, 100).astype(float)),
        price=list(rng.normal(100, 1, 100)),
        fee=list(rng.normal(0, 1, 100)),
        is_maker=list(rng.random(100) < 0.5),
        venue=list(rng.choice(["A", "B"], 100)),
    )
    children = columns(parent=list(owner), order_id=list(range(100)), mid=list(rng.normal(100, 1, 100)))
    fit = fit_impact(
        impact=np.linspace(0.01, 0.1, 20), participation=np.linspace(0.01, 0.1, 20), sigma=np.ones(20)
    )
    model = fit.predict if with_model else None
    costs = measure(
        parents, children, fills, {"XYZ": market}, decisions=rng.normal(100, 1, n_parents), impact=model
    )
    got = costs.parents
    for row in range(n_parents):
        mine = owner == row
        sign = 1.0 if parents["side"][row] == "buy" else -1.0
        qty, price = fills["qty"][mine], fills["price"][mine]
        left = 2_000.0 - qty.sum()
        end = max(int(fills["ts"][mine].max()) if mine.any() else 0, int(parents["end"][row]))
        last = market.mid_at([end])[0]
        decision = got["decision"][row]
        expected = (
            sign * (qty @ price - qty.sum() * decision)
            + fills["fee"][mine].sum()
            + left * sign * (last - decision)
        )
        assert got["shortfall"][row] == pytest.approx(expected)
    by_venue, by_algorithm = costs.by("venue"), costs.by("algorithm")
    without = sum(float(got[name].sum()) for name in PARTS[:-1])
    assert float((by_venue["shortfall"] * by_venue["notional"]).sum() / 1e4) == pytest.approx(without)
    total = float((by_algorithm["shortfall"] * by_algorithm["notional"]).sum() / 1e4)
    assert total == pytest.approx(float(got["shortfall"].sum()))
    assert list(costs.by("hour").index) == [0]


@pytest.mark.parametrize(("coefficient", "exponent"), [(0.9, 0.5), (1.5, 0.3), (0.4, 1.0)])
def test_an_impact_law_is_found_again(coefficient: float, exponent: float) -> None:
    rng = np.random.default_rng(3)
    share, sigma = rng.uniform(0.001, 0.3, 4_000), rng.uniform(0.5, 2.0, 4_000)
    impact = sigma * (coefficient * share**exponent + rng.normal(0, 0.05, 4_000))
    fit = fit_impact(impact=impact, participation=share, sigma=sigma)
    assert abs(fit.coefficient - coefficient) < 4 * fit.coefficient_error
    assert abs(fit.exponent - exponent) < 4 * fit.exponent_error
    assert fit.exponent_error < 0.05
    known = fit_impact(impact=impact, participation=share, sigma=sigma, exponent=exponent)
    assert abs(known.coefficient - coefficient) < 4 * known.coefficient_error
    assert fit.predict([-100.0], [1_000.0], [2.0])[0] == pytest.approx(
        -2.0 * fit.coefficient * 0.1**fit.exponent
    )


def test_errors_of_the_fit_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(200):
        share = rng.uniform(0.01, 0.3, 200)
        y = 0.8 * share**0.6 + rng.normal(0, 0.05, 200)
        fit = fit_impact(impact=y, participation=share, sigma=np.ones(200))
        inside += abs(fit.exponent - 0.6) < 1.96 * fit.exponent_error
    # 95 % of 200 are 190, with a standard deviation of 3.1.
    assert 178 <= inside <= 200


def test_peers_are_compared_on_the_same_parents() -> None:
    parents, children, fills, market = perold()
    one = measure(parents, children, fills, {"XYZ": market})
    worse = measure(parents, children, fills | {"fee": fills["fee"] + 50.0}, {"XYZ": market})
    table = compare({"one": one, "worse": worse})
    assert table.loc["worse", "vs_base"] == pytest.approx(100.0 / 100_000 * 1e4)
    assert np.isnan(table["t"].to_numpy()[0])
    other = measure(parents | {"qty": np.array([999.0])}, children, fills, {"XYZ": market})
    with pytest.raises(ConfigError, match="differ in qty"):
        compare({"one": one, "other": other})
    with pytest.raises(ConfigError, match="no such run"):
        compare({"one": one}, base="two")


def test_what_cannot_be_measured_is_refused() -> None:
    parents, children, fills, market = perold()
    with pytest.raises(DataError, match="no tape of this instrument"):
        measure(parents, children, fills, {})
    with pytest.raises(DataError, match="more was filled than asked"):
        measure(parents | {"qty": np.array([500.0])}, children, fills, {"XYZ": market})
    with pytest.raises(DataError, match="of no parent"):
        measure(parents | {"parent": np.array([7])}, children, fills, {"XYZ": market})
    with pytest.raises(DataError, match="fills lack columns"):
        measure(parents, children, {"ts": fills["ts"]}, {"XYZ": market})
    with pytest.raises(ConfigError, match="no such column"):
        measure(parents, children, fills, {"XYZ": market}).by("moon")
    with pytest.raises(DataError, match="too few orders"):
        fit_impact(measure(parents, children, fills, {"XYZ": market}))
    with pytest.raises(ShapeError, match="one length"):
        Tape(market.quote_ts, market.bid[:1], market.ask, market.trade_ts, market.price, market.qty)
    with pytest.raises(DataError, match="must not fall"):
        Tape(market.quote_ts[::-1], market.bid, market.ask, market.trade_ts, market.price, market.qty)
    with pytest.raises(DataError, match="needs quotes"):
        Tape(market.quote_ts[:0], market.bid[:0], market.ask[:0], market.trade_ts, market.price, market.qty)
