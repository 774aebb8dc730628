"""No order that breaches a limit passes the gate, and none that breaches nothing is refused by it.

Breaches are counted from events alone (`tests.execution.exposure`), in walks that hypothesis makes up.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from omni_lab.domain import EventKind, RejectReason
from omni_lab.execution import OMS, Limits, ReferenceOMS
from tests.execution.exposure import Ledger
from tests.execution.script import ACCOUNTS, SYMBOLS, config

PARENTS = {"b": "a", "c": "a"}
CAPITAL = (30_000, 9_000, 12_000)
SECTORS = {"X": "tech", "Y": "tech"}
_ANSWERS = {
    EventKind.ACCEPTED,
    EventKind.REPLACED,
    EventKind.REJECTED,
    EventKind.REPLACE_REJECTED,
}

accounts = st.sampled_from(ACCOUNTS)
symbols = st.sampled_from(SYMBOLS)
sides = st.sampled_from(("BUY", "SELL"))
prices = st.integers(90, 110)
quantities = st.sampled_from((1, 5, 20, 60, 150))
some_limits = st.one_of(
    st.just({}),
    st.builds(lambda v: {"max_position": v}, st.sampled_from((20, 100, 200))),
    st.builds(lambda v: {"max_order_qty": v}, st.sampled_from((19, 20, 60))),
    st.builds(lambda v: {"collar_bps": v}, st.sampled_from((0, 200, 500))),
    st.builds(lambda v: {"max_notional": v}, st.sampled_from((500, 2_000, 6_000))),
    st.builds(lambda v: {"max_daily_loss": v}, st.sampled_from((0, 50, 300))),
    st.builds(lambda v: {"max_drawdown": v}, st.sampled_from((0.0, 0.01, 0.1))),
    st.builds(lambda v: {"max_leverage": v}, st.sampled_from((0.5, 1.0, 2.0))),
    st.builds(lambda v: {"max_sector": v}, st.sampled_from((0.3, 1.0))),
    st.builds(lambda v: {"max_name": v}, st.sampled_from((0.2, 0.7))),
)


class Walk(RuleBasedStateMachine):
    """A system and a ledger that is kept from its events."""

    oms_class: Any = ReferenceOMS

    def __init__(self) -> None:
        super().__init__()
        settings_of = {"parents": PARENTS, "sectors": SECTORS}
        capital = dict(zip(ACCOUNTS, map(float, CAPITAL), strict=True))
        self.oms = self.oms_class(config(capital=capital, **settings_of))
        self.ledger = Ledger(parents=(-1, 0, 0), capital=CAPITAL, sectors=(1, 1, 0))

    @rule(
        account=accounts,
        symbol=symbols,
        side=sides,
        qty=quantities,
        price=st.none() | prices,
        ioc=st.booleans(),
    )
    def send(self, account: str, symbol: str, side: str, qty: int, price: int | None, ioc: bool) -> None:
        before = self._opinion(account, symbol, side, price or 0, qty, qty, qty)
        self.oms.submit(symbol, side, qty, price, account=account, time_in_force="IOC" if ioc else "DAY")
        self._settle(before)

    @rule(which=st.integers(0, 30), qty=quantities, price=st.none() | prices)
    def replace(self, which: int, qty: int, price: int | None) -> None:
        if not self.ledger.orders:
            return
        number = [*self.ledger.orders][which % len(self.ledger.orders)]
        order = self.ledger.orders[number]
        filled = int(self.oms.order(number).qty) - order.leaves
        leaves = qty - filled
        account, symbol = ACCOUNTS[order.account], SYMBOLS[order.instrument]
        side = "BUY" if order.side == 1 else "SELL"
        added = max(leaves - order.leaves, 0)
        before = self._opinion(account, symbol, side, price or order.price, qty, leaves, added)
        self.oms.replace(number, qty=qty, price=price)
        self._settle(before if leaves >= 1 else None)

    @rule(which=st.integers(0, 30))
    def cancel(self, which: int) -> None:
        if self.ledger.orders:
            self.oms.cancel([*self.ledger.orders][which % len(self.ledger.orders)])
            self._settle(None)

    @rule(symbol=symbols, price=st.integers(70, 130))
    def mark(self, symbol: str, price: int) -> None:
        self.oms.mark(symbol, price)
        self._settle(None)

    @rule(account=accounts, limits=some_limits)
    def limit(self, account: str, limits: dict[str, Any]) -> None:
        self.oms.set_limits(account, Limits(**limits))
        self.ledger.limit(ACCOUNTS.index(account), Limits(**limits))
        self._settle(None)

    @rule(account=accounts)
    def begin_a_day(self, account: str) -> None:
        self.oms.new_day(account)
        self.ledger.new_day(ACCOUNTS.index(account))
        self._settle(None)

    def _opinion(
        self, account: str, symbol: str, side: str, price: int, qty: int, leaves: int, added: int
    ) -> set[str]:
        where = ACCOUNTS.index(account), SYMBOLS.index(symbol)
        return self.ledger.breaches(*where, 1 if side == "BUY" else 2, price, qty, leaves, added)

    def _settle(self, breaches: set[str] | None) -> None:
        """Read what came of a command, and compare the answer with our own opinion if there is one."""
        columns = self.oms.events().columns
        rows = [
            dict(zip(columns, values, strict=True))
            for values in zip(*(column.tolist() for column in columns.values()), strict=True)
        ]
        answers = [row for row in rows if row["kind"] in _ANSWERS]
        if breaches is not None:
            answer = answers[0]
            reason = RejectReason(answer["reason"]).name if answer["reason"] else None
            refused = answer["kind"] in (EventKind.REJECTED, EventKind.REPLACE_REJECTED)
            assert refused == bool(breaches), (reason, breaches)
            assert reason is None or reason in breaches, (reason, breaches)
        for row in rows:
            self.ledger.apply(row)

    @invariant()
    def the_gate_counts_the_same(self) -> None:
        """Equity and exposure are those of the registers."""
        for number in range(len(ACCOUNTS)):
            bank = 0x1000 + 0x200 * number
            assert self._wide(bank + 0x120) == self.ledger.equity(number) * 10**18
            gross = sum(self.ledger.exposures(number, 0, 1, 0))
            assert self._wide(bank + 0x130) == gross * 10**18

    def _wide(self, address: int) -> int:
        value = int(self.oms.read_register(address) | self.oms.read_register(address + 8) << 64)
        return value - 2**128 * (value >> 127)


class NativeWalk(Walk):
    """The same with the native system."""

    oms_class = OMS


_SETTINGS = settings(max_examples=100, stateful_step_count=50, deadline=None, derandomize=True)
TestReferenceOMS = Walk.TestCase
TestReferenceOMS.settings = _SETTINGS
TestNativeOMS = NativeWalk.TestCase
TestNativeOMS.settings = _SETTINGS
