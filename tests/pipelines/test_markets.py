"""A day of a market is opened from a file or a seed, and what is no market is refused with a reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import EventKind, Events, TradingState, synthetic_itch
from omni_lab.errors import CodecError, ConfigError, DataError, SourceError, UnknownSymbolError
from omni_lab.pipelines.markets import MarketDay, open_market


def small(**asked: Any) -> MarketDay:
    """A short made-up day."""
    return open_market(messages=20_000, symbols=2, **asked)


def test_the_same_seed_makes_the_same_day_and_another_seed_another() -> None:
    one, same, other = (small(seed=seed) for seed in (3, 3, 4))
    assert one.feed.fingerprint == same.feed.fingerprint != other.feed.fingerprint
    assert one.symbol == same.symbol
    assert "seed 3" in one.origin
    assert any("made up" in line for line in one.caveats)


def test_without_a_symbol_the_one_that_trades_most_is_taken(tmp_path: Path) -> None:
    synthetic_itch(tmp_path / "20240102.itch", messages=20_000, symbols=2, seed=3, progress=False)
    path = str(tmp_path / "20240102.itch")
    chosen = open_market(path)
    others = {"AAA", "AAB"} - {chosen.symbol}
    counts = [len(open_market(path, symbol=name).tape.trade_ts) for name in (chosen.symbol, *others)]
    assert counts[0] == max(counts)
    assert "20240102.itch" in chosen.origin
    assert str(tmp_path) not in chosen.origin


def test_outside_a_session_nothing_trades() -> None:
    free, bound = (small(session=session, seed=3) for session in (None, "XNAS"))
    events = bound.feed.events
    halts = (events.kind == EventKind.STATUS) & (events.qty == TradingState.HALTED)
    assert halts.sum() > ((free.feed.events.kind == EventKind.STATUS) & (free.feed.events.qty == 2)).sum()


def test_what_cannot_be_opened_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "noise.itch").write_bytes(np.random.default_rng(1).bytes(500))
    with pytest.raises(SourceError, match="no such capture"):
        open_market(str(tmp_path / "nothing.itch"))
    with pytest.raises(SourceError, match="no such capture"):
        open_market(str(tmp_path))
    with pytest.raises((CodecError, DataError)):
        open_market(str(tmp_path / "noise.itch"))
    with pytest.raises(UnknownSymbolError, match="AAA"):
        small(symbol="NOPE")
    with pytest.raises(ConfigError, match="calendar"):
        small(session="XXXX")


def test_a_capture_without_a_day_in_it_is_no_market(test_data: Path) -> None:
    with pytest.raises(DataError, match="orders can be sent to"):
        open_market(str(test_data / "itch" / "omi_nasdaq_bx_2023.itch"), symbol="META")


def test_a_lobster_hour_is_a_market(test_data: Path) -> None:
    (path,) = (test_data / "lob" / "lobster").glob("AAPL_*_message_50.csv.gz")
    day = open_market(str(path))
    assert day.symbol == "AAPL"
    assert day.traded > 100_000
    assert isinstance(day.feed.events, Events)
