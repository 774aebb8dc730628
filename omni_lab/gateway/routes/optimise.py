"""``POST /api/v1/portfolio/optimise``: weights from prices, and the orders that lead to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from omni_lab.errors import ConfigError, DataError
from omni_lab.gateway.answers import answer
from omni_lab.gateway.models import Body, example_of
from omni_lab.gateway.routing import needs
from omni_lab.models.covariance import shrunk_covariance
from omni_lab.models.frontier import efficient_frontier
from omni_lab.models.optimise import Method, weights_by
from omni_lab.models.weights import risk_contributions
from omni_lab.portfolio.rebalance import Rebalance, rebalance
from omni_lab.store import DuckDBStore
from omni_lab.system.people import Action
from omni_lab.system.services import Services
from omni_lab.typing import FloatArray

Symbols = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=2, max_length=100)
]
Series = Annotated[list[Annotated[float, Field(ge=1e-9, le=1e12)]], Field(min_length=3, max_length=20_000)]
Day = Annotated[str | None, Field(pattern=r"^\d{4}", max_length=40)]
_N_POINTS = 40


class OptimiseIn(Body):
    """What to optimise."""

    model_config = ConfigDict(
        json_schema_extra=example_of(
            method="maximum_sharpe", symbols=["AAPL", "MSFT", "JNJ"], start="2015-01-01", max_weight=0.5
        )
    )

    method: Method = Field("minimum_variance", description="How weights are chosen.")
    symbols: Symbols | None = Field(None, description="Instruments of the lake.")
    prices: dict[str, Series] | None = Field(
        None,
        min_length=2,
        max_length=100,
        description="In their place: prices by name, one a step, oldest first.",
    )
    source: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="Whose bars, of the lake."
    )
    start: Day = Field(None, description="ISO 8601, UTC.")
    end: Day = Field(None, description="ISO 8601, UTC; included.")
    min_weight: Annotated[float, Field(ge=-1, le=1)] = Field(0.0, description="Least weight of each.")
    max_weight: Annotated[float, Field(ge=0, le=1)] = Field(1.0, description="Largest weight of each.")
    target_return: Annotated[float | None, Field(ge=-1, le=10)] = Field(
        None, description="Expected return a year, for that method."
    )
    riskless: Annotated[float, Field(ge=-0.5, le=1)] = Field(0.0, description="Riskless rate a year.")
    periods_per_year: Annotated[float, Field(ge=1, le=1e7)] = Field(252.0, description="Steps in a year.")
    equity: Annotated[float | None, Field(gt=0, le=1e15)] = Field(
        None, description="To be invested, currency; that of the account by default."
    )
    lot_size: Annotated[float, Field(gt=0, le=1e9)] = Field(1.0, description="Units come in multiples of it.")
    cost_bps: Annotated[float, Field(ge=0, le=1_000)] = Field(0.0, description="Of trading, basis points.")
    least_notional: Annotated[float, Field(ge=0, le=1e12)] = Field(
        0.0, description="Smaller changes are left, unless they close a position."
    )


class Point(BaseModel):
    """A portfolio of the frontier."""

    expected_return: float = Field(description="A year.")
    volatility: float = Field(description="A year.")


class OrderOut(BaseModel):
    """An order that leads to the weights."""

    symbol: str = Field(description="Of the instrument.")
    side: Literal["BUY", "SELL"] = Field(description="Which way.")
    qty: float = Field(description="Units, in whole lots.")
    price: float = Field(description="That it was found from, currency.")
    notional: float = Field(description="Currency.")
    cost: float = Field(description="Expected, currency.")
    weight_before: float = Field(description="Share of equity now.")
    weight_after: float = Field(description="Share of equity then.")


class Optimised(BaseModel):
    """Weights, what they promise by the past, and the orders that lead to them."""

    method: str = Field(description="How they were chosen.")
    weights: dict[str, float] = Field(description="By instrument; they sum to 1.")
    expected_return: float = Field(description="A year, by the mean of the past.")
    volatility: float = Field(description="A year, by the shrunk covariance of the past.")
    sharpe: float | None = Field(description="Their ratio, above the riskless rate.")
    risk_shares: dict[str, float] = Field(description="Share of each in the variance.")
    n_obs: int = Field(description="Returns that it rests on.")
    frontier: list[Point] = Field(description="Least risk for each return, within the limits.")
    equity: float = Field(description="That is invested, currency.")
    orders: list[OrderOut] = Field(description="The largest first.")
    turnover: float = Field(description="Notional of the orders over equity.")


def add_optimise(routes: APIRouter, services: Services) -> None:
    """Add the route to those of the portfolio."""

    @routes.post("/optimise", response_model=Optimised, **needs(Action.RUN, 404, changes=False))
    def optimise(wanted: OptimiseIn) -> Response:
        """Weights from prices, what they promise by the past, and the orders that lead to them."""
        return answer(optimised(services, wanted))


def optimised(services: Services, wanted: OptimiseIn) -> dict[str, Any]:
    """Fields of `Optimised`.

    Raises
    ------
    ConfigError
        If it does not say of what, or limits and method do not go together.
    DataError
        If there are too few prices.
    ModelError
        If no weights are within the limits.
    """
    symbols, close = _prices(services, wanted)
    returns = close[1:] / close[:-1] - 1.0
    if len(returns) <= 2:
        raise DataError("there are too few returns", found=len(returns), expected="at least 3")
    expected, covariance = returns.mean(axis=0), shrunk_covariance(returns)
    frontier = efficient_frontier(expected, covariance, lower=wanted.min_weight, upper=wanted.max_weight)
    a_year = wanted.periods_per_year
    weights = weights_by(
        wanted.method,
        frontier,
        lower=wanted.min_weight,
        upper=wanted.max_weight,
        riskless=wanted.riskless / a_year,
        target=None if wanted.target_return is None else wanted.target_return / a_year,
    )
    gain = float(weights @ expected) * a_year
    volatility = float(np.sqrt(weights @ covariance @ weights * a_year))
    equity = wanted.equity or services.system.account().equity
    traded = _orders(services, wanted, dict(zip(symbols, weights.tolist(), strict=True)), close[-1], equity)
    points = frontier.points(_N_POINTS)
    curve = zip(points @ expected * a_year, frontier.volatility(points) * np.sqrt(a_year), strict=True)
    return {
        "method": wanted.method,
        "weights": dict(zip(symbols, weights.tolist(), strict=True)),
        "expected_return": gain,
        "volatility": volatility,
        "sharpe": (gain - wanted.riskless) / volatility if volatility > 0 else None,
        "risk_shares": dict(zip(symbols, risk_contributions(weights, covariance).tolist(), strict=True)),
        "n_obs": len(returns),
        "frontier": [{"expected_return": each, "volatility": risk} for each, risk in curve],
        "equity": equity,
        "orders": traded.rows(),
        "turnover": traded.turnover,
    }


def _prices(services: Services, wanted: OptimiseIn) -> tuple[tuple[str, ...], FloatArray]:
    if (wanted.symbols is None) == (wanted.prices is None):
        raise ConfigError("say symbols of the lake, or prices", expected="one of the two", where="body")
    if wanted.prices is not None:
        if len({len(each) for each in wanted.prices.values()}) > 1:
            raise DataError("the series of prices are of one length", where="body.prices")
        return tuple(wanted.prices), np.column_stack([np.array(each) for each in wanted.prices.values()])
    store = DuckDBStore(services.settings.lake_dir)
    bars = store.load(wanted.symbols or (), wanted.start, wanted.end, source=wanted.source, closes_only=True)
    close = bars.close()
    return bars.symbols, close[np.isfinite(close).all(axis=1)]


def _orders(
    services: Services, wanted: OptimiseIn, weights: dict[str, float], last: FloatArray, equity: float
) -> Rebalance:
    """Orders from what the account holds, at the prices of the market where it trades them."""
    positions = services.system.account().positions
    held = {each.symbol: each.qty for each in positions if each.qty}
    prices = dict(zip(weights, last.tolist(), strict=True))
    for symbol in services.system.status().symbols:
        if symbol in weights or symbol in held:
            book = services.system.book(symbol)
            if book.best_bid is not None and book.best_ask is not None:
                prices[symbol] = (book.best_bid + book.best_ask) / 2.0
    return rebalance(
        weights,
        prices,
        held,
        equity=equity,
        lot_size=wanted.lot_size,
        cost_bps=wanted.cost_bps,
        least_notional=wanted.least_notional,
    )
