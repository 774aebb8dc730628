"""The map of the risk gate's registers: which word stands at which address (``docs/gate.md``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from omni_lab.execution.setup import LimitSetup
from omni_lab.typing import AnyArray

DEVICE_ID = 0x4B5349524E4D4F
"""What the first register reads: ``OMNRISK`` in ASCII."""
VERSION = 1

ACCOUNTS_BASE, ACCOUNT_STEP = 0x1000, 0x100
INSTRUMENTS_BASE, INSTRUMENT_STEP = 0x10_0000, 0x20
POSITIONS_BASE, POSITION_STEP = 0x1000_0000, 0x20

GLOBAL_WORDS = (
    *("DEVICE_ID", "VERSION", "N_ACCOUNTS", "N_INSTRUMENTS", "CONTROL", "STATUS", "CHECKED", "PASSED"),
    *("REFUSED_KILL_SWITCH", "REFUSED_POSITION_LIMIT", "REFUSED_ORDER_SIZE", "REFUSED_PRICE_COLLAR"),
    *("REFUSED_NOTIONAL", "REFUSED_ORDER_RATE", "REFUSED_CANCEL_RATE", "REFUSED_DAILY_LOSS"),
)
"""The words from address 0 on, one each 8 bytes."""
ACCOUNT_WORDS = (
    *("CONTROL", "MAX_POSITION", "MAX_ORDER_QTY", "COLLAR_BPS", "MAX_NOTIONAL", "MAX_NOTIONAL_HIGH"),
    *("ORDER_RATE", "ORDER_BURST", "CANCEL_RATE", "CANCEL_BURST", "MAX_DAILY_LOSS", "MAX_DAILY_LOSS_HIGH"),
    *("ORDER_TOKENS", "ORDER_TS", "CANCEL_TOKENS", "CANCEL_TS", "REALISED", "REALISED_HIGH"),
    *("CHECKED", "REFUSED"),
)
"""The words of an account's bank; padding follows."""
INSTRUMENT_WORDS = ("REFERENCE", "TICK_VALUE", "TICK_VALUE_HIGH")
POSITION_WORDS = ("POSITION", "OPEN_BUY", "OPEN_SELL")

CONTROL_ADDRESS = 8 * GLOBAL_WORDS.index("CONTROL")
"""The kill switch of everything."""


class Register(NamedTuple):
    """A word of the device.

    Attributes
    ----------
    bank : str
        ``"GLOBAL"``, ``"ACCOUNT"``, ``"INSTRUMENT"`` or ``"POSITION"``.
    number : int
        Which of them: the account, the instrument, or ``account * n_instruments + instrument``.
    word : str
        Its name in the bank; empty for padding.
    """

    bank: str
    number: int
    word: str


def account_address(account: int, word: str) -> int:
    """The address of a word of an account's bank."""
    return ACCOUNTS_BASE + ACCOUNT_STEP * account + 8 * ACCOUNT_WORDS.index(word)


def limit_words(limits: LimitSetup) -> list[tuple[str, int]]:
    """The words of an account's limits, by name, in the order of their addresses."""
    words = []
    for name in ACCOUNT_WORDS[1:12]:
        value = getattr(limits, name.removesuffix("_HIGH").lower())
        words.append((name, value >> 64 if name.endswith("_HIGH") else value & (2**64 - 1)))
    return words


def locate(address: int, n_accounts: int, n_instruments: int) -> Register | None:
    """What stands at an address; None where nothing does."""
    if address % 8 or address < 0:
        return None
    if address < ACCOUNTS_BASE:
        inside = address < 8 * len(GLOBAL_WORDS)
        return Register("GLOBAL", 0, GLOBAL_WORDS[address // 8]) if inside else None
    for bank, base, step, size, words in reversed(_banks(n_accounts, n_instruments)):
        if address >= base:
            index, offset = divmod(address - base, step)
            word = words[offset // 8] if offset < 8 * len(words) else ""
            return Register(bank, index, word) if index < size else None
    return None


def addresses(n_accounts: int, n_instruments: int) -> Iterator[tuple[int, Register]]:
    """Every register that has a name, in the order of addresses."""
    for offset, word in enumerate(GLOBAL_WORDS):
        yield 8 * offset, Register("GLOBAL", 0, word)
    for bank, base, step, size, words in _banks(n_accounts, n_instruments):
        for index in range(size):
            for offset, word in enumerate(words):
                yield base + step * index + 8 * offset, Register(bank, index, word)


def register_columns(
    read: Callable[[int], int], accounts: Sequence[str], symbols: Sequence[str]
) -> dict[str, AnyArray]:
    """Columns ``address``, ``name`` and ``value`` (unsigned) of every register that has a name.

    Parameters
    ----------
    read : callable
        From an address to the word there.
    accounts, symbols : sequence of str
        By number.
    """
    rows = [
        (address, name_of(each, accounts, symbols), read(address))
        for address, each in addresses(len(accounts), len(symbols))
    ]
    return {
        "address": np.array([address for address, _, _ in rows], dtype=np.uint64),
        "name": np.array([name for _, name, _ in rows]),
        "value": np.array([value for _, _, value in rows], dtype=np.uint64),
    }


def name_of(register: Register, accounts: Sequence[str], symbols: Sequence[str]) -> str:
    """The name of a register with that of its account and instrument: ``main.ABC.POSITION``."""
    match register.bank:
        case "ACCOUNT":
            return f"{accounts[register.number]}.{register.word}"
        case "INSTRUMENT":
            return f"{symbols[register.number]}.{register.word}"
        case "POSITION":
            account, instrument = divmod(register.number, len(symbols))
            return f"{accounts[account]}.{symbols[instrument]}.{register.word}"
        case _:
            return register.word


def _banks(n_accounts: int, n_instruments: int) -> list[tuple[str, int, int, int, tuple[str, ...]]]:
    return [
        ("ACCOUNT", ACCOUNTS_BASE, ACCOUNT_STEP, n_accounts, ACCOUNT_WORDS),
        ("INSTRUMENT", INSTRUMENTS_BASE, INSTRUMENT_STEP, n_instruments, INSTRUMENT_WORDS),
        ("POSITION", POSITIONS_BASE, POSITION_STEP, n_accounts * n_instruments, POSITION_WORDS),
    ]
