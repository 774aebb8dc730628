"""What is traded, in the units of the wire; and the events of the system as rows of whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from omni_lab.errors import ConfigError
from omni_lab.execution.face import OMSFace
from omni_lab.execution.setup import InstrumentSetup
from omni_lab.typing import AnyArray
from omni_lab.venues.codes import PRICE_UNITS

DAY_NS = 86_400 * 10**9
_LARGEST = 2**32 - 1


class Listing(NamedTuple):
    """An instrument on the wire.

    Attributes
    ----------
    symbol : str
        Up to 8 characters.
    locate : int
        Its number in ITCH, from 1.
    tick : int
        Units of price, 1/10,000, in a tick.
    lot : int
        Shares in a lot.
    """

    symbol: str
    locate: int
    tick: int
    lot: int

    def price(self, ticks: int) -> int:
        """A price on the wire."""
        return ticks * self.tick

    def shares(self, lots: int) -> int:
        """A quantity on the wire."""
        return lots * self.lot

    def fits(self, ticks: int, lots: int) -> bool:
        """Whether a price and a quantity have room on the wire, which has 32 bits for each."""
        return self.price(ticks) <= _LARGEST and self.shares(lots) <= _LARGEST


def listings_of(oms: OMSFace) -> tuple[Listing, ...]:
    """Every instrument of a system, by its number there.

    Raises
    ------
    ConfigError
        Naming every instrument that the wire cannot carry.
    """
    problems: list[str] = []
    setups = oms.config.setup().instruments
    found = tuple(_listing(number, each, problems) for number, each in enumerate(setups))
    if len(setups) > 65_535:
        problems.append(f"ITCH numbers at most 65,535 instruments, not {len(setups):,}")
    if problems:
        raise ConfigError("; ".join(problems), where="instruments of a market")
    return found


def _listing(number: int, setup: InstrumentSetup, problems: list[str]) -> Listing:
    tick = round(setup.tick_size * PRICE_UNITS)
    lot = round(setup.lot_size)
    symbol = setup.symbol
    if not (symbol.isascii() and len(symbol) <= 8):
        problems.append(f"{symbol!r} must have at most 8 ASCII characters")
    if tick < 1 or abs(setup.tick_size * PRICE_UNITS - tick) > 1e-6:
        problems.append(f"a tick of {symbol!r} must be a whole number of 0.0001, not {setup.tick_size:g}")
    if lot < 1 or lot != setup.lot_size:
        problems.append(f"a lot of {symbol!r} must be whole shares, not {setup.lot_size:g}")
    return Listing(symbol, number + 1, tick, lot)


class Row(NamedTuple):
    """An event of the system: ``docs/oms.md``, section 6."""

    ts: int
    kind: int
    order_id: int
    account: int
    instrument: int
    side: int
    reason: int
    price: int
    qty: int
    leaves: int
    cum: int
    trade_id: int
    liquidity: int


def rows_of(columns: Mapping[str, AnyArray]) -> list[Row]:
    """Columns of events as rows."""
    return [Row(*values) for values in zip(*(columns[name].tolist() for name in Row._fields), strict=True)]
