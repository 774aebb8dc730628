"""What an account stands to lose: by daily prices of the lake, and by the quotes of the running market."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_lab.risk import historical_risk
from omni_lab.store import DuckDBStore
from omni_lab.system import LOCAL, Ticket
from omni_lab.system.exposure import DAY_NS, measure_exposure, value_of
from tests.system.systems import running


def test_daily_prices_are_taken_where_the_lake_has_all_that_is_held(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "lake")
    store.ingest("skfolio", ["AAPL", "JPM"], progress=False)
    with running(tmp_path / "home", n_symbols=3, symbols=("AAPL", "JPM", "ZZZ")) as system:
        assert measure_exposure(system, system.account(), lake=store.path).why == "Nothing is held."
        for symbol, side, qty in (("AAPL", "BUY", 100), ("JPM", "SELL", 50)):
            system.submit(Ticket(symbol=symbol, side=side, qty=qty), who=LOCAL)
        account = system.account()
        found = measure_exposure(system, account, lake=store.path)
        assert (found.returns.source, found.returns.step_ns, found.why) == ("lake", DAY_NS, "")
        worth = {each.symbol: value_of(each) for each in account.positions}
        assert dict(zip(found.symbols, found.values.tolist(), strict=True)) == worth
        assert found.risk is not None
        profit = found.returns.returns @ found.values
        assert found.risk.historical == historical_risk(profit, confidence=0.99)
        assert found.scenarios is not None
        pnl = dict(zip(found.scenarios.names, found.scenarios.pnl(found.values).sum(axis=1), strict=True))
        assert pnl["all −10%"] == pytest.approx(-0.1 * sum(worth.values()))
        alone = found.scenarios.returns[found.scenarios.names.index("AAPL −10%, others follow")]
        assert alone[found.symbols.index("AAPL")] == -0.1
        assert -0.1 < alone[found.symbols.index("JPM")] < 0.0
        assert {"2008", "2020"} <= pnl.keys()
        system.submit(Ticket(symbol="ZZZ", side="BUY", qty=10), who=LOCAL)
        assert measure_exposure(system, system.account(), lake=store.path).returns.source == "quotes"
