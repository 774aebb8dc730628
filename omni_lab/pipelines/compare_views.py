"""A difference of two runs as text for a terminal, as HTML for a notebook, as a figure."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.figures.metrics import format_metric, label_of
from omni_lab.pipelines.compare import ABSENT, MetricDiff, RunDiff
from omni_lab.pipelines.summary import format_table

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.figures._canvas import Figure

_METRICS_IN_FIGURE = 8
_ROWS = 8
_WIDTH = 48
_HASH = 16
# Fractions and ratios differ by points of themselves; these are written as what they are.
_FIRST = (
    *("total_return", "annual_return", "sharpe_ratio", "max_drawdown", "annual_volatility", "n_trades"),
    *("costs_paid", "turnover"),
)

Table = tuple[tuple[str, ...], ...]


def text_of(diff: RunDiff) -> str:
    """Sections for a terminal, and at last whether the results are the same."""
    lines = [f"A  {_named(diff, 'a')}", f"B  {_named(diff, 'b')}", ""]
    for title, table in _tables(diff):
        lines += [title, *(f"  {line}" for line in format_table(table).splitlines()), ""]
    lines += [f"! {note}" for note in diff.notes]
    return "\n".join([*lines, verdict(diff)])


def html_of(diff: RunDiff) -> str:
    """Tables that stand on their own; all text is escaped."""
    parts = [f"<p><b>A</b> {escape(_named(diff, 'a'))}<br><b>B</b> {escape(_named(diff, 'b'))}</p>"]
    for title, table in _tables(diff):
        head, *rows = (
            "".join(f"<{tag} style='text-align:left'>{escape(cell)}</{tag}>" for cell in row)
            for tag, row in zip(["th", *["td"] * len(table)], table, strict=False)
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        parts.append(
            f"<table><caption style='text-align:left'><b>{escape(title)}</b></caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
    parts += [f"<p>{escape(note)}</p>" for note in diff.notes]
    return f"<div class='omni-diff'>{''.join(parts)}<p>{escape(verdict(diff))}</p></div>"


def figure_of(diff: RunDiff, *, theme: str = "light") -> "Figure":
    """See `RunDiff.plot`."""
    from omni_lab.figures.compare import compare_figure

    told = sorted(diff.metrics, key=lambda each: each.name not in _FIRST)
    chosen = [each for each in told if each.differs][:_METRICS_IN_FIGURE] or told[:_METRICS_IN_FIGURE]
    empty = np.empty(0)
    return compare_figure(
        empty.astype(np.int64) if diff.equity is None else diff.equity.ts,
        empty if diff.equity is None else diff.equity.a,
        empty if diff.equity is None else diff.equity.b,
        parts_at=None if diff.equity is None else diff.equity.parts_at,
        metrics=[_metric_row(each) for each in chosen],
        names=(f"A {_short(diff.a.run_id)}", f"B {_short(diff.b.run_id)}"),
        theme=theme,
    )


def verdict(diff: RunDiff) -> str:
    """One sentence."""
    if not diff.metrics and diff.equity is None and not diff.rows:
        return "Neither run left results that can be compared."
    if diff.same_results:
        why = "" if not diff.parameters and not diff.made_with else ", though not all they were made with is"
        return f"The results are the same bit for bit{why}."
    n = sum(each.differs for each in diff.metrics)
    parted = diff.equity.parts_at if diff.equity is not None else None
    since = "" if parted is None else f"; the equity parts on {str(np.datetime64(parted, 'ns'))[:10]}"
    return f"The results differ: {n} of {len(diff.metrics)} metrics{since}."


def _tables(diff: RunDiff) -> list[tuple[str, Table]]:
    """Titles and rows, the head first, of what differs."""
    found: list[tuple[str, Table]] = []
    for title, pairs in (("Parameters", diff.parameters), ("Made with", diff.made_with)):
        if pairs:
            rows = tuple((name, _told(a), _told(b)) for name, (a, b) in pairs.items())
            found.append((title, (("", "A", "B"), *rows)))
    metrics = [each for each in diff.metrics if each.differs]
    if metrics:
        found.append(("Metrics", (("", "A", "B", "B − A"), *map(_metric_row, metrics))))
    if diff.weights is not None and not diff.weights.empty:
        found.append((f"Weights of {_many(len(diff.weights), 'symbol')}", _weight_rows(diff.weights)))
    for name, each in diff.rows.items():
        n_a, n_b = len(each.only_a), len(each.only_b)
        if n_a or n_b:
            title = f"{name.capitalize()}: {each.n_common:,} in both, {n_a:,} only in A, {n_b:,} only in B"
            found.append((title, _first_rows(each.only_a, each.only_b)))
    return found


def _metric_row(each: MetricDiff) -> tuple[str, str, str, str]:
    a, b, delta = (ABSENT if v is None else format_metric(each.name, v) for v in (each.a, each.b, each.delta))
    # Where both are written alike, more digits show what differs.
    if each.differs and a == b and each.delta is not None:
        a, b, delta = f"{each.a!r}", f"{each.b!r}", f"{each.delta:.3g}"
    elif each.delta is not None and each.delta > 0 and not delta.startswith("+"):
        delta = f"+{delta}"
    return label_of(each.name), a, b, delta


def _weight_rows(weights: "pd.DataFrame") -> Table:
    head = ("", "last A", "last B", "largest difference", "when")
    rows = tuple(
        (str(symbol), f"{row.last_a:.2%}", f"{row.last_b:.2%}", f"{row.largest:.2%}", f"{row.when:%Y-%m-%d}")
        for symbol, row in zip(weights.index, weights.head(_ROWS).itertuples(), strict=False)
    )
    return (head, *rows)


def _first_rows(only_a: "pd.DataFrame", only_b: "pd.DataFrame") -> Table:
    columns = [str(name) for name in (only_a if len(only_a) else only_b).columns]
    rows = [
        (run, *(_cell(row.get(name)) for name in columns))
        for run, frame in (("A", only_a), ("B", only_b))
        for row in frame.head(_ROWS).to_dict("records")
    ]
    return (("", *columns), *rows)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text.removesuffix(" 00:00:00+00:00").removesuffix("+00:00")


def _told(value: Any) -> str:
    text = "none" if value is None else str(value)
    if len(text) == 64 and set(text) <= set("0123456789abcdef"):
        return text[:_HASH]
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _named(diff: RunDiff, which: str) -> str:
    run = diff.a if which == "a" else diff.b
    return f"{run.run_id}  {run.status}"


def _short(run_id: str) -> str:
    """Time and last hash of an id: enough to tell two runs of a pipeline apart."""
    parts: Sequence[str] = run_id.split("-")
    return f"{parts[0]}-{parts[1]} {parts[-1]}" if len(parts) > 3 else run_id


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
