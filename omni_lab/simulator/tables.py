"""Tables of results: named columns that cannot be changed, with words kept as codes until they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import SchemaError
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_ROWS = 10


class Words:
    """A column of few different words: one code a row, an index into the words.

    A million rows of text cost a hundred times what a million codes do, and most are never read.
    """

    def __init__(self, codes: AnyArray, words: Sequence[str]) -> None:
        self.codes = codes
        self.words = tuple(words)

    def to_numpy(self) -> AnyArray:
        """The word of each row."""
        return np.array(self.words, dtype=np.str_)[self.codes]

    def to_pandas(self) -> Any:
        """The same as a pandas column of text."""
        import pandas as pd
        import pyarrow as pa

        coded = pa.DictionaryArray.from_arrays(self.codes.astype(np.int32), list(self.words))
        return pd.array(coded.cast(pa.large_string()), dtype="str")


class Table:
    """Named columns of equal length, immutable.

    ``table["price"]`` is an array, ``len(table)`` the number of rows; iterating gives the names.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns.
    """

    def __init__(self, columns: Mapping[str, AnyArray | Words]) -> None:
        self._columns = dict(columns)
        self._read: dict[str, AnyArray] = {}
        self.columns = tuple(self._columns)
        for column in self._columns.values():
            frozen(column.codes if isinstance(column, Words) else column)

    def __getitem__(self, name: str) -> AnyArray:
        try:
            column = self._columns[name]
        except KeyError:
            raise SchemaError("no such column", found=name, expected=self.columns) from None
        if not isinstance(column, Words):
            return column
        if name not in self._read:
            self._read[name] = frozen(column.to_numpy())
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        first = next(iter(self._columns.values()))
        return len(first.codes if isinstance(first, Words) else first)

    def head(self, n: int = _SHOWN_ROWS) -> Table:
        """The first rows."""
        return Table(
            {
                name: Words(column.codes[:n], column.words) if isinstance(column, Words) else column[:n]
                for name, column in self._columns.items()
            }
        )

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame; columns whose names begin with ``ts`` become times in UTC."""
        import pandas as pd

        return pd.DataFrame({name: _for_pandas(name, column) for name, column in self._columns.items()})

    def __repr__(self) -> str:
        return f"Table({len(self):,} rows: {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        html = self.head().to_pandas().to_html(index=False)
        hidden = f"<p>{_SHOWN_ROWS} of {len(self):,} rows</p>" if len(self) > _SHOWN_ROWS else ""
        return html + hidden


def _for_pandas(name: str, column: AnyArray | Words) -> Any:
    import pandas as pd

    if name.startswith("ts"):
        assert isinstance(column, np.ndarray)
        return pd.DatetimeIndex(column.view("datetime64[ns]"), tz="UTC")
    return column.to_pandas() if isinstance(column, Words) else column


def frozen(array: AnyArray) -> AnyArray:
    """The array itself, from now on read-only."""
    array.flags.writeable = False
    return array
