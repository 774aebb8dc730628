"""The journal of a run: what was done in its order, the same bytes for the same run, no bit unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from omni_lab.data import Events
from omni_lab.errors import JournalError, SchemaError
from omni_lab.execution.journal import verify_journal
from omni_lab.simulator import (
    BacktestResults,
    EventSimulator,
    MarketImpact,
    SimulationConfig,
    Split,
    TickResults,
    TickSimulator,
    open_journal,
)
from omni_lab.strategies import Bar, Context
from tests.simulator.market import Script, random_bars

Results = BacktestResults | TickResults


def bars_run() -> BacktestResults:
    """Two instruments, all kinds of orders, a split, impact."""
    rng = np.random.default_rng(8)

    def act(ctx: Context, bar: Bar) -> None:
        near = bar.close * (1 + 0.01 * rng.standard_normal())
        (ctx.buy if rng.random() < 0.5 else ctx.sell)(50.0, symbol=bar.symbol, limit=near)
        ctx.target_weight(rng.uniform(-0.4, 0.4), symbol=bar.symbol)

    config = SimulationConfig(
        slippage_ticks=1,
        impact=MarketImpact(model="square_root"),
        actions=[Split(symbol="S0", ex="2024-01-20", new=3, old=2)],
    )
    return EventSimulator(config, count_trials=False).run_backtest(Script(act), random_bars(40, 2, seed=2))


def ticks_run() -> TickResults:
    """A quiet market of levels, two orders, one of them canceled."""
    levels = {"ts": [0, 0], "kind": [12, 12], "side": [1, 2], "qty": [5, 5], "price": [99, 101]}
    trade = {"ts": [3 * 10**9], "kind": [6], "side": [1], "qty": [9], "price": [99]}
    events = Events.from_columns({name: levels[name] + trade[name] for name in levels})
    sim = TickSimulator(events, {"feed_delay_ns": 0})
    sim.advance(1000)
    sim.submit("buy", 2, limit=99.0)
    second = sim.submit("sell", 1, limit=105.0)
    sim.elapse("1s")
    sim.cancel(second)
    sim.run()
    return sim.results()


RUNS: dict[str, Callable[[], Results]] = {"bars": bars_run, "ticks": ticks_run}


@pytest.fixture(scope="module", params=RUNS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    results = RUNS[request.param]()
    return results, results.write_journal(tmp_path_factory.mktemp("journal") / "deep" / "run.journal")


def test_it_is_read_back_as_it_was(written: tuple[Results, Path]) -> None:
    results, path = written
    journal = open_journal(path)
    assert journal.verify() == journal.n_frames == 1 + sum(journal.counts.values())
    assert journal.sha256 == results.journal_sha256
    assert journal.manifest["events_sha256"] == results.events_sha256
    for name in ("settings", "data"):
        assert journal.manifest[name] == results.manifest[name]
    raw = results._run.fills if isinstance(results, BacktestResults) else results._messages
    table = journal.table("fills" if isinstance(results, BacktestResults) else "messages")
    assert list(table) == list(raw)
    assert len(next(iter(table.values()))) > 3
    for name, column in raw.items():
        np.testing.assert_array_equal(table[name], column)
        assert table[name].dtype == column.dtype


def test_an_order_comes_before_what_happens_to_it_and_an_end_after() -> None:
    results = bars_run()
    tables, rows = results._happenings.order
    names = list(results._happenings.tables)
    place = {
        (names[table], int(results._happenings.tables[names[table]]["order"][row]), int(row)): at
        for at, (table, row) in enumerate(zip(tables, rows, strict=True))
        if names[table] in ("orders", "fills", "ends")
    }
    sent = {order: at for (name, order, _), at in place.items() if name == "orders"}
    ended = {order: at for (name, order, _), at in place.items() if name == "ends"}
    fills = [(row, order, at) for (name, order, row), at in place.items() if name == "fills"]
    assert len(fills) > 20
    assert all(sent[order] < at < ended[order] for _, order, at in fills)
    # Fills keep the order in which the engine made them, and orders theirs.
    assert [row for row, _, at in sorted(fills, key=lambda fill: fill[2])] == sorted(row for row, *_ in fills)
    assert sorted(sent, key=lambda order: sent[order]) == sorted(sent)
    steps = [
        int(results._happenings.tables[names[table]]["step"][row])
        for table, row in zip(tables, rows, strict=True)
    ]
    assert steps == sorted(steps)


def test_ticks_are_told_in_the_order_of_our_clock(tmp_path: Path) -> None:
    journal = open_journal(ticks_run().write_journal(tmp_path / "run"))
    assert journal.frames.tolist()[:5] == ["samples", "orders", "messages", "orders", "messages"]
    assert journal.counts == {"orders": 2, "messages": 7, "samples": 5}


@pytest.mark.parametrize("kind", RUNS)
def test_threads_and_another_process_write_the_same_bytes(kind: str, tmp_path: Path) -> None:
    expected = RUNS[kind]().journal_sha256
    for n_threads in (1, 2):
        with ThreadPoolExecutor(n_threads) as pool:
            assert {each.journal_sha256 for each in pool.map(lambda _: RUNS[kind](), range(3))} == {expected}
    script = f"from tests.simulator.test_run_journal import {kind}_run as run; run().write_journal('there')"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env=_here())
    assert open_journal(tmp_path / "there").sha256 == expected
    assert (tmp_path / "there").read_bytes() == RUNS[kind]().write_journal(tmp_path / "here").read_bytes()


def test_any_flipped_bit_is_found_at_its_frame(written: tuple[Results, Path], tmp_path: Path) -> None:
    _, path = written
    content = path.read_bytes()
    begins = [0, *_begins(content)]
    rng = np.random.default_rng(1)
    near = range(0, 130, 9)  # the header, and the first of the manifest
    for at in [*near, *rng.integers(130, len(content), 40).tolist(), len(content) - 1]:
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(0, 8))
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(JournalError, match=r"journal|header") as caught:
            open_journal(tmp_path / "damaged").verify()
        assert f"offset {max(begin for begin in begins if begin <= at)}" in str(caught.value)


def test_no_length_but_its_own_passes(written: tuple[Results, Path], tmp_path: Path) -> None:
    content = written[1].read_bytes()
    for length in (0, 7, 63, 64, 66, 100, len(content) // 2, len(content) - 8, len(content) - 1):
        (tmp_path / "short").write_bytes(content[:length])
        with pytest.raises(JournalError):
            open_journal(tmp_path / "short").verify()
    (tmp_path / "long").write_bytes(content + bytes(8))
    with pytest.raises(JournalError, match=f"offset {len(content)}"):
        open_journal(tmp_path / "long")


def test_the_native_reader_counts_the_same_frames(written: tuple[Results, Path], tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001.seg").write_bytes(written[1].read_bytes())
    assert verify_journal(tmp_path, progress=False).n_frames == open_journal(written[1]).n_frames


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("omni_lab.simulator.run_journal.publish", full)
    with pytest.raises(JournalError, match="no space left"):
        ticks_run().write_journal(path)
    assert [each.name for each in tmp_path.iterdir()] == ["run"]
    assert path.read_bytes() == b"before"


def test_what_is_no_journal_of_a_run_is_refused(tmp_path: Path, written: tuple[Results, Path]) -> None:
    (tmp_path / "text").write_text("ts,price\n" * 20)
    with pytest.raises(JournalError, match="no journal"):
        open_journal(tmp_path / "text")
    with pytest.raises(JournalError, match="cannot be read"):
        open_journal(tmp_path / "absent")
    with pytest.raises(SchemaError, match="no such table"):
        open_journal(written[1]).table("prices")


def _begins(content: bytes) -> list[int]:
    """Where frames begin, walked one by one."""
    found, at = [], 64
    while at < len(content):
        found.append(at)
        at += -(-(24 + int.from_bytes(content[at : at + 4], "little")) // 8) * 8
    return found


def _here() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "3"}
