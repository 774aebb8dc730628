"""Fills out of what holds them: an OMS's events and journal, FIX execution reports, CSV files.

An id is what both sides call an execution. Our own system's is its trade and order, ``17.4``: a trade between
two of our orders is two fills. FIX brings its own, ExecID (17).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np

from omni_lab.data.moments import moment_ns
from omni_lab.domain import EventKind
from omni_lab.errors import CodecError, DataError, SchemaError
from omni_lab.execution.client_ids import name_of
from omni_lab.execution.drop_copy.fills import NANOS, FillKind, Fills, nanos
from omni_lab.execution.drop_copy.rules import Grid
from omni_lab.execution.edges import Edges
from omni_lab.execution.events import EventLog
from omni_lab.typing import AnyArray

_CHUNK = 1 << 15
_SOH = "\x01"
# FIX tags: https://www.onixs.biz/fix-dictionary/4.4/msgtype_8_8.html
_TRADE, _CORRECT, _CANCEL = "F", "G", "H"
_TRADE_42 = {"1", "2"}
_TRANSACTION_42 = {"1": _CANCEL, "2": _CORRECT}


def fills_from_events(events: EventLog) -> Fills:
    """Fills among the events of an OMS.

    Ids are ``trade.order``; the order is called by its client order id where it has one. Fees are not known.

    Parameters
    ----------
    events : EventLog
        As ``oms.events()`` gives.
    """
    return _from_columns(events.columns, events._edges)


def fills_from_journal(path: str | Path, *, progress: bool = True) -> Fills:
    """Fills of an OMS's journal, carried out again from front to back; as `fills_from_events`.

    Parameters
    ----------
    path : path
        Directory of the journal.
    progress : bool
        Whether to show a bar if it takes longer than two seconds.

    Raises
    ------
    JournalError
        If there is no journal, or it is damaged.
    """
    from omni_lab.execution.drop_copy.fills import concat
    from omni_lab.execution.replay import Replay
    from omni_lab.progress import Progress

    replay = Replay(path)
    replay.seek(replay.first)
    parts = []
    with Progress(replay.last - replay.first, "fills of the journal", progress, unit="frames") as report:
        while True:
            commands, events = replay.read(_CHUNK)
            parts.append(_from_columns(events, replay._edges))
            report(replay.sequence - replay.first)
            if len(commands["seq"]) < _CHUNK:
                return concat(parts)


def fills_from_fix(messages: Iterable[Mapping[int, str]] | str | bytes, grid: Grid | None = None) -> Fills:
    """Fills among FIX messages: execution reports (35=8) that a trade, a correction or a cancel is in.

    FIX 4.4 and later say it as ExecType (150) F, G and H; 4.2 as 150 = 1 or 2 with ExecTransType (20) 0, 1
    for a cancel and 2 for a correction. All other messages are passed over. Checksums and session numbers are
    the session's business, and were checked there.

    Parameters
    ----------
    messages : iterable of mapping of int to str, or str or bytes
        Messages as tag and value; or text of them, fields ended by SOH or by ``|``, with whatever stands
        between messages, such as the time that a log puts before each.
    grid : Grid, optional
        Lots that LastQty (32) is counted in; whole units by default.

    Raises
    ------
    CodecError
        If a report of a trade lacks a field, or one cannot be read; it is named with its tag.
    """
    grid = grid or Grid()
    if isinstance(messages, bytes):
        messages = messages.decode("latin-1")
    rows = [
        _report(fields, kind, grid)
        for fields in (_parsed(messages) if isinstance(messages, str) else messages)
        if (kind := _kind_of(fields)) is not None
    ]
    return _from_rows(rows)


def fills_from_csv(path: str | Path, grid: Grid | None = None) -> Fills:
    """Fills of a CSV file with a line of names, which are those of `Fills.of`.

    ``qty`` is in units of the instrument, a whole number of lots; ``price`` and ``fee`` are decimals and are
    read as they stand; ``ts`` is nanoseconds UTC, or a time such as ``2024-01-02T14:30:00.5Z``.

    Parameters
    ----------
    path : path
        The file.
    grid : Grid, optional
        Lots; whole units by default.

    Raises
    ------
    DataError
        If it cannot be read, or a value cannot be used.
    """
    from pyarrow import ArrowInvalid, csv, string

    path = Path(path)
    try:
        with path.open("rb") as file:
            names = file.readline().decode("utf-8-sig").strip().split(",")
        names = [name.strip().strip('"') for name in names]
        options = csv.ConvertOptions(column_types=dict.fromkeys(names, string()), strings_can_be_null=True)
        table = csv.read_csv(path, convert_options=options)
    except (OSError, ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError(f"the file cannot be read: {error}", where=str(path)) from error
    columns = {
        name.strip(): column.combine_chunks()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    for name in ("symbol", "qty", "ts"):
        if name not in columns:
            raise SchemaError(f"fills need a column {name!r}", found=list(columns), where=str(path))
    symbols = columns["symbol"].to_pylist()
    try:
        found: dict[str, Any] = {
            name: column for name, column in columns.items() if not name.endswith("_nanos")
        }
        found |= {
            name: _integers(column, name) for name, column in columns.items() if name.endswith("_nanos")
        }
        found |= {
            name: np.array(columns[name].to_pylist(), dtype=object)
            for name in ("price", "fee")
            if name in columns
        }
        found["qty"] = _lots(columns["qty"].to_pylist(), symbols, grid or Grid())
        found["ts"] = _moments(columns["ts"].to_pylist())
        return Fills.of(found)
    except DataError as error:
        hint = "Row 0 is the first after the names." if error.where and "row" in error.where else error.hint
        raise type(error)(
            error.what,
            found=error.found,
            expected=error.expected,
            where=f"{path}, {error.where or ''}".rstrip(", "),
            hint=hint,
        ) from error


def read_fills(path: str | Path, grid: Grid | None = None) -> Fills:
    """Fills of a file: CSV, Parquet, FIX messages (``.fix``, ``.log``, ``.txt``), or a journal's directory.

    Raises
    ------
    DataError, CodecError, JournalError
        If it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return fills_from_journal(path)
    if not path.is_file():
        raise DataError("there is no such file", where=str(path))
    match path.suffix.lower():
        case ".csv":
            return fills_from_csv(path, grid)
        case ".parquet":
            from pyarrow import ArrowInvalid, parquet

            try:
                return Fills.of(parquet.read_table(path))
            except ArrowInvalid as error:
                raise DataError(f"the file cannot be read: {error}", where=str(path)) from error
        case ".fix" | ".log" | ".txt":
            return fills_from_fix(path.read_bytes(), grid)
    raise DataError(
        "a file of fills is told by what its name ends in",
        found=path.suffix or path.name,
        expected=(".csv", ".parquet", ".fix", ".log", ".txt", "a journal's directory"),
        where=str(path),
    )


