"""What a notebook uses to leave its results behind: metrics, figures, tables, files, warnings, conclusions.

Under the runner the results go into the directory of the run, which the injected parameter ``run_dir`` names.
Without it, as when the notebook is opened by hand, they are kept in memory and nothing is written.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import FIGURES_DIR, RESERVED, RunFolder, write_json
from omni_lab.store.durable import sync

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FRAMES = {".parquet": "to_parquet", ".csv": "to_csv", ".json": "to_json"}


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
        ``headline``, ``warnings``, ``conclusions``, ``data_fingerprint``, ``figures``, ``files``, the rest.

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

    def save(self, name: str, what: Any) -> None:
        """Keep a file in the run's directory, whole or not at all; the same name again replaces it.

        Parameters
        ----------
        name : str
            Of the file, such as ``"quality.parquet"``; its ending says how a frame is written: ``.parquet``,
            ``.csv`` or ``.json``.
        what : DataFrame, bytes, str or Path
            A frame of pandas or polars, bytes, text, or a file to copy.

        Raises
        ------
        ConfigError
            If the name is no plain name of a file, belongs to the runner, or does not suit a frame.
        """
        _check_name(name)
        write = _writer(name, what)
        self.artifacts["files"] = list(dict.fromkeys([*self.artifacts.get("files", []), name]))
        if self.run_dir is None:
            return
        temporary = Path(self.run_dir) / f".{uuid4().hex[:8]}-{name}"
        try:
            write(temporary)
            sync(temporary)
            temporary.replace(Path(self.run_dir) / name)
        finally:
            temporary.unlink(missing_ok=True)
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


def _check_name(name: str) -> None:
    if not name or Path(name).name != name or "\\" in name or name.startswith(".") or not name.isprintable():
        raise ConfigError("this is no plain name of a file", found=name, where="save")
    if name in RESERVED:
        raise ConfigError("this name belongs to the runner", found=name, where="save")


def _writer(name: str, what: Any) -> Callable[[Path], object]:
    """What writes it to a path; refuses what cannot be written before anything is."""
    if isinstance(what, bytes | bytearray | memoryview):
        return lambda path: path.write_bytes(what)
    if isinstance(what, str):
        return lambda path: path.write_text(what, encoding="utf-8", newline="\n")
    if isinstance(what, Path):
        if not what.is_file():
            raise ConfigError("there is no such file", found=str(what), where=f"save {name!r}")
        return lambda path: shutil.copyfile(what, path)
    ending = Path(name).suffix
    frame = getattr(what, _FRAMES.get(ending, ""), None)
    if frame is not None:  # pandas
        unnamed = ending == ".csv" and what.index.name is None
        return lambda path: frame(path, index=False) if unnamed else frame(path)
    polars: Callable[[Path], object] | None = getattr(
        what, _FRAMES.get(ending, "").replace("to_", "write_"), None
    )
    if polars is not None:
        return polars
    raise ConfigError(
        f"a {type(what).__name__} cannot be written to such a file",
        found=name,
        expected=f"a frame and a name with {', '.join(_FRAMES)}; bytes, str or Path",
        where="save",
    )
