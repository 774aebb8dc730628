"""A flow is refused before anything runs, with the line of everything that is wrong."""

from pathlib import Path

import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines.flows import Flow, Step, load_flow
from omni_lab.pipelines.flows.checks import settled
from omni_lab.pipelines.flows.reading import seconds_of
from omni_lab.pipelines.flows.references import (
    ParameterReference,
    StepReference,
    escaped,
    references,
    resolved,
)
from omni_lab.pipelines.flows.spec import flow_of, spec_of

GOOD = """\
about: Adds twice.
parameters: {base: 2.5, who: me, many: [1.0, 2.0], none: null, yes: true}
timeout: 1h
on_failure: stop
steps:
  first: {pipeline: add, set: {value: "${base}"}, retries: 2, retry_delay: 500ms}
  second:
    pipeline: add
    after: [first]
    set: {given: "${first.metrics.sum}", run: "${first.run_id}", value: 007}
    timeout: 10min
    cache: false
"""


def written(project: Path, text: str) -> Path:
    path = project / "notebooks" / "pipelines" / "flows" / "it.yaml"
    path.write_text(text)
    return path


def problems(project: Path, text: str) -> str:
    written(project, text)
    with pytest.raises(ConfigError) as caught:
        settled(load_flow("it"))
    return str(caught.value)


def test_a_flow_is_what_its_yaml_says(flows: Path) -> None:
    written(flows, GOOD)
    flow = load_flow("it")
    assert (flow.name, flow.about, flow.timeout_s, flow.on_failure) == ("it", "Adds twice.", 3600.0, "stop")
    assert flow.parameters == {"base": 2.5, "who": "me", "many": [1.0, 2.0], "none": None, "yes": True}
    first, second = flow.steps
    assert (first.retries, first.retry_delay_s, first.cache) == (2, 0.5, True)
    assert (second.timeout_s, second.cache, second.upstream) == (600.0, False, ("first",))
    assert second.places["given"] == "it.yaml, line 10"


def test_a_settled_flow_holds_every_value_and_survives_its_record(flows: Path) -> None:
    written(flows, GOOD)
    flow, effective = settled(load_flow("it"), assignments=["base=4"])
    assert effective["base"] == 4.0
    assert flow["first"].values == {"value": 4.0, "run": None, "given": 0.0, "pause": 0.0}
    assert flow["second"].values["value"] == 7.0
    assert flow["second"].values["run"] == "${first.run_id}"
    assert flow_of(spec_of(flow)) == flow


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: [a]", ["steps maps names to values", "line 1"]),
        ("about: x", ["a flow has steps"]),
        ("steps: {}", ["at least one step"]),
        ("steps:\n  a: {pipelin: add}", ["'pipelin'", "Did you mean 'pipeline'", "line 2"]),
        ("steps:\n  a: {pipeline: add}\n  a: {pipeline: add}", ["given twice", "line 3"]),
        ("steps:\n  a: {pipeline: ad}", ["unknown pipeline", "'add'", "line 2"]),
        ("steps:\n  a: {pipeline: add, params: no}", ["no such parameter file", "line 2"]),
        ("steps:\n  a: {pipeline: add, after: b}", ["comes after one that is not there", "'b'", "line 2"]),
        ("steps:\n  a: {pipeline: add, after: a}", ["comes after one that is not there", "line 2"]),
        (
            "steps:\n  a: {pipeline: add, after: c}\n  b: {pipeline: add, after: a}\n"
            "  c:\n    pipeline: add\n    set: {run: '${b.run_id}'}",
            ["circle", "→", "line 2"],
        ),
        ("steps:\n  a:\n    pipeline: add\n    set:\n      run: ${b.run_id}", ["'b'", "line 5"]),
        (
            "steps:\n  a:\n    pipeline: add\n    set:\n      run: ${b}",
            ["no parameter of the flow", "line 5"],
        ),
        ("steps:\n  a:\n    pipeline: add\n    set:\n      run: ${a.b.c}", ["no reference", "line 5"]),
        ("steps:\n  a:\n    pipeline: add\n    set:\n      value: x", ["another type", "float", "line 5"]),
        ("steps:\n  a:\n    pipeline: add\n    set:\n      valu: 1", ["Did you mean 'value'", "line 5"]),
        ("steps:\n  a: {pipeline: add, retries: x}", ["retries is a whole number", "'x'", "line 2"]),
        ("steps:\n  a: {pipeline: add, timeout: 5 weeks}", ["timeout is a duration", "line 2"]),
        ("steps:\n  a: {pipeline: add, timeout: 0}", ["timeout is out of range", "line 2"]),
        ("steps:\n  a: {pipeline: add, cache: maybe}", ["cache is true or false", "line 2"]),
        ("on_failure: panic\nsteps:\n  a: {pipeline: add}", ["'panic'", "'stop'"]),
        ("steps: {a: {pipeline: add", ["not YAML"]),
        (
            "steps:\n  a: {pipeline: add}\n  b:\n    pipeline: add\n    set:\n      value: ${a.run_id}\n"
            "      given: nope\n      more: 1",
            ["3 reasons", "line 6", "line 7", "line 8", "another type than ${a.run_id}"],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(flows: Path, text: str, said: list[str]) -> None:
    told = problems(flows, text)
    assert [part for part in said if part not in told] == [], told


def test_the_flows_own_parameters_have_the_types_of_their_defaults(flows: Path) -> None:
    written(flows, GOOD)
    with pytest.raises(ConfigError, match="2 parameters cannot be used"):
        settled(load_flow("it"), assignments=["base=x", "bas=1"])


def test_a_reference_that_is_all_of_a_value_keeps_its_type() -> None:
    found = {"${a}": 0.5, "${s.run_id}": "R", "${b}": [1, 2]}
    asked: list[object] = []

    def lookup(reference: ParameterReference | StepReference) -> object:
        asked.append(reference)
        return found[reference.text]

    assert resolved({"x": "${a}", "y": ["${b}", "at ${a} of ${s.run_id}", "$${a}"], "z": 3}, lookup) == {
        "x": 0.5,
        "y": [[1, 2], "at 0.5 of R", "${a}"],
        "z": 3,
    }
    assert StepReference("${s.run_id}", "s", "run_id") in asked
    with pytest.raises(ConfigError, match="cannot be a part of text"):
        resolved("many: ${b}", lookup)


def test_names_of_artifacts_may_have_dots() -> None:
    (found,) = references("${quality.artifacts.quality.parquet}")
    assert found == StepReference(
        "${quality.artifacts.quality.parquet}", "quality", "artifacts", "quality.parquet"
    )


@pytest.mark.parametrize("text", ["${a}", "$${a}", "$$${a}", "${", "$$", "x ${a.b.c} y", "$${"])
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    assert resolved(escaped(text), lambda reference: "wrong") == text


def test_a_flow_in_python_is_checked_like_one_in_yaml() -> None:
    steps = (Step(name="a", pipeline="add", after=("b",)), Step(name="b", pipeline="add", after=("a",)))
    with pytest.raises(ConfigError, match="circle"):
        Flow(name="it", steps=steps)
    with pytest.raises(ConfigError, match="2 reasons"):
        Flow(name="it", steps=(Step(name="a b", pipeline="x", retries=-1),))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("250ms", 0.25), ("1.5 h", 5400), ("2d", 172_800), ("0", 0)]
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["soon", "-1s", "10 parsecs", "9" * 400 + "d", "9" * 400])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="no length of time"):
        seconds_of(text)
