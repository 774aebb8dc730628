"""What an order-management system is told once: instruments, accounts, limits, and where its journal is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from omni_lab.domain import Instrument, TradingPhase
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.config_checks import check_names, check_settings
from omni_lab.execution.edges import EXACT, MONEY_UNITS, from_grid, on_grid, word
from omni_lab.execution.limits import (
    NO_LIMITS,
    Amount,
    InstrumentLimits,
    Limits,
    PositionLimits,
    amount,
    capital_units,
    refuse,
)
from omni_lab.execution.setup import (
    MAX_PRICE,
    MAX_TICK_VALUE,
    AccountSetup,
    InstrumentSetup,
    LimitSetup,
    PositionSetup,
    Setup,
)

Durability = Literal["none", "batch", "every"]
Made = TypeVar("Made")

DEFAULT_TICK_SIZE = 0.01
"""The tick of an instrument that is given as a symbol only."""


def _nothing() -> Mapping[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class OMSConfig:
    """Everything that an order-management system starts from.

    Attributes
    ----------
    instruments : sequence of Instrument or str
        What is traded; a symbol alone has a tick of 0.01 and a lot of 1. Ticks must be stated.
    accounts : sequence of str
        Who trades, parents before their children. The first is meant where none is named.
    parents : mapping of str to str
        The account above an account: its limits hold for all that those below it do together. At most four
        levels.
    capital : float or mapping of str to float
        What every account, or each, begins with, currency: equity and all limits that are fractions of it
        begin with it.
    limits : Limits or mapping of str to Limits
        What is refused, of every account, or by account.
    soft_limits : Limits or mapping of str to Limits
        What is warned of and goes on, likewise.
    sectors : mapping of str to str
        The sector of an instrument, by symbol; numbered in the order of their names.
    instrument_limits : mapping of str to InstrumentLimits
        By symbol: what is refused to everybody.
    position_limits : mapping of (str, str) to PositionLimits
        By account and symbol.
    two_person : bool
        Whether two people must reset a kill switch.
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
    parents: Mapping[str, str] = field(default_factory=_nothing)
    capital: Amount | Mapping[str, Amount] = 0.0
    limits: Limits | Mapping[str, Limits] = NO_LIMITS
    soft_limits: Limits | Mapping[str, Limits] = NO_LIMITS
    sectors: Mapping[str, str] = field(default_factory=_nothing)
    instrument_limits: Mapping[str, InstrumentLimits] = field(default_factory=_nothing)
    position_limits: Mapping[tuple[str, str], PositionLimits] = field(default_factory=_nothing)
    two_person: bool = False
    reference_prices: Mapping[str, float] = field(default_factory=_nothing)
    initial_phase: TradingPhase | str = TradingPhase.CONTINUOUS
    journal: str | Path | None = None
    durability: Durability = "batch"
    measure_latency: bool = False
    snapshot_every: int | None = None

    def __post_init__(self) -> None:
        problems: list[str] = []
        object.__setattr__(self, "instruments", _instruments(self.instruments, problems))
        object.__setattr__(self, "accounts", tuple(self.accounts) if _is_list(self.accounts) else ())
        check_names(self, problems)
        check_settings(self, problems, durabilities=Durability)
        # What cannot be read cannot be counted in lots either.
        refuse(self, problems)
        object.__setattr__(self, "initial_phase", self._phase())
        self._setup(problems)
        refuse(self, problems)

    @property
    def sector_names(self) -> tuple[str, ...]:
        """The sectors by number, from 1 on."""
        return tuple(sorted(set(self.sectors.values())))

    def setup(self) -> Setup:
        """The configuration in whole numbers."""
        return self._setup([])

    def payload(self) -> bytes:
        """The payload of the first frame of a journal: ``docs/oms.md``, section 1."""
        return self.setup().payload()

    @classmethod
    def from_payload(cls, payload: bytes) -> OMSConfig:
        """The configuration that a payload spells; what a payload does not hold has its default.

        Sectors have numbers there and no names, so they are called by these.

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
        names = [account.name for account in setup.accounts]
        symbols = [instrument.symbol for instrument in instruments]
        # Numbers of one width stand in the order of their names.
        width = len(str(setup.n_sectors))
        return cls(
            instruments=instruments,
            accounts=names,
            parents={each.name: names[each.parent] for each in setup.accounts if each.parent is not None},
            capital={each.name: amount(each.capital) for each in setup.accounts if each.capital},
            limits={each.name: Limits.from_setup(each.limits, lot_sizes) for each in setup.accounts},
            soft_limits={each.name: Limits.from_setup(each.soft, lot_sizes) for each in setup.accounts},
            sectors={
                each.symbol: f"sector {each.sector:0{width}}" for each in setup.instruments if each.sector
            },
            instrument_limits={
                each.symbol: InstrumentLimits.from_setup(each)
                for each in setup.instruments
                if InstrumentLimits.from_setup(each) != InstrumentLimits()
            },
            position_limits={
                (names[each.account], symbols[each.instrument]): PositionLimits.from_setup(
                    each, lot_sizes[each.instrument]
                )
                for each in setup.positions
            },
            two_person=setup.two_person,
            reference_prices={
                each.symbol: from_grid(each.reference, each.tick_size)
                for each in setup.instruments
                if each.reference
            },
            initial_phase=setup.phase,
        )

    def _setup(self, problems: list[str]) -> Setup:
        """The configuration in whole numbers; what does not fit into them becomes a problem."""
        listed = self._listed()
        lot_sizes = [instrument.lot_size for instrument in listed]
        numbers = {name: number for number, name in enumerate(self.accounts)}
        places = {each.symbol: number for number, each in enumerate(listed)}
        instruments = [_or_problem(problems, _instrument_setup, each, self) for each in listed]
        accounts = [self._account_setup(name, lot_sizes, problems) for name in self.accounts]
        positions = []
        for (account, symbol), limits in self.position_limits.items():
            place = numbers[account], places[symbol]
            where = f"position_limits of {account!r} in {symbol!r}"
            found = _or_problem(problems, _in(where, limits.registers), lot_sizes[place[1]])
            positions.append(PositionSetup(*place, **found or {}))
        return Setup(
            tuple(filter(None, instruments)),
            tuple(accounts),
            self._phase(),
            tuple(sorted(positions, key=lambda each: (each.account, each.instrument))),
            bool(self.two_person),
        )

    def _account_setup(self, name: str, lot_sizes: Sequence[float], problems: list[str]) -> AccountSetup:
        hard, soft = (
            _or_problem(problems, _in(f"{what} of {name!r}", _of(stated, name, NO_LIMITS).setup), lot_sizes)
            or LimitSetup()
            for what, stated in (("limits", self.limits), ("soft_limits", self.soft_limits))
        )
        parent = self.parents.get(name)
        number = None if parent is None else self.accounts.index(parent)
        return AccountSetup(name, hard, soft, number, capital_units(_of(self.capital, name, 0.0)))

    def _listed(self) -> tuple[Instrument, ...]:
        return tuple(each for each in self.instruments if isinstance(each, Instrument))

    def _phase(self) -> TradingPhase:
        return word(TradingPhase, self.initial_phase)


def _of(stated: Any, name: str, default: Made) -> Made:
    """What is stated for everybody, or for this one."""
    found: Made = stated.get(name, default) if isinstance(stated, Mapping) else stated
    return found


def _or_problem(problems: list[str], make: Callable[..., Made], *given: Any) -> Made | None:
    try:
        return make(*given)
    except ConfigError as error:
        problems.append(str(error))
        return None


def _in(where: str, make: Callable[..., Made]) -> Callable[..., Made]:
    """The same, with its errors told to be there."""

    def told(*given: Any) -> Made:
        try:
            return make(*given)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error

    return told


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


def _instrument_setup(instrument: Instrument, config: OMSConfig) -> InstrumentSetup:
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
    reference_price = config.reference_prices.get(instrument.symbol)
    if reference_price is not None:
        try:
            reference = on_grid(reference_price, instrument.tick_size, where=f"reference price of {where}")
        except DataError as error:
            raise ConfigError(str(error)) from error
        if not 1 <= reference <= MAX_PRICE:
            raise ConfigError("a reference price is from 1 to 2^50 ticks", found=reference_price, where=where)
    limits = config.instrument_limits.get(instrument.symbol, InstrumentLimits())
    sector = config.sectors.get(instrument.symbol)
    return InstrumentSetup(
        instrument.symbol,
        instrument.tick_size,
        instrument.lot_size,
        instrument.currency,
        int(worth),
        reference,
        0 if sector is None else config.sector_names.index(sector) + 1,
        **_in(f"instrument_limits of {instrument.symbol!r}", limits.registers)(instrument.lot_size),
    )


def _is_list(given: object) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, str)
