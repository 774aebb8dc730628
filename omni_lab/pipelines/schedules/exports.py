"""Schedules as timers of systemd and as jobs of Kubernetes.

Each calls ``omni schedule run-now NAME --due auto``, which claims what is due as the scheduler does: the
rules for missed and overlapping firings and for holidays are kept there, and a timer that fires too often
does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omni_lab.config import HOME_VARIABLE, REGISTRY_VARIABLE
from omni_lab.errors import ConfigError
from omni_lab.pipelines.schedules.cron import Cron
from omni_lab.pipelines.schedules.schedule import Schedule

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_LONGEST_JOB_NAME = 52  # Kubernetes puts eleven characters behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemdTarget:
    """Where systemd runs them.

    Attributes
    ----------
    command : Path
        The ``omni`` command, absolute.
    workdir : Path
        The project, absolute.
    environment : mapping of str to str
        Variables, such as ``OMNI_LAB_HOME``.
    """

    command: Path
    workdir: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesTarget:
    """Where Kubernetes runs them.

    Attributes
    ----------
    image : str
        With OmniLab and the project; ``omni`` is on its path.
    secret : str
        A Secret whose key ``OMNI_LAB_REGISTRY`` is the address of the registry.
    volume_claim : str or None
        A PersistentVolumeClaim for runs and stores.
    mount : str
        Where it appears in the container.
    """

    image: str
    secret: str
    volume_claim: str | None = None
    mount: str = "/var/lib/omni"


def export_systemd(schedules: Sequence[Schedule], directory: Path, target: SystemdTarget) -> list[Path]:
    """Write a ``.service`` and a ``.timer`` for each schedule that is not paused; returns their paths."""
    written = []
    for schedule in _exported(schedules):
        name = f"omni-{schedule.name}"
        written += [
            _write(directory / f"{name}.service", _service(schedule, target)),
            _write(directory / f"{name}.timer", _timer(schedule)),
        ]
    return written


def export_kubernetes(schedules: Sequence[Schedule], directory: Path, target: KubernetesTarget) -> list[Path]:
    """Write a CronJob for each schedule that is not paused; returns the paths.

    Raises
    ------
    ConfigError
        If two schedules would have the same name in Kubernetes.
    """
    import yaml

    names: dict[str, str] = {}
    written = []
    for schedule in _exported(schedules):
        name = _job_name(schedule.name)
        if names.setdefault(name, schedule.name) != schedule.name:
            raise ConfigError(
                f"two schedules would be {name!r} in Kubernetes",
                found=f"{names[name]}, {schedule.name}",
                expected="names that differ in more than case and punctuation",
            )
        text = yaml.safe_dump(_cron_job(schedule, name, target), sort_keys=False, allow_unicode=True)
        written.append(_write(directory / f"{name}.yaml", _KUBERNETES_NOTE + text))
    return written


def on_calendar(cron: Cron, tz: str) -> list[str]:
    """The expression as systemd has it, see systemd.time(7); two where either of two days is enough."""
    days, weekdays = _listed(cron.days, 31), ",".join(_WEEKDAYS[day] for day in cron.weekdays)
    date = f"*-{_listed(cron.months, 12)}-"
    time = f"{_listed(cron.hours, 24)}:{_listed(cron.minutes, 60)}:00 {tz}"
    by_weekday = "" if len(cron.weekdays) == len(_WEEKDAYS) else f"{weekdays} "
    if cron.every_day or cron.every_weekday:
        return [f"{by_weekday}{date}{days} {time}"]
    return [f"{date}{days} {time}", f"{by_weekday}{date}* {time}"]


def five_fields(cron: Cron) -> str:
    """The expression in numbers alone, as Kubernetes takes it: Sunday is 0 there and never 7.

    A star with a step in one of two restricted days fires more often there than here, which does no harm.
    """
    sizes = ((cron.minutes, 60), (cron.hours, 24), (cron.days, 31), (cron.months, 12), (cron.weekdays, 7))
    return " ".join("*" if len(v) == n else ",".join(map(str, v)) for v, n in sizes)


def _exported(schedules: Sequence[Schedule]) -> list[Schedule]:
    return [schedule for schedule in schedules if not schedule.paused]


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"this cannot be written: {error.strerror}", where=str(path)) from error
    return path


def _service(schedule: Schedule, target: SystemdTarget) -> str:
    lines = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name, value in target.environment.items()
    )
    words = [str(target.command), "schedule", "run-now", schedule.name]
    # Only in a command does a dollar sign stand for something.
    command = " ".join(_quoted(word).replace("$", "$$") for word in words)
    return f"""\
[Unit]
Description=OmniLab runs {_plain(schedule.runs)} by the schedule {schedule.name}
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
WorkingDirectory={_plain(str(target.workdir))}
{lines}ExecStart={command} --due auto
"""


def _timer(schedule: Schedule) -> str:
    times = "".join(f"OnCalendar={each}\n" for each in on_calendar(schedule.hours, schedule.tz))
    return f"""\
[Unit]
Description=Hours of the schedule {schedule.name}: {schedule.cron}, {schedule.tz}

[Timer]
{times}# What came due while the machine was off is looked at when it is on again.
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


_KUBERNETES_NOTE = """\
# Jobs may overlap here, for the registry sees to it that runs do not: a job that comes while a run is going
# says so in the history of the schedule, and ends.
"""


def _cron_job(schedule: Schedule, name: str, target: KubernetesTarget) -> dict[str, Any]:
    key = {"name": target.secret, "key": REGISTRY_VARIABLE}
    container: dict[str, Any] = {
        "name": "omni",
        "image": target.image,
        "command": ["omni", "schedule", "run-now", schedule.name, "--due", "auto"],
        "env": [{"name": REGISTRY_VARIABLE, "valueFrom": {"secretKeyRef": key}}],
    }
    pod: dict[str, Any] = {"restartPolicy": "Never", "containers": [container]}
    if target.volume_claim:
        container["env"].append({"name": HOME_VARIABLE, "value": target.mount})
        container["volumeMounts"] = [{"name": "data", "mountPath": target.mount}]
        pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": target.volume_claim}}]
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "omni-lab"}},
        "spec": {
            "schedule": five_fields(schedule.hours),
            "timeZone": schedule.tz,
            "concurrencyPolicy": "Allow",
            "startingDeadlineSeconds": max(int(schedule.missed_within_s), 10),
            # A second try would find nothing due, succeed, and hide that the first one failed.
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }


def _job_name(name: str) -> str:
    made = re.sub(r"[^a-z0-9]+", "-", f"omni-{name}".lower()).strip("-")
    return made[:_LONGEST_JOB_NAME].strip("-")


def _listed(values: tuple[int, ...], size: int) -> str:
    return "*" if len(values) == size else ",".join(f"{value:02d}" for value in values)


def _plain(text: str) -> str:
    """Text in a unit file: a percent sign begins a specifier, a line break the next line."""
    return re.sub(r"[\r\n]+", " ", text.replace("%", "%%"))


def _quoted(text: str) -> str:
    """An argument or an assignment in a unit file."""
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if re.search(r"[\s\"';\\#]", text) or not text else escaped
