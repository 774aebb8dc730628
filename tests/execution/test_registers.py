"""The registers of the risk gate: where they are, what they read, what they take: gate.md, section 2."""

from __future__ import annotations

from typing import Any

import pytest

from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError
from omni_lab.execution import Limits
from tests.execution.conftest import AnyOMS
from tests.execution.script import config

SECOND = 1_000_000_000
MAX64 = 2**63 - 1
WORD = 2**64 - 1
REASONS = (
    *("KILL_SWITCH", "POSITION_LIMIT", "ORDER_SIZE", "PRICE_COLLAR", "NOTIONAL", "ORDER_RATE", "CANCEL_RATE"),
    *("DAILY_LOSS", "DRAWDOWN", "LEVERAGE", "SECTOR_CONCENTRATION", "SINGLE_NAME"),
)
# The table of the page: address, name, and what it reads after a reset of `device`.
GLOBALS = {
    0x00: ("DEVICE_ID", int.from_bytes(b"OMNRISK", "little")),
    0x08: ("VERSION", 2),
    0x10: ("N_ACCOUNTS", 3),
    0x18: ("N_INSTRUMENTS", 3),
    0x20: ("N_SECTORS", 2),
    0x28: ("CONTROL", 0),
    0x30: ("STATUS", 0),
    0x38: ("WARNING", 0),
    0x40: ("CHECKED", 0),
    0x48: ("PASSED", 0),
    **{0x50 + 8 * number: (f"REFUSED_{reason}", 0) for number, reason in enumerate(REASONS)},
    **{0xB0 + 8 * number: (f"WARNED_{reason}", 0) for number, reason in enumerate(REASONS)},
}
LIMITS = {
    0x08: ("MAX_POSITION", MAX64),
    0x10: ("MAX_ORDER_QTY", MAX64),
    0x18: ("COLLAR_BPS", MAX64),
    0x20: ("MAX_NOTIONAL", WORD),
    0x28: ("MAX_NOTIONAL_HIGH", MAX64),
    0x30: ("ORDER_RATE", MAX64),
    0x38: ("ORDER_BURST", 1),
    0x40: ("CANCEL_RATE", MAX64),
    0x48: ("CANCEL_BURST", 1),
    0x50: ("MAX_DAILY_LOSS", WORD),
    0x58: ("MAX_DAILY_LOSS_HIGH", MAX64),
    0x60: ("MAX_DRAWDOWN", MAX64),
    0x68: ("MAX_LEVERAGE", MAX64),
    0x70: ("MAX_SECTOR", MAX64),
    0x78: ("MAX_NAME", MAX64),
    0x80: ("ORDER_TOKENS", SECOND),
    0x88: ("ORDER_TS", 0),
    0x90: ("CANCEL_TOKENS", SECOND),
    0x98: ("CANCEL_TS", 0),
}
CAPITAL = 10**23  # 100,000 of a currency
ACCOUNT = {
    0x00: ("CONTROL", 0),
    **LIMITS,
    0xA0: ("REALISED", 0),
    0xA8: ("REALISED_HIGH", 0),
    0xB0: ("CAPITAL", CAPITAL & WORD),
    0xB8: ("CAPITAL_HIGH", CAPITAL >> 64),
    0xC0: ("CASH", 0),
    0xC8: ("CASH_HIGH", 0),
    0xD0: ("PEAK", CAPITAL & WORD),
    0xD8: ("PEAK_HIGH", CAPITAL >> 64),
    0xE0: ("DAY_EQUITY", CAPITAL & WORD),
    0xE8: ("DAY_EQUITY_HIGH", CAPITAL >> 64),
    0xF0: ("CHECKED", 0),
    0xF8: ("REFUSED", 0),
    0x100: ("WARNED", 0),
    0x108: ("PARENT", 0),
    0x110: ("VALUE", 0),
    0x118: ("VALUE_HIGH", 0),
    0x120: ("EQUITY", CAPITAL & WORD),
    0x128: ("EQUITY_HIGH", CAPITAL >> 64),
    0x130: ("GROSS", 0),
    0x138: ("GROSS_HIGH", 0),
}
WARNINGS = {offset: (f"WARN_{name}", value) for offset, (name, value) in LIMITS.items()}
INSTRUMENT = {
    0x00: ("CONTROL", 0),
    0x08: ("REFERENCE", 70),
    0x10: ("TICK_VALUE", 10**18),
    0x18: ("TICK_VALUE_HIGH", 0),
    0x20: ("SECTOR", 2),
    0x28: ("MAX_ORDER_QTY", MAX64),
    0x30: ("COLLAR_BPS", MAX64),
    0x38: ("MAX_NOTIONAL", WORD),
    0x40: ("MAX_NOTIONAL_HIGH", MAX64),
}
SECTOR = {0x00: ("SECTOR_GROSS", 0), 0x08: ("SECTOR_GROSS_HIGH", 0)}
POSITION = {
    0x00: ("POSITION", 0),
    0x08: ("OPEN_BUY", 0),
    0x10: ("OPEN_SELL", 0),
    0x18: ("MAX_POSITION", MAX64),
    0x20: ("MAX_ORDER_QTY", MAX64),
    0x28: ("EXPOSURE", 0),
    0x30: ("EXPOSURE_HIGH", 0),
}
# Of account b (1), instrument Y (1), sector 2 of account b, and account b in instrument Y: base, size, words.
BANKS = {
    "b.": (0x1000 + 0x200, 0x200, ACCOUNT),
    "b. to warn": (0x20_0000 + 0x200, 0x200, WARNINGS),
    "Y.": (0x40_0000 + 0x80, 0x80, INSTRUMENT),
    "b.sector 2.": (0x100_0000 + 0x10 * 3, 0x10, SECTOR),
    "b.Y.": (0x1000_0000 + 0x40 * 4, 0x40, POSITION),
}


