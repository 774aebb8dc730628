"""Settings of strategies: names and values are checked, and the error helps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.strategies import MomentumConfig, MomentumStrategy, Strategy
from omni_lab.strategies.settings import parse_settings, settings


def test_an_unknown_setting_is_named_with_the_closest_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'lookback_period'") as refused:
        MomentumStrategy(config={"lookback": 20})
    assert refused.value.found == "lookback"
    assert refused.value.where == "MomentumConfig"
    wrong: dict[str, Any] = {"lookback": 20}
    with pytest.raises(ConfigError, match="Did you mean 'lookback_period'"):
        MomentumConfig(**wrong)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("lookback_period", [1, 0, -5, 2.5, "20", True, 10**9]),
        ("entry_threshold", [0, -2, np.nan, np.inf, "2"]),
        ("exit_threshold", [2.0, 5, np.nan, None]),
        ("stop_loss", [0, 1, -0.1, 1.5, np.nan, True]),
        ("direction", ["long", "short_only", None]),
        ("position_size", [0, -1, np.inf]),
    ],
)
def test_each_bound_is_held_and_names_its_setting(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=f"^{name} must be .*not ") as refused:
            MomentumStrategy({name: value})
        assert ";" not in str(refused.value)


def test_all_problems_are_reported_at_once() -> None:
    wrong = {"lookback_period": 1, "entry_threshold": -1, "stop_loss": 2, "direction": "up"}
    with pytest.raises(ConfigError) as refused:
        MomentumStrategy(wrong)
    assert all(f"{name} must be" in str(refused.value) for name in wrong)


def test_settings_come_as_nothing_a_mapping_or_an_object() -> None:
    assert MomentumStrategy().config == MomentumConfig()
    assert MomentumStrategy({"stop_loss": 0.05}).config == MomentumConfig(stop_loss=0.05)
    config = MomentumConfig(position_size=0.5)
    assert MomentumStrategy(config).config is config
    wrong: Any = 20
    with pytest.raises(ConfigError, match="must be a mapping: found 'int'"):
        MomentumStrategy(wrong)


def test_a_name_that_is_no_text_is_refused_like_any_other() -> None:
    wrong: Any = {3: 4}
    with pytest.raises(ConfigError, match="unknown setting: found 3"):
        MomentumStrategy(wrong)


def test_numpy_numbers_are_numbers() -> None:
    config = MomentumConfig(**{"lookback_period": np.int64(30), "entry_threshold": np.float32(1.5)})  # type: ignore[arg-type]
    assert (config.lookback_period, config.entry_threshold) == (30, 1.5)
    assert type(config.lookback_period) is int


def test_a_strategy_of_one_s_own_gets_the_same_checks() -> None:
    @settings
    @dataclass(frozen=True, kw_only=True)
    class Own:
        window: int = 3

    class Mine(Strategy):
        def __init__(self, config: Any = None) -> None:
            self.config = parse_settings(Own, config)

    assert Mine({"window": 5}).parameters == {"window": 5}
    with pytest.raises(ConfigError, match="Did you mean 'window'"):
        Mine({"windw": 5})


def test_parameters_are_nothing_without_settings_and_the_name_is_the_class_s() -> None:
    class Bare(Strategy):
        pass

    assert Bare().parameters == {}
    assert Bare().name == "Bare"
    assert not Bare().needs_intrabar_prices
    assert MomentumStrategy({"stop_loss": 0.1}).needs_intrabar_prices
