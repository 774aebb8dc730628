"""What Tab offers behind ``%omni_run``: pipelines and flows, parameters, choices, named sets."""

from __future__ import annotations

from typing import Any

from omni_lab.errors import OmniError
from omni_lab.pipelines.catalog import find_pipeline, list_parameter_files, list_pipelines
from omni_lab.pipelines.jobs.request import FLOW
from omni_lab.pipelines.parameters import RUN_DIR_PARAMETER, Parameter
from omni_lab.pipelines.runner import prepare_run

_OPTIONS = ("--fresh", "--parameters", "--quiet")


def complete_run(shell: object, event: Any) -> list[str]:
    """What may follow on a line of ``%omni_run``.

    Parameters
    ----------
    shell : InteractiveShell
        Not asked.
    event : SimpleNamespace
        IPython's: ``text_until_cursor``, and ``symbol``, the word to be completed.
    """
    *before, word = str(event.text_until_cursor).lstrip().split(" ")
    said = [each for each in before[1:] if each]
    try:
        if said and said[-1] in ("-p", "--parameters"):
            return _sets(said[0])
        if word.startswith("-"):
            return [option for option in _OPTIONS if option.startswith(word)]
        if not said:
            return _subjects()
        return _of_parameters(said, word)
    except OmniError:
        # A name that is only half typed is no reason to complain.
        return []


def complete_runs(shell: object, event: Any) -> list[str]:
    """Names of pipelines, for ``%omni_runs``."""
    return list_pipelines()


def _subjects() -> list[str]:
    from omni_lab.pipelines.flows import list_flows

    return [*list_pipelines(), *(f"{FLOW}{name}" for name in list_flows())]


def _sets(pipeline: str) -> list[str]:
    return [file.stem for file in list_parameter_files(find_pipeline(pipeline), pipeline=pipeline)]


def _of_parameters(said: list[str], word: str) -> list[str]:
    if said[0].startswith(FLOW):
        return []
    parameters = prepare_run(said[0]).parameters
    name, equals, _ = word.partition("=")
    if equals:
        return _values(parameters[name]) if name in parameters else []
    taken = {each.partition("=")[0] for each in said[1:]} | {RUN_DIR_PARAMETER}
    return [f"{each}=" for each in parameters if each not in taken]


def _values(parameter: Parameter) -> list[str]:
    if parameter.choices:
        return [str(choice) for choice in parameter.choices]
    return ["true", "false"] if parameter.kind == "bool" else []
