"""Ingesting brings in what was asked for, once."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import SourceError, UnknownSymbolError
from omni_lab.pipelines.studies import ingest as study
from omni_lab.store import DuckDBStore

pytestmark = pytest.mark.skipif(find_spec("arch") is None, reason="pip install 'omni-lab[samples]'")


def test_symbols_come_once_from_the_source_that_has_them(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    reports = study.ingest(store, ["arch", "statsmodels"], ["VIX", "SP500_M"])
    assert [(report.source, report.n_rows) for report in reports] == [("arch", 1259), ("statsmodels", 468)]
    again = study.ingest(store, ["arch"], ["VIX"])
    assert not any(report.changed for report in again)
    assert study.conclusions(again)[0].endswith("the store had all of them, bar for bar.")
    table = study.table(reports)
    assert table["added"].tolist() == [1259, 468]
    assert table["first"].tolist() == ["2014-01-03", "1947-01-31"]
    assert "46 by missing_price" in study.conclusions(reports)[1]
    assert any("arch is offered under terms" in doubt for doubt in study.doubts(reports))


def test_what_no_source_has_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    with pytest.raises(UnknownSymbolError, match="Did you mean 'VIX'"):
        study.ingest(store, ["arch"], ["SPX", "VXI"])
    with pytest.raises(SourceError, match="unknown source"):
        study.ingest(store, ["arhc"])
    assert store.symbols().empty


def test_months_without_a_bar_are_told_by_year(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    dates = pd.bdate_range("2019-11-01", "2021-02-28")
    dates = dates[~((dates.year == 2020) & (dates.month.isin([5, 6, 7])))]
    frame = pd.DataFrame({"ts": dates, "symbol": "A", "close": 1.0 + np.arange(len(dates))})
    report = store.ingest_frame(frame, source="mine", daily_close="16:00 UTC", progress=False)
    other = store.ingest_frame(
        frame[:30].assign(symbol="A"), source="theirs", daily_close="16:00 UTC", progress=False
    )
    years, missing = study.held_by_year(store, [report, other])
    assert years == [2019, 2020, 2021]
    assert missing["mine:A"] == pytest.approx([0.0, 0.25, 0.0])
    assert missing["theirs:A"] == pytest.approx([0.0, np.nan, np.nan], nan_ok=True)
