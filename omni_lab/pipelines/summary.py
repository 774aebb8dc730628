"""Runs as text for a terminal: a table of many, one screen for one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from omni_lab.pipelines.catalog import find_pipeline, list_parameter_files, list_pipelines, read_notebook
from omni_lab.pipelines.registry import RUNNING, SUCCEEDED, Artifact, RunEvent, RunRecord

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.pipelines.registry.gc import OldRun
    from omni_lab.pipelines.runner import RunRequest

_HEADLINE_IN_TABLE = 4
_PROBLEM_WIDTH = 72


def format_runs(runs: Sequence[RunRecord]) -> str:
    """Table of runs, one a line: id, status, time, duration, the first results."""
    rows = [("RUN", "STATUS", "STARTED (UTC)", "TOOK", "RESULT")]
    for run in runs:
        result = shorten(run.problem, _PROBLEM_WIDTH, placeholder=" …")
        if not result:
            result = " · ".join(
                f"{label} {value}" for label, value in list(run.headline.items())[:_HEADLINE_IN_TABLE]
            )
        rows.append(
            (
                run.run_id,
                run.status,
                format_time(run.started, zone=""),
                format_duration(run.duration_s),
                result,
            )
        )
    return format_table(rows)


def format_run(run: RunRecord, *, verbose: bool = False, files: Sequence[Artifact] = ()) -> str:
    """One screen about one run: how it ended, its headline, warnings, and where its report is.

    Parameters
    ----------
    run : RunRecord
    verbose : bool
        Add parameters, metrics, conclusions and versions.
    files : sequence of Artifact, optional
        Its files, to be listed, too.
    """
    content = run.content
    lines = [f"{run.pipeline}  {run.status}  {format_duration(run.duration_s)}", f"run {run.run_id}"]
    lines += [f"{name} {value}" for name, value in {**run.identity, **_belonging(run)}.items()] + [""]
    if run.headline:
        lines += [_columns(dict(run.headline)), ""]
    if verbose:
        changed = set(content.get("changed_parameters") or ())
        parameters = {
            name: f"{value}{'   (set)' if name in changed else ''}"
            for name, value in (content.get("parameters") or {}).items()
        }
        metrics = {name: "–" if value is None else f"{value:.6g}" for name, value in run.metrics.items()}
        versions = {name: str(value) for name, value in (content.get("versions") or {}).items()}
        for title, values in (("Parameters", parameters), ("Metrics", metrics), ("Versions", versions)):
            if values:
                lines += [title, _columns(values), ""]
    for title, mark, key in (("Conclusions", "·", "conclusions"), ("Warnings", "!", "warnings")):
        sentences = run.artifacts.get(key) or []
        if sentences and (verbose or key == "warnings"):
            lines += [title, *(f"  {mark} {sentence}" for sentence in sentences), ""]
    saved = [each for each in files if each.kind in ("file", "figure")]
    if saved:
        told = {each.path: f"{each.size:,} bytes  {each.sha256[:12]}" for each in saved}
        lines += ["Files", _columns(told), ""]
    if run.problem:
        lines += [f"  {line}" for line in run.problem.splitlines()] + [""]
    paths = {"report": run.folder.report_file, "notebook": run.folder.notebook_file}
    if run.status not in (SUCCEEDED, RUNNING):
        paths = dict(reversed(paths.items()))
    lines += [f"{name:<9} {path}" for name, path in paths.items() if path.is_file()]
    return "\n".join(lines).rstrip()


def format_events(events: Sequence[RunEvent]) -> str:
    """What happened to a run, a line each."""
    rows = [("WHEN (UTC)", "STATUS", "WHY")]
    return format_table(rows + [(format_time(each.at, zone=""), each.status, each.why) for each in events])


def format_output(run: RunRecord) -> str:
    """What the cells of a run printed, and the error that ended it; also of a run that is going."""
    folder = run.folder
    file = folder.partial_notebook_file if folder.partial_notebook_file.is_file() else folder.notebook_file
    if not file.is_file():
        return ""
    lines: list[str] = []
    for cell in read_notebook(file).cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                lines += str(output.text).splitlines()
            elif output.output_type == "error":
                lines += [f"{output.ename}: {output.evalue}"]
    return "\n".join(lines)


def format_sizes(old: "Sequence[OldRun]") -> str:
    """Runs whose folders may go, with their sizes."""
    if not old:
        return "No folder is that old."
    rows = [("RUN", "STATUS", "SIZE")]
    rows += [(each.run.run_id, each.run.status, f"{each.size / 1e6:,.1f} MB") for each in old]
    total = sum(each.size for each in old)
    return f"{format_table(rows)}\n{len(old)} folders, {total / 1e6:,.1f} MB"


def run_facts(run: RunRecord) -> dict[str, Any]:
    """A run for programs: what a list shows, and where its folder is."""
    return {
        "run_id": run.run_id,
        "kind": run.kind,
        "pipeline": run.pipeline,
        "status": run.status,
        "started": run.started,
        "duration_s": run.duration_s,
        "tags": run.tags,
        "headline": run.headline,
        "metrics": run.metrics,
        "problem": run.problem,
        "folder": run.folder.path,
    }


def plain(content: Any) -> Any:
    """Content as JSON holds it: records as objects, times as ISO 8601, numbers not finite as null."""
    if isinstance(content, RunEvent | Artifact):
        return plain(asdict(content))
    if isinstance(content, Mapping):
        return {str(name): plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(each) for each in content]
    if isinstance(content, datetime):
        return content.isoformat()
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return str(content) if isinstance(content, Path) else content


def format_pipelines() -> str:
    """The pipelines there are, with their titles and parameter sets."""
    rows = [("PIPELINE", "PARAMETER SETS", "TITLE")]
    for name in list_pipelines():
        notebook = find_pipeline(name)
        sets = ", ".join(file.stem for file in list_parameter_files(notebook, pipeline=name))
        rows.append((name, sets or "–", _title(notebook)))
    return format_table(rows)


def format_parameters(request: "RunRequest") -> str:
    """What can be set, with the value that a run would use now, range, choices and unit."""
    rows = [("PARAMETER", "TYPE", "VALUE", "ACCEPTS", "")]
    for name, parameter in request.parameters.items():
        if name in request.settings:
            value = str(request.settings[name])
            rows.append((name, parameter.type_name, value, parameter.accepts, parameter.help))
    return format_table(rows)


def format_symbols(symbols: "pd.DataFrame") -> str:
    """What a store holds, one symbol of one source a line."""
    if symbols.empty:
        return "The store is empty. Fill it: omni ingest"
    rows = [("SYMBOL", "SOURCE", "BARS", "FIRST", "LAST", "HAS")]
    for row in symbols.itertuples():
        has = [
            "open, high, low, close" if row.has_ohlc else "close",
            *(["volume"] if row.has_volume else []),
            *(["adjusted close"] if row.has_adjusted else []),
        ]
        bars = f"{row.n_rows:>7,}"
        rows.append(
            (
                str(row.symbol),
                str(row.source),
                bars,
                f"{row.first:%Y-%m-%d}",
                f"{row.last:%Y-%m-%d}",
                ", ".join(has),
            )
        )
    return format_table(rows)


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned text; the last column is as wide as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


def format_duration(seconds: float | None) -> str:
    """Duration as people say it: ``0.8 s``, ``42 s``, ``3 min 05 s``."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def format_time(time: datetime | None, *, zone: str = " UTC") -> str:
    """UTC time to the second."""
    return "–" if time is None else f"{time:%Y-%m-%d %H:%M:%S}{zone}"


def _belonging(run: RunRecord) -> dict[str, str]:
    """What a run belongs to, as far as there is something to say."""
    origin = run.origin
    step = f"{origin.step}, attempt {origin.attempt}, of {origin.parent}" if origin.parent else ""
    asked = " ".join(filter(None, (origin.trigger, origin.name))) if origin.trigger != "hand" else ""
    trials = run.content.get("n_trials")
    counted = f"{run.content.get('trial_family')}, {trials} on this data" if trials is not None else ""
    told = {"tags": ", ".join(run.tags), "step": step, "asked by": asked, "trials": counted}
    return {name: value for name, value in told.items() if value}


def _title(notebook: Path) -> str:
    for cell in read_notebook(notebook).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            return str(cell.source.splitlines()[0][2:]).strip()
    return ""


def _columns(values: dict[str, str]) -> str:
    label_width = max(map(len, values))
    value_width = (
        max(len(value) for value in values.values()) if all(len(v) < 20 for v in values.values()) else 0
    )
    return "\n".join(f"  {label:<{label_width}}  {value:>{value_width}}" for label, value in values.items())
