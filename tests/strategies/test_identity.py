"""Strategies as data: equal ones have one text and one hash, in any process; different ones do not."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from omni_lab import strategies
from omni_lab.errors import ConfigError
from omni_lab.simulator import EventSimulator
from omni_lab.strategies import MomentumConfig, MomentumStrategy, Strategy, registry
from omni_lab.strategies.identity import canonical_json, describe, strategy_hash
from tests.simulator.market import flat_bars


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


# ---- One text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"\\u00e9"],"b":1}'),
        ((1.0, -0.0, 0.1, 1e-7, 1e22), "[1,0,0.1,1e-07,1e+22]"),
        ([np.float64(0.1), np.int8(3), np.bool_(True)], "[0.1,3,true]"),
        ([float("nan"), float("inf"), -float("inf")], '["NaN","Infinity","-Infinity"]'),
        ({3, 1, 2}, "[1,2,3]"),
        (json.dumps, '"json:dumps"'),
    ],
)
def test_a_value_has_one_text(value: Any, text: str) -> None:
    assert canonical_json(value) == text


def test_an_array_is_its_type_its_shape_and_its_bytes() -> None:
    array = np.arange(6.0).reshape(2, 3)
    bytes_hash = hashlib.sha256(array.tobytes()).hexdigest()
    assert json.loads(canonical_json(array)) == {"dtype": "<f8", "shape": [2, 3], "sha256": bytes_hash}
    assert canonical_json(array) == canonical_json(np.asfortranarray(array))
    assert canonical_json(array) != canonical_json(array.T)


def test_what_has_no_text_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"found 'object'.*\(in value\.a\[1\]\)"):
        canonical_json({"a": [1, object()]})
    with pytest.raises(ConfigError, match="names of parameters are strings"):
        canonical_json({1: 2})


# ---- One hash ----------------------------------------------------------------------------------


def test_the_hash_is_that_of_the_text() -> None:
    text = b'{"name":"X","parameters":{"a":2}}'
    assert strategy_hash("X", {"a": 2.0}) == hashlib.sha256(text).hexdigest()


def test_the_hash_is_the_same_in_another_process() -> None:
    code = (
        "from omni_lab.strategies import create, strategy_hash\n"
        "s = create('momentum', {'entry_threshold': 1})\n"
        "print(strategy_hash(s.name, s.parameters))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = MomentumStrategy({"entry_threshold": 1.0})
    assert done.stdout.strip() == strategy_hash(here.name, here.parameters)


def test_every_parameter_and_the_name_change_the_hash() -> None:
    base = MomentumStrategy().parameters
    others: dict[str, Any] = {
        "lookback_period": 21,
        "entry_threshold": 2.0000000000000004,
        "exit_threshold": -1e-300,
        "stop_loss": 0.05,
        "direction": "long_only",
        "position_size": 0.5,
    }
    assert others.keys() == base.keys()
    hashes = {strategy_hash("M", base | {name: value}) for name, value in others.items()}
    assert len(hashes | {strategy_hash("M", base), strategy_hash("N", base)}) == len(others) + 2


def test_the_manifest_bears_the_hash() -> None:
    results = EventSimulator().run_backtest(MomentumStrategy(), flat_bars(*[100.0] * 30))
    said = results.manifest["strategy"]
    assert said["sha256"] == strategy_hash("MomentumStrategy", MomentumStrategy().parameters)


def test_what_cannot_be_hashed_runs_and_has_no_hash() -> None:
    class Odd(Strategy):
        @property
        def parameters(self) -> dict[str, Any]:
            return {"thing": object}

        def on_bar(self, ctx: Any, bar: Any) -> None:
            pass

    assert describe("Odd", {"thing": object()})["sha256"] is None
    assert EventSimulator().run_backtest(Odd(), flat_bars(1.0, 2.0)).manifest["strategy"]["sha256"]


# ---- Names -------------------------------------------------------------------------------------


def test_what_is_written_down_comes_back() -> None:
    for name in strategies.names():
        made = strategies.create(name)
        text = strategies.to_json(made)
        again = strategies.from_json(text)
        assert type(again) is type(made)
        assert vars(again)["config"] == vars(made)["config"]
        assert strategies.to_json(again) == text
    config = MomentumConfig(lookback_period=60, stop_loss=0.1 + 0.2)
    again = strategies.from_json(strategies.to_json(MomentumStrategy(config)))
    assert vars(again)["config"] == config


def test_an_unknown_name_is_told_the_closest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'momentum'"):
        strategies.create("momentun")
    for text in ("{", "[]", '{"strategy": ["momentum"], "parameters": {}}', '{"strategy": "momentum"}'):
        with pytest.raises(ConfigError, match="this is not"):
            strategies.from_json(text)


def test_a_class_of_one_s_own_runs_without_a_name_and_can_get_one() -> None:
    @dataclass(frozen=True)
    class Own:
        window: int = 3

    def define() -> Any:
        class Mine(Strategy):
            def __init__(self, config: Any = None) -> None:
                self.config = Own(**(config or {}))

            def on_bar(self, ctx: Any, bar: Any) -> None:
                pass

        return Mine

    first, second = define(), define()
    assert len(EventSimulator().run_backtest(first(), flat_bars(1.0, 2.0))) > 0
    with pytest.raises(ConfigError, match="only a registered strategy"):
        strategies.to_json(first())
    strategies.register("mine")(first)
    assert strategies.to_json(first({"window": 5})) == '{"parameters":{"window":5},"strategy":"mine"}'
    # A cell that is run again defines its class again.
    assert strategies.register("mine")(second) is second
    assert type(strategies.create("mine", {"window": 5})) is second


def test_a_name_is_taken_once_and_looks_like_one() -> None:
    class Other(Strategy):
        pass

    with pytest.raises(ConfigError, match="is taken by another strategy"):
        strategies.register("momentum")(Other)
    wrong: Any
    for wrong in ("", "Big", "two words", "9lives", "é", 3):
        with pytest.raises(ConfigError, match="this cannot name a strategy"):
            strategies.register(wrong)
    with pytest.raises(ConfigError, match="only a Strategy"):
        strategies.register("thing")(dict)  # type: ignore[type-var]
