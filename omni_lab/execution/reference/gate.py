"""What the risk gate holds, what follows from it, and what it is told: ``docs/gate.md``, sections 2, 3 and 5.

The attributes of a bank are its registers in small letters; `device` reads and writes them by address, and
`checks` decides by them. Whatever can be derived is derived anew each time it is asked for.
"""

from __future__ import annotations

from typing import TypeAlias

from omni_lab.domain import RejectReason, Side
from omni_lab.execution.codec import ACCOUNT, EVERYTHING
from omni_lab.execution.setup import MAX64, MAX128, AccountSetup, InstrumentSetup, LimitSetup, Setup

TOKEN = 10**9
"""One order, in the unit that tokens are counted in: a rate a second adds this much of it a nanosecond."""
MOST = 2**110
"""No position counts for more, 1e-18."""
FIRST_REASON = RejectReason.KILL_SWITCH.value
"""The counters by reason begin with this one."""

Scope: TypeAlias = tuple[int, int]
"""Of a kill switch: everything, account or instrument, and which of them."""

_BUY = Side.BUY.value
_N_REASONS = max(RejectReason).value - FIRST_REASON + 1


class Gate:
    """The gate between commands and the books.

    Attributes
    ----------
    accounts : list of AccountBank
        By account.
    warnings : list of LimitBank
        By account: what is warned of.
    instruments : list of InstrumentBank
        By instrument.
    positions : list of PositionBank
        By account and then instrument.
    lineages : list of tuple of int
        By account: it and all above it, the highest first.
    waiting : dict of (int, int) to int
        Resets that wait for a second person: digest of the first, by scope.
    """

    def __init__(self, setup: Setup) -> None:
        self.n_accounts = len(setup.accounts)
        self.n_instruments = len(setup.instruments)
        self.n_sectors = setup.n_sectors
        self.two_person = setup.two_person
        self.control = 0
        self.status = 0
        self.warning = 0
        self.checked = 0
        self.passed = 0
        self.refused = [0] * _N_REASONS
        self.warned = [0] * _N_REASONS
        self.accounts = [AccountBank(number, account) for number, account in enumerate(setup.accounts)]
        self.warnings = [LimitBank(number, account.soft) for number, account in enumerate(setup.accounts)]
        self.instruments = [InstrumentBank(each) for each in setup.instruments]
        self.positions = [
            PositionBank(account) for account in range(self.n_accounts) for _ in setup.instruments
        ]
        for each in setup.positions:
            bank = self.position(each.account, each.instrument)
            bank.max_position, bank.max_order_qty = each.max_position, each.max_order_qty
        self.lineages = [setup.lineage(number) for number in range(self.n_accounts)]
        self.waiting: dict[Scope, int] = {}

    def position(self, account: int, instrument: int) -> PositionBank:
        """The bank of an account in an instrument."""
        return self.positions[account * self.n_instruments + instrument]

    # --- what follows ---------------------------------------------------------------------------------------

    def exposure(self, account: int, instrument: int, lots: int | None = None) -> int:
        """What the worst case of a position is worth, 1e-18; or what so many lots would be."""
        bank = self.instruments[instrument]
        if lots is None:
            lots = self.position(account, instrument).worst()
        return min(lots * bank.reference * bank.tick_value, MOST)

    def sector_gross(self, account: int, sector: int) -> int:
        """The exposure of an account in a sector, 1e-18."""
        return sum(
            self.exposure(account, number)
            for number, bank in enumerate(self.instruments)
            if bank.sector == sector
        )

    def gross(self, account: int) -> int:
        """The exposure of an account, 1e-18."""
        return sum(self.exposure(account, number) for number in range(self.n_instruments))

    def value(self, account: int) -> int:
        """What an account's positions are worth, 1e-18."""
        total = 0
        for number, bank in enumerate(self.instruments):
            worth = self.position(account, number).position * bank.reference * bank.tick_value
            total += max(-MOST, min(worth, MOST))
        return total

    def equity(self, account: int) -> int:
        """What an account has, 1e-18."""
        bank = self.accounts[account]
        return bank.capital + bank.cash + self.value(account)

    # --- what it is told ------------------------------------------------------------------------------------

    def opened(self, account: int, instrument: int, side: int, qty: int) -> None:
        """So many more lots may trade; fewer where it is negative."""
        for each in self.lineages[account]:
            self.position(each, instrument).opened(side, qty)

    def filled(self, account: int, instrument: int, side: int, price: int, qty: int, realised: int) -> None:
        """Lots that were open have traded, which realised so much."""
        sign = 1 if side == _BUY else -1
        paid = sign * price * qty * self.instruments[instrument].tick_value
        for each in self.lineages[account]:
            position, bank = self.position(each, instrument), self.accounts[each]
            position.opened(side, -qty)
            position.position += sign * qty
            bank.realised = held(bank.realised + realised)
            bank.cash = held(bank.cash - paid)

    def paid(self, account: int, amount: int) -> None:
        """Money came in, or went out where it is negative: fees, interest, dividends."""
        for each in self.lineages[account]:
            bank = self.accounts[each]
            bank.cash = held(bank.cash + amount)

    def marked(self, instrument: int, price: int) -> None:
        """An instrument has another reference price."""
        self.instruments[instrument].reference = price
        for account, bank in enumerate(self.accounts):
            if self.watches_peak(account):
                bank.peak = max(bank.peak, held(self.equity(account)))

    def watches_peak(self, account: int) -> bool:
        """Whether a drawdown of the account is refused or warned of."""
        return min(self.accounts[account].max_drawdown, self.warnings[account].max_drawdown) < MAX64

    # --- kill switches --------------------------------------------------------------------------------------

    def switch(self, scope: Scope) -> Gate | AccountBank | InstrumentBank:
        """Who has the register CONTROL of a scope."""
        kind, number = scope
        if kind == EVERYTHING:
            return self
        return self.accounts[number] if kind == ACCOUNT else self.instruments[number]

    def throw(self, scope: Scope) -> bool:
        """Throw a kill switch; whether it was off."""
        switch = self.switch(scope)
        was_off = not switch.control
        switch.control = 1
        self.waiting.pop(scope, None)
        return was_off

    def reset(self, scope: Scope, digest: int) -> bool:
        """Reset a kill switch in the name of somebody; False if that now waits for a second person."""
        switch = self.switch(scope)
        if switch.control and self.two_person and self.waiting.setdefault(scope, digest) == digest:
            return False
        switch.control = 0
        self.waiting.pop(scope, None)
        return True


