"""The map of the risk gate's registers: which word stands at which address (``docs/gate.md``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np

from omni_lab.domain import RejectReason
from omni_lab.execution.setup import LimitSetup, Setup
from omni_lab.typing import AnyArray

DEVICE_ID = 0x4B5349524E4D4F
"""What the first register reads: ``OMNRISK`` in ASCII."""
VERSION = 2

ACCOUNTS_BASE, ACCOUNT_STEP = 0x1000, 0x200
WARNINGS_BASE = 0x20_0000
INSTRUMENTS_BASE, INSTRUMENT_STEP = 0x40_0000, 0x80
SECTORS_BASE, SECTOR_STEP = 0x100_0000, 0x10
POSITIONS_BASE, POSITION_STEP = 0x1000_0000, 0x40

_REASONS = tuple(reason.name for reason in RejectReason if reason >= RejectReason.KILL_SWITCH)
GLOBAL_WORDS = (
    *("DEVICE_ID", "VERSION", "N_ACCOUNTS", "N_INSTRUMENTS", "N_SECTORS", "CONTROL", "STATUS", "WARNING"),
    *("CHECKED", "PASSED"),
    *(f"REFUSED_{reason}" for reason in _REASONS),
    *(f"WARNED_{reason}" for reason in _REASONS),
)
"""The words from address 0 on, one each 8 bytes."""
LIMIT_WORDS = (
    *("MAX_POSITION", "MAX_ORDER_QTY", "COLLAR_BPS", "MAX_NOTIONAL", "MAX_NOTIONAL_HIGH"),
    *("ORDER_RATE", "ORDER_BURST", "CANCEL_RATE", "CANCEL_BURST", "MAX_DAILY_LOSS", "MAX_DAILY_LOSS_HIGH"),
    *("MAX_DRAWDOWN", "MAX_LEVERAGE", "MAX_SECTOR", "MAX_NAME"),
)
"""The thirteen limits of a bank, or of a warning bank."""
TOKEN_WORDS = ("ORDER_TOKENS", "ORDER_TS", "CANCEL_TOKENS", "CANCEL_TS")
ACCOUNT_WORDS = (
    *("CONTROL", *LIMIT_WORDS, *TOKEN_WORDS),
    *("REALISED", "REALISED_HIGH", "CAPITAL", "CAPITAL_HIGH", "CASH", "CASH_HIGH", "PEAK", "PEAK_HIGH"),
    *("DAY_EQUITY", "DAY_EQUITY_HIGH", "CHECKED", "REFUSED", "WARNED"),
    *("PARENT", "VALUE", "VALUE_HIGH", "EQUITY", "EQUITY_HIGH", "GROSS", "GROSS_HIGH"),
)
"""The words of an account's bank; padding follows."""
WARNING_PREFIX = "WARN_"
WARNING_WORDS = ("", *(WARNING_PREFIX + word for word in (*LIMIT_WORDS, *TOKEN_WORDS)))
"""Those of an account's warning bank: the limits stand where they stand in its bank."""
INSTRUMENT_WORDS = (
    *("CONTROL", "REFERENCE", "TICK_VALUE", "TICK_VALUE_HIGH", "SECTOR", "MAX_ORDER_QTY", "COLLAR_BPS"),
    *("MAX_NOTIONAL", "MAX_NOTIONAL_HIGH"),
)
SECTOR_WORDS = ("SECTOR_GROSS", "SECTOR_GROSS_HIGH")
POSITION_WORDS = (
    *("POSITION", "OPEN_BUY", "OPEN_SELL", "MAX_POSITION", "MAX_ORDER_QTY", "EXPOSURE", "EXPOSURE_HIGH"),
)

CONTROL_ADDRESS = 8 * GLOBAL_WORDS.index("CONTROL")
"""The kill switch of everything."""


class Sizes(NamedTuple):
    """How many accounts and instruments a device has, and its largest sector."""

    n_accounts: int
    n_instruments: int
    n_sectors: int

    @classmethod
    def of(cls, setup: Setup) -> Self:
        """Those of a configuration."""
        return cls(len(setup.accounts), len(setup.instruments), setup.n_sectors)


class Register(NamedTuple):
    """A word of the device.

    Attributes
    ----------
    bank : str
        ``"GLOBAL"``, ``"ACCOUNT"``, ``"WARNING"``, ``"INSTRUMENT"``, ``"SECTOR"`` or ``"POSITION"``.
    number : int
        Which of them: the account, the instrument, ``account * n_sectors + sector - 1``, or
        ``account * n_instruments + instrument``.
    word : str
        Its name in the bank; empty for padding.
    """

    bank: str
    number: int
    word: str


