"""``omni serve``: a trading system, its REST, its sockets and the dashboard, on one port."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from omni_lab.cli.app import app
from omni_lab.errors import ConfigError

if TYPE_CHECKING:
    from omni_lab.gateway.security import Security
    from omni_lab.gateway.settings import GatewaySettings


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8050,
    users: Annotated[bool, typer.Option("--users", help="Ask everyone who they are.")] = False,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="Something before it has TLS and names the clients.")
    ] = False,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="PEM, of TLS of its own.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="PEM, of the certificate.")] = None,
    hosts: Annotated[
        str, typer.Option(metavar="A,B", help="Names that it answers to; with --users any by default.")
    ] = "",
    redis: Annotated[
        str | None, typer.Option(metavar="URL", help="Where several replicas share their limits.")
    ] = None,
    dashboard: Annotated[bool, typer.Option(help="Serve /dashboard.")] = True,
    name: Annotated[str, typer.Option(help="Of the system: its journal and records go by it.")] = "paper",
    mode: Annotated[
        str, typer.Option(metavar="paper|replay", help="A market without end, or to its end.")
    ] = "paper",
    market: Annotated[
        str, typer.Option(metavar="synthetic|FILE|itch://HOST:PORT", help="Where the market comes from.")
    ] = "synthetic",
    symbols: Annotated[str, typer.Option(metavar="A,B", help="What is traded; by default the busiest.")] = "",
    strategy: Annotated[str | None, typer.Option(help="A strategy that trades, too.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="NAME=VALUE", help="Set one of its parameters; repeatable."),
    ] = None,
    capital: Annotated[float, typer.Option(min=0.0, help="Of the account, currency.")] = 1_000_000.0,
    limits: Annotated[
        bool,
        typer.Option(help="Begin with limits that a careful desk would have; the page of risk changes them."),
    ] = True,
    speed: Annotated[float, typer.Option(help="Of a replay: seconds of it in one of ours.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of a synthetic market.")] = 5,
) -> None:
    """Serve a trading system on paper: dashboard, REST and sockets, until Ctrl-C.

    Without --users it serves this machine alone, with one user and no password.
    """
    from omni_lab.execution.limits import NO_LIMITS
    from omni_lab.gateway.app import create_app
    from omni_lab.gateway.logs import configure_logging
    from omni_lab.gateway.security import Security
    from omni_lab.gateway.serving import doorway
    from omni_lab.gateway.serving import serve as run
    from omni_lab.gateway.settings import GatewaySettings as Settings
    from omni_lab.system.config import SystemConfig, careful_limits
    from omni_lab.system.services import open_services
    from omni_lab.system.views import Mode

    settings = Settings(
        host=host,
        port=port,
        users=users,
        behind_tls=behind_tls,
        certificate=certificate,
        key=key,
        hosts=tuple(filter(None, hosts.split(","))),
        redis=redis,
        dashboard=dashboard,
    )
    config = SystemConfig(
        name=name,
        mode=cast(Mode, mode),
        market=market,
        symbols=tuple(filter(None, symbols.split(","))),
        strategy=strategy,
        parameters=_parameters(assignments or ()),
        capital=capital,
        limits=careful_limits(capital) if limits else NO_LIMITS,
        speed=speed,
        seed=seed,
    )

    configure_logging()
    with doorway(settings) as door, open_services(config) as services:
        security = Security(settings.security(services.settings))
        gateway = create_app(services, security, settings)
        run(gateway, settings, door, told=lambda address: _told(address, settings, security))


def _told(address: str, settings: GatewaySettings, security: Security) -> None:
    typer.echo(f"OmniLab serves {address}/dashboard, its REST at {address}/api/v1")
    if not settings.users:
        typer.echo("For this machine alone: one user, no password. --users asks everyone who they are.")
    elif security.setup.needed:
        typer.echo(f"There is no user yet. Make the first admin within an hour: {address}/setup")
        typer.echo(f"One-time token: {security.setup.make()}")


def _parameters(assignments: Sequence[str]) -> dict[str, Any]:
    """Values by name, each read as YAML."""
    import yaml

    values: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator or not name.strip():
            raise ConfigError("a parameter is set as name=value", found=assignment, where="--set")
        try:
            values[name.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"the value cannot be read: {error}", found=assignment, where="--set"
            ) from error
    return values
