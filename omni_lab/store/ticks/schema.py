"""What the tables of a tick store hold: columns, their types and units, and how old versions are read.

The columns are those of docs/feeds.md, with the symbol in place of the number of an instrument. Prices and
quantities are integers; the units that turn them into currency and shares belong to the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, Literal

import numpy as np

from omni_lab.errors import ConfigError, SchemaError
from omni_lab.typing import AnyArray, FloatArray

Role = Literal["value", "price", "qty", "id"]
Cell = int | float | bool | str

TEXT: Final = "text"
DTYPES: Final = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "bool", TEXT),
)
RESERVED: Final = frozenset({"symbol", "ts"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        As it is asked for.
    dtype : str
        A NumPy type of fixed width, or ``"text"``.
    role : {"value", "price", "qty", "id"}
        Prices and quantities have a unit; ids grow, and are packed as what they differ by.
    default : int, float, bool or str, optional
        What stands there when a batch does not have the column; None where it must.
    since : int
        The version of the schema that brought the column. Rows of older versions read as the default.
    """

    name: str
    dtype: str = "int64"
    role: Role = "value"
    default: Cell | None = None
    since: int = 1

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise SchemaError(
                "a column cannot have this type", found=self.dtype, expected=DTYPES, where=self.name
            )
        if self.since > 1 and self.default is None:
            raise SchemaError("a later column needs a default, for the rows that are older", where=self.name)

    @property
    def numpy_dtype(self) -> np.dtype[np.generic]:
        """The type of its values in memory."""
        return np.dtype(object if self.dtype == TEXT else self.dtype)

    def filled(self, n_rows: int) -> AnyArray:
        """A column of defaults."""
        return np.full(n_rows, self.default, dtype=self.numpy_dtype)


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table besides ``symbol`` and ``ts``, and their version.

    Attributes
    ----------
    name : str
        The kind of table.
    version : int
        Grows with every change; what is stored of a newer version is refused.
    columns : tuple of Column
        In the order in which they are read.
    n_levels : int
        Levels of a book in a row; 0 for other tables. Level 1 is the best.
    """

    name: str
    version: int
    columns: tuple[Column, ...]
    n_levels: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, without ``symbol`` and ``ts``."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError("the table has no such column", found=name, expected=("ts", *self.names))

    def of_version(self, version: int) -> tuple[Column, ...]:
        """The columns that files of this version have."""
        return tuple(column for column in self.columns if column.since <= version)


@dataclass(frozen=True, slots=True)
class Units:
    """What one unit of a price is worth in currency, and one of a quantity in shares, contracts or coins.

    Attributes
    ----------
    tick_size, lot_size : str
        Decimal numbers as text, so that a tenth is a tenth.
    """

    tick_size: str = "1"
    lot_size: str = "1"

    @classmethod
    def of(cls, tick_size: float | str | None, lot_size: float | str | None, default: Units) -> Units:
        """Units from numbers, with a default for what is not given.

        Raises
        ------
        ConfigError
            If one is not a number greater than zero.
        """
        tick = default.tick_size if tick_size is None else _positive(tick_size, "tick_size")
        lot = default.lot_size if lot_size is None else _positive(lot_size, "lot_size")
        return cls(tick, lot)

    def factor(self, role: Role) -> Fraction:
        """What an integer of this role is multiplied with to be a float."""
        return Fraction({"price": self.tick_size, "qty": self.lot_size}.get(role, "1"))

    def to_float(self, values: AnyArray, role: Role) -> FloatArray:
        """Integers as floats in currency or shares; each is rounded once."""
        factor = self.factor(role)
        # A division by 10,000 is rounded once; a product with 0.0001 would carry the error of 0.0001.
        return np.asarray(values.astype(np.float64) * float(factor.numerator) / float(factor.denominator))


_ITCH_UNITS = Units("0.0001", "1")


def _book_columns(n_levels: int) -> tuple[Column, ...]:
    sides = [
        Column(f"{side}_{what}_{level}", "int64", role, default=0)
        for side in ("bid", "ask")
        for what, role in _BOOK
        for level in range(1, n_levels + 1)
    ]
    return tuple(sides)


_BOOK: Final[tuple[tuple[str, Role], ...]] = (("price", "price"), ("qty", "qty"), ("orders", "value"))
BOOK_COLUMNS: Final = tuple(f"{side}_{what}" for side in ("bid", "ask") for what, _ in _BOOK)
"""Columns of a depth table as docs/feeds.md has them, of shape (n_rows, n_levels); stored level by level."""

_SCHEMAS: Final[Mapping[str, Schema]] = {
    "trade": Schema(
        "trade",
        2,
        (
            Column("price", "int64", "price"),
            Column("qty", "int64", "qty"),
            Column("aggressor", "uint8", default=0),
            Column("match_id", "uint64", "id", default=0),
            Column("flags", "uint8", default=1),
            # Version 1 did not tell crosses from other trades.
            Column("kind", "uint8", default=6, since=2),
        ),
    ),
    "quote": Schema(
        "quote",
        1,
        (
            Column("bid_price", "int64", "price"),
            Column("bid_qty", "int64", "qty"),
            Column("ask_price", "int64", "price"),
            Column("ask_qty", "int64", "qty"),
        ),
    ),
    "event": Schema(
        "event",
        1,
        (
            Column("kind", "uint8"),
            Column("side", "uint8", default=0),
            Column("flags", "uint8", default=2),
            Column("order_id", "uint64", "id", default=0),
            Column("other_id", "uint64", "id", default=0),
            Column("qty", "int64", "qty", default=0),
            Column("price", "int64", "price", default=0),
        ),
    ),
    "auction": Schema(
        "auction",
        1,
        (
            Column("kind", "uint8"),
            Column("side", "uint8", default=0),
            Column("qty", "int64", "qty"),
            Column("imbalance", "int64", "qty", default=0),
            Column("price", "int64", "price"),
            Column("match_id", "uint64", "id", default=0),
        ),
    ),
    "status": Schema("status", 1, (Column("kind", "uint8"), Column("state", "int64"))),
    "break": Schema("break", 1, (Column("match_id", "uint64", "id"),)),
    "bar": Schema(
        "bar",
        1,
        (
            *(Column(name, "int64", "price") for name in ("open", "high", "low", "close")),
            Column("volume", "int64", "qty"),
            Column("vwap", "float64", "price", default=float("nan")),
            Column("n", "int64", default=0),
        ),
    ),
}
DEPTH: Final = "depth"
GENERIC: Final = "tick"
KINDS: Final = (*_SCHEMAS, DEPTH, GENERIC)
"""Every kind of table. A table of the same name is made by the first batch for it."""


def schema_of(kind: str, *, n_levels: int = 0, columns: tuple[Column, ...] = ()) -> Schema:
    """The schema of a kind of table, in its newest version.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    n_levels : int
        For ``"depth"``.
    columns : tuple of Column
        For ``"tick"``, whose columns are anybody's.

    Raises
    ------
    SchemaError
        If there is no such kind, or its columns or levels are missing or no columns.
    """
    if kind == DEPTH:
        if n_levels < 1:
            raise SchemaError(
                "a depth table needs a number of levels", found=n_levels, expected="n_levels >= 1"
            )
        return Schema(DEPTH, 1, _book_columns(n_levels), n_levels)
    if kind == GENERIC:
        _check_names(columns)
        return Schema(GENERIC, 1, columns)
    if kind not in _SCHEMAS:
        raise SchemaError("there is no such kind of table", found=kind, expected=KINDS)
    return _SCHEMAS[kind]


def default_units(kind: str) -> Units:
    """Units of a table when nobody says: those of ITCH, and none for a table of anybody's columns."""
    return Units() if kind == GENERIC else _ITCH_UNITS


