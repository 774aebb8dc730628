"""A gateway that asks everyone who they are, and whose tokens are soon over."""

from collections.abc import Iterator

import pytest

from omni_lab.gateway.client import Client
from omni_lab.gateway.settings import GatewaySettings
from tests.gateway.rest.conftest import House, house
from tests.gateway.rest.serving import PASSWORD, Gateway, serving

__all__ = ["house"]


@pytest.fixture(scope="package")
def guarded(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = GatewaySettings(port=0, users=True, dashboard=False)
    with serving(house.services, tmp_path_factory.mktemp("users"), settings) as found:
        found.people()
        yield found


@pytest.fixture
def admin(guarded: Gateway) -> Iterator[Client]:
    with Client(guarded.url, username="admin", password=PASSWORD) as client:
        yield client


@pytest.fixture
def symbol(house: House) -> str:
    return house.services.system.status().symbols[0]
