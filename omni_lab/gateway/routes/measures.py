"""What the positions that are held now may lose, by the prices of the lake or of the running market."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from omni_lab.errors import DataError
from omni_lab.gateway.models import Body
from omni_lab.system.exposure import Source, returns_of, scenarios_of, values_of
from omni_lab.system.services import Services

_LEAST = 30
_WITHIN = frozenset({"historical", "filtered"})
"""Methods that find no loss beyond those that there were: one of the returns must be able to lie there."""


class Component(Body):
    """What one position adds to the risk."""

    symbol: str = Field(description="Of the instrument.")
    value: float = Field(description="Of the position at its mark, negative where short, currency.")
    es: float | None = Field(description="Its part of the expected shortfall by the normal, currency.")


class Scenario(Body):
    """What a bad time would do."""

    name: str = Field(description="Of the scenario.")
    pnl: float | None = Field(description="Profit, currency; null where a price is not known.")
    note: str = Field(description="What is missing.")


class Measures(Body):
    """What the positions may lose."""

    method: str = Field(description="How the tail was found.")
    confidence: float = Field(description="Of both.")
    horizon: int = Field(description="Steps that the loss is counted over.")
    prices: str = Field(description="`lake` (steps are days) or `quotes` (steps of `step_s`).")
    step_s: float = Field(description="Length of a step, seconds.")
    n_obs: int = Field(description="Returns that it rests on.")
    var: float | None = Field(
        description="Loss that is not exceeded with this confidence, currency; 0 where nothing is held."
    )
    es: float | None = Field(description="Mean of the losses beyond, currency.")
    components: list[Component] = Field(description="By position.")
    stress: list[Scenario] = Field(
        description="All at once, one while others follow, and old crises where the lake has them."
    )


def measured(
    services: Services,
    *,
    method: str,
    confidence: float,
    horizon: int,
    prices: Source,
    step_s: float,
) -> dict[str, Any]:
    """VaR, ES, components and stress of the positions; fields of `Measures`.

    Raises
    ------
    DataError
        If there are too few returns, or a position has no mark.
    ModelError
        If the method finds no tail in them.
    """
    from omni_lab.risk import least_steps, position_components, tail_risk

    system = services.system
    held = values_of(system.account())
    facts: dict[str, Any] = {"method": method, "confidence": confidence, "horizon": horizon}
    if not held:
        empty = {"var": 0.0, "es": 0.0, "n_obs": 0, "components": [], "stress": []}
        return facts | {"prices": "quotes" if prices == "quotes" else "lake", "step_s": step_s} | empty
    symbols, values = tuple(held), np.array(list(held.values()))
    if unknown := [symbol for symbol, value in held.items() if value != value]:
        raise DataError("there is no mark", where=", ".join(unknown), hint="Nobody quotes it yet.")
    found = returns_of(
        system, symbols, step_ns=round(step_s * 1e9), lake=services.settings.lake_dir, source=prices
    )
    least = max(_LEAST, least_steps(confidence) if method in _WITHIN else 0)
    if len(found.returns) < least:
        raise DataError(
            "there are too few returns",
            found=len(found.returns),
            expected=f"at least {least}",
            where=f"prices={found.source}",
            hint="Wait a little, or take a shorter step_s." if found.source == "quotes" else None,
        )
    risk = tail_risk(found.returns @ values, method, confidence=confidence, horizon=horizon)
    parts = position_components(values, found.returns, confidence=confidence, horizon=horizon)
    shares = [None] * len(values) if parts is None else parts.es.component.tolist()
    scenarios = scenarios_of(found, confidence=confidence)
    return facts | {
        "prices": found.source,
        "step_s": found.step_ns / 1e9,
        "n_obs": risk.n_obs,
        "var": risk.var,
        "es": risk.es,
        "components": [
            {"symbol": symbol, "value": value, "es": part}
            for symbol, value, part in zip(symbols, values.tolist(), shares, strict=True)
        ],
        "stress": [
            {"name": name.replace("−", "-"), "pnl": pnl, "note": note}
            for name, pnl, note in zip(
                scenarios.names, scenarios.pnl(values).sum(axis=1).tolist(), scenarios.notes, strict=True
            )
        ],
    }
