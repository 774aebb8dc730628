"""The gate's registers by address: what a word reads, what writing one does (``docs/gate.md``, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.execution.codec import ACCOUNT, EVERYTHING, INSTRUMENT
from omni_lab.execution.reference.gate import TOKEN, Gate, Scope, held
from omni_lab.execution.registers import (
    DEVICE_ID,
    GLOBAL_WORDS,
    LIMIT_WORDS,
    VERSION,
    WARNING_PREFIX,
    Register,
    Sizes,
    locate,
)
from omni_lab.execution.setup import MAX64, MAX_RATE, is_rate

_WORD = 2**64 - 1
_HIGH = "_HIGH"
_SCOPES = {"GLOBAL": EVERYTHING, "ACCOUNT": ACCOUNT, "INSTRUMENT": INSTRUMENT}
# Everything but these takes any word below MAX64.
_RATES = frozenset({"ORDER_RATE", "CANCEL_RATE"})
_BURSTS = frozenset({"ORDER_BURST", "CANCEL_BURST"})
_LOW_WORDS = frozenset({"MAX_NOTIONAL", "MAX_DAILY_LOSS", "CAPITAL"})
_WRITABLE = {
    "ACCOUNT": frozenset({*LIMIT_WORDS, "CAPITAL", "CAPITAL_HIGH", "REALISED", "PEAK"}),
    "WARNING": frozenset(LIMIT_WORDS),
    "INSTRUMENT": frozenset({"MAX_ORDER_QTY", "COLLAR_BPS", "MAX_NOTIONAL", "MAX_NOTIONAL_HIGH"}),
    "POSITION": frozenset({"MAX_POSITION", "MAX_ORDER_QTY"}),
}


def sizes(gate: Gate) -> Sizes:
    """How large the device is."""
    return Sizes(gate.n_accounts, gate.n_instruments, gate.n_sectors)


def read(gate: Gate, address: int) -> int:
    """The word at an address, unsigned.

    Raises
    ------
    ConfigError
        If there is no register.
    """
    register = _locate(gate, address)
    if not register.word:
        return 0
    if register.bank == "GLOBAL":
        return global_words(gate)[GLOBAL_WORDS.index(register.word)]
    name = register.word.removeprefix(WARNING_PREFIX)
    value = _derived(gate, register)
    return _part(name, _value(_bank(gate, register), name) if value is None else value)


def writing(gate: Gate, address: int, value: int) -> Callable[[], None]:
    """Writing a word, to be done when it is called: a write that is refused never becomes a command.

    Raises
    ------
    ConfigError
        If there is no register, it cannot be written, or it does not take the value.
    """
    register = _locate(gate, address)
    if register.word == "CONTROL":
        return _throwing(gate, register, value)
    name = register.word.removeprefix(WARNING_PREFIX)
    if name not in _WRITABLE.get(register.bank, ()):
        raise ConfigError("this register cannot be written", found=hex(address), where=register.word or None)
    if name in ("REALISED", "PEAK"):
        return _restarting(gate, register, value)
    _check(name, value)
    return lambda: _write(gate, register, name, value)


def switch_at(gate: Gate, address: int) -> Scope | None:
    """The scope of the kill switch at an address, None where there is none."""
    register = _locate(gate, address)
    return (_SCOPES[register.bank], register.number) if register.word == "CONTROL" else None


def global_words(gate: Gate) -> list[int]:
    """The words from DEVICE_ID to the last WARNED."""
    return [
        *(DEVICE_ID, VERSION, *sizes(gate), gate.control, gate.status, gate.warning, gate.checked),
        *(gate.passed, *gate.refused, *gate.warned),
    ]


def bank_words(bank: object, names: Sequence[str]) -> list[int]:
    """The stored words of a bank."""
    return [_part(name, _value(bank, name)) for name in names]


def restore_bank(bank: object, names: Sequence[str], words: Sequence[int]) -> None:
    """Set the stored words of a bank."""
    found = dict(zip(names, words, strict=True))
    for name, word in found.items():
        if name + _HIGH in found:
            setattr(bank, name.lower(), join(word, found[name + _HIGH]))
        elif name in ("POSITION", "OPEN_BUY", "OPEN_SELL"):
            setattr(bank, name.lower(), signed(word))
        elif not name.endswith(_HIGH):
            setattr(bank, name.lower(), word)


def join(low: int, high: int) -> int:
    """The signed 128-bit value of two words."""
    return signed(high) << 64 | low


def signed(word: int) -> int:
    """A word as the signed number it stands for."""
    return word - 2**64 if word > MAX64 else word


def _locate(gate: Gate, address: int) -> Register:
    register = locate(address, sizes(gate))
    if register is None:
        raise ConfigError("there is no register at this address", found=hex(address))
    return register


def _bank(gate: Gate, register: Register) -> Any:
    match register.bank:
        case "ACCOUNT":
            return gate.accounts[register.number]
        case "WARNING":
            return gate.warnings[register.number]
        case "INSTRUMENT":
            return gate.instruments[register.number]
        case _:
            return gate.positions[register.number]


def _value(bank: object, name: str) -> int:
    value: int = getattr(bank, name.removesuffix(_HIGH).lower())
    return value


def _part(name: str, value: int) -> int:
    """The low or the high word of a value, as the name of the word says."""
    return (value >> 64 if name.endswith(_HIGH) else value) & _WORD


def _derived(gate: Gate, register: Register) -> int | None:
    """What follows from what is stored; None for a register that is stored itself."""
    number = register.number
    match register.word.removesuffix(_HIGH):
        case "VALUE":
            return held(gate.value(number))
        case "EQUITY":
            return held(gate.equity(number))
        case "GROSS":
            return held(gate.gross(number))
        case "SECTOR_GROSS":
            account, sector = divmod(number, gate.n_sectors)
            return held(gate.sector_gross(account, sector + 1))
        case "EXPOSURE":
            return gate.exposure(*divmod(number, gate.n_instruments))
    return None


def _check(name: str, value: int) -> None:
    if name in _RATES:
        _refuse(not is_rate(value), "a rate is from 1 to 1e9, or no limit", value)
    elif name in _BURSTS:
        _refuse(not 1 <= value <= MAX_RATE, "a burst is from 1 to 1e9", value)
    elif name not in _LOW_WORDS:
        _refuse(value > MAX64, "a limit or a capital must not be negative", value)


def _write(gate: Gate, register: Register, name: str, value: int) -> None:
    bank = _bank(gate, register)
    field = name.removesuffix(_HIGH).lower()
    before = getattr(bank, field)
    if name.endswith(_HIGH):
        value = join(before & _WORD, value)
    elif name in _LOW_WORDS:
        value = join(value, _part(_HIGH, before))
    if name == "MAX_DRAWDOWN" and value != MAX64 and not gate.watches_peak(register.number):
        account = gate.accounts[register.number]
        account.peak = held(gate.equity(register.number))
    setattr(bank, field, value)
    if field == "capital":
        # Money brought in is no profit.
        bank.peak = held(bank.peak + value - before)
        bank.day_equity = held(bank.day_equity + value - before)
    elif name in _RATES or name in _BURSTS:
        kind = field.partition("_")[0]
        setattr(bank, f"{kind}_tokens", getattr(bank, f"{kind}_burst") * TOKEN)


def _restarting(gate: Gate, register: Register, value: int) -> Callable[[], None]:
    _refuse(value != 0, "only 0 can be written, to start a new day or another peak", value)
    account = gate.accounts[register.number]

    def new_day() -> None:
        account.realised = 0
        account.day_equity = held(gate.equity(register.number))

    def new_peak() -> None:
        account.peak = held(gate.equity(register.number))

    return new_day if register.word == "REALISED" else new_peak


def _throwing(gate: Gate, register: Register, value: int) -> Callable[[], None]:
    _refuse(value > 1, "CONTROL takes 0 or 1", value)
    if not value:
        raise ConfigError(
            "CONTROL takes 1: the command KillSwitch resets it, and says who and why",
            found=value,
            hint="Call reset(who=…, why=…).",
        )
    scope = (_SCOPES[register.bank], register.number)

    def throw() -> None:
        gate.throw(scope)

    return throw


def _refuse(wrong: bool, what: str, value: int) -> None:
    if wrong:
        raise ConfigError(what, found=value)