def device(oms_class: type[AnyOMS], **settings: Any) -> AnyOMS:
    return oms_class(
        config(
            reference_prices={"Y": 70},
            parents={"b": "a"},
            capital={"b": 1e5},
            sectors={"X": "cars", "Y": "tech"},
            **settings,
        )
    )


def test_the_global_registers(oms_class: type[AnyOMS]) -> None:
    oms = device(oms_class)
    columns = oms.registers()
    names = dict(zip(columns["address"].tolist(), columns["name"].tolist(), strict=True))
    values = dict(zip(columns["address"].tolist(), columns["value"].tolist(), strict=True))
    for address, (name, value) in GLOBALS.items():
        assert (names[address], values[address], oms.read_register(address)) == (name, value, value)
    assert [address for address in names if address < 0x1000] == list(GLOBALS)


@pytest.mark.parametrize("prefix", BANKS)
def test_a_bank_of_registers(oms_class: type[AnyOMS], prefix: str) -> None:
    oms = device(oms_class)
    base, size, words = BANKS[prefix]
    columns = oms.registers()
    names = dict(zip(columns["address"].tolist(), columns["name"].tolist(), strict=True))
    for offset in range(0, size, 8):
        name, value = words.get(offset, (None, 0))
        assert oms.read_register(base + offset) == value, hex(offset)
        expected = None if name is None else f"{prefix.removesuffix(' to warn')}{name}"
        assert names.get(base + offset) == expected


def test_who_has_no_parent_says_so(oms_class: type[AnyOMS]) -> None:
    assert [device(oms_class).read_register(0x1000 + 0x200 * n + 0x108) for n in range(3)] == [
        *(MAX64, 0),
        MAX64,
    ]


