"""Portfolio: weights, promises and orders against closed forms and the system; then the page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omni_lab.errors import ForbiddenError, StateError
from omni_lab.models.covariance import shrunk_covariance
from omni_lab.models.optimise import METHODS
from omni_lab.models.weights import risk_parity
from omni_lab.store import DuckDBStore
from omni_lab.system.people import LOCAL, Person, Role
from omni_lab.system.services import Services
from omni_lab.ui.dashboard.states.portfolio import PortfolioState
from tests.ui.browser import Page
from tests.ui.dashboard.desk import desk, stock
from tests.ui.dashboard.served import (
    Served,
    accessibility,
    click,
    complaints,
    go,
    picture,
    rows_of,
    says,
    script,
    wait,
)

SYMBOLS = ("AAPL", "MSFT", "KO", "XOM")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with desk(Path(tmp_path_factory.mktemp("desk"))) as opened:
        stock(opened, *SYMBOLS)
        wait(lambda: all(opened.system.book(each).best_ask for each in ("AAPL", "MSFT")))
        yield opened


def asked(services: Services, **said: str) -> PortfolioState:
    state = PortfolioState(services, LOCAL)
    state.begin()
    for name, text in said.items():
        state.say(name, text)
    return state


def test_it_begins_with_what_the_lake_has(services: Services) -> None:
    state = asked(services)
    assert sorted(state.values["symbols"]) == sorted(SYMBOLS)
    assert state.values["source"] == "made"
    assert state.problem() == ""


def test_weights_and_promises_are_those_of_the_models(services: Services) -> None:
    found = asked(services, method="risk_parity", symbols="AAPL, KO, XOM").optimise()
    bars = DuckDBStore(services.settings.lake_dir).load(
        ["AAPL", "KO", "XOM"], source="made", closes_only=True
    )
    close = bars.close()
    returns = close[1:] / close[:-1] - 1.0
    covariance = shrunk_covariance(returns)
    np.testing.assert_allclose(found.weights, risk_parity(covariance))
    risk, gain = found.annual(found.weights)
    assert gain == pytest.approx(252.0 * float(returns.mean(axis=0) @ found.weights))
    assert risk == pytest.approx(float(np.sqrt(252.0 * found.weights @ covariance @ found.weights)))
    assert "By the past it earns" in found.plot_frontier().alt


def test_limits_hold_and_are_refused_where_they_cannot(services: Services) -> None:
    found = asked(services, method="minimum_variance", largest_weight="0.3").optimise()
    assert found.weights.max() <= 0.3 + 1e-12
    assert found.weights.sum() == pytest.approx(1.0)
    state = asked(services, largest_weight="0.2")
    wrong = {field.name: field.wrong for field in state.fields() if field.wrong}
    assert wrong == {"largest_weight": "4 weights within these limits cannot sum to 1"}
    assert {field.name for field in asked(services, symbols="AAPL").fields() if field.wrong} == {"symbols"}
    assert "target_return" in {f.name for f in asked(services, method="target_return").fields() if f.wrong}


def test_orders_lead_from_what_is_held_to_the_weights(services: Services) -> None:
    state = asked(services, method="equal_weight", symbols="AAPL, MSFT", lot_size="10", cost_bps="3")
    found = state.optimise()
    rows = {row["symbol"]: row for row in found.orders.rows()}
    assert set(rows) == {"AAPL", "MSFT"} == found.traded
    for symbol, row in rows.items():
        assert float(row["qty"]) % 10.0 == 0.0
        assert float(row["notional"]) == pytest.approx(float(row["qty"]) * float(row["price"]))
        assert float(row["cost"]) == pytest.approx(3e-4 * float(row["notional"]))
        assert abs(float(row["notional"]) - 0.5 * found.equity) <= 10.0 * float(row["price"]), symbol


def test_roles_are_kept_and_nothing_is_sent_before_there_is_a_list(services: Services) -> None:
    viewer = PortfolioState(services, Person("vera", Role.VIEWER))
    for refused in (viewer.optimise, lambda: viewer.send(["AAPL"])):
        with pytest.raises(ForbiddenError):
            refused()
    with pytest.raises(StateError, match="no list"):
        PortfolioState(services, LOCAL).send(["AAPL"])


def test_every_method_is_one_that_the_form_offers(services: Services) -> None:
    fields = {field.name: field for field in asked(services).fields()}
    assert fields["method"].choices == METHODS


def test_the_page_optimises_and_sends_what_the_system_trades(
    page: Page, served: Served, artefacts: Path
) -> None:
    system = served.services.system
    go(page, served, "portfolio", height=1300)
    page.wait(script("one('form.form textarea, form.form input.field')?.value.length > 3"))
    page.wait(script("one('form.form [type=submit]')?.disabled === false"))
    says(page, ".empty", "Nothing was optimised yet.")
    click(page, "form.form [type=submit]")
    alt = "box('Efficient frontier')?.querySelector('figure')?.getAttribute('aria-label')"
    assert "By the past it earns" in page.wait(script(alt))
    page.wait(script("box('Rebalance list')?.querySelectorAll('tbody tr').length > 0"))
    assert accessibility(page) == []
    picture(page, artefacts, "portfolio-dark")
    rows = rows_of(page, "Rebalance list")
    traded = [row for row in rows if row[0] in ("AAPL", "MSFT")]
    assert traded
    off = "all('[aria-label=\"To ticket KO\"]').every(b => b.disabled && b.title.includes('does not trade'))"
    assert page.value(script(off))
    before = len(system.orders())
    click(page, "button", f"Send {len(traded)} order")
    says(page, "dialog[open]", "Send the rebalance list?")
    click(page, "dialog[open] button", "Send")
    wait(lambda: len(system.orders()) == before + len(traded))
    sides = {order.symbol: order.side for order in system.orders()}
    assert all(sides[row[0]] == ("BUY" if "buy" in row[1] else "SELL") for row in traded)
    assert complaints(page) == []


def test_a_viewer_sees_why_and_the_light_theme_is_right(page: Page, served: Served, artefacts: Path) -> None:
    served.person = Person("vera", Role.VIEWER)
    go(page, served, "portfolio", theme="light")
    says(page, ".form-problem", "The role viewer may not start runs.")
    assert accessibility(page) == []
    picture(page, artefacts, "portfolio-light")
