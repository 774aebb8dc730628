"""Metrics as a block of HTML that stands on its own: in a notebook, a report, a dashboard."""

from collections.abc import Iterable, Mapping
from html import escape

from omni_lab.figures.metrics import GROUPS, format_metric, label_of

# JupyterLab names its colours in variables and changes them with its theme; elsewhere the reader's setting
# decides.
_STYLE = """
.omni-metrics{--ink:var(--jp-content-font-color1,#1b1f24);--soft:var(--jp-content-font-color2,#57606a);
--rule:var(--jp-border-color2,#e2e6ea);color:var(--ink);font-size:13px;line-height:1.35;max-width:1100px}
@media (prefers-color-scheme:dark){.omni-metrics{--ink:var(--jp-content-font-color1,#e8ebee);
--soft:var(--jp-content-font-color2,#9aa5b1);--rule:var(--jp-border-color2,#29313a)}}
.omni-metrics .title{font-size:15px;font-weight:600;margin:0 0 2px}
.omni-metrics .subtitle{color:var(--soft);margin:0 0 8px}
.omni-metrics .groups{display:flex;flex-wrap:wrap;gap:4px 28px;align-items:flex-start}
.omni-metrics table{border-collapse:collapse;margin:0 0 8px;border:0;flex:1 1
200px;max-width:290px;color:inherit; font-size:inherit} .omni-metrics tr,.omni-metrics
tr:nth-child(odd){background:none} .omni-metrics
caption{caption-side:top;text-align:left;font-weight:600;padding:0 0 3px;color:var(--ink)} .omni-metrics
th,.omni-metrics td{padding:2px 0;border:0;border-top:1px solid var(--rule);vertical-align:baseline;
background:none} .omni-metrics
th{text-align:left;font-weight:400;color:var(--soft);padding-right:14px;white-space:nowrap} .omni-metrics
td{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;color:var(--ink)} .omni-metrics
ul{margin:2px 0 0;padding-left:18px} .omni-metrics li::marker{content:"\\26A0\\00A0"}
"""


def metrics_html(
    metrics: Mapping[str, float],
    *,
    title: str = "",
    subtitle: str = "",
    notes: Iterable[str] = (),
) -> str:
    """Metrics in four groups (return, risk, trading, costs), as HTML without scripts or addresses.

    Dark or light follows the notebook's theme, or the reader's setting outside of one. Where styles are
    stripped it is still plain tables.

    Parameters
    ----------
    metrics : mapping of str to float
        By the names of `omni_lab.portfolio.performance.summarize`; names unknown there come last.
    title, subtitle : str
        Above the tables.
    notes : iterable of str
        Warnings, below the tables.

    Returns
    -------
    str
        A ``div``. All text is escaped.
    """
    known = {name for names in GROUPS.values() for name in names}
    groups = {group: [name for name in names if name in metrics] for group, names in GROUPS.items()}
    groups["Other"] = [name for name in metrics if name not in known]
    told = {
        group: [(label_of(name), format_metric(name, metrics[name])) for name in names]
        for group, names in groups.items()
        if names
    }
    return facts_html(told, title=title, subtitle=subtitle, notes=notes)


def facts_html(
    groups: Mapping[str, Iterable[tuple[str, str]]],
    *,
    title: str = "",
    subtitle: str = "",
    notes: Iterable[str] = (),
) -> str:
    """Tables of labels and values side by side, looking like `metrics_html`.

    Parameters
    ----------
    groups : mapping of str to iterable of (str, str)
        Label and value of each row, by the caption of the table.
    title, subtitle, notes
        As in `metrics_html`.

    Returns
    -------
    str
        A ``div``. All text is escaped.
    """
    tables = "".join(_table(caption, rows) for caption, rows in groups.items())
    warnings = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        f'<div class="omni-metrics"><style>{_STYLE}</style>'
        + (f'<p class="title">{escape(title)}</p>' if title else "")
        + (f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else "")
        + f'<div class="groups">{tables}</div>'
        + (f"<ul>{warnings}</ul>" if warnings else "")
        + "</div>"
    )


def _table(caption: str, told: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in told
    )
    return f"<table><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>"
