"""Data & features: what the lake has, what is missing and wrong in it, what has moved, and its prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import (
    Cloud,
    Column,
    Html,
    Picture,
    Series,
    Table,
    columns,
    markup,
    rows,
)
from omni_lab.ui.dashboard.components.form import Form
from omni_lab.ui.dashboard.components.tabs import Tabs
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.states.data import DataState, Drifted, Examined
from omni_lab.ui.dashboard.states.prices import PricesState

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

_STORED = (
    Column(key="symbol", label="Symbol"),
    Column(key="source", label="Source"),
    Column(key="n_rows", label="Bars", kind="int", filter=False),
    Column(key="first", label="First", kind="day", filter=False),
    Column(key="last", label="Last", kind="day", filter=False),
    Column(key="has", label="Has"),
)
_QUALITY = (
    Column(key="symbol", label="Symbol"),
    Column(key="verdict", label="Verdict", tones={"pass": "good", "warn": "warn", "fail": "bad"}),
    Column(key="why", label="Why", wrap=True),
    Column(key="n_bars", label="Bars", kind="int", filter=False),
    Column(key="n_missing", label="Missing", kind="int", filter=False),
    Column(key="longest_gap", label="Longest gap", kind="int", filter=False),
    Column(key="n_jumps", label="Jumps", kind="int", filter=False),
    Column(key="n_stale", label="Stale", kind="int", filter=False),
    Column(key="largest_z", label="Largest move", kind="number", decimals=1, filter=False),
    Column(key="largest_on", label="On"),
)
_DRIFT = (
    Column(key="feature", label="Feature"),
    Column(key="verdict", label="Verdict", tones={"stable": "good", "watch": "warn", "moved": "bad"}),
    Column(key="psi", label="PSI", kind="number", decimals=3, filter=False),
    Column(key="ks", label="KS", kind="number", decimals=3, filter=False),
    Column(key="p_value", label="p", kind="number", decimals=4, filter=False),
    Column(key="shift", label="Shift of median, sd", kind="pnl", filter=False),
    Column(key="n_reference", label="Reference", kind="int", filter=False),
    Column(key="n_recent", label="Recent", kind="int", filter=False),
)
_DAYS = (
    Column(key="day", label="Day"),
    Column(key="weekday", label="Weekday"),
    Column(key="state", label="Has", tones={"missing": "bad", "part": "warn", "no session": "warn"}),
    Column(key="n_bars", label="Bars", kind="int", filter=False),
    Column(key="n_expected", label="Of a session", kind="int", filter=False),
)
_UNCOUNTED = ("No days were counted yet.", "Name an instrument and press Show.")
_NO_DAYS = ("No day to list.", "Days that lack bars, or have bars without a session, are listed here.")
_UNSEEN = ("Nothing was examined yet.", "Press Examine.")
_UNJUDGED = ("Nothing was judged yet.", "Name an instrument and press Judge.")
_UNASKED = ("Nothing was looked at yet.", "Name an instrument and press Show.")


class DataPage:
    """The page of a session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.state = state = DataState(session.services)
        self._stored = Table(
            "In the lake",
            _STORED,
            key="key",
            session=session,
            empty=("The lake is empty.", "Run the pipeline ingest, or: omni run ingest."),
            select="one",
            chosen=self._choose,
            height=300,
        )
        self._examine = Form(
            "Examine bars", state.examine_form, go="Examine", send=lambda: session.start(self._look_close())
        )
        self._coverage, self._said = Picture("Coverage", session), Html()
        self._quality = Table("Quality", _QUALITY, key="symbol", session=session, empty=_UNSEEN, height=420)
        self._judge = Form(
            "Judge drift", state.drift_form, go="Judge", send=lambda: session.start(self._look_back())
        )
        self._drift = Picture("Drift of features", session)
        self._feature = Picture("Distribution", session)
        self._drifts = Table(
            "Features",
            _DRIFT,
            key="feature",
            session=session,
            empty=_UNJUDGED,
            select="one",
            chosen=self._choose_feature,
            filters=False,
        )
        self._ask_days = Form(
            "Days", state.calendar_form, go="Show", send=lambda: session.start(self._count_days())
        )
        self._calendar, self._by = Picture("Calendar of coverage", session), Html()
        self._days = Table(
            "Days that are not whole", _DAYS, key="day", session=session, empty=_NO_DAYS, height=320
        )
        self._counted = False
        self._drifted: Drifted | None = None
        self.prices = PricesState(session.services)
        self._prices = Form(
            "Show prices", self.prices.form, go="Show", send=lambda: session.start(self._look_at_prices())
        )
        self._line = Series("Close", session, height=260, empty=_UNASKED)
        self._cloud = Cloud("Cloud", session, height=380, empty=("No bar has both.", "Choose other columns."))
        quality = rows(
            columns(self._examine, rows(self._coverage, self._said), widths=(4, 8), least=340), self._quality
        )
        drift = rows(
            columns(self._judge, self._drift, widths=(4, 8), least=340),
            columns(self._drifts, self._feature, widths=(6, 6), least=340),
        )
        days = columns(
            rows(self._ask_days, self._by), rows(self._calendar, self._days), widths=(3, 9), least=340
        )
        prices = columns(self._prices, rows(self._line, self._cloud), widths=(3, 9), least=320)
        tabs = {
            "quality": ("Coverage and quality", quality),
            "days": ("Calendar", days),
            "drift": ("Feature drift", drift),
            "prices": ("Prices", prices),
        }
        self._tabs = Tabs("Data and features", tabs, switched=self._switched)
        self.whole = rows(self._stored, self._tabs.whole)
        for picture, told in (
            (self._coverage, _UNSEEN),
            (self._calendar, _UNCOUNTED),
            (self._drift, _UNJUDGED),
            (self._feature, _UNJUDGED),
        ):
            picture.empty(*told)
        self._quality.fill([])
        self._drifts.fill([])
        self._days.fill([])
        self._line.fill([], [])
        self._cloud.empty(*_UNASKED)
        wanted = session.query.get("tab", "")
        self._tabs.open(wanted if wanted in tabs else "quality")
        session.start(self._begin())

    async def _begin(self) -> None:
        for form in (self._examine, self._ask_days, self._judge, self._prices):
            form.allow(self._session.why_not(Action.READ))
        try:
            stored = await self._session.background(self.state.stored)
        except OmniError as error:
            self._stored.fail("The lake cannot be read", str(error))
            return
        self._stored.fill(stored)
        self.state.begin(stored)
        self.prices.begin(stored)
        self._judge.update()
        self._ask_days.update()
        self._prices.update()
        self._show_days()

    def _switched(self, tab: str) -> None:
        self._session.put_in_address(tab=None if tab == "quality" else tab)
        self._show_days()

    def _choose(self, keys: list[str]) -> None:
        """An instrument of the table is put into all forms, and its days are shown."""
        source, _, symbol = keys[-1].partition("/") if keys else ("", "", "")
        if symbol:
            self.state.examine_form.values |= {"symbols": [symbol], "source": source}
            for form in (self.state.drift_form, self.state.calendar_form, self.prices.form):
                form.values |= {"symbol": symbol, "source": source}
            for shown in (self._examine, self._judge, self._ask_days, self._prices):
                shown.update()
            self._counted = False
            self._show_days()

    def _show_days(self) -> None:
        """Count days where somebody sees them and they are not there yet."""
        if self._tabs.tab == "days" and self.state.calendar_form.values["symbol"] and not self._counted:
            self._session.start(self._count_days())

    async def _count_days(self) -> None:
        self._counted = True
        self._ask_days.allow(None, busy="Counting …")
        self._calendar.wait()
        self._days.wait()
        try:
            found = await self._session.background(self.state.calendar)
        except OmniError as error:
            self._ask_days.complain(str(error))
            self._calendar.empty("Days could not be counted.", error.what)
            self._days.fail("Days could not be counted", str(error))
            return
        finally:
            self._ask_days.allow(self._session.why_not(Action.READ))
        self._days.fill(found.rows())
        self._by.show({"html": markup.box("Counted by", markup.sentences(found.sentences()))})
        self._calendar.draw(lambda theme: found.plot(theme=theme))

    async def _look_close(self) -> None:
        self._examine.allow(None, busy="Examining …")
        self._coverage.wait()
        self._quality.wait()
        try:
            found = await self._session.background(self.state.examine)
        except OmniError as error:
            self._examine.complain(str(error))
            self._coverage.empty("Nothing could be examined.", error.what)
            self._quality.fail("Nothing could be examined", str(error))
            return
        finally:
            self._examine.allow(None)
        self._show_quality(found)

    def _show_quality(self, found: Examined) -> None:
        self._quality.fill(found.rows())
        self._said.show({"html": markup.box("Findings", markup.sentences(found.sentences()))})
        self._coverage.draw(lambda theme: found.plot(theme=theme))

    async def _look_back(self) -> None:
        self._judge.allow(None, busy="Judging …")
        self._drift.wait()
        self._drifts.wait()
        try:
            found = await self._session.background(self.state.drift)
        except OmniError as error:
            self._judge.complain(str(error))
            self._drift.empty("Drift could not be judged.", error.what)
            self._drifts.fail("Drift could not be judged", str(error))
            return
        finally:
            self._judge.allow(None)
        self._drifted = found
        told = found.rows()
        self._drifts.fill(told, chosen=[told[0]["feature"]])
        self._drift.draw(lambda theme: found.plot(theme=theme))
        self._choose_feature([told[0]["feature"]])

    def _choose_feature(self, names: list[str]) -> None:
        found = self._drifted
        if found is not None and names and names[-1] in found.by_feature:
            name = names[-1]
            self._feature.draw(lambda theme: found.plot_feature(name, theme=theme))

    async def _look_at_prices(self) -> None:
        self._prices.allow(None, busy="Reading …")
        self._cloud.wait()
        try:
            found = await self._session.background(self.prices.look)
            self._line.fill(found.ts, found.close)
            await self._cloud.fill(found.across, found.up, names=found.names, times=found.times)
        except OmniError as error:
            self._prices.complain(str(error))
            self._line.fill([], [])
            self._cloud.empty("There is nothing to show.", error.what)
        finally:
            self._prices.allow(None)


def view(session: Session) -> Any:
    """What is shown."""
    return DataPage(session).whole


PAGE = Page(title="Data & features", key="d", slug="data", view=view)
