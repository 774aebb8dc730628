"""LOBSTER's files as columns: what their names say, and their lines in batches.

A day is two files of equal length: a line of the message file is a change, the same line of the orderbook
file is what the visible levels were after it. LOBSTER's ReadMe describes both.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from omni_lab.data.packed import unpacked
from omni_lab.errors import SchemaError
from omni_lab.typing import AnyArray, IntArray

NS = 1_000_000_000
_MESSAGE = ("seconds", "kind", "order_id", "qty", "price", "sign")
_NAME = re.compile(
    r"(?P<symbol>[^_]+)_(?P<date>\d{4}-\d\d-\d\d)_(?P<start>\d+)_(?P<end>\d+)_(?P<part>message|orderbook)_(?P<levels>\d+)"
)
_BLOCK_BYTES = 1 << 22
_NO_PRICE = 9_999_999_999


class LobsterName(NamedTuple):
    """What the name of a LOBSTER file says.

    Attributes
    ----------
    symbol : str
    date : date
    start_ns, end_ns : int
        The window, nanoseconds since midnight in New York.
    part : str
        ``message`` or ``orderbook``.
    levels : int
        How many levels of each side the files are about.
    """

    symbol: str
    date: dt.date
    start_ns: int
    end_ns: int
    part: str
    levels: int


def parse_name(path: Path | str) -> LobsterName | None:
    """What a file's name says, or None when it is not named as LOBSTER names its files."""
    found = _NAME.search(Path(path).name)
    if not found:
        return None
    try:
        date = dt.date.fromisoformat(found["date"])
    except ValueError:
        return None
    ms = 1_000_000
    return LobsterName(
        found["symbol"],
        date,
        int(found["start"]) * ms,
        int(found["end"]) * ms,
        found["part"],
        int(found["levels"]),
    )


def message_batches(path: Path | str) -> Iterator[dict[str, IntArray]]:
    """Messages in batches of a few megabytes.

    Parameters
    ----------
    path : path
        A message file, also compressed by gzip or in a zip archive.

    Yields
    ------
    dict of str to ndarray of int64, shape (n_messages,)
        ``ts`` in nanoseconds since midnight, and ``kind``, ``order_id``, ``qty``, ``price``, ``sign`` as
        LOBSTER has them.

    Raises
    ------
    SchemaError
        If a line has not six numbers, naming it.
    SourceError
        If there is no such file, or nothing in it.
    CodecError
        If it ends before its compression says.
    """
    for table in _tables(Path(path), "message", _MESSAGE, "a LOBSTER message has six numbers"):
        columns = {name: table[name] for name in _MESSAGE[1:]}
        # Nine decimals of a second of the day are exact in a float to a hundredth of a nanosecond.
        yield {"ts": np.rint(table["seconds"] * NS).astype(np.int64), **columns}


def orderbook_batches(path: Path | str) -> Iterator[IntArray]:
    """Rows of an orderbook file in batches.

    Yields
    ------
    ndarray of int64, shape (n_rows, 4 * n_levels)
        Ask price, ask size, bid price, bid size of level 1, then of level 2, and so on.
        Prices and sizes of levels that are empty are 0.

    Raises
    ------
    SchemaError, SourceError, CodecError
        As :func:`message_batches`.
    """
    levels = _levels(Path(path))
    names = tuple(f"column {number + 1}" for number in range(4 * levels))
    for table in _tables(
        Path(path), "orderbook", names, f"an orderbook row of {levels} levels has {4 * levels} integers"
    ):
        rows = np.column_stack([table[name].astype(np.int64) for name in names])
        # LOBSTER fills what is empty with prices that nobody could mean.
        rows[np.abs(rows) >= _NO_PRICE] = 0
        yield rows


def _levels(path: Path) -> int:
    with unpacked(path, "LOBSTER file", member="orderbook") as file:
        first = file.readline().decode("ascii", errors="replace").strip()
    n_columns = first.count(",") + 1
    if not first or n_columns % 4:
        raise SchemaError(
            "an orderbook row has four numbers a level", found=first[:80], where=f"line 1 of {path.name}"
        )
    return n_columns // 4


def _tables(path: Path, part: str, names: tuple[str, ...], rule: str) -> Iterator[dict[str, AnyArray]]:
    import pyarrow as pa
    from pyarrow import csv

    wrong: list[Any] = []

    def remember(row: Any) -> str:
        wrong.append(row)
        return "error"

    types = {name: pa.float64() if name == "seconds" else pa.int64() for name in names}
    with unpacked(path, "LOBSTER file", member=part) as file:
        try:
            reader = csv.open_csv(
                file,
                read_options=csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES, use_threads=False),
                parse_options=csv.ParseOptions(invalid_row_handler=remember),
                convert_options=csv.ConvertOptions(
                    column_types=types, null_values=[], strings_can_be_null=False
                ),
            )
            for batch in reader:
                yield {name: batch.column(index).to_numpy() for index, name in enumerate(names)}
        except pa.ArrowInvalid as error:
            if wrong:
                found = f"{wrong[0].actual_columns} in {wrong[0].text!r}"
                raise SchemaError(
                    rule, found=found, where=f"line {wrong[0].number} of {path.name}"
                ) from error
            raise SchemaError(rule, found=str(error), where=path.name) from error
