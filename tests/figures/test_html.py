"""The metrics as HTML."""

import math
import re
from html.parser import HTMLParser

import pytest

from omni_lab.figures import metrics_html
from omni_lab.portfolio import performance

DAY = 86_400_000_000_000


class Reader(HTMLParser):
    """Collects captions and rows, and complains about tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1], data))


def read(html: str) -> list[tuple[str, str]]:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader.texts


METRICS = performance.summarize([101.0, 99.0, 104.0], [0, DAY, 2 * DAY], initial_capital=100.0)


def test_all_metrics_are_there_in_four_groups() -> None:
    texts = read(metrics_html(METRICS, title="Momentum", subtitle="SYNTH"))
    assert [text for tag, text in texts if tag == "caption"] == ["Return", "Risk", "Trading", "Costs"]
    names = [text for tag, text in texts if tag == "th"]
    values = [text for tag, text in texts if tag == "td"]
    assert len(names) == len(values) == len(METRICS)
    shown = dict(zip(names, values, strict=True))
    assert (shown["Total return"], shown["Worst drawdown"], shown["Trades"]) == ("+4.0%", "−2.0%", "–")
    assert [text for tag, text in texts if tag == "p"] == ["Momentum", "SYNTH"]


def test_groups_without_metrics_are_left_out_and_unknown_metrics_come_last() -> None:
    texts = read(metrics_html({"beta": 0.5, "sharpe_ratio": 1.0}))
    assert [text for tag, text in texts if tag == "caption"] == ["Return", "Other"]
    assert [text for tag, text in texts if tag == "th"] == ["Sharpe ratio", "Beta"]
    assert read(metrics_html({}))


def test_everything_is_escaped() -> None:
    evil = "<script>alert('&\"')</script>"
    html = metrics_html({evil: 1.0}, title=evil, subtitle=evil, notes=[evil])
    assert "<script" not in html
    assert sum(evil.lower() in text.lower() for _, text in read(html)) == 4


def test_it_stands_on_its_own_in_dark_and_light() -> None:
    html = metrics_html(METRICS, notes=["optimistic fills"])
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img", html)
    assert "prefers-color-scheme:dark" in html
    assert "var(--jp-" in html
    assert "tabular-nums" in html
    assert "optimistic fills" in html


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, 1e300])
def test_any_number_can_be_shown(value: float) -> None:
    assert read(metrics_html(dict.fromkeys(METRICS, value)))
