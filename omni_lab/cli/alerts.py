"""``omni alerts``: who is told when something happens."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omni_lab.cli.app import FAILED_RUN, group
from omni_lab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_lab.messaging.alerts import Delivery

alerts_app = group("alerts", "Who is told when something happens.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="The channels; the project's own by default.")
]


@alerts_app.command("ls")
def alerts_ls(file: File = None) -> None:
    """List the channels, what they want, and what waits for them."""
    from omni_lab.messaging.alerts import Notifier
    from omni_lab.pipelines.summary import format_table

    notifier = Notifier.from_file(file)
    settings, waiting = notifier.settings, notifier.waiting()
    if not settings.channels:
        typer.echo(_nobody())
        return
    rows = [("CHANNEL", "KIND", "FROM", "WAITING", "ADDRESS")]
    for name, channel in settings.channels.items():
        kind, n_waiting = type(channel).__name__.lower(), str(waiting.get(name, 0))
        rows.append((name, kind, channel.at_least, n_waiting, channel.address))
    typer.echo(format_table(rows))
    typer.echo(f"\nThe same alert is told again after {settings.repeat_after_s / 60:g} min.")
    if settings.quiet is not None:
        typer.echo(f"Quiet from {settings.quiet}; critical alerts pass.")


@alerts_app.command("test")
def alerts_test(file: File = None) -> None:
    """Send one alert to every channel, and say what came of it."""
    from omni_lab.messaging.alerts import Notifier

    _tell(Notifier.from_file(file).test())


@alerts_app.command("send")
def alerts_send(
    title: Annotated[str, typer.Argument(help="One line.")],
    severity: Annotated[
        str, typer.Option("--severity", "-s", help="info, warning, error or critical.")
    ] = "info",
    text: Annotated[str, typer.Option("--text", "-t", help="What happened, and what to do about it.")] = "",
    key: Annotated[str, typer.Option("--key", help="What makes two alerts the same one.")] = "",
    labels: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="NAME=VALUE", help="A fact; repeatable.")
    ] = None,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="What was told under the key has ended.")
    ] = False,
    file: File = None,
) -> None:
    """Send an alert, as from a script."""
    from omni_lab.messaging.alerts import Alert, Notifier

    facts = dict(_label(each) for each in labels or ())
    _tell(Notifier.from_file(file).send(Alert(severity, title, text, key, facts, resolved)))


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ConfigError(
            "a label is not a name with a value", found=text, expected="NAME=VALUE", where="--label"
        )
    return name, value


def _tell(deliveries: "Sequence[Delivery]") -> None:
    from omni_lab.pipelines.summary import format_table

    if not deliveries:
        typer.echo(_nobody())
        return
    rows = [("CHANNEL", "OUTCOME", "ATTEMPTS", "")]
    rows += [(each.channel, each.outcome, str(each.attempts or "–"), each.detail) for each in deliveries]
    typer.echo(format_table(rows))
    if not all(each.ok for each in deliveries):
        raise typer.Exit(FAILED_RUN)


def _nobody() -> str:
    from omni_lab.config import Settings

    return f"There are no channels, so nobody is told. Write them down in {Settings.from_env().alerts_file}"
