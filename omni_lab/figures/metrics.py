"""What each metric is called, where it belongs and how it is written: one table for reports of every kind."""

from collections.abc import Callable, Mapping

from omni_lab.figures import words


def _percent(value: float) -> str:
    return words.percent(value)


def _change(value: float) -> str:
    return words.percent(value, sign=True)


def _ratio(value: float) -> str:
    return words.number(value, 2)


def _money(value: float) -> str:
    return words.number(value, 2)


def _count(value: float) -> str:
    return words.number(value, 0)


def _days(value: float) -> str:
    return words.MISSING if value != value else words.span(value * words.NS_PER_DAY) if value else "none"


def _times(value: float) -> str:
    return words.number(value, 2) + ("×" if value == value else "")


GROUPS: Mapping[str, Mapping[str, tuple[str, Callable[[float], str]]]] = {
    "Return": {
        "total_return": ("Total return", _change),
        "annual_return": ("Annual return", _change),
        "sharpe_ratio": ("Sharpe ratio", _ratio),
        "sortino_ratio": ("Sortino ratio", _ratio),
        "calmar_ratio": ("Calmar ratio", _ratio),
        "initial_capital": ("Initial capital", _money),
        "final_equity": ("Final equity", _money),
        "periods_per_year": ("Steps per year", _count),
    },
    "Risk": {
        "annual_volatility": ("Annual volatility", _percent),
        "max_drawdown": ("Worst drawdown", _percent),
        "max_drawdown_days": ("Longest drawdown", _days),
        "max_drawdown_length": ("Longest, in steps", _count),
        "time_under_water": ("Time under water", _percent),
        "best_step": ("Best step", _change),
        "worst_step": ("Worst step", _change),
        "skew": ("Skewness", _ratio),
        "kurtosis": ("Excess kurtosis", _ratio),
    },
    "Trading": {
        "n_trades": ("Trades", _count),
        "hit_rate": ("Hit rate", _percent),
        "profit_factor": ("Profit factor", _ratio),
        "exposure": ("In the market", _percent),
        "mean_leverage": ("Mean leverage", _times),
        "turnover": ("Turnover a year", _times),
        "n_orders": ("Orders", _count),
        "n_fills": ("Fills", _count),
    },
    "Costs": {
        "commission_paid": ("Commission", _money),
        "slippage_paid": ("Slippage", _money),
        "costs_paid": ("All costs", _money),
    },
}

_KNOWN = {name: entry for group in GROUPS.values() for name, entry in group.items()}


def label_of(name: str) -> str:
    """What a metric is called; an unknown one keeps its name, without the underscores."""
    return _KNOWN[name][0] if name in _KNOWN else name.replace("_", " ").capitalize()


def format_metric(name: str, value: float) -> str:
    """Value as it is written in reports; NaN as a dash."""
    return _KNOWN[name][1](value) if name in _KNOWN else f"{value:.6g}"
