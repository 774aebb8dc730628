"""Forms: types, ranges, units and rules, held before anything runs; the cell is what the form says."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import Form, form, form_of, knob, parameters_cell
from omni_lab.pipelines.parameters import parameter_values, read_parameters
from omni_lab.pipelines.runner import prepare_run
from tests.pipelines.conftest import WriteNotebook, notebook


@form("toy_study", reads=("lake",), writes=("lake",))
class ToyForm:
    """A form with one field of every sort."""

    symbol: str = knob("SPX", "instrument, as the store knows it")
    window: int = knob(20, "of the average", unit="bars", at_least=2, at_most=500)
    stop: float | None = knob(None, "fraction of the entry price", above=0.0, below=1.0)
    weights: list[float] = knob([0.5, 0.5], "of the legs", at_least=0.0)
    metric: str = knob("sharpe_ratio", "what is chosen by", choices=("sharpe_ratio", "total_return"))
    grid: dict[str, Any] = knob({"window": [5, 10]}, "what is tried")
    capital: float = knob(100_000.0, "cash at the start", unit="USD", above=0.0)
    book: str | None = knob(None, "a captured day", kind="path")
    note: str = knob('it\'s "so"', "anything")

    def check(self) -> None:
        """Weights are of as many legs as there are."""
        if len(self.weights) != 2:
            raise ConfigError("there are two legs", found=self.weights, where="weights")


def toy() -> Form:
    found = form_of("toy_study")
    assert found is not None
    return found


def values(*assignments: str) -> dict[str, Any]:
    return parameter_values(toy().parameters, assignments=assignments, rules=toy().check_rules)


def refusal(*assignments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        values(*assignments)
    return str(caught.value)


def test_a_form_says_types_units_ranges_and_state() -> None:
    described = toy()
    assert (described.name, described.reads, described.writes) == ("toy_study", ("lake",), ("lake",))
    said = {p.name: (p.type_name, p.accepts) for p in described.parameters.values()}
    assert said == {
        "symbol": ("str", ""),
        "window": ("int", "at least 2, at most 500 bars"),
        "stop": ("float | None", "above 0, below 1"),
        "weights": ("list[float]", "at least 0"),
        "metric": ("str", "one of sharpe_ratio, total_return"),
        "grid": ("dict", ""),
        "capital": ("float", "above 0 USD"),
        "book": ("path | None", ""),
        "note": ("str", ""),
    }


def test_a_form_is_frozen_and_its_defaults_are_not_shared() -> None:
    first, second = ToyForm(), ToyForm()
    first.weights.append(1.0)
    assert second.weights == [0.5, 0.5]
    with pytest.raises(FrozenInstanceError):
        first.window = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("window=2", 2),
        ("window=500", 500),
        ("stop=0.999", 0.999),
        ("stop=none", None),
        ("weights=0,1", [0.0, 1.0]),
        ("metric=total_return", "total_return"),
        ("grid={window: [3], reverse: true}", {"window": [3], "reverse": True}),
    ],
)
def test_values_at_the_edge_of_their_range_pass(assignment: str, value: object) -> None:
    assert values(assignment)[assignment.partition("=")[0]] == value


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("window=1", "'window' is out of range: found 1, expected at least 2, at most 500 bars"),
        ("window=501", "found 501"),
        ("stop=0", "'stop' is out of range: found 0.0, expected above 0, below 1"),
        ("stop=1", "found 1.0"),
        ("weights=0.5,-0.5", "'weights' is out of range: found -0.5, expected at least 0"),
        ("weights=[]", "there are two legs"),
        ("metric=sharp_ratio", "Did you mean 'sharpe_ratio'?"),
        ("weights=1,1,1", "there are two legs"),
        ("book=no/such/day", "'book' names nothing that exists"),
        ("book=", ""),
    ],
)
def test_values_out_of_range_are_refused_with_range_and_unit(assignment: str, complaint: str) -> None:
    if not complaint:
        assert values(assignment)["book"] is None
    else:
        assert complaint in refusal(assignment)


def test_every_problem_is_told_at_once_and_rules_wait_for_values_that_are_right() -> None:
    said = refusal("windw=3", "window=1", "stop=x", "metric=y", "weights=1")
    assert said.startswith("4 parameters cannot be used")
    assert all(part in said for part in ("'windw'", "'window' is out", "'stop' has another", "'metric' is"))
    assert "two legs" not in said
    both = refusal("windw=3", "weights=1")
    assert "'windw'" in both
    assert "two legs" in both


def test_a_path_is_made_whole_and_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "day").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert values("book=day")["book"] == values("book=~/day")["book"] == str(tmp_path / "day")
    assert parameter_values(toy().parameters, values={"book": tmp_path / "day"})["book"] == str(
        tmp_path / "day"
    )


def test_values_can_be_checked_in_python_too() -> None:
    toy().check({"window": 3, "weights": [1.0, 0.0]})
    with pytest.raises(ConfigError, match="unknown parameter: found 'windw'"):
        toy().check({"windw": 3})
    with pytest.raises(ConfigError, match=r"(?s)'window' is out of range.*'stop' has another type"):
        toy().check({"window": 1, "stop": "x"})
    with pytest.raises(ConfigError, match="two legs"):
        toy().check({"weights": [1.0]})
    window = toy().parameters["window"]
    assert window.problem(1) == "1 is not at least 2, at most 500 bars"
    assert window.problem(2) is None


def test_the_cell_is_read_back_as_the_form() -> None:
    text = parameters_cell(toy())
    assert all(len(line) <= 110 for line in text.splitlines())
    assert "capital: float = 100_000.0  # cash at the start; above 0 USD" in text
    declared = read_parameters(notebook(("code", text, ["parameters"])), where="toy")
    assert declared.pop("run_dir").default is None
    assert [(p.name, p.annotation, p.default) for p in declared.values()] == [
        (p.name, p.annotation, p.default) for p in toy().parameters.values()
    ]


def test_a_comment_that_is_too_long_stands_above_its_line() -> None:
    @form("wordy")
    class Wordy:
        window: int = knob(20, "of the average, " + "which is long, " * 6 + "and so", unit="bars", at_least=2)

    text = parameters_cell(form_of("wordy") or toy())
    assert text.splitlines()[0].startswith("# of the average")
    declared = read_parameters(notebook(("code", text, ["parameters"])), where="toy")
    assert declared["window"].help.endswith("and so; at least 2 bars")


def test_a_default_that_is_too_long_has_a_line_for_each_item() -> None:
    @form("lengthy")
    class Lengthy:
        symbols: list[str] = knob([f"SYMBOL_{n}" for n in range(20)], "which")
        grid: dict[str, Any] = knob({f"setting_{n}": [n, n + 1] for n in range(9)}, "what is tried")

    text = parameters_cell(form_of("lengthy") or toy())
    assert '# which\nsymbols: list[str] = [\n    "SYMBOL_0",\n' in text
    assert '    "setting_8": [8, 9],\n}\n' in text
    declared = read_parameters(notebook(("code", text, ["parameters"])), where="toy")
    assert declared["symbols"].default[-1] == "SYMBOL_19"
    assert declared["symbols"].help == "which"


def no_knob() -> None:
    @form("bad")
    class Bad:
        window: int = 3


def run_dir_knob() -> None:
    @form("bad")
    class Bad:
        run_dir: str | None = knob(None, "mine")


def bad_type() -> None:
    @form("bad")
    class Bad:
        window: complex = knob(1j, "of the average")


def ill_typed_default() -> None:
    @form("bad")
    class Bad:
        window: int = knob("3", "of the average")


def default_out_of_range() -> None:
    @form("bad")
    class Bad:
        window: int = knob(1, "of the average", at_least=2)


def path_that_is_a_number() -> None:
    @form("bad")
    class Bad:
        window: int = knob(1, "of the average", kind="path")


@pytest.mark.parametrize(
    ("define", "complaint"),
    [
        (no_knob, "every field of a form is a knob"),
        (run_dir_knob, "run_dir is not one"),
        (bad_type, "cannot be used"),
        (ill_typed_default, "another type"),
        (default_out_of_range, "out of range"),
        (path_that_is_a_number, "a path is declared as str"),
    ],
)
def test_a_form_that_cannot_be_is_refused_where_it_is_defined(
    define: Callable[[], None], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        define()
    assert form_of("bad") is None


# --- notebooks of one's own -----------------------------------------------------------------------

BESIDE = """\
from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob

