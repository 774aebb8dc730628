"""Routes of the trading system: portfolio, orders, risk, the system itself, alerts, health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from omni_lab.execution.limits import Limits
from omni_lab.execution.views import Order, Position
from omni_lab.gateway.client.decode import decode
from omni_lab.gateway.client.subject import Subject, given
from omni_lab.gateway.routes.alerts import AlertOut, Alerts, DeliveryOut
from omni_lab.gateway.routes.health import Health
from omni_lab.gateway.routes.measures import Measures
from omni_lab.gateway.routes.optimise import Optimised
from omni_lab.gateway.routes.orders import Preview
from omni_lab.gateway.routes.risk import LimitsOut, Risk
from omni_lab.gateway.routes.system import Stage
from omni_lab.system.views import Account, EquityCurve, Fill, JournalState, Status, Ticket


class PortfolioRoutes(Subject):
    """What the account is worth, and what it holds."""

    def account(self) -> Account:
        """What it is worth now."""
        return self._get(Account, "portfolio")

    def positions(self, *, most: int = 1_000) -> list[Position]:
        """What it holds."""
        return self._list(Position, "portfolio/positions", most)

    def equity(self, *, since: int | None = None, points: int = 5_000) -> EquityCurve:
        """Samples of it after a time (ns UTC), at most so many, evenly chosen."""
        return self._get(EquityCurve, "portfolio/equity", since=since, points=points)

    def optimise(
        self,
        method: str = "minimum_variance",
        *,
        symbols: Sequence[str] | None = None,
        prices: Mapping[str, Sequence[float]] | None = None,
        **settings: Any,
    ) -> Optimised:
        """Weights from prices, what they promise by the past, and the orders that lead to them.

        Parameters
        ----------
        method : str
            ``"minimum_variance"``, ``"maximum_sharpe"``, ``"risk_parity"``, ``"target_return"``, …
        symbols : sequence of str, optional
            Instruments of the lake.
        prices : mapping, optional
            In their place: prices by name, one a step, oldest first.
        **settings
            Further fields of `OptimiseIn`: ``start``, ``end``, ``max_weight``, ``target_return``, …
        """
        series = None if prices is None else {name: list(map(float, each)) for name, each in prices.items()}
        names = None if symbols is None else list(symbols)
        body = given(method=method, symbols=names, prices=series) | settings
        return decode(Optimised, self._post("portfolio/optimise", body, key=None))


class OrderRoutes(Subject):
    """Orders of the account, and their fills."""

    def submit(self, ticket: Ticket, *, key: str = "") -> Order:
        """Send an order; what it came to. A refusal is a state of it.

        Parameters
        ----------
        ticket : Ticket
        key : str
            Sent twice with the same key it is one order; by default each call has one of its own, so that a
            connection that breaks makes no second order.
        """
        return decode(Order, self._post("orders", given(**asdict(ticket)), key=key))

    def preview(self, ticket: Ticket) -> Preview:
        """What the risk gate would say, check by check; nothing changes."""
        return decode(Preview, self._post("orders/preview", given(**asdict(ticket)), key=None))

    def replace(self, order_id: int, *, qty: float | None = None, price: float | None = None) -> Order:
        """Give an order another total quantity or limit."""
        change = given(qty=qty, price=price)
        return decode(Order, self._http.ask("PATCH", f"orders/{order_id}", body=change))

    def cancel(self, order_id: int) -> Order:
        """Cancel an order; of one that has ended, it is told as it is."""
        return decode(Order, self._http.ask("DELETE", f"orders/{order_id}"))

    def cancel_all(self, *, symbol: str | None = None) -> int:
        """Cancel all orders, or those of one instrument; how many."""
        told = self._http.ask("DELETE", "orders", query={"symbol": symbol})
        return int(told["canceled"])

    def get(self, order_id: int) -> Order:
        """An order, live or ended."""
        return self._get(Order, f"orders/{order_id}")

    def find(self, *, live: bool = False, most: int = 1_000) -> list[Order]:
        """Orders, newest first; those that live, or all."""
        return self._list(Order, "orders", most, live=live)

    def fills(self, *, after: int = 0, most: int = 1_000) -> list[Fill]:
        """Fills with numbers above ``after``, oldest first."""
        return self._list(Fill, "orders/fills", most, first=str(after))


class RiskRoutes(Subject):
    """Limits, what may be lost, and kill switches."""

    def summary(self) -> Risk:
        """Kill switches, exposure, and the limits that are used most."""
        return self._get(Risk, "risk")

    def limits(self) -> LimitsOut:
        """The account's limits, and how near it stands to each."""
        return self._get(LimitsOut, "risk/limits")

    def set_limits(self, limits: Limits) -> LimitsOut:
        """Give the account other limits; those that are None are none."""
        return decode(LimitsOut, self._http.ask("PUT", "risk/limits", body=asdict(limits)))

    def measures(
        self,
        *,
        method: str = "historical",
        confidence: float = 0.99,
        horizon: int = 1,
        prices: str = "auto",
        step_s: float = 1.0,
    ) -> Measures:
        """VaR, ES and stress of the positions that are held now, currency.

        Parameters
        ----------
        method : {"historical", "normal", "student", "cornish_fisher", "evt", "filtered", "filtered_evt"}
            How the tail is found.
        confidence : float
            Of both.
        horizon : int
            Steps that the loss is counted over.
        prices : {"auto", "lake", "quotes"}
            Daily closes of the lake, or quotes of the market; auto: the lake if it has all.
        step_s : float
            Step of quotes, seconds.
        """
        asked = {"method": method, "confidence": confidence, "horizon": horizon, "prices": prices}
        return self._get(Measures, "risk/measures", **asked, step_s=step_s)

    def kill(self, why: str, *, symbol: str | None = None) -> Status:
        """Throw the switch of the account, or of an instrument: orders are canceled, the strategy stops."""
        return decode(Status, self._post("risk/kill", given(why=why, symbol=symbol)))

    def reset(self, why: str, *, symbol: str | None = None) -> Status:
        """Take a kill switch back; the strategy stays stopped until somebody starts it."""
        return decode(Status, self._post("risk/reset", given(why=why, symbol=symbol)))


