"""Parameters are read as declared, and what does not fit is refused before anything runs."""

from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines.parameters import parameter_values, read_parameters
from tests.pipelines.conftest import PARAMETERS, notebook

DECLARED = read_parameters(notebook(("code", PARAMETERS, ["parameters"])), where="toy.ipynb")


def one(assignment: str) -> Any:
    name = assignment.split("=", maxsplit=1)[0]
    return parameter_values(DECLARED, assignments=[assignment])[name]


def refusal(**given: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parameter_values(DECLARED, **given)
    return caught.value


def test_types_defaults_and_comments_are_read() -> None:
    seen = [(p.name, p.type_name, p.default, p.help) for p in DECLARED.values()]
    assert seen[:4] == [
        ("symbol", "str", "SPX", "what to trade, as in symbol=SPX"),
        ("lookback", "int", 20, "bars"),
        ("stop_loss", "float | None", None, "fraction of the entry price; none is off"),
        ("weights", "list[float]", [0.5, 0.5], "of the two legs"),
    ]


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("symbol=007", "007"),
        ("symbol=NO", "NO"),
        ("symbol=true", "true"),
        ("symbol=null", "null"),
        ("symbol='A B'", "A B"),
        ("symbol=a=b", "a=b"),
        ("lookback=5", 5),
        ("lookback=-5", -5),
        ("stop_loss=0.05", 0.05),
        ("stop_loss=1e-3", 0.001),
        ("stop_loss=2", 2.0),
        ("stop_loss=null", None),
        ("stop_loss=", None),
        ("weights=[1, 2.5]", [1.0, 2.5]),
        ("weights=1,2.5", [1.0, 2.5]),
        ("reverse=yes", True),
        ("reverse=false", False),
    ],
)
def test_text_is_read_as_the_declared_type(assignment: str, value: object) -> None:
    found = one(assignment)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "assignment",
    [
        "lookback=5.5",
        "lookback=true",
        "lookback=",
        "stop_loss=abc",
        "stop_loss=nan",
        "stop_loss=inf",
        "weights=[1, x]",
        "reverse=1",
        "symbol=",
    ],
)
def test_an_ill_typed_value_is_refused(assignment: str) -> None:
    name = assignment.split("=", maxsplit=1)[0]
    error = refusal(assignments=[assignment])
    assert error.where == "--set"
    assert error.expected == DECLARED[name].type_name
    assert name in str(error)


def test_an_unknown_name_is_refused_with_the_closest_and_all_valid_ones() -> None:
    error = refusal(assignments=["lookbak=5"])
    assert error.found == "lookbak"
    assert error.hint == "Did you mean 'lookback'?"
    assert error.expected == ["symbol", "lookback", "stop_loss", "weights", "reverse", "seed"]


def test_the_run_directory_cannot_be_set() -> None:
    assert refusal(assignments=["run_dir=/tmp"]).found == "run_dir"


def test_every_problem_is_told_at_once() -> None:
    message = str(refusal(assignments=["lookbak=5", "stop_loss=abc"]))
    assert "lookbak" in message
    assert "stop_loss" in message


@pytest.mark.parametrize("assignment", ["lookback", "=5", ""])
def test_an_assignment_needs_a_name_and_a_value(assignment: str) -> None:
    assert "name=value" in str(refusal(assignments=[assignment]))


def test_a_name_set_twice_is_refused() -> None:
    assert "twice" in str(refusal(assignments=["lookback=5", "lookback=6"]))


def test_defaults_give_way_to_the_file_and_the_file_to_what_is_set(tmp_path: Path) -> None:
    file = tmp_path / "set.yaml"
    file.write_text("symbol: 007\nlookback: 5\nweights: [1, 0]\n")
    effective = parameter_values(DECLARED, file=file, assignments=["lookback=6"])
    assert effective == {
        "symbol": "007",
        "lookback": 6,
        "stop_loss": None,
        "weights": [1.0, 0.0],
        "reverse": False,
        "seed": 7,
        "run_dir": None,
    }


