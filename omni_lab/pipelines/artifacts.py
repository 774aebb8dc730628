"""What a notebook uses to leave its results behind: metrics, figures, warnings, conclusions.

Under the runner the results go into the directory of the run, which the injected parameter ``run_dir`` names.
Without it, as when the notebook is opened by hand, they are kept in memory and nothing is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import FIGURES_DIR, RunFolder, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(slots=True)
class RunContext:
    """The run that a notebook is part of.

    Parameters
    ----------
    run_dir : str or Path, optional
        Directory of the run; None keeps everything in memory.

    Attributes
    ----------
    metrics : dict of str to float
        Everything recorded so far.
    artifacts : dict
        ``headline``, ``warnings``, ``conclusions``, ``data_fingerprint``, ``figures`` and the rest.

    Examples
    --------
    >>> run = RunContext(None)
    >>> run.record(metrics={"sharpe_ratio": 0.4}, warnings=["12 trades are few"])
    >>> run.metrics
    {'sharpe_ratio': 0.4}
    """

    run_dir: str | Path | None = None
    metrics: dict[str, float] = field(default_factory=dict, init=False)
    artifacts: dict[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.run_dir is not None and not Path(self.run_dir).is_dir():
            raise ConfigError(
                "the directory of the run does not exist",
                found=str(self.run_dir),
                where="run_dir",
                hint="Leave run_dir at None when you run the notebook by hand.",
            )

    def record(
        self,
        *,
        metrics: Mapping[str, float] | None = None,
        headline: Mapping[str, str] | None = None,
        warnings: Iterable[str] | None = None,
        conclusions: Iterable[str] | None = None,
        data_fingerprint: str | None = None,
        figures: Mapping[str, "Figure"] | None = None,
        **extra: Any,
    ) -> None:
        """Keep results, and write them if this is a run. Later calls add to earlier ones.

        Parameters
        ----------
        metrics : mapping of str to float, optional
            Numbers by name; they go to ``metrics.json``, those that are not finite as null.
        headline : mapping of str to str, optional
            The few results a reader wants first, formatted, by label; for the terminal and the report.
        warnings, conclusions : iterable of str, optional
            Sentences.
        data_fingerprint : str, optional
            Hash of the data that the run read.
        figures : mapping of str to Figure, optional
            Saved as ``figures/<name>.png``.
        **extra
            Anything JSON can hold, kept under its name.
        """
        self.metrics.update(metrics or {})
        for key, lines in (("warnings", warnings), ("conclusions", conclusions)):
            if lines is not None:
                self.artifacts[key] = [*self.artifacts.get(key, []), *lines]
        if headline is not None:
            self.artifacts["headline"] = {**self.artifacts.get("headline", {}), **headline}
        if data_fingerprint is not None:
            self.artifacts["data_fingerprint"] = data_fingerprint
        self.artifacts.update(extra)
        self._save_figures(figures or {})
        self._write()

    def _save_figures(self, figures: Mapping[str, "Figure"]) -> None:
        names = [f"{FIGURES_DIR}/{name}.png" for name in figures]
        self.artifacts["figures"] = list(dict.fromkeys([*self.artifacts.get("figures", []), *names]))
        if self.run_dir is None:
            return
        for name, figure in figures.items():
            path = Path(self.run_dir) / FIGURES_DIR / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            figure.savefig(path, dpi=160, bbox_inches="tight")

    def _write(self) -> None:
        if self.run_dir is None:
            return
        folder = RunFolder(Path(self.run_dir))
        write_json(folder.metrics_file, self.metrics)
        write_json(folder.artifacts_file, self.artifacts)
