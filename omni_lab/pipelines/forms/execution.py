"""What the execution pipeline may be asked."""

from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob

_ALGORITHMS = ("twap", "vwap", "pov", "is", "adaptive")


@form("execution")
class ExecutionForm:
    """One parent order by every algorithm, on a captured or a made-up day."""

    path: str | None = knob(
        None, "capture of a day: ITCH, LOBSTER's message file or .dbn; none is a made-up day", kind="path"
    )
    day_before: str | None = knob(
        None,
        "capture of the day before, whose volume curve VWAP follows; of a captured day only",
        kind="path",
    )
    symbol: str | None = knob(None, "instrument; by default the one that trades most")
    date: str | None = knob(None, "day of the capture, such as 2019-01-30, where its name does not tell")
    session: str | None = knob(
        None, "calendar such as XNAS, outside of which nothing trades; none is no limit"
    )
    orders: str | None = knob(
        None, "orders.parquet of a portfolio run, whose largest gives side and qty", kind="path"
    )
    side: str = knob("buy", "which way", choices=("buy", "sell"))
    qty: float = knob(1_000.0, "of the parent order", unit="units", above=0.0)
    begin_min: float = knob(30.0, "after the first trade at which it begins", unit="minutes", at_least=0.0)
    minutes: float = knob(30.0, "that it may take", unit="minutes", above=0.0, at_most=1440.0)
    limit: float | None = knob(None, "price beyond which no child trades", above=0.0)
    algorithm: str = knob("vwap", "which one is looked at and kept", choices=_ALGORITHMS)
    against: list[str] = knob(
        ["twap", "pov", "is", "adaptive"], "algorithms that it is compared with", choices=_ALGORITHMS
    )
    settings: dict[str, Any] = knob({}, "of algorithms, by name, such as {pov: {rate: 0.05}}")
    risk_aversion: float = knob(1e-5, "of the shortfall algorithm, for each unit of money", at_least=0.0)
    draws: int = knob(
        6,
        "orders begun at drawn times, that algorithms are compared on",
        unit="orders",
        at_least=2,
        at_most=500,
    )
    latency_ms: float = knob(1.0, "of orders, and of answers", unit="ms", at_least=0.0, at_most=60_000.0)
    fees: dict[str, Any] | None = knob(
        None, "what fills cost, such as {tiers: [{taker_per_share: 0.003, maker_per_share: -0.002}]}"
    )
    account: str = knob("desk", "that the fills are booked to")
    messages: int = knob(300_000, "of the made-up day", unit="messages", at_least=20_000, at_most=5_000_000)
    symbols: int = knob(20, "instruments that share them unevenly", at_least=1, at_most=1_000)
    seed: int = knob(7, "of everything random", at_least=0, at_most=1_000_000_000)

    def check(self) -> None:
        """The algorithm is compared with others, each once; a day before belongs to a captured day."""
        if self.day_before is not None and self.path is None:
            raise ConfigError(
                "a day before needs the captured day itself", found="no path", where="day_before"
            )
        if self.algorithm in self.against or len(set(self.against)) < len(self.against):
            raise ConfigError(
                "an algorithm is compared with others, each named once",
                found=self.against,
                expected=f"none twice, and not {self.algorithm!r}",
                where="against",
            )
