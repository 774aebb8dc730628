"""The ledger of trials as text for a terminal.

Sharpe ratios are per step of the data, as the ledger keeps them: it does not know how many make a year.
"""

import math
from typing import TYPE_CHECKING

from omni_lab.errors import ConfigError
from omni_lab.pipelines.summary import format_table
from omni_lab.portfolio.significance import deflated_sharpe, expected_max_sharpe

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.store import TrialLedger

_FINGERPRINT = 12
_NONE = "No trial has been counted yet. Any backtest is one: omni run backtest"


def format_families(families: "pd.DataFrame", data: str = "") -> str:
    """One family on some data a line: how many trials, the best ratio per step, when the last one was made.

    Parameters
    ----------
    families : DataFrame
        From `TrialLedger.families`.
    data : str
        Beginning of the fingerprints to show.
    """
    shown = families[families["data"].str.startswith(data)] if len(families) else families
    if shown.empty:
        return f"No trial was made on data {data}…" if data and len(families) else _NONE
    rows = [("FAMILY", "DATA", "TRIALS", "BEST PER STEP", "LAST (UTC)")]
    for row in shown.to_dict("records"):
        made, best = f"{row['n_trials']:>6,}", _ratio(row["sharpe_best"])
        rows.append((row["family"], row["data"][:_FINGERPRINT], made, best, f"{row['ts']:%Y-%m-%d %H:%M}"))
    return format_table(rows)


def format_trials(ledger: "TrialLedger", family: str, data: str = "", limit: int = 10) -> str:
    """The best trials of a family on each data, with the best that luck would bring, and the deflated ratio.

    Parameters
    ----------
    ledger : TrialLedger
    family : str
        Its name, or the end of it.
    data : str
        Beginning of the fingerprints to show.
    limit : int
        How many trials of each data.

    Raises
    ------
    ConfigError
        If no family, or more than one, ends so; or it was not tried on such data.
    """
    families = ledger.families()
    name = _named(family, sorted(set(families["family"])))
    known = families[families["family"] == name]["data"]
    wanted = [str(each) for each in known if str(each).startswith(data)]
    if not wanted:
        raise ConfigError("it was not tried on such data", found=data, expected=[str(each) for each in known])
    return "\n\n".join(_on_data(ledger, name, each, limit) for each in wanted)


def _on_data(ledger: "TrialLedger", family: str, data: str, limit: int) -> str:
    made, trials = ledger.summary(data, family), ledger.trials(data, family)
    lines = [f"{family} on data {data[:_FINGERPRINT]}", f"  {made.n_trials:,} trials"]
    if made.n_idle:
        lines[-1] += f", and {made.n_idle:,} without a Sharpe ratio"
    ranked = trials.sort_values("sharpe", ascending=False, kind="stable").head(limit)
    if made.n_trials > 1:
        best = ranked.iloc[0]
        deflated = deflated_sharpe(
            float(best["sharpe"]),
            int(best["n_obs"]),
            n_trials=made.n_trials,
            variance=made.sharpe_variance,
            # The moments of a very long run are not kept; it is then judged as if its returns were normal.
            skew=0.0 if math.isnan(best["skew"]) else float(best["skew"]),
            kurtosis=3.0 if math.isnan(best["kurtosis"]) else float(best["kurtosis"]),
        )
        luck = expected_max_sharpe(made.n_trials, made.sharpe_variance)
        lines.append(
            f"  best {_ratio(made.sharpe_best)} per step; of as many without merit {_ratio(luck)} is "
            f"expected; deflated Sharpe ratio of the best {deflated:.1%}"
        )
    rows = [("  PER STEP", "STEPS", "SOURCE", "MADE (UTC)", "PARAMETERS")]
    for row in ranked.to_dict("records"):
        ratio, when = f"  {_ratio(row['sharpe'])}", f"{row['ts']:%Y-%m-%d %H:%M}"
        rows.append((ratio, f"{row['n_obs']:,}", row["source"], when, row["parameters"]))
    return "\n".join([*lines, "", format_table(rows)])


def _named(family: str, known: list[str]) -> str:
    if not known:
        raise ConfigError("no trial has been counted yet", hint="Any backtest is one: omni run backtest.")
    found = [family] if family in known else [name for name in known if name.endswith(family)]
    if len(found) != 1:
        what = f"{len(found)} families end so" if found else "no family ends so"
        raise ConfigError(what, found=family, expected=found or known, where="family")
    return found[0]


def _ratio(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.4f}"
