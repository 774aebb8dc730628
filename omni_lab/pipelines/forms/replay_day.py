"""What the pipeline that replays a day may be asked."""

from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob

_QUEUES = ("conservative", "power", "power_of_whole", "power_of_share", "log", "log_of_whole", "exact")


@form("replay_day")
class ReplayDayForm:
    """A strategy on a captured or a made-up day."""

    path: str | None = knob(
        None, "capture of a day: ITCH, LOBSTER's message file or .dbn; none is a made-up day", kind="path"
    )
    symbol: str | None = knob(None, "instrument; by default the one that trades most")
    date: str | None = knob(None, "day of the capture, such as 2019-01-30, where its name does not tell")
    session: str | None = knob(
        None, "calendar such as XNAS, outside of which nothing trades; none is no limit"
    )
    strategy: str = knob("market_making", "which strategy, by its registered name")
    strategy_settings: dict[str, Any] = knob(
        {"rule": "fixed", "skew": 0.002, "interval_s": 1.0, "qty": 100, "max_position": 500},
        "its settings by name; prices in ticks, quantities in lots",
    )
    latency_ms: float = knob(
        1.0, "of orders, and of answers, in the middle", unit="ms", at_least=0.0, at_most=60_000.0
    )
    latency_spread: float = knob(
        0.5, "deviation of the logarithm of half of it; 0 is constant", at_least=0.0, at_most=3.0
    )
    queue: str | None = knob(None, "model of the queue", choices=_QUEUES)
    maker_fee: float = knob(-0.002, "of a share that waited; below 0 is a rebate", unit="currency")
    taker_fee: float = knob(0.003, "of a share that took", unit="currency")
    bar: str | None = knob(None, "length of bars for a strategy that waits for them, such as 1min")
    initial_capital: float = knob(1_000_000.0, "cash at the start", above=0.0)
    markouts_s: list[float] = knob(
        [1.0, 5.0, 15.0, 30.0, 60.0], "times after a fill to look at the market", unit="seconds", above=0.0
    )
    sample: str = knob("10s", "time between two looks at the account")
    messages: int = knob(300_000, "of the made-up day", unit="messages", at_least=20_000, at_most=5_000_000)
    symbols: int = knob(20, "instruments that share them unevenly", at_least=1, at_most=1_000)
    seed: int = knob(7, "of everything random", at_least=0, at_most=1_000_000_000)

    def check(self) -> None:
        """Times after a fill rise."""
        if not self.markouts_s or sorted(set(self.markouts_s)) != self.markouts_s:
            raise ConfigError(
                "times after a fill rise", found=self.markouts_s, expected="1, 10, 60", where="markouts_s"
            )
