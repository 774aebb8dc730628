"""Ask the question of a run again, and say whether the answer is the same, bit for bit.

Compared is what decides: metrics, files that the notebook left, the data's fingerprint, the text of checked
cells. Figures, the report and the notebook as a whole carry dates and are left aside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.catalog import find_pipeline, read_notebook
from omni_lab.pipelines.parameters import read_parameters
from omni_lab.pipelines.registry import Origin, RunRecord, RunRegistry
from omni_lab.pipelines.runner import run_pipeline

_COMPARED = ("file", "record")
_CHECKED = "NBVAL_CHECK_OUTPUT"
_CAUSES = {
    "code_sha256": "the code",
    "lock_sha256": "the packages that are installed",
    "notebook_sha256": "the notebook",
    "data_fingerprint": "the data",
    "platform": "the platform",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that came out otherwise, then and now; None where it was not there."""

    what: str
    then: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.what}: {_shown(self.then)}, now {_shown(self.now)}"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A run and the same question asked again.

    Attributes
    ----------
    original, again : RunRecord
    differences : tuple of Difference
        In what came out; none if it is bit-equal.
    causes : tuple of str
        What else is not as it was, and may explain them.
    """

    original: RunRecord
    again: RunRecord
    differences: tuple[Difference, ...]
    causes: tuple[str, ...]

    @property
    def bit_equal(self) -> bool:
        """Whether nothing came out otherwise."""
        return not self.differences


def reproduce(run: str, *, registry: RunRegistry | None = None, progress: bool = True) -> Reproduction:
    """Run a pipeline with the parameters of a run and compare what comes out.

    Parameters
    ----------
    run : str
        Beginning of an id, a tag, or ``last``.
    registry : RunRegistry, optional
        Where it is looked up, and where the new run is written down; the project's by default.
    progress : bool
        Show a bar where standard error is a terminal.

    Raises
    ------
    ConfigError
        If there is no such run, it is a flow, it has not ended, or its notebook is gone.
    """
    if registry is None:
        with RunRegistry() as own:
            return reproduce(run, registry=own, progress=progress)
    original = registry.find(run)
    notebook = _notebook(original)
    values, dropped = _question(original, notebook)
    # The fingerprints of what was upstream are part of the question.
    origin = Origin(upstream=original.origin.upstream)
    again = run_pipeline(str(notebook), values=values, progress=progress, origin=origin, registry=registry)
    differences = tuple(_differences(original, again, registry))
    return Reproduction(original, again, differences, (*dropped, *_causes(original, again)))


def format_reproduction(found: Reproduction) -> str:
    """What came of it, for a terminal."""
    told = f"{found.original.run_id} again as {found.again.run_id}"
    if found.bit_equal:
        lines = [f"{told}: bit-equal."]
        also = "Though these are not as they were:"
    else:
        lines = [f"{told}: not the same.", *(f"  {each}" for each in found.differences)]
        also = "Not as it was, and perhaps why:"
        if not found.causes:
            lines.append(
                "Code, packages, notebook and data are as they were: the pipeline is not repeatable."
            )
    return "\n".join([*lines, *([also, *(f"  {each}" for each in found.causes)] if found.causes else [])])


def _notebook(original: RunRecord) -> Path:
    """The notebook of a run: that of its pipeline here, unless the file that it ran is the same as it was."""
    if original.kind != "pipeline":
        raise ConfigError(
            "this is no run of a pipeline",
            found=f"a {original.kind}",
            where=original.run_id,
            hint="Reproduce its steps: omni runs ls says which they are.",
        )
    if not original.is_final:
        raise ConfigError("the run has not ended", found=original.status, where=original.run_id)
    ran = Path(str(original.content.get("notebook_path")))
    try:
        here = find_pipeline(original.pipeline)
    except ConfigError:
        if ran.is_file():
            return ran
        raise
    wanted = original.content.get("notebook_sha256")
    same = [
        each for each in (here, ran) if each.is_file() and sha256(each.read_bytes()).hexdigest() == wanted
    ]
    return [*same, here][0]


def _question(original: RunRecord, notebook: Path) -> tuple[dict[str, Any], list[str]]:
    """The parameters to give, and sentences on those that the notebook has no more."""
    known = read_parameters(read_notebook(notebook), where=notebook.name)
    asked = dict(original.content.get("parameters") or {})
    dropped = [f"the notebook has no parameter {name!r} any more" for name in asked if name not in known]
    fresh = [
        f"the notebook has a new parameter {name!r}" for name in known if name not in {*asked, "run_dir"}
    ]
    return {name: value for name, value in asked.items() if name in known}, dropped + fresh


def _differences(original: RunRecord, again: RunRecord, registry: RunRegistry) -> Iterator[Difference]:
    if original.status != again.status:
        yield Difference("status", _ended(original), _ended(again))
    yield from _of("metric", original.metrics, again.metrics)
    files = [_hashes(run, registry) for run in (original, again)]
    yield from _of("file", *files)
    fingerprints = [run.content.get("data_fingerprint") for run in (original, again)]
    if fingerprints[0] != fingerprints[1]:
        yield Difference("data fingerprint", *fingerprints)
    cells = [_checked_cells(run) for run in (original, again)]
    if original.folder.notebook_file.is_file():
        yield from _of("checked cell", *cells)


def _of(what: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*then, *now]):
        # As text, so that what is not a number equals itself, and 0.0 is not -0.0.
        if json.dumps(then.get(name)) != json.dumps(now.get(name)):
            yield Difference(f"{what} {name}", then.get(name), now.get(name))


def _hashes(run: RunRecord, registry: RunRegistry) -> dict[str, str]:
    return {each.path: each.sha256 for each in registry.artifacts(run.run_id) if each.kind in _COMPARED}


def _checked_cells(run: RunRecord) -> dict[str, str]:
    """Text of the cells whose output the tests of notebooks compare, by their number."""
    if not run.folder.notebook_file.is_file():
        return {}
    cells = [cell for cell in read_notebook(run.folder.notebook_file).cells if cell.cell_type == "code"]
    return {
        str(number): "".join(_texts(cell.outputs))
        for number, cell in enumerate(cells, 1)
        if _CHECKED in cell.source
    }


def _texts(outputs: Any) -> Iterator[str]:
    for output in outputs:
        text = output.get("text") or output.get("data", {}).get("text/plain") or ""
        yield text if isinstance(text, str) else "".join(text)


def _causes(original: RunRecord, again: RunRecord) -> Iterator[str]:
    then, now = original.content, again.content
    for name, what in _CAUSES.items():
        if then.get(name) and then.get(name) != now.get(name):
            yield f"{what}{_detail(name, then, now)}"
    commits = [(facts.get("git") or {}).get("commit") for facts in (then, now)]
    if all(commits) and commits[0] != commits[1]:
        yield f"the commit: {str(commits[0])[:12]}, now {str(commits[1])[:12]}"


def _detail(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if name != "lock_sha256":
        return ""
    versions = [facts.get("versions") or {} for facts in (then, now)]
    changed = [str(each) for each in _of("", *versions)]
    return f":{';'.join(changed)}" if changed else ""


def _ended(run: RunRecord) -> str:
    return f"{run.status} ({run.problem})" if run.problem else run.status


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
