"""Small trading systems for tests: everything real, in a directory that is thrown away."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omni_lab.config import Settings
from omni_lab.system import Services, SystemConfig, TradingSystem, open_services


def paper(home: Path, **settings: Any) -> SystemConfig:
    """A synthetic market of two instruments that runs on."""
    return SystemConfig(**{"name": "test", "n_symbols": 2, "home": home, **settings})


def halting(home: Path) -> SystemConfig:
    """The same of one instrument, with a strategy that runs."""
    return paper(home, n_symbols=1, strategy="market_making")


@contextmanager
def running(home: Path, **settings: Any) -> Iterator[TradingSystem]:
    """A paper system that runs, with both instruments quoted on both sides."""
    with TradingSystem(paper(home, **settings)) as system:
        system.ready(10.0)
        yield system


@contextmanager
def served(home: Path, **settings: Any) -> Iterator[Services]:
    """Everything that gateway and dashboard serve, in a directory of its own."""
    services = open_services(paper(home / "system", **settings), Settings(data_dir=home))
    with services:
        services.system.ready(10.0)
        yield services
