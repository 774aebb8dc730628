"""Settings of a simulation: what is refused, and how it is said."""

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.simulator import SimulationConfig


def test_an_unknown_setting_is_named_with_the_closest_one() -> None:
    wrong: dict[str, Any] = {"comission_rate": 0.1}
    for make in (SimulationConfig, lambda **given: SimulationConfig.from_mapping(given)):
        with pytest.raises(ConfigError, match="Did you mean 'commission_rate'") as refused:
            make(**wrong)
        assert refused.value.found == "comission_rate"
        assert "slippage_bps" in refused.value.expected  # type: ignore[operator]
        assert refused.value.where == "SimulationConfig"


def test_settings_are_given_by_name() -> None:
    with pytest.raises(TypeError, match="positional"):
        SimulationConfig(100_000)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("initial_capital", [0, -1, np.nan, np.inf, 2e15, "1000", None, True]),
        ("commission_rate", [-0.01, 1, np.nan, "0"]),
        ("commission_per_share", [-0.01, np.inf]),
        ("slippage_bps", [-1, 10_000, None]),
        ("slippage_ticks", [-1, 0.5, 2_000_000_000, False]),
        ("fill", ["open", None, 3]),
        ("limit_fill", ["maybe"]),
        ("max_leverage", [0, -1, np.nan, np.inf]),
        ("on_insufficient_cash", ["cancel"]),
        ("volume_limit", [0, -0.1, np.nan]),
        ("risk_free_rate", [-1, np.nan]),
        ("periods_per_year", [0, -252]),
        ("seed", [-1, 1.5, 2**63]),
    ],
)
def test_each_bound_is_held_and_names_its_setting(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=f"^{name} must be .*not ") as refused:
            SimulationConfig(**{name: value})
        assert ";" not in str(refused.value)


def test_all_problems_are_reported_at_once() -> None:
    wrong: dict[str, Any] = {"initial_capital": 0, "fill": "x", "seed": -1, "slippage_bps": "two"}
    with pytest.raises(ConfigError) as refused:
        SimulationConfig(**wrong)
    assert all(f"{name} must be" in str(refused.value) for name in wrong)


def test_the_bounds_themselves_are_allowed() -> None:
    SimulationConfig(initial_capital=1e15, commission_rate=0.0, risk_free_rate=-0.5, seed=2**63 - 1)
    SimulationConfig(max_leverage=None, volume_limit=None, periods_per_year=None)


def test_numpy_numbers_are_numbers() -> None:
    given: dict[str, Any] = {
        "slippage_ticks": np.int64(2),
        "commission_rate": np.float32(0.5),
        "initial_capital": np.int32(100),
    }
    config = SimulationConfig(**given)
    assert config == SimulationConfig(slippage_ticks=2, commission_rate=0.5, initial_capital=100)
    assert type(config.slippage_ticks) is int


def test_settings_are_frozen_comparable_and_can_be_pickled_and_replaced() -> None:
    config = SimulationConfig(commission_rate=0.001)
    with pytest.raises(FrozenInstanceError):
        config.seed = 3  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(config)) == config
    assert replace(config, seed=3) == SimulationConfig(commission_rate=0.001, seed=3)
    assert hash(config) == hash(SimulationConfig(commission_rate=0.001))
