"""The services of a dashboard that serves one person by itself."""

from __future__ import annotations

import atexit
from dataclasses import replace
from functools import cache

from omni_lab.system.config import SystemConfig, careful_limits
from omni_lab.system.services import Services, open_services


@cache
def own_services() -> Services:
    """A paper system on a synthetic market, started once for the process and stopped with it."""
    config = SystemConfig(name="dashboard")
    services = open_services(replace(config, limits=careful_limits(config.capital)))
    atexit.register(services.close)
    return services
