"""What the risk gate lets accounts do, everybody in an instrument, and an account in an instrument.

People write units, currency and fractions; `setup` makes of them what the registers hold (``docs/gate.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.edges import EXACT, MONEY_UNITS, from_grid, money_units, on_grid
from omni_lab.execution.setup import MAX64, MAX128, PARTS, InstrumentSetup, LimitSetup, PositionSetup

Amount = float | Decimal
"""Money: a float, or a decimal where a float would not be exact."""

_FRACTIONS = frozenset({"max_drawdown", "max_leverage", "max_sector", "max_name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the risk gate lets an account do; None is no limit.

    Attributes
    ----------
    max_position : float, optional
        Largest position in one instrument, open orders included, in units.
    max_order_qty : float, optional
        Largest order, in units.
    collar_bps : int, optional
        Largest distance of an order's price from the reference price, in basis points of it.
    max_notional : float, optional
        Largest price times quantity of an order, currency.
    order_rate, cancel_rate : int, optional
        Orders (and replaces), and cancels, a second.
    order_burst, cancel_burst : int
        How many may come at once before the rate counts.
    max_daily_loss : float, optional
        Loss of equity since the start of the day from which on nothing may be added, currency.
    max_drawdown : float, optional
        Fall of equity from its peak from which on nothing may be added, as a fraction of the peak; 0.1 is
        10 %.
    max_leverage : float, optional
        Largest gross exposure, open orders included, as a multiple of equity; 2.0 is twice.
    max_sector, max_name : float, optional
        Largest exposure in one sector, and in one instrument, as fractions of equity.

    Raises
    ------
    ConfigError
        Naming every limit that cannot be used. Fractions are whole numbers of 1/10,000.

    Notes
    -----
    Whoever limits a fraction of equity states the account's ``capital``, for equity begins with it.
    """

    max_position: float | None = None
    max_order_qty: float | None = None
    collar_bps: int | None = None
    max_notional: Amount | None = None
    order_rate: int | None = None
    order_burst: int = 1
    cancel_rate: int | None = None
    cancel_burst: int = 1
    max_daily_loss: Amount | None = None
    max_drawdown: Amount | None = None
    max_leverage: Amount | None = None
    max_sector: Amount | None = None
    max_name: Amount | None = None

    def __post_init__(self) -> None:
        refuse(self, problems_of(self))

    def setup(self, lot_sizes: Iterable[float]) -> LimitSetup:
        """The limits in the units of their registers.

        Parameters
        ----------
        lot_sizes : iterable of float
            Of all instruments: a limit of a quantity is one number of lots, whatever is traded.

        Raises
        ------
        ConfigError
            If a quantity is limited and the lots differ, or the limit is not a number of lots.
        """
        lots = Lots(lot_sizes)
        return LimitSetup(
            max_position=lots.limit("max_position", self.max_position),
            max_order_qty=lots.limit("max_order_qty", self.max_order_qty),
            collar_bps=_or_none(self.collar_bps),
            max_notional=_money_limit(self.max_notional),
            order_rate=_or_none(self.order_rate),
            order_burst=int(self.order_burst),
            cancel_rate=_or_none(self.cancel_rate),
            cancel_burst=int(self.cancel_burst),
            max_daily_loss=_money_limit(self.max_daily_loss),
            max_drawdown=_parts(self.max_drawdown),
            max_leverage=_parts(self.max_leverage),
            max_sector=_parts(self.max_sector),
            max_name=_parts(self.max_name),
        )

    @classmethod
    def from_setup(cls, setup: LimitSetup, lot_sizes: Iterable[float]) -> Limits:
        """The limits that registers hold."""
        lots = Lots(lot_sizes)
        return cls(
            max_position=lots.quantity("max_position", setup.max_position),
            max_order_qty=lots.quantity("max_order_qty", setup.max_order_qty),
            collar_bps=_none_or(setup.collar_bps),
            max_notional=_amount(setup.max_notional),
            order_rate=_none_or(setup.order_rate),
            order_burst=setup.order_burst,
            cancel_rate=_none_or(setup.cancel_rate),
            cancel_burst=setup.cancel_burst,
            max_daily_loss=_amount(setup.max_daily_loss),
            max_drawdown=_fraction(setup.max_drawdown),
            max_leverage=_fraction(setup.max_leverage),
            max_sector=_fraction(setup.max_sector),
            max_name=_fraction(setup.max_name),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentLimits:
    """What the risk gate lets everybody do in an instrument; None is no limit.

    Attributes
    ----------
    max_order_qty : float, optional
        Largest order, in units.
    collar_bps : int, optional
        Largest distance of an order's price from the reference price, in basis points of it.
    max_notional : float, optional
        Largest price times quantity of an order, currency.

    Raises
    ------
    ConfigError
        Naming every limit that cannot be used.
    """

    max_order_qty: float | None = None
    collar_bps: int | None = None
    max_notional: Amount | None = None

    def __post_init__(self) -> None:
        refuse(self, problems_of(self))

    def registers(self, lot_size: float) -> dict[str, int]:
        """The limits in the units of their registers: lots, basis points, 1e-18."""
        return {
            "max_order_qty": Lots([lot_size]).limit("max_order_qty", self.max_order_qty),
            "collar_bps": _or_none(self.collar_bps),
            "max_notional": _money_limit(self.max_notional),
        }

    @classmethod
    def from_setup(cls, setup: InstrumentSetup) -> InstrumentLimits:
        """The limits that registers hold."""
        return cls(
            max_order_qty=Lots([setup.lot_size]).quantity("max_order_qty", setup.max_order_qty),
            collar_bps=_none_or(setup.collar_bps),
            max_notional=_amount(setup.max_notional),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLimits:
    """What the risk gate lets one account do in one instrument; None is no limit.

    Attributes
    ----------
    max_position : float, optional
        Largest position, open orders included, in units.
    max_order_qty : float, optional
        Largest order, in units.

    Raises
    ------
    ConfigError
        Naming every limit that cannot be used.
    """

    max_position: float | None = None
    max_order_qty: float | None = None

    def __post_init__(self) -> None:
        refuse(self, problems_of(self))

    def registers(self, lot_size: float) -> dict[str, int]:
        """The limits in lots."""
        lots = Lots([lot_size])
        return {
            "max_position": lots.limit("max_position", self.max_position),
            "max_order_qty": lots.limit("max_order_qty", self.max_order_qty),
        }

    @classmethod
    def from_setup(cls, setup: PositionSetup, lot_size: float) -> PositionLimits:
        """The limits that registers hold."""
        lots = Lots([lot_size])
        return cls(
            max_position=lots.quantity("max_position", setup.max_position),
            max_order_qty=lots.quantity("max_order_qty", setup.max_order_qty),
        )


class Lots:
    """Quantities that several instruments share.

    Parameters
    ----------
    sizes : iterable of float
        Their lots.
    """

    def __init__(self, sizes: Iterable[float]) -> None:
        self._sizes = sorted(set(sizes))

    def limit(self, name: str, qty: float | None) -> int:
        """A limit in lots.

        Raises
        ------
        ConfigError
            If lots differ, or it lies between two.
        """
        if qty is None:
            return MAX64
        try:
            return on_grid(qty, self._size(name), where=name)
        except DataError as error:
            raise ConfigError(str(error)) from error

    def quantity(self, name: str, lots: int) -> float | None:
        """The limit of so many lots.

        Raises
        ------
        ConfigError
            If lots differ.
        """
        return None if lots == MAX64 else from_grid(lots, self._size(name))

    def _size(self, name: str) -> float:
        if len(self._sizes) != 1:
            raise ConfigError(
                f"{name} counts lots, which must be of one size for all instruments", found=self._sizes
            )
        return self._sizes[0]


def problems_of(limits: Any) -> list[str]:
    """What keeps limits from being used, as clauses."""
    found = []
    for each in fields(limits):
        value = getattr(limits, each.name)
        if value is None and each.default is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not 0 <= value < 2**127:
            found.append(f"{each.name} must be a number that is not negative, not {value!r}")
        elif each.name.startswith(("order_", "cancel_", "collar_")) and int(value) != value:
            found.append(f"{each.name} must be a whole number, not {value!r}")
        elif each.name.endswith(("_rate", "_burst")) and not 1 <= value <= 10**9:
            found.append(f"{each.name} must be from 1 to 1e9, not {value!r}")
        elif each.name in _FRACTIONS and not _is_fraction(value):
            found.append(f"{each.name} must be a whole number of 1/10,000, as 0.1 for 10 %, not {value!r}")
    return found


def refuse(limits: object, problems: Sequence[str]) -> None:
    """Raise what keeps settings from being used.

    Raises
    ------
    ConfigError
        If there is any problem, naming them all.
    """
    if problems:
        raise ConfigError("; ".join(problems), where=type(limits).__name__)


def capital_units(value: Amount) -> int:
    """Capital in units of 1e-18, at most what its register holds."""
    return min(money_units(value), MAX128)


def _is_fraction(value: float | Decimal) -> bool:
    parts = Decimal(str(value)) * PARTS
    return parts == int(parts) and parts < MAX64


def _parts(value: Amount | None) -> int:
    return MAX64 if value is None else int(Decimal(str(value)) * PARTS)


def _fraction(parts: int) -> Amount | None:
    return None if parts == MAX64 else _plain(parts, PARTS)


def _plain(parts: int, of: int) -> Amount:
    """A float where it says exactly that, otherwise a decimal."""
    plain = parts / of
    exact = EXACT.divide(Decimal(parts), Decimal(of))
    return plain if Decimal(str(plain)) == exact else exact


def _or_none(value: int | None) -> int:
    return MAX64 if value is None else int(value)


def _none_or(value: int) -> int | None:
    return None if value == MAX64 else value


def _money_limit(value: Amount | None) -> int:
    return MAX128 if value is None else min(money_units(value), MAX128 - 1)


def _amount(units: int) -> Amount | None:
    return None if units == MAX128 else amount(units)


def amount(units: int) -> Amount:
    """An amount of so many units: a float where it says exactly that."""
    plain = units / MONEY_UNITS
    return plain if money_units(plain) == units else EXACT.divide(Decimal(units), Decimal(MONEY_UNITS))


NO_LIMITS = Limits()
