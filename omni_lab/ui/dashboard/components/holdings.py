"""What the account has and may lose, read from a system: the state of the page Positions & risk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.system.exposure import DAY_NS, Exposure, FillHistory, mark_of, measure_exposure, value_of
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.execution.explanations import Headroom
    from omni_lab.execution.limits import Limits
    from omni_lab.risk import TailRisk
    from omni_lab.system.system import TradingSystem
    from omni_lab.system.views import Account

Row = dict[str, Any]
CONFIDENCE = 0.99
"""Of VaR and ES."""
_PARTS = ("price_move", "trading", "fees", "total")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holdings:
    """The account at one time.

    Attributes
    ----------
    account : Account
    positions : list of dict
        A row for each instrument that was ever traded, the largest first.
    attribution : list of dict
        A row for each symbol, and the sum of all; nothing before the first fill.
    n_without_mid : int
        Fills that count as traded at the middle, for the market of then is forgotten.
    headroom : Headroom
    limits : Limits
    """

    account: Account
    positions: list[Row]
    attribution: list[Row]
    n_without_mid: int
    headroom: Headroom
    limits: Limits


class RiskState(param.Parameterized):
    """What the page shows.

    Attributes
    ----------
    holdings : Holdings or None
    exposure : Exposure or None
    """

    holdings = param.Parameter(default=None)
    exposure = param.Parameter(default=None)

    def __init__(self, system: TradingSystem, *, lake: Path | None = None, **params: Any) -> None:
        super().__init__(**params)  # type: ignore[no-untyped-call]
        self._system, self._lake = system, lake
        self._history = FillHistory(system)
        self._not_in_lake: set[frozenset[str]] = set()

    def read(self) -> Holdings:
        """The account now; from any thread, but one at a time."""
        account = self._system.account()
        # Fills that came in between would be valued without the position they made.
        while self._history.look():
            account = self._system.account()
        return Holdings(
            account=account,
            positions=position_rows(account),
            attribution=self._attribution(account),
            n_without_mid=self._history.n_without_mid,
            headroom=self._system.headroom(),
            limits=self._system.limits(),
        )

    def measure(self) -> Exposure:
        """What may be lost; takes longer than :meth:`read`."""
        account = self._system.account()
        held = frozenset(each.symbol for each in account.positions if each.qty)
        # The lake is asked once for what is held: opening it takes a while.
        lake = None if held in self._not_in_lake else self._lake
        found = measure_exposure(self._system, account, confidence=CONFIDENCE, lake=lake)
        if found.returns.source != "lake":
            self._not_in_lake.add(held)
        return found

    def _attribution(self, account: Account) -> list[Row]:
        if not self._history.fills:
            return []
        found = self._history.attribution(account)
        rows = [
            {"symbol": symbol, **{name: float(getattr(found, name)[at]) for name in _PARTS}}
            for at, symbol in enumerate(found.symbols)
        ]
        return [*rows, {"symbol": "All", **found.sums}]


def position_rows(account: Account) -> list[Row]:
    """Positions as rows, the largest first."""
    rows = [
        {
            "symbol": each.symbol,
            "qty": each.qty,
            "average_price": each.average_price,
            "mark": mark_of(each),
            "value": value_of(each),
            "unrealised": each.unrealised,
            "realised": each.realised,
            "bought": each.bought,
            "sold": each.sold,
        }
        for each in account.positions
    ]
    return sorted(
        rows, key=lambda row: (-abs(row["value"]) if row["value"] == row["value"] else 0.0, row["symbol"])
    )


def step_said(exposure: Exposure) -> str:
    """The length of the steps that returns are of, in words."""
    if exposure.returns.step_ns == DAY_NS:
        return "one day"
    return f"{exposure.returns.step_ns / 1e9:g} s"


def measure_rows(exposure: Exposure) -> list[Row]:
    """VaR and ES by method, currency."""
    if exposure.risk is None:
        return []
    named = {"historical": exposure.risk.historical, "normal": exposure.risk.normal}
    return [_measure_row(name, each) for name, each in named.items() if each is not None]


def share_rows(exposure: Exposure) -> list[Row]:
    """Value of each position and its part of the normal VaR."""
    parts = (
        None if exposure.risk is None or exposure.risk.components is None else exposure.risk.components.var
    )
    return [
        {
            "symbol": symbol,
            "value": float(exposure.values[at]),
            "var": None if parts is None else float(parts.component[at]),
            "share": None if parts is None else float(parts.share[at]),
        }
        for at, symbol in enumerate(exposure.symbols)
    ]


def stress_rows(exposure: Exposure) -> list[Row]:
    """What each scenario would come to, currency, the worst first; NaN where a return is not known."""
    if exposure.scenarios is None:
        return []
    totals = exposure.scenarios.pnl(exposure.values).sum(axis=1).tolist()
    rows = [
        {"scenario": name, "total": total, "note": note}
        for name, total, note in zip(exposure.scenarios.names, totals, exposure.scenarios.notes, strict=True)
    ]
    return sorted(rows, key=lambda row: (row["total"] != row["total"], row["total"]))


def _measure_row(name: str, found: TailRisk) -> Row:
    return {
        "method": name,
        "var": found.var,
        "var_error": found.var_error,
        "es": found.es,
        "es_error": found.es_error,
        "n_obs": found.n_obs,
    }
