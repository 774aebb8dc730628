"""What the tests of the order-management system share: the implementations, and scripts played on them."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from omni_lab.execution import OMS, ReferenceOMS
from tests.execution.script import Script, config

AnyOMS: TypeAlias = OMS | ReferenceOMS
Play = Callable[..., Script]


@pytest.fixture(params=[ReferenceOMS, OMS])
def oms_class(request: pytest.FixtureRequest) -> type[AnyOMS]:
    """An implementation: every test that asks for it holds for each of them."""
    kind: type[AnyOMS] = request.param
    return kind


@pytest.fixture
def play(oms_class: type[AnyOMS]) -> Play:
    """Play a script on a new system, which keyword arguments configure."""

    def run(text: str, **settings: Any) -> Script:
        return Script(oms_class(config(**settings))).run(text)

    return run
