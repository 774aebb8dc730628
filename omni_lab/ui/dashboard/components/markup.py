"""HTML that pages make themselves: facts, lists and tables; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def box(title: str, *inside: str) -> str:
    """A section with a heading."""
    body = "".join(inside) or '<div class="empty">Nothing here.</div>'
    head = f"<header><h2>{escape(title)}</h2></header>"
    return f'<section class="box" aria-label="{escape(title)}">{head}{body}</section>'


def facts(told: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """Names and values in columns."""
    pairs = told.items() if isinstance(told, Mapping) else told
    rows = "".join(f"<div><dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd></div>" for k, v in pairs)
    return f'<dl class="run-facts">{rows}</dl>' if rows else ""


def sentences(lines: Iterable[str]) -> str:
    """Sentences one below the other."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="said-list">{items}</ul>' if items else ""


def table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: bool = True,
    hidden: bool = False,
) -> str:
    """A table whose first column names the rows.

    Parameters
    ----------
    title : str
        Its caption.
    heads : sequence of str
    rows : iterable of sequence of str
        A name, and a text for each other column.
    numbers : bool
        Whether the other columns are aligned as numbers.
    hidden : bool
        Whether the caption is only read out.
    """
    side = ' class="num"' if numbers else ""
    first, *others = heads
    head = f'<th scope="col">{escape(first)}</th>'
    head += "".join(f'<th scope="col"{side}>{escape(each)}</th>' for each in others)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td{side}>{escape(value)}</td>" for value in values)
        + "</tr>"
        for name, *values in rows
    )
    caption = f"<caption{' class=hidden' if hidden else ''}>{escape(title)}</caption>"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
        f'<table class="data">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def empty(what: str, next_step: str = "") -> str:
    """Nothing to show, and what to do about it."""
    return f'<div class="empty"><b>{escape(what)}</b>{escape(next_step)}</div>'


def failed(title: str, text: str) -> str:
    """What went wrong."""
    return f'<div class="failed" role="alert"><h2>{escape(title)}</h2><p>{escape(text)}</p></div>'


def waiting(height: int = 120) -> str:
    """It is on its way."""
    return f'<div class="skeleton" style="height:{height}px"></div>'
