"""``/api/v1/features``: indicators of prices that are stored."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from omni_lab.errors import DataError
from omni_lab.features import indicators
from omni_lab.gateway.answers import answer
from omni_lab.gateway.models import Body, example_of
from omni_lab.gateway.routing import needs, router
from omni_lab.store import DuckDBStore
from omni_lab.system.people import Action
from omni_lab.system.services import Services
from omni_lab.typing import FloatArray

Name = Literal["sma", "ema", "rolling_std", "zscore", "highest", "lowest", "returns", "rsi", "atr", "vwap"]
_FEATURES: dict[str, Callable[..., FloatArray]] = {
    name: getattr(indicators, name)
    for name in ("sma", "ema", "rolling_std", "zscore", "highest", "lowest", "returns", "rsi", "atr", "vwap")
}
_WINDOW = 20
_MOST = 200_000


class Feature(BaseModel):
    """An indicator."""

    name: str = Field(description="What `compute` calls it.", examples=["sma"])
    text: str = Field(description="What it is.")
    inputs: list[str] = Field(description="Columns of bars that it takes.")
    window: int = Field(description="Bars that it looks at by default.")


class Features(BaseModel):
    """Indicators."""

    items: list[Feature] = Field(description="By name.")


class Wanted(Body):
    """An indicator of an instrument's bars."""

    model_config = ConfigDict(
        json_schema_extra=example_of(feature="sma", symbol="AAPL", window=20, start="2020-01-01")
    )

    feature: Name = Field(description="Which.")
    symbol: str = Field(min_length=1, max_length=64, description="Of an instrument in the lake.")
    window: Annotated[int, Field(ge=1, le=10_000)] = Field(_WINDOW, description="Bars that it looks at.")
    source: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="Whose bars.")
    start: str | None = Field(None, pattern=r"^\d{4}", max_length=40, description="ISO 8601, UTC.")
    end: str | None = Field(None, pattern=r"^\d{4}", max_length=40, description="ISO 8601, UTC; included.")


class Values(BaseModel):
    """An indicator, bar by bar."""

    feature: str = Field(description="Which.")
    symbol: str = Field(description="Of the instrument.")
    window: int = Field(description="Bars that it looked at.")
    ts: list[int] = Field(description="Closing times of the bars, nanoseconds UTC.")
    values: list[float | None] = Field(description="Null until the window is full.")


def feature_routes(services: Services) -> APIRouter:
    """The routes of features."""
    routes = router("/features", "features")

    @routes.get("", response_model=Features, **needs(Action.READ))
    async def features() -> Response:
        """The indicators that can be computed."""
        return answer({"items": [_told(name, function) for name, function in sorted(_FEATURES.items())]})

    @routes.post("/compute", response_model=Values, **needs(Action.READ, 404))
    def compute(wanted: Wanted) -> Response:
        """An indicator over the bars of an instrument; bars before `start` are not looked at."""
        return answer(computed(services, wanted))

    return routes


def computed(services: Services, wanted: Wanted) -> dict[str, Any]:
    """Fields of `Values`.

    Raises
    ------
    DataError
        If there are more bars than one answer holds, or they lack what the indicator takes.
    """
    store = DuckDBStore(services.settings.lake_dir)
    bars = store.load(wanted.symbol, wanted.start, wanted.end, source=wanted.source)
    if bars.n_times > _MOST:
        raise DataError("too many bars for one answer", found=bars.n_times, expected=f"at most {_MOST:,}")
    function = _FEATURES[wanted.feature]
    columns: dict[str, Any] = {"close": bars.close()[:, 0], "price": bars.close()[:, 0]}
    further = {"high": bars.high(), "low": bars.low(), "volume": bars.volume()}
    columns |= {name: column[:, 0] for name, column in further.items() if column is not None}
    inputs = _inputs(function)
    if missing := [name for name in inputs if name not in columns]:
        raise DataError("these bars lack a column", found=wanted.symbol, expected=missing, where="symbol")
    values = function(*(columns[name] for name in inputs), window=wanted.window)
    facts = {"feature": wanted.feature, "symbol": wanted.symbol, "window": wanted.window}
    return facts | {"ts": bars.ts, "values": values}


def _told(name: str, function: Callable[..., FloatArray]) -> dict[str, Any]:
    default = inspect.signature(function).parameters["window"].default
    text = (function.__doc__ or "").strip().splitlines()[0].partition("; see")[0]
    return {
        "name": name,
        "text": text,
        "inputs": ["close" if each == "price" else each for each in _inputs(function)],
        "window": _WINDOW if default is inspect.Parameter.empty else default,
    }


def _inputs(function: Callable[..., FloatArray]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "window"]
