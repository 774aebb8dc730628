"""A portfolio: weights from prices of the lake, what they promise, and the orders that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from omni_lab.errors import ConfigError, DataError, StateError
from omni_lab.models.optimise import METHODS, weights_by
from omni_lab.pipelines.form import Form, form, knob
from omni_lab.portfolio.rebalance import Rebalance, rebalance
from omni_lab.system.people import Action, Person
from omni_lab.system.views import Ticket
from omni_lab.typing import FloatArray
from omni_lab.ui.dashboard.states.knobs import KnobsState

if TYPE_CHECKING:
    from omni_lab.execution.views import Order
    from omni_lab.figures._canvas import Figure
    from omni_lab.models.frontier import Frontier
    from omni_lab.system.services import Services

_FEWEST = 3
_N_POINTS = 60


@form("optimise", reads=("lake",))
class OptimiseForm:
    """What weights are asked for."""

    method: str = knob("maximum_sharpe", "how weights are chosen", choices=METHODS)
    symbols: list[str] = knob([], "instruments of the lake, with commas; at least two")
    source: str | None = knob(None, "whose bars; by default the first source that has each")
    start: str | None = knob(None, "first day, such as 2015-01-01; by default the first there is")
    end: str | None = knob(None, "last day, included")
    least_weight: float = knob(0.0, "of every instrument; negative allows short", at_least=-1.0, at_most=1.0)
    largest_weight: float = knob(1.0, "of every instrument", above=0.0, at_most=1.0)
    target_return: float | None = knob(None, "expected return a year, for target_return")
    riskless: float = knob(0.0, "riskless rate a year", at_least=-0.5, at_most=1.0)
    periods_per_year: float = knob(252.0, "steps in a year", at_least=1.0)
    lot_size: float = knob(1.0, "quantities come in multiples of it", above=0.0)
    cost_bps: float = knob(2.0, "what trading costs", unit="bps", at_least=0.0)
    least_notional: float = knob(0.0, "smaller changes are left", unit="currency", at_least=0.0)

    def check(self) -> None:
        """Enough symbols, limits in order, and a return where the method needs one."""
        if len(set(self.symbols)) != len(self.symbols) or len(self.symbols) < 2:
            raise ConfigError("a portfolio has at least two symbols, each once", where="symbols")
        if self.least_weight > self.largest_weight:
            raise ConfigError("the least weight is above the largest one", where="least_weight")
        n = len(self.symbols)
        if n * self.largest_weight < 1.0 or n * self.least_weight > 1.0:
            raise ConfigError(f"{n} weights within these limits cannot sum to 1", where="largest_weight")
        if self.method == "target_return" and self.target_return is None:
            raise ConfigError("the method needs a return to reach", where="target_return")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimised:
    """Weights, and what they mean.

    Attributes
    ----------
    method : str
    symbols : tuple of str
    weights : ndarray of float64, shape (n_assets,)
    frontier : Frontier
        Within the limits, per period.
    periods_per_year : float
    n_obs : int
        Returns that it rests on.
    equity : float
        That is invested, currency.
    orders : Rebalance
    traded : frozenset of str
        Symbols that the system trades, whose prices are those of its books.
    """

    method: str
    symbols: tuple[str, ...]
    weights: FloatArray
    frontier: Frontier
    periods_per_year: float
    n_obs: int
    equity: float
    orders: Rebalance
    traded: frozenset[str]

    def annual(self, weights: FloatArray) -> tuple[float, float]:
        """Volatility and expected return a year of a portfolio."""
        gain = float(weights @ self.frontier.expected) * self.periods_per_year
        return float(self.frontier.volatility(weights)[0] * np.sqrt(self.periods_per_year)), gain

    @property
    def held(self) -> FloatArray:
        """Weights that are held now, shape (n_assets,)."""
        now = dict(zip(self.orders.symbols, self.orders.weight_before, strict=True))
        return np.array([now.get(symbol, 0.0) for symbol in self.symbols])

    def plot_frontier(self, *, theme: str = "light") -> Figure:
        """The frontier with the assets, the chosen portfolio and what is held."""
        from omni_lab.figures import frontier_figure
        from omni_lab.figures.words import percent

        a_year, root = self.periods_per_year, np.sqrt(self.periods_per_year)
        points = self.frontier.points(_N_POINTS)
        risk, gain = self.annual(self.weights)
        marked = {
            f"Chosen: {self.method.replace('_', ' ')}": (risk, gain),
            "Minimum variance": self.annual(self.frontier.minimum_variance),
            "Equal weights": self.annual(np.full(len(self.symbols), 1.0 / len(self.symbols))),
        }
        if np.abs(self.held).sum() > 0.0:
            marked["Held now"] = self.annual(self.held)
        return frontier_figure(
            self.frontier.volatility(points) * root,
            points @ self.frontier.expected * a_year,
            self.symbols,
            np.sqrt(np.diag(self.frontier.covariance)) * root,
            self.frontier.expected * a_year,
            marked=marked,
            title=f"By the past it earns {percent(gain)} a year at a volatility of {percent(risk)}",
            theme=theme,
        )

    def plot_weights(self, *, theme: str = "light") -> Figure:
        """The weights beside those that are held."""
        from omni_lab.figures import holdings_figure

        return holdings_figure(self.symbols, self.weights, self.held, theme=theme)


class PortfolioState(KnobsState):
    """The form of a portfolio, and what comes of it.

    Parameters
    ----------
    services : Services
    person : Person
        Who looks.
    """

    def __init__(self, services: Services, person: Person) -> None:
        described: Form = OptimiseForm.__form__  # type: ignore[attr-defined]
        super().__init__(described)
        self._services, self._person = services, person
        self.found: Optimised | None = None

    def begin(self) -> None:
        """Propose the symbols of the lake of one source, the one that has most."""
        stored = self._store().symbols()
        if len(stored) >= 2 and not self.values["symbols"]:
            source = stored["source"].value_counts().idxmax()
            names = stored.loc[stored["source"] == source, "symbol"].tolist()
            self.values |= {"symbols": [str(each) for each in names[:20]], "source": str(source)}
            self.version += 1

    def optimise(self) -> Optimised:
        """Weights for what is asked, and the orders that lead to them.

        Raises
        ------
        ForbiddenError
            If the person may not run it.
        ConfigError, DataError, ModelError
            If it cannot be found.
        """
        self._person.require(Action.RUN)
        asked = dict(self.values)
        symbols, close = self._closes(asked)
        returns = close[1:] / close[:-1] - 1.0
        if len(returns) < _FEWEST:
            raise DataError("there are too few common days", found=len(returns), expected=_FEWEST)
        from omni_lab.models.covariance import shrunk_covariance
        from omni_lab.models.frontier import efficient_frontier

        low, high, a_year = asked["least_weight"], asked["largest_weight"], asked["periods_per_year"]
        frontier = efficient_frontier(returns.mean(axis=0), shrunk_covariance(returns), lower=low, upper=high)
        target = asked["target_return"]
        weights = weights_by(
            asked["method"],
            frontier,
            lower=low,
            upper=high,
            riskless=asked["riskless"] / a_year,
            target=None if target is None else target / a_year,
        )
        account = self._services.system.account()
        held = {each.symbol: each.qty for each in account.positions if each.qty}
        books = self._mids([*symbols, *held])
        found = Optimised(
            method=asked["method"],
            symbols=symbols,
            weights=weights,
            frontier=frontier,
            periods_per_year=a_year,
            n_obs=len(returns),
            equity=account.equity,
            orders=rebalance(
                dict(zip(symbols, weights.tolist(), strict=True)),
                {**dict(zip(symbols, close[-1].tolist(), strict=True)), **books},
                held,
                equity=account.equity,
                lot_size=asked["lot_size"],
                cost_bps=asked["cost_bps"],
                least_notional=asked["least_notional"],
            ),
            traded=frozenset(books),
        )
        self.found = found
        return found

    def send(self, symbols: list[str]) -> list[Order]:
        """Send the orders of these symbols at the market; the same list sent again is other orders.

        Raises
        ------
        ForbiddenError, StateError
            If the person may not, or the system takes none.
        """
        self._person.require(Action.TRADE)
        if self.found is None:
            raise StateError("there is no list of orders yet", hint="Press Optimise first.")
        name = uuid4().hex[:8]
        rows = [row for row in self.found.orders.rows() if row["symbol"] in symbols]
        return [
            self._services.system.submit(
                Ticket(
                    symbol=str(row["symbol"]),
                    side=str(row["side"]),
                    qty=float(row["qty"]),
                    time_in_force="IOC",
                    client_order_id=f"rb{name}{place}",
                ),
                who=self._person,
            )
            for place, row in enumerate(rows)
        ]

    def _store(self) -> Any:
        from omni_lab.store import DuckDBStore

        return DuckDBStore(self._services.settings.lake_dir)

    def _closes(self, asked: dict[str, Any]) -> tuple[tuple[str, ...], FloatArray]:
        """Symbols, and their closes on the days on which all have one."""
        bars = self._store().load(
            asked["symbols"],
            start=asked["start"],
            end=asked["end"],
            source=asked["source"],
            closes_only=True,
        )
        close = bars.close()
        return tuple(bars.symbols), close[np.isfinite(close).all(axis=1)]

    def _mids(self, symbols: list[str]) -> dict[str, float]:
        """Prices between best bid and ask, of symbols that the system trades and has both of."""
        system, found = self._services.system, {}
        known = set(system.status().symbols)
        for symbol in dict.fromkeys(each for each in symbols if each in known):
            book = system.book(symbol)
            if book.best_bid is not None and book.best_ask is not None:
                found[symbol] = (book.best_bid + book.best_ask) / 2.0
        return found
