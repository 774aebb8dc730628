"""The notebook of a new strategy: a question, prices, a backtest, the guard, and a verdict to be written."""

from __future__ import annotations

from string import Template
from typing import Any

_CELLS = (
    (
        "title",
        "markdown",
        "# $title: does it pay, and would we notice if it had been luck?\n\n"
        "Say here what it bets on, on which prices, and why somebody should be on the other side.",
    ),
    (
        "imports",
        "code",
        "from $name import $kind\n\n"
        "from omni_lab.pipelines.prices import load_bars\n"
        "from omni_lab.simulator import EventSimulator, SimulationConfig\n"
        "from omni_lab.store import DuckDBStore",
    ),
    (
        "parameters",
        "code",
        'symbol: str = "SYNTH"  # made up on the spot; "SPX" is real\n'
        "window: int = 50  # bars of the average\n"
        "commission_rate: float = 0.0002  # 2 bps of the notional\n"
        "slippage_bps: float = 1.0  # lost by every market order\n"
        "seed: int = 7  # of everything random",
    ),
    ("prices", "markdown", "## What it would have done"),
    (
        "backtest",
        "code",
        "bars = load_bars(DuckDBStore(), symbol, seed=seed)\n"
        "simulator = EventSimulator(\n"
        "    SimulationConfig(commission_rate=commission_rate, slippage_bps=slippage_bps, seed=seed)\n"
        ")\n"
        'strategy = $kind({"window": window})\n'
        "results = simulator.run_backtest(strategy, bars, progress=False)\n"
        "results",
    ),
    ("tearsheet", "code", "results.plot()"),
    ("guard", "markdown", "## Has it seen the future?"),
    ("lookahead", "code", "print(simulator.check_lookahead(strategy, bars, progress=False))"),
    (
        "verdict",
        "markdown",
        "## Verdict\n\n"
        "What was found, after costs and on prices that were not used to choose the settings; how many "
        "settings were tried; and what would change your mind.",
    ),
)


def notebook_cells(*, name: str, kind: str, title: str) -> Any:
    """The notebook, without outputs, for a strategy of this module name, class name and title."""
    from nbformat import v4

    node = v4.new_notebook(  # type: ignore[no-untyped-call]
        metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    )
    for cell_id, cell_type, source in _CELLS:
        make: Any = v4.new_markdown_cell if cell_type == "markdown" else v4.new_code_cell
        text = Template(source).substitute(name=name, kind=kind, title=title)
        cell = make(text, id=cell_id)
        if cell_id == "parameters":
            cell.metadata["tags"] = ["parameters"]
        node.cells.append(cell)
    return node