class LimitBank:
    """The limits of an account, or what it is warned of, and the tokens of their rates."""

    def __init__(self, account: int, limits: LimitSetup) -> None:
        self.account = account
        self.max_position = limits.max_position
        self.max_order_qty = limits.max_order_qty
        self.collar_bps = limits.collar_bps
        self.max_notional = limits.max_notional
        self.order_rate = limits.order_rate
        self.order_burst = limits.order_burst
        self.cancel_rate = limits.cancel_rate
        self.cancel_burst = limits.cancel_burst
        self.max_daily_loss = limits.max_daily_loss
        self.max_drawdown = limits.max_drawdown
        self.max_leverage = limits.max_leverage
        self.max_sector = limits.max_sector
        self.max_name = limits.max_name
        self.order_tokens = limits.order_burst * TOKEN
        self.order_ts = 0
        self.cancel_tokens = limits.cancel_burst * TOKEN
        self.cancel_ts = 0


class AccountBank(LimitBank):
    """What the gate holds of an account."""

    def __init__(self, number: int, account: AccountSetup) -> None:
        super().__init__(number, account.limits)
        self.control = 0
        self.realised = 0
        self.capital = account.capital
        self.cash = 0
        self.peak = account.capital
        self.day_equity = account.capital
        self.checked = 0
        self.refused = 0
        self.warned = 0
        self.parent = MAX64 if account.parent is None else account.parent


class InstrumentBank:
    """What the gate holds of an instrument."""

    def __init__(self, instrument: InstrumentSetup) -> None:
        self.control = 0
        self.reference = instrument.reference
        self.tick_value = instrument.tick_value
        self.sector = instrument.sector
        self.max_order_qty = instrument.max_order_qty
        self.collar_bps = instrument.collar_bps
        self.max_notional = instrument.max_notional


class PositionBank:
    """What the gate holds of an account in an instrument: lots, and limits of lots."""

    __slots__ = ("account", "max_order_qty", "max_position", "open_buy", "open_sell", "position")

    def __init__(self, account: int) -> None:
        self.account = account
        self.position = 0
        self.open_buy = 0
        self.open_sell = 0
        self.max_position = MAX64
        self.max_order_qty = MAX64

    def opened(self, side: int, qty: int) -> None:
        """So many more lots may trade."""
        if side == _BUY:
            self.open_buy += qty
        else:
            self.open_sell += qty

    def toward(self, side: int) -> int:
        """Lots if all that is open on a side traded, counted in its direction."""
        return self.position + self.open_buy if side == _BUY else self.open_sell - self.position

    def worst(self, side: int = _BUY, added: int = 0) -> int:
        """The worst case in lots, with so many more of a side."""
        other = Side.SELL.value if side == _BUY else _BUY
        return max(abs(self.toward(side) + added), abs(self.toward(other)))


def held(amount: int) -> int:
    """An amount as a register keeps it."""
    return max(-MAX128, min(amount, MAX128))
