"""``omni schedule`` and ``omni scheduler``: pipelines and flows at their hours."""

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omni_lab.cli.app import FAILED_RUN, app, group

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import RunRegistry
    from omni_lab.pipelines.schedules import Firing

schedule_app = group("schedule", "Pipelines and flows at their hours.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the schedule.")]


@schedule_app.command("add")
def add(
    name: Name,
    runs: Annotated[str, typer.Argument(metavar="PIPELINE|flow:NAME", help="What it runs.")],
    cron: Annotated[str, typer.Option(help='Five fields, as "30 17 * * 1-5"; Sunday is 0 or 7.')],
    tz: Annotated[str, typer.Option(help="Zone whose clock they are read on.")] = "UTC",
    calendar: Annotated[
        str | None, typer.Option(metavar="EXCHANGE", help="Only on days that are sessions, as XNYS.")
    ] = None,
    missed: Annotated[
        str, typer.Option(metavar="last|all|none", help="Which to run of those that no scheduler saw.")
    ] = "last",
    missed_within: Annotated[
        str, typer.Option(metavar="SPAN", help="But none that is older, as 90min, 6h, 2d.")
    ] = "6h",
    overlap: Annotated[
        str, typer.Option(metavar="skip|wait", help="What a firing does while the run before it is going.")
    ] = "skip",
    parameters: Annotated[
        str | None,
        typer.Option("--parameters", "-p", metavar="FILE|NAME", help="YAML file, or a named parameter set."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="NAME=VALUE", help="Set one parameter; repeatable."),
    ] = None,
) -> None:
    """Run something at its hours, as long as `omni scheduler` or an exported timer is there."""
    from omni_lab.data.moments import span_ns
    from omni_lab.pipelines.schedules import Schedule, ScheduleStore

    schedule = Schedule(
        name=name,
        cron=cron,
        tz=tz,
        runs=str(Path(runs).absolute()) if runs.endswith(".ipynb") else runs,
        parameter_file=parameters,
        assignments=tuple(assignments or ()),
        calendar=calendar,
        missed=missed,
        missed_within_s=span_ns(missed_within) / 1e9,
        overlap=overlap,
    )
    with _registry() as registry:
        store, now = ScheduleStore(registry), dt.datetime.now(dt.UTC)
        store.add(schedule, now=now)
        following = store.next_due(name, now)
    typer.echo(f"{name} runs {runs}, next {_shown(following, schedule.zone)}")


