"""The report asks nothing of the network, whatever its notebook held, and says what happened."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_output

from omni_lab.errors import ConfigError, PipelineError
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.registry import RunRecord
from omni_lab.pipelines.report import render_report, without_requests
from omni_lab.pipelines.report_pdf import print_report
from tests.pipelines.conftest import notebook

HOSTILE = """
<img src="http://host.example/x.png" onerror="go()"><img srcset="//host.example/y.png 2x">
<script src="https://host.example/x.js"></script><script>fetch("https://host.example")</script>
<link rel="stylesheet" href="https://host.example/a.css"><iframe src="https://host.example"></iframe>
<style>@import url(https://host.example/b.css); p { background: url('http://host.example/c.png') }</style>
<p style="background: url(http://host.example/d.png); color: red" onclick="go()">text &amp; more &lt;b&gt;</p>
<svg><image xlink:href="http://host.example/e.png" href="http://host.example/f.png"/><use href="#here"/></svg>
<video poster="http://host.example/g.png" src="http://host.example/h.mp4"></video>
<object data="http://host.example/i"><p>inside</p></object><form action="http://host.example"><input></form>
<meta http-equiv="refresh" content="0; url=http://host.example"><base href="http://host.example">
<a href="javascript:go()">a</a> <a href="https://host.example/page">a link waits until it is followed</a>
"""


class Requests(HTMLParser):
    """Collects every address that a browser would fetch on its own."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts = 0
        self.handlers: list[str] = []
        self.series: list[str] = []
        self.feed(page)
        self.addresses += re.findall(r"@import[^;]*|url\(\s*['\"]?(?!data:)[^)]*\)", page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.series += [str(value) for name, value in attrs if name == "data-series"]
        for name, value in attrs:
            if name.startswith("on"):
                self.handlers.append(name)
            followed_by_hand = tag == "a" and name == "href" and not str(value).startswith("javascript:")
            fetches = name in {
                "src",
                "srcset",
                "href",
                "xlink:href",
                "poster",
                "data",
                "action",
                "background",
            }
            if fetches and not followed_by_hand and not str(value).startswith(("data:", "#")):
                self.addresses.append(f"{tag} {name}={value}")
        if tag == "meta" and ("http-equiv", "refresh") in attrs:
            self.addresses.append("refresh")


def record(**content: Any) -> RunRecord:
    return RunRecord(
        run_id="20260501-120000-toy-aaaaaaaa",
        pipeline="toy",
        status=content.pop("status", "succeeded"),
        folder=RunFolder(Path("20260501-120000-toy-aaaaaaaa")),
        content=content,
        artifacts=content.pop("artifacts", {}),
    )


def page_of(*outputs: dict[str, Any], markdown: str = "# A toy", **content: Any) -> str:
    node = notebook(("md", markdown), ("code", "secret = 1", ["parameters"]), ("code", "show()"))
    node.cells[2].outputs = [
        new_output("display_data", data=data)  # type: ignore[no-untyped-call]
        for data in outputs
    ]
    return render_report(node, record(**content))


def test_hostile_html_is_defused() -> None:
    seen = Requests(without_requests(HOSTILE))
    assert (seen.addresses, seen.scripts, seen.handlers) == ([], 0, [])


def test_harmless_html_is_kept() -> None:
    table = '<table border="1"><tr><td style="color: red">1 &lt; 2 &amp; 3</td></tr></table><br>'
    assert without_requests(table) == table
    image = '<img src="data:image/png;base64,AAAA" alt="x">'
    assert without_requests(image) == image
    drawing = '<svg viewBox="0 0 1 1"><path d="M0 0"></path></svg>'
    assert without_requests(drawing).lower() == drawing.lower()


def test_the_page_asks_nothing_of_the_network() -> None:
    page = page_of(
        {"text/html": HOSTILE}, {"text/markdown": HOSTILE}, markdown="# T\n\n![x](http://host.example/z.png)"
    )
    seen = Requests(page)
    assert (seen.addresses, seen.handlers) == ([], [])
    assert seen.scripts == 1, "only the page's own"


def test_the_policy_allows_the_pages_own_script_and_no_other() -> None:
    import base64
    import hashlib

    page = page_of()
    policy = re.search(r'content="(default-src [^"]+)"', page)
    script = re.search(r"<script>(.*)</script>", page, flags=re.DOTALL)
    assert policy is not None
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy.group(1)
    assert policy.group(1).startswith("default-src 'none'; img-src data:")


def test_code_is_folded_and_parameters_stand_at_the_top() -> None:
    page = page_of(parameters={"symbol": "SPX", "stop_loss": None}, changed_parameters=["symbol"])
    assert page.count('<details class="code">') == 1
    assert "secret" not in page, "the parameters cell is shown as a table instead"
    assert re.search(r'<tr class="changed"><th scope="row">symbol</th><td>SPX', page)


def test_headline_warnings_and_conclusions_lead() -> None:
    page = page_of(
        artifacts={
            "headline": {"Sharpe <": "0.50"},
            "warnings": ["12 trades & few"],
            "conclusions": ["It held."],
        }
    )
    body = page[page.index("<body>") : page.index("<main>")]
    for text in ("Sharpe &lt;", "0.50", "12 trades &amp; few", "It held."):
        assert text in body


def test_a_failure_is_shown_at_the_top() -> None:
    page = page_of(status="failed", error={"message": "ValueError: <no>"})
    assert "ValueError: &lt;no&gt;" in page[: page.index("<main>")]
    assert "status-failed" in page


def test_the_contents_lead_to_headings() -> None:
    page = page_of(markdown="# T\n\n## One\n\n## Two words\n\n## Is it so?\n")
    targets = re.findall(r'<li><a href="#([^"]+)">', page)
    assert len(targets) == 3
    assert all(f'id="{target}"' in page for target in targets)


def test_figures_are_embedded_and_described() -> None:
    page = page_of({"image/png": "iVBORw0K\n", "text/plain": "<Figure>"}, markdown="# T\n\n## Equity curve")
    (image,) = re.findall("<img [^>]*>", page)
    assert 'src="data:image/png;base64,iVBORw0K"' in image
    assert 'alt="Figure: Equity curve"' in image


@pytest.mark.parametrize("scheme", ["prefers-color-scheme: dark", "@media print", "max-width: 40rem"])
def test_the_style_covers_dark_print_and_phones(scheme: str) -> None:
    assert scheme in page_of()


def test_lines_of_a_figure_travel_as_text_of_an_attribute() -> None:
    series = {"version": 1, "panels": [{"label": '"><script>go()</script>'}]}
    page = page_of({"image/png": "iVBORw0K", "application/vnd.omnilab.series+json": series})
    seen = Requests(page)
    assert [json.loads(text) for text in seen.series] == [series]
    assert seen.scripts == 1


@pytest.mark.parametrize("broken", ["text", [1], None])
def test_lines_that_are_none_leave_the_picture(broken: Any) -> None:
    page = page_of({"image/png": "iVBORw0K", "application/vnd.omnilab.series+json": broken})
    assert "data-series=" not in page
    assert "iVBORw0K" in page


def test_without_a_browser_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = record()
    folder = RunFolder(tmp_path)
    (tmp_path / "report.html").write_text("<p>a report</p>")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install chromium"):
        print_report(replace(run, folder=folder))
    with pytest.raises(PipelineError, match="did not print"):
        print_report(replace(run, folder=folder), browser=str(tmp_path / "no-browser"))
    (tmp_path / "report.html").unlink()
    with pytest.raises(ConfigError, match="no report"):
        print_report(replace(run, folder=folder))
