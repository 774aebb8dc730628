"""A table of a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_CHANGED = '<span class="mark" title="changed by this frame">●</span>'


def table(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    empty: str,
    *,
    text: Sequence[int],
    wide: bool = False,
) -> str:
    """A table whose numbers end at the right; a row that begins with a dot has changed.

    Parameters
    ----------
    title : str
        Above it.
    heads : sequence of str
        One a column.
    rows : sequence of sequence of str
        Text; all of it is escaped.
    empty : str
        What is said where there are no rows.
    text : sequence of int
        Columns that begin at the left.
    wide : bool
        Whether it asks for more room.
    """
    kind = ' class="wide"' if wide else ""
    if not rows:
        return f'<section{kind}><h4>{escape(title)}</h4><p class="soft">{escape(empty)}</p></section>'

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{'' if i in text else ' class=n'}>{_CHANGED if cell == '●' else escape(cell)}</{tag}>"
            for i, cell in enumerate(row)
        )

    body = "".join(f"<tr{' class=changed' if row[0] == '●' else ''}>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f'<section{kind}><h4>{escape(title)}</h4><div class="scroll"><table>'
        f"<thead><tr>{cells(heads, 'th')}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )
