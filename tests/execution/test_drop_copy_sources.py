"""Fills out of an OMS, FIX messages and files; and the command that reconciles them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from omni_lab.cli import app
from omni_lab.errors import CodecError, DataError, OmniError
from omni_lab.execution import OMS, OMSConfig
from omni_lab.execution.drop_copy import (
    FillKind,
    Fills,
    Rules,
    fills_from_csv,
    fills_from_events,
    fills_from_fix,
    fills_from_journal,
    read_fills,
    reconcile,
)

S = 1_000_000_000
# Of the FIX 4.4 dictionary: a trade, a correction of it, and its cancel, for fields that matter.
REPORT = (
    "8=FIX.4.4|9=200|35=8|34=7|49=V|56=US|52=20240102-14:30:01.250|37=77|11=c1|17={id}|{ref}150={kind}|39=2|"
    "1=A|55=ACME|54={side}|31={price}|32={qty}|12=0.15|13=3|60=20240102-14:30:01.125|10=000|"
)


def report(
    number: str, kind: str = "F", ref: str = "", *, side: str = "1", price: str = "10.25", qty: str = "100"
) -> str:
    about = f"19={ref}|" if ref else ""
    return REPORT.format(id=number, kind=kind, ref=about, side=side, price=price, qty=qty)


def test_fix_reports_are_fills_busts_and_corrections() -> None:
    text = (
        report("x1")
        + report("x2", "G", "x1", price="10.50")
        + report("x3", "H", "x2")
        + report("x4", side="5")
    )
    fills = fills_from_fix(text)
    assert fills.kind.tolist() == [FillKind.FILL, FillKind.CORRECTION, FillKind.BUST, FillKind.FILL]
    assert fills.fill_id.to_pylist() == ["x1", "x2", "x3", "x4"]
    assert fills.ref_id.to_pylist() == [None, "x1", "x2", None]
    assert fills.side.tolist() == [1, 1, 1, 2]
    assert fills.price.tolist() == [10_250_000_000, 10_500_000_000, 10_250_000_000, 10_250_000_000]
    assert fills.fee.tolist() == [150_000_000] * 4
    assert fills.order_id.to_pylist() == ["c1"] * 4
    assert set(fills.ts.tolist()) == {int(np.datetime64("2024-01-02T14:30:01.125", "ns").astype(np.int64))}
    # The same from bytes with SOH, from mappings, and with a log's times before each message.
    as_bytes = text.replace("|", "\x01").encode()
    pairs = [
        dict(field.split("=") for field in line.split("|") if field)
        for line in text.replace("8=FIX", "\n8=FIX").split()
    ]
    mappings = [{int(tag): value for tag, value in each.items()} for each in pairs]
    logged = "".join(f"20240102-14:30:01.3 : {line}\n" for line in text.replace("8=FIX", "\n8=FIX").split())
    for other in (as_bytes, mappings, logged):
        assert fills_from_fix(other).to_frame().equals(fills.to_frame())


def test_other_fix_messages_are_passed_over() -> None:
    heartbeat = "8=FIX.4.4|9=50|35=0|34=8|49=V|56=US|52=20240102-14:30:02|10=000|"
    accepted = report("x1", "0")
    status = report("x2", "I")
    assert len(fills_from_fix(heartbeat + accepted + status)) == 0


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (report("x1").replace("17=x1|", ""), "tag 17"),
        (report("x1").replace("55=ACME|", ""), "tag 55"),
        (report("x1").replace("32=100|", ""), "tag 32"),
        (report("x1", "H"), "tag 19"),
        (report("x1", qty="1.5"), "whole number of lots"),
        (report("x1", qty="many"), "a quantity is a number"),
        (report("x1", price="cheap"), "finite number"),
        (report("x1", side="Z"), "unknown side"),
        (report("x1").replace("60=20240102-14", "60=2 January"), "a time is written as"),
        (report("x1").replace("60=20240102-14", "60=20241302-14"), "no time"),
    ],
)
def test_a_broken_report_is_named(broken: str, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        fills_from_fix(report("x0") + broken)


def test_lots_are_counted_by_the_grid() -> None:
    grid = Rules.from_mapping({"grid": {"lot_sizes": {"ACME": "0.5"}}}).grid
    assert fills_from_fix(report("x1", qty="1.5"), grid).qty.tolist() == [3]


def test_a_recorded_session_is_read(test_data: Path) -> None:
    fills = read_fills(test_data / "fix" / "FIX.4.2-CLIENT1-EXECUTOR.messages.current.log")
    raw = (test_data / "fix" / "FIX.4.2-CLIENT1-EXECUTOR.messages.current.log").read_bytes()
    # Counted in the text itself: reports of trades, in FIX 4.2's way.
    wanted = [
        m
        for m in raw.split(b"8=FIX")
        if b"\x0135=8\x01" in m and b"\x0120=0\x01" in m and (b"\x01150=2\x01" in m or b"\x01150=1\x01" in m)
    ]
    assert len(fills) == len(wanted) > 0
    assert fills.to_frame()["symbol"].iloc[0] == "AAPl"
    assert fills.to_frame()["price"].iloc[0] == 10004.0
    assert reconcile(fills, fills).breaks == ()


# --- our own system -------------------------------------------------------------------------------


@pytest.fixture
def traded(tmp_path: Path) -> tuple[Fills, Fills, Path]:
    """Fills by events and by journal of a small system, and the journal."""
    path = tmp_path / "journal"
    config = OMSConfig(instruments=["ACME", "EMCA"], accounts=["us", "them"], journal=str(path))
    with OMS(config) as oms:
        oms.submit("ACME", "sell", 300, 10.02, account="them", client_order_id="s1", ts=1 * S)
        oms.submit("ACME", "buy", 100, 10.02, account="us", client_order_id="b1", ts=2 * S)
        oms.submit("ACME", "buy", 250, 10.05, account="us", ts=3 * S)
        oms.submit("EMCA", "sell", 10, 1.23, account="us", ts=4 * S)
        oms.submit("EMCA", "buy", 10, 1.23, account="us", ts=5 * S)
        fills = fills_from_events(oms.events())
        positions = oms.positions()
    del positions
    return fills, fills_from_journal(path), path


def test_fills_of_an_oms(traded: tuple[Fills, Fills, Path]) -> None:
    by_events, by_journal, _ = traded
    frame = by_events.to_frame()
    assert by_journal.to_frame().equals(frame)
    assert len(frame) == 6, "both sides of three trades"
    ours = frame[(frame["account"] == "us") & (frame["symbol"] == "ACME")]
    assert ours["qty"].tolist() == [100, 200]
    assert set(ours["price"]) == {10.02}
    assert ours["order_id"].tolist()[0] == "b1"
    assert frame["fill_id"].is_unique, "a trade with oneself is two fills"
    result = reconcile(by_events, by_journal)
    assert result.breaks == ()
    holdings = {(gap.account, gap.symbol): gap.internal.position for gap in result.gaps()}
    assert holdings == {("us", "ACME"): 300, ("them", "ACME"): -300, ("us", "EMCA"): 0}


# --- files and the command ------------------------------------------------------------------------

CSV = """fill_id,order_id,account,symbol,side,qty,price,fee,ts
e1,o1,A,X,BUY,100,10.01,0.1,2024-01-02T14:30:00Z
e2,o2,A,X,SELL,50,10.5,,2024-01-02T14:30:01.5Z
e3,o3,,Y,B,7,0.123456789,0,1704205802000000000
"""


def omni(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["reconcile", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    ours.write_text(CSV)
    theirs.write_text(CSV.replace("10.01", "10.02").replace("SELL,50", "SELL,60"))
    return ours, theirs


def test_a_csv_file_is_read_exactly(files: tuple[Path, Path]) -> None:
    fills = fills_from_csv(files[0])
    assert fills.price.tolist() == [10_010_000_000, 10_500_000_000, 123_456_789]
    assert fills.fee.tolist() == [100_000_000, -(2**63), 0]
    assert (fills.ts - fills.ts[0]).tolist() == [0, 1_500_000_000, 2_000_000_000]
    assert [fills.accounts[code] for code in fills.account] == ["A", "A", ""]


def test_parquet_is_read(files: tuple[Path, Path], tmp_path: Path) -> None:
    frame = fills_from_csv(files[0]).to_frame()
    path = tmp_path / "ours.parquet"
    frame.drop(columns="ref_id").to_parquet(path)
    assert reconcile(read_fills(path), fills_from_csv(files[0])).breaks == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("e4,o,A,X,BUY,1.5,10,0,1", "whole number of lots"),
        ("e4,o,A,X,BUY,,10,0,1", "a quantity is a number"),
        ("e4,o,A,X,LEFT,1,10,0,1", "unknown side"),
        ("e4,o,A,X,BUY,1,ten,0,1", "finite number"),
        ("e4,o,A,X,BUY,1,10,0,yesterday", "time"),
        ("e4,o,A,X,BUY,1,10", "cannot be read"),
        ("e4,o,A,,BUY,1,10,0,1", "has a symbol"),
    ],
)
def test_a_broken_line_is_named(files: tuple[Path, Path], line: str, message: str) -> None:
    files[0].write_text(CSV + line + "\n")
    with pytest.raises(DataError, match=message) as caught:
        fills_from_csv(files[0])
    assert "ours.csv" in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.csv", "fills.xlsx", "damaged.parquet", "empty.csv"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "nothing.csv":
        path.write_text("" if name == "empty.csv" else "no fills")
    with pytest.raises(OmniError) as caught:
        read_fills(path)
    assert name in str(caught.value)


def test_the_command_prints_the_report_and_writes_the_tables(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    done = omni(*files, "--out", tmp_path / "out", "--now", "2024-01-02T16:00:00Z")
    assert done.exit_code == 1, "a quantity is open"
    assert "Reconciliation at 2024-01-02 16:00:00 UTC" in done.output
    assert "quantity (X, A) internal e2, external e2: 50 against 60" in done.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"report.txt", "breaks.csv", "positions.csv", "matches.csv", "audit.csv"}
    assert (tmp_path / "out" / "report.txt").read_text() in done.output
    assert "one tick" in (tmp_path / "out" / "breaks.csv").read_text()
    assert omni(files[0], files[0]).exit_code == 0


def test_the_command_takes_rules(files: tuple[Path, Path], tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n- {name: anything, breaks: [quantity, price], action: accept_external}\n")
    assert omni(*files, "--rules", rules).exit_code == 0
    rules.write_text("rule: []\n")
    done = omni(*files, "--rules", rules)
    assert done.exit_code == 2
    assert "'rule' is unknown" in done.stderr


def test_the_command_keeps_it_in_a_database(files: tuple[Path, Path], tmp_path: Path) -> None:
    first = omni(*files, "--store", tmp_path / "registry.db", "--name", "day")
    again = omni(*files, "--store", tmp_path / "registry.db", "--name", "day")
    assert first.exit_code == again.exit_code == 1
    assert first.output == again.output, "a day that was taken is not taken again"


def test_the_command_says_what_is_wrong(files: tuple[Path, Path], tmp_path: Path) -> None:
    done = omni(files[0], tmp_path / "nothing.csv")
    assert done.exit_code == 2
    assert "there is no such file" in done.stderr
    assert "Traceback" not in done.output
