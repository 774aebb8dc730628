"""The desk: no lot is ever lost or asked for twice, whatever the market answers and people ask."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.algorithms import RECIPES, TACTICS, ExecutionDesk, ParentOrder, ParentState

SECOND = 1_000_000_000


@dataclass
class News:
    order_id: int
    status: str
    reason: str = ""


@dataclass
class Fill:
    order_id: int
    qty: float
    price: float


class Market:
    """A market that answers when, and what, the test says; it refuses what no venue could take."""

    def __init__(self) -> None:
        self.ts = 0
        self.bid, self.ask, self.shown = 99.99, 100.01, 50.0
        self.open: dict[int, float] = {}
        self.limits: dict[int, float | None] = {}
        self.resting: set[int] = set()
        self.cancels: list[int] = []

    def buy(self, qty: float, *, symbol: Any = None, limit: Any = None, time_in_force: str = "GTC") -> int:
        assert qty > 0
        number = len(self.limits) + 1
        self.open[number], self.limits[number] = qty, limit
        if time_in_force == "GTC" and limit is not None:
            self.resting.add(number)
        return number

    sell = buy

    def cancel(self, order_id: int) -> bool:
        self.cancels.append(order_id)
        return order_id in self.open

    def tick_size(self, symbol: Any = None) -> float:
        return 0.01

    def lot_size(self, symbol: Any = None) -> float:
        return 1.0

    def depth(self, symbol: Any = None) -> Any:
        return self

    def levels(self, n_levels: int = 10) -> dict[str, Any]:
        price = {"bid_price": np.array([self.bid]), "ask_price": np.array([self.ask])}
        return price | {"bid_qty": np.array([self.shown]), "ask_qty": np.array([self.shown])}


def algorithm(name: str, tactic: str) -> dict[str, Any]:
    extra: dict[str, Any] = {"pov": {"rate": 0.5, "cap": 0.9, "must_finish": True}}
    extra["is"] = {"risk_aversion": 1e-6, "sigma": 0.1, "temporary": 1e-3}
    return {"name": name, "tactic": tactic, **extra.get(name, {})}


class Desk(RuleBasedStateMachine):
    """Any order of looks, fills, ends, refusals, pauses, amendments and cancels."""

    @initialize(
        name=st.sampled_from(RECIPES),
        tactic=st.sampled_from(TACTICS),
        lots=st.integers(1, 400),
        limit=st.sampled_from([None, 100.0, 100.01]),
    )
    def begin(self, name: str, tactic: str, lots: int, limit: float | None) -> None:
        self.market, self.desk = Market(), ExecutionDesk()
        order = ParentOrder(symbol="XYZ", side="buy", qty=lots, end=60 * SECOND, limit=limit)
        self.desk.add(self.market, order, algorithm(name, tactic))
        self.parent = self.desk.jobs[0].parent
        self.traded = self.seen = 0

    @rule(seconds=st.integers(0, 10), volume=st.integers(0, 100))
    def look(self, seconds: int, volume: int) -> None:
        self.market.ts += seconds * SECOND
        if volume:
            self.desk.on_trade(self.market, "XYZ", float(volume))
        self.desk.look(self.market)

    @rule(move=st.integers(-2, 2), spread=st.integers(1, 5), shown=st.integers(0, 200))
    def quote(self, move: int, spread: int, shown: int) -> None:
        self.market.bid = round(self.market.bid + move / 100, 2)
        self.market.ask = round(self.market.bid + spread / 100, 2)
        self.market.shown = float(shown)

    @precondition(lambda self: self.market.open)
    @rule(data=st.data(), share=st.floats(0.01, 1.0))
    def fill(self, data: st.DataObject, share: float) -> None:
        number = data.draw(st.sampled_from(sorted(self.market.open)))
        qty = max(1.0, float(int(self.market.open[number] * share)))
        self.market.open[number] -= qty
        if not self.market.open[number]:
            del self.market.open[number]
        self.traded += int(qty)
        self.desk.on_fill(self.market, Fill(number, qty, self.market.ask))

    @precondition(lambda self: self.market.open)
    @rule(data=st.data(), status=st.sampled_from(["CANCELED", "EXPIRED", "REJECTED"]))
    def over(self, data: st.DataObject, status: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.market.open)))
        del self.market.open[number]
        self.desk.on_order(self.market, News(number, status))

    @precondition(lambda self: self.market.cancels)
    @rule()
    def refuse_cancel(self) -> None:
        self.desk.on_order(self.market, News(self.market.cancels.pop(), "REQUEST_REFUSED"))

    @rule(what=st.sampled_from(["pause", "resume", "cancel", "more", "less", "later", "limit"]))
    def ask(self, what: str) -> None:
        market, lots = self.market, self.parent.lots
        try:
            match what:
                case "pause":
                    self.desk.pause(market, 0)
                case "resume":
                    self.desk.resume(0)
                case "cancel" if self.market.ts > 30 * SECOND:
                    self.desk.cancel(market, 0)
                case "more":
                    self.desk.amend(market, 0, qty=lots + 10.0)
                case "less":
                    self.desk.amend(market, 0, qty=max(lots // 2, 1))
                case "later":
                    self.desk.amend(market, 0, end=market.ts + 60 * SECOND)
                case "limit":
                    self.desk.amend(market, 0, limit=100.02)
        except ConfigError:
            # Refused: nothing may have changed.
            assert self.parent.lots == lots

    @invariant()
    def every_lot_is_somewhere(self) -> None:
        if not hasattr(self, "parent"):
            return
        parent = self.parent
        assert parent.filled == self.traded
        assert parent.open == sum(self.market.open.values())
        assert parent.rest >= 0
        assert parent.filled + parent.open + parent.rest == parent.lots
        if parent.state.has_ended:
            assert parent.open == 0
            assert (parent.state is ParentState.FILLED) == (parent.filled == parent.lots)
        limit = parent.order.limit
        for number in range(self.seen + 1, len(self.market.limits) + 1):
            price = self.market.limits[number]
            assert limit is None or (price is not None and price <= limit)
        self.seen = len(self.market.limits)

    def teardown(self) -> None:
        """A market that answers everything leaves nothing open, and nothing over but for a reason."""
        if not hasattr(self, "parent"):
            return
        parent, market = self.parent, self.market
        if parent.state is ParentState.PAUSED:
            self.desk.resume(0)
        for _ in range(400):
            market.ts += SECOND
            market.bid, market.ask, market.shown = 99.99, 100.01, 500.0
            self.desk.look(market)
            for number, qty in sorted(market.open.items()):
                limit = market.limits[number]
                if number in market.cancels:
                    self.desk.on_order(market, News(number, "CANCELED"))
                elif limit is None or limit >= market.ask:
                    self.traded += int(qty)
                    self.desk.on_fill(market, Fill(number, qty, market.ask))
                elif number not in market.resting:
                    self.desk.on_order(market, News(number, "EXPIRED"))
                else:
                    continue
                del market.open[number]
            self.every_lot_is_somewhere()
        assert parent.state.has_ended
        assert (
            parent.filled == parent.lots
            or parent.order.limit is not None
            or parent.state is ParentState.CANCELED
        )


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def working(tactic: str = "join", **order: Any) -> tuple[Market, ExecutionDesk]:
    market, desk = Market(), ExecutionDesk()
    given = {"symbol": "XYZ", "side": "buy", "qty": 100.0, "end": 100 * SECOND, **order}
    desk.add(market, ParentOrder(**given), {"name": "twap", "slices": 10, "tactic": tactic})
    desk.look(market)
    return market, desk


def test_a_late_fill_after_a_cancel_still_counts() -> None:
    market, desk = working()
    market.shown = 500.0
    desk.pause(market, 0)
    assert market.cancels == [1]
    desk.on_fill(market, Fill(1, 4.0, 99.99))
    desk.on_order(market, News(1, "CANCELED"))
    parent = desk.jobs[0].parent
    assert (parent.filled, parent.open, parent.rest) == (4, 0, 96)
    market.ts = 50 * SECOND
    desk.look(market)
    assert list(market.open) == [1], "a parent that is paused sends nothing"
    desk.resume(0)
    desk.look(market)
    assert market.open[2] == 56.0, "what fell due meanwhile is due"


def test_a_cancel_that_was_refused_is_asked_again() -> None:
    market, desk = working()
    desk.pause(market, 0)
    desk.on_order(market, News(1, "REQUEST_REFUSED"))
    desk.look(market)
    assert market.cancels == [1, 1]


def test_a_parent_cannot_ask_for_less_than_is_filled_and_open() -> None:
    market, desk = working()
    desk.on_fill(market, Fill(1, 6.0, 99.99))
    with pytest.raises(ConfigError, match=r"less than is filled and open.*Pause it"):
        desk.amend(market, 0, qty=9.0)
    desk.amend(market, 0, qty=10.0)
    assert desk.jobs[0].parent.rest == 0


def test_a_new_limit_cancels_what_is_beyond_it() -> None:
    market, desk = working()
    desk.amend(market, 0, limit=99.0)
    assert market.cancels == [1]


def test_a_limit_leaves_over_what_the_market_never_gave() -> None:
    market, desk = working(limit=99.0)
    market.ts = 101 * SECOND
    desk.look(market)
    desk.on_order(market, News(1, "CANCELED"))
    for _ in range(3):
        desk.look(market)
        for number in sorted(market.open):
            del market.open[number]
            desk.on_order(market, News(number, "EXPIRED"))
    desk.look(market)
    assert desk.parents()["state"][0] == "EXPIRED"
    assert desk.is_done


def test_what_cannot_be_is_refused() -> None:
    market, desk = working()
    with pytest.raises(ConfigError, match="no such parent"):
        desk.pause(market, 1)
    with pytest.raises(ConfigError, match=r"in this state.*WORKING.*PAUSED"):
        desk.resume(0)
    with pytest.raises(DataError, match="whole number of lots"):
        desk.add(market, ParentOrder(symbol="XYZ", side="buy", qty=1.5, end=SECOND), "twap")
    with pytest.raises(ConfigError, match="an end after the start"):
        desk.add(market, ParentOrder(symbol="XYZ", side="buy", qty=1.0), "twap")
    assert len(desk.jobs) == 1


def test_the_rules_of_adaptive() -> None:
    """Each rule of docs/execution.md, section 4, with a market that it is for."""
    market, desk = Market(), ExecutionDesk()
    order = ParentOrder(symbol="XYZ", side="buy", qty=1_000.0, end=1_000 * SECOND)
    desk.add(market, order, {"name": "adaptive", "base": {"name": "twap", "slices": 1_000}, "urgency": 0.0})
    rules = []
    for spread, shown, moved in [(2, 50, 0), (2, 50, 1)] * 15 + [
        (1, 50, 0),
        (4, 50, 0),
        (2, 0, 0),
        (2, 50, 9),
        (2, 50, 18),
    ]:
        market.ts += SECOND
        market.bid = round(99.99 + moved / 100, 2)
        market.ask, market.shown = round(market.bid + spread / 100, 2), float(shown)
        desk.look(market)
        rules.append(desk.jobs[0].rule)
        for number, qty in sorted(market.open.items()):
            if market.limits[number] is not None and number in market.resting:
                continue
            desk.on_fill(market, Fill(number, qty, market.ask))
            del market.open[number]
    assert rules[0] == "otherwise"
    assert rules[30:34] == ["calm and cheap", "wide", "thin", "rough"]
    for seconds in (400, 1):
        market.ts += seconds * SECOND
        desk.look(market)
    assert desk.jobs[0].rule == "late"
    assert desk.jobs[0].rules[0] == (SECOND, "otherwise")
