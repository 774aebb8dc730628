"""Backtests: what is asked, what is on its way, and what the runs that ended have to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omni_lab.pipelines.backtest_request import MORE_SETTINGS, STRATEGY
from omni_lab.pipelines.jobs.job import ENDED, Job
from omni_lab.pipelines.registry.records import SUCCEEDED, RunRecord
from omni_lab.pipelines.side_by_side import Choice, SideBySide, choice_among, side_by_side
from omni_lab.pipelines.tearsheet import TearSheet, backtest_again, tear_sheet
from omni_lab.system.people import Person
from omni_lab.ui.dashboard.states.question import QuestionState
from omni_lab.ui.dashboard.states.runs import RunsState
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.simulator import BacktestResults
    from omni_lab.system.services import Services

PIPELINES = ("backtest", "walk_forward", "portfolio")
"""Pipelines that leave an equity."""
MOST_JOBS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """What a run says of luck: its own significance, and the trials of the ledger.

    Attributes
    ----------
    numbers : dict of str to float
        Of the artefact ``significance``, or the deflated ratio of a walk forward; empty where there is none.
    n_trials : int or None
        Trials of its family on its data that the ledger has now; None where it cannot be told.
    choice : Choice
        What choosing among its peers would have come to.
    """

    numbers: dict[str, float]
    n_trials: int | None
    choice: Choice


class BacktestsState(RunsState):
    """Backtests as somebody looks at them.

    Parameters
    ----------
    services : Services
    person : Person

    Attributes
    ----------
    question : QuestionState
        What the form asks.
    jobs : list of Job
        The newest first, those on their way and the last that ended.
    """

    jobs = param.List(default=[], item_type=Job)

    def __init__(self, services: Services, person: Person) -> None:
        super().__init__(services, person, PIPELINES)
        self.question = QuestionState(PIPELINES[0])

    def ask(self, pipeline: str) -> None:
        """Ask another pipeline."""
        self.question = QuestionState(pipeline)

    def look_at_jobs(self) -> None:
        """Read the queue again."""
        found = self._services.jobs.list(most=4 * MOST_JOBS)
        newest = [job for job in found if job.pipeline in PIPELINES][:MOST_JOBS]
        if newest != self.jobs:
            self.jobs = newest

    @property
    def going(self) -> list[str]:
        """Ids of the jobs that have not ended."""
        return [job.id for job in self.jobs if job.state not in ENDED]

    def sheet(self, run_id: str) -> TearSheet:
        """The tear sheet of a run.

        Raises
        ------
        ConfigError, DataError
            If there is no such run, or it left no equity.
        """
        return tear_sheet(self.run(run_id))

    def again(self, run_id: str) -> BacktestResults:
        """The results of a run, made again; see `omni_lab.pipelines.tearsheet.backtest_again`."""
        return backtest_again(self.run(run_id))

    def compare(self) -> SideBySide:
        """The chosen runs beside each other.

        Raises
        ------
        ConfigError
            If they are fewer than two or more than five.
        """
        return side_by_side([self.run(run_id) for run_id in self.chosen])

    def luck(self, run_id: str) -> Luck:
        """What there is to say of luck in a run."""
        run = self.run(run_id)
        ended = [each for each in self.runs if each.status == SUCCEEDED and each.run_id != run.run_id]
        return Luck(numbers=_numbers(run), n_trials=_trials(run), choice=choice_among(run, ended))


def title_of(pipeline: str, parameters: dict[str, Any]) -> str:
    """A job or a run in a line: its pipeline, and what it was asked beside the defaults.

    Parameters
    ----------
    pipeline : str
    parameters : dict of str to object
        Without the defaults.
    """
    told = {**parameters, **(parameters.get(MORE_SETTINGS) or {})}
    first = [str(told.pop(name)) for name in (STRATEGY, "symbol") if name in told]
    rest = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in told.items()
        if not isinstance(value, dict | list)
    ]
    return " · ".join([pipeline, *first, *([", ".join(rest)] if rest else [])])


def changed_of(run: RunRecord) -> dict[str, Any]:
    """What a run was asked beside the defaults, as far as its pipeline has a form."""
    from omni_lab.errors import OmniError
    from omni_lab.pipelines.form import form_of

    asked = dict(run.content.get("parameters") or {})
    try:
        form = form_of(run.pipeline)
    except OmniError:
        form = None
    if form is None:
        return asked
    known = form.parameters
    other = _settings_of_others(asked)
    return {
        name: value
        for name, value in asked.items()
        if name in known and name not in other and value != known[name].default
    }


def _settings_of_others(asked: dict[str, Any]) -> set[str]:
    """Parameters that are a setting of some strategy, and not of the one that was asked for."""
    from omni_lab.strategies import create, names

    if asked.get(STRATEGY) not in names():
        return set()
    every = {setting for name in names() for setting in create(name).parameters} - {"symbol"}
    return every - set(create(asked[STRATEGY]).parameters)


def _numbers(run: RunRecord) -> dict[str, float]:
    told = run.artifacts.get("significance")
    found = dict(told) if isinstance(told, dict) else {}
    deflated = run.metrics.get("deflated_sharpe")
    if deflated is not None:
        found["dsr"] = deflated
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def _trials(run: RunRecord) -> int | None:
    from omni_lab.pipelines.environment import trial_facts

    return trial_facts(run.artifacts).get("n_trials")
