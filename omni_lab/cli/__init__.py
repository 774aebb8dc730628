"""The ``omni`` command: parses, calls, prints. What it calls is imported when it is called."""

from omni_lab.cli import (
    alerts,
    flow,
    itch,
    journal,
    new,
    reconcile,
    reports,
    reproduce,
    running,
    runs,
    schedule,
    serve,
    store,
    trials,
    users,
)
from omni_lab.cli.app import app

__all__ = [
    "alerts",
    "app",
    "flow",
    "itch",
    "journal",
    "main",
    "new",
    "reconcile",
    "reports",
    "reproduce",
    "running",
    "runs",
    "schedule",
    "serve",
    "store",
    "trials",
    "users",
]


def main() -> None:
    """Entry point of the ``omni`` command."""
    app(prog_name="omni")