@schedule_app.command("ls")
def ls() -> None:
    """List the schedules."""
    from omni_lab.pipelines.schedules import ScheduleStore

    with _registry() as registry:
        store, now = ScheduleStore(registry), dt.datetime.now(dt.UTC)
        schedules = store.list()
        if not schedules:
            typer.echo("There are no schedules. Make one: omni schedule add")
            return
        rows = [("schedule", "runs", "cron", "zone", "next", "last")]
        for each in schedules:
            last = store.history(each.name, limit=1)
            following = "paused" if each.paused else _shown(store.next_due(each.name, now), each.zone)
            rows.append(
                (each.name, each.runs, each.cron, each.tz, following, _ended(last[0]) if last else "")
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


@schedule_app.command("show")
def show(name: Name) -> None:
    """Show one schedule: what it runs, when it fires next, what came of the last firings."""
    from omni_lab.pipelines.schedules import ScheduleStore

    with _registry() as registry:
        store = ScheduleStore(registry)
        schedule = store.get(name)
        facts = schedule.facts() | {"assignments": " ".join(schedule.assignments)}
        for fact, value in facts.items():
            if value not in (None, ""):
                typer.echo(f"{fact:<16}{value}")
        following = store.next_due(name, dt.datetime.now(dt.UTC))
        typer.echo(f"{'next':<16}{_shown(following, schedule.zone)}")
        _print_history(store.history(name, limit=5))


@schedule_app.command("history")
def history(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
) -> None:
    """Show what became of each firing, and why."""
    from omni_lab.pipelines.schedules import ScheduleStore

    with _registry() as registry:
        store = ScheduleStore(registry)
        found = store.history(name, limit=limit)
        if not found:
            store.get(name)  # a schedule that never was is an error
            typer.echo(f"{name} has not fired yet")
        _print_history(found)


@schedule_app.command("run-now")
def run_now(
    name: Name,
    due: Annotated[
        str | None,
        typer.Option(
            metavar="auto|TIME", help="'auto': only what is due by the schedule, as timers ask for."
        ),
    ] = None,
    claim: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a schedule's pipeline now, beside its hours."""
    from omni_lab.pipelines.schedules import Claim, fire, fire_by_hand, fire_due

    with _registry() as registry:
        if claim is not None and due is not None:
            ended = fire(registry, Claim(name, due, claim))
            firings = [] if ended is None else [ended]
        elif due == "auto":
            firings = fire_due(registry, name)
            if not firings:
                typer.echo(f"nothing is due of {name}")
        elif due is None:
            firings = [fire_by_hand(registry, name)]
        else:
            raise typer.BadParameter("only 'auto' can be asked for by hand", param_hint="--due")
    _print_history(firings)
    if not all(firing.is_well for firing in firings):
        raise typer.Exit(FAILED_RUN)


@schedule_app.command("pause")
def pause(name: Name) -> None:
    """Skip what is due until the schedule is resumed."""
    from omni_lab.pipelines.schedules import ScheduleStore

    with _registry() as registry:
        ScheduleStore(registry).pause(name, now=dt.datetime.now(dt.UTC))
    typer.echo(f"{name} is paused")


@schedule_app.command("resume")
def resume(name: Name) -> None:
    """Let a paused schedule fire again; what was due in between stays skipped."""
    from omni_lab.pipelines.schedules import ScheduleStore

    with _registry() as registry:
        store, now = ScheduleStore(registry), dt.datetime.now(dt.UTC)
        store.resume(name, now=now)
        typer.echo(f"{name} fires next {_shown(store.next_due(name, now), store.get(name).zone)}")


@schedule_app.command("rm")
def rm(name: Name) -> None:
    """Remove a schedule; its history and its runs stay."""
    from omni_lab.pipelines.schedules import ScheduleStore

    with _registry() as registry:
        ScheduleStore(registry).remove(name, now=dt.datetime.now(dt.UTC))
    typer.echo(f"{name} is removed")


@schedule_app.command("export")
def export(
    kind: Annotated[str, typer.Argument(metavar="systemd|kubernetes", help="For whom.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    command: Annotated[
        Path | None, typer.Option(metavar="PATH", help="systemd: the omni command; this one by default.")
    ] = None,
    workdir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="systemd: the project; here by default.")
    ] = None,
    environment: Annotated[
        list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="systemd: a variable; repeatable.")
    ] = None,
    image: Annotated[str, typer.Option(help="kubernetes: the image.")] = "omni-lab:latest",
    secret: Annotated[
        str, typer.Option(help="kubernetes: the Secret that holds OMNI_LAB_REGISTRY.")
    ] = "omni-lab",
    volume_claim: Annotated[
        str | None, typer.Option(help="kubernetes: a volume claim for runs and stores.")
    ] = None,
) -> None:
    """Write the schedules as systemd timers, or as CronJobs of Kubernetes."""
    from omni_lab.pipelines.schedules import ScheduleStore
    from omni_lab.pipelines.schedules import exports as made

    with _registry() as registry:
        schedules = ScheduleStore(registry).list()
    if kind == "systemd":
        variables = dict(each.split("=", 1) for each in environment or () if "=" in each)
        ours = command or Path(sys.executable).parent / "omni"
        target = made.SystemdTarget(
            command=ours.absolute(), workdir=(workdir or Path.cwd()).absolute(), environment=variables
        )
        written = made.export_systemd(schedules, directory, target)
    elif kind == "kubernetes":
        place = made.KubernetesTarget(image=image, secret=secret, volume_claim=volume_claim)
        written = made.export_kubernetes(schedules, directory, place)
    else:
        raise typer.BadParameter("systemd or kubernetes", param_hint="KIND")
    for path in written:
        typer.echo(f"written: {path}")
    if not written:
        typer.echo("There is no schedule that is not paused.")


@app.command()
def scheduler(
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Runs at once on this machine.")] = 2,
) -> None:
    """Keep the hours of all schedules. Ctrl-C lets its runs finish, a second one interrupts them."""
    import logging

    from omni_lab.pipelines.schedules.daemon import Scheduler

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    with _registry() as registry:
        Scheduler(registry, workers=workers).run()


def _registry() -> "RunRegistry":
    from omni_lab.pipelines.registry import RunRegistry

    return RunRegistry()


def _shown(moment: dt.datetime | None, zone: dt.tzinfo) -> str:
    return "never" if moment is None else f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def _ended(firing: "Firing") -> str:
    return f"{firing.state}: {firing.reason}" if firing.reason else firing.state


def _print_history(firings: "Sequence[Firing]") -> None:
    for each in firings:
        typer.echo(
            f"{each.due:%Y-%m-%d %H:%M:%S}Z  {_ended(each)}" + (f"  {each.run_id}" if each.run_id else "")
        )
