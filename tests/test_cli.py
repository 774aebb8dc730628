"""The command line says what happened in its exit code, and what was wrong in a sentence."""

import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import omni_lab
from omni_lab.cli import app
from omni_lab.config import HOME_VARIABLE
from omni_lab.data import ItchFile, synthetic_itch
from omni_lab.pipelines import doctor
from tests.pipelines.conftest import WriteNotebook, project, write_notebook

__all__ = ["project", "write_notebook"]  # fixtures

ROOT = Path(__file__).parents[1]


def omni(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data directory, used from the project's own root."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from omni_lab.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'duckdb', 'matplotlib', 'papermill', 'yaml', 'nbformat'}\n"
        "print('loaded', *sorted(heavy & set(sys.modules)))"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "loaded"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_version() -> None:
    assert omni("version").output == omni("--version").output == f"{omni_lab.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "nope"],
        ["run", "toy", "--set", "nope=1"],
        ["run", "toy", "--set", "lookback=x"],
        ["run", "toy", "-p", "nope"],
        ["runs", "show", "nope"],
        ["nope"],
        ["run", "toy", "--nope"],
    ],
)
def test_bad_input_is_2_in_a_sentence(write_notebook: WriteNotebook, arguments: list[str]) -> None:
    write_notebook("toy", "x = 1")
    done = omni(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert done.stderr


def test_debug_shows_where_it_was_raised(write_notebook: WriteNotebook) -> None:
    done = omni("--debug", "run", "nope")
    assert isinstance(done.exception, omni_lab.errors.ConfigError)


def test_an_unknown_parameter_is_named_with_the_valid_ones(write_notebook: WriteNotebook) -> None:
    write_notebook("toy", "x = 1")
    message = omni("run", "toy", "--set", "lookbak=1").stderr
    for part in ("'lookbak'", "'lookback'", "'stop_loss'", "Did you mean 'lookback'?"):
        assert part in message


def test_pipelines_and_their_parameters_are_listed(write_notebook: WriteNotebook, project: Path) -> None:
    write_notebook("toy", "x = 1")
    (project / "notebooks" / "pipelines" / "params" / "toy_short.yaml").write_text("lookback: 5\n")
    assert "toy_short" in omni("run").output
    assert "The toy pipeline" in omni("run").output
    listed = omni("run", "toy", "-p", "toy_short", "--list-parameters")
    assert listed.exit_code == 0
    rows = {line.split()[0]: line for line in listed.output.splitlines()}
    assert "int" in rows["lookback"]
    assert "5" in rows["lookback"]
    assert "fraction of the entry price" in rows["stop_loss"]
    assert "run_dir" not in rows
    assert not (project / "home").exists(), "listing runs nothing"


def test_a_run_that_fails_is_1_with_the_error_and_the_notebook(
    write_notebook: WriteNotebook, project: Path
) -> None:
    write_notebook("bad", "raise ValueError('no such luck')")
    done = omni("run", "bad", "--no-progress")
    assert done.exit_code == 1
    assert "ValueError: no such luck" in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("notebook")]
    assert Path(line.split(maxsplit=1)[1]).is_file()
    listed = omni("runs")
    assert listed.exit_code == 0
    assert "failed" in listed.output
    assert "no such luck" in listed.output


def test_an_interrupted_run_is_130(write_notebook: WriteNotebook, project: Path) -> None:
    flag = project / "flag"
    write_notebook("sleeper", f"import pathlib, time\npathlib.Path({str(flag)!r}).touch()\ntime.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-m", "omni_lab.cli", "run", "sleeper"], stderr=subprocess.PIPE, text=True
    )
    while not flag.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert "Traceback" not in stderr