def _from_columns(columns: Mapping[str, AnyArray], edges: Edges) -> Fills:
    rows = np.flatnonzero(columns["kind"] == EventKind.FILLED)
    events = {name: column[rows] for name, column in columns.items()}
    instruments, accounts = edges.setup.instruments, edges.setup.accounts
    # Ticks as billionths: a tick size is the shortest decimal that its float says.
    steps = [Decimal(str(each.tick_size)) * NANOS for each in instruments]
    off = [each.symbol for each, step in zip(instruments, steps, strict=True) if step != int(step)]
    if off and len(rows):
        raise DataError("a tick is a whole number of billionths", found=off[0])
    ticks = np.array([int(step) for step in steps], dtype=np.int64)
    clients = [
        name_of(int(high) << 64 | int(low))
        for low, high in zip(
            events["client_order_id"].tolist(), events["client_order_id_high"].tolist(), strict=True
        )
    ]
    numbers = list(zip(events["trade_id"].tolist(), events["order_id"].tolist(), clients, strict=True))
    return Fills.of(
        fill_id=np.array([f"{trade}.{order}" for trade, order, _ in numbers], dtype=object),
        order_id=np.array(
            [str(order if client is None else client) for _, order, client in numbers], dtype=object
        ),
        symbol=np.array([each.symbol for each in instruments], dtype=object)[events["instrument"]],
        account=np.array([each.name for each in accounts], dtype=object)[events["account"]],
        side=events["side"],
        qty=events["qty"],
        price_nanos=events["price"] * ticks[events["instrument"]],
        ts=events["ts"],
    )


def _parsed(text: str) -> Iterator[dict[int, str]]:
    """Messages of a text; each begins with ``8=FIX``."""
    end = _SOH if _SOH in text else "|"
    for part in text.split("8=FIX")[1:]:
        fields: dict[int, str] = {}
        for each in part.split(end)[1:]:
            tag, equals, value = each.partition("=")
            if not equals or not tag.isdigit():
                break  # what a log puts between messages
            # In a repeating group a tag stands again; the first is the report's own.
            fields.setdefault(int(tag), value)
            if tag == "10":
                break
        yield fields