class SystemRoutes(Subject):
    """The trading system, and the process that serves it."""

    def status(self) -> Status:
        """How it is."""
        return self._get(Status, "system")

    def latency(self) -> list[Stage]:
        """Time of commands, by stage."""
        return decode(list[Stage], self._http.get("system/latency")["items"])

    def journal(self, *, hashed: bool = False) -> JournalState:
        """The journal; with the hash of the state, which takes a while, if it is asked for."""
        return self._get(JournalState, "system/journal", hashed=hashed)

    def start_strategy(self) -> Status:
        """Let the strategy run; it begins anew with the positions and orders that there are."""
        return decode(Status, self._post("system/strategy/start"))

    def stop_strategy(self) -> Status:
        """Stop the strategy and cancel its orders."""
        return decode(Status, self._post("system/strategy/stop"))

    def is_live(self) -> bool:
        """Whether the process answers; an error if it cannot be reached."""
        return bool(self._http.get("/health/live")["status"] == "ok")

    def is_ready(self) -> bool:
        """Whether it can serve: the system runs, and its database answers."""
        return bool(self._http.get("/health/ready", _good=(503,))["status"] == "ok")

    def health(self) -> Health:
        """How each part of it is."""
        return self._get(Health, "/health")

    def metrics(self) -> str:
        """What it counts, in the text format of Prometheus."""
        return str(self._http.get("/metrics"))


class AlertRoutes(Subject):
    """What is wrong, and who knows of it."""

    def find(self, *, most: int = 100) -> Alerts:
        """Alerts that have not ended, the worst first, and the newest of all that there were."""
        return self._get(Alerts, "alerts", limit=most)

    def acknowledge(self, key: str, *, why: str = "", mute_s: float = 0.0) -> AlertOut:
        """Say that somebody knows of an alert, and keep the channels quiet about it for a while."""
        path = f"alerts/{quote(key, safe='/')}/acknowledge"
        return decode(AlertOut, self._post(path, {"why": why, "mute_s": mute_s}, key=None))

    def test(self) -> list[DeliveryOut]:
        """Send a test to every channel; what came of each."""
        return decode(list[DeliveryOut], self._post("alerts/test", key=None)["items"])
