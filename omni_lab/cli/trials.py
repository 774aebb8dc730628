"""``omni trials``: what was tried."""

from typing import Annotated

import typer

from omni_lab.cli.app import group

trials_app = group("trials", "The trials that were made: every backtest counts.", no_args_is_help=True)

Data = Annotated[str, typer.Option("--data", help="Only data whose fingerprint begins so.")]


@trials_app.command("ls")
def trials_ls(data: Data = "") -> None:
    """List the families of trials, the latest first."""
    from omni_lab.pipelines.trials import format_families
    from omni_lab.store import TrialLedger

    typer.echo(format_families(TrialLedger().families(), data))


@trials_app.command("show")
def trials_show(
    family: Annotated[str, typer.Argument(help="A family, or the end of its name.")],
    data: Data = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the best first.")] = 10,
) -> None:
    """Show the best trials of a family, and what the best of so many owes to luck."""
    from omni_lab.pipelines.trials import format_trials
    from omni_lab.store import TrialLedger

    typer.echo(format_trials(TrialLedger(), family, data, limit))
