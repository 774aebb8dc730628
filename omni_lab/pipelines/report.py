"""The report of a run: its executed notebook as one HTML page that asks nothing of the network.

Style, figures and the one script are inside; a content policy forbids everything else, so that even an output
with an address in it loads nothing. nbconvert renders the cells, ``report_template/`` shapes the page.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.figures._readout import MIME
from omni_lab.pipelines.catalog import read_notebook
from omni_lab.pipelines.folder import write_text
from omni_lab.pipelines.registry import RunRecord
from omni_lab.pipelines.summary import format_duration, format_time

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEMPLATE = Path(__file__).parent / "report_template"
_DROPPED_WITH_CONTENT = frozenset({"script", "iframe", "object", "embed", "noscript", "template", "form"})
_DROPPED_TAGS = frozenset({"link", "meta", "base", "input", "source", "track"})
_VOID = frozenset({"img", "br", "hr", "col", "wbr"})
_FETCHING = frozenset(
    {"src", "srcset", "poster", "background", "data", "xlink:href", "action", "formaction", "ping"}
)


def write_report(run: RunRecord) -> Path:
    """Render the executed notebook of a run next to it.

    Parameters
    ----------
    run : RunRecord
        Whose directory holds ``notebook.ipynb``.

    Returns
    -------
    Path
        The report, ``report.html``.
    """
    notebook = read_notebook(run.folder.notebook_file)
    write_text(run.folder.report_file, render_report(notebook, run))
    return run.folder.report_file


def render_report(notebook: "NotebookNode", run: RunRecord) -> str:
    """HTML page of an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
    run : RunRecord
        Heads the page: status, headline, warnings, parameters, versions.
    """
    from nbconvert import HTMLExporter

    _describe_figures(notebook)
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name=_TEMPLATE.name,
        extra_template_basedirs=[str(_TEMPLATE.parent)],
        filters={"offline": without_requests, "reading": _reading},
        embed_images=False,
    )
    body, _ = exporter.from_notebook_node(notebook, resources={"report": _facts(notebook, run)})
    return str(body)


def without_requests(markup: str) -> str:
    """HTML with everything removed that would run, navigate or fetch; data URIs, style and text stay.

    Parameters
    ----------
    markup : str
        The HTML of an output.
    """
    cleaner = _OfflineHTML()
    cleaner.feed(markup)
    cleaner.close()
    return "".join(cleaner.parts)


def template_text(*names: str) -> str:
    """Files of the template, one after the other."""
    return "".join((_TEMPLATE / name).read_text(encoding="utf-8") for name in names)


def script_hash(script: str) -> str:
    """What a content policy names the one script by that it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