def _kind_of(fields: Mapping[int, str]) -> FillKind | None:
    if fields.get(35) != "8":
        return None
    word = fields.get(150, "")
    if word in _TRADE_42 or 20 in fields:
        transaction = fields.get(20, "0")
        if transaction in _TRANSACTION_42:
            word = _TRANSACTION_42[transaction]
        elif transaction == "0" and word in _TRADE_42 and _positive(fields.get(32)):
            word = _TRADE
        else:
            return None
    return {_TRADE: FillKind.FILL, _CORRECT: FillKind.CORRECTION, _CANCEL: FillKind.BUST}.get(word)


def _positive(qty: str | None) -> bool:
    return qty is not None and qty.strip("0.") != ""


def _report(fields: Mapping[int, str], kind: FillKind, grid: Grid) -> dict[str, Any]:
    def of(tag: int) -> str:
        if not fields.get(tag):
            raise CodecError(
                "an execution report lacks a field",
                found=dict(list(fields.items())[:8]),
                expected=f"tag {tag}",
            )
        return fields[tag]

    symbol = of(55)
    about_another = kind != FillKind.FILL
    try:
        fee = fields.get(12) if fields.get(13, "3") == "3" else None
        return {
            "fill_id": of(17),
            "ref_id": of(19) if about_another else None,
            "order_id": fields.get(11) or fields.get(37),
            "kind": kind.value,
            "symbol": symbol,
            "account": fields.get(1),
            "side": of(54),
            "qty": _lots_of(fields.get(32) or ("0" if kind == FillKind.BUST else of(32)), symbol, grid),
            "price": fields.get(31) or ("0" if kind == FillKind.BUST else of(31)),
            "fee": fee,
            "ts": _fix_time(of(60) if 60 in fields else of(52)),
        }
    except DataError as error:
        raise CodecError(error.what, found=error.found, where=f"execution report {fields.get(17)}") from error


def _fix_time(text: str) -> int:
    """``20240507-21:35:38.774`` in nanoseconds UTC."""
    day, dash, time = text.partition("-")
    if not (dash and len(day) == 8 and day.isdigit()):
        raise DataError("a time is written as 20240507-21:35:38.774", found=text)
    return moment_ns(f"{day[:4]}-{day[4:6]}-{day[6:]}T{time}")


def _from_rows(rows: list[dict[str, Any]]) -> Fills:
    names = (
        "fill_id",
        "ref_id",
        "order_id",
        "kind",
        "symbol",
        "account",
        "side",
        "qty",
        "price",
        "fee",
        "ts",
    )
    columns = {name: np.array([row[name] for row in rows], dtype=object) for name in names}
    columns |= {name: columns[name].astype(np.int64) for name in ("kind", "qty", "ts")}
    try:
        fee = nanos(columns.pop("fee"), "fee (12)")
        return Fills.of(columns, fee_nanos=fee)
    except DataError as error:
        raise CodecError(error.what, found=error.found, where=error.where) from error


def _lots(values: list[str | None], symbols: list[str], grid: Grid) -> AnyArray:
    if all(value is not None and value.isdigit() for value in values) and grid == Grid(
        tick_size=grid.tick_size, tick_sizes=grid.tick_sizes
    ):
        return np.array(values, dtype=object).astype(np.int64)
    return np.array([_lots_of(v, s, grid) for v, s in zip(values, symbols, strict=True)], dtype=np.int64)


def _lots_of(value: str | None, symbol: str, grid: Grid) -> int:
    try:
        lots = Decimal(value or "") / grid.lot(symbol)
    except InvalidOperation:
        raise DataError("a quantity is a number", found=value, where="qty") from None
    if not lots.is_finite() or lots != int(lots) or abs(lots) >= 2**63:
        raise DataError(
            "a quantity is a whole number of lots",
            found=value,
            expected=f"lots of {grid.lot(symbol)}",
            where=symbol,
        )
    return int(lots)


def _integers(column: Any, name: str) -> AnyArray:
    try:
        return np.array(column.to_pylist(), dtype=object).astype(np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError("whole numbers are needed", where=name) from error


def _moments(values: list[str | None]) -> AnyArray:
    def ns(value: str | None) -> int:
        text = value or ""
        return int(text) if text.lstrip("-").isdigit() else moment_ns(text)

    try:
        return np.array([ns(value) for value in values], dtype=np.int64)
    except OverflowError as error:
        raise DataError("a time is beyond 64 bits", where="ts") from error
