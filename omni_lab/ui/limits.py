"""How near accounts stand to their limits, as a figure of `OMSFace.headroom`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.execution.explanations import Headroom
from omni_lab.execution.sentences import amount_text
from omni_lab.figures.limits import limits_figure
from omni_lab.figures.theme import Theme

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_NAMES = {
    "POSITION_LIMIT": "position",
    "DAILY_LOSS": "loss today",
    "DRAWDOWN": "drawdown",
    "LEVERAGE": "leverage",
    "SECTOR_CONCENTRATION": "sector",
    "SINGLE_NAME": "name",
}


def headroom_figure(
    room: Headroom, *, account: str | None = None, most: int = 20, theme: str | Theme = "light"
) -> Figure:
    """The limits that are used most, as gauges; rates are left out, for their tokens come back by themselves.

    Parameters
    ----------
    room : Headroom
        What ``oms.headroom()`` returns.
    account : str, optional
        Of this account alone.
    most : int
        How many gauges at most.
    theme : {"light", "dark"} or Theme
        Colours.

    Raises
    ------
    ConfigError
        If there is no such account.
    """
    names = np.unique(room.columns["account"]).tolist()
    if account is not None and account not in names:
        raise ConfigError("no such account", found=account, expected=names)
    gauges = [each for each in _gauges(room).values() if account in (None, each["account"])]
    gauges = [each for each in gauges if np.isfinite(each["hard"]) or np.isfinite(each["warn"])]
    gauges.sort(key=lambda each: (each["passes"], -_used(each)))
    shown = gauges[:most]
    return limits_figure(
        [each["label"] for each in shown],
        [each["value"] for each in shown],
        [each["hard"] for each in shown],
        [each["warn"] for each in shown],
        passes=[each["passes"] for each in shown],
        texts=[_text(each) for each in shown],
        theme=theme,
    )


def _gauges(room: Headroom) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows by what they are about: the hard limit and the one that warns are marks of one gauge."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    columns = {name: column.tolist() for name, column in room.columns.items()}
    for row in range(len(room)):
        facts = {name: column[row] for name, column in columns.items()}
        if facts["check"] not in _NAMES:
            continue
        about = facts["instrument"] or facts["sector"]
        key = (facts["level"], facts["check"], about)
        gauge = found.setdefault(key, {"hard": np.inf, "warn": np.inf, "passes": True, **facts})
        gauge["label"] = f"{facts['account']}: {_NAMES[facts['check']]}" + (f" {about}" if about else "")
        gauge[facts["severity"]] = facts["limit"]
        if facts["severity"] == "hard":
            gauge["passes"] = facts["passes"]
    return found


def _used(gauge: dict[str, Any]) -> float:
    width = gauge["hard"] if np.isfinite(gauge["hard"]) else gauge["warn"]
    if np.isnan(gauge["value"]) or width == 0:
        return float("inf") if gauge["value"] > 0 else 0.0
    return float(gauge["value"] / width)


def _text(gauge: dict[str, Any]) -> str:
    if np.isnan(gauge["value"]):
        return "no equity to measure by"
    limit = gauge["hard"] if np.isfinite(gauge["hard"]) else gauge["warn"]
    return f"{amount_text(gauge['check'], gauge['value'])} of {amount_text(gauge['check'], limit)}"
