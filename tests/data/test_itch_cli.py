"""``omni itch``: what it prints of a small made-up day, and what it says of bad input."""

import gzip
import json
from pathlib import Path

import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from omni_lab.cli import app
from omni_lab.data import ItchFile, synthetic_itch
from omni_lab.data.itch_report import book_at, check_books
from tests.data.plain_books import PlainBooks

N_MESSAGES, N_SYMBOLS = 20_000, 12


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("itch") / "day.itch"
    synthetic_itch(path, messages=N_MESSAGES, symbols=N_SYMBOLS, seed=3)
    return path


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_generate_writes_the_same_day_twice(tmp_path: Path, day: Path) -> None:
    path = tmp_path / "again.itch"
    options = ("--messages", N_MESSAGES, "--symbols", N_SYMBOLS, "--seed", 3)
    assert call("itch", "generate", path, *options).exit_code == 0
    assert path.read_bytes() == day.read_bytes()


def test_stats_count_every_message_and_symbol(day: Path) -> None:
    result = call("itch", "stats", day)
    assert result.exit_code == 0
    assert f"{N_MESSAGES:,} messages in {day.stat().st_size:,} bytes" in result.stdout
    assert f"{N_SYMBOLS} symbols" in result.stdout
    counts = [int(line.split()[2].replace(",", "")) for line in result.stdout.splitlines()[2:]]
    assert sum(counts) == N_MESSAGES


def test_checksum_is_one_line_of_json_and_does_not_depend_on_compression(day: Path, tmp_path: Path) -> None:
    packed = tmp_path / "day.gz"
    packed.write_bytes(gzip.compress(day.read_bytes()))
    first, second = (json.loads(call("itch", "book", path, "--checksum").stdout) for path in (day, packed))
    assert first["messages"] == second["messages"] == N_MESSAGES
    assert first["checksum"] == second["checksum"] > 0
    assert first["cpu_s"] > 0
    assert check_books(ItchFile(day)).checksum == first["checksum"]


def test_the_checksum_is_the_sum_over_the_best_prices_after_every_message(day: Path) -> None:
    books = PlainBooks()
    for _ in books.run(ItchFile(day).events()):
        pass
    assert books.checksum == check_books(ItchFile(day)).checksum


def test_book_shows_the_levels_at_a_time_and_at_the_end(day: Path) -> None:
    capture = ItchFile(day)
    symbol = next(iter(capture.symbols().values()))
    result = call("itch", "book", day, symbol, "--levels", 2, "--at", "12:00")
    assert result.exit_code == 0
    assert result.stdout.split("\n")[0].split()[:3] == ["bid_price", "bid_qty", "bid_orders"]
    at_noon, at_the_end = book_at(capture, symbol, "12:00", 2), book_at(capture, symbol, None, 2)
    assert list(at_noon.columns) == list(at_the_end.columns)
    first = at_noon.iloc[0]
    assert first.bid_price < first.ask_price


def test_to_parquet_writes_a_file_for_each_type(day: Path, tmp_path: Path) -> None:
    assert call("itch", "to-parquet", day, "-o", tmp_path / "out", "--types", "AD").exit_code == 0
    rows = {path.stem: parquet.read_metadata(path).num_rows for path in (tmp_path / "out").rglob("*.parquet")}
    stats = ItchFile(day).stats().messages
    assert sorted(rows.values()) == sorted([stats["A"], stats["D"]])


@pytest.mark.parametrize("command", ["stats", "book"])
def test_bad_captures_are_refused_in_a_sentence(command: str, day: Path, tmp_path: Path) -> None:
    missing, empty, other = tmp_path / "missing", tmp_path / "empty", tmp_path / "other"
    empty.write_bytes(b"")
    other.write_text("this is no capture of anything\n" * 50)
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(day.read_bytes())[:-2000])
    more = ("--checksum",) if command == "book" else ()
    for path in (missing, empty, tmp_path, other, cut):
        result = call("itch", command, path, *more)
        assert result.exit_code == 2, (path, result.output)
        assert result.stderr.startswith("omni: ")
        assert path.name in result.stderr


def test_a_symbol_that_does_not_exist_is_refused(day: Path) -> None:
    result = call("itch", "book", day, "NOSUCH")
    assert result.exit_code == 2
    assert "NOSUCH" in result.stderr
    assert call("itch", "book", day).exit_code == 2