def account_address(account: int, word: str) -> int:
    """The address of a word of an account's bank, or of its warning bank."""
    if word.startswith(WARNING_PREFIX):
        return WARNINGS_BASE + ACCOUNT_STEP * account + 8 * WARNING_WORDS.index(word)
    return ACCOUNTS_BASE + ACCOUNT_STEP * account + 8 * ACCOUNT_WORDS.index(word)


def instrument_address(instrument: int, word: str) -> int:
    """The address of a word of an instrument's bank."""
    return INSTRUMENTS_BASE + INSTRUMENT_STEP * instrument + 8 * INSTRUMENT_WORDS.index(word)


def position_address(index: int, word: str) -> int:
    """The address of a word of a position's bank, whose index is ``account * n_instruments + instrument``."""
    return POSITIONS_BASE + POSITION_STEP * index + 8 * POSITION_WORDS.index(word)


def limit_words(limits: LimitSetup) -> list[tuple[str, int]]:
    """The words of an account's limits, by name, in the order of their addresses."""
    words: list[tuple[str, int]] = []
    for name in LIMIT_WORDS:
        if not name.endswith("_HIGH"):
            words += words_of(name, getattr(limits, name.lower()))
    return words


def words_of(name: str, value: int) -> list[tuple[str, int]]:
    """The word that holds a value, or the two words where their names say that there are two."""
    if name not in _WIDE:
        return [(name, value)]
    return [(name, value & (2**64 - 1)), (f"{name}_HIGH", value >> 64)]


_WIDE = frozenset({"MAX_NOTIONAL", "MAX_DAILY_LOSS", "CAPITAL"})


def locate(address: int, sizes: Sizes) -> Register | None:
    """What stands at an address; None where nothing does."""
    if address % 8 or address < 0:
        return None
    if address < ACCOUNTS_BASE:
        inside = address < 8 * len(GLOBAL_WORDS)
        return Register("GLOBAL", 0, GLOBAL_WORDS[address // 8]) if inside else None
    for bank, base, step, size, words in reversed(_banks(sizes)):
        if address >= base:
            index, offset = divmod(address - base, step)
            word = words[offset // 8] if offset < 8 * len(words) else ""
            return Register(bank, index, word) if index < size else None
    return None


def addresses(sizes: Sizes) -> Iterator[tuple[int, Register]]:
    """Every register that has a name, in the order of addresses."""
    for offset, word in enumerate(GLOBAL_WORDS):
        yield 8 * offset, Register("GLOBAL", 0, word)
    for bank, base, step, size, words in _banks(sizes):
        for index in range(size):
            for offset, word in enumerate(words):
                if word:
                    yield base + step * index + 8 * offset, Register(bank, index, word)


def register_columns(
    read: Callable[[int], int], sizes: Sizes, accounts: Sequence[str], symbols: Sequence[str]
) -> dict[str, AnyArray]:
    """Columns ``address``, ``name`` and ``value`` (unsigned) of every register that has a name.

    Parameters
    ----------
    read : callable
        From an address to the word there.
    sizes : Sizes
        Of the device.
    accounts, symbols : sequence of str
        By number.
    """
    found = [*addresses(sizes)]
    return {
        "address": np.array([address for address, _ in found], dtype=np.uint64),
        "name": np.array([register_name(each, sizes, accounts, symbols) for _, each in found]),
        "value": np.array([read(address) for address, _ in found], dtype=np.uint64),
    }


def register_name(register: Register, sizes: Sizes, accounts: Sequence[str], symbols: Sequence[str]) -> str:
    """The name of a register with that of its account and instrument: ``main.ABC.POSITION``."""
    match register.bank:
        case "ACCOUNT" | "WARNING":
            return f"{accounts[register.number]}.{register.word}"
        case "INSTRUMENT":
            return f"{symbols[register.number]}.{register.word}"
        case "SECTOR":
            account, sector = divmod(register.number, sizes.n_sectors)
            return f"{accounts[account]}.sector {sector + 1}.{register.word}"
        case "POSITION":
            account, instrument = divmod(register.number, len(symbols))
            return f"{accounts[account]}.{symbols[instrument]}.{register.word}"
        case _:
            return register.word


def _banks(sizes: Sizes) -> list[tuple[str, int, int, int, tuple[str, ...]]]:
    n_accounts, n_instruments, n_sectors = sizes
    return [
        ("ACCOUNT", ACCOUNTS_BASE, ACCOUNT_STEP, n_accounts, ACCOUNT_WORDS),
        ("WARNING", WARNINGS_BASE, ACCOUNT_STEP, n_accounts, WARNING_WORDS),
        ("INSTRUMENT", INSTRUMENTS_BASE, INSTRUMENT_STEP, n_instruments, INSTRUMENT_WORDS),
        ("SECTOR", SECTORS_BASE, SECTOR_STEP, n_accounts * n_sectors, SECTOR_WORDS),
        ("POSITION", POSITIONS_BASE, POSITION_STEP, n_accounts * n_instruments, POSITION_WORDS),
    ]