def test_a_run_that_succeeds_is_0_and_can_be_shown(write_notebook: WriteNotebook) -> None:
    write_notebook(
        "toy",
        "from omni_lab.pipelines import RunContext\n"
        "RunContext(run_dir).record(headline={'Sharpe ratio': '0.50'}, metrics={'sharpe_ratio': 0.5}, "
        "warnings=['few trades'])",
    )
    done = omni("run", "toy", "--no-progress", "-s", "symbol=007")
    assert done.exit_code == 0
    assert "Sharpe ratio  0.50" in done.output
    assert "! few trades" in done.output
    shown = omni("runs", "show", "last")
    assert shown.exit_code == 0
    assert "007   (set)" in shown.output
    assert "sharpe_ratio  0.5" in shown.output
    assert omni("runs", "ls").output == omni("runs").output


def test_no_runs_and_no_prices_name_the_next_command(home: Path) -> None:
    assert "omni run backtest" in omni("runs").output
    assert "omni ingest" in omni("store", "ls").output
    assert not home.exists(), "asking creates nothing"


def test_prices_are_ingested_once(home: Path) -> None:
    first = omni("ingest", "statsmodels")
    assert first.exit_code == 0
    assert "1 added" in first.output
    assert "1 unchanged" in omni("ingest", "statsmodels").output
    assert "SP500_M" in omni("store", "ls").output


def test_an_unknown_source_ingests_nothing(home: Path) -> None:
    done = omni("ingest", "statsmodels", "nope")
    assert done.exit_code == 2
    assert "'nope'" in done.stderr
    assert not home.exists()


def test_the_doctor_finds_a_whole_house(home: Path) -> None:
    done = omni("doctor")
    assert done.exit_code == 0, done.output
    for subject in ("python", "engine", "package", "pipelines", "data", "lake", "runs", "rust"):
        assert f" {subject} " in done.output


def test_the_doctor_is_1_when_something_required_is_broken(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_ENGINE_DOOR", "omni_lab.no_such_module")
    done = omni("doctor")
    assert done.exit_code == 1
    assert "✕ engine" in done.output
    assert "make setup" in done.output


def test_the_doctor_names_what_an_extra_lacks() -> None:
    requirements = ["numpy>=2", "nowhere-to-be-found>=1; extra == 'lab'", "numpy>=999; extra == 'old'"]
    assert doctor._unmet(requirements, extra="") == []
    assert doctor._unmet(requirements, extra="lab") == ["nowhere-to-be-found>=1"]
    assert doctor._unmet(requirements, extra="old") == ["numpy>=999"]


def test_the_doctor_sees_a_directory_it_cannot_write_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert doctor._why_not_writable(tmp_path / "new" / "deep") == ""
    assert "cannot be written to" in doctor._why_not_writable(file / "below")


# --- the readme -----------------------------------------------------------------------------------


def test_the_readmes_examples_run(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    backtest, market, worked, book, _ = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)

    def printed(example: str) -> str:
        # The journal of the last example goes where it may.
        command = [sys.executable, "-c", example]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert re.fullmatch(r"Sharpe: -?\d\.\d\d  Return: -?\d+\.\d\d%\n", printed(backtest))
    assert printed(book).startswith("EventLog of")
    # The second goes on from the first, on a day of this name whose busiest stock is another.
    day = tmp_path / "01302019.NASDAQ_ITCH50.gz"
    synthetic_itch(day, messages=60_000, symbols=4, seed=5)
    symbol = ItchFile(day).books().bbo()["symbol"].value_counts().index[0]
    captured = backtest.split("config =")[0] + market
    said = printed(captured.replace("AAPL", str(symbol)))
    assert said.startswith("TickResults(MarketMakingStrategy on")
    assert "POST_ONLY; we knew" in said
    assert "shortfall" in printed((captured + worked).replace("AAPL", str(symbol)))


def test_the_readmes_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readmes_commands_exist() -> None:
    block = re.search(r"```\nomni run .*?```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert block is not None
    commands = re.findall(r"\bomni (\w+)(?: (show|ls)\b)?", block.group())
    assert {("run", ""), ("runs", "show"), ("ingest", ""), ("store", "ls"), ("doctor", "")} <= set(commands)
    for command, subcommand in commands:
        assert omni(*filter(None, (command, subcommand)), "--help").exit_code == 0
