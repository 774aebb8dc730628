"""What the features pipeline may be asked."""

from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines.form import form, knob


@form("features")
class FeaturesForm:
    """Features of quotes by interval, from a captured day or a made-up one."""

    path: str | None = knob(
        None, "capture of a day: ITCH, LOBSTER's message file or .dbn; none is a made-up day", kind="path"
    )
    symbol: str | None = knob(None, "instrument; by default the one that trades most")
    date: str | None = knob(None, "day of the capture, such as 2019-01-30, where its name does not tell")
    begin: str | None = knob("09:30", "time of day at the venue; none is the first quote")
    end: str | None = knob("16:00", "time of day at the venue; none is the last quote")
    interval: str = knob("10s", "over which features are taken, such as 500ms, 10s or 1min")
    lags: int = knob(20, "of the autocorrelations", unit="intervals", at_least=1, at_most=1_000)
    messages: int = knob(300_000, "of the made-up day", unit="messages", at_least=20_000, at_most=5_000_000)
    symbols: int = knob(20, "instruments that share them unevenly", at_least=1, at_most=1_000)
    seed: int = knob(7, "of everything random", at_least=0, at_most=1_000_000_000)

    def check(self) -> None:
        """Times are times, and the end is after the beginning."""
        from omni_lab.data.moments import moment_ns, span_ns

        try:
            span_ns(self.interval)
            times = [moment_ns(each) for each in (self.begin, self.end) if each is not None]
        except DataError as error:
            raise ConfigError(str(error), where="interval, begin or end") from error
        if len(times) == 2 and times[1] <= times[0]:
            raise ConfigError(
                "the end is not after the beginning", found=f"{self.begin} to {self.end}", where="end"
            )