class _OfflineHTML(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._dropping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED_WITH_CONTENT:
            self._dropping.append(tag)
        elif not self._dropping and tag not in _DROPPED_TAGS:
            if tag == "img" and not (dict(attrs).get("src") or "").startswith("data:image/"):
                return
            kept = "".join(
                _attribute(name, value) for name, value in attrs if not _asks_outside(tag, name, value)
            )
            self.parts.append(f"<{tag}{kept}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _DROPPED_WITH_CONTENT:
            self.handle_starttag(tag, attrs)
            if tag not in _VOID and tag not in _DROPPED_TAGS and not self._dropping:
                self.parts.append(f"</{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if tag == self._dropping[-1]:
                self._dropping.pop()
        elif tag not in _DROPPED_TAGS and tag not in _DROPPED_WITH_CONTENT:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            # Text reaches here escaped; only a style sheet can hold an address that is fetched.
            self.parts.append(_local_style(data) if self.lasttag == "style" else data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")


def _attribute(name: str, value: str | None) -> str:
    if value is None:
        return f" {name}"
    if name == "style":
        value = _local_style(value)
    return f' {name}="{html.escape(value)}"'


def _asks_outside(tag: str, name: str, value: str | None) -> bool:
    target = (value or "").strip().lower()
    if name.startswith("on"):
        return True
    if name in _FETCHING:
        return not target.startswith("data:image/")
    # A link asks nothing until it is followed; elsewhere an href is fetched, as by <use> and <image>.
    return name == "href" and (target.startswith("javascript:") if tag == "a" else not target.startswith("#"))


def _local_style(style: str) -> str:
    style = re.sub(r"@import[^;]*;?", "", style, flags=re.IGNORECASE)
    return re.sub(r"url\(\s*['\"]?(?!\s*data:)[^)]*\)", "none", style, flags=re.IGNORECASE)


def _facts(notebook: "NotebookNode", run: RunRecord) -> dict[str, Any]:
    script = template_text("theme.js", "report.js", "readout.js")
    content = run.content
    changed = set(content.get("changed_parameters") or ())
    headings = _headings(notebook)
    title = next((text for level, text in headings if level == 1), run.pipeline)
    return {
        "title": title,
        "status": run.status,
        "pipeline": run.pipeline,
        "started": format_time(run.started),
        "duration": format_duration(run.duration_s),
        "error": (content.get("error") or {}).get("message"),
        "headline": run.headline,
        "conclusions": run.artifacts.get("conclusions") or [],
        "warnings": run.artifacts.get("warnings") or [],
        "parameters": [
            {"name": name, "value": "none" if value is None else value, "changed": name in changed}
            for name, value in (content.get("parameters") or {}).items()
        ],
        "provenance": _provenance(content),
        "contents": [(text.replace(" ", "-"), text) for level, text in headings if level == 2],
        "footer": f"Run {run.run_id}",
        "style": template_text("theme.css", "report.css") + _highlighting(),
        "script": script,
        "script_hash": script_hash(script),
    }


def _provenance(content: Any) -> dict[str, str]:
    git = content.get("git") or {}
    rows = {
        "data fingerprint": content.get("data_fingerprint"),
        "parameter file": content.get("parameter_file"),
        "seed": content.get("seed"),
        "notebook": f"{content.get('notebook')} (sha256 {str(content.get('notebook_sha256'))[:12]})",
        "commit": git.get("commit") and git["commit"][:12] + (" with changes" if git.get("dirty") else ""),
        "platform": content.get("platform"),
        **(content.get("versions") or {}),
    }
    return {name: str(value) for name, value in rows.items() if value is not None}


def _headings(notebook: "NotebookNode") -> list[tuple[int, str]]:
    source = "\n".join(
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "markdown" and "report-top" not in cell.metadata.get("tags", [])
    )
    found: list[tuple[str, str]] = re.findall(r"^(#{1,2}) +(.+?)\s*$", source, flags=re.MULTILINE)
    return [(len(marks), text) for marks, text in found]


def _describe_figures(notebook: "NotebookNode") -> None:
    """Give each picture the heading above it, or the first line of the cell's comment, as its description."""
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found: list[str] = re.findall(r"^#{1,3} +(.+)$", cell.source, flags=re.MULTILINE)
            heading = found[-1] if found else heading
        for output in cell.get("outputs", []):
            if output.output_type in ("display_data", "execute_result"):
                output.metadata.setdefault("alt", f"Figure: {heading}" if heading else "Figure")


def _reading(data: Mapping[str, Any]) -> str:
    """The lines of a figure as an attribute; nothing for a figure that did not bring them."""
    if not isinstance(series := data.get(MIME), dict):
        return ""
    return f' data-series="{html.escape(json.dumps(series, separators=(",", ":")))}"'


def _highlighting() -> str:
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # ships no types

    def rules(style: str, scope: str = "") -> str:
        # The page has its own background and text colour for code.
        start = f"{scope} .highlight".strip()
        lines = HtmlFormatter(style=style).get_style_defs(start).splitlines()
        return "\n".join(line for line in lines if line.startswith(f"{start} ."))

    by_system = rules("github-dark", ':root:not([data-theme="light"])')
    chosen = rules("github-dark", ':root[data-theme="dark"]')
    return (
        f"\n{rules('default')}\n@media screen and (prefers-color-scheme: dark) {{\n{by_system}\n}}\n"
        f"@media screen {{\n{chosen}\n}}\n"
    )
