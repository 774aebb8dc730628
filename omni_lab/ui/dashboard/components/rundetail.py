"""One run on a page: what it was asked and what came out, its log, its files, its notebook."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.ui.dashboard.components import markup
from omni_lab.ui.dashboard.components.boxes import Html, rows
from omni_lab.ui.dashboard.components.table import Column, RowAction, Table
from omni_lab.ui.dashboard.components.tabs import Document
from omni_lab.ui.dashboard.components.tearsheet import head_of, metrics_of
from omni_lab.ui.dashboard.states.runs import RunDetail, report_of

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session
    from omni_lab.ui.dashboard.states.runs import RunsState

_NOTHING = ("No run is chosen.", "Choose one in the table above.")
_FILES = (
    Column(key="path", label="File"),
    Column(key="kind", label="Kind"),
    Column(key="size", label="Bytes", kind="int", filter=False),
    Column(key="sha256", label="SHA-256"),
)
_MADE_WITH = ("data_fingerprint", "notebook_sha256", "code_sha256", "lock_sha256", "seed", "platform", "host")


class RunView:
    """The run that is looked at; each of its parts is a tab of the page.

    Parameters
    ----------
    session : Session
    state : RunsState
    """

    def __init__(self, session: Session, state: RunsState) -> None:
        self._session, self._state = session, state
        self.summary, self.log = Html(), Html()
        self.files = Table(
            "Files",
            _FILES,
            key="path",
            session=session,
            empty=("It left no files.", "A run leaves them when it ends."),
            actions=(RowAction(name="save", label="Download"),),
            act=lambda _, path: session.start(self._save(path)),
            filters=False,
            downloads=(),
        )
        self.notebook = Document("Notebook", height=900)
        self.summary_tab, self.log_tab = rows(self.summary), rows(self.log)
        self.files_tab, self.notebook_tab = rows(self.files), rows(self.notebook)
        self._run_id = ""
        session.watch(lambda _: session.start(self.show_notebook(self._run_id)), "theme")

    async def show(self, run_id: str) -> None:
        """Show summary, log and files of a run; nothing where its id is empty."""
        self._run_id = run_id
        if not run_id:
            nothing = markup.empty(*_NOTHING)
            self.summary.show({"html": nothing})
            self.log.show({"html": nothing})
            self.files.fill([])
            return
        try:
            detail = await self._session.background(self._state.detail, run_id)
        except OmniError as error:
            told = markup.failed("This run cannot be shown", str(error))
            self.summary.show({"html": told})
            self.log.show({"html": told})
            self.files.fail("This run cannot be shown", str(error))
            return
        if run_id == self._run_id:
            self.summary.show({"html": summary_of(detail)})
            self.log.show({"html": log_of(detail)})
            self.files.fill(
                [{n: getattr(f, n) for n in ("path", "kind", "size", "sha256")} for f in detail.files]
            )

    async def show_notebook(self, run_id: str) -> None:
        """Show the notebook of a run; nothing where its id is empty."""
        self._run_id = run_id
        if not run_id:
            self.notebook.show({"empty": list(_NOTHING)})
            return
        self.notebook.show({})
        theme = self._session.theme
        try:
            run = await self._session.background(self._state.run, run_id)
            html = await self._session.background(report_of, run, theme=theme)
        except OmniError as error:
            if run_id == self._run_id:
                self.notebook.show({"empty": ["There is no notebook to show.", str(error)]})
            return
        if run_id == self._run_id and theme == self._session.theme:
            self.notebook.show({"html": html})

    async def _save(self, path: str) -> None:
        data = await self._session.background(self._state.read_file, self._run_id, path)
        self._session.save(path.rpartition("/")[2], data)


def summary_of(detail: RunDetail) -> str:
    """Headline, parameters, what it was made with, every metric."""
    run = detail.run
    asked = {name.replace("_", " "): _written(v) for name, v in (run.content.get("parameters") or {}).items()}
    origin = run.origin
    facts = {
        "Pipeline": run.pipeline,
        "Status": run.status,
        "Started": "" if run.started is None else f"{run.started:%Y-%m-%d %H:%M:%S} UTC",
        "Seconds": "–" if run.duration_s is None else f"{run.duration_s:,.1f}",
        "Trigger": f"{origin.trigger} {origin.name}".strip(),
        "Tags": ", ".join(run.tags) or "–",
        **({"Step of": f"{origin.parent} ({origin.step})"} if origin.parent else {}),
    }
    made = {
        n.replace("_", " "): _written(run.content[n]) for n in _MADE_WITH if run.content.get(n) is not None
    }
    made |= {n: str(v) for n, v in (run.content.get("versions") or {}).items()}
    parts = [head_of(run), markup.box("Run", markup.facts(facts))]
    if asked:
        parts.append(markup.box("Parameters", markup.facts(asked)))
    parts.append(metrics_of(run))
    if made:
        parts.append(markup.box("Made with", markup.facts(made)))
    return f'<div style="display:grid;gap:14px">{"".join(parts)}</div>'


def log_of(detail: RunDetail) -> str:
    """What happened to it, in order, and what ended it."""
    lines = [
        f"{e.at:%Y-%m-%d %H:%M:%S} UTC  {e.status}" + (f"  {e.why}" if e.why else "") for e in detail.events
    ]
    error = detail.run.content.get("error")
    if isinstance(error, dict):
        where = f", in cell {error['cell']}" if error.get("cell") is not None else ""
        lines += ["", f"{error.get('type', 'error')}{where}:", str(error.get("message", ""))]
        lines += [str(error["traceback"])] if error.get("traceback") else []
    text = escape("\n".join(lines)) or "Nothing was said of it."
    return markup.box("Log", f'<pre class="log" tabindex="0" aria-label="Log">{text}</pre>')


def _written(value: Any) -> str:
    if value is None:
        return "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
