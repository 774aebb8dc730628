"""The tick store: ten million quotes of a thousand symbols in, an hour of one symbol out, bars and joins.

Beside it what somebody would pick instead: a table of DuckDB in a file, and Parquet files written by Arrow or
polars and filtered when they are read. TMPDIR chooses the disk.

    python tests/bench/store.py
    python tests/bench/store.py --quick
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from table import print_table, progress

DAY_NS, HOUR_NS = 86_400_000_000_000, 3_600_000_000_000
OPEN_NS = 19_000 * DAY_NS + 14 * HOUR_NS
N_SYMBOLS = 1_000
ROWS_PER_BATCH = 1_000_000
READS = 15
LEGEND = """
rows/s     million rows a second of CPU, all threads; for a read that of the rows it returns
CPU, wall  of the whole, or the median of one read, in milliseconds where it says ms
bytes      on disk for each row
ratio      CPU to that of the store: more than 1, and the store is faster
"""

Columns = dict[str, Any]


def market(n_rows: int) -> tuple[list[str], list[Columns]]:
    """Quotes in the order of time; a few symbols have most of them."""
    rng = np.random.default_rng(1)
    names = [f"S{number:04d}" for number in range(N_SYMBOLS)]
    ts = np.sort(rng.integers(0, 13 * HOUR_NS // 2, n_rows)) + OPEN_NS
    level = rng.integers(10, 500, N_SYMBOLS) * 10_000
    batches = []
    for start in range(0, n_rows, ROWS_PER_BATCH):
        n = min(ROWS_PER_BATCH, n_rows - start)
        instrument = np.minimum(rng.pareto(1.0, n) * 30, N_SYMBOLS - 1).astype(np.uint16)
        bid = level[instrument] + rng.integers(-50, 50, n) * 100
        batches.append(
            {
                "ts": ts[start : start + n],
                "instrument": instrument,
                "bid_price": bid,
                "bid_qty": rng.integers(1, 50, n) * 100,
                "ask_price": bid + 100 * rng.integers(1, 5, n),
                "ask_qty": rng.integers(1, 50, n) * 100,
            }
        )
    return names, batches


def run(*, quick: bool) -> dict[str, Any]:
    """Measure everything and print the table; the figures by name."""
    n_rows = 1_000_000 if quick else 10_000_000
    print(f"\n(i) Tick store: {n_rows:,} quotes, {N_SYMBOLS:,} symbols, one day", flush=True)
    names, batches = market(n_rows)
    figures: dict[str, Any] = {}
    table = [["", "CPU", "wall", "rows/s", "bytes", "ratio"]]
    with tempfile.TemporaryDirectory(prefix="omni-store-") as folder:
        for part in (writing, reading, asking):
            first = 0.0
            for name, n, cpu, wall, size in part(Path(folder), names, batches):
                progress(name)
                first = first or cpu
                figures[name] = {"cpu_s": cpu, "wall_s": wall, "rows": n, "bytes": size}
                shown = [
                    f"{1e3 * each:.1f} ms" if part is reading else f"{each:.2f} s" for each in (cpu, wall)
                ]
                ratio = f"{cpu / first:.2f}" if part is not asking else ""
                cells = [f"{n / cpu / 1e6:.3g}", f"{size / n:.1f}" if size else "", ratio]
                table.append([name, *shown, *cells])
    progress("")
    print_table(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"  peak memory of all, the data included: {peak / 1024:,.0f} MiB", flush=True)
    return figures


Row = tuple[str, int, float, float, int]


def writing(folder: Path, names: list[str], batches: list[Columns]) -> list[Row]:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    from omni_lab.store import DuckDBTickStore

    store = DuckDBTickStore(folder / "lake")
    arrow = [with_symbols(pa, names, batch) for batch in batches]
    connection = duckdb.connect(folder / "quotes.duckdb")
    kinds = "symbol VARCHAR, ts BIGINT, bid_price BIGINT, bid_qty BIGINT, ask_price BIGINT, ask_qty BIGINT"
    connection.execute(f"CREATE TABLE quote ({kinds})")
    (folder / "arrow").mkdir()
    (folder / "polars").mkdir()

    def append(i: int) -> None:
        store.append("quote", batches[i], symbols=names, batch=str(i))

    def insert(i: int) -> None:
        connection.register("batch", arrow[i])
        connection.execute("INSERT INTO quote SELECT * FROM batch")

    def by_arrow(i: int) -> None:
        pq.write_table(arrow[i], folder / "arrow" / f"{i:03d}.parquet")

    rows = []
    warm = DuckDBTickStore(folder / "warm")  # imports are not what is measured
    warm.append("quote", {name: values[:10] for name, values in batches[0].items()}, symbols=names)
    shutil.rmtree(warm.path)
    n_rows = sum(len(batch["ts"]) for batch in batches)
    for name, write, path in (
        ("ingest: tick store", append, folder / "lake"),
        ("... DuckDB, INSERT into a table", insert, folder / "quotes.duckdb"),
        ("... Arrow, a Parquet file a batch", by_arrow, folder / "arrow"),
    ):
        cpu, wall = timed(lambda write=write: [write(i) for i in range(len(batches))])
        if write is insert:
            connection.execute("CHECKPOINT")
        rows.append((name, n_rows, cpu, wall, bytes_of(path)))
    connection.close()
    try:
        import polars as pl
    except ImportError:
        return rows
    frames = [pl.from_arrow(batch) for batch in arrow]

    def by_polars() -> None:
        for i, frame in enumerate(frames):
            frame.write_parquet(folder / "polars" / f"{i:03d}.parquet", compression="lz4")

    cpu, wall = timed(by_polars)
    rows.append(("... polars, a Parquet file a batch", n_rows, cpu, wall, bytes_of(folder / "polars")))
    return rows


def reading(folder: Path, names: list[str], batches: list[Columns]) -> list[Row]:
    import duckdb
    import pyarrow.dataset as ds

    from omni_lab.store import DuckDBTickStore

    del names, batches
    store, symbol = DuckDBTickStore(folder / "lake"), "S0100"
    first, last = OPEN_NS + HOUR_NS, OPEN_NS + 2 * HOUR_NS - 1
    connection = duckdb.connect(folder / "quotes.duckdb", read_only=True)
    statement = "SELECT * FROM quote WHERE symbol = ? AND ts BETWEEN ? AND ? ORDER BY ts"
    chosen = (ds.field("symbol") == symbol) & (ds.field("ts") >= first) & (ds.field("ts") <= last)
    files = ds.dataset(folder / "arrow")
    ways: list[tuple[str, Callable[[], Any]]] = [
        ("an hour of a symbol: tick store", lambda: store.read("quote", symbol, first, last)),
        ("... DuckDB", lambda: connection.execute(statement, [symbol, first, last]).df()),
        ("... Arrow dataset", lambda: files.to_table(filter=chosen).sort_by("ts").to_pandas()),
    ]
    try:
        import polars as pl

        lazy = pl.scan_parquet(folder / "polars" / "*.parquet").filter(
            (pl.col("symbol") == symbol) & pl.col("ts").is_between(first, last)
        )
        ways.append(("... polars, lazy", lambda: lazy.collect().sort("ts")))
    except ImportError:
        pass
    rows = [median_of_reads(name, read) for name, read in ways]
    lengths = {n for _, n, *_ in rows}
    assert len(lengths) == 1, f"the answers differ: {lengths}"
    connection.close()
    store.compact("quote")
    rows.append(
        median_of_reads("... tick store, compacted", lambda: store.read("quote", symbol, first, last))
    )
    return rows


def asking(folder: Path, names: list[str], batches: list[Columns]) -> list[Row]:
    from omni_lab.store import DuckDBTickStore

    store = DuckDBTickStore(folder / "lake")
    for i, batch in enumerate(batches):
        trades = {name: batch[name][::4] for name in ("ts", "instrument")}
        trades |= {"price": batch["bid_price"][::4], "qty": batch["bid_qty"][::4]}
        store.append("trade", trades, symbols=names, batch=str(i))
    n_trades = sum(len(batch["ts"][::4]) for batch in batches)
    n_rows = sum(len(batch["ts"]) for batch in batches)
    rows = []
    for name, n, ask in (
        ("compact the trades", n_trades, lambda: store.compact("trade")),
        ("read every quote, as columns", n_rows, lambda: store.read_columns("quote")),
        ("one-minute bars of every trade", n_trades, lambda: store.resample(None, "1min")),
        ("every trade with its quote", n_trades, lambda: store.asof(None)),
        ("verify every file", n_rows + n_trades, store.verify),
    ):
        rows.append((name, n, *timed(ask), 0))
    return rows


def with_symbols(pa: Any, names: list[str], batch: Columns) -> Any:
    symbol = pa.DictionaryArray.from_arrays(pa.array(batch["instrument"].astype(np.int32)), pa.array(names))
    rest = {name: values for name, values in batch.items() if name != "instrument"}
    return pa.table({"symbol": symbol.cast(pa.string()), **rest})


def median_of_reads(name: str, read: Callable[[], Any]) -> Row:
    read()
    times = [timed(read) for _ in range(READS)]
    cpu, wall = (statistics.median(each) for each in zip(*times, strict=True))
    return name, len(read()), cpu, wall, 0


def timed(work: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def bytes_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    run(quick=parser.parse_args().quick)
    print(LEGEND)
    return 0


if __name__ == "__main__":
    sys.exit(main())
