"""Python and Rust name the same things and give them the same codes."""

from enum import IntEnum

import pytest

from omni_lab import _native, domain
from omni_lab.execution import OMSConfig
from omni_lab.execution.events import COLUMNS
from omni_lab.execution.shown import PLACES

ENUMERATIONS = [
    each for each in vars(domain).values() if isinstance(each, type) and issubclass(each, IntEnum)
]


@pytest.mark.parametrize("enumeration", ENUMERATIONS, ids=lambda each: each.__name__)
def test_an_enumeration_is_the_same_on_both_sides(enumeration: type[IntEnum]) -> None:
    stated = {name: member.value for name, member in enumeration.__members__.items()}
    assert _native.vocabulary()[enumeration.__name__] == stated


def test_no_enumeration_is_on_one_side_only() -> None:
    assert set(_native.vocabulary()) == {each.__name__ for each in ENUMERATIONS} | {"Place"}


def test_places_are_numbered_alike() -> None:
    assert _native.vocabulary()["Place"] == {name: number for number, name in enumerate(PLACES)}


def test_the_columns_of_events_are_named_alike() -> None:
    assert tuple(_native.Oms(OMSConfig(instruments=["X"]).payload())._drain()) == COLUMNS
