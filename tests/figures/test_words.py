"""Numbers and spans as they are read."""

import math

import numpy as np
import pytest

from omni_lab.figures import words
from omni_lab.figures.metrics import GROUPS, format_metric, label_of
from omni_lab.portfolio import performance

DAY = words.NS_PER_DAY


@pytest.mark.parametrize(
    ("value", "sign", "expected"),
    [
        (-0.2341, False, "−23.4%"),
        (0.2341, True, "+23.4%"),
        (0.0, True, "0.0%"),
        (-1e-12, True, "0.000%"),
        (0.0052, True, "+0.52%"),
        (-0.00005, False, "−0.005%"),
        (1.5, True, "+150.0%"),
        (12.345, True, "+1,234%"),
        (15821.58, True, "+1.58M%"),
        (math.nan, False, "–"),
        (-math.inf, False, "−∞"),
    ],
)
def test_percent(value: float, sign: bool, expected: str) -> None:
    assert words.percent(value, sign=sign) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (7305, "20.0 years"),
        (1095, "1,095 days"),
        (311, "311 days"),
        (2, "2 days"),
        (1, "1 day"),
        (0.5, "12.0 hours"),
        (1 / 48, "30 minutes"),
        (1 / 1440, "1 minute"),
        (1 / 86400, "1 second"),
        (0, "0 seconds"),
    ],
)
def test_span(days: float, expected: str) -> None:
    assert words.span(days * DAY) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (1.105, "1.105"),
        (-950.0, "−950"),
        (125_000.0, "125,000"),
        (1_250_000.0, "1.25M"),
        (2e9, "2B"),
    ],
)
def test_compact(value: float, expected: str) -> None:
    assert words.compact(value) == expected


def test_counts() -> None:
    assert [words.count(n, "buy") for n in (0, 1, 2, 1234)] == ["no buys", "1 buy", "2 buys", "1,234 buys"]


def test_times_are_written_as_short_as_they_can_be() -> None:
    minutes = np.arange(1000) * 60_000_000_000 + 19_000 * DAY
    assert words.moment(int(minutes[1]), minutes) == "01-08 00:01"
    days = np.arange(1000) * DAY
    assert words.moment(int(days[1]), days) == "1970-01-02"
    assert (words.bars(126, days), words.bars(1260, minutes)) == ("126-day", "1,260-bar")


def test_every_metric_has_a_label_and_a_way_to_be_written() -> None:
    names = performance.summarize([1.0, 2.0], [0, DAY], initial_capital=1.0)
    known = {name for group in GROUPS.values() for name in group}
    assert known == set(names)
    for name in names:
        assert label_of(name) != name
        for value in (0.0, -1.5, 123456.789, math.nan, math.inf):
            assert format_metric(name, value)
        assert format_metric(name, math.nan) == "–"


def test_metrics_are_written_with_their_units() -> None:
    shown = {
        "total_return": (0.1234, "+12.3%"),
        "max_drawdown": (-0.234, "−23.4%"),
        "sharpe_ratio": (-0.456, "−0.46"),
        "profit_factor": (math.inf, "∞"),
        "max_drawdown_days": (311.0, "311 days"),
        "costs_paid": (1234.5, "1,234.50"),
        "n_trades": (1234.0, "1,234"),
        "turnover": (12.5, "12.50×"),
    }
    for name, (value, expected) in shown.items():
        assert format_metric(name, value) == expected
    assert (label_of("information_ratio"), format_metric("information_ratio", 0.5)) == (
        "Information ratio",
        "0.5",
    )
