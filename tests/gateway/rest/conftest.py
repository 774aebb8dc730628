"""One trading system, one lake and two runs for all; a gateway for this machine alone, and one with users."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pytest

from omni_lab.gateway.settings import GatewaySettings
from omni_lab.system import Services
from tests.gateway.rest.serving import Gateway, fill_lake, leave_runs, serving
from tests.system.systems import served


@dataclass
class House:
    """What there is to serve."""

    services: Services
    bars: pd.DataFrame
    runs: list[str]


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("house")
    with served(home) as services:
        services.jobs.close()  # what is asked for stays in the queue
        yield House(services, fill_lake(services.settings.lake_dir), leave_runs(services))


@pytest.fixture(scope="package")
def gateway(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """For this machine alone: one user, no password."""
    with serving(house.services, tmp_path_factory.mktemp("local")) as found:
        yield found


@pytest.fixture(scope="package")
def guarded(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Asks everyone who they are; there is a user of each role, by its name."""
    settings = GatewaySettings(port=0, users=True, dashboard=False)
    with serving(house.services, tmp_path_factory.mktemp("users"), settings) as found:
        found.people()
        yield found


@pytest.fixture
def symbol(house: House) -> str:
    """An instrument that is traded."""
    return house.services.system.status().symbols[0]
