"""Timers of systemd and jobs of Kubernetes mean the same hours, and call what claims like the scheduler."""

import datetime as dt
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_lab.errors import ConfigError
from omni_lab.pipelines.schedules.cron import Cron, next_due
from omni_lab.pipelines.schedules.exports import (
    KubernetesTarget,
    SystemdTarget,
    export_kubernetes,
    export_systemd,
    five_fields,
    on_calendar,
)
from omni_lab.pipelines.schedules.schedule import Schedule

TARGET = SystemdTarget(
    command=Path("/opt/omni lab/bin/omni"),
    workdir=Path("/srv/100% research"),
    environment={"OMNI_LAB_HOME": "/srv/data dir", "PRICE": "$5"},
)
CLUSTER = KubernetesTarget(image="registry.example/omni:1", secret="omni", volume_claim="omni-data")


def schedule(**facts: Any) -> Schedule:
    default = {"name": "close", "cron": "30 17 * * 1-5", "tz": "America/New_York", "runs": "backtest"}
    return Schedule(**default | facts)


@pytest.fixture
def systemd() -> str:
    """The program that checks timers."""
    found = shutil.which("systemd-analyze")
    if not found:
        pytest.skip("install systemd, whose systemd-analyze checks timers and services")
    return found


@pytest.mark.parametrize(
    ("cron", "calendar", "fields"),
    [
        ("30 17 * * 1-5", ["Mon,Tue,Wed,Thu,Fri *-*-* 17:30:00 Z"], "30 17 * * 1,2,3,4,5"),
        ("* * * * *", ["*-*-* *:*:00 Z"], "* * * * *"),
        ("*/30 9,16 1 1-3 *", ["*-01,02,03-01 09,16:00,30:00 Z"], "0,30 9,16 1 1,2,3 *"),
        ("0 0 13 * 7", ["*-*-13 00:00:00 Z", "Sun *-*-* 00:00:00 Z"], "0 0 13 * 0"),
    ],
)
def test_an_expression_is_the_same_elsewhere(cron: str, calendar: list[str], fields: str) -> None:
    assert on_calendar(Cron.parse(cron), "Z") == calendar
    assert five_fields(Cron.parse(cron)) == fields


@pytest.mark.parametrize(
    "cron", ["30 17 * * 1-5", "*/25 3 * * *", "0 12 */9 2,11 *", "15 6 13 * fri", "0 0 29 2 *"]
)
def test_systemd_comes_to_the_same_hours(systemd: str, cron: str) -> None:
    made, base = schedule(cron=cron), dt.datetime(2026, 2, 20, tzinfo=dt.UTC)
    lines = on_calendar(made.hours, made.tz)
    ours, moment = [], base
    for _ in range(4):
        following = next_due(made.hours, made.zone, moment)
        assert following is not None
        moment = following
        ours.append(moment)
    theirs: set[dt.datetime] = set()
    for line in lines:
        told = subprocess.run(
            [systemd, "calendar", "--iterations=4", "--base-time=2026-02-20 00:00:00 UTC", line],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found = re.findall(r"\w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", told)
        theirs |= {dt.datetime.fromisoformat(each).replace(tzinfo=dt.UTC) for each in found}
    assert sorted(theirs)[:4] == ours


def test_systemd_accepts_what_is_written(systemd: str, tmp_path: Path) -> None:
    omni = tmp_path / "bin dir" / "omni"
    omni.parent.mkdir()
    omni.write_text("#!/bin/sh\n")
    omni.chmod(0o755)
    target = SystemdTarget(command=omni, workdir=tmp_path, environment=TARGET.environment)
    written = export_systemd(
        [schedule(), schedule(name="two", cron="0 0 13 * 7")], tmp_path / "units", target
    )
    assert [path.name for path in written] == [
        *("omni-close.service", "omni-close.timer"),
        *("omni-two.service", "omni-two.timer"),
    ]
    checked = subprocess.run(
        [systemd, "verify", *map(str, written)], check=False, capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_service_calls_run_now_with_everything_quoted(tmp_path: Path) -> None:
    service, timer = (path.read_text() for path in export_systemd([schedule()], tmp_path, TARGET))
    command = re.search("^ExecStart=(.*)$", service, flags=re.MULTILINE)
    assert command is not None
    assert shlex.split(command[1]) == [
        *("/opt/omni lab/bin/omni", "schedule", "run-now", "close", "--due", "auto")
    ]
    assert "WorkingDirectory=/srv/100%% research\n" in service
    assert 'Environment="OMNI_LAB_HOME=/srv/data dir"\nEnvironment=PRICE=$5\n' in service
    assert "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 17:30:00 America/New_York\n" in timer
    assert "Persistent=true\n" in timer


def test_a_cron_job_has_its_zone_and_calls_run_now(tmp_path: Path) -> None:
    (path,) = export_kubernetes([schedule(name="At.Close_5")], tmp_path, CLUSTER)
    job = yaml.safe_load(path.read_text())
    assert (job["apiVersion"], job["kind"], path.stem) == ("batch/v1", "CronJob", job["metadata"]["name"])
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 17 * * 1,2,3,4,5", "America/New_York")
    assert spec["concurrencyPolicy"] == "Allow", "the registry keeps runs apart and says why one was skipped"
    assert spec["startingDeadlineSeconds"] == 6 * 3600
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["restartPolicy"] == "Never"
    assert container["image"] == CLUSTER.image
    assert container["command"] == ["omni", "schedule", "run-now", "At.Close_5", "--due", "auto"]
    assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "omni", "key": "OMNI_LAB_REGISTRY"}
    assert container["env"][1] == {
        "name": "OMNI_LAB_HOME",
        "value": container["volumeMounts"][0]["mountPath"],
    }
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "omni-data"}


def test_a_long_name_is_cut_to_what_kubernetes_takes(tmp_path: Path) -> None:
    (path,) = export_kubernetes([schedule(name="x" * 100)], tmp_path, CLUSTER)
    assert len(path.stem) == 52


def test_names_that_would_be_one_in_kubernetes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.b, a_b"):
        export_kubernetes([schedule(name="a.b"), schedule(name="a_b")], tmp_path, CLUSTER)


def test_a_paused_schedule_is_not_exported(tmp_path: Path) -> None:
    assert export_systemd([schedule(paused=True)], tmp_path, TARGET) == []
    assert export_kubernetes([schedule(paused=True)], tmp_path, CLUSTER) == []
    assert list(tmp_path.iterdir()) == []
