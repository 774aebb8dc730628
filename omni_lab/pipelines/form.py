"""Forms: what a pipeline may be asked, as a dataclass with types, ranges, units and help.

The form is the one truth; the notebook's parameters cell is written from it. Built-in forms lie in
``pipelines/forms``. A notebook of your own has one in ``forms/NAME.py`` beside it, or registers one in Python
with :func:`form`; without one it is described by its cell alone. ``parameters`` reads values.
"""

import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.parameter import PATH, Parameter, coerced, declared_type
from omni_lab.pipelines.parameters import RUN_DIR_PARAMETER, cell_text

T = TypeVar("T")

_BUILT_IN = "omni_lab.pipelines.forms"
_KNOB = "knob"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a pipeline may be asked.

    Attributes
    ----------
    name : str
        Of the pipeline.
    cls : type
        The frozen dataclass that was decorated.
    parameters : mapping of str to Parameter
        In the order of its fields.
    reads, writes : tuple of str
        Shared state that the pipeline depends on or changes; ``"lake"`` is the store of bars and ticks.
    """

    name: str
    cls: type
    parameters: Mapping[str, Parameter]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse values that are out of range, or do not go together.

        Parameters
        ----------
        values : mapping
            By name; what is left out has its default.

        Raises
        ------
        ConfigError
            With every problem of a single value; if there is none, with what the rules between them say.
        """
        where = f"form {self.name!r}"
        problems: list[OmniError] = []
        given: dict[str, Any] = {}
        for name, value in values.items():
            try:
                if name not in self.parameters:
                    raise ConfigError(
                        "unknown parameter", found=name, expected=list(self.parameters), where=where
                    )
                given[name] = coerced(self.parameters[name], value, where)
            except ConfigError as problem:
                problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            raise ConfigError("\n".join(map(str, problems)))
        self.check_rules(given)

    def check_rules(self, values: Mapping[str, Any]) -> None:
        """Only what the form's own ``check`` says of values that are right each for itself."""
        rules = getattr(self.cls(**values), "check", None)
        if rules is not None:
            rules()


@dataclass_transform(frozen_default=True, kw_only_default=True)
def form(
    name: str, *, reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()
) -> Callable[[type[T]], type[T]]:
    """Class decorator: the frozen dataclass below is the form of a pipeline.

    Parameters
    ----------
    name : str
        Of the pipeline, which is the stem of its notebook.
    reads, writes : tuple of str, optional
        Shared state that it depends on or changes, such as ``"lake"``.

    Raises
    ------
    ConfigError
        If a field is no :func:`knob`, has a type that a parameter cannot have, or a default out of its range.

    Examples
    --------
    >>> @form("spread_study", reads=("lake",))
    ... class SpreadStudyForm:
    ...     symbol: str = knob("SPX", "instrument, as the store knows it")
    ...     window: int = knob(20, "of the average", unit="bars", at_least=2)
    >>> form_of("spread_study").parameters["window"].accepts
    'at least 2 bars'
    """

    def decorate(cls: type[T]) -> type[T]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        described = Form(
            name=name, cls=made, parameters=_parameters(made, name), reads=tuple(reads), writes=tuple(writes)
        )
        made.__form__ = described  # type: ignore[attr-defined]
        _registered[name] = described
        return made

    return decorate


def knob(
    default: Any,
    help: str,
    *,
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[Any, ...] | None = None,
    kind: str | None = None,
) -> Any:
    """Field of a form: a default, what it does, and what may be given.

    Parameters
    ----------
    default : object
        A literal; lists and mappings are copied.
    help : str
        A few words without a full stop; they become the comment in the notebook's cell.
    unit : str
        Such as ``"bars"`` or ``"seconds"``.
    at_least, at_most, above, below : float, optional
        Range of the number, or of every number of a list.
    choices : tuple, optional
        The only values there are.
    kind : str, optional
        ``"path"`` for text that names a file or folder, which must exist.
    """
    limits = {
        "help": help,
        "unit": unit,
        "at_least": at_least,
        "at_most": at_most,
        "above": above,
        "below": below,
        "choices": None if choices is None else tuple(choices),
        "kind": kind,
    }
    return field(default_factory=lambda: deepcopy(default), metadata={_KNOB: {"default": default, **limits}})


