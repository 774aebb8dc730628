"""What a backtest is asked for, checked before a kernel starts: its strategy and its simulation.

A notebook is a backtest when it has a parameter ``strategy`` whose default is the name of a registered
strategy. Its parameters that are named like a setting of `SimulationConfig` are settings of the simulation;
those named like a setting of the strategy are that, and so is all in a parameter ``strategy_settings``.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omni_lab.pipelines.parameters import Parameter

STRATEGY = "strategy"
MORE_SETTINGS = "strategy_settings"


def strategy_of_request(
    parameters: Mapping[str, "Parameter"], settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What the manifest of the run will say of its strategy; None for a notebook that is no backtest.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        As the notebook declares them.
    settings : mapping of str to object
        Their values.

    Returns
    -------
    dict or None
        ``name``, ``parameters`` and ``sha256``, as of :func:`omni_lab.strategies.identity.describe`.

    Raises
    ------
    ConfigError
        If there is no such strategy, or a setting of it or of the simulation is refused.
    """
    from omni_lab.strategies import create, names
    from omni_lab.strategies.identity import describe

    if STRATEGY not in parameters or parameters[STRATEGY].default not in names():
        return None
    _check_simulation(settings)
    name = settings[STRATEGY]
    strategy = create(name, settings_of_strategy(name, settings, settings.get(MORE_SETTINGS)))
    return describe(strategy.name, strategy.parameters)


def settings_of_strategy(
    name: str, knobs: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Settings for a strategy: those of the knobs that it knows, and more, which win.

    Parameters
    ----------
    name : str
        One of :func:`omni_lab.strategies.names`.
    knobs : mapping of str to object
        Parameters of a notebook that serves several strategies; what the strategy does not know is left out.
    more : mapping of str to object, optional
        Must be known to it.

    Raises
    ------
    ConfigError
        If there is no such strategy.
    """
    from omni_lab.strategies import create

    known = create(name).parameters
    return {**{each: value for each, value in knobs.items() if each in known}, **(more or {})}


def _check_simulation(settings: Mapping[str, Any]) -> None:
    from omni_lab.simulator import SimulationConfig

    known = {field.name for field in fields(SimulationConfig)}
    SimulationConfig.from_mapping({name: value for name, value in settings.items() if name in known})
