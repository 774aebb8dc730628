"""What the account of a system stands to lose, and where its profit came from.

Positions, fills and quotes are brought to `omni_lab.risk` and `omni_lab.portfolio.attribution`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from omni_lab.errors import OmniError
from omni_lab.portfolio.attribution import Attribution, attribute_fills, mid_before
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.execution.views import Position
    from omni_lab.risk import PositionRisk, Scenarios
    from omni_lab.system.system import TradingSystem
    from omni_lab.system.views import Account, Fill

SHOCKS = (-0.2, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1)
"""Returns that every instrument is given at once."""
SINGLE_SHOCK = -0.1
"""Return that one instrument is given while the others follow."""
Source = Literal["auto", "lake", "quotes"]
DAY_NS = 86_400_000_000_000
_ALL = 1_000_000
_NO_RETURNS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Returns:
    """Returns of instruments on one grid of time.

    Attributes
    ----------
    symbols : tuple of str
        Of the columns.
    ts : ndarray of int64, shape (n_steps,)
        Ends of the steps, nanoseconds UTC.
    returns : ndarray of float64, shape (n_steps, n_symbols)
        Simple.
    step_ns : int
    source : str
        ``"lake"`` (daily closes) or ``"quotes"`` (middles of the running market).
    """

    symbols: tuple[str, ...]
    ts: IntArray
    returns: FloatArray
    step_ns: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """What is held and what it may lose.

    Attributes
    ----------
    symbols : tuple of str
        What is held.
    values : ndarray of float64, shape (n_symbols,)
        At the marks, currency; negative where short.
    returns : Returns
        That the rest is from.
    risk : PositionRisk or None
        None where there are too few returns, or nothing is held: ``why`` says so.
    scenarios : Scenarios or None
        All at once, one at a time, and old crises where the lake has them; None where nothing is held.
    why : str
        What is missing; empty for nothing.
    """

    symbols: tuple[str, ...]
    values: FloatArray
    returns: Returns
    risk: PositionRisk | None
    scenarios: Scenarios | None
    why: str


def mark_of(position: Position) -> float:
    """The price at which a position is valued; NaN where there is none, or nothing is held."""
    if not position.qty or position.average_price is None:
        return math.nan
    return position.average_price + position.unrealised / position.qty


def value_of(position: Position) -> float:
    """What a position is worth at its mark, currency: 0 when flat, NaN without a mark."""
    return position.qty * mark_of(position) if position.qty else 0.0


class FillHistory:
    """The fills of a system, each with the middle of the market just before it, as long as that is known.

    Parameters
    ----------
    system : TradingSystem

    Attributes
    ----------
    fills : list of Fill
        All that were heard of, oldest first.
    n_without_mid : int
        Of them, those whose market is forgotten: they count as traded at the middle.
    """

    def __init__(self, system: TradingSystem) -> None:
        self.fills: list[Fill] = []
        self.n_without_mid = 0
        self._system = system
        self._mids: list[float] = []

    def look(self) -> bool:
        """Hear of new fills; whether there are any. From any thread, but one at a time."""
        newer = self._system.fills(after=self.fills[-1].number if self.fills else 0, most=_ALL)
        if not newer:
            return False
        ts = np.array([each.ts for each in newer], dtype=np.int64)
        symbols = np.array([each.symbol for each in newer], dtype=np.str_)
        mids = np.full(len(newer), np.nan)
        for symbol in np.unique(symbols).tolist():
            quotes, mine = self._system.quotes(symbol), symbols == symbol
            mids[mine] = mid_before(ts[mine], quotes.ts, quotes.bid, quotes.ask)
        self.fills += newer
        self._mids += mids.tolist()
        self.n_without_mid += int(np.isnan(mids).sum())
        return True

    def attribution(self, account: Account) -> Attribution:
        """Profit since the journal began by symbol, taken apart.

        Parameters
        ----------
        account : Account
            Marks of what is held.

        Returns
        -------
        Attribution
            Its total is the account's realised and unrealised profit; a system charges no fees.
        """
        signed = [each.qty if each.side == "BUY" else -each.qty for each in self.fills]
        return attribute_fills(
            [each.symbol for each in self.fills],
            np.array(signed, dtype=np.float64),
            np.array([each.price for each in self.fills], dtype=np.float64),
            np.array(self._mids, dtype=np.float64),
            {each.symbol: mark_of(each) for each in account.positions},
        )


def measure_exposure(
    system: TradingSystem,
    account: Account,
    *,
    confidence: float = 0.99,
    step_ns: int = 1_000_000_000,
    lake: Path | None = None,
) -> Exposure:
    """What is held now and what it may lose.

    Parameters
    ----------
    system : TradingSystem
    account : Account
        Its positions.
    confidence : float
        Of VaR and ES.
    step_ns : int
        Of returns from quotes; those of the lake are daily.
    lake : Path, optional
        Where daily prices may be; they are taken if every instrument that is held is there.
    """
    from omni_lab.risk import least_steps, position_risk

    held = values_of(account)
    unknown = sorted(symbol for symbol, value in held.items() if not math.isfinite(value))
    symbols = tuple(symbol for symbol in held if symbol not in unknown)
    values = np.array([held[symbol] for symbol in symbols], dtype=np.float64)
    found = returns_of(system, symbols, step_ns=step_ns, lake=lake)
    nothing = "Nothing is held." if not held else f"No mark of {', '.join(unknown)}." if unknown else ""
    if not len(values) or unknown:
        return Exposure(symbols=symbols, values=values, returns=found, risk=None, scenarios=None, why=nothing)
    least, n = least_steps(confidence), len(found.returns)
    risk, why = None, ""
    if n < least:
        why = f"Too little data: {n:,} of {least:,} returns."
    else:
        risk = position_risk(values, found.returns, confidence=confidence)
    scenarios = scenarios_of(found, confidence=confidence)
    return Exposure(symbols=symbols, values=values, returns=found, risk=risk, scenarios=scenarios, why=why)


def values_of(account: Account) -> dict[str, float]:
    """What is held at its marks by symbol, currency: negative where short, NaN without a mark."""
    return {each.symbol: value_of(each) for each in account.positions if each.qty}


def scenarios_of(found: Returns, *, confidence: float = 0.99) -> Scenarios:
    """All at once, one at a time while the others follow, and old crises where daily prices go back to them.

    Parameters
    ----------
    found : Returns
        Of what is held.
    confidence : float
        One at a time only where there are as many returns as the historical measure needs for it.
    """
    from omni_lab.risk import historical_scenarios, least_steps, market_shocks, single_name_shocks

    symbols, moves = found.symbols, found.returns
    shocks = {f"all {each:+.0%}".replace("-", "−"): each for each in SHOCKS}
    scenarios = market_shocks(symbols, shocks)
    if len(moves) >= least_steps(confidence) and len(symbols) > 1:
        scenarios = _with(scenarios, lambda: single_name_shocks(symbols, moves, SINGLE_SHOCK))
    if found.source == "lake":
        scenarios = _with(scenarios, lambda: historical_scenarios(found.ts, moves, symbols))
    return scenarios


def returns_of(
    system: TradingSystem,
    symbols: Sequence[str],
    *,
    step_ns: int = 1_000_000_000,
    lake: Path | None = None,
    source: Source = "auto",
) -> Returns:
    """Returns of instruments.

    Parameters
    ----------
    system : TradingSystem
    symbols : sequence of str
    step_ns : int
        Of returns from quotes.
    lake : Path, optional
        Where daily prices may be.
    source : {"auto", "lake", "quotes"}
        Daily closes of the lake, or the running market's quotes; auto: the lake if it has them all.

    Raises
    ------
    SourceError, UnknownSymbolError
        If the lake is asked for and does not have them all.
    """
    from omni_lab.risk import sampled_returns

    names = tuple(symbols)
    if names and lake is not None and source != "quotes" and (source == "lake" or lake.is_dir()):
        from omni_lab.store import DuckDBStore

        store = DuckDBStore(lake)
        if source == "lake" or set(names) <= set(store.symbols()["symbol"]):
            bars = store.load(list(names), closes_only=True)
            close = bars.close()
            known = np.isfinite(close).all(axis=1)
            ts, close = bars.ts[known], close[known]
            moves = close[1:] / close[:-1] - 1.0
            return Returns(symbols=names, ts=ts[1:], returns=moves, step_ns=DAY_NS, source="lake")
    if not names:
        empty = np.zeros((0, 0))
        return Returns(symbols=(), ts=_NO_RETURNS, returns=empty, step_ns=step_ns, source="quotes")
    quotes = [system.quotes(symbol) for symbol in names]
    ts, moves = sampled_returns(
        [each.ts for each in quotes], [(each.bid + each.ask) / 2.0 for each in quotes], step_ns=step_ns
    )
    return Returns(symbols=names, ts=ts, returns=moves, step_ns=step_ns, source="quotes")


def _with(scenarios: Scenarios, make: Callable[[], Scenarios]) -> Scenarios:
    """These and more, if more can be made."""
    try:
        return scenarios.join(make())
    except OmniError:
        return scenarios
