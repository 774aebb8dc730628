"""The ``omni`` command: parses, calls, prints. What it calls is imported when it is called."""

from omni_lab.cli import flow, itch, journal, new, reconcile, running, runs, store, trials
from omni_lab.cli.app import app

__all__ = ["app", "flow", "itch", "journal", "main", "new", "reconcile", "running", "runs", "store", "trials"]


def main() -> None:
    """Entry point of the ``omni`` command."""
    app(prog_name="omni")