def form_of(pipeline: str | Path) -> Form | None:
    """Form of a pipeline; None when it is described by its notebook alone.

    Parameters
    ----------
    pipeline : str or Path
        Its name, or a path to its notebook; a form beside that notebook wins.

    Raises
    ------
    ConfigError
        If there is a form that cannot be used.
    """
    notebook = Path(pipeline)
    name = notebook.stem if notebook.suffix == ".ipynb" else str(pipeline)
    folder = notebook.parent if notebook.suffix == ".ipynb" else _pipelines_dir()
    beside = folder / "forms" / f"{name}.py" if folder else None
    if beside is not None and beside.is_file():
        return _load(beside)
    if name not in _registered and name.isidentifier() and find_spec(f"{_BUILT_IN}.{name}"):
        import_module(f"{_BUILT_IN}.{name}")
    return _registered.get(name)


def form_of_notebook(notebook: Path, declared: Mapping[str, Parameter]) -> Form | None:
    """Form that describes this very notebook.

    Parameters
    ----------
    notebook : Path
    declared : mapping of str to Parameter
        What its cell declares.

    Returns
    -------
    Form or None
        None also where another notebook goes by the name of a built-in pipeline: it asks for other things.

    Raises
    ------
    ConfigError
        If the form is the notebook's own, and its cell declares other names.
    """
    found = form_of(notebook)
    if found is None:
        return None
    names = set(declared) - {RUN_DIR_PARAMETER}
    if names == set(found.parameters):
        return found
    if found.cls.__module__.startswith(f"{_BUILT_IN}."):
        return None
    raise ConfigError(
        "the notebook's parameters cell is not what its form says",
        found=sorted(names ^ set(found.parameters)),
        where=notebook.name,
        hint="Write the cell anew: omni_lab.pipelines.form.parameters_cell gives its text.",
    )


def parameters_cell(described: Form) -> str:
    """Source of the notebook's parameters cell: an assignment with a comment for every knob."""
    return cell_text(described.parameters)


_registered: dict[str, Form] = {}


def _parameters(cls: type, name: str) -> dict[str, Parameter]:
    hints = get_type_hints(cls)
    found = {}
    for each in fields(cls):
        where = f"form {name!r}, {each.name}"
        if _KNOB not in each.metadata or each.name == RUN_DIR_PARAMETER:
            raise ConfigError("every field of a form is a knob, and run_dir is not one", where=where)
        facts = dict(each.metadata[_KNOB])
        declared = declared_type(_annotation(hints[each.name]), where)
        kind = facts.pop("kind") or declared.pop("kind")
        if kind == PATH and declared.pop("kind", PATH) not in (PATH, "str"):
            raise ConfigError("a path is declared as str", found=kind, where=where)
        parameter = Parameter(name=each.name, kind=kind, **declared, **facts)
        coerced(parameter, parameter.default, where)
        found[each.name] = parameter
    return found


def _annotation(hint: Any) -> str:
    """A type as a parameters cell writes it: ``dict[str, Any] | None`` is ``dict | None``."""
    if isinstance(hint, UnionType) or str(get_origin(hint)) == "typing.Union":
        return " | ".join(_annotation(part) for part in get_args(hint))
    if hint is NoneType:
        return "None"
    if get_origin(hint) is list:
        return f"list[{_annotation(get_args(hint)[0])}]"
    if get_origin(hint) is dict:
        return "dict"
    return str(getattr(hint, "__name__", hint))


def _pipelines_dir() -> Path | None:
    from omni_lab.pipelines.catalog import pipelines_dir

    try:
        return pipelines_dir()
    except ConfigError:
        return None


def _load(path: Path) -> Form:
    """Form that a file beside a notebook defines; the file is executed, as the notebook will be."""
    module_name = f"_form_of_{path.stem}"
    spec = spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    before = dict(_registered)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            "the form cannot be loaded", found=f"{type(error).__name__}: {error}", where=str(path)
        ) from error
    finally:
        sys.modules.pop(module_name, None)
        # It is this notebook's alone: another one of the same name keeps its own.
        _registered.clear()
        _registered.update(before)
    found = [getattr(each, "__form__", None) for each in vars(module).values() if isinstance(each, type)]
    named = [each for each in found if isinstance(each, Form) and each.name == path.stem]
    if not named:
        raise ConfigError(
            "the file defines no form of this name", expected=f"@form({path.stem!r})", where=str(path)
        )
    return named[-1]