ELSEWHERE = [
    *(0x110, 0x1004, 0x1000 + 0x200 * 3, 0x20_0000 + 0x200 * 3, 0x40_0000 + 0x80 * 3, 0x100_0000 + 0x10 * 6),
    *(0x1000_0000 + 0x40 * 9, 2**63, 2**64 - 8),
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_there_is_no_register_elsewhere(oms_class: type[AnyOMS], address: int) -> None:
    oms = device(oms_class)
    with pytest.raises(ConfigError, match="no register"):
        oms.read_register(address)
    with pytest.raises(ConfigError, match="no register"):
        oms.write_register(address, 0)


WRITABLE = {
    "b.": {
        *("CONTROL", "CAPITAL", "CAPITAL_HIGH", "REALISED", "PEAK"),
        *(name for name, _ in LIMITS.values() if not name.endswith(("TOKENS", "_TS"))),
    },
    "b. to warn": {name for name, _ in WARNINGS.values() if not name.endswith(("TOKENS", "_TS"))},
    "Y.": {"CONTROL", "MAX_ORDER_QTY", "COLLAR_BPS", "MAX_NOTIONAL", "MAX_NOTIONAL_HIGH"},
    "b.sector 2.": set(),
    "b.Y.": {"MAX_POSITION", "MAX_ORDER_QTY"},
}


@pytest.mark.parametrize("prefix", BANKS)
def test_other_registers_cannot_be_written(oms_class: type[AnyOMS], prefix: str) -> None:
    oms = device(oms_class)
    base, size, words = BANKS[prefix]
    for offset in range(0, size, 8):
        if words.get(offset, ("", 0))[0] not in WRITABLE[prefix]:
            with pytest.raises(ConfigError, match="cannot be written"):
                oms.write_register(base + offset, 0)


def test_no_global_register_but_one_can_be_written(oms_class: type[AnyOMS]) -> None:
    oms = device(oms_class)
    for address in GLOBALS:
        if address != 0x28:
            with pytest.raises(ConfigError, match="cannot be written"):
                oms.write_register(address, 1)


_LIMIT = ([0, MAX64], [MAX64 + 1, WORD])
_LOW: tuple[list[int], list[int]] = ([0, WORD], [])
_HIGH = ([0, MAX64], [MAX64 + 1])
_RATE = ([1, SECOND, MAX64], [0, SECOND + 1, MAX64 - 1, WORD])
_BURST = ([1, SECOND], [0, SECOND + 1, MAX64])
_OF_LIMITS: dict[int, tuple[list[int], list[int]]] = {
    **dict.fromkeys((0x08, 0x10, 0x18, 0x60, 0x68, 0x70, 0x78), _LIMIT),
    **dict.fromkeys((0x20, 0x50), _LOW),
    **dict.fromkeys((0x28, 0x58), _HIGH),
    **dict.fromkeys((0x30, 0x40), _RATE),
    **dict.fromkeys((0x38, 0x48), _BURST),
}
_TAKES: list[tuple[int, list[int], list[int]]] = [
    *((0x1200 + offset, *values) for offset, values in _OF_LIMITS.items()),
    *((0x20_0200 + offset, *values) for offset, values in _OF_LIMITS.items()),
    *((0x1200, [1], [2, 0, WORD]), (0x28, [1], [2, 0]), (0x40_0080, [1], [2, 0])),
    *((0x12B0, *_LOW), (0x12B8, *_HIGH), (0x12A0, [0], [1, WORD])),
    *((0x40_00A8, *_LIMIT), (0x40_00B0, *_LIMIT), (0x40_00B8, *_LOW), (0x40_00C0, *_HIGH)),
    *((0x1000_0118, *_LIMIT), (0x1000_0120, *_LIMIT)),
]


@pytest.mark.parametrize(("address", "good", "bad"), _TAKES)
def test_a_register_takes_what_fits_it(
    oms_class: type[AnyOMS], address: int, good: list[int], bad: list[int]
) -> None:
    oms = device(oms_class)
    for value in good:
        oms.write_register(address, value)
        assert oms.read_register(address) == value
    before, n_frames = oms.state(), oms.sequence
    for value in bad:
        with pytest.raises(ConfigError):
            oms.write_register(address, value)
    assert (oms.state(), oms.sequence) == (before, n_frames)


@pytest.mark.parametrize("bank", [0x1000, 0x20_0000])
@pytest.mark.parametrize(("rate", "burst", "tokens"), [(0x30, 0x38, 0x80), (0x40, 0x48, 0x90)])
def test_writing_a_rate_or_a_burst_fills_the_tokens(
    oms_class: type[AnyOMS], bank: int, rate: int, burst: int, tokens: int
) -> None:
    oms = oms_class(config())
    oms.write_register(bank + burst, 3)
    assert oms.read_register(bank + tokens) == 3 * SECOND
    oms.write_register(bank + rate, 1)
    oms.cancel(oms.submit("X", "BUY", 1, 100))
    assert oms.read_register(bank + tokens) == 2 * SECOND
    oms.write_register(bank + rate, 2)
    assert oms.read_register(bank + tokens) == 3 * SECOND


def test_a_mark_of_no_price_changes_nothing(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(reference_prices={"X": 100}))
    events = oms.apply({"kind": 7, "price": [0, -5, 2**50 + 1, 2**50]})
    assert events["price"].tolist() == [2**50]
    assert oms.read_register(0x40_0008) == 2**50


def test_limits_are_those_of_the_configuration(oms_class: type[AnyOMS]) -> None:
    hard = Limits(
        max_position=1,
        max_order_qty=2,
        collar_bps=3,
        max_notional=2**64 / 10**18 * 4,
        order_rate=5,
        order_burst=6,
        cancel_rate=7,
        cancel_burst=8,
        max_daily_loss=9e-18,
        max_drawdown=0.001,
        max_leverage=1.1,
        max_sector=0.0012,
        max_name=0.0013,
    )
    oms = oms_class(
        config(instruments=[Instrument("X", tick_size=1.0)], limits={"b": hard}, soft_limits={"c": hard})
    )
    words = [1, 2, 3, 0, 4, 5, 6, 7, 8, 9, 0, 10, 11_000, 12, 13, 6 * SECOND, 0, 8 * SECOND, 0]
    for base in (0x1200, 0x20_0400):
        found = [oms.read_register(base + offset) for offset in LIMITS]
        # 2^64 units are no float that says exactly so.
        assert found[5:] == words[5:]
        assert found[:3] == words[:3]
        assert (found[4] << 64 | found[3]) == pytest.approx(4 * 2**64, rel=1e-15)
    assert [oms.read_register(0x1000 + offset) for offset in LIMITS] == [
        value for _, value in LIMITS.values()
    ]
