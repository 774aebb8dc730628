"""What the account of a system is worth, as the registers of its gate and its positions say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.execution.edges import MONEY_UNITS
from omni_lab.execution.registers import account_address
from omni_lab.system.views import Account

if TYPE_CHECKING:
    from omni_lab.execution.views import Position

_WORD = 2**64
_TRIES = 10


def account_of(oms: Any, name: str, number: int) -> Account:
    """The account as it stands between two commands."""
    found = _read(oms, name, number)
    for _ in range(_TRIES):
        before = oms.sequence
        found = _read(oms, name, number)
        if oms.sequence == before:
            break
    return found


def cash_and_equity(oms: Any, number: int) -> tuple[float, float]:
    """Cash, and cash plus positions at their marks, currency."""
    capital, cash, equity = (_amount(oms, number, name) for name in ("CAPITAL", "CASH", "EQUITY"))
    return capital + cash, equity


def _amount(oms: Any, number: int, register: str) -> float:
    address = account_address(number, register)
    whole = oms.read_register(address) + oms.read_register(address + 8) * _WORD
    return float((whole - _WORD**2 if whole >= _WORD**2 // 2 else whole) / MONEY_UNITS)


def _read(oms: Any, name: str, number: int) -> Account:
    def amount(register: str) -> float:
        return _amount(oms, number, register)

    positions = tuple(each for each in oms.positions() if each.account == name)
    values = [value_of(each) for each in positions]
    capital, equity = amount("CAPITAL"), amount("EQUITY")
    return Account(
        equity=equity,
        cash=capital + amount("CASH"),
        capital=capital,
        pnl_day=equity - amount("DAY_EQUITY"),
        realised=sum(each.realised for each in positions),
        unrealised=sum(each.unrealised for each in positions),
        gross=sum(abs(value) for value in values),
        net=sum(values),
        positions=positions,
    )


def value_of(position: Position) -> float:
    """A position at its mark, signed."""
    if position.average_price is None:
        return 0.0
    return position.qty * position.average_price + position.unrealised
