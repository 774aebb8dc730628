"""Positions & risk: what is held, where profit came from, limits, what may be lost, and the kill switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omni_lab.figures import words
from omni_lab.system.config import DESK
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import Column, Gauges, Picture, Table, Tile, Tiles, columns, rows
from omni_lab.ui.dashboard.components.asks import Asks
from omni_lab.ui.dashboard.components.buttons import Button, Buttons
from omni_lab.ui.dashboard.components.drafts import known
from omni_lab.ui.dashboard.components.gauges import headroom_gauges
from omni_lab.ui.dashboard.components.holdings import (
    RiskState,
    measure_rows,
    share_rows,
    step_said,
    stress_rows,
)
from omni_lab.ui.dashboard.components.limit_form import limit_fields, limit_rows, read_limits, told_change
from omni_lab.ui.dashboard.page import Page

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure
    from omni_lab.ui.dashboard.session import Session

_LOOK_S, _MEASURE_S = 0.5, 2.0
_TILES = (
    Tile(key="equity", label="Equity", kind="money"),
    Tile(key="pnl_day", label="PnL today", kind="pnl"),
    Tile(key="unrealised", label="Unrealised", kind="pnl"),
    Tile(key="gross", label="Gross exposure"),
    Tile(key="net", label="Net exposure"),
    Tile(key="var", label="VaR 99 %"),
    Tile(key="es", label="ES 99 %"),
)
_POSITIONS = (
    Column(key="symbol", label="Symbol"),
    Column(key="qty", label="Quantity", kind="qty"),
    Column(key="average_price", label="Average", kind="price", decimals=4),
    Column(key="mark", label="Mark", kind="price", decimals=4),
    Column(key="value", label="Value", kind="number"),
    Column(key="unrealised", label="Unrealised", kind="pnl"),
    Column(key="realised", label="Realised", kind="pnl"),
    Column(key="bought", label="Bought", kind="qty"),
    Column(key="sold", label="Sold", kind="qty"),
)
_ATTRIBUTION = (
    Column(key="symbol", label="Symbol"),
    Column(key="price_move", label="Price move", kind="pnl"),
    Column(key="trading", label="Trading", kind="pnl"),
    Column(key="fees", label="Fees", kind="pnl"),
    Column(key="total", label="Total", kind="pnl"),
)
_MEASURES = (
    Column(key="method", label="Method"),
    Column(key="var", label="VaR", kind="number"),
    Column(key="var_error", label="± error", kind="number"),
    Column(key="es", label="ES", kind="number"),
    Column(key="es_error", label="± error", kind="number"),
    Column(key="n_obs", label="Returns", kind="int"),
)
_SHARES = (
    Column(key="symbol", label="Symbol"),
    Column(key="value", label="Value", kind="number"),
    Column(key="var", label="VaR, its part", kind="number"),
    Column(key="share", label="Share", kind="percent"),
)
_SCENARIOS = (
    Column(key="scenario", label="Scenario"),
    Column(key="total", label="Profit", kind="pnl"),
    Column(key="note", label="What is missing", wrap=True),
)
_PARTS = {"price move": "price_move", "trading": "trading", "fees": "fees"}
_LIMITS = (
    Column(key="name", label="Limit"),
    Column(key="value", label="Now", kind="text"),
    Column(key="what", label="What it limits", wrap=True),
)


class RiskView:
    """The page of a session."""

    def __init__(self, session: Session) -> None:
        self.session, self.system = session, session.services.system
        self.state = RiskState(self.system, lake=session.services.settings.lake_dir)
        self.asks = Asks(session)
        plain: Any = {"session": session, "filters": False}
        self.tiles = Tiles(*_TILES)
        self.positions = Table(
            "Positions",
            _POSITIONS,
            key="symbol",
            session=session,
            empty=("Nothing was traded yet.", "Send an order, or start a strategy."),
        )
        self.attribution = Table(
            "Profit by symbol and part",
            _ATTRIBUTION,
            key="symbol",
            empty=("No profit yet.", "It begins with a fill."),
            **plain,
        )
        self.parts = Picture("Where the profit came from", session, height=240)
        self.gauges = Gauges(
            "Limits", empty=("Nothing is limited.", "Whoever may sets limits with Edit limits.")
        )
        self.measures = Table(
            "Value at risk",
            _MEASURES,
            key="method",
            empty=("Nothing is measured yet.", "It needs a position, and a hundred returns for 99 %."),
            **plain,
        )
        self.shares = Table(
            "Whose risk it is",
            _SHARES,
            key="symbol",
            empty=("Nothing is held.", "It begins with a fill."),
            **plain,
        )
        self.stress = Picture("Stress", session, height=300)
        self.scenarios = Table(
            "Scenarios", _SCENARIOS, key="scenario", empty=("There is nothing to stress.", ""), **plain
        )
        self.limits = Table("Limits in force", _LIMITS, key="name", height=460, **plain)
        self.tools = Buttons(
            "Risk",
            Button(name="kill", label="Kill switch…", press=session.open_kill, danger=True, trades=True),
            Button(name="reset", label="Re-arm…", press=self._reset, trades=True),
            Button(name="start", label="Start strategy", press=lambda: self._strategy(True), trades=True),
            Button(name="stop", label="Stop strategy", press=lambda: self._strategy(False), trades=True),
            Button(name="limits", label="Edit limits…", press=self._edit, trades=True),
        )
        self._drawn: dict[str, Any] = {}
        session.watch(lambda _: self._show_holdings(), "holdings", of=self.state)
        session.watch(lambda _: self._show_measures(), "exposure", of=self.state)
        session.watch(lambda _: self._dress(), "status")
        session.every(_LOOK_S, self._look)
        session.every(_MEASURE_S, self._measure)
        self._dress()

    def layout(self) -> Any:
        """What is shown."""
        return rows(
            self.tools,
            self.tiles,
            columns(self.positions, self.gauges, widths=(2, 1), least=380),
            columns(self.attribution, self.parts, widths=(4, 5), least=380),
            columns(self.measures, self.shares, widths=(5, 4), least=380),
            self.stress,
            columns(self.scenarios, self.limits, widths=(4, 5), least=380),
            self.asks,
        )

    # --- what is shown --------------------------------------------------------------------------------------

    async def _look(self) -> None:
        self.state.holdings = await self.session.background(self.state.read)

    async def _measure(self) -> None:
        self.state.exposure = await self.session.background(self.state.measure)

    def _show_holdings(self) -> None:
        seen = self.state.holdings
        self._show_tiles()
        self.positions.fill(seen.positions)
        self.attribution.fill(seen.attribution)
        self.gauges.show({"gauges": headroom_gauges(seen.headroom, DESK)})
        self.limits.fill(limit_rows(seen.limits))
        found = seen.attribution[:-1]
        if not found:
            self._drawn.pop(self.parts.title, None)
            self.parts.empty("No profit yet.", "It begins with a fill.")
            return
        shown = tuple(tuple(_visible(row[name]) for name in _PARTS.values()) for row in found)
        self._draw(self.parts, ("parts", shown), lambda theme: _parts_figure(found, theme))

    def _show_tiles(self) -> None:
        seen, exposure = self.state.holdings, self.state.exposure
        if seen is None:
            return
        told: dict[str, dict[str, Any]] = {
            tile.key: {"value": known(getattr(seen.account, tile.key))} for tile in _TILES[:5]
        }
        if seen.n_without_mid:
            told["pnl_day"]["note"] = f"{words.count(seen.n_without_mid, 'fill')} of a market forgotten"
        told["unrealised"]["note"] = f"realised {words.number(seen.account.realised, sign=True)}"
        if exposure is not None:
            risk = exposure.risk
            for name in ("var", "es"):
                value = None if risk is None else known(getattr(risk.historical, name))
                told[name] = {"value": value, "note": f"in {step_said(exposure)}" if risk else exposure.why}
        self.tiles.show(told)

    def _show_measures(self) -> None:
        exposure = self.state.exposure
        self._show_tiles()
        self.measures.fill(measure_rows(exposure))
        self.shares.fill(share_rows(exposure))
        self.scenarios.fill(stress_rows(exposure))
        if exposure.scenarios is None:
            self._drawn.pop(self.stress.title, None)
            self.stress.empty("There is nothing to stress.", exposure.why)
            return
        names, pnl = exposure.scenarios.names, exposure.scenarios.pnl(exposure.values)
        shown = (names, exposure.symbols, tuple(_visible(each) for each in pnl.ravel().tolist()))
        self._draw(
            self.stress, ("stress", shown), lambda theme: _stress_figure(names, exposure.symbols, pnl, theme)
        )

    def _draw(self, picture: Picture, name: Any, make: Callable[[str], Figure]) -> None:
        """Draw a picture again once its numbers have moved so far that it shows: it takes a while."""
        if self._drawn.get(picture.title) != name:
            self._drawn[picture.title] = name
            picture.draw(make, name)

    # --- what is done ---------------------------------------------------------------------------------------

    def _dress(self) -> None:
        status, why = self.session.status, self.session.why_not
        named, state = status.get("strategy"), status.get("strategy_state")
        role = why(Action.TRADE) if not self.session.person.may(Action.TRADE) else None
        halted = status.get("halted") or {}
        none = None if named else "The system was started without a strategy."
        off = {
            "kill": why(Action.HALT),
            "reset": why(Action.RESET) or (None if halted else "No kill switch is on."),
            "start": why(Action.TRADE) or none or ("It runs." if state == "RUNNING" else None),
            "stop": role or none or (None if state == "RUNNING" else "It does not run."),
            "limits": why(Action.LIMIT),
        }
        said = "" if not named else f"{named}: {str(state).lower()}"
        self.tools.dress(off, said=said)

    def _reset(self) -> None:
        self.session.open_reset()

    def _strategy(self, on: bool) -> None:
        self.session.start(self._switch_strategy(on))

    async def _switch_strategy(self, on: bool) -> None:
        act = self.system.start_strategy if on else self.system.stop_strategy
        await self.session.background(act, who=self.session.person)
        self.session.say(
            "The strategy runs." if on else "The strategy is stopped; its orders are canceled.", "good"
        )

    def _edit(self) -> None:
        limits = self.system.limits()
        self.asks.ask(
            "Limits of the account",
            "An empty field is no limit. They count from the next order on; nothing open is canceled.",
            self._set_limits,
            fields=limit_fields(limits),
            go="Set limits",
            leave="Leave them",
            danger=True,
            look=lambda told: told_change(self.system.limits(), told),
        )

    async def _set_limits(self, told: dict[str, str]) -> None:
        before = self.system.limits()
        after = read_limits(told)
        await self.session.background(self.system.set_limits, after, who=self.session.person)
        self.session.say(f"Limits are set. {told_change(before, told)}", "good")


def _parts_figure(found: list[dict[str, Any]], theme: str) -> Figure:
    from omni_lab.figures import attribution_figure

    parts = {name: [row[key] for row in found] for name, key in _PARTS.items()}
    return attribution_figure([row["symbol"] for row in found], parts, theme=theme)


def _stress_figure(names: tuple[str, ...], symbols: tuple[str, ...], pnl: Any, theme: str) -> Figure:
    from omni_lab.figures import stress_figure

    return stress_figure(names, symbols, pnl, theme=theme)


def _visible(value: float) -> float | None:
    """Two digits of a number: what a bar shows of it."""
    return float(f"{value:.2g}") if value == value else None


def view(session: Session) -> Any:
    """What is shown."""
    return RiskView(session).layout()


PAGE = Page(title="Positions & risk", key="r", slug="risk", view=view)
