"""Errors carry facts, say them, and survive the way home from a worker process."""

import pickle

import pytest

from omni_lab import errors
from omni_lab.errors import (
    ConfigError,
    DataError,
    MissingExtraError,
    OmniError,
    SchemaError,
    UnknownSymbolError,
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OmniError)]


def example(kind: type[OmniError]) -> OmniError:
    if issubclass(kind, MissingExtraError):
        return kind("polars", extra="polars", what="reading polars frames")
    return kind(
        "the price is not positive", found=-3.2, expected="a number above 0", where="row 17", hint="Drop it."
    )


def test_the_message_is_made_of_the_facts() -> None:
    error = example(DataError)
    assert str(error) == (
        "the price is not positive: found -3.2, expected a number above 0 (in row 17). Drop it."
    )
    assert (error.found, error.expected, error.where) == (-3.2, "a number above 0", "row 17")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OmniError(), ""),
        (DataError("no rows"), "no rows"),
        (DataError("no rows", found=0), "no rows: found 0"),
        (
            ConfigError("unknown fill", found="open", expected=("a", "b")),
            "unknown fill: found 'open', expected one of 'a', 'b'",
        ),
        (DataError("no rows", hint="Widen the range."), "no rows. Widen the range."),
        (SchemaError(found="int32", expected="int64"), "found 'int32', expected int64"),
        (SchemaError("no columns", expected=[]), "no columns: expected nothing, for there is none"),
    ],
)
def test_absent_facts_leave_no_trace(error: OmniError, message: str) -> None:
    assert str(error) == message


def test_a_long_list_of_choices_is_cut() -> None:
    assert str(DataError("x", expected=[f"S{n}" for n in range(500)])).endswith("'S11', 488 more")


def test_the_closest_choice_is_the_hint() -> None:
    error = UnknownSymbolError("unknown symbol", found="APPL", expected=["MSFT", "AAPL"])
    assert error.hint == "Did you mean 'AAPL'?"
    assert UnknownSymbolError("unknown symbol", found="APPL", expected=["XOM"]).hint is None
    assert UnknownSymbolError("unknown symbol", found="APPL", expected=["AAPL"], hint="Look.").hint == "Look."


def test_a_missing_package_names_the_extra() -> None:
    error = MissingExtraError("skfolio", extra="samples", what="the S&P 500 panel")
    assert (error.package, error.extra) == ("skfolio", "samples")
    assert "pip install 'omni-lab[samples]'" in str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling(kind: type[OmniError]) -> None:
    error = example(kind)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not OmniError])
def test_every_kind_resembles_a_builtin(kind: type[OmniError]) -> None:
    builtin = {ValueError, TypeError, LookupError, RuntimeError, ImportError}
    assert builtin & set(kind.__mro__)
