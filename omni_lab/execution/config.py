"""What an order-management system is told once: instruments, accounts, limits, and where its journal is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from omni_lab.domain import Instrument, TradingPhase
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.edges import EXACT, MONEY_UNITS, from_grid, money_units, on_grid, word
from omni_lab.execution.setup import (
    MAX64,
    MAX128,
    MAX_ACCOUNTS,
    MAX_INSTRUMENTS,
    MAX_PRICE,
    MAX_TICK_VALUE,
    AccountSetup,
    InstrumentSetup,
    LimitSetup,
    Setup,
)

Durability = Literal["none", "batch", "every"]
Amount = float | Decimal
"""Money: a float, or a decimal where a float would not be exact."""

DEFAULT_TICK_SIZE = 0.01
"""The tick of an instrument that is given as a symbol only."""


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
        Realised loss from which on nothing may be added, currency.

    Raises
    ------
    ConfigError
        Naming every limit that cannot be used.
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

    def __post_init__(self) -> None:
        problems = []
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None and each.default is None:
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float | Decimal)
                or not 0 <= value < 2**127
            ):
                problems.append(f"{each.name} must be a number that is not negative, not {value!r}")
            elif each.name.startswith(("order_", "cancel_", "collar_")) and int(value) != value:
                problems.append(f"{each.name} must be a whole number, not {value!r}")
            elif each.name.endswith(("_rate", "_burst")) and not 1 <= value <= 10**9:
                problems.append(f"{each.name} must be from 1 to 1e9, not {value!r}")
        if problems:
            raise ConfigError("; ".join(problems), where="Limits")

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
        lots = _Lots(lot_sizes)
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
        )

    @classmethod
    def from_setup(cls, setup: LimitSetup, lot_sizes: Iterable[float]) -> Limits:
        """The limits that registers hold."""
        lots = _Lots(lot_sizes)
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
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OMSConfig:
    """Everything that an order-management system starts from.

    Attributes
    ----------
    instruments : sequence of Instrument or str
        What is traded; a symbol alone has a tick of 0.01 and a lot of 1. Ticks must be stated.
    accounts : sequence of str
        Who trades. The first is meant where none is named.
    limits : Limits or mapping of str to Limits
        Of every account, or by account.
    reference_prices : mapping of str to float
        By symbol, where there is one before the first trade.
    initial_phase : TradingPhase or str
        Of every instrument.
    journal : path, optional
        Directory of the journal; None keeps none.
    durability : {"none", "batch", "every"}
        When a command counts as written: handed to the operating system, on disk before its events are handed
        out, or on disk before it acts.
    measure_latency : bool
        Whether to keep how long commands took.
    snapshot_every : int, optional
        Frames between snapshots; None takes none by itself.

    Raises
    ------
    ConfigError
        Naming every setting that cannot be used, not only the first.
    """

    instruments: Sequence[Instrument | str]
    accounts: Sequence[str] = ("main",)
    limits: Limits | Mapping[str, Limits] = Limits()
    reference_prices: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    initial_phase: TradingPhase | str = TradingPhase.CONTINUOUS
    journal: str | Path | None = None
    durability: Durability = "batch"
    measure_latency: bool = False
    snapshot_every: int | None = None

    def __post_init__(self) -> None:
        problems: list[str] = []
        object.__setattr__(self, "instruments", _instruments(self.instruments, problems))
        object.__setattr__(self, "accounts", tuple(self.accounts) if _is_list(self.accounts) else ())
        _check_names(self, problems)
        _check_settings(self, problems)
        if problems:
            raise ConfigError("; ".join(problems), where="OMSConfig")
        object.__setattr__(self, "initial_phase", self._phase())
        self.setup()

    def setup(self) -> Setup:
        """The configuration in whole numbers."""
        listed = self._listed()
        instruments = tuple(
            _instrument_setup(instrument, self.reference_prices.get(instrument.symbol))
            for instrument in listed
        )
        lot_sizes = [instrument.lot_size for instrument in listed]
        accounts = tuple(AccountSetup(name, self._limits_of(name).setup(lot_sizes)) for name in self.accounts)
        return Setup(instruments, accounts, self._phase())

    def payload(self) -> bytes:
        """The payload of the first frame of a journal: ``docs/oms.md``, section 1."""
        return self.setup().payload()

    @classmethod
    def from_payload(cls, payload: bytes) -> OMSConfig:
        """The configuration that a payload spells; what a payload does not hold has its default.

        Raises
        ------
        CodecError
            If it spells none.
        """
        return cls.from_setup(Setup.from_payload(payload))

    @classmethod
    def from_setup(cls, setup: Setup) -> OMSConfig:
        """The configuration of whole numbers."""
        instruments = [
            Instrument(each.symbol, tick_size=each.tick_size, lot_size=each.lot_size, currency=each.currency)
            for each in setup.instruments
        ]
        lot_sizes = [instrument.lot_size for instrument in instruments]
        return cls(
            instruments=instruments,
            accounts=[account.name for account in setup.accounts],
            limits={each.name: Limits.from_setup(each.limits, lot_sizes) for each in setup.accounts},
            reference_prices={
                each.symbol: from_grid(each.reference, each.tick_size)
                for each in setup.instruments
                if each.reference
            },
            initial_phase=setup.phase,
        )

    def _listed(self) -> tuple[Instrument, ...]:
        return tuple(each for each in self.instruments if isinstance(each, Instrument))

    def _limits_of(self, account: str) -> Limits:
        return self.limits if isinstance(self.limits, Limits) else self.limits.get(account, Limits())

    def _phase(self) -> TradingPhase:
        return word(TradingPhase, self.initial_phase)


class _Lots:
    """Quantities that several instruments share."""

    def __init__(self, sizes: Iterable[float]) -> None:
        self._sizes = sorted(set(sizes))

    def limit(self, name: str, qty: float | None) -> int:
        if qty is None:
            return MAX64
        try:
            return on_grid(qty, self._size(name), where=name)
        except DataError as error:
            raise ConfigError(str(error)) from error

    def quantity(self, name: str, lots: int) -> float | None:
        return None if lots == MAX64 else from_grid(lots, self._size(name))

    def _size(self, name: str) -> float:
        if len(self._sizes) != 1:
            raise ConfigError(
                f"{name} counts lots, which must be of one size for all instruments", found=self._sizes
            )
        return self._sizes[0]


def _instruments(given: object, problems: list[str]) -> tuple[Instrument, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        problems.append(f"instruments must be a list of at least one instrument or symbol, not {given!r}")
        return ()
    found = []
    for each in given:
        if isinstance(each, str):
            try:
                found.append(Instrument(each, tick_size=DEFAULT_TICK_SIZE))
            except ConfigError as error:
                problems.append(str(error))
        elif not isinstance(each, Instrument):
            problems.append(f"an instrument must be an Instrument or a symbol, not {each!r}")
        elif each.tick_size is None:
            problems.append(f"the instrument {each.symbol!r} must state its tick_size")
        else:
            found.append(each)
    return tuple(found)


def _check_names(config: OMSConfig, problems: list[str]) -> None:
    symbols = [instrument.symbol for instrument in config._listed()]
    if not config.accounts:
        problems.append("accounts must be a list of at least one name")
    names: Sequence[object] = config.accounts
    for name in names:
        if not isinstance(name, str) or not name or not name.isprintable() or len(name.encode()) > 0xFFFF:
            problems.append(f"an account's name must be printable text, not {name!r}")
    for what, names, most in (
        ("instrument", symbols, MAX_INSTRUMENTS),
        ("account", list(config.accounts), MAX_ACCOUNTS),
    ):
        twice = sorted({str(name) for name in names if names.count(name) > 1}) if len(names) < 1_000 else []
        if twice or len(set(names)) < len(names):
            problems.append(f"every {what} stands once, not twice as {', '.join(twice) or 'some do'}")
        if len(names) > most:
            problems.append(f"there can be {most:,} {what}s, not {len(names):,}")
    for stated, known in ((config.reference_prices, symbols), (config.limits, config.accounts)):
        unknown = set(stated) - set(known) if isinstance(stated, Mapping) else set()
        problems += [
            f"{name!r} is stated a price or limits and is not listed" for name in sorted(map(str, unknown))
        ]


def _check_settings(config: OMSConfig, problems: list[str]) -> None:
    if config.durability not in get_args(Durability):
        known = ", ".join(map(repr, get_args(Durability)))
        problems.append(f"durability must be one of {known}, not {config.durability!r}")
    limits = config.limits.values() if isinstance(config.limits, Mapping) else [config.limits]
    if not all(isinstance(each, Limits) for each in limits):
        problems.append(f"limits must be Limits, or Limits by account, not {config.limits!r}")
    every: object = config.snapshot_every
    if every is not None and not (isinstance(every, int) and every >= 1):
        problems.append(f"snapshot_every must be a number of frames from 1 on, or None, not {every!r}")


def _instrument_setup(instrument: Instrument, reference_price: float | None) -> InstrumentSetup:
    where = f"instrument {instrument.symbol!r}"
    assert instrument.tick_size is not None
    worth = (
        EXACT.multiply(Decimal(str(instrument.tick_size)), Decimal(str(instrument.lot_size))) * MONEY_UNITS
    )
    if worth != int(worth) or not 0 < worth < MAX_TICK_VALUE:
        raise ConfigError(
            "one lot at one tick must be a whole number of 1e-18, below 2^90 of them",
            found=f"{worth / MONEY_UNITS}",
            where=where,
        )
    reference = 0
    if reference_price is not None:
        try:
            reference = on_grid(reference_price, instrument.tick_size, where=f"reference price of {where}")
        except DataError as error:
            raise ConfigError(str(error)) from error
        if not 1 <= reference <= MAX_PRICE:
            raise ConfigError("a reference price is from 1 to 2^50 ticks", found=reference_price, where=where)
    return InstrumentSetup(
        instrument.symbol,
        instrument.tick_size,
        instrument.lot_size,
        instrument.currency,
        int(worth),
        reference,
    )


def _is_list(given: object) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, str)


def _or_none(value: int | None) -> int:
    return MAX64 if value is None else int(value)


def _none_or(value: int) -> int | None:
    return None if value == MAX64 else value


def _money_limit(value: Amount | None) -> int:
    return MAX128 if value is None else min(money_units(value), MAX128 - 1)


def _amount(units: int) -> Amount | None:
    """An amount of so many units: a float where it says exactly that."""
    if units == MAX128:
        return None
    plain = units / MONEY_UNITS
    return plain if money_units(plain) == units else EXACT.divide(Decimal(units), Decimal(MONEY_UNITS))
