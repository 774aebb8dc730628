"""What somebody asks for: a pipeline or a flow, with parameters that are checked and can travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.catalog import list_pipelines
from omni_lab.pipelines.parameter import TypedText

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import Origin, RunRecord, RunRegistry

FLOW = "flow:"
"""What the name of a flow begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run.

    Attributes
    ----------
    subject : str
        Name of a pipeline, path of a notebook, or ``flow:NAME``.
    parameter_file : str or None
        A named set, or a path, that goes before the values.
    values : mapping of str to object
        Parameters by name, as JSON can hold them.
    fresh : bool
        Whether a flow runs steps that an earlier run has answered.
    """

    subject: str
    parameter_file: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False

    @property
    def is_flow(self) -> bool:
        """Whether it is a flow rather than a pipeline."""
        return self.subject.startswith(FLOW)

    @property
    def flow(self) -> str:
        """Name of the flow."""
        return self.subject.removeprefix(FLOW)


def request_of(
    subject: str, said: Mapping[str, Any], *, parameter_file: str | None = None, fresh: bool = False
) -> Request:
    """A request whose parameters are checked: nothing has been started or written.

    Parameters
    ----------
    subject : str
        Name of a pipeline, path of a notebook, or ``flow:NAME``.
    said : mapping of str to object
        Python values, or `TypedText`.
    parameter_file : str, optional
        A named set, or a path.
    fresh : bool
        Of a flow: whether to run what an earlier run has answered.

    Raises
    ------
    ConfigError, DataError
        If there is no such thing, or it cannot be asked so.
    """
    if not subject:
        raise ConfigError("say what to run", expected=[*list_pipelines(), f"{FLOW}NAME"])
    if subject.startswith(FLOW):
        return _flow_request(subject, said, parameter_file, fresh)
    if fresh:
        raise ConfigError("--fresh is for flows: a pipeline always runs", found=subject)
    from omni_lab.pipelines.runner import prepare_run

    typed, values = _divided(said)
    prepared = prepare_run(subject, parameter_file=parameter_file, assignments=typed, values=values)
    return Request(
        subject=subject,
        parameter_file=parameter_file,
        values={name: prepared.settings[name] for name in said},
    )


def make_run(request: Request, origin: Origin, registry: RunRegistry | None = None) -> RunRecord:
    """Run what is asked for, to its end.

    Parameters
    ----------
    request : Request
    origin : Origin
        Why it is made.
    registry : RunRegistry, optional
        Where it is written down; the project's by default.

    Raises
    ------
    ConfigError, DataError, AlreadyBegun
        As `omni_lab.pipelines.runner.run_pipeline`.
    """
    if request.is_flow:
        from omni_lab.pipelines.flows import run_flow

        return run_flow(
            request.flow,
            values=request.values,
            fresh=request.fresh,
            origin=origin,
            progress=False,
            registry=registry,
        )
    from omni_lab.pipelines.runner import run_pipeline

    return run_pipeline(
        request.subject,
        parameter_file=request.parameter_file,
        values=request.values,
        origin=origin,
        progress=False,
        registry=registry,
    )


def _flow_request(subject: str, said: Mapping[str, Any], parameter_file: str | None, fresh: bool) -> Request:
    from omni_lab.pipelines.flows import load_flow
    from omni_lab.pipelines.flows.checks import settled

    if parameter_file is not None:
        raise ConfigError("a flow names the parameter sets of its steps", found=parameter_file, where=subject)
    typed, values = _divided(said)
    _, effective = settled(load_flow(subject.removeprefix(FLOW)), assignments=typed, values=values)
    return Request(subject=subject, values={name: effective[name] for name in said}, fresh=fresh)


def _divided(said: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """What was typed, as assignments, and what was given as Python values."""
    typed = [f"{name}={value}" for name, value in said.items() if isinstance(value, TypedText)]
    return typed, {name: value for name, value in said.items() if not isinstance(value, TypedText)}