@dataclass(frozen=True, slots=True)
class Table:
    """What a table is: its schema and units, as its log states them.

    Attributes
    ----------
    name : str
        As it is asked for.
    schema : Schema
        Its columns, in the newest version.
    stored_version : int
        The version that its log states; the next write raises it.
    units : Units
        Of every symbol that has none of its own.
    own_units : mapping of str to Units
        By symbol.
    """

    name: str
    schema: Schema
    stored_version: int
    units: Units
    own_units: Mapping[str, Units] = field(default_factory=dict)

    def units_of(self, symbol: str) -> Units:
        """Units of a symbol."""
        return self.own_units.get(symbol, self.units)


def _check_names(columns: tuple[Column, ...]) -> None:
    names = [column.name for column in columns]
    if not columns:
        raise SchemaError("a table needs columns besides symbol and ts", expected="one Column at least")
    for name in names:
        if not name.isidentifier() or name in RESERVED or names.count(name) > 1:
            raise SchemaError(
                "a column cannot have this name",
                found=name,
                expected="letters, digits and '_', once, and neither 'symbol' nor 'ts'",
            )


def _positive(number: float | str, name: str) -> str:
    try:
        exact = Decimal(str(number))
    except InvalidOperation as error:
        raise ConfigError(f"{name} is not a number", found=number) from error
    if not exact.is_finite() or exact <= 0:
        raise ConfigError(f"{name} must be greater than 0", found=number)
    return f"{exact.normalize():f}"  # one text for one number
