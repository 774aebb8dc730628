"""A form says what is wrong as one types, runs what it says, and shows what came of it."""

from __future__ import annotations

from typing import Any

import pytest

from omni_lab.errors import ConfigError, MissingExtraError
from omni_lab.notebook import form
from omni_lab.notebook.forms import PipelineForm
from omni_lab.notebook.question import Question


def field(shown: PipelineForm, name: str) -> Any:
    return shown._rows[name]._field


def note(shown: PipelineForm, name: str) -> str:
    return str(shown._rows[name]._note.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n_bars", "30", 30),
        ("share", "0.5", 0.5),
        ("share", "none", None),
        ("days", "1, 2, 3", [1, 2, 3]),
        ("fees", "{rate: 0.1, tiers: [{from: 3}]}", {"rate": 0.1, "tiers": [{"from": 3}]}),
        ("symbol", "007", "007"),
        ("fails", "yes", True),
    ],
)
def test_text_is_read_as_the_type_of_its_parameter(tiny: str, name: str, text: str, value: object) -> None:
    question = Question(tiny)
    question.say(name, text)
    assert question.wrong == {}
    assert question.values[name] == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("n_bars", "x", "x is not a whole number"),
        ("n_bars", "", "nothing is not a whole number"),
        ("n_bars", "1.5", "1.5 is not a whole number"),
        ("share", "many", "many is not a number, or none"),
        ("days", "1, x", "x is not a list, each a whole number"),
        ("fees", "{a: [}", "this is not YAML"),
        ("fees", "3", "3 is not a mapping such as {name: value}, or none"),
        ("fails", "perhaps", "perhaps is not true or false"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_field(tiny: str, name: str, text: str, said: str) -> None:
    question = Question(tiny)
    question.say(name, text)
    assert question.wrong == {name: said}
    with pytest.raises(ConfigError, match=f"mend what is marked first: {name}"):
        question.request()
    question.say(name, question.values[name])
    assert question.wrong == {}


def test_the_command_beside_a_form_asks_the_same(tiny: str) -> None:
    question = Question(tiny, values={"symbol": "it's", "days": [3, 4], "fees": {"rate": 0.1}})
    assert question.command() == (f"%omni_run {tiny} 'symbol=it'\"'\"'s' 'days=3, 4' 'fees={{rate: 0.1}}'")


def test_a_wrong_value_is_marked_beside_its_field_and_cannot_be_run(tiny: str) -> None:
    shown = form(tiny)
    assert "how many" in note(shown, "n_bars")
    field(shown, "n_bars").value = "2x"
    assert "✗ 2x is not a whole number" in note(shown, "n_bars")
    assert shown._go.disabled
    field(shown, "n_bars").value = "25"
    assert "✗" not in note(shown, "n_bars")
    assert not shown._go.disabled
    assert "n_bars=25" in shown._said.value


def test_ranges_and_choices_come_from_the_form_of_the_pipeline() -> None:
    shown = form("backtest", stop_loss=0.2)
    assert list(field(shown, "direction").options) == ["long_short", "long_only"]
    field(shown, "stop_loss").value = "1.5"
    assert "1.5 is not above 0, below 1" in note(shown, "stop_loss")
    shown._rows["stop_loss"]._switch.value = False
    assert "✗" not in note(shown, "stop_loss")
    assert shown.question.values["stop_loss"] is None
    assert field(shown, "stop_loss").disabled


def test_a_named_set_fills_the_fields() -> None:
    shown = form("backtest")
    shown._set.value = "backtest_long_only"
    assert field(shown, "direction").value == "long_only"
    assert shown.question.changed["direction"] == "long_only"
    shown._set.value = "the defaults"
    assert field(shown, "direction").value == "long_short"


def test_rules_between_fields_are_said_before_anything_runs() -> None:
    shown = form("backtest")
    field(shown, "strategy").value = "no_such_strategy"
    assert shown._go.disabled
    assert "no_such_strategy" in shown._said.value


def test_a_form_runs_shows_how_far_it_is_and_what_came_of_it(tiny: str) -> None:
    shown = form(tiny, n_bars=12)
    seen: list[str] = []
    shown._result.observe(lambda change: seen.append(change["new"]), "value")
    shown._go.click()
    assert (shown._go.disabled, shown._cancel.disabled) == (True, False)
    # A second click while it runs is no second run.
    shown.run()
    record = shown.wait()
    assert record is not None
    assert (record.status, record.headline) == ("succeeded", {"Bars": "12"})
    assert "starting" in seen[0]
    assert "Bars</span><b>12</b>" in seen[-1]
    assert (shown._go.disabled, shown._cancel.disabled) == (False, True)


def test_a_run_is_canceled_by_its_button(tiny: str) -> None:
    shown = form(tiny, seconds=600.0)
    shown._go.click()
    shown._cancel.click()
    record = shown.wait()
    assert record is None or record.status == "interrupted"
    assert "interrupted" in shown._result.value


def test_a_form_for_nothing_is_refused(tiny: str) -> None:
    with pytest.raises(ConfigError, match="unknown pipeline"):
        form("no_such_pipeline")
    with pytest.raises(ConfigError, match="unknown parameter"):
        form(tiny, n_bar=3)


def test_without_ipywidgets_a_form_names_the_extra(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for module in ("omni_lab.notebook.forms", "omni_lab.ui.jupyter"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    import omni_lab.notebook

    with pytest.raises(MissingExtraError, match=r"omni-lab\[lab\]"):
        omni_lab.notebook.form(tiny)
