"""Runs as HTML: one as a card, many as a table, one that is going as a bar.

No scripts and no addresses; all text is escaped. JupyterLab's colours are used where they are, the reader's
setting decides elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from omni_lab.figures.words import MISSING, count
from omni_lab.pipelines.flows.kept import step_states
from omni_lab.pipelines.jobs.progress import FLOW_KIND
from omni_lab.pipelines.summary import format_duration, format_time
from omni_lab.ui.replay.style import STYLE
from omni_lab.ui.replay.tables import table

if TYPE_CHECKING:
    from omni_lab.pipelines import RunRecord
    from omni_lab.pipelines.jobs.progress import Advance

_SIGNS = {
    "succeeded": "✓",
    "failed": "✗",
    "interrupted": "■",
    "lost": "?",
    "running": "▶",
    "queued": "…",
    "cached": "↺",
    "skipped": "–",
}
_TONES = {"succeeded": "good", "cached": "good", "failed": "bad", "interrupted": "warn", "lost": "warn"}
_HEADLINE_IN_TABLE = 3
_PROBLEM_WIDTH = 80

CARD_STYLE = (
    STYLE
    + """
.omni-replay .badge{display:inline-block;padding:0 8px;border-radius:9px;border:1px solid currentColor;
font-size:12px;font-weight:600;margin-right:8px;white-space:nowrap}
.omni-replay .good{color:var(--jp-success-color1,#00855f)}.omni-replay .bad{color:#d55e00}
.omni-replay .warn{color:var(--jp-warn-color1,#b87900)}
.omni-replay.omni-card section.wide{max-width:1280px}
.omni-replay .facts{display:flex;flex-wrap:wrap;gap:6px 26px;margin:8px 0}
.omni-replay .facts div{min-width:72px}
.omni-replay .facts span{display:block;font-size:12px;color:var(--omni-soft)}
.omni-replay .facts b{font-size:16px;font-weight:600;font-variant-numeric:tabular-nums}
.omni-replay progress{width:min(420px,60%);height:10px;vertical-align:middle;margin-right:10px;
accent-color:#0072b2}
.omni-replay details{margin:4px 0}
.omni-replay summary{cursor:pointer;color:var(--omni-soft)}
.omni-replay a{color:var(--jp-content-link-color,#0072b2);margin-right:16px}
.omni-replay pre{white-space:pre-wrap;margin:6px 0;padding:6px 10px;border-left:3px solid #d55e00;
background:none;color:inherit;font-size:12.5px}
"""
)


def run_card(record: RunRecord) -> str:
    """A run: how it ended, what came first, where the rest is.

    Parameters
    ----------
    record : RunRecord
        Of any status.
    """
    facts = "".join(
        f"<div><span>{escape(label)}</span><b>{escape(value)}</b></div>"
        for label, value in record.headline.items()
    )
    problem = f"<pre>{escape(record.problem)}</pre>" if record.problem else ""
    return framed(
        f'<header><div class="said">{_badge(record.status)}{escape(record.pipeline)}'
        f'<span class="soft"> · {escape(format_duration(record.duration_s))}</span></div>'
        f'<div class="soft hash">{escape(record.run_id)}</div></header>'
        f"{problem}"
        + (f'<div class="facts">{facts}</div>' if facts else "")
        + (_steps(record) if record.kind == FLOW_KIND else "")
        + _sentences(record.artifacts.get("warnings") or ())
        + f"<p>{_links(record)}</p>"
        + _folded("Metrics", record.metrics)
        + _folded("Parameters that were set", _set_parameters(record))
    )


def runs_table(records: Sequence[RunRecord]) -> str:
    """Runs, one a line.

    Parameters
    ----------
    records : sequence of RunRecord
        In the order in which they are shown.
    """
    rows = [
        (
            "",
            f"{_SIGNS.get(each.status, '')} {each.status}",
            each.run_id,
            format_time(each.started, zone=""),
            format_duration(each.duration_s),
            each.problem.split("\n")[0][:_PROBLEM_WIDTH] or _first_results(each),
        )
        for each in records
    ]
    heads = ("", "Status", "Run", "Started (UTC)", "Took", "Result")
    empty = "There are no runs yet. Make one: %omni_run backtest"
    return framed(table("Runs", heads, rows, empty, text=(0, 1, 2, 3, 5), wide=True))


def progress_bar(advance: Advance) -> str:
    """A run that is going.

    Parameters
    ----------
    advance : Advance
        How far it is.
    """
    bar = f'<progress max="{advance.total}" value="{advance.done}"></progress>' if advance.total else ""
    told = [escape(advance.subject)]
    if advance.total:
        told.append(f"{advance.done} of {escape(count(advance.total, advance.noun))}")
    else:
        told.append("starting")
    told += [escape(advance.place)] if advance.place else []
    told.append(format_duration(advance.elapsed_s))
    return framed(f'{bar}<span role="status">{" · ".join(told)}</span>')


def framed(body: str) -> str:
    """HTML in the house's look."""
    return f'<div class="omni-replay omni-card auto"><style>{CARD_STYLE}</style>{body}</div>'


def _steps(record: RunRecord) -> str:
    rows = [
        (
            "",
            name,
            f"{_SIGNS.get(str(step['state']), '')} {step['state']}",
            str(step["run_id"] or MISSING),
            str(step["problem"] or "").split("\n")[0][:_PROBLEM_WIDTH],
        )
        for name, step in step_states(record).items()
    ]
    heads = ("", "Step", "State", "Run", "")
    return table("", heads, rows, "No step has begun.", text=(0, 1, 2, 3, 4), wide=True)


def _badge(status: str) -> str:
    tone = _TONES.get(status, "soft")
    return f'<span class="badge {tone}">{_SIGNS.get(status, "")} {escape(status)}</span>'


def _sentences(warnings: Iterable[str]) -> str:
    return "".join(f'<p><b class="warn">!</b> {escape(str(sentence))}</p>' for sentence in warnings)


def _links(record: RunRecord) -> str:
    """Links to what the run left, from where the notebook lies: JupyterLab follows them."""
    files = {"report": record.folder.report_file, "executed notebook": record.folder.notebook_file}
    links = [
        f'<a href="{escape(_relative(path))}" target="_blank">{name}</a>'
        for name, path in files.items()
        if path.is_file()
    ]
    return "".join(links) or '<span class="soft">nothing of it is here</span>'


def _relative(path: Path) -> str:
    return quote(Path(os.path.relpath(path)).as_posix())


def _folded(title: str, values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    rows = [("", name, _shown(value)) for name, value in values.items()]
    shown = table("", ("", "Name", "Value"), rows, "", text=(0, 1))
    return f"<details><summary>{escape(title)} ({len(rows)})</summary>{shown}</details>"


def _shown(value: Any) -> str:
    if value is None:
        return MISSING
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _set_parameters(record: RunRecord) -> Mapping[str, Any]:
    values = record.content.get("parameters") or {}
    return {name: values[name] for name in record.content.get("changed_parameters") or () if name in values}


def _first_results(record: RunRecord) -> str:
    return " · ".join(
        f"{label} {value}" for label, value in list(record.headline.items())[:_HEADLINE_IN_TABLE]
    )
