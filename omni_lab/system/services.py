"""`Services`: what gateway and dashboard serve, wired once for a process."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from omni_lab.config import Settings
from omni_lab.messaging.bus import Bus
from omni_lab.system.config import SystemConfig
from omni_lab.system.system import TradingSystem

if TYPE_CHECKING:
    from omni_lab.messaging.alerts import Notifier
    from omni_lab.pipelines.jobs import JobQueue
    from omni_lab.pipelines.registry import RunRegistry
    from omni_lab.strategies.base import Strategy
    from omni_lab.system.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a process serves.

    Attributes
    ----------
    settings : Settings
    bus : Bus
        Streams of the system and of jobs.
    system : TradingSystem
    registry : RunRegistry
    jobs : JobQueue
        Backtests and pipelines that people start.
    notifier : Notifier or None
        Where alerts go; None where no channels are configured.
    watch : Watch or None
        What opens and ends alerts, and where they are acknowledged.
    """

    settings: Settings
    bus: Bus
    system: TradingSystem
    registry: RunRegistry
    jobs: JobQueue
    notifier: Notifier | None = None
    watch: Watch | None = None

    def close(self) -> None:
        """Stop the system, start no more jobs, and let go of the registry; jobs that run go on."""
        if self.watch is not None:
            self.watch.close()
        self.system.stop()
        self.jobs.close()
        self.registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_services(
    config: SystemConfig | None = None,
    settings: Settings | None = None,
    *,
    strategy: Strategy | None = None,
    start: bool = True,
) -> Services:
    """Everything that a process serves, wired.

    Parameters
    ----------
    config : SystemConfig, optional
        Of the trading system; a synthetic paper market by default.
    settings : Settings, optional
        Of this process by default.
    strategy : Strategy, optional
        In place of the one that ``config`` names.
    start : bool
        Whether the system and the jobs begin at once.

    Raises
    ------
    ConfigError
        If settings or files cannot be used.
    StateError
        If another process runs the system.
    """
    from omni_lab.messaging.alerts import Notifier
    from omni_lab.pipelines.jobs import JobQueue
    from omni_lab.pipelines.registry import RunRegistry
    from omni_lab.system.watch import Watch

    settings = settings or Settings.from_env()
    bus = Bus()
    file = settings.alerts_file
    with ExitStack() as failing:
        registry = RunRegistry(settings.registry)
        failing.callback(registry.close)
        jobs = JobQueue(settings.registry, bus=bus)
        failing.callback(jobs.close)
        system = TradingSystem(config or SystemConfig(), strategy=strategy, bus=bus, settings=settings)
        failing.callback(system.stop)
        notifier = Notifier.from_file(file) if file.exists() else None
        if start:
            system.start()
            jobs.start()
        services = Services(
            settings=settings, bus=bus, system=system, registry=registry, jobs=jobs, notifier=notifier
        )
        watch = Watch(services)
        if start:
            watch.start()
        failing.pop_all()
    return replace(services, watch=watch)
