"""The checks that every order, replace and cancel passes before it acts: ``docs/gate.md``.

What the gate holds is held in registers; `device` reads and writes them by address.
"""

from __future__ import annotations

from omni_lab.domain import RejectReason, Side
from omni_lab.execution.setup import MAX64, MAX128, LimitSetup, Setup

TOKEN = 10**9
"""One order, in the unit that tokens are counted in: a rate a second adds this much of it a nanosecond."""

_BUY = Side.BUY.value
_KILL_SWITCH = RejectReason.KILL_SWITCH.value
_POSITION_LIMIT = RejectReason.POSITION_LIMIT.value
_ORDER_SIZE = RejectReason.ORDER_SIZE.value
_PRICE_COLLAR = RejectReason.PRICE_COLLAR.value
_NOTIONAL = RejectReason.NOTIONAL.value
_ORDER_RATE = RejectReason.ORDER_RATE.value
_CANCEL_RATE = RejectReason.CANCEL_RATE.value
_DAILY_LOSS = RejectReason.DAILY_LOSS.value
_FIRST_REASON = _KILL_SWITCH


class Gate:
    """The gate between commands and the books.

    Attributes
    ----------
    accounts : list of AccountBank
        By account.
    references : list of int
        By instrument, ticks; 0 for none.
    positions, open_buy, open_sell : list of int
        By account and then instrument, lots.
    """

    def __init__(self, setup: Setup) -> None:
        self.n_instruments = len(setup.instruments)
        self.control = 0
        self.status = 0
        self.checked = 0
        self.passed = 0
        self.refused = [0] * 8
        self.accounts = [AccountBank(account.limits) for account in setup.accounts]
        self.references = [instrument.reference for instrument in setup.instruments]
        self.tick_values = [instrument.tick_value for instrument in setup.instruments]
        n_positions = len(self.accounts) * self.n_instruments
        self.positions = [0] * n_positions
        self.open_buy = [0] * n_positions
        self.open_sell = [0] * n_positions

    def check_order(
        self,
        account: int,
        instrument: int,
        side: int,
        now: int,
        *,
        price: int,
        qty: int,
        leaves: int,
        adds: int,
    ) -> int:
        """The reason to refuse an order or a replace, 0 if it passes.

        Parameters
        ----------
        account, instrument, side : int
            Whose, in what, and which way.
        now : int
            The clock.
        price : int
            Its price, else its stop price, else 0.
        qty, leaves : int
            Its total, and what of that may still trade.
        adds : int
            By how much more may trade than before; a replace that adds nothing is allowed after a loss.
        """
        bank = self.accounts[account]
        reference = self.references[instrument]
        verdict = 0
        if self.control or bank.control:
            verdict = _KILL_SWITCH
        elif adds > 0 and self._exposure(account, instrument, side) + adds > bank.max_position:
            verdict = _POSITION_LIMIT
        elif qty > bank.max_order_qty:
            verdict = _ORDER_SIZE
        elif price and bank.collar_bps < MAX64 and _outside_collar(price, reference, bank.collar_bps):
            verdict = _PRICE_COLLAR
        elif bank.max_notional < MAX128 and (
            (price or reference) * leaves * self.tick_values[instrument] > bank.max_notional
        ):
            verdict = _NOTIONAL
        elif not bank.orders.take(now):
            verdict = _ORDER_RATE
        elif adds > 0 and bank.max_daily_loss < MAX128 and bank.realised <= -bank.max_daily_loss:
            verdict = _DAILY_LOSS
        return self._count(bank, verdict)

    def check_cancel(self, account: int, now: int) -> int:
        """The reason to refuse a cancel, 0 if it passes."""
        bank = self.accounts[account]
        return self._count(bank, 0 if bank.cancels.take(now) else _CANCEL_RATE)

    def opened(self, account: int, instrument: int, side: int, qty: int) -> None:
        """So many more lots may trade; fewer where it is negative."""
        lots = self.open_buy if side == _BUY else self.open_sell
        lots[account * self.n_instruments + instrument] += qty

    def moved(self, account: int, instrument: int, position: int, realised: int) -> None:
        """A fill led to a position of so many lots and realised so much."""
        self.positions[account * self.n_instruments + instrument] = position
        self.accounts[account].realised += realised

    def _exposure(self, account: int, instrument: int, side: int) -> int:
        index = account * self.n_instruments + instrument
        if side == _BUY:
            return self.positions[index] + self.open_buy[index]
        return self.open_sell[index] - self.positions[index]

    def _count(self, bank: AccountBank, verdict: int) -> int:
        self.status = verdict
        self.checked += 1
        bank.checked += 1
        if verdict:
            self.refused[verdict - _FIRST_REASON] += 1
            bank.refused += 1
        else:
            self.passed += 1
        return verdict


class AccountBank:
    """What the gate holds of an account."""

    __slots__ = (
        "cancels",
        "checked",
        "collar_bps",
        "control",
        "max_daily_loss",
        "max_notional",
        "max_order_qty",
        "max_position",
        "orders",
        "realised",
        "refused",
    )

    def __init__(self, limits: LimitSetup) -> None:
        self.control = 0
        self.max_position = limits.max_position
        self.max_order_qty = limits.max_order_qty
        self.collar_bps = limits.collar_bps
        self.max_notional = limits.max_notional
        self.max_daily_loss = limits.max_daily_loss
        self.orders = Bucket(limits.order_rate, limits.order_burst)
        self.cancels = Bucket(limits.cancel_rate, limits.cancel_burst)
        self.realised = 0
        self.checked = 0
        self.refused = 0


class Bucket:
    """Tokens of a rate: they come with time, up to a burst, and each check takes one."""

    __slots__ = ("burst", "rate", "tokens", "ts")

    def __init__(self, rate: int, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst * TOKEN
        self.ts = 0

    def take(self, now: int) -> bool:
        """Whether there was a token; it is gone then."""
        if self.rate == MAX64:
            return True
        self.tokens = min(self.burst * TOKEN, self.tokens + (now - self.ts) * self.rate)
        self.ts = now
        if self.tokens < TOKEN:
            return False
        self.tokens -= TOKEN
        return True


def _outside_collar(price: int, reference: int, collar_bps: int) -> bool:
    return reference > 0 and abs(price - reference) * 10_000 > collar_bps * reference
