"""What the reconciliation pipeline may be asked."""

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob


@form("reconcile")
class ReconcileForm:
    """Our fills against a venue's."""

    internal: str | None = knob(
        None, "our fills: CSV, Parquet, FIX, or a journal's directory; none is a made-up day", kind="path"
    )
    external: str | None = knob(None, "the venue's fills, likewise", kind="path")
    rules: str | None = knob(
        None, "grids, tolerances and rules, YAML; none takes the usual ones", kind="path"
    )
    now: str | None = knob(
        None, "time that ages are counted to, such as 2024-01-02T22:00Z; none is the last fill's"
    )
    cash_limit: float = knob(
        1_000.0,
        "at stake in an open break, above which the day cannot be closed",
        unit="currency",
        at_least=0.0,
    )
    strict: bool = knob(False, "fail while such a break is open, so that nothing follows")
    fills: int = knob(2_500, "of the made-up day", unit="fills", at_least=100, at_most=1_000_000)
    share: float = knob(
        0.002, "of the made-up fills that get a break, for each kind of break", at_least=0.0, at_most=0.02
    )
    seed: int = knob(7, "of the made-up day", at_least=0, at_most=1_000_000_000)

    def check(self) -> None:
        """Both sides are given, or none."""
        if (self.internal is None) != (self.external is None):
            raise ConfigError(
                "a reconciliation needs the records of both sides",
                found="only the venue's" if self.internal is None else "only ours",
                where="internal, external",
            )