@form("mine")
class MineForm:
    window: int = knob(20, "of the average", unit="bars", at_least=2)
"""


def put_beside(project: Path, text: str = BESIDE, name: str = "mine") -> None:
    folder = project / "notebooks" / "pipelines" / "forms"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)


def test_a_form_beside_a_notebook_is_held(project: Path, write_notebook: WriteNotebook) -> None:
    write_notebook("mine", "print(window)", parameters="window: int = 20\nrun_dir: str | None = None")
    assert prepare_run("mine", assignments=["window=1"]).settings == {"window": 1}
    put_beside(project)
    with pytest.raises(ConfigError, match="at least 2 bars"):
        prepare_run("mine", assignments=["window=1"])
    assert prepare_run("mine").parameters["window"].unit == "bars"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1 / 0", "cannot be loaded: found 'ZeroDivisionError"),
        ("x = 1", "defines no form of this name"),
        (BESIDE.replace('"mine"', '"other"'), "defines no form of this name"),
        (BESIDE.replace("window: int", "windw: int"), "not what its form says"),
    ],
)
def test_a_form_beside_a_notebook_that_does_not_fit_is_refused(
    project: Path, write_notebook: WriteNotebook, text: str, complaint: str
) -> None:
    write_notebook("mine", "print(window)", parameters="window: int = 20")
    put_beside(project, text)
    with pytest.raises(ConfigError, match=complaint):
        prepare_run("mine")
    assert form_of("other") is None, "what the file says holds for its notebook alone"


def test_another_notebook_of_a_built_in_name_keeps_its_own_parameters(write_notebook: WriteNotebook) -> None:
    write_notebook("backtest", "print(window)", parameters="window: int = 20")
    assert prepare_run("backtest").settings == {"window": 20}


def test_a_built_in_form_is_found_by_name_and_by_notebook() -> None:
    assert form_of("backtest") is form_of(Path("elsewhere/backtest.ipynb"))
    assert form_of("no_such_pipeline") is None
    assert form_of("../backtest") is None
