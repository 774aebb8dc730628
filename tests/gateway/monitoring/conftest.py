"""A gateway that is watched: a trading system with a limit of the day's loss, and users of each role."""

from collections.abc import Iterator

import pytest

from omni_lab.execution.limits import Limits
from omni_lab.gateway.settings import GatewaySettings
from omni_lab.system import Services
from tests.gateway.rest.serving import Gateway, serving
from tests.system.systems import served


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    limits = Limits(max_order_qty=1_000.0, max_daily_loss=10_000.0)
    with served(tmp_path_factory.mktemp("house"), limits=limits) as made:
        yield made


@pytest.fixture(scope="module")
def guarded(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Asks everyone who they are; there is a user of each role, by its name."""
    settings = GatewaySettings(port=0, users=True)
    with serving(services, tmp_path_factory.mktemp("users"), settings) as found:
        found.people()
        yield found
