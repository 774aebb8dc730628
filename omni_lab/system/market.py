"""A captured market as a script of commands, with the grids that its prices lie on.

A live feed is in `omni_lab.system.live`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.domain import Instrument
from omni_lab.errors import DataError
from omni_lab.execution.edges import from_grid
from omni_lab.system.captures import MADE_UP, Captured, captured
from omni_lab.system.translation import Script, Translator

if TYPE_CHECKING:
    from omni_lab.data import Events
    from omni_lab.system.config import SystemConfig

MADE_UP_SQUEEZE = 2
"""How many seconds of the made-up day pass in one: it holds few messages for its length."""
_BATCH = 1 << 17
_LARGEST_TICK = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A market that is written down.

    Attributes
    ----------
    source : str
        What it comes from, in a phrase.
    instruments : tuple of Instrument
        By our number, with their ticks and lots.
    reference_prices : mapping of str to float
        First price that each traded at.
    script : Script
        What happens.
    opens, closes : int
        Commands of the session: those before ``opens`` build the book as it stands when trading begins.
    print_unit : float
        What a unit of the prices of prints is worth.
    has_date : bool
        Whether times are UTC, and not counted from midnight.
    """

    source: str
    instruments: tuple[Instrument, ...]
    reference_prices: dict[str, float]
    script: Script
    opens: int
    closes: int
    print_unit: float
    has_date: bool


def open_script(config: SystemConfig) -> Market:
    """The market that a configuration names, written down.

    Raises
    ------
    SourceError, UnknownSymbolError, DataError
        As `captured`, or if the capture tells levels and not orders.
    """
    market = script_of(captured(config))
    return _squeezed(market) if config.market == MADE_UP else market


def script_of(capture: Captured) -> Market:
    """A capture, written down."""
    events, info = capture.events, capture.events.info
    ours = {theirs: number for number, theirs in enumerate(capture.symbols.values())}
    units = [_units_per_tick(events, theirs) for theirs in ours]
    translator = Translator(ours, units)
    script = Script.concat([translator.translate(batch) for batch in events.batches(_BATCH)])
    if not len(script):
        raise DataError("nothing happens in this capture", found=capture.source, where="SystemConfig.market")
    instruments = tuple(
        Instrument(symbol, tick_size=from_grid(each, info.tick_size), lot_size=info.lot_size)
        for symbol, each in zip(capture.symbols, units, strict=True)
    )
    opens, closes = (int(np.searchsorted(script.ts, moment)) for moment in capture.session)
    return Market(
        source=capture.source,
        instruments=instruments,
        reference_prices=_first_prices(script, instruments),
        script=script,
        opens=opens,
        closes=closes,
        print_unit=info.tick_size,
        has_date=info.date is not None,
    )


def _squeezed(market: Market) -> Market:
    script = market.script
    first = int(script.ts[0])
    prints = script.prints | {"ts": first + (script.prints["ts"] - first) // MADE_UP_SQUEEZE}
    return replace(
        market,
        script=replace(script, ts=first + (script.ts - first) // MADE_UP_SQUEEZE, prints=prints),
    )


def _units_per_tick(events: Events, instrument: int) -> int:
    """The largest power of ten of price units, up to a cent, on which the prices of all orders lie."""
    from omni_lab.data import EventKind

    of_orders = np.isin(events.kind, (EventKind.ADD, EventKind.REPLACE, EventKind.MODIFY))
    prices = events.price[of_orders & (events.instrument == instrument)]
    common = int(np.gcd.reduce(prices)) if len(prices) else 0
    step = 1
    while common and common % (step * 10) == 0 and step * 10 * events.tick_size <= _LARGEST_TICK * (1 + 1e-9):
        step *= 10
    return step


def _first_prices(script: Script, instruments: Sequence[Instrument]) -> dict[str, float]:
    """Where the first orders that take would trade; without any there is no reference."""
    from omni_lab.domain import CommandKind, TimeInForce

    takes = (script.kind == CommandKind.NEW) & (script.time_in_force == TimeInForce.IOC)
    found: dict[str, float] = {}
    for number, instrument in enumerate(instruments):
        at = takes & (script.instrument == number)
        assert instrument.tick_size is not None, "a market states the ticks"
        if at.any():
            found[instrument.symbol] = from_grid(int(script.price[at.argmax()]), instrument.tick_size)
    return found
