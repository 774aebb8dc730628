"""A registry with a few backtests in it, made by the simulator without a notebook, and services over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

from omni_lab.config import HOME_VARIABLE, Settings
from omni_lab.data import TradingCalendar
from omni_lab.data.synthetic import synthetic_bars
from omni_lab.pipelines import RunContext
from omni_lab.pipelines.backtest_request import settings_of_strategy
from omni_lab.pipelines.folder import RunFolder, create_run_folder
from omni_lab.pipelines.registry import RunRegistry
from omni_lab.pipelines.registry.records import iso
from omni_lab.pipelines.runner import prepare_run
from omni_lab.pipelines.studies import backtest as study
from omni_lab.simulator import EventSimulator, SimulationConfig
from omni_lab.store import DuckDBStore
from omni_lab.system import SystemConfig
from omni_lab.system.services import Services, open_services

BEGAN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


@contextmanager
def desk(home: Path) -> Iterator[Services]:
    """Services with a home of their own, which is also that of the jobs that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        config = SystemConfig(name="desk", symbols=("AAPL", "MSFT"))
        with open_services(config, Settings.from_env()) as services:
            yield services


def record_backtest(registry: RunRegistry, number: int, **values: Any) -> str:
    """A backtest of made-up prices as the pipeline records it; its id."""
    asked = dict(prepare_run("backtest", values={"symbol": "SYNTH", **values}).settings)
    known = set(SimulationConfig.__dataclass_fields__)
    config = SimulationConfig.from_mapping({name: value for name, value in asked.items() if name in known})
    strategy = asked["strategy"]
    rule = study.make_strategy(strategy, settings_of_strategy(strategy, asked, asked["strategy_settings"]))
    bars = synthetic_bars(seed=asked["seed"])
    results = EventSimulator(config, count_trials=False).run_backtest(rule, bars, progress=False)

    def leave(run: RunContext) -> None:
        run.record(
            metrics=dict(results.metrics),
            headline=study.headline(results.metrics),
            conclusions=["It was recorded by a test."],
            warnings=["Only a few trades."],
            data_fingerprint=bars.fingerprint,
            manifest=results.manifest,
            significance={"sharpe_ratio": results["sharpe_ratio"], "dsr": 0.4, "n_trials": 3.0},
        )
        ts = pd.to_datetime(results.ts, utc=True)
        run.save("equity.parquet", pd.DataFrame({"ts": ts, "equity": results.equity}))
        run.save("trades.parquet", results.trades.to_pandas())

    return record(registry, "backtest", asked, number, leave)


def record(
    registry: RunRegistry,
    pipeline: str,
    asked: Mapping[str, Any],
    number: int,
    leave: Any = None,
    *,
    status: str = "succeeded",
    error: str = "",
) -> str:
    """A run with what somebody leaves in its folder; its id. Runs follow each other by a minute."""
    started = BEGAN + timedelta(minutes=number)
    folder = create_run_folder(Settings.from_env().runs_dir, pipeline, started, {"n": number, **asked})
    facts = {
        "run_id": folder.run_id,
        "pipeline": pipeline,
        "started": iso(started),
        "duration_s": 1.5 + number,
        "parameters": dict(asked),
        "trigger": "hand",
    }
    registry.begin({**facts, "folder": str(folder.path)})
    if leave is not None:
        leave(RunContext(str(folder.path)))
        _notebook(folder, pipeline)
    problem = {"type": "DataError", "message": error, "cell": 3} if error else None
    registry.finish(folder.run_id, status, error=problem, facts={"duration_s": 1.5 + number})
    return folder.run_id


def _notebook(folder: RunFolder, pipeline: str) -> None:
    """An executed notebook that tries to run a script in the page that shows it."""
    v4 = nbformat.v4
    cell = v4.new_code_cell("1 + 1", execution_count=1)  # type: ignore[no-untyped-call]
    bad = "<p>made by a cell</p><script>parent.document.title = 'taken'</script>"
    cell.outputs = [v4.new_output("display_data", data={"text/html": bad})]  # type: ignore[no-untyped-call]
    title = v4.new_markdown_cell(f"# The {pipeline} pipeline")  # type: ignore[no-untyped-call]
    notebook = v4.new_notebook(cells=[title, cell])  # type: ignore[no-untyped-call]
    nbformat.write(notebook, folder.notebook_file)  # type: ignore[no-untyped-call]


def stock(services: Services, *symbols: str, n_days: int = 400) -> None:
    """Put made-up closes of instruments into the lake, as bars of the source ``made``."""
    store = DuckDBStore(services.settings.lake_dir)
    days = trading_days(n_days)
    for place, symbol in enumerate(symbols):
        rng = np.random.default_rng(place)
        close = 100.0 * np.cumprod(1.0 + rng.normal(0.0004 * (place + 1), 0.01 + 0.002 * place, n_days))
        frame = pd.DataFrame({"ts": days, "close": np.round(close, 2)})
        store.ingest_frame(
            frame, source="made", symbol=symbol, daily_close="16:00 America/New_York", progress=False
        )


def trading_days(n_days: int) -> pd.DatetimeIndex:
    """So many sessions of New York from the first of 2024."""
    return pd.DatetimeIndex(TradingCalendar.of("XNYS").sessions("2024-01-02", "2026-01-02")[:n_days])
