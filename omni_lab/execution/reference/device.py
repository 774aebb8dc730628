"""The gate's registers by address: what a word reads, what writing one does (``docs/gate.md``)."""

from __future__ import annotations

from collections.abc import Callable

from omni_lab.errors import ConfigError
from omni_lab.execution.reference.gate import TOKEN, AccountBank, Gate
from omni_lab.execution.registers import (
    ACCOUNT_WORDS,
    DEVICE_ID,
    GLOBAL_WORDS,
    INSTRUMENT_WORDS,
    POSITION_WORDS,
    VERSION,
    Register,
    locate,
)
from omni_lab.execution.setup import MAX64, MAX_RATE, is_rate

_WORD = 2**64 - 1


def read(gate: Gate, address: int) -> int:
    """The word at an address, unsigned.

    Raises
    ------
    ConfigError
        If there is no register.
    """
    bank, index, word = _locate(gate, address)
    if not word:
        return 0
    if bank == "GLOBAL":
        return global_words(gate)[GLOBAL_WORDS.index(word)]
    if bank == "ACCOUNT":
        return account_words(gate.accounts[index])[ACCOUNT_WORDS.index(word)]
    if bank == "INSTRUMENT":
        words = [gate.references[index], *split(gate.tick_values[index])]
        return words[INSTRUMENT_WORDS.index(word)]
    return position_words(gate, index)[POSITION_WORDS.index(word)]


def writing(gate: Gate, address: int, value: int) -> Callable[[], None]:
    """Writing a word, to be done when it is called: a write that is refused never becomes a command.

    Raises
    ------
    ConfigError
        If there is no register, it cannot be written, or it does not take the value.
    """
    register = _locate(gate, address)
    if register.bank == "GLOBAL" and register.word == "CONTROL":
        return _write_control(gate, address, value)
    if register.bank != "ACCOUNT" or register.word not in _WRITERS:
        raise ConfigError("this register cannot be written", found=hex(address), where=register.word or None)
    return _WRITERS[register.word](gate.accounts[register.number], register.word.lower(), value)


def switch_at(gate: Gate, address: int) -> Gate | AccountBank | None:
    """Whose kill switch an address is: the whole gate's, an account's, or None."""
    register = _locate(gate, address)
    if register.word != "CONTROL":
        return None
    return gate if register.bank == "GLOBAL" else gate.accounts[register.number]


def global_words(gate: Gate) -> list[int]:
    """The words from DEVICE_ID to the last REFUSED."""
    sizes = [DEVICE_ID, VERSION, len(gate.accounts), gate.n_instruments]
    return [*sizes, gate.control, gate.status, gate.checked, gate.passed, *gate.refused]


def account_words(bank: AccountBank) -> list[int]:
    """The twenty words of an account's bank."""
    orders, cancels = bank.orders, bank.cancels
    return [
        *(bank.control, bank.max_position, bank.max_order_qty, bank.collar_bps, *split(bank.max_notional)),
        *(orders.rate, orders.burst, cancels.rate, cancels.burst, *split(bank.max_daily_loss)),
        *(orders.tokens, orders.ts, cancels.tokens, cancels.ts, *split(bank.realised)),
        *(bank.checked, bank.refused),
    ]


def restore_account(bank: AccountBank, words: list[int]) -> None:
    """Set an account's bank to its twenty words."""
    bank.control, bank.max_position, bank.max_order_qty, bank.collar_bps = words[:4]
    bank.max_notional = join(*words[4:6])
    bank.orders.rate, bank.orders.burst, bank.cancels.rate, bank.cancels.burst = words[6:10]
    bank.max_daily_loss = join(*words[10:12])
    bank.orders.tokens, bank.orders.ts, bank.cancels.tokens, bank.cancels.ts = words[12:16]
    bank.realised = join(*words[16:18])
    bank.checked, bank.refused = words[18:]


def position_words(gate: Gate, index: int) -> list[int]:
    """POSITION, OPEN_BUY and OPEN_SELL of an account and instrument."""
    return [gate.positions[index] & _WORD, gate.open_buy[index] & _WORD, gate.open_sell[index] & _WORD]


def split(value: int) -> tuple[int, int]:
    """The low and the high word of a signed 128-bit value."""
    return value & _WORD, value >> 64 & _WORD


def join(low: int, high: int) -> int:
    """The signed 128-bit value of two words."""
    return signed(high) << 64 | low


def signed(word: int) -> int:
    """A word as the signed number it stands for."""
    return word - 2**64 if word > MAX64 else word


def _locate(gate: Gate, address: int) -> Register:
    register = locate(address, len(gate.accounts), gate.n_instruments)
    if register is None:
        raise ConfigError("there is no register at this address", found=hex(address))
    return register


def _write_control(holder: Gate | AccountBank, name: int | str, value: int) -> Callable[[], None]:
    _refuse(value not in (0, 1), "CONTROL takes 0 or 1", value)
    return lambda: setattr(holder, "control", value)


def _write_limit(bank: AccountBank, name: str, value: int) -> Callable[[], None]:
    _refuse(value > MAX64, "a limit must not be negative", value)
    return lambda: setattr(bank, name, value)


def _write_low(bank: AccountBank, name: str, value: int) -> Callable[[], None]:
    return lambda: setattr(bank, name, join(value, split(getattr(bank, name))[1]))


def _write_high(bank: AccountBank, name: str, value: int) -> Callable[[], None]:
    _refuse(value > MAX64, "a limit must not be negative", value)
    field = name.removesuffix("_high")
    return lambda: setattr(bank, field, join(split(getattr(bank, field))[0], value))


def _write_rate(bank: AccountBank, name: str, value: int) -> Callable[[], None]:
    which, _, field = name.partition("_")
    fits = is_rate(value) if field == "rate" else 1 <= value <= MAX_RATE
    _refuse(not fits, f"a {field} is from 1 to 1e9" + ", or no limit" * (field == "rate"), value)
    bucket = bank.orders if which == "order" else bank.cancels

    def write() -> None:
        setattr(bucket, field, value)
        bucket.tokens = bucket.burst * TOKEN

    return write


def _write_realised(bank: AccountBank, name: str, value: int) -> Callable[[], None]:
    _refuse(value != 0, "only 0 can be written, to start a new day", value)
    return lambda: setattr(bank, "realised", 0)


_WRITERS: dict[str, Callable[[AccountBank, str, int], Callable[[], None]]] = {
    "CONTROL": _write_control,
    "MAX_POSITION": _write_limit,
    "MAX_ORDER_QTY": _write_limit,
    "COLLAR_BPS": _write_limit,
    "MAX_NOTIONAL": _write_low,
    "MAX_NOTIONAL_HIGH": _write_high,
    "ORDER_RATE": _write_rate,
    "ORDER_BURST": _write_rate,
    "CANCEL_RATE": _write_rate,
    "CANCEL_BURST": _write_rate,
    "MAX_DAILY_LOSS": _write_low,
    "MAX_DAILY_LOSS_HIGH": _write_high,
    "REALISED": _write_realised,
}


def _refuse(wrong: bool, what: str, value: int) -> None:
    if wrong:
        raise ConfigError(what, found=value)
