"""``index.html`` of a directory of runs: all of them on one page that asks nothing of the network.

It is written anew when a run ends. What the folders said before is kept in ``.index.json`` beside it, so that
only those that changed are read again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from string import Template
from textwrap import shorten
from typing import Any
from urllib.parse import quote

from omni_lab.pipelines.folder import RunFolder, read_json, write_text
from omni_lab.pipelines.registry import QUEUED, RUNNING, UNREADABLE, RunRecord, read_run
from omni_lab.pipelines.report import script_hash, template_text
from omni_lab.pipelines.summary import format_duration

INDEX_FILE = "index.html"
_KEPT_FILE = ".index.json"
_LOCK_FILE = ".index.lock"
_VERSION = 1
_WITHOUT_SCRIPT = 100
_RESULTS, _PROBLEM_WIDTH, _SET_WIDTH = 5, 160, 120
_OPEN = (RUNNING, QUEUED, UNREADABLE)


def write_index(runs_dir: Path, *, tags: Mapping[str, Sequence[str]] | None = None) -> Path:
    """Write the page of all runs; a reader sees the old one or the new one.

    Parameters
    ----------
    runs_dir : Path
        The directory of runs.
    tags : mapping of str to sequence of str, optional
        By run id, of runs whose tags changed; those of before stay otherwise.

    Returns
    -------
    Path
        ``runs_dir/index.html``.
    """
    runs_dir.mkdir(parents=True, exist_ok=True)
    # Of two runs that end at once the later writer must have seen both.
    with _alone(runs_dir / _LOCK_FILE):
        for left in runs_dir.glob(".*index.*.tmp"):
            left.unlink()  # by a writer that was killed: nobody else writes now
        rows = _rows(runs_dir, tags)
        write_text(runs_dir / INDEX_FILE, render_index(rows))
    return runs_dir / INDEX_FILE


def render_index(rows: Sequence[Mapping[str, Any]]) -> str:
    """The page of rows as `row_of` makes them, in their order."""
    script = template_text("theme.js", "runs.js")
    return Template(template_text("runs.html")).substitute(
        style=template_text("theme.css", "runs.css"),
        script=script,
        script_hash=script_hash(script),
        rows="\n".join(map(_markup, rows[:_WITHOUT_SCRIPT])),
        none=" hidden" if rows else "",
        empty="There are no runs yet. Make one: omni run backtest",
        footer=f"{len(rows):,} runs",
        # Within a script element only its end could be mistaken for something else.
        data=json.dumps(rows, separators=(",", ":")).replace("<", "\\u003c"),
    )


def row_of(run: RunRecord) -> dict[str, Any]:
    """What the page says of a run."""
    content = run.content
    parameters = content.get("parameters") or {}
    changed = ((name, parameters.get(name)) for name in content.get("changed_parameters") or ())
    chosen = " ".join(f"{name}={value}" for name, value in changed)
    return {
        "id": run.run_id,
        "status": run.status,
        "pipeline": run.pipeline,
        "started": "" if run.started is None else run.started.strftime("%Y-%m-%dT%H:%M:%S"),
        "took_s": run.duration_s,
        "took": format_duration(run.duration_s),
        "result": [[str(label), str(value)] for label, value in list(run.headline.items())[:_RESULTS]],
        "problem": shorten(run.problem, _PROBLEM_WIDTH, placeholder=" …"),
        "set": shorten(chosen, _SET_WIDTH, placeholder=" …"),
        "tags": list(run.tags),
        "link": _link(run.folder),
    }


def _link(folder: RunFolder) -> str:
    """Where its row leads: the report, or what there is instead."""
    for path in (folder.report_file, folder.notebook_file, folder.run_file):
        if path.is_file():
            return f"{quote(folder.run_id)}/{path.name}"
    return ""


def _rows(runs_dir: Path, tags: Mapping[str, Sequence[str]] | None) -> list[dict[str, Any]]:
    """Rows of all runs, the newest first; what has not changed is not read again."""
    kept = _kept(runs_dir / _KEPT_FILE)
    found: dict[str, Any] = {}
    for path in runs_dir.iterdir():
        if path.name.startswith(".") or not path.is_dir():
            continue
        state, before = _state(path), kept.get(path.name)
        if before is None or before["state"] != state or before["row"]["status"] in _OPEN:
            row = row_of(read_run(path))
            if before is not None:
                row["tags"] = before["row"]["tags"]
            before = {"state": state, "row": row}
        if tags is not None and path.name in tags:
            before["row"]["tags"] = sorted(tags[path.name])
        found[path.name] = before
    write_text(runs_dir / _KEPT_FILE, json.dumps({"version": _VERSION, "runs": found}))
    rows = [each["row"] for each in found.values()]
    return sorted(rows, key=lambda row: (row["started"], row["id"]), reverse=True)


def _kept(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
        if content["version"] != _VERSION:
            return {}
        return {name: each for name, each in content["runs"].items() if {"state", "row"} <= set(each)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _state(path: Path) -> list[int]:
    """What changes when a run's folder does."""
    found = []
    for each in (path, path / "run.json"):
        try:
            found.append(each.stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return found


def _markup(row: Mapping[str, Any]) -> str:
    """The row for a reader whose browser runs no scripts."""
    name = escape(row["pipeline"])
    name = f'<a class="name" href="{escape(row["link"])}">{name}</a>' if row["link"] else name
    result = row["problem"] or " · ".join(f"{label} {value}" for label, value in row["result"])
    cells = (
        f'<span class="status status-{escape(row["status"])}">{escape(row["status"])}</span>',
        f'{name}<span class="id">{escape(row["id"])}</span>',
        escape(row["started"].replace("T", " ")),
        escape(row["took"]),
        escape(result),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    import fcntl

    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
