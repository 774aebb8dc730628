"""Prices for a pipeline: from the store, ingested first where the store lacks them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from omni_lab.errors import ConfigError, MissingExtraError, UnknownSymbolError

if TYPE_CHECKING:
    from omni_lab.data import Bars
    from omni_lab.store import BarStore, IngestReport

_MADE_UP = "made up, from a seed"
_STORED = "the store"
_CAVEATS = {
    "arch": "An index or a spot price could not be bought as such, and leaves out dividends.",
    "skfolio": "These shares were chosen with hindsight, as survivors: part of any return is that choice.",
    "statsmodels": "An index could not be bought as such, and leaves out dividends; its dates are inferred.",
    _MADE_UP: "The prices are made up: a gain on them shows that the rule works, not that it pays.",
}

NETWORK_FREE = ("arch", "skfolio", "statsmodels")
"""Sources that installed packages carry; the first that has a symbol is taken."""


def load_bars(
    store: "BarStore",
    symbol: str,
    *,
    source: str | None = None,
    start: str | None = None,
    end: str | None = None,
    closes_only: bool = False,
    seed: int = 7,
) -> "Bars":
    """Bars of a symbol from a store, ingested first if the store lacks them.

    Parameters
    ----------
    store : BarStore
    symbol : str
        ``"SYNTH"`` is made on the spot from ``seed`` and touches no store.
    source : str, optional
        See :func:`ensure_ingested`.
    start, end : str, optional
        First and last day, both included.
    closes_only : bool
        Leave out open, high and low.
    seed : int
        Of ``SYNTH``.

    Raises
    ------
    UnknownSymbolError, SourceError, MissingExtraError
        See :func:`ensure_ingested`.
    DataError
        If the range holds no bars.
    """
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL, synthetic_bars

    if symbol == SYNTHETIC_SYMBOL:
        return synthetic_bars(seed=seed)
    ensure_ingested(store, symbol, source=source)
    return store.load(symbol, start=start, end=end, source=source, closes_only=closes_only)


def origin(symbol: str, source: str | None = None) -> str:
    """Where the bars of a symbol come from, in a line.

    Parameters
    ----------
    symbol : str
    source : str, optional
        See :func:`ensure_ingested`.
    """
    from omni_lab.data.sources import SOURCES

    name = _source_of(symbol, source)
    return f"{name}: {SOURCES[name].description}" if name in SOURCES else name


def caveats(symbol: str, source: str | None = None) -> list[str]:
    """What somebody must know of these prices before believing a result on them.

    Parameters
    ----------
    symbol : str
    source : str, optional
        See :func:`ensure_ingested`.
    """
    known = _CAVEATS.get(_source_of(symbol, source))
    return [known] if known else []


def ensure_ingested(
    store: "BarStore", symbol: str, *, source: str | None = None, progress: bool = True
) -> "IngestReport | None":
    """Make sure that a store has the bars of a symbol.

    Parameters
    ----------
    store : BarStore
    symbol : str
    source : str, optional
        Where to take it from; by default the first of the installed sources that has it.
    progress : bool
        Whether to show progress.

    Returns
    -------
    IngestReport or None
        None when the store had it already.

    Raises
    ------
    UnknownSymbolError
        If no installed source has the symbol.
    SourceError, MissingExtraError
        If the source named does not exist, or its package is not installed.
    """
    from omni_lab.data.sources import get_source

    if source is not None:
        get_source(source)
    stored = store.symbols()
    held = stored[stored["symbol"] == symbol]
    if len(held) and (source is None or source in set(held["source"])):
        return None
    known: list[str] = []
    absent: list[str] = []
    for name in (source,) if source else NETWORK_FREE:
        try:
            symbols = get_source(name).symbols()
        except MissingExtraError:
            if source:
                raise
            absent.append(name)
            continue
        if symbol in symbols:
            return store.ingest(name, [symbol], progress=progress)
        known += symbols
    raise UnknownSymbolError(
        "no source has this symbol",
        found=symbol,
        expected=known,
        where=f"source {source!r}" if source else f"sources {', '.join(NETWORK_FREE)}",
        hint=f"Not installed: {', '.join(absent)}; pip install 'omni-lab[samples]'." if absent else None,
    )


def ingest_sources(
    store: "BarStore", sources: Iterable[str] = (), *, progress: bool = True
) -> "list[IngestReport]":
    """Ingest everything that some sources have; a second time changes nothing.

    Parameters
    ----------
    store : BarStore
    sources : iterable of str, optional
        All that are installed, by default.
    progress : bool
        Whether to show progress.

    Raises
    ------
    SourceError, MissingExtraError
        If a source does not exist or is not installed; nothing has been ingested then.
    ConfigError
        If none is named and none is installed.
    """
    return [store.ingest(name, progress=progress) for name in installed_sources(sources)]


def installed_sources(sources: Iterable[str] = ()) -> list[str]:
    """These sources, each once; all that are installed, by default.

    Raises
    ------
    SourceError, MissingExtraError, ConfigError
        As :func:`ingest_sources`.
    """
    from omni_lab.data.sources import get_source

    names = list(dict.fromkeys(sources))
    for name in names:
        get_source(name).symbols()
    names = names or [name for name in NETWORK_FREE if _is_installed(name)]
    if not names:
        raise ConfigError(
            "no source of prices is installed",
            expected=NETWORK_FREE,
            hint="Install them: pip install 'omni-lab[samples]'.",
        )
    return names


def _source_of(symbol: str, source: str | None) -> str:
    from omni_lab.data.sources import get_source
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL

    if symbol == SYNTHETIC_SYMBOL:
        return _MADE_UP
    installed = filter(_is_installed, NETWORK_FREE)
    return source or next((name for name in installed if symbol in get_source(name).symbols()), _STORED)


def _is_installed(source: str) -> bool:
    from omni_lab.data.sources import get_source

    try:
        get_source(source).symbols()
    except MissingExtraError:
        return False
    return True