@pytest.mark.parametrize(
    ("text", "where", "complaint"),
    [
        ("symbol: SPX\nlookbak: 5\n", "set.yaml, line 2", "lookbak"),
        ("lookback: x\n", "set.yaml, line 1", "int"),
        ('lookback: "5"\n', "set.yaml, line 1", "int"),
        ("lookback: 5\nlookback: 6\n", "set.yaml, line 2", "twice"),
        ("symbol: {a: 1}\n", "set.yaml, line 1", "mapping"),
        ("symbol:\n", "set.yaml, line 1", "nothing"),
        ("- 1\n", "set.yaml", "maps names to values"),
        ("symbol: [\n", "set.yaml", "not YAML"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, text: str, where: str, complaint: str) -> None:
    file = tmp_path / "set.yaml"
    file.write_text(text)
    error = refusal(file=file)
    assert str(error.where).endswith(where)
    assert complaint in str(error)


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "set.yaml"
    file.write_text("# nothing yet\n")
    assert parameter_values(DECLARED, file=file) == parameter_values(DECLARED)


def test_python_values_are_checked_too() -> None:
    assert parameter_values(DECLARED, values={"stop_loss": 1})["stop_loss"] == 1.0
    assert refusal(values={"lookback": "5"}).expected == "int"
    assert refusal(values={"lookback": True}).expected == "int"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x: int = 1 + y", "literal"),
        ("x: complex = 1j", "cannot be used"),
        ("import os", "name: type = literal"),
        ("x, y = 1, 2", "name: type = literal"),
        ("x = None", "cannot be used"),
    ],
)
def test_a_parameters_cell_that_is_more_than_a_list_is_refused(source: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read_parameters(notebook(("code", source, ["parameters"])), where="toy.ipynb")


@pytest.mark.parametrize("cells", [[], [("code", "x = 1", ["parameters"])] * 2])
def test_a_pipeline_has_one_parameters_cell(cells: list[Any]) -> None:
    with pytest.raises(ConfigError, match="tagged 'parameters'"):
        read_parameters(notebook(*cells), where="toy.ipynb")


# --- mappings -------------------------------------------------------------------------------------

MAPPINGS = read_parameters(
    notebook(
        (
            "code",
            "fees: dict | None = None  # a schedule\nactions: list[dict] = []\nmore: dict = {}\nn: int = 1\n",
            ["parameters"],
        )
    ),
    where="toy.ipynb",
)


def test_mappings_are_declared_like_everything_else() -> None:
    assert [(p.name, p.type_name, p.default) for p in MAPPINGS.values()] == [
        ("fees", "dict | None", None),
        ("actions", "list[dict]", []),
        ("more", "dict", {}),
        ("n", "int", 1),
    ]


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("fees=null", None),
        ("fees={}", {}),
        (
            "fees={minimum: 1, tiers: [{rate: 1e-4}, {rate: -.5, on: no}]}",
            {"minimum": 1, "tiers": [{"rate": 0.0001}, {"rate": -0.5, "on": "no"}]},
        ),
        (
            "fees={a: '1', b: true, c: null, d: 2020-01-02, e: 1.0}",
            {"a": "1", "b": True, "c": None, "d": "2020-01-02", "e": 1.0},
        ),
        (
            "actions=[{symbol: A, new: 2}, {symbol: B, amount: 0.5}]",
            [{"symbol": "A", "new": 2}, {"symbol": "B", "amount": 0.5}],
        ),
        ("actions=[]", []),
    ],
)
def test_a_mapping_that_is_typed_is_read_as_what_it_looks_like(assignment: str, value: object) -> None:
    name = assignment.partition("=")[0]
    found = parameter_values(MAPPINGS, assignments=[assignment])[name]
    assert found == value
    assert repr(found) == repr(value)  # 1 and 1.0, True and 1 are told apart


def test_a_mapping_in_a_file_is_that_mapping(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "fees:\n  minimum: 1\n  tiers:\n    - {rate: 1e-4}\nactions:\n  - symbol: A\n    ex: 2020-01-02\n"
    )
    found = parameter_values(MAPPINGS, file=file)
    assert found["fees"] == {"minimum": 1, "tiers": [{"rate": 1e-4}]}
    assert found["actions"] == [{"symbol": "A", "ex": "2020-01-02"}]
    file.write_text("fees:\n  minimum: 1\n  minimum: 2\n")
    with pytest.raises(ConfigError, match=r"a name is given twice.*minimum"):
        parameter_values(MAPPINGS, file=file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"assignments": ["fees=3"]}, "'fees' has another type.*dict"),
        ({"assignments": ["fees={a"]}, "this is not YAML"),
        ({"assignments": ["actions={a: 1}"]}, r"'actions' has another type.*list\[dict\]"),
        ({"assignments": ["actions=[1]"]}, "'actions' has another type"),
        ({"assignments": ["n={a: 1}"]}, "'n' has another type"),
        ({"values": {"fees": {1: 2}}}, "'fees' has another type"),
        ({"values": {"fees": {"a": float("nan")}}}, "'fees' has another type"),
        ({"values": {"fees": {"a": object()}}}, "'fees' has another type"),
    ],
    ids=range(8),
)
def test_what_is_no_mapping_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parameter_values(MAPPINGS, **given)
