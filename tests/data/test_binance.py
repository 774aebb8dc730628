"""Binance's recorded streams become levels and trades, and holes in them are seen."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data.binance import BinanceFile
from omni_lab.data.events import EventFlag, EventKind, Events
from omni_lab.errors import CodecError, ConfigError, DataError, SourceError
from tests.data.plain_books import PlainBooks

START = 1_723_161_255_000_000_000
SNAPSHOT = {
    "lastUpdateId": 10,
    "bids": [["99.50", "1.000"], ["99.40", "2.000"]],
    "asks": [["99.60", "3.000"]],
}


def depth(first: int, last: int, bids: Any = (), asks: Any = (), before: int | None = None) -> dict[str, Any]:
    """A depth update, of futures when it names the one before it."""
    message = {"e": "depthUpdate", "E": 1_723_161_256_299, "s": "BTCUSDT", "U": first, "u": last}
    return {**message, **({} if before is None else {"pu": before}), "b": list(bids), "a": list(asks)}


def trade(price: str, qty: str, *, buyer_waited: bool) -> dict[str, Any]:
    return {"e": "trade", "E": 1, "T": 2, "s": "BTCUSDT", "t": 77, "p": price, "q": qty, "m": buyer_waited}


@pytest.fixture
def recording(tmp_path: Path) -> Any:
    def write(*messages: Mapping[str, Any], **options: Any) -> BinanceFile:
        path = tmp_path / "btcusdt.gz"
        lines = [
            f"{START + number} {json.dumps({'data': message})}\n" for number, message in enumerate(messages)
        ]
        path.write_bytes(gzip.compress("".join(lines).encode()))
        return BinanceFile(path, **options)

    return write


def told(events: Events) -> list[tuple[str, int, int, int, int]]:
    """Kind, side, quantity, price and flags."""
    columns = (events.side, events.qty, events.price, events.flags)
    names = [EventKind(kind).name for kind in events.kind.tolist()]
    return list(zip(names, *(column.tolist() for column in columns), strict=True))


def test_updates_are_levels_and_the_last_of_them_leaves_the_book_whole(recording: Any) -> None:
    file = recording(
        depth(1, 5, bids=[["99.50", "1.000"], ["99.40", "0.000"]], asks=[["99.60", "2.500"]]),
        trade("99.60", "0.500", buyer_waited=False),
    )
    events = file.events()
    assert told(events) == [
        ("LEVEL", 1, 1_000, 9_950, 0),
        ("LEVEL", 1, 0, 9_940, 0),
        ("LEVEL", 2, 2_500, 9_960, EventFlag.LAST),
        ("TRADE", 2, 500, 9_960, EventFlag.PRINTABLE | EventFlag.LAST),
    ]
    assert (events.tick_size, events.lot_size, events.symbols) == (0.01, 0.001, {0: "BTCUSDT"})
    assert events.ts.tolist() == [START] * 3 + [START + 1]
    assert events.other_id.tolist() == [0, 0, 0, 77]
    assert str(events.date) == "2024-08-08"


def test_the_venues_clock_can_be_asked_for(recording: Any) -> None:
    file = recording(depth(1, 5, bids=[["1.0", "1"]]), trade("1.0", "1", buyer_waited=True), clock="venue")
    assert file.events().ts.tolist() == [1_723_161_256_299_000_000, 2_000_000]


def test_a_snapshot_replaces_the_book_and_later_updates_are_put_on_it_again(recording: Any) -> None:
    # The update 9 to 12 came before the snapshot of 10 did: it goes beyond it.
    file = recording(
        depth(1, 8, bids=[["90.00", "5.000"]]),
        depth(9, 12, bids=[["99.50", "7.000"]]),
        SNAPSHOT,
        depth(13, 14, asks=[["99.60", "0.000"], ["99.70", "1.000"]]),
    )
    book = PlainBooks()
    quotes = [quote for _, _, quote in book.run(file.events())]
    assert quotes[-1] == (9_950, 7_000, 9_970, 1_000)
    assert 9_000 not in book.levels[0, 1]
    assert file.counts["snapshots"] == 1
    assert file.counts.get("gaps", 0) == 0


@pytest.mark.parametrize("as_file", [False, True])
def test_updates_older_than_the_snapshot_are_left_out(recording: Any, tmp_path: Path, as_file: bool) -> None:
    snapshot: Any = SNAPSHOT
    if as_file:
        snapshot = tmp_path / "snapshot.json"
        snapshot.write_text(json.dumps(SNAPSHOT))
    file = recording(
        depth(5, 10, bids=[["99.50", "9.000"]]),
        depth(8, 12, bids=[["99.50", "4.000"]]),
        snapshot=snapshot,
    )
    quotes = [quote for _, _, quote in PlainBooks().run(file.events())]
    assert quotes == [(9_950, 1_000, 9_960, 3_000), (9_950, 4_000, 9_960, 3_000)]
    assert file.counts["stale"] == 1


@pytest.mark.parametrize(
    ("following", "expected", "found"),
    [(depth(12, 15), 11, 12), (depth(11, 15, before=9), 10, 9)],
    ids=["spot", "futures"],
)
def test_holes_are_counted_cleared_or_refused(
    recording: Any, following: dict[str, Any], expected: int, found: int
) -> None:
    before = 7 if "pu" in following else None
    messages = (depth(8, 10, bids=[["1.0", "1"]], before=before), {**following, "b": [["2.0", "1"]]})
    counting = recording(*messages)
    assert [name for name, *_ in told(counting.events())] == ["LEVEL", "LEVEL"]
    assert counting.counts["gaps"] == 1
    (gap,) = counting.gaps
    assert (gap.line, gap.symbol, gap.expected, gap.found) == (2, "BTCUSDT", expected, found)
    clearing = recording(*messages, on_gap="clear")
    assert [name for name, *_ in told(clearing.events())] == ["LEVEL", "CLEAR", "LEVEL"]
    with pytest.raises(DataError, match=f"updates are missing: found {found}, expected {expected}.*line 2"):
        recording(*messages, on_gap="raise").events()


def test_the_first_update_after_a_snapshot_must_reach_back_to_it(recording: Any) -> None:
    file = recording(depth(12, 15, bids=[["99.50", "4.000"]]), snapshot=SNAPSHOT)
    file.events()
    assert file.counts["gaps"] == 1


def test_trades_are_told_once_and_empty_ones_not_at_all(recording: Any) -> None:
    aggregate = {"e": "aggTrade", "s": "BTCUSDT", "a": 5, "p": "1.0", "q": "3", "T": 2, "m": True}
    messages = (trade("1.0", "1", buyer_waited=True), trade("0.0", "0", buyer_waited=True), aggregate)
    assert recording(*messages).events().qty.tolist() == [1]
    events = recording(*messages, trade_stream="aggTrade").events()
    assert (events.qty.tolist(), events.other_id.tolist()) == ([3], [5])


def test_units_can_be_given_and_what_does_not_fit_them_is_refused(recording: Any) -> None:
    message = depth(1, 2, bids=[["61837.60000000", "1.54698000"]])
    assert recording(message, tick_size=0.1, lot_size=1e-5).events().price.tolist() == [618_376]
    assert recording(message).events().price.tolist() == [6_183_760_000_000]
    with pytest.raises(
        DataError, match=r"cannot be counted in its unit: found '61837.6.*multiple of 1.*line 1"
    ):
        recording(message, tick_size=1.0).events()
    with pytest.raises(DataError, match="fits 64 bits"):
        recording(depth(1, 2, bids=[["1", "99999999999999.00000000"]])).events()
    with pytest.raises(ConfigError, match="unit must be"):
        recording(message, tick_size=-1.0).events()


def test_several_symbols_have_their_own_numbers(recording: Any) -> None:
    other = {**depth(70, 71, bids=[["5.0", "1"]]), "s": "ETHUSDT"}
    file = recording(depth(1, 2, bids=[["1.0", "1"]]), other, depth(3, 4, bids=[["1.5", "1"]]))
    events = file.events()
    assert events.symbols == {0: "BTCUSDT", 1: "ETHUSDT"}
    assert events.instrument.tolist() == [0, 1, 0]
    assert file.counts.get("gaps", 0) == 0


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", SourceError, "is empty"),
        (b"1 {}\nnonsense\n", CodecError, r"no message.*found b'nonsense.n'.*line 2"),
        (b'1 {"e": "trade", "s": "X"}\n', CodecError, "no message.*line 1"),
        (
            b'1 {"e": "depthUpdate", "s": "X", "U": 1, "u": 2, "b": [["a", "1"]], "a": []}\n',
            CodecError,
            "line 1",
        ),
        (b"1 [1, 2]\n", CodecError, "line 1"),
        (gzip.compress(b'1 {"e": "x"}\n' * 9, mtime=0)[:-9], CodecError, "ends before its compression says"),
    ],
    ids=["empty", "no message", "no symbol's trade", "no number", "a list", "cut off within gzip"],
)
def test_bad_recordings_are_refused_with_the_line(
    tmp_path: Path, content: bytes, error: type[Exception], words: str
) -> None:
    path = tmp_path / "recording"
    path.write_bytes(content)
    with pytest.raises(error, match=words):
        BinanceFile(path).events()


def test_options_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="on_gap cannot be this: found 'ignore'"):
        BinanceFile(tmp_path / "absent", on_gap="ignore")  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="no such recording"):
        BinanceFile(tmp_path / "absent").events()
    (tmp_path / "one").write_text('1 {"e": "x"}\n')
    (tmp_path / "snapshot").write_text('{"bids": []}')
    with pytest.raises(CodecError, match="no snapshot"):
        BinanceFile(tmp_path / "one", snapshot=tmp_path / "snapshot").events()


@pytest.mark.parametrize(
    ("name", "n_updates"), [("usdm_btcusdt_20240808.gz", 6_545), ("spot_btcusdt_20240808.gz", 3_448)]
)
def test_rebuilt_best_prices_are_those_that_binance_says(test_data: Path, name: str, n_updates: int) -> None:
    file = BinanceFile(test_data / "lob/hftbacktest" / name)
    tables = file.books()
    assert tables.counts["crossed"] == tables.counts["locked"] == 0
    assert file.counts.get("gaps", 0) == 0
    updates, quotes, bbo = Updates(file), file.best_quotes(), tables.columns["bbo"]
    after = updates.ts > updates.snapshot_ts
    assert after.sum() == n_updates
    # A quote bears the number of the update that made it; an update of levels, that of the last one in it.
    rebuilt = np.searchsorted(bbo["ts"], updates.ts[after], side="right") - 1
    said = np.searchsorted(quotes["update_id"], updates.last[after], side="right") - 1
    for column in ("bid_price", "bid_qty", "ask_price", "ask_qty"):
        assert np.array_equal(bbo[column][rebuilt], quotes[column][said])


class Updates:
    """Local times and last numbers of the depth updates of a recording, and when its snapshot came."""

    def __init__(self, file: BinanceFile) -> None:
        found, self.snapshot_ts = [], 0
        with gzip.open(file.path) as lines:
            for line in lines:
                stamp, _, text = line.partition(b" ")
                if b"lastUpdateId" in text[:40]:
                    self.snapshot_ts = int(stamp)
                elif b'"depthUpdate"' in text[:80]:
                    found.append((int(stamp), json.loads(text)["data"]["u"]))
        self.ts, self.last = np.array(found).T
