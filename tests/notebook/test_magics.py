"""What is typed into a cell: runs, their cards, refusals in a sentence, completion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output
from traitlets.config import Config

from omni_lab.notebook.completion import complete_run
from omni_lab.pipelines import RunRecord

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        config = Config({"HistoryManager": {"enabled": False}})
        made = InteractiveShell.instance(config=config)
        made.run_line_magic("load_ext", "omni_lab")
        yield made
        InteractiveShell.clear_instance()


def run_cell(shell: Any, source: str) -> tuple[Any, Any]:
    """What IPython says of a cell, and what it showed."""
    with capture_output() as shown:
        done = shell.run_cell(source)
    return done, shown


def completions(shell: Any, text: str) -> list[str]:
    """What Tab offers at the end of a line."""
    with provisionalcompleter():
        return [each.text for each in shell.Completer.completions(text, len(text))]


def html_of(outputs: list[RichOutput]) -> str:
    return "".join(each.data.get("text/html", "") for each in outputs)


def test_a_run_is_the_value_of_its_cell_and_stays(shell: Any, tiny: str) -> None:
    shell.user_ns["bars"] = 31
    done, shown = run_cell(shell, f"%omni_run {tiny} n_bars=$bars symbol='S P'")
    record = done.result
    assert isinstance(record, RunRecord)
    assert record is shell.user_ns["_run"]
    assert (record.status, record.headline) == ("succeeded", {"Bars": "31"})
    assert record.content["changed_parameters"] == ["symbol", "n_bars"]
    assert "starting" in html_of(shown.outputs)
    page = shell.display_formatter.format(record)[0]["text/html"]
    assert "✓ succeeded" in page
    assert "Bars</span><b>31</b>" in page
    assert "report.html" in page
    assert "http" not in page


def test_a_run_that_breaks_says_so_in_one_sentence_and_leaves_its_record(shell: Any, tiny: str) -> None:
    done, shown = run_cell(shell, f"%omni_run -q {tiny} fails=true")
    assert not done.success
    assert shell.user_ns["_run"].status == "failed"
    assert shown.stderr.startswith(f"UsageError: {tiny} failed: AssertionError: it was <asked> to")
    assert "Traceback" not in shown.stderr + shown.stdout
    # It was asked to be quiet.
    assert (shown.outputs, shown.stdout) == ([], "")
    _, shown = run_cell(shell, "%omni_runs tiny -n 1")
    assert html_of(shown.outputs).count("✗ failed") == 1
    assert "&lt;asked&gt;" in html_of(shown.outputs)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "say what to run: expected one of 'backtest'"),
        ("bactest", "Did you mean 'backtest'?"),
        ("{tiny} n_bar=3", "Did you mean 'n_bars'?"),
        ("{tiny} n_bars=few", "the parameter 'n_bars' has another type"),
        ("{tiny} n_bars", "a parameter is set as name=value"),
        ("{tiny} n_bars=1 n_bars=2", "a parameter is set twice"),
        ("{tiny} n_bars=$absent", "this notebook has no such variable"),
        ("{tiny} symbol='a", "this cannot be read: No closing quotation"),
        ("{tiny} -p", "expected one argument"),
        ("{tiny} -p absent", "there is no such parameter file"),
        ("{tiny} --fresh", "--fresh is for flows"),
        ("backtest stop_loss=7", "out of range"),
        ("flow:absent", "absent"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(
    shell: Any, tiny: str, line: str, complaint: str
) -> None:
    done, shown = run_cell(shell, f"%omni_run {line.format(tiny=tiny)}")
    assert not done.success
    assert shown.stderr.startswith("UsageError: ")
    assert complaint in shown.stderr
    assert "Traceback" not in shown.stderr + shown.stdout


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%omni_run ba", "backtest"),
        ("%omni_run flow:", "flow:daily"),
        ("%omni_run backtest look", "lookback_period="),
        ("%omni_run backtest direction=lo", "long_only"),
        ("%omni_run backtest closes_only=", "true"),
        ("%omni_run backtest -p ", "backtest_spx"),
        ("%omni_run backtest --qu", "--quiet"),
        ("%omni_runs ba", "backtest"),
    ],
)
def test_what_may_follow_is_offered(shell: Any, text: str, offered: str) -> None:
    assert offered in completions(shell, text)


@pytest.mark.parametrize("text", ["%omni_run nothing_like_it x", "%omni_run backtest nothing_like_it="])
def test_half_a_name_is_no_reason_to_complain(shell: Any, text: str) -> None:
    assert complete_run(shell, SimpleNamespace(text_until_cursor=text)) == []


def test_the_package_costs_nothing_until_its_extension_is_loaded() -> None:
    code = "import sys, omni_lab; print(*sorted(name for name in sys.modules if name.startswith('omni_lab')))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert loaded.stdout.split() == ["omni_lab"]
