"""What the pages of runs know and do, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omni_lab.errors import ConfigError, ForbiddenError, SourceError
from omni_lab.pipelines.jobs.job import ENDED
from omni_lab.system.people import LOCAL, Person, Role
from omni_lab.system.services import Services
from omni_lab.ui.dashboard.states.backtests import BacktestsState, changed_of, title_of
from omni_lab.ui.dashboard.states.question import QuestionState
from omni_lab.ui.dashboard.states.runs import RunsState, report_of
from tests.ui.dashboard.desk import desk, record, record_backtest
from tests.ui.dashboard.served import wait

VIEWER = Person("vera", Role.VIEWER)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with desk(Path(tmp_path_factory.mktemp("desk"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def ids(services: Services) -> list[str]:
    """A slow and a fast momentum, a crossover, and a run that failed."""
    registry = services.registry
    return [
        record_backtest(registry, 0, lookback_period=120),
        record_backtest(registry, 1, lookback_period=40),
        record_backtest(registry, 2, strategy="sma_cross", strategy_settings={"fast": 30, "slow": 120}),
        record(registry, "backtest", {"symbol": "NOSUCH"}, 3, status="failed", error="unknown symbol"),
    ]


def texts(question: QuestionState) -> dict[str, str]:
    return {field.name: field.text for field in question.fields()}


# --- the form -------------------------------------------------------------------------------------------


def test_fields_are_those_of_the_form_and_of_its_strategy() -> None:
    question = QuestionState("backtest")
    names = list(texts(question))
    assert {"symbol", "lookback_period", "commission_rate", "seed"} <= set(names)
    question.say("strategy", "sma_cross")
    now = texts(question)
    assert "lookback_period" not in now, "sma_cross has no such setting"
    assert (now["strategy_settings.fast"], now["strategy_settings.slow"]) == ("20", "100")
    assert list(now).index("strategy_settings.fast") == list(now).index("strategy") + 1
    question.say("strategy_settings.fast", "30")
    assert question.changed == {"strategy": "sma_cross", "strategy_settings": {"fast": 30}}
    question.say("strategy", "momentum")
    assert question.changed == {}


def test_what_is_wrong_is_said_beside_its_field_and_keeps_the_rest() -> None:
    question = QuestionState("backtest")
    question.say("commission_rate", "-1")
    question.say("seed", "many")
    wrong = {field.name: field.wrong for field in question.fields() if field.wrong}
    assert wrong == {"commission_rate": "-1.0 is not at least 0", "seed": "many is not at least 0"}
    assert question.problem() == "To be mended first: commission rate, seed."
    question.say("commission_rate", "0.001")
    question.say("seed", "3")
    assert question.problem() == ""
    assert question.changed == {"commission_rate": 0.001, "seed": 3}


def test_rules_between_fields_are_told() -> None:
    question = QuestionState("backtest")
    question.say("strategy", "sma_cross")
    question.say("strategy_settings.fast", "300")
    assert "fast must be smaller than slow" in question.problem()


def test_named_sets_and_optional_fields() -> None:
    question = QuestionState("backtest")
    question.take("backtest_spx_costs")
    assert question.changed
    question.take(question.sets[0])
    assert question.changed == {}
    question.say("stop_loss", "0.1")
    question.say("source", "arch")
    question.say("stop_loss", None)
    assert question.changed == {"source": "arch"}


# --- runs -----------------------------------------------------------------------------------------------


def test_the_list_is_that_of_the_registry(services: Services, ids: list[str]) -> None:
    state = BacktestsState(services, LOCAL)
    state.look()
    assert [run.run_id for run in state.runs] == ids[::-1]
    told = {run.run_id: title_of(run.pipeline, changed_of(run)) for run in state.runs}
    assert told[ids[0]] == "backtest · SYNTH · lookback period 120"
    assert told[ids[2]] == "backtest · sma_cross · SYNTH · fast 30, slow 120"


def test_a_tear_sheet_and_the_run_made_again_are_the_same_equity(services: Services, ids: list[str]) -> None:
    state = BacktestsState(services, LOCAL)
    np.testing.assert_array_equal(state.again(ids[1]).equity, state.sheet(ids[1]).equity)


def test_chosen_runs_are_compared_and_doubted(services: Services, ids: list[str]) -> None:
    state = BacktestsState(services, LOCAL)
    state.look()
    state.chosen = ids[:2]
    found = state.compare()
    assert found.parameters == {"lookback_period": (120, 40)}
    assert found.metrics["sharpe_ratio"] == tuple(state.run(each).metrics["sharpe_ratio"] for each in ids[:2])
    luck = state.luck(ids[0])
    assert luck.numbers["dsr"] == 0.4
    assert set(luck.choice.runs) == set(ids[:3])
    assert luck.choice.overfitting is not None


def test_a_viewer_may_look_and_nothing_more(services: Services, ids: list[str]) -> None:
    state = BacktestsState(services, VIEWER)
    state.look()
    assert state.runs
    for refused in (
        lambda: state.start(state.question),
        lambda: state.cancel("x"),
        lambda: state.tag(ids[0], "good"),
    ):
        with pytest.raises(ForbiddenError, match="not allowed to run"):
            refused()


def test_tags_are_those_that_are_written(services: Services, ids: list[str]) -> None:
    state = RunsState(services, LOCAL)
    state.tag(ids[0], "good  slow")
    assert state.run(ids[0]).tags == ("good", "slow")
    state.tag(ids[0], "slow")
    assert state.run(ids[0]).tags == ("slow",)
    with pytest.raises(ConfigError, match="cannot be a tag"):
        state.tag(ids[0], "last")
    state.tag(ids[0], "")


def test_only_files_of_a_run_can_be_read(services: Services, ids: list[str]) -> None:
    state = RunsState(services, LOCAL)
    paths = [file.path for file in state.detail(ids[0]).files]
    assert "equity.parquet" in paths
    assert state.read_file(ids[0], "equity.parquet")[:4] == b"PAR1"
    for path in ("../../registry.sqlite", "/etc/passwd", "nothing"):
        with pytest.raises(SourceError, match="no such file"):
            state.read_file(ids[0], path)


def test_a_report_runs_nothing_and_has_the_theme(services: Services, ids: list[str]) -> None:
    state = RunsState(services, LOCAL)
    text = report_of(state.run(ids[0]), theme="dark")
    assert "made by a cell" in text
    assert "<script" not in text
    assert '<html data-theme="dark"' in text
    with pytest.raises(SourceError, match="no notebook"):
        report_of(state.run(ids[3]), theme="dark")


def test_a_run_is_asked_again_with_changes(services: Services, ids: list[str]) -> None:
    state = RunsState(services, LOCAL)
    question = state.rerun(ids[2])
    assert texts(question)["strategy_settings.fast"] == "30"
    question.say("strategy_settings.fast", "25")
    assert question.changed["strategy_settings"] == {"fast": 25, "slow": 120}


def test_a_job_that_waits_is_canceled(services: Services) -> None:
    state = BacktestsState(services, LOCAL)
    state.question.say("symbol", "SYNTH")
    job = state.start(state.question)
    assert dict(job.parameters) == {"symbol": "SYNTH"}
    state.look_at_jobs()
    assert job.id in state.going
    state.cancel(job.id)
    ended = wait(lambda: (each := services.jobs.get(job.id)).state in ENDED and each)
    assert ended.state == "CANCELED"
