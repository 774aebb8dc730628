"""A new strategy to start from: its file, its test and its notebook, all three of which pass as they are."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from string import Template

from omni_lab.errors import ConfigError
from omni_lab.pipelines.scaffold_notebook import notebook_cells

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 60

_STRATEGY = '''\
"""$title: say here in a sentence what it bets on, and why that should pay."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_lab.strategies import Bar, Context, Strategy, register
from omni_lab.strategies.settings import not_whole, out_of_range, parse_settings, refuse, settings


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class ${kind}Config:
    """Settings of :class:`$kind`.

    Attributes
    ----------
    window : int
        Bars of the average.
    weight : float
        Fraction of equity held of an instrument above its average.
    """

    window: int = 50
    weight: float = 1.0

    def __post_init__(self) -> None:
        refuse(
            self,
            not_whole("window", self.window, least=1, most=1_000_000),
            out_of_range("weight", self.weight, above=0),
        )


@register("$name")
class $kind(Strategy):
    """Hold what closes above its moving average; a rule to replace by your own.

    Parameters
    ----------
    config : mapping or ${kind}Config, optional
        Settings by name; unknown ones are refused.
    """

    def __init__(self, config: Mapping[str, Any] | ${kind}Config | None = None) -> None:
        self.config = parse_settings(${kind}Config, config)

    def on_start(self, ctx: Context) -> None:
        """Declare the average."""
        self._average = ctx.sma(self.config.window)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Compare the close with it."""
        average = self._average.value
        if math.isnan(average):
            return
        wanted = bar.close > average
        if wanted != (ctx.position > 0):
            ctx.target_weight(self.config.weight if wanted else 0.0)
'''

_TEST = '''\
"""$title decides what it should, and by nothing that comes later."""

import sys
from pathlib import Path

import numpy as np
import pytest

from omni_lab.data import Bars, synthetic_bars
from omni_lab.errors import ConfigError
from omni_lab.simulator import EventSimulator
from omni_lab.strategies import create

sys.path.insert(0, str(Path(__file__).parent))

from $name import $kind


def closes(*values: float) -> Bars:
    """Daily closes."""
    days = np.datetime64("2024-01-01", "ns") + np.arange(len(values)) * np.timedelta64(1, "D")
    return Bars.from_closes(days, values, symbol="X")


def test_it_holds_what_is_above_its_average() -> None:
    bars = closes(100.0, 100.0, 106.0, 108.0, 90.0, 90.0)
    results = EventSimulator({"fill": "next_close"}).run_backtest($kind({"window": 3}), bars)
    # Above the average at the third close, below it at the fifth; filled at the next close each time.
    assert (results.positions[:, 0] > 0).tolist() == [False, False, False, True, True, False]


def test_it_does_not_look_ahead() -> None:
    report = EventSimulator().check_lookahead($kind(), synthetic_bars(), max_cuts=20, progress=False)
    report.raise_if_failed()


def test_it_is_known_by_its_name_and_refuses_what_it_does_not_know() -> None:
    assert isinstance(create("$name", {"window": 20}), $kind)
    with pytest.raises(ConfigError, match="Did you mean 'window'"):
        $kind({"windw": 20})
'''


def new_strategy(name: str, directory: Path) -> list[Path]:
    """Write a strategy, its test and its notebook.

    Parameters
    ----------
    name : str
        What it will be registered and imported as: lower case words joined by underscores.
    directory : Path
        Where to; made if it is not there.

    Returns
    -------
    list of Path
        The files written: ``NAME.py``, ``test_NAME.py`` and ``NAME.ipynb``.

    Raises
    ------
    ConfigError
        If the name cannot be used, or one of the files exists; nothing is written then.
    """
    import nbformat

    _refuse_name(name)
    words = name.split("_")
    facts = {"name": name, "kind": "".join(map(str.capitalize, words)), "title": " ".join(words).capitalize()}
    notebook: str = nbformat.writes(notebook_cells(**facts))  # type: ignore[no-untyped-call]
    texts = {
        directory / f"{name}.py": Template(_STRATEGY).substitute(facts),
        directory / f"test_{name}.py": Template(_TEST).substitute(facts),
        directory / f"{name}.ipynb": notebook.rstrip("\n") + "\n",
    }
    for path in texts:
        if path.exists():
            raise ConfigError(
                "this file exists and is left as it is",
                found=path.name,
                where=str(directory),
                hint="Choose another name, or another directory with --into.",
            )
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise ConfigError("the files could not be written", found=str(error), where=str(directory)) from error
    return written


def _refuse_name(name: str) -> None:
    from omni_lab.strategies import names

    problem = None
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        problem = "a strategy is named by lower case words joined by underscores"
    elif keyword.iskeyword(name) or keyword.issoftkeyword(name):
        problem = "this is a word of Python"
    elif name in sys.stdlib_module_names or name == "omni_lab":
        problem = "a module of this name exists and would be hidden"
    elif name.startswith("test_") or name in ("conftest", "strategy"):
        problem = "this name means something else"
    elif name in names():
        problem = "a strategy of this name exists"
    if problem is not None:
        raise ConfigError(problem, found=name, expected="a name such as mean_reversion", where="NAME")
