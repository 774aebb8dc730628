"""The machine of a flow's states, driven by hand: no process, no clock."""

from typing import Any

import pytest

from omni_lab.pipelines.flows import Flow, Step
from omni_lab.pipelines.flows.engine import (
    Answered,
    Begin,
    Cancelled,
    Course,
    Failed,
    Interrupted,
    Stop,
    Succeeded,
    Tick,
)


def course(*steps: Step, workers: int = 9, kept: dict[str, str] | None = None, **options: Any) -> Course:
    return Course(Flow(name="it", steps=steps, **options), workers, 100.0, kept or {})


def step(name: str, *after: str, **options: Any) -> Step:
    return Step(name=name, pipeline="x", after=after, **options)


DIAMOND = (step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))


def states(it: Course) -> dict[str, str]:
    return {name: state.state for name, state in it.steps.items()}


def test_steps_begin_when_all_upstream_have_succeeded() -> None:
    it = course(*DIAMOND)
    assert it.handle(Tick(), 100) == [Begin("a", 1)]
    assert it.handle(Tick(), 101) == [], "said once"
    assert it.handle(Succeeded("a", "A"), 102) == [Begin("b", 1), Begin("c", 1)]
    assert it.handle(Answered("c", "C"), 103) == []
    assert it.handle(Succeeded("b", "B"), 104) == [Begin("d", 1)]
    assert (it.is_over, it.status) == (False, "running")
    assert it.handle(Succeeded("d", "D"), 105) == []
    assert (it.is_over, it.status) == (True, "succeeded")
    assert {name: state.run_id for name, state in it.steps.items()} == {n: n.upper() for n in "abcd"}


def test_no_more_steps_run_at_once_than_there_are_workers() -> None:
    it = course(step("a"), step("b"), step("c"), workers=2)
    assert it.handle(Tick(), 100) == [Begin("a", 1), Begin("b", 1)]
    assert it.handle(Succeeded("b", "B"), 101) == [Begin("c", 1)]


def test_a_failure_skips_what_is_downstream_and_lets_the_rest_finish() -> None:
    it = course(step("a"), step("b", "a"), step("c", "b"), step("other"), step("more", "other"))
    it.handle(Tick(), 100)
    assert it.handle(Failed("a", "A", "broken"), 101) == []
    assert states(it) == {
        "a": "failed", "b": "skipped", "c": "skipped", "other": "running", "more": "waiting"
    }  # fmt: skip
    assert it.handle(Succeeded("other", "O"), 102) == [Begin("more", 1)]
    it.handle(Succeeded("more", "M"), 103)
    assert (it.status, it.steps["a"].problem) == ("failed", "broken")


def test_the_stop_policy_cancels_the_rest() -> None:
    it = course(step("a"), step("b"), step("c", "b"), on_failure="stop")
    it.handle(Tick(), 100)
    assert it.handle(Failed("a", "A", "broken"), 101) == [Stop("b", "cancel")]
    it.handle(Interrupted("b", "B"), 102)
    assert states(it) == {"a": "failed", "b": "interrupted", "c": "skipped"}
    assert it.status == "failed"


def test_retries_wait_twice_as_long_each_time() -> None:
    it = course(step("a", retries=2, retry_delay_s=3.0))
    it.handle(Tick(), 100)
    assert it.handle(Failed("a", "1", "x"), 110) == []
    assert (it.steps["a"].state, it.due_s) == ("retrying", 113)
    assert it.handle(Tick(), 112.9) == []
    assert it.handle(Tick(), 113) == [Begin("a", 2)]
    it.handle(Failed("a", "2", "x"), 120)
    assert it.due_s == 126
    assert it.handle(Tick(), 126) == [Begin("a", 3)]
    it.handle(Failed("a", "3", "x"), 130)
    assert (it.status, it.steps["a"].run_id, it.steps["a"].attempt) == ("failed", "3", 3)


def test_bad_parameters_are_never_retried() -> None:
    it = course(step("a", retries=5))
    it.handle(Tick(), 100)
    it.handle(Failed("a", None, "bad", is_final=True), 101)
    assert it.status == "failed"


def test_a_step_that_takes_too_long_is_stopped_and_has_failed() -> None:
    it = course(step("a", timeout_s=10.0, retries=1, retry_delay_s=0.0), step("b", "a"))
    it.handle(Tick(), 100)
    assert it.due_s == 110
    assert it.handle(Tick(), 110) == [Stop("a", "timeout")]
    assert it.handle(Tick(), 111) == [], "said once"
    assert it.handle(Interrupted("a", "1"), 112) == [Begin("a", 2)]
    assert it.due_s == 122
    it.handle(Tick(), 122)
    it.handle(Interrupted("a", "2"), 123)
    assert states(it) == {"a": "failed", "b": "skipped"}
    assert it.steps["a"].problem.startswith("Timeout")


def test_a_step_that_ends_as_it_is_stopped_has_succeeded() -> None:
    it = course(step("a", timeout_s=10.0), step("b", "a"))
    it.handle(Tick(), 100)
    it.handle(Tick(), 110)
    assert it.handle(Succeeded("a", "A"), 111) == [Begin("b", 1)]


def test_a_flow_that_takes_too_long_stops_all_and_has_failed() -> None:
    it = course(step("a", retries=3), step("b", "a"), timeout_s=5.0)
    it.handle(Tick(), 100)
    assert it.due_s == 105
    assert it.handle(Tick(), 105) == [Stop("a", "timeout")]
    it.handle(Interrupted("a", "A"), 106)
    assert (states(it), it.status) == ({"a": "failed", "b": "skipped"}, "failed")


def test_cancel_stops_what_runs_and_begins_nothing_more() -> None:
    it = course(*DIAMOND, step("e", retries=3, retry_delay_s=9.0))
    it.handle(Tick(), 100)
    it.handle(Failed("e", "E", "x"), 101)
    assert it.handle(Cancelled(), 102) == [Stop("a", "cancel")]
    assert it.handle(Cancelled(), 103) == []
    assert it.handle(Interrupted("a", "A"), 104) == []
    assert (it.is_over, it.status) == (True, "interrupted")
    assert states(it) == {"a": "interrupted", "b": "skipped", "c": "skipped", "d": "skipped", "e": "failed"}


def test_a_step_that_somebody_stopped_is_not_tried_again() -> None:
    it = course(step("a", retries=3), step("b", "a"), step("c"))
    it.handle(Tick(), 100)
    assert it.handle(Interrupted("a", "A"), 101) == []
    it.handle(Succeeded("c", "C"), 102)
    assert (states(it)["b"], it.status) == ("skipped", "interrupted")


def test_what_is_kept_is_not_run_again() -> None:
    it = course(*DIAMOND, kept={"a": "A", "c": "C"})
    assert it.handle(Tick(), 100) == [Begin("b", 1)]
    assert it.handle(Succeeded("b", "B"), 101) == [Begin("d", 1)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_order_of_events_ends_in_the_same_states(workers: int) -> None:
    for first in ("b", "c"):
        it = course(*DIAMOND, workers=workers)
        running = [action.step for action in it.handle(Tick(), 100)]
        while running:
            name = first if first in running else running[0]
            running.remove(name)
            running += [action.step for action in it.handle(Succeeded(name, name), 100)]
            assert len(running) <= workers
        assert it.status == "succeeded"
